//! The configuration of the plugin: [`Settings`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pabawi_domain::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::tool::project_settings::{below, project};

/// How Bolt is to be used. Checked against [`schema`] before it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// The project, with its modules and its configuration; Bolt's own choice where absent.
    pub(super) project_path: Option<PathBuf>,
    /// The inventory file, relative to the project; the project's `inventory.yaml` where absent.
    pub(super) inventory: Option<PathBuf>,
    /// Where `bolt` is, when not on `PATH`.
    pub(super) bin_dir: Option<PathBuf>,
    /// The limit of one run, in milliseconds.
    pub(super) timeout_ms: u64,
    /// Targets that Bolt does at once; its own setting where absent.
    pub(super) concurrency: Option<u32>,
    /// How long a list of tasks or plans is good for, in milliseconds.
    pub(super) list_cache_ms: u64,
    /// Variables of Bolt's environment.
    pub(super) environment: BTreeMap<String, Secret>,
    /// Where files of a run are written; the system's directory for temporary files where absent.
    pub(super) temp_dir: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            project_path: None,
            inventory: None,
            bin_dir: None,
            timeout_ms: 60 * 60 * 1000,
            concurrency: None,
            list_cache_ms: 5 * 60 * 1000,
            environment: BTreeMap::new(),
            temp_dir: None,
        }
    }
}

/// JSON Schema of the configuration.
pub(super) fn schema() -> Value {
    let text = |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "projectPath": text("The project, with its modules and its bolt-project.yaml"),
            "inventory": text("The inventory file, relative to the project; its inventory.yaml unless said otherwise"),
            "binDir": text("Where bolt is, when not on PATH"),
            "timeoutMs": {"type": "integer", "minimum": 1000, "maximum": 604_800_000,
                          "description": "The limit of one run in milliseconds; an hour unless said otherwise"},
            "concurrency": {"type": "integer", "minimum": 1, "maximum": 10_000,
                            "description": "Targets that Bolt does at once; its own setting unless said otherwise"},
            "listCacheMs": {"type": "integer", "minimum": 0, "maximum": 86_400_000,
                            "description": "How long a list of tasks or plans is good for while the project does not \
                                            change, in milliseconds; five minutes unless said otherwise"},
            "environment": {"type": "object", "additionalProperties": {"type": "string"},
                            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                            "description": "Variables of Bolt's environment, such as BOLT_GEM"},
            "tempDir": text("Where files of a run are written; the system's directory for temporary files unless said otherwise"),
        }
    })
}

impl Settings {
    /// Reads a configuration and looks whether what it names is there.
    ///
    /// # Errors
    /// What is wrong, with its field.
    pub(super) fn read(config: Value) -> Result<Self, String> {
        let config = if config.is_null() { json!({}) } else { config };
        let mut settings: Self =
            serde_json::from_value(config).map_err(|error| format!("config: {error}"))?;
        project(&mut settings.project_path)?;
        match &mut settings.inventory {
            Some(inventory) => {
                *inventory = below(settings.project_path.as_deref(), "inventory", inventory)?;
                if !inventory.is_file() {
                    return Err(format!("config.inventory: there is no file {}", inventory.display()));
                }
            }
            // As Bolt does it by itself.
            None => {
                let own = settings.project_path.as_ref().map(|project| project.join("inventory.yaml"));
                settings.inventory = own.filter(|path| path.is_file());
            }
        }
        let name = needs_locale(|name| match settings.environment.get(name) {
            Some(value) => Some(String::from_utf8_lossy(value.expose()).into_owned()),
            None => std::env::var(name).ok(),
        });
        if let Some(name) = name {
            settings.environment.insert(name.to_owned(), Secret::new("C.UTF-8"));
        }
        Ok(settings)
    }

    /// The program.
    pub(super) fn program(&self) -> PathBuf {
        self.bin_dir.as_ref().map_or_else(|| PathBuf::from("bolt"), |directory| directory.join("bolt"))
    }

    /// The limit of one run.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// How long a list is good for.
    pub(super) fn list_cache(&self) -> Duration {
        Duration::from_millis(self.list_cache_ms)
    }

    /// Where files of a run are written.
    pub(super) fn temp_dir(&self) -> PathBuf {
        self.temp_dir.clone().unwrap_or_else(std::env::temp_dir)
    }
}

/// The variable that has to be set so that Ruby reads our files as UTF-8, where none says it: a service has often no locale.
/// The first of these that is set decides (setlocale(3)).
fn needs_locale(value: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| Some((name, value(name).filter(|value| !value.is_empty())?)));
    match set {
        Some((_, value)) if value.to_lowercase().replace('-', "").contains("utf8") => None,
        // Whoever has chosen another one has it.
        Some((_, value)) if !["C", "POSIX"].contains(&value.as_str()) => None,
        _ => Some("LC_ALL"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use pabawi_domain::schema::ParameterSchema;

    #[test]
    fn what_is_bad_is_named_with_its_field() {
        let schema = ParameterSchema::new(&schema()).unwrap();
        let faults = |config: &Value| schema.violations("config", config, &[]);
        assert_eq!(faults(&json!({})), []);
        for (config, path) in [
            (json!({"tasks": "/x"}), "config"),
            (json!({"timeoutMs": 5}), "config.timeoutMs"),
            (json!({"concurrency": 0}), "config.concurrency"),
            (json!({"environment": {"A B": "x"}}), "config.environment"),
        ] {
            let found = faults(&config);
            assert!(found.len() == 1 && found[0].path.starts_with(path), "{config}: {found:?}");
        }
        for (config, part) in [
            (json!({"projectPath": "/nonexistent"}), "config.projectPath: /nonexistent is no directory"),
            (json!({"projectPath": "/", "inventory": "none"}), "config.inventory: there is no file /none"),
        ] {
            let fault = Settings::read(config).unwrap_err();
            assert!(fault.starts_with(part), "{fault}");
        }
        let settings = Settings::read(json!({"environment": {"TOKEN": "hunter2"}, "binDir": "/x"})).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(settings.program(), Path::new("/x/bolt"));
    }

    #[test]
    fn ruby_reads_utf8_unless_somebody_has_chosen_something_else() {
        let needs = |set: &[(&str, &str)]| {
            needs_locale(|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        for none in
            [&[][..], &[("LANG", "C")], &[("LC_ALL", "POSIX"), ("LANG", "de_DE.UTF-8")], &[("LANG", "")]]
        {
            assert_eq!(needs(none), Some("LC_ALL"), "{none:?}");
        }
        for set in
            [&[("LANG", "C.UTF-8")][..], &[("LC_CTYPE", "en_US.utf8"), ("LANG", "C")], &[("LANG", "de_DE")]]
        {
            assert_eq!(needs(set), None, "{set:?}");
        }
    }

    #[test]
    fn the_inventory_of_the_project_is_the_inventory() {
        let project = tempfile::tempdir().unwrap();
        let settings = || Settings::read(json!({"projectPath": project.path()})).unwrap();
        assert_eq!(settings().inventory, None);
        std::fs::write(project.path().join("inventory.yaml"), "targets: []\n").unwrap();
        assert_eq!(settings().inventory, Some(project.path().join("inventory.yaml")));
    }
}
