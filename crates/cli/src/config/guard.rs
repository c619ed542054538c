//! The tables `[permissions]` and `[command_policy]`: [`GuardEntry`]. Where the file of the machine has one of them, that of
//! the user has none, and nothing in it comes from the environment: whoever calls `pab` must not widen what they may do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pabawi::database::is_url;
use pabawi::parse_duration;
use pabawi::permissions::{CommandPolicy, MatchMode, Permissions};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{Entry, Fault, Origin};
use super::file::{Reading, unknown};
use super::keys::Kind;
use super::load::{seen_from, typed};

/// The tables.
pub(super) const SECTIONS: [&str; 2] = [PERMISSIONS, COMMAND_POLICY];
const PERMISSIONS: &str = "permissions";
const COMMAND_POLICY: &str = "command_policy";

/// A key of one of the tables.
struct Key {
    section: &'static str,
    name: &'static str,
    check: fn(&Value) -> Result<(), String>,
}

const fn key(section: &'static str, name: &'static str, check: fn(&Value) -> Result<(), String>) -> Key {
    Key { section, name, check }
}

const KEYS: [Key; 8] = [
    key(PERMISSIONS, "policy", |value| Kind::Path.check(value)),
    key(PERMISSIONS, "database", database),
    key(PERMISSIONS, "fresh", fresh),
    key(PERMISSIONS, "inventory", |value| Kind::Sources.check(value)),
    key(COMMAND_POLICY, "allow_all", truth),
    key(COMMAND_POLICY, "whitelist", |value| Kind::Names.check(value)),
    key(COMMAND_POLICY, "match_mode", |value| Kind::Words(&["exact", "prefix"]).check(value)),
    key(COMMAND_POLICY, "allow_scripts", truth),
];

/// What the tables say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GuardEntry {
    /// `[permissions]`.
    pub(crate) permissions: Option<PermissionsEntry>,
    /// `[command_policy]`.
    pub(crate) command_policy: Option<CommandPolicy>,
}

/// `[permissions]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PermissionsEntry {
    /// The policy file.
    pub(crate) policy: Option<Placed<PathBuf>>,
    /// Pabawi's database.
    pub(crate) database: Option<Placed<Database>>,
    /// How long an answer of the database is taken for what holds now.
    pub(crate) fresh: Option<Duration>,
    /// Of which sources the nodes are that the policy names, as they would be typed behind `--inventory`.
    pub(crate) inventory: Vec<String>,
    /// Where the table begins.
    pub(crate) origin: Origin,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Where Pabawi's tables are.
#[derive(Clone, PartialEq)]
pub(crate) enum Database {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL URL, which may hold a password.
    Postgres(String),
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

/// Reads one table.
pub(super) fn read(reading: &mut Reading<'_>, section: &str, at: usize, table: &DeTable<'_>) {
    reading.mark(section, at);
    for (key, value) in table {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        let path = format!("{section}.{name}");
        let mut known = KEYS.iter().filter(|key| key.section == section);
        match known.clone().find(|key| key.name == name) {
            Some(key) => read_key(reading, key, path, at, value),
            None => {
                let known: Vec<&str> = known.by_ref().map(|key| key.name).collect();
                reading.fault(at, path, unknown(name, &known));
            }
        }
    }
}

fn read_key(reading: &mut Reading<'_>, key: &Key, path: String, at: usize, value: &Spanned<DeValue<'_>>) {
    let at_value = value.span().start;
    if reading.is_machines
        && let Some(message) = reading.written(value).and_then(|written| of_the_caller(&written))
    {
        reading.fault(at_value, path, message);
        return;
    }
    if let Some((expanded, _)) = reading.value(&path, value)
        && let Err(message) = (key.check)(&expanded)
    {
        reading.fault(at_value, path, message);
        return;
    }
    reading.take(path, at, value);
}

/// What is said of a value that whoever calls `pab` could change.
fn of_the_caller(written: &Value) -> Option<String> {
    match written {
        Value::String(text) if text.replace("$${", "").contains("${") => {
            Some("has a variable, which whoever calls pab can set; write the value itself".to_owned())
        }
        Value::String(text) if text.starts_with("~/") || text.contains(":~/") => {
            Some("has ~/, which is another folder for each caller; write the whole path".to_owned())
        }
        Value::Array(all) => all.iter().find_map(of_the_caller),
        _ => None,
    }
}

fn truth(value: &Value) -> Result<(), String> {
    value.is_boolean().then_some(()).ok_or_else(|| "must be true or false".to_owned())
}

fn fresh(value: &Value) -> Result<(), String> {
    Kind::Duration.check(value)?;
    let most = Permissions::LONGEST_FRESH;
    match value.as_str().map(parse_duration) {
        Some(Ok(fresh)) if fresh > most => Err(format!("must be at most {}s", most.as_secs())),
        _ => Ok(()),
    }
}

/// A path, or a URL that says where it leads: what it leaves out would come from variables such as `PGHOST`.
fn database(value: &Value) -> Result<(), String> {
    Kind::Text.check(value)?;
    let text = value.as_str().unwrap_or_default();
    if !text.contains("://") {
        return Ok(());
    }
    let form = "postgres://user@host:port/database";
    if !is_url(text) {
        return Err(format!("must be the path of a SQLite file, or {form}"));
    }
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, name) = rest.rsplit_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let is_whole =
        host.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if is_whole && !name.split('?').next().unwrap_or_default().is_empty() {
        return Ok(());
    }
    Err(format!("must name host, port and database: {form}"))
}

