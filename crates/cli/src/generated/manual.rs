//! All there is to know of a capability, made of what the plugins say of it: [`manual`].

use clap::{Args as _, Command};
use pabawi::plugin::Capability;
use pabawi::{ActionKind, StreamKind};

use super::action::{Form, PluginAction, actions_of};
use super::option::{ParameterOption, options_of, taken};
use super::parameter::{Secrecy, parameters_of, written};
use super::verbs::word_of;
use crate::args::{CallArgs, ToolArgs};
use crate::exit::Failure;
use crate::plugins::Described;
use crate::text::{Colour, Table};
use crate::watch::Sink;

/// Writes what is known of a capability, each plugin that has it in the order in which they are chosen. `is_core` says which
/// words are commands of `pab` itself, so that a plugin of that name has none.
///
/// # Errors
/// No plugin has it.
pub(crate) fn manual(
    all: &[Described],
    name: &str,
    is_core: &dyn Fn(&str) -> bool,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut providers: Vec<(&Described, &Capability)> =
        all.iter().filter_map(|plugin| Some((plugin, plugin.capability(name)?))).collect();
    providers.sort_by_key(|(plugin, _)| std::cmp::Reverse(plugin.priority));
    let Some((_, first)) = providers.first() else {
        let mut known: Vec<&str> =
            all.iter().flat_map(|plugin| &plugin.capabilities).map(|one| one.name.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        return Err(Failure::usage(format!(
            "no plugin has the capability {name}; there are: {}",
            known.join(", ")
        )));
    };
    title(name, sink);
    line(&format!("  {}", first.description), sink);
    line("", sink);
    title("Commands", sink);
    if let Some(word) = word_of(name) {
        let by = match ActionKind::ALL.into_iter().find(|kind| kind.capability() == name) {
            Some(ActionKind::Command | ActionKind::Script | ActionKind::Upload | ActionKind::Download) => {
                "the transport of each node"
            }
            _ => "the first plugin below that is well",
        };
        line(&format!("  pab {word}  (by {by}, or by --plugin NAME)"), sink);
    }
    for (plugin, capability) in &providers {
        match action(plugin, capability) {
            Some(action) if !is_core(plugin.name.as_str()) => {
                line(&format!("  pab {} {}", plugin.name, action.path.join(" ")), sink);
            }
            _ => {}
        }
    }
    for (plugin, capability) in &providers {
        provider(plugin, capability, !is_core(plugin.name.as_str()), sink);
    }
    Ok(())
}

fn provider(plugin: &Described, capability: &Capability, has_command: bool, sink: &mut Sink) {
    line("", sink);
    title(&format!("{} (priority {})", plugin.name, plugin.priority), sink);
    let permissions = match capability.required_permissions.as_slice() {
        [] => capability.name.clone(),
        all => all.join(", "),
    };
    let mut facts = vec![
        format!("  {}", capability.description),
        format!("  risk         {}", capability.risk.as_str()),
        format!("  permissions  {permissions}"),
        format!("  idempotent   {}", if capability.idempotent { "yes" } else { "no" }),
    ];
    facts.extend(capability.timeout_ms.map(|ms| format!("  limit        {ms} ms")));
    for fact in &facts {
        line(fact, sink);
    }
    let action = action(plugin, capability);
    let options = options(capability, action.as_ref().map(|action| action.form));
    // What runs commands and copies files has options of its own for the parameters, of which --help tells.
    let is_generated =
        action.as_ref().is_some_and(|action| matches!(action.form, Form::Tool(_) | Form::Call));
    if !options.is_empty() {
        let mut table = Table::new(&["  PARAMETER", "OPTION", "TYPE", "DEFAULT", "MEANING"]);
        for option in &options {
            let parameter = &option.parameter;
            let default = match &parameter.default {
                Some(default) => written(default),
                None if parameter.required => "required".to_owned(),
                None => "-".to_owned(),
            };
            let words = parameter.shape.words();
            let mut meaning = parameter.description.clone();
            if !words.is_empty() {
                meaning = format!("{meaning} ({})", words.join(", ")).trim_start().to_owned();
            }
            if parameter.secrecy != Secrecy::Open {
                meaning = format!("{meaning} (secret)").trim_start().to_owned();
            }
            let name = format!("  {}", parameter.name);
            let typed = if is_generated { option.typed() } else { "-".to_owned() };
            table.row([name, typed, parameter.shape.word(), default, meaning]);
        }
        line("", sink);
        sink.table(&table);
    }
    if let Some(action) = action.filter(|_| has_command) {
        line("", sink);
        line(&format!("  example      {}", example(plugin, &action, &options)), sink);
    }
}

/// The command of the plugin for the capability.
fn action(plugin: &Described, capability: &Capability) -> Option<PluginAction> {
    actions_of(&plugin.capabilities).into_iter().find(|action| action.capability.name == capability.name)
}

/// The options that the command of the plugin has for the parameters.
fn options(capability: &Capability, form: Option<Form>) -> Vec<ParameterOption> {
    let blank = Command::new("blank");
    let blank = match form {
        Some(Form::Call) => CallArgs::augment_args(blank),
        _ => ToolArgs::augment_args(blank),
    };
    options_of(parameters_of(&capability.parameters, &capability.sensitive), &mut taken(&blank))
}

/// A whole command line with what has to be given.
fn example(plugin: &Described, action: &PluginAction, options: &[ParameterOption]) -> String {
    let mut words = vec!["pab".to_owned(), plugin.name.to_string()];
    words.extend(action.path.iter().cloned());
    match action.form {
        Form::Command => words.push("'uptime'".to_owned()),
        Form::Script => words.push("FILE".to_owned()),
        Form::Upload | Form::Download => words.extend(["SOURCE", "DESTINATION"].map(str::to_owned)),
        Form::Tool(kind) => words.push(kind.as_str().to_ascii_uppercase()),
        Form::Call => {}
    }
    if matches!(action.form, Form::Tool(_) | Form::Call) {
        for option in options.iter().filter(|option| option.parameter.required) {
            let parameter = &option.parameter;
            words.push(option.typed());
            let value = match parameter.secrecy {
                Secrecy::Open => parameter.shape.words().into_iter().next(),
                _ => Some("@FILE".to_owned()),
            };
            words.push(value.unwrap_or_else(|| parameter.shape.value_name().to_owned()));
        }
    }
    if action.form != Form::Call {
        words.push("--targets 'web[01-20]'".to_owned());
    }
    words.join(" ")
}

fn title(text: &str, sink: &mut Sink) {
    let text = sink.out_style.paint(Colour::Bold, text);
    line(&text, sink);
}

fn line(text: &str, sink: &mut Sink) {
    sink.line(StreamKind::Stdout, text.trim_end());
}
