//! Defaults of the configuration file as defaults of options: [`with_defaults`]. So an option goes before the environment and
//! that before the file, `--help` shows what holds, and a value is read as if it had been typed.

use clap::{Arg, Command};
use pabawi::database::has_password;

use crate::config::{Config, Key, Kind};
use crate::line::Line;

/// The default of one option.
struct Default {
    key: &'static Key,
    values: Vec<String>,
}

/// The command with the defaults of the files, and with what stands before the command on the line.
pub(crate) fn with_defaults(command: Command, config: &Config, line: &Line) -> Command {
    let defaults: Vec<Default> = config.defaults().map(|(key, values)| Default { key, values }).collect();
    if defaults.is_empty() && line.format.is_none() && !line.debug {
        return command;
    }
    below(command, &defaults, line)
}

fn below(command: Command, defaults: &[Default], line: &Line) -> Command {
    // What is run again is reached as it was then, and asked for as it was then.
    let is_again = matches!(command.get_name(), "rerun" | "resume");
    let command = command.mut_args(|arg| {
        let arg = defaults.iter().fold(arg, |arg, default| {
            let is_login = is_again && matches!(default.key.name, "user" | "port" | "identity");
            if is_login { arg } else { with_default(arg, default) }
        });
        of_line(arg, line)
    });
    command.mut_subcommands(|command| below(command, defaults, line))
}

fn with_default(arg: Arg, default: &Default) -> Arg {
    let Default { key, values } = default;
    if key.name == "color" {
        let is_it = arg.get_long() == Some("no-color") && values.iter().any(|value| value == "never");
        return if is_it { arg.default_value("true") } else { arg };
    }
    let is_it = arg.get_long() == Some(key.name)
        && key.heading.is_none_or(|heading| arg.get_help_heading() == Some(heading));
    if !is_it || !takes(&arg, values) || arg.get_id() == "early_format" {
        return arg;
    }
    // Help shows what holds, but no password.
    let is_secret = key.kind == Kind::Database && values.iter().any(has_password);
    arg.default_values(values.clone()).hide_default_value(is_secret)
}

/// Whether the option knows these words. A form that one command has not is no reason to refuse that command.
fn takes(arg: &Arg, values: &[String]) -> bool {
    let known = arg.get_possible_values();
    known.is_empty() || values.iter().all(|value| known.iter().any(|known| known.matches(value, false)))
}

/// What stands before the command goes before the files, and after what stands behind the command.
fn of_line(arg: Arg, line: &Line) -> Arg {
    if arg.get_id().as_str().starts_with("early_") {
        return arg;
    }
    match (arg.get_long(), &line.format) {
        (Some("format"), Some(format)) => arg.default_value(format.clone()),
        (Some("debug"), _) if line.debug => arg.default_value("true"),
        _ => arg,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;
    use crate::config::{Entry, KEYS, Origin};

    fn config(values: &[(&str, serde_json::Value)]) -> Config {
        let origin = Origin { file: "/etc/pabawi/config.toml".into(), line: 1 };
        let entries: BTreeMap<String, Entry> = values
            .iter()
            .map(|(name, value)| {
                let path = format!("defaults.{name}");
                let (value, written) = (value.clone(), value.clone());
                (path.clone(), Entry { path, value, written, origin: origin.clone() })
            })
            .collect();
        Config { entries, ..Config::default() }
    }

    fn example(kind: Kind) -> serde_json::Value {
        match kind {
            Kind::Text => "x".into(),
            Kind::Path | Kind::Database => "/x".into(),
            Kind::Paths | Kind::Sources | Kind::Names => vec!["a", "b"].into(),
            Kind::Duration => "7s".into(),
            Kind::Size => "7M".into(),
            Kind::Number(least, _) => least.into(),
            Kind::Words(words) => words.last().copied().unwrap_or_default().into(),
        }
    }

    /// Every key reaches the option of its name, in a form that the option can read.
    #[test]
    fn every_key_is_an_option_that_reads_it() {
        for key in KEYS.iter().filter(|key| key.name != "color") {
            let config = config(&[(key.name, example(key.kind))]);
            assert_eq!(key.kind.check(&example(key.kind)), Ok(()));
            let command = with_defaults(Cli::command(), &config, &Line::default());
            let words = ["pab", "run", "--targets", "a", "true"];
            let matches = command.try_get_matches_from(words);
            let matches = matches.unwrap_or_else(|error| panic!("{}: {error}", key.name));
            let run = matches.subcommand_matches("run").unwrap();
            let id = key.name.replace('-', "_");
            let found: Vec<String> =
                run.get_raw(&id).unwrap().map(|value| value.to_string_lossy().into_owned()).collect();
            assert_eq!(Some(found), config.default_of(key), "{}", key.name);
        }
    }

    #[test]
    fn an_option_goes_before_the_file_and_other_options_of_the_name_are_left_alone() {
        let config = config(&[
            ("concurrency", 7.into()),
            ("user", "deploy".into()),
            ("format", "ndjson".into()),
            ("color", "never".into()),
        ]);
        let matched = |words: &[&str], line: &Line| {
            let command = crate::line::early(with_defaults(Cli::command(), &config, line));
            command.try_get_matches_from(words).unwrap_or_else(|error| panic!("{error}"))
        };
        let none = Line::default();
        let all = matched(&["pab", "run", "-c", "3", "true"], &none);
        let run = all.subcommand_matches("run").unwrap();
        assert_eq!(run.get_one::<u32>("concurrency"), Some(&3));
        assert!(run.get_flag("no_color"));
        let list = matched(&["pab", "executions", "list"], &none);
        let list = list.subcommand_matches("executions").unwrap().subcommand_matches("list").unwrap();
        assert_eq!(list.get_one::<String>("user"), None);
        let again = matched(&["pab", "executions", "rerun", "last", "--all"], &none);
        let again = again.subcommand_matches("executions").unwrap().subcommand_matches("rerun").unwrap();
        assert_eq!(again.get_one::<String>("user"), None);
        let early = Line { format: Some("yaml".into()), debug: true, ..Line::default() };
        let all = matched(&["pab", "--format", "yaml", "--debug", "run", "true"], &early);
        let run = all.subcommand_matches("run").unwrap();
        assert_eq!(run.get_one::<crate::args::Format>("format"), Some(&crate::args::Format::Yaml));
        assert!(run.get_flag("debug"));
    }
}