/// What the tables say together.
pub(super) fn of(entries: &BTreeMap<String, Entry>, faults: &mut Vec<Fault>) -> GuardEntry {
    let value = |path: &str| entries.get(path);
    let text = |path: &str| Some((value(path)?.value.as_str()?, &value(path)?.origin));
    let is_true = |path: &str| value(path).is_some_and(|entry| entry.value == Value::Bool(true));
    let command_policy = value(COMMAND_POLICY).map(|_| CommandPolicy {
        allow_all: is_true("command_policy.allow_all"),
        allow_scripts: is_true("command_policy.allow_scripts"),
        whitelist: texts(value("command_policy.whitelist")),
        match_mode: match text("command_policy.match_mode") {
            Some(("prefix", _)) => MatchMode::Prefix,
            _ => MatchMode::Exact,
        },
    });
    let permissions = value(PERMISSIONS).map(|table| {
        let database = text("permissions.database").map(|(text, origin)| {
            let value = match is_url(text) {
                true => Database::Postgres(text.to_owned()),
                false => Database::File(seen_from(&origin.file, text)),
            };
            Placed { value, origin: origin.clone() }
        });
        let policy = text("permissions.policy")
            .map(|(text, origin)| Placed { value: seen_from(&origin.file, text), origin: origin.clone() });
        let inventory = value("permissions.inventory");
        let file = inventory.map_or_else(PathBuf::new, |entry| entry.origin.file.clone());
        PermissionsEntry {
            policy,
            database,
            fresh: text("permissions.fresh").and_then(|(text, _)| parse_duration(text).ok()),
            inventory: texts(inventory).into_iter().map(|text| typed(Kind::Sources, &file, text)).collect(),
            origin: table.origin.clone(),
        }
    });
    // A file that has faults of its own is not told what follows from them.
    if let (Some(said), true) = (&permissions, faults.is_empty()) {
        if said.policy.is_none() && said.database.is_none() {
            let text = "must name a policy, a database, or both";
            faults.push(Fault::at(&said.origin, PERMISSIONS, text));
        }
        let unused =
            [("fresh", said.database.is_none(), "database"), ("inventory", said.policy.is_none(), "policy")];
        for (name, is_unused, of) in unused {
            if let (Some(entry), true) = (value(&format!("{PERMISSIONS}.{name}")), is_unused) {
                let text = format!("is for a {of}, and there is none");
                faults.push(Fault::at(&entry.origin, entry.path.clone(), text));
            }
        }
    }
    GuardEntry { permissions, command_policy }
}

fn texts(entry: Option<&Entry>) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match entry.map(|entry| &entry.value) {
        Some(Value::Array(all)) => all.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Takes out of a user's file the tables that the machine's has; with what is said about it.
pub(super) fn without_the_machines(
    machines: &BTreeMap<String, Entry>,
    mut of_user: Vec<Entry>,
) -> (Vec<Entry>, Vec<String>) {
    let mut warnings = Vec::new();
    for section in SECTIONS {
        let (Some(first), Some(ignored)) =
            (machines.get(section), of_user.iter().find(|entry| entry.path == section))
        else {
            continue;
        };
        let (place, file) = (&ignored.origin, first.origin.file.display());
        warnings.push(format!("{place}: [{section}] is not used, since {file} has it"));
        let below = format!("{section}.");
        of_user.retain(|entry| entry.path != section && !entry.path.starts_with(&below));
    }
    (of_user, warnings)
}
