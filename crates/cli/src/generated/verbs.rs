//! The verbs that all tools have in common: `pab task`, `pab playbook`, `pab package`, `pab tool-plan`.

use clap::{ArgMatches, Command};
use pabawi::ActionKind;

use super::tool::{self, Tool};
use crate::args::GlobalArgs;
use crate::command::run as does;
use crate::exit::{Exit, Failure};

/// The words and what they do. `pab plan` shows what would be done, so that a plan of a tool has another word.
const VERBS: [(&str, ActionKind); 4] = [
    ("task", ActionKind::Task),
    ("playbook", ActionKind::Playbook),
    ("tool-plan", ActionKind::Plan),
    ("package", ActionKind::Package),
];

/// Whether it is one of these words.
pub(crate) fn is_verb(word: &str) -> bool {
    VERBS.iter().any(|(verb, _)| *verb == word)
}

/// The word for a capability that all tools have in common.
pub(crate) fn word_of(capability: &str) -> Option<&'static str> {
    let core = [
        ("command.execute", "run"),
        ("script.execute", "script"),
        ("file.upload", "copy up"),
        ("file.download", "copy down"),
    ];
    let verbs = VERBS.iter().map(|(verb, kind)| (kind.capability(), *verb));
    core.into_iter().chain(verbs).find(|(name, _)| *name == capability).map(|(_, word)| word)
}

/// The command of a word that is one.
pub(crate) fn command(word: &str) -> Option<Command> {
    let (verb, kind) = VERBS.iter().find(|(verb, _)| *verb == word)?;
    Some(tool::command(verb, *kind, None))
}

/// All of them.
pub(crate) fn commands() -> impl Iterator<Item = Command> {
    VERBS.iter().map(|(verb, kind)| tool::command(verb, *kind, None))
}

/// Does what was typed behind such a word.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn run(global: &GlobalArgs, word: &str, matches: &ArgMatches) -> Result<Exit, Failure> {
    let kind = VERBS.iter().find(|(verb, _)| *verb == word).map_or(ActionKind::Task, |(_, kind)| *kind);
    let tool = Tool::read(global, matches, kind, None)?;
    does::tool(global, tool).await
}
