//! `pab plugins` and `pab capabilities`: what there is, how it stands, and what it can do.

use pabawi::PluginName;
use pabawi::plugin::{PluginState, PluginStatus, ProvidedCapability};
use pabawi::ports::PluginHealth;

use crate::args::{CapabilitiesCommand, Format, GlobalArgs, PluginsCommand};
use crate::command::listing::{List, write_value};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::Table;
use crate::watch::Sink;

/// Shows plugins or asks how they are.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn plugins(global: &GlobalArgs, command: &PluginsCommand) -> Result<Exit, Failure> {
    match command {
        PluginsCommand::List { format } => {
            let all = open::with_the_plugins(global, async |framework, caller| {
                Ok(framework.plugins_for(caller).await?)
            })
            .await?;
            List::of_all(&all, "there is no plugin").write(global, *format, standing)
        }
        PluginsCommand::Show { plugin, format } => {
            let asked = async |framework: &pabawi::Framework, caller: &pabawi::Caller| match framework
                .plugin_health(caller, Some(plugin))
                .await?
                .pop()
            {
                Some(found) => Ok(found),
                None => Err(unknown(plugin, &framework.plugins_for(caller).await?)),
            };
            let status = open::with_the_plugins(global, asked).await?;
            one(global, *format, &status)
        }
        PluginsCommand::Health { plugin, format } => {
            let asked = async |framework: &pabawi::Framework, caller: &pabawi::Caller| {
                let all = framework.plugin_health(caller, plugin.as_ref()).await?;
                match plugin {
                    Some(plugin) if all.is_empty() => {
                        Err(unknown(plugin, &framework.plugins_for(caller).await?))
                    }
                    _ => Ok(all),
                }
            };
            let all = open::with_the_plugins(global, asked).await?;
            let written = List::of_all(&all, "there is no plugin").write(global, *format, health)?;
            Ok(if all.iter().all(is_well) { written } else { Exit::SomeFailed })
        }
    }
}

/// Shows capabilities.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn capabilities(
    global: &GlobalArgs,
    command: &CapabilitiesCommand,
) -> Result<Exit, Failure> {
    let all =
        open::with_the_plugins(global, async |framework, caller| Ok(framework.capabilities_of(caller).await))
            .await?;
    match command {
        CapabilitiesCommand::List { plugin, format } => {
            let wanted =
                |one: &ProvidedCapability| plugin.as_ref().is_none_or(|plugin| one.plugin == *plugin);
            let some: Vec<ProvidedCapability> = all.into_iter().filter(wanted).collect();
            List::of_all(&some, "no plugin has a capability").write(global, *format, provided)
        }
        CapabilitiesCommand::Show { name, format } => {
            let mut names: Vec<&str> = all.iter().map(|one| one.capability.name.as_str()).collect();
            names.dedup();
            let known = names.join(", ");
            let some: Vec<&ProvidedCapability> =
                all.iter().filter(|one| one.capability.name == *name).collect();
            if some.is_empty() {
                return Err(Failure::usage(format!("there is no capability {name:?}; there are: {known}")));
            }
            one(global, *format, &some)
        }
    }
}

fn one(global: &GlobalArgs, format: Format, value: &impl serde::Serialize) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    write_value(value, format, &mut sink)?;
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the result: {error}")))?;
    Ok(Exit::AllSucceeded)
}

fn unknown(plugin: &PluginName, all: &[PluginStatus]) -> Failure {
    let known: Vec<&str> = all.iter().map(|one| one.metadata.name.as_str()).collect();
    Failure::usage(format!("there is no plugin {plugin}; there are: {}", known.join(", ")))
}

fn is_well(status: &PluginStatus) -> bool {
    status.health.as_ref().is_some_and(|report| report.health == PluginHealth::Healthy)
}

fn standing(all: &[PluginStatus]) -> Table {
    let mut table = Table::new(&["PLUGIN", "VERSION", "STATE", "PRIORITY", "CAPABILITIES", "DESCRIPTION"]);
    for status in all {
        let metadata = &status.metadata;
        table.row([
            metadata.name.to_string(),
            metadata.version.clone(),
            state(&status.state),
            metadata.priority.to_string(),
            status.capabilities.len().to_string(),
            metadata.description.clone(),
        ]);
    }
    table
}

fn state(state: &PluginState) -> String {
    match state {
        PluginState::Waiting => "waiting".to_owned(),
        PluginState::Ready => "ready".to_owned(),
        PluginState::Failed { message, .. } => format!("failed: {message}"),
        PluginState::Stopped => "stopped".to_owned(),
    }
}

fn health(all: &[PluginStatus]) -> Table {
    let mut table = Table::new(&["PLUGIN", "HEALTH", "CHECKED", "MS", "MESSAGE"]);
    for status in all {
        let name = status.metadata.name.to_string();
        let Some(report) = &status.health else {
            table.row([name, state(&status.state), String::new(), String::new(), String::new()]);
            continue;
        };
        let (word, message) = match &report.health {
            PluginHealth::Healthy => ("healthy", String::new()),
            PluginHealth::Degraded { message, failing, .. } => {
                ("degraded", format!("{message} (failing: {})", failing.join(", ")))
            }
            PluginHealth::Unhealthy { message } => ("unhealthy", message.clone()),
        };
        table.row([
            name,
            word.to_owned(),
            report.checked_at.to_string(),
            report.took_ms.to_string(),
            message,
        ]);
    }
    table
}

fn provided(all: &[ProvidedCapability]) -> Table {
    let mut table = Table::new(&["CAPABILITY", "PLUGIN", "PRIORITY", "RISK", "AVAILABLE", "DESCRIPTION"]);
    for one in all {
        table.row([
            one.capability.name.clone(),
            one.plugin.to_string(),
            one.priority.to_string(),
            one.capability.risk.as_str().to_owned(),
            if one.available { "yes" } else { "no" }.to_owned(),
            one.capability.description.clone(),
        ]);
    }
    table
}
