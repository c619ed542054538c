//! What the value of an argument can be: [`Wanted`].

use clap::{Arg, ValueHint};

use super::walk::Place;

/// Where values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Words that the argument names itself.
    Words,
    /// Files, which the shell knows better.
    Files,
    /// Nodes and groups.
    Nodes,
    /// Groups alone.
    Groups,
    /// Plugins.
    Plugins,
    /// Capabilities.
    Capabilities,
    /// Executions of the history.
    Executions,
    /// Plans that are kept.
    Plans,
    /// What the tool knows under this capability.
    Known(&'static str),
    /// Nobody knows.
    Nothing,
}

impl Wanted {
    /// Of the argument at a place.
    pub(super) fn of(place: &Place<'_>, arg: &Arg) -> Self {
        if !arg.get_possible_values().is_empty() {
            return Self::Words;
        }
        let word = |index: usize| place.path.get(index).copied().unwrap_or_default();
        let last = place.path.last().copied().unwrap_or_default();
        let is_tool = |name: &str| place.path.len() <= 2 && last == name;
        match arg.get_id().as_str() {
            "targets" | "node" | "nodes" | "expression" | "health_check_on" | "hosts" => Self::Nodes,
            "names" if word(0) == "inventory" => Self::Groups,
            "breaker_groups" => Self::Groups,
            "plugin" => Self::Plugins,
            "name" if word(0) == "capabilities" => Self::Capabilities,
            "words" if word(0) == "help" => Self::Capabilities,
            "id" if matches!(word(0), "executions" | "cancel") => Self::Executions,
            "hash" => Self::Plans,
            "name" if is_tool("task") => Self::Known("task.list"),
            "main" if word(place.path.len().saturating_sub(2)) == "task" => Self::Known("task.list"),
            "name" if is_tool("playbook") => Self::Known("playbook.list"),
            "name" if is_tool("plan") || is_tool("tool-plan") => Self::Known("plan.list"),
            _ => match arg.get_value_hint() {
                ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath => Self::Files,
                _ => Self::Nothing,
            },
        }
    }
}
