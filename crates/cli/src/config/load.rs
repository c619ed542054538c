//! All configuration files together: [`load`] makes a [`Config`] of them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pabawi::database::is_url;
use pabawi::inventory::SourceKind;
use serde_json::Value;

use super::entry::{Entry, Fault};
use super::expand::of_process;
use super::guard::{self, GuardEntry};
use super::journal::{self, JournalConfig};
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
    /// Who may do what, and which commands may be run.
    pub(crate) guard: GuardEntry,
    /// What is journalled, and how long it is kept.
    pub(crate) journal: JournalConfig,
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
        let is_machines = path == places.system;
        let reading = file::read(path, &text, is_machines, &of_process);
        faults.extend(reading.faults);
        config.warnings.extend(safety::warning(path, &metadata, &reading.entries));
        config.files.push(path.to_owned());
        let mut entries = reading.entries;
        if !is_machines {
            let (left, warnings) = guard::without_the_machines(&config.entries, entries);
            (entries, config.warnings) = (left, [config.warnings, warnings].concat());
        }
        config.entries.extend(entries.into_iter().map(|entry| (entry.path.clone(), entry)));
    }
    config.plugins = plugins::of(&config.entries, &mut faults);
    config.guard = guard::of(&config.entries, &mut faults);
    config.journal = journal::of(&config.entries, &mut faults);
    (config, faults)
}

/// A value as it would be typed in any folder.
pub(super) fn typed(kind: Kind, file: &Path, text: String) -> String {
    match kind {
        Kind::Database if is_url(&text) => text,
        Kind::Path | Kind::Paths | Kind::Database => seen_from(file, &text).to_string_lossy().into_owned(),
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
    fn the_machines_permissions_go_before_the_users() {
        let (config, faults) = loaded(
            "[permissions]\npolicy = 'mine.yaml'\nfresh = '1m'\n[command_policy]\nallow_all = true\n",
            "[permissions]\npolicy = 'all.yaml'\ninventory = 'nodes.yaml'\n",
        );
        assert_eq!(faults, Vec::<String>::new());
        let permissions = config.guard.permissions.unwrap();
        let named = |name: &str| permissions.origin.file.with_file_name(name);
        assert_eq!(permissions.policy.unwrap().value, named("all.yaml"));
        assert_eq!((permissions.fresh, permissions.database), (None, None));
        assert_eq!(permissions.inventory, [named("nodes.yaml").to_str().unwrap()]);
        assert!(!config.entries.contains_key("permissions.fresh"));
        assert_eq!(config.warnings.len(), 1);
        let (user, system) = (named("user.toml"), named("system.toml"));
        let told =
            format!("{}:1: [permissions] is not used, since {} has it", user.display(), system.display());
        assert_eq!(config.warnings, [told]);
        // What the machine's file does not say, the user's may.
        assert!(config.guard.command_policy.unwrap().allow_all);
        let (config, _) =
            loaded("[command_policy]\nallow_all = true", "[command_policy]\nwhitelist = ['uptime']");
        let policy = config.guard.command_policy.unwrap();
        assert_eq!((policy.allow_all, policy.whitelist), (false, vec!["uptime".to_owned()]));
        assert_eq!(loaded("", "").0.guard, GuardEntry::default());
    }

    #[test]
    fn what_is_wrong_with_permissions_is_told() {
        let (_, faults) = loaded(
            "[permissions]\npolicy = ''\ndatabase = 'mysql://u:geheim@h/d'\nfresh = '2m'\nfish = 1\n\
             [command_policy]\nallow_all = 'yes'\nwhitelist = [1]\nmatch_mode = 'regex'\nallow-scripts = true\n",
            "[permissions]\npolicy = '~/policy.yaml'\ndatabase = 'postgres://u:${HOME}@h:1/d'\n\
             inventory = ['a.yaml', 'ansible:~/hosts']\n",
        );
        for part in [
            "user.toml:2: permissions.policy: must be a text that is not blank",
            "user.toml:3: permissions.database: must be the path of a SQLite file, or postgres://",
            "user.toml:4: permissions.fresh: must be at most 60s",
            "user.toml:5: permissions.fish: unknown key; known are policy, database, fresh, inventory",
            "user.toml:7: command_policy.allow_all: must be true or false",
            "user.toml:8: command_policy.whitelist: must be a list of texts",
            "user.toml:9: command_policy.match_mode: must be one of exact, prefix",
            "user.toml:10: command_policy.allow-scripts: unknown key; allow_scripts is meant?",
            "system.toml:2: permissions.policy: has ~/, which is another folder for each caller",
            "system.toml:3: permissions.database: has a variable, which whoever calls pab can set",
            "system.toml:4: permissions.inventory: has ~/",
        ] {
            assert!(faults.iter().any(|fault| fault.starts_with(part)), "{part} is not in {faults:#?}");
        }
        assert!(!faults.concat().contains("geheim"), "{faults:?}");
        for (text, part) in [
            ("[permissions]", "user.toml:1: permissions: must name a policy, a database, or both"),
            ("permissions = 1", "user.toml:1: permissions: must be a table"),
            ("[permissions]\npolicy = 'p'\nfresh = '1s'", ":3: permissions.fresh: is for a database"),
            ("[permissions]\ndatabase = 'd'\ninventory = 'i'", ":3: permissions.inventory: is for a policy"),
            ("[permissions]\ndatabase = 'postgres://h/d'", "must name host, port and database"),
            ("[permissions]\ndatabase = 'postgres://u:p@h:5432'", "must name host, port and database"),
            ("[permissions]\ndatabase = 'postgres://:5432/d'", "must name host, port and database"),
        ] {
            let faults = loaded(text, "").1;
            assert!(faults.len() == 1 && faults[0].contains(part), "{text}: {faults:?}");
        }
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
            "user.toml:11: nothing: unknown key; known are defaults, journal, retention, plugins, permissions, command_policy",
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
        assert_eq!(of(Kind::Database, "x.db"), "/etc/pabawi/x.db");
        assert_eq!(of(Kind::Database, "postgres:///d"), "postgres:///d");
        assert_eq!(of(Kind::Sources, "ansible:hosts"), "ansible:/etc/pabawi/hosts");
        assert_eq!(of(Kind::Sources, "nodes.yaml"), "/etc/pabawi/nodes.yaml");
        assert_eq!(of(Kind::Text, "x"), "x");
    }
}
