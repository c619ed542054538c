//! All configuration files together: [`load`] makes a [`Config`] of them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pabawi::inventory::SourceKind;
use serde_json::Value;

use super::entry::{Entry, Fault};
use super::expand::of_process;
use super::keys::{KEYS, Key, Kind};
use super::places::Places;
use super::plugins::{self, PluginEntry};
use super::{file, safety};

/// The most that is read of a file, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// What the files say.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// The files that were read, the one that goes first at the end.
    pub(crate) files: Vec<PathBuf>,
    /// Every value by its path, as the file says it that goes first.
    pub(crate) entries: BTreeMap<String, Entry>,
    /// The plugins that are enabled.
    pub(crate) plugins: Vec<PluginEntry>,
    /// What a person should know, though it is no fault.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// The default that the files have for an option, as it would be typed.
    pub(crate) fn default_of(&self, key: &Key) -> Option<Vec<String>> {
        let entry = self.entries.get(&format!("defaults.{}", key.name))?;
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let given = match &entry.value {
            Value::Array(all) => all.iter().map(text).collect(),
            one => vec![text(one)],
        };
        Some(given.into_iter().map(|text| typed(key.kind, &entry.origin.file, text)).collect())
    }

    /// The defaults that are given.
    pub(crate) fn defaults(&self) -> impl Iterator<Item = (&'static Key, Vec<String>)> {
        KEYS.iter().filter_map(|key| Some((key, self.default_of(key)?)))
    }
}

/// Reads the files that there are.
pub(crate) fn load(places: &Places) -> (Config, Vec<Fault>) {
    let mut config = Config::default();
    let mut faults = Vec::new();
    for path in places.in_order() {
        let opened = match std::fs::File::open(path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !places.must_exist(path) => {
                continue;
            }
            Err(error) => {
                let named = if places.must_exist(path) { "PABAWI_CONFIG: " } else { "" };
                faults.push(Fault::of_file(path, format!("{named}cannot be read: {error}")));
                continue;
            }
        };
        let mut text = String::new();
        let read = opened.metadata().and_then(|metadata| {
            (&opened).take(LONGEST + 1).read_to_string(&mut text)?;
            Ok(metadata)
        });
        let metadata = match read {
            Ok(metadata) => metadata,
            Err(error) => {
                faults.push(Fault::of_file(path, format!("cannot be read: {error}")));
                continue;
            }
        };
        if text.len() as u64 > LONGEST {
            faults.push(Fault::of_file(path, format!("is longer than {LONGEST} bytes")));
            continue;
        }
        faults.extend(safety::look(path, &metadata));
        let reading = file::read(path, &text, &of_process);
        faults.extend(reading.faults);
        config.warnings.extend(safety::warning(path, &metadata, &reading.entries));
        config.files.push(path.to_owned());
        config.entries.extend(reading.entries.into_iter().map(|entry| (entry.path.clone(), entry)));
    }
    config.plugins = plugins::of(&config.entries, &mut faults);
    (config, faults)
}

/// A value as it would be typed in any folder.
fn typed(kind: Kind, file: &Path, text: String) -> String {
    match kind {
        Kind::Path | Kind::Paths => seen_from(file, &text).to_string_lossy().into_owned(),
        Kind::Sources => match text.split_once(':') {
            Some((word, path)) if SourceKind::WORDS.contains(&word) || word == "sources" => {
                format!("{word}:{}", seen_from(file, path).display())
            }
            _ => seen_from(file, &text).to_string_lossy().into_owned(),
        },
        _ => text,
    }
}

