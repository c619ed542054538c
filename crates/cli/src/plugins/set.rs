//! [`Plugins`]: all plugins of this call.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use pabawi::ports::Plugin;
use pabawi::{FrameworkBuilder, PluginName};
use serde_json::Value;

use super::described::Described;
use super::kinds::{Make, kind};
use super::program;
use crate::config::{Fault, PluginEntry};
use crate::exit::Failure;

/// All plugins, in the order in which they are registered. Cloning gives another handle.
#[derive(Clone, Default)]
pub(crate) struct Plugins(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Those that are compiled in.
    given: Vec<(Arc<dyn Plugin>, Value)>,
    /// Those of the configuration files.
    configured: Vec<PluginEntry>,
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Plugins {
    /// Those that are compiled in and those that are configured.
    pub(crate) fn new(given: Vec<(Arc<dyn Plugin>, Value)>, configured: Vec<PluginEntry>) -> Self {
        Self(Arc::new(Inner { given, configured }))
    }

    /// The names, with those of the ways to nodes that are always there.
    pub(crate) fn names(&self) -> Vec<PluginName> {
        let built_in = pabawi::plugin::built_in().into_iter().map(|(metadata, _)| metadata.name);
        let given = self.0.given.iter().map(|(plugin, _)| plugin.metadata().name);
        built_in.chain(given).chain(self.0.configured.iter().map(|entry| entry.name.clone())).collect()
    }

    /// What the plugin of that name is and can do; nothing where there is none.
    ///
    /// # Errors
    /// It cannot be made, or does not say what it is.
    pub(crate) fn described(&self, name: &str) -> Option<Result<Described, Failure>> {
        let built_in =
            pabawi::plugin::built_in().into_iter().find(|(metadata, _)| metadata.name.as_str() == name);
        if let Some((metadata, capabilities)) = built_in {
            return Some(Ok(Described::new(metadata, capabilities)));
        }
        let given = self.0.given.iter().find(|(plugin, _)| plugin.metadata().name.as_str() == name);
        if let Some((plugin, _)) = given {
            return Some(asked(plugin.as_ref()));
        }
        let entry = self.0.configured.iter().find(|entry| entry.name.as_str() == name)?;
        Some(described(entry))
    }

    /// What all of them are and can do, as far as they say so.
    pub(crate) fn all(&self) -> (Vec<Described>, Vec<Failure>) {
        let (mut all, mut failures) = (Vec::new(), Vec::new());
        for name in self.names() {
            match self.described(name.as_str()) {
                Some(Ok(described)) => all.push(described),
                Some(Err(failure)) => failures.push(failure),
                None => {}
            }
        }
        (all, failures)
    }

    /// Whether one of them knows nodes.
    pub(crate) fn tell_nodes(&self) -> bool {
        let Inner { given, configured, .. } = &*self.0;
        (!given.is_empty() || !configured.is_empty())
            && self.all().0.iter().any(|described| described.capability("inventory.list").is_some())
    }

    /// What is wrong with their settings, as far as that shows without getting ready.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let fault = |entry: &PluginEntry, path: String, message| Fault::at(&entry.origin, path, message);
        let mut faults = Vec::new();
        for entry in &self.0.configured {
            let path = format!("plugins.{}", entry.name);
            match described(entry) {
                Err(failure) => faults.push(fault(entry, path, failure.message)),
                Ok(Described { config_schema: Some(schema), .. }) => {
                    let value = Value::Object(entry.config.clone());
                    let place = format!("{path}.config");
                    // What is written out there may be a secret that the schema does not name.
                    let secrets: Vec<String> = entry.config.keys().map(|key| format!("/{key}")).collect();
                    match pabawi::plugin::ParameterSchema::new(&schema) {
                        Err(message) => faults.push(fault(entry, place, message)),
                        Ok(schema) => faults.extend(
                            schema
                                .violations(&place, &value, &secrets)
                                .into_iter()
                                .map(|wrong| fault(entry, wrong.path, wrong.message)),
                        ),
                    }
                }
                Ok(_) => {}
            }
        }
        faults
    }

    /// Adds them to a framework.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub(crate) fn register(&self, mut builder: FrameworkBuilder) -> Result<FrameworkBuilder, Failure> {
        for (plugin, config) in &self.0.given {
            builder = builder.shared_plugin(Arc::clone(plugin), config.clone());
        }
        for entry in &self.0.configured {
            let config = Value::Object(entry.config.clone());
            builder = match made(entry)? {
                Made::BuiltIn(plugin) => builder.shared_plugin(plugin, config),
                Made::Program(path) => builder.external_plugin(path, config),
            };
        }
        Ok(builder)
    }
}

/// What stands for an entry of a file.
enum Made {
    BuiltIn(Arc<dyn Plugin>),
    Program(PathBuf),
}

fn made(entry: &PluginEntry) -> Result<Made, Failure> {
    match kind(&entry.kind).map_err(|error| failed(entry, &error))?.make {
        Make::BuiltIn(_) if entry.path.is_some() => Err(failed(entry, "has no path; it is no program")),
        Make::BuiltIn(make) => Ok(Made::BuiltIn(make(entry))),
        Make::Program if entry.priority.is_some() => {
            Err(failed(entry, "has no priority here; the program says its own"))
        }
        Make::Program => {
            let path = entry.path.clone().ok_or_else(|| failed(entry, "path = has to name the program"))?;
            Ok(Made::Program(path))
        }
    }
}

fn described(entry: &PluginEntry) -> Result<Described, Failure> {
    let path = match made(entry)? {
        Made::BuiltIn(plugin) => return asked(plugin.as_ref()),
        Made::Program(path) => path,
    };
    let described = program::described(&path).map_err(|error| failed(entry, &error))?;
    if described.name == entry.name {
        return Ok(described);
    }
    let text = format!("the program calls itself {0}; write [plugins.{0}]", described.name);
    Err(failed(entry, &text))
}

fn failed(entry: &PluginEntry, error: &str) -> Failure {
    Failure::usage(format!("plugin {} ({}): {error}", entry.name, entry.origin))
}

/// Asks a plugin what it is. One that panics must not take the others with it.
fn asked(plugin: &dyn Plugin) -> Result<Described, Failure> {
    catch_unwind(AssertUnwindSafe(|| Described::of(plugin)))
        .map_err(|_| Failure::nothing_ran("a plugin panicked when it was asked what it is"))
}
