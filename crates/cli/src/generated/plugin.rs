//! `pab PLUGIN ACTION`: [`command`] makes the command of a plugin, [`run`] does what was typed.

use clap::{Arg, ArgMatches, Args as _, Command, FromArgMatches as _};

use super::action::{Form, PluginAction, actions_of};
use super::tool::{self, Tool};
use crate::args::{DownArgs, GlobalArgs, ProviderArgs, RunArgs, ScriptArgs, UpArgs};
use crate::command::run as verbs;
use crate::exit::{Exit, Failure};
use crate::plugins::Described;

/// The command of a plugin with all that it can do.
pub(crate) fn command(plugin: &Described) -> Command {
    let actions = actions_of(&plugin.capabilities);
    let command = Command::new(plugin.name.to_string())
        .about(plugin.about.clone())
        .subcommand_required(true)
        .arg_required_else_help(true);
    actions.iter().fold(command, |command, action| command.subcommand(leaf(action)))
}

/// A plugin of which only the name is known yet.
pub(crate) fn shallow(name: &str) -> Command {
    Command::new(name.to_owned())
}

fn leaf(action: &PluginAction) -> Command {
    let word = action.path.last().cloned().unwrap_or_default();
    let of = &action.capability;
    let command = match action.form {
        Form::Command => RunArgs::augment_args(Command::new(word)),
        Form::Script => ScriptArgs::augment_args(Command::new(word)),
        Form::Upload => UpArgs::augment_args(Command::new(word)),
        Form::Download => DownArgs::augment_args(Command::new(word)),
        Form::Tool(kind) => return tool::command(&word, kind, Some(of)),
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
    }
}

/// The action whose words were typed, and what was typed behind them.
fn found<'a>(plugin: &Described, matches: &'a ArgMatches) -> Option<(PluginAction, &'a ArgMatches)> {
    let (word, matches) = matches.subcommand()?;
    let action = actions_of(&plugin.capabilities).into_iter().find(|action| action.path == [word])?;
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
