//! Options for the properties of a schema: [`options_of`] gives each a name of its own, [`ParameterOption::args`] makes the
//! arguments.

use std::collections::BTreeSet;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, Args as _, Command};

use super::parameter::{Parameter, Secrecy, Shape, written};
use crate::args::GlobalArgs;

/// The heading of these options in help texts.
const HEADING: &str = "Parameters";
/// The longest name of an option.
const LONGEST: usize = 60;

/// A property and the options that set it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParameterOption {
    /// The property.
    pub(crate) parameter: Parameter,
    /// The long name.
    pub(crate) long: String,
    /// The long name that says no, or that names the variable of a secret.
    pub(crate) other: Option<String>,
}

/// Names for the options of these properties. A name that is taken, by an option that every such command has or by another
/// property, gets `param-` before it, and a number behind it where that is not enough.
pub(crate) fn options_of(parameters: Vec<Parameter>, taken: &mut BTreeSet<String>) -> Vec<ParameterOption> {
    let option = |parameter: Parameter| {
        let long = free(&kebab(&parameter.name), taken);
        let other = match (&parameter.shape, parameter.secrecy) {
            (_, Secrecy::Secret | Secrecy::HoldsSecret) => Some(free(&format!("{long}-env"), taken)),
            (Shape::Switch, Secrecy::Open) => Some(free(&format!("no-{long}"), taken)),
            _ => None,
        };
        ParameterOption { parameter, long, other }
    };
    parameters.into_iter().map(option).collect()
}

/// The long names that a command has already, with those that every command gets.
pub(crate) fn taken(command: &Command) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["help", "version"].map(str::to_owned).into();
    let everywhere = GlobalArgs::augment_args(Command::new("everywhere"));
    for arg in command.get_arguments().chain(everywhere.get_arguments()) {
        names.extend(arg.get_long().map(str::to_owned));
        names.extend(arg.get_all_aliases().into_iter().flatten().map(str::to_owned));
    }
    names
}

fn free(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let prefixed = format!("param-{wanted}");
    let numbered = (2..).map(|number| format!("{prefixed}-{number}"));
    let mut names = [wanted.to_owned(), prefixed.clone()].into_iter().chain(numbered);
    // Ends: only finitely many are taken.
    let name = names.find(|name| !taken.contains(name)).unwrap_or(prefixed);
    taken.insert(name.clone());
    name
}

/// A name in small letters with dashes: `maxRetries` and `max_retries` are `max-retries`.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    let mut before = None::<char>;
    for letter in name.chars() {
        if !letter.is_ascii_alphanumeric() {
            before = None;
            if !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
            continue;
        }
        let begins = letter.is_ascii_uppercase() && before.is_some_and(|before| !before.is_ascii_uppercase());
        if begins && !out.ends_with('-') {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
        before = Some(letter);
        if out.len() >= LONGEST {
            break;
        }
    }
    let name = out.trim_matches('-');
    if name.is_empty() { "param".to_owned() } else { name.to_owned() }
}

impl ParameterOption {
    /// The name of the argument among the matches.
    pub(crate) fn id(&self) -> String {
        format!("parameter:{}", self.parameter.name)
    }

    /// The name of the other argument among the matches.
    pub(crate) fn other_id(&self) -> String {
        format!("other:{}", self.parameter.name)
    }

    /// As it is typed.
    pub(crate) fn typed(&self) -> String {
        format!("--{}", self.long)
    }

    /// The arguments. Whether they are there and right is looked at afterwards, so that everything that is wrong can be told
    /// at once.
    pub(crate) fn args(&self) -> Vec<Arg> {
        let parameter = &self.parameter;
        let arg = Arg::new(self.id()).long(self.long.clone()).help_heading(HEADING).help(self.help());
        if parameter.secrecy != Secrecy::Open {
            let arg = arg.num_args(0..=1).default_missing_value("").value_name("@FILE|-");
            let env = Arg::new(self.other_id()).long(self.other.clone().unwrap_or_default());
            let env = env
                .help_heading(HEADING)
                .value_name("VARIABLE")
                .help(format!("Variable with the value of --{}", self.long));
            return vec![arg, env];
        }
        let words = parameter.shape.words();
        let parser = StringValueParser::new();
        match &parameter.shape {
            Shape::Switch => {
                let arg = arg.action(ArgAction::SetTrue).overrides_with(self.other_id());
                let no = Arg::new(self.other_id()).long(self.other.clone().unwrap_or_default());
                let no = no.action(ArgAction::SetTrue).overrides_with(self.id()).help_heading(HEADING);
                vec![arg, no.help(format!("The opposite of --{}", self.long))]
            }
            shape => {
                let arg = arg.value_name(shape.value_name()).allow_hyphen_values(true);
                let arg = if matches!(shape, Shape::List(_)) { arg.action(ArgAction::Append) } else { arg };
                vec![if words.is_empty() {
                    arg.value_parser(parser)
                } else {
                    arg.value_parser(Suggested(words))
                }]
            }
        }
    }

