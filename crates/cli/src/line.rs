//! What the command line begins with: [`Line`]. It is looked at before the commands are known, so that only those are made
//! that can be meant.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Args as _, Command};

use crate::args::GlobalArgs;

/// The beginning of a command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The first word that is no option: a command, or the name of a plugin.
    pub(crate) word: Option<String>,
    /// `--format` before that word, which holds for whatever comes.
    pub(crate) format: Option<String>,
    /// `--debug` before that word.
    pub(crate) debug: bool,
    /// Nothing but the version is asked for.
    pub(crate) only_version: bool,
    /// The words behind it.
    pub(crate) rest: Vec<OsString>,
}

/// Options that may stand before the command and belong to it.
pub(crate) fn early(command: Command) -> Command {
    let format = Arg::new("early_format").short('f').long("format").value_name("FORMAT").hide(true);
    let debug = Arg::new("early_debug").long("debug").action(ArgAction::SetTrue).hide(true);
    command.arg(format).arg(debug)
}

impl Line {
    /// Looks at the arguments of this process, of which the first is the program.
    pub(crate) fn read(arguments: &[OsString]) -> Self {
        let command = early(GlobalArgs::augment_args(Command::new("pab")))
            .disable_help_flag(true)
            .disable_version_flag(true)
            .ignore_errors(true)
            .allow_external_subcommands(true);
        let Ok(matches) = command.try_get_matches_from(arguments) else { return Self::default() };
        let word = matches.subcommand().map(|(word, _)| word.to_owned());
        let only_version = word.is_none() && arguments.iter().any(|text| text == "--version" || text == "-V");
        let rest = matches.subcommand().and_then(|(_, rest)| rest.get_many::<OsString>(""));
        Self {
            word,
            format: matches.get_one::<String>("early_format").cloned(),
            debug: matches.get_flag("early_debug"),
            only_version,
            rest: rest.into_iter().flatten().cloned().collect(),
        }
    }

    /// Whether the commands of everything that there is have to be made: pages and completions tell of all.
    pub(crate) fn wants_all(&self) -> bool {
        matches!(self.word.as_deref(), Some("man" | "completions"))
    }

    /// Whether it has to be told what each command is for.
    pub(crate) fn wants_names(&self) -> bool {
        self.word.as_deref().map_or(!self.only_version, |word| word == "help")
    }

    /// Whether this command is meant, or its help.
    pub(crate) fn means(&self, command: &str) -> bool {
        let first = self.rest.first().and_then(|word| word.to_str());
        match self.word.as_deref() {
            Some("help") => first == Some(command),
            word => word == Some(command),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_found_behind_the_options() {
        let read = |line: &str| Line::read(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for (line, word, format, debug) in [
            ("pab bolt run --format yaml", Some("bolt"), None, false),
            ("pab --db bolt run", Some("run"), None, false),
            ("pab --no-color --format json bolt task x", Some("bolt"), Some("json"), true),
            ("pab -fjson --log-level=debug facts", Some("facts"), Some("json"), false),
            ("pab --help", None, None, false),
            ("pab --version", None, None, false),
            ("pab", None, None, false),
            // Is refused whatever follows.
            ("pab --nonsense run", None, None, false),
        ] {
            let line = if debug { line.replacen("pab", "pab --debug", 1) } else { line.to_owned() };
            let read = read(&line);
            assert_eq!(
                (read.word.as_deref(), read.format.as_deref(), read.debug),
                (word, format, debug),
                "{line}"
            );
        }
        assert_eq!(read("pab x a -b").rest, ["a", "-b"]);
        assert!(
            read("pab --help").wants_names()
                && !read("pab -V").wants_names()
                && !read("pab run x").wants_names()
        );
        assert!(read("pab man").wants_all() && !read("pab help").wants_all());
        assert!(read("pab help x").means("x") && read("pab x").means("x") && !read("pab run x").means("x"));
    }
}
