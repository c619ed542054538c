//! The commands for what a tool does on nodes, of one plugin or of whichever can: [`command`] makes one, [`Tool::read`] reads it.

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use pabawi::plugin::{Capability, RiskLevel};
use pabawi::{Action, ActionKind, PluginName, ToolAction};

use super::given::{Given, Wanted};
use super::option::{ParameterOption, options_of, taken};
use super::parameter::parameters_of;
use crate::args::{GlobalArgs, ToolArgs};
use crate::exit::Failure;
use crate::plugins::Described;

/// How such a command is called and what its first word is.
struct Word {
    kind: ActionKind,
    value_name: &'static str,
    help: &'static str,
    about: &'static str,
}

const WORDS: &[Word] = &[
    Word {
        kind: ActionKind::Task,
        value_name: "TASK",
        help: "The task or module",
        about: "Run a task of a tool on nodes",
    },
    Word {
        kind: ActionKind::Playbook,
        value_name: "PLAYBOOK",
        help: "The playbook, as its tool names it",
        about: "Run a playbook of a tool on nodes",
    },
    Word {
        kind: ActionKind::Plan,
        value_name: "PLAN",
        help: "The plan",
        about: "Run a plan of a tool on nodes",
    },
    Word {
        kind: ActionKind::Facts,
        value_name: "NODES",
        help: "Nodes whose facts are gathered, as --targets",
        about: "Gather facts of nodes by a tool",
    },
    Word {
        kind: ActionKind::Package,
        value_name: "PACKAGE",
        help: "The package",
        about: "Install, remove or update a package on nodes",
    },
];

/// What of a package can be said whichever plugin does it.
const PACKAGE: &str = r#"{"properties": {
    "ensure": {"enum": ["present", "absent", "latest"], "description": "What is wanted of it"},
    "version": {"type": "string", "description": "Which version is wanted"}
}}"#;

/// The command for such an action, for the plugin that has the capability or, without one, for whichever has it.
pub(crate) fn command(name: &str, kind: ActionKind, of: Option<&Capability>) -> Command {
    let mut command = ToolArgs::augment_args(Command::new(name.to_owned()));
    let word = WORDS.iter().find(|word| word.kind == kind);
    if let Some(word) = word {
        command = command.about(of.map_or_else(|| word.about.to_owned(), |of| of.description.clone()));
    }
    command = command.mut_args(|arg| match (arg.get_id().as_str(), word) {
        // Facts have no name; what is typed first are nodes.
        ("name", Some(word)) if kind == ActionKind::Facts => {
            arg.value_name(word.value_name).help(word.help).required(false).default_value("")
        }
        ("name", Some(word)) => arg.value_name(word.value_name).help(word.help),
        // The word before it says which plugin does it.
        ("plugin", _) => arg.hide(of.is_some()),
        _ => arg,
    });
    let args: Vec<_> = options(&command, kind, of).iter().flat_map(ParameterOption::args).collect();
    command.args(args).after_long_help(crate::args::EXIT_STATUS)
}

fn options(command: &Command, kind: ActionKind, of: Option<&Capability>) -> Vec<ParameterOption> {
    let mut names = taken(command);
    let parameters = match of {
        Some(capability) => parameters_of(&capability.parameters, &capability.sensitive),
        None if kind == ActionKind::Package => {
            parameters_of(&serde_json::from_str(PACKAGE).unwrap_or_default(), &[])
        }
        None => Vec::new(),
    };
    options_of(parameters, &mut names)
}

/// What was typed.
pub(crate) struct Tool {
    /// The fixed options.
    pub(crate) args: ToolArgs,
    /// What is to be done.
    pub(crate) action: Action,
    /// How much harm it can do, where that is known already.
    pub(crate) risk: RiskLevel,
}

