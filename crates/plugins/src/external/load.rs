//! From paths to plugins of a host: [`register`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{Plugin as _, ToolRunner};
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::plugin::ExternalPlugin;
use super::undescribed::Undescribed;
use crate::host::{PluginHostBuilder, RegisterError};
use crate::together;

/// So many names are tried for a program that cannot be a plugin.
const NAMES: u32 = 100;
/// Letters that are left of a name which gets a number.
const LONGEST: usize = 58;

/// Asks programs what they are, all at the same time, and registers them with their configurations, in their order.
///
/// A program that cannot be a plugin (it is not safe to run, says nothing or nonsense of itself, or has the name of another)
/// stops no other: in its place stands a plugin that cannot get ready, with the reason. Where the name is not known it is made
/// from the file's; where it is taken, a number is put behind it.
pub async fn register(
    host: &mut PluginHostBuilder,
    programs: Vec<(PathBuf, Value)>,
    tools: Arc<dyn ToolRunner>,
) {
    let mut loading = JoinSet::new();
    for (place, (path, config)) in programs.into_iter().enumerate() {
        let tools = Arc::clone(&tools);
        let load = async move {
            let loaded = ExternalPlugin::load(path.clone(), tools).await;
            (place, path, config, loaded)
        };
        loading.spawn(load.in_current_span());
    }
    // Each has its deadline.
    let mut loaded = together::all(loading).await;
    loaded.sort_by_key(|(place, ..)| *place);
    for (_, path, config, loaded) in loaded {
        let (name, why, log) = match loaded {
            Err(error) => (name_of(&path), error.to_string(), error.log().map(str::to_owned)),
            Ok(plugin) => {
                let name = plugin.metadata().name;
                match host.plugin(Arc::new(plugin), config) {
                    Ok(()) => continue,
                    Err(error) => (Some(name), format!("{}: {error}", path.display()), None),
                }
            }
        };
        match name {
            Some(name) => stand_in(host, &name, &why, log),
            None => {
                tracing::error!(reason = %why, "a program cannot be a plugin, and has no place in the list")
            }
        }
    }
}

fn stand_in(host: &mut PluginHostBuilder, name: &PluginName, why: &str, log: Option<String>) {
    for number in 1..=NAMES {
        let Some(name) = numbered(name, number) else { continue };
        let plugin = Undescribed { name, why: why.to_owned(), log: log.clone() };
        match host.plugin(Arc::new(plugin), Value::Null) {
            Err(RegisterError::Duplicate(_)) => {}
            Ok(()) => return,
            Err(error) => {
                tracing::error!(reason = %why, %error, "a program cannot be a plugin, and has no place in the list");
                return;
            }
        }
    }
    tracing::error!(reason = %why, "a program cannot be a plugin, and all names for it are taken");
}

fn numbered(name: &PluginName, number: u32) -> Option<PluginName> {
    if number == 1 {
        return Some(name.clone());
    }
    let short: String = name.as_str().chars().take(LONGEST).collect();
    PluginName::new(format!("{short}-{number}")).ok()
}

/// A name out of that of a file: `/opt/Greeter.sh` is `greeter`; `program` where it has no letters.
fn name_of(path: &Path) -> Option<PluginName> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let letters =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' });
    let name: String = letters.skip_while(|c| !c.is_ascii_lowercase()).take(LONGEST).collect();
    PluginName::new(name).or_else(|_| PluginName::new("program")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_a_name() {
        for (path, name) in [
            ("/opt/Greeter.sh", "greeter"),
            ("/x/9 lives.py", "lives"),
            ("/x/a b", "a-b"),
            ("/x/9", "program"),
        ] {
            assert_eq!(name_of(Path::new(path)).unwrap().as_str(), name);
        }
        let long = format!("/x/{}", "y".repeat(100));
        assert_eq!(numbered(&name_of(Path::new(&long)).unwrap(), 100).unwrap().as_str().len(), LONGEST + 4);
    }
}