/// A path that is written in a file: `~/` is the home folder, and what is relative is seen from the file's folder.
pub(super) fn seen_from(file: &Path, path: &str) -> PathBuf {
    if let (Some(rest), Some(home)) = (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        return PathBuf::from(home).join(rest);
    }
    file.parent().unwrap_or(Path::new("/")).join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(folder: &Path) -> Places {
        Places { user: Some(folder.join("user.toml")), is_named: false, system: folder.join("system.toml") }
    }

    fn loaded(user: &str, system: &str) -> (Config, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        std::fs::write(places.user.as_ref().unwrap(), user).unwrap();
        std::fs::write(&places.system, system).unwrap();
        let (config, faults) = load(&places);
        let start = format!("{}/", folder.path().display());
        (config, faults.iter().map(|fault| fault.to_string().replace(&start, "")).collect())
    }

    #[test]
    fn the_users_file_goes_before_the_machines() {
        let (config, faults) = loaded(
            "[defaults]\nconcurrency = 7\n[plugins.bolt]\nenabled = false\n[plugins.puppet]\nconfig.a = 1\n",
            "[defaults]\nconcurrency = 9\nformat = 'json'\n[plugins.bolt]\n[plugins.puppet]\n\
             kind = \"puppetdb\"\nconfig = {a = 2, b = [1, \"${PABAWI_NO_SUCH:-x}\"]}\n",
        );
        assert_eq!(faults, Vec::<String>::new());
        let defaults: Vec<_> = config.defaults().map(|(key, values)| (key.name, values)).collect();
        assert_eq!(defaults, [("format", vec!["json".to_owned()]), ("concurrency", vec!["7".to_owned()])]);
        assert_eq!(config.entries["defaults.concurrency"].origin.line, 2);
        assert_eq!(config.plugins.len(), 1, "{:?}", config.plugins);
        let plugin = &config.plugins[0];
        assert_eq!((plugin.name.as_str(), plugin.kind.as_str()), ("puppet", "puppetdb"));
        assert_eq!(Value::from(plugin.config.clone()), serde_json::json!({"a": 1, "b": [1, "x"]}));
    }

    #[test]
    fn every_fault_is_told_with_file_line_and_path() {
        let (_, faults) = loaded(
            "[defaults]\nconcurency = 1\nformat = 'xml'\nuser = \"${PABAWI_NO_SUCH}\"\nhost_keys = 'off'\n\
             [plugins.bolt]\nenabled = 1\npriority = 'high'\ncolour = 1\n[plugins.Bad]\n[nothing]\n",
            "x = [",
        );
        for part in [
            "system.toml:1: is no TOML",
            "user.toml:2: defaults.concurency: unknown key; known are db",
            "user.toml:3: defaults.format: must be one of table, json",
            "user.toml:4: defaults.user: variable PABAWI_NO_SUCH is not set",
            "user.toml:5: defaults.host_keys: unknown key; host-keys is meant?",
            "user.toml:7: plugins.bolt.enabled: must be true or false",
            "user.toml:8: plugins.bolt.priority: must be a whole number",
            "user.toml:9: plugins.bolt.colour: unknown key; known are enabled",
            "user.toml:10: plugins.Bad: is no name of a plugin",
            "user.toml:11: nothing: unknown key; known are defaults, plugins",
        ] {
            assert!(faults.iter().any(|fault| fault.starts_with(part)), "{part} is not in {faults:#?}");
        }
    }

    #[test]
    fn a_file_that_is_named_has_to_be_there_and_nobody_else_may_change_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut places = places(folder.path());
        assert!(load(&places).1.is_empty());
        places.is_named = true;
        assert!(load(&places).1[0].to_string().contains("PABAWI_CONFIG: cannot be read"));
        let file = places.user.clone().unwrap();
        let set = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::write(&file, "[plugins.x.config]\ntoken = 'abc'\n").unwrap();
        set(0o600);
        let (config, faults) = load(&places);
        assert_eq!((faults, config.warnings), (vec![], vec![]));
        set(0o644);
        let (config, _) = load(&places);
        assert!(config.warnings[0].contains("plugins.x.config.token is a secret"), "{:?}", config.warnings);
        set(0o666);
        assert!(load(&places).1[0].message.contains("chmod o-w"));
    }

    #[test]
    fn paths_are_seen_from_the_file() {
        let file = Path::new("/etc/pabawi/config.toml");
        let of = |kind, text: &str| typed(kind, file, text.to_owned());
        assert_eq!(of(Kind::Path, "x.db"), "/etc/pabawi/x.db");
        assert_eq!(of(Kind::Path, "/x.db"), "/x.db");
        assert_eq!(of(Kind::Sources, "ansible:hosts"), "ansible:/etc/pabawi/hosts");
        assert_eq!(of(Kind::Sources, "nodes.yaml"), "/etc/pabawi/nodes.yaml");
        assert_eq!(of(Kind::Text, "x"), "x");
    }
}
