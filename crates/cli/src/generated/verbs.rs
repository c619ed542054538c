//! The verbs that all tools have in common: `pab task`, `pab playbook`, `pab package`, `pab tool-plan`, `pab events` and
//! `pab reports`.

use clap::{ArgMatches, Command};
use pabawi::ActionKind;
use pabawi::plugin::Capability;

use super::call::{self, Question};
use super::tool::{self, Tool};
use crate::args::GlobalArgs;
use crate::command::run as does;
use crate::exit::{Exit, Failure};
use crate::plugins::Described;

/// A word that plugins have in common.
struct Verb {
    word: &'static str,
    about: &'static str,
    /// What it does on nodes, where it does something by itself.
    kind: Option<ActionKind>,
    /// What can be asked below it: a word, what it tells, the capability, and whether all plugins are asked that have it.
    below: &'static [(&'static str, &'static str, &'static str, bool)],
}

/// All of them. `pab plan` shows what would be done, so that a plan of a tool has another word.
const VERBS: &[Verb] = &[
    Verb {
        word: "task",
        about: "Run a task of a tool on nodes, or look which there are",
        kind: Some(ActionKind::Task),
        below: &[
            ("list", "Show the tasks that there are", "task.list", true),
            ("show", "Show all about a task", "task.show", false),
        ],
    },
    Verb {
        word: "playbook",
        about: "Run a playbook of a tool on nodes, or look which there are",
        kind: Some(ActionKind::Playbook),
        below: &[("list", "Show the playbooks that there are", "playbook.list", true)],
    },
    Verb {
        word: "tool-plan",
        about: "Run a plan of a tool, such as Bolt's, or look which there are",
        kind: Some(ActionKind::Plan),
        below: &[
            ("list", "Show the plans that there are", "plan.list", true),
            ("show", "Show all about a plan", "plan.show", false),
        ],
    },
    Verb {
        word: "package",
        about: "Install, remove or update a package on nodes",
        kind: Some(ActionKind::Package),
        below: &[],
    },
    Verb {
        word: "events",
        about: "Look at what happened to nodes, as tools tell it",
        kind: None,
        below: &[("list", "Show events, the newest first", "events.list", true)],
    },
    Verb {
        word: "reports",
        about: "Look at the reports that tools keep of nodes",
        kind: None,
        below: &[
            ("list", "Show reports, the newest first", "reports.list", true),
            ("show", "Show one report", "reports.show", false),
        ],
    },
];

fn verb(word: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.word == word)
}

/// Whether it is one of these words.
pub(crate) fn is_verb(word: &str) -> bool {
    verb(word).is_some()
}

/// All words.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|verb| verb.word)
}

/// The words for a capability that all tools have in common.
pub(crate) fn word_of(capability: &str) -> Option<String> {
    let core = [
        ("command.execute", "run"),
        ("script.execute", "script"),
        ("file.upload", "copy up"),
        ("file.download", "copy down"),
        ("inventory.list", "inventory list"),
        ("facts.get", "facts show"),
    ];
    if let Some((_, word)) = core.into_iter().find(|(name, _)| *name == capability) {
        return Some(word.to_owned());
    }
    VERBS.iter().find_map(|verb| {
        if verb.kind.is_some_and(|kind| kind.capability() == capability) {
            return Some(verb.word.to_owned());
        }
        let (below, ..) = verb.below.iter().find(|(_, _, name, _)| *name == capability)?;
        Some(format!("{} {below}", verb.word))
    })
}

/// The command of a word of which only that has to be known that it is there.
pub(crate) fn shallow(word: &str) -> Command {
    Command::new(word.to_owned()).about(verb(word).map(|verb| verb.about).unwrap_or_default())
}

/// The command of a word, with the options of what these plugins take.
pub(crate) fn command(word: &str, plugins: &[Described]) -> Command {
    let Some(verb) = verb(word) else { return shallow(word) };
    let below = verb.below.iter().map(|(word, about, capability, asks_all)| {
        call::command(word, (*about).to_owned(), &question(plugins, capability, *asks_all))
    });
    let command = match verb.kind {
        Some(kind) => tool::command(verb.word, kind, None)
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true),
        None => Command::new(verb.word).subcommand_required(true).arg_required_else_help(true),
    };
    command.about(verb.about).subcommands(below).disable_help_subcommand(true)
}

fn question<'a>(plugins: &'a [Described], capability: &'static str, asks_all: bool) -> Question<'a> {
    let mut providers: Vec<(&Described, &Capability)> =
        plugins.iter().filter_map(|plugin| Some((plugin, plugin.capability(capability)?))).collect();
    providers.sort_by_key(|(plugin, _)| std::cmp::Reverse(plugin.priority));
    Question { capability, providers, is_own: false, asks_all }
}

/// Does what was typed behind such a word.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn run(global: &GlobalArgs, word: &str, matches: &ArgMatches) -> Result<Exit, Failure> {
    let Some(verb) = verb(word) else { return Err(Failure::usage(format!("there is no command {word}"))) };
    if let Some((word, matches)) = matches.subcommand() {
        let below = verb.below.iter().find(|(below, ..)| *below == word);
        if let Some((_, _, capability, asks_all)) = below {
            let plugins = global.plugins.all().0;
            return call::run(global, matches, question(&plugins, capability, *asks_all)).await;
        }
    }
    match verb.kind {
        Some(kind) => does::tool(global, Tool::read(global, matches, kind, None)?).await,
        None => Err(Failure::usage(format!("pab {word}: no action was given"))),
    }
}
