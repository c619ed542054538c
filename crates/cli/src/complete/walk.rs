//! Where in the commands a line that is being typed has arrived: [`Place`].

use clap::{Arg, ArgAction, Command};

/// What may stand where the cursor is.
pub(super) struct Place<'a> {
    /// The command.
    pub(super) command: &'a Command,
    /// The words that led there.
    pub(super) path: Vec<&'a str>,
    /// The argument whose value is typed.
    pub(super) value_of: Option<&'a Arg>,
    /// An option may stand there too.
    pub(super) takes_options: bool,
    /// A command may stand there too.
    pub(super) takes_commands: bool,
    /// What was typed of the value, behind `--option=`.
    pub(super) prefix: String,
    /// What stands before it in the same word.
    pub(super) lead: String,
}

impl<'a> Place<'a> {
    /// Follows complete words from the top and looks at the one that is being typed.
    pub(super) fn find(top: &'a Command, before: &[String], current: &str) -> Self {
        let (mut command, mut path, mut positional) = (top, Vec::new(), 0_usize);
        let mut waits = None;
        let mut is_over = false;
        for word in before {
            if waits.take().is_some() {
                continue;
            }
            if !is_over && word == "--" {
                is_over = true;
            } else if !is_over && word.len() > 1 && word.starts_with('-') {
                waits = option(command, word).filter(|_| !word.contains('=') && !has_value(word));
            } else if let Some(below) = command.find_subcommand(word).filter(|_| !is_over && positional == 0)
            {
                command = below;
                path.push(below.get_name());
                positional = 0;
            } else {
                positional += 1;
            }
        }
        let mut place = Self {
            command,
            path,
            value_of: waits,
            takes_options: false,
            takes_commands: false,
            prefix: current.to_owned(),
            lead: String::new(),
        };
        if place.value_of.is_some() {
            return place;
        }
        if !is_over
            && current.starts_with("--")
            && let Some((name, value)) = current.split_once('=')
        {
            place.value_of = option(command, name);
            place.prefix = value.to_owned();
            place.lead = format!("{name}=");
            return place;
        }
        place.takes_options = !is_over;
        place.takes_commands = !is_over && positional == 0;
        place.value_of = positional_of(command, positional);
        place
    }
}

/// The option of a word, where it takes a value.
fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.split('=').next().unwrap_or(word);
    let is_it = |arg: &&Arg| match name.strip_prefix("--") {
        Some(long) => {
            arg.get_long() == Some(long)
                || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&long))
        }
        None => arg.get_short() == name.chars().nth(1),
    };
    command.get_arguments().find(is_it).filter(|arg| takes_value(arg))
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Whether a short option has its value behind it: `-fjson`.
fn has_value(word: &str) -> bool {
    !word.starts_with("--") && word.len() > 2
}

/// The positional argument at an index; the last one where it takes several.
fn positional_of(command: &Command, index: usize) -> Option<&Arg> {
    let all: Vec<&Arg> = command.get_positionals().collect();
    let last = all.last().copied().filter(|arg| {
        arg.get_num_args().is_some_and(|count| count.max_values() > 1)
            || matches!(arg.get_action(), ArgAction::Append)
    });
    all.get(index).copied().or(last)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_argument_under_the_cursor_is_found() {
        let mut top = Cli::command();
        top.build();
        let find = |line: &str| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let current = words.pop().unwrap();
            let place = Place::find(&top, &words, &current);
            let arg = place.value_of.map(|arg| arg.get_id().to_string()).unwrap_or_default();
            (place.path.join(" "), arg, place.takes_options, place.prefix)
        };
        for (line, path, arg, words, prefix) in [
            ("exec", "", "", true, "exec"),
            ("executions show ", "executions show", "id", true, ""),
            ("exec show l", "executions show", "id", true, "l"),
            ("run --targets we", "run", "targets", false, "we"),
            ("run -t we", "run", "targets", false, "we"),
            ("run --format=js", "run", "format", false, "js"),
            ("run -q --form", "run", "command", true, "--form"),
            ("run -c 5 ", "run", "command", true, ""),
            ("run x -- --y", "run", "command", false, "--y"),
            ("run --db x --fanout ", "run", "concurrency", false, ""),
            ("copy up a ", "copy up", "destination", true, ""),
            ("facts get os.family web", "facts get", "nodes", true, "web"),
            ("facts get os.family web1 web", "facts get", "nodes", true, "web"),
        ] {
            let expected = (path.to_owned(), arg.to_owned(), words, prefix.to_owned());
            assert_eq!(find(line), expected, "{line}");
        }
    }
}
