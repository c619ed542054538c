//! The configuration of the plugin: [`Settings`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pabawi_domain::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::tool::project_settings::{absolute, below, project};

/// How Ansible is to be used. Checked against [`schema`] before it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    /// The project: where playbooks are, and where Ansible works and finds its `ansible.cfg`.
    pub(super) project_path: Option<PathBuf>,
    /// The inventory, a file or directory; relative to the project.
    pub(super) inventory: Option<PathBuf>,
    /// Where Ansible's programs are, when not on `PATH`.
    pub(super) bin_dir: Option<PathBuf>,
    /// The limit of one run, in milliseconds.
    pub(super) timeout_ms: u64,
    /// Nodes that Ansible does at once; its own setting where absent.
    pub(super) forks: Option<u32>,
    /// The login user where a node has none of its own.
    pub(super) user: Option<String>,
    /// The private key where a node has none of its own.
    pub(super) private_key_file: Option<PathBuf>,
    /// More options of `ssh`, as in `--ssh-common-args`.
    pub(super) ssh_args: Option<String>,
    /// The file with the password of vaulted files.
    pub(super) vault_password_file: Option<PathBuf>,
    /// Variables of Ansible's environment, such as `ANSIBLE_HOST_KEY_CHECKING`.
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
            forks: None,
            user: None,
            private_key_file: None,
            ssh_args: None,
            vault_password_file: None,
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
            "projectPath": text("The project: where playbooks are and where Ansible finds its ansible.cfg"),
            "inventory": text("The inventory, a file or directory; relative to the project. Without it Ansible knows the nodes \
                               of a run alone"),
            "binDir": text("Where Ansible's programs are, when not on PATH"),
            "timeoutMs": {"type": "integer", "minimum": 1000, "maximum": 604_800_000,
                          "description": "The limit of one run in milliseconds; an hour unless said otherwise"},
            "forks": {"type": "integer", "minimum": 1, "maximum": 1000,
                      "description": "Nodes that Ansible does at once; its own setting unless said otherwise"},
            "user": {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.@\\\\-]*$",
                     "description": "The login user where a node has none of its own"},
            "privateKeyFile": text("The private key where a node has none of its own"),
            "sshArgs": text("More options of ssh, as in --ssh-common-args"),
            "vaultPasswordFile": text("The file with the password of vaulted files"),
            "environment": {"type": "object", "additionalProperties": {"type": "string"},
                            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                            "description": "Variables of Ansible's environment, such as ANSIBLE_HOST_KEY_CHECKING"},
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
        if let Some(inventory) = &mut settings.inventory {
            *inventory = below(settings.project_path.as_deref(), "inventory", inventory)?;
            if !inventory.exists() {
                return Err(format!("config.inventory: there is no {}", inventory.display()));
            }
        }
        for (field, path) in [
            ("privateKeyFile", &mut settings.private_key_file),
            ("vaultPasswordFile", &mut settings.vault_password_file),
        ] {
            if let Some(path) = path {
                *path = absolute(field, path)?;
                if !path.is_file() {
                    return Err(format!("config.{field}: there is no file {}", path.display()));
                }
            }
        }
        Ok(settings)
    }

    /// One of Ansible's programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.as_ref().map_or_else(|| PathBuf::from(name), |directory| directory.join(name))
    }

    /// The limit of one run.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Where files of a run are written.
    pub(super) fn temp_dir(&self) -> PathBuf {
        self.temp_dir.clone().unwrap_or_else(std::env::temp_dir)
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
            (json!({"playbooks": "/x"}), "config"),
            (json!({"timeoutMs": 5}), "config.timeoutMs"),
            (json!({"forks": "many"}), "config.forks"),
            (json!({"user": "-oProxyCommand=x"}), "config.user"),
            (json!({"environment": {"A B": "x"}}), "config.environment"),
        ] {
            let found = faults(&config);
            assert!(found.len() == 1 && found[0].path.starts_with(path), "{config}: {found:?}");
        }
        for (config, part) in [
            (json!({"projectPath": "/nonexistent"}), "config.projectPath: /nonexistent is no directory"),
            (
                json!({"projectPath": "/", "inventory": "nonexistent"}),
                "config.inventory: there is no /nonexistent",
            ),
            (json!({"privateKeyFile": "/nonexistent"}), "config.privateKeyFile"),
        ] {
            let fault = Settings::read(config).unwrap_err();
            assert!(fault.starts_with(part), "{fault}");
        }
        let settings = Settings::read(json!({"environment": {"TOKEN": "hunter2"}, "binDir": "/x"})).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(settings.program("ansible"), Path::new("/x/ansible"));
    }
}