    fn help(&self) -> String {
        let parameter = &self.parameter;
        let mut text = parameter.description.clone();
        let mut add = |more: &str| {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(more);
        };
        match parameter.secrecy {
            Secrecy::Secret => add("(secret: asked for when no value follows)"),
            Secrecy::HoldsSecret => {
                add("(JSON with a secret in it: from a file, standard input or a variable)")
            }
            Secrecy::Open => {}
        }
        match &parameter.shape {
            Shape::List(_) => add("(may be given several times)"),
            Shape::Json if parameter.secrecy == Secrecy::Open => add("(JSON, or @FILE with it)"),
            _ => {}
        }
        if parameter.required {
            add("[required]");
        }
        if let Some(default) = &parameter.default {
            add(&format!("[default: {}]", written(default)));
        }
        text
    }
}

/// Takes any text, and tells which ones are meant.
#[derive(Debug, Clone)]
struct Suggested(Vec<String>);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parameter::parameters_of;
    use super::*;

    fn longs(properties: serde_json::Value, command: &Command) -> Vec<String> {
        let sensitive = ["/secret".to_owned()];
        let parameters = parameters_of(&json!({"properties": properties}), &sensitive);
        let options = options_of(parameters, &mut taken(command));
        // The command with them can be built, which checks that no name is there twice.
        let args = options.iter().flat_map(ParameterOption::args);
        let built = command.clone().args(args);
        GlobalArgs::augment_args(Command::new("pab")).subcommand(built).debug_assert();
        options.iter().flat_map(|one| std::iter::once(one.long.clone()).chain(one.other.clone())).collect()
    }

    /// R12.10
    #[test]
    fn every_property_has_an_option_whatever_it_is_called() {
        let command = Command::new("x").arg(Arg::new("timeout").long("timeout").alias("limit"));
        for (name, long) in [
            ("name", "name"),
            ("maxRetries", "max-retries"),
            ("max_retries", "max-retries"),
            ("HTTPProxy", "httpproxy"),
            ("a b/c", "a-b-c"),
            ("--x--", "x"),
            ("_noop", "noop"),
            ("größe", "gr-e"),
            ("", "param"),
            ("日本", "param"),
            ("timeout", "param-timeout"),
            ("limit", "param-limit"),
            ("help", "param-help"),
            ("db", "param-db"),
            ("no_color", "param-no-color"),
            (&"x".repeat(500), &"x".repeat(LONGEST)),
        ] {
            assert_eq!(longs(json!({name: {}}), &command), [long], "{name}");
        }
        let same = json!({"a-b": {}, "a.b": {}, "aB": {}, "a_b": {}});
        assert_eq!(longs(same, &command), ["a-b", "param-a-b", "param-a-b-2", "param-a-b-3"]);
        let pair = json!({"x": {"type": "boolean"}, "noX": {"type": "string"}});
        assert_eq!(longs(pair, &command), ["no-x", "x", "param-no-x"]);
        assert_eq!(longs(json!({"secret": {"type": "string"}}), &command), ["secret", "secret-env"]);
        let many: serde_json::Map<_, _> =
            (0..200).map(|n| (format!("p{n}"), json!({"type": "boolean"}))).collect();
        assert_eq!(longs(many.into(), &command).len(), 400);
    }

    #[test]
    fn a_name_that_is_not_known_is_taken_all_the_same() {
        let parameters =
            parameters_of(&json!({"properties": {"ensure": {"enum": ["present", "absent"]}}}), &[]);
        let options = options_of(parameters, &mut BTreeSet::new());
        let args = options[0].args();
        assert_eq!(args[0].get_possible_values().len(), 2);
        let command = Command::new("x").args(args);
        let matches = command.try_get_matches_from(["x", "--ensure", "gone"]).unwrap();
        assert_eq!(matches.get_one::<String>("parameter:ensure").map(String::as_str), Some("gone"));
    }
}
