//! `pab PLUGIN ACTION`: [`command`] makes the command of a plugin, [`run`] does what was typed.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args as _, Command, FromArgMatches as _};
use pabawi::plugin::Capability;

use super::action::{Form, PluginAction, actions_of};
use super::call::{self, Question};
use super::tool::{self, Tool};
use crate::args::{DownArgs, GlobalArgs, ProviderArgs, RunArgs, ScriptArgs, UpArgs};
use crate::command::run as verbs;
use crate::exit::{Exit, Failure};
use crate::plugins::Described;

/// The command of a plugin with all that it can do.
pub(crate) fn command(plugin: &Described) -> Command {
    let command = Command::new(plugin.name.to_string())
        .about(plugin.about.clone())
        .subcommand_required(true)
        .arg_required_else_help(true);
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for action in actions_of(&plugin.capabilities) {
        let long = action.long_path.clone().map(|path| (path, true));
        for (path, is_hidden) in std::iter::once((action.path.clone(), false)).chain(long) {
            let Some((first, rest)) = path.split_first() else { continue };
            let group = groups.entry(first.clone()).or_default();
            match rest.first() {
                None => group.own = Some(leaf(first, plugin, &action)),
                Some(word) => group.below.push(leaf(word, plugin, &action).hide(is_hidden)),
            }
        }
    }
    groups.into_iter().fold(command, |command, (word, group)| command.subcommand(group.command(&word)))
}

/// Commands below one word, which may be a command itself.
#[derive(Default)]
struct Group {
    own: Option<Command>,
    below: Vec<Command>,
}

impl Group {
    fn command(self, word: &str) -> Command {
        let is_hidden = self.below.iter().all(Command::is_hide_set);
        match self.own {
            Some(own) if self.below.is_empty() => own,
            Some(own) => own
                .subcommands(self.below)
                .args_conflicts_with_subcommands(true)
                .subcommand_negates_reqs(true)
                .disable_help_subcommand(true),
            None => {
                let about = format!("{} of {word}", listed(&self.below));
                Command::new(word.to_owned())
                    .about(about)
                    .subcommands(self.below)
                    .subcommand_required(true)
                    .arg_required_else_help(true)
                    .hide(is_hidden)
            }
        }
    }
}

fn listed(commands: &[Command]) -> String {
    commands.iter().map(Command::get_name).collect::<Vec<_>>().join(", ")
}

/// A plugin of which only the name is known yet.
pub(crate) fn shallow(name: &str) -> Command {
    Command::new(name.to_owned())
}

fn leaf(word: &str, plugin: &Described, action: &PluginAction) -> Command {
    let word = word.to_owned();
    let of = &action.capability;
    let command = match action.form {
        Form::Command => RunArgs::augment_args(Command::new(word)),
        Form::Script => ScriptArgs::augment_args(Command::new(word)),
        Form::Upload => UpArgs::augment_args(Command::new(word)),
        Form::Download => DownArgs::augment_args(Command::new(word)),
        Form::Tool(kind) => return tool::command(&word, kind, Some(of)),
        Form::Call => return call::command(&word, of.description.clone(), &question(plugin, of)),
    };
    // The words before it say which plugin does it.
    let said = |arg: &Arg| matches!(arg.get_id().as_str(), "plugin" | "transport");
    command
        .about(of.description.clone())
        .mut_args(|arg| if said(&arg) { arg.hide(true) } else { arg })
        .after_long_help(crate::args::EXIT_STATUS)
}

/// Does what was typed behind the name of a plugin.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn run(
    global: &GlobalArgs,
    plugin: &Described,
    matches: &ArgMatches,
) -> Result<Exit, Failure> {
    let Some((action, matches)) = found(plugin, matches) else {
        return Err(Failure::usage(format!("pab {}: no action was given", plugin.name)));
    };
    let read = |error: clap::Error| Failure::usage(error.to_string());
    match action.form {
        Form::Command => {
            let mut args = RunArgs::from_arg_matches(matches).map_err(read)?;
            by(plugin, &mut args.provider, args.connect.transport.is_some())?;
            verbs::run(global, &args).await
        }
        Form::Script => {
            let mut args = ScriptArgs::from_arg_matches(matches).map_err(read)?;
            by(plugin, &mut args.provider, args.connect.transport.is_some())?;
            verbs::script(global, &args).await
        }
        Form::Upload => {
            let mut args = UpArgs::from_arg_matches(matches).map_err(read)?;
            by(plugin, &mut args.provider, args.connect.transport.is_some())?;
            verbs::up(global, &args).await
        }
        Form::Download => {
            let mut args = DownArgs::from_arg_matches(matches).map_err(read)?;
            by(plugin, &mut args.provider, args.connect.transport.is_some())?;
            verbs::down(global, &args).await
        }
        Form::Tool(kind) => {
            let tool = Tool::read(global, matches, kind, Some(plugin))?;
            verbs::tool(global, tool).await
        }
        Form::Call => call::run(global, matches, question(plugin, &action.capability)).await,
    }
}

/// The question that only this plugin is asked.
fn question<'a>(plugin: &'a Described, of: &'a Capability) -> Question<'a> {
    Question { capability: &of.name, providers: vec![(plugin, of)], is_own: true, asks_all: false }
}

/// The action whose words were typed, and what was typed behind them.
fn found<'a>(plugin: &Described, mut matches: &'a ArgMatches) -> Option<(PluginAction, &'a ArgMatches)> {
    let mut path = Vec::new();
    while let Some((word, below)) = matches.subcommand() {
        path.push(word.to_owned());
        matches = below;
    }
    let is_it = |action: &PluginAction| action.path == path || action.long_path.as_ref() == Some(&path);
    let action = actions_of(&plugin.capabilities).into_iter().find(is_it)?;
    Some((action, matches))
}

/// Says that the plugin of the command does it.
fn by(plugin: &Described, provider: &mut ProviderArgs, has_transport: bool) -> Result<(), Failure> {
    if let Some(other) = &provider.plugin {
        return Err(Failure::usage(format!("--plugin {other}: this is a command of {}", plugin.name)));
    }
    if has_transport {
        return Err(Failure::usage(format!("--transport: {} does it, as the command says", plugin.name)));
    }
    provider.plugin = Some(plugin.name.clone());
    Ok(())
}