impl Tool {
    /// Reads the matches of such a command. `plugin` is the one whose command it is.
    ///
    /// # Errors
    /// Everything that is wrong with the parameters, each by its option.
    pub(crate) fn read(
        global: &GlobalArgs,
        matches: &ArgMatches,
        kind: ActionKind,
        plugin: Option<&Described>,
    ) -> Result<Self, Failure> {
        let mut args =
            ToolArgs::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))?;
        if kind == ActionKind::Facts {
            let nodes = std::mem::replace(&mut args.name, "facts".to_owned());
            args.selection.targets.extend(Some(nodes).filter(|nodes| !nodes.is_empty()));
        }
        if let (Some(described), Some(other)) = (plugin, &args.provider.plugin) {
            let name = &described.name;
            return Err(Failure::usage(format!(
                "--plugin {other}: this is a command of {name}; use pab {kind}"
            )));
        }
        let all;
        let provider = match plugin {
            Some(described) => Some(described),
            None => {
                all = global.plugins.all().0;
                provider(&all, kind.capability(), args.provider.plugin.as_ref())?
            }
        };
        let capability = provider.and_then(|provider| provider.capability(kind.capability()));
        let blank = ToolArgs::augment_args(Command::new("blank"));
        // Of a plugin's command these are its own options, of the common one those that all have in common.
        let typed = options(&blank, kind, plugin.and(capability));
        // For the check and for words all that the plugin says counts.
        let known = options(&blank, kind, capability);
        let wanted = Wanted {
            options: if plugin.is_some() { &typed } else { &merged(typed, known) },
            schema: capability.map(|capability| &capability.parameters),
            sensitive: capability.map(|capability| capability.sensitive.as_slice()).unwrap_or_default(),
            placed: Vec::new(),
            is_dry: args.care.dry_run,
        };
        let Given { parameters, sensitive } = wanted.collect(matches, &args.words)?;
        let plugin = plugin.map(|described| described.name.clone()).or_else(|| args.provider.plugin.clone());
        let tool = ToolAction { plugin, name: args.name.clone(), parameters, sensitive };
        let action = match kind {
            ActionKind::Playbook => Action::Playbook(tool),
            ActionKind::Plan => Action::Plan(tool),
            ActionKind::Package => Action::Package(tool),
            ActionKind::Facts => Action::Facts(tool),
            _ => Action::Task(tool),
        };
        Ok(Self { args, action, risk: capability.map_or(RiskLevel::Execute, |capability| capability.risk) })
    }
}

/// The options of the common command, and for what only the plugin knows the names that its own command has.
fn merged(mut common: Vec<ParameterOption>, known: Vec<ParameterOption>) -> Vec<ParameterOption> {
    for option in known {
        match common.iter_mut().find(|one| one.parameter.name == option.parameter.name) {
            Some(one) => one.parameter = option.parameter,
            None => common.push(option),
        }
    }
    common
}

/// The plugin that is asked for, or the only one that can; nothing where the framework has to choose.
///
/// # Errors
/// The plugin that is asked for is not there or cannot do it; nobody can.
pub(crate) fn provider<'a>(
    all: &'a [Described],
    capability: &str,
    wanted: Option<&PluginName>,
) -> Result<Option<&'a Described>, Failure> {
    let mut able = all.iter().filter(|described| described.capability(capability).is_some());
    if let Some(wanted) = wanted {
        let Some(described) = all.iter().find(|described| described.name == *wanted) else {
            let names: Vec<&str> = all.iter().map(|described| described.name.as_str()).collect();
            let text = format!("--plugin: there is no plugin {wanted}; there are: {}", names.join(", "));
            return Err(Failure::usage(text));
        };
        if described.capability(capability).is_none() {
            let names: Vec<&str> = able.map(|described| described.name.as_str()).collect();
            let others = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Failure::usage(format!(
                "--plugin: {wanted} does not have the capability {capability}; those that have it: {others}"
            )));
        }
        return Ok(Some(described));
    }
    match (able.next(), able.next()) {
        (None, _) => Err(Failure::usage(format!(
            "no plugin has the capability {capability}; configure one in the file that pab config path shows"
        ))),
        (Some(only), None) => Ok(Some(only)),
        // Health decides too, which only the framework knows.
        (Some(_), Some(_)) => Ok(None),
    }
}
