//! What may stand under `[defaults]`: [`KEYS`]. Each is an option of `pab` by its long name, so that `--help` of a command
//! tells what it means; the options themselves read the values.

use pabawi::database::check_name;
use pabawi::parse_duration;
use serde_json::Value;

use crate::args::parse_size;

/// A default of an option.
#[derive(Debug)]
pub(crate) struct Key {
    /// The long name of the option.
    pub(crate) name: &'static str,
    /// Below which heading of `--help` the option stands, where options of that name mean different things.
    pub(crate) heading: Option<&'static str>,
    /// What its value may be.
    pub(crate) kind: Kind,
    /// The variable that goes before the file.
    pub(crate) env: Option<&'static str>,
    /// What holds where nobody says anything.
    pub(crate) built_in: &'static str,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A file; `~/` is the home folder, and a relative path is seen from the file's folder.
    Path,
    /// As [`Kind::Path`], or the URL of a PostgreSQL database.
    Database,
    /// Several files.
    Paths,
    /// Several sources of nodes: files, each with or without a word for its kind before it.
    Sources,
    /// Several names.
    Names,
    /// Such as 30s or 1h30m.
    Duration,
    /// Such as 64M.
    Size,
    /// A whole number in this range.
    Number(u64, u64),
    /// One of these.
    Words(&'static [&'static str]),
}

const NODES: Option<&str> = Some("Nodes");
const CONNECTION: Option<&str> = Some("Connection");
const EXECUTION: Option<&str> = Some("Execution");
const RETRY: Option<&str> = Some("Retry");

const fn key(
    heading: Option<&'static str>,
    name: &'static str,
    kind: Kind,
    env: Option<&'static str>,
    built_in: &'static str,
) -> Key {
    Key { name, heading, kind, env, built_in }
}

/// All of them.
pub(crate) const KEYS: &[Key] = &[
    key(None, "db", Kind::Database, Some("PABAWI_DB"), "$XDG_DATA_HOME/pabawi/executions.db"),
    key(NODES, "inventory", Kind::Sources, Some("PABAWI_INVENTORY"), "none"),
    key(NODES, "ssh-config", Kind::Path, None, "~/.ssh/config to connect, no nodes"),
    key(NODES, "dialect", Kind::Words(&["pabawi", "ansible", "bolt"]), None, "pabawi"),
    key(None, "format", Kind::Words(&["table", "json", "ndjson", "yaml"]), None, "table"),
    key(None, "color", Kind::Words(&["auto", "never"]), None, "auto"),
    key(None, "log-level", Kind::Text, Some("PABAWI_LOG"), "warn"),
    key(None, "log-format", Kind::Words(&["text", "json"]), None, "text"),
    key(None, "metrics-file", Kind::Path, None, "none"),
    #[cfg(feature = "otlp")]
    key(None, "otlp-endpoint", Kind::Text, None, "none"),
    key(CONNECTION, "transport", Kind::Words(&["ssh", "local"]), None, "ssh"),
    key(CONNECTION, "user", Kind::Text, None, "that of ssh_config"),
    key(CONNECTION, "port", Kind::Number(1, 65_535), None, "that of ssh_config"),
    key(CONNECTION, "identity", Kind::Paths, None, "those of ssh_config"),
    key(CONNECTION, "host-keys", Kind::Words(&["strict", "accept-new", "off"]), None, "strict"),
    key(CONNECTION, "known-hosts", Kind::Paths, None, "~/.ssh/known_hosts"),
    key(CONNECTION, "connect-timeout", Kind::Duration, None, "10s"),
    key(EXECUTION, "timeout", Kind::Duration, None, "none"),
    key(EXECUTION, "execution-timeout", Kind::Duration, None, "none"),
    key(EXECUTION, "concurrency", Kind::Number(1, 10_000), None, "100"),
    key(EXECUTION, "output-memory", Kind::Size, None, "a quarter of the memory, 16M to 1G"),
    key(RETRY, "retries", Kind::Number(0, 99), None, "0"),
    key(RETRY, "retry-wait", Kind::Duration, None, "1s"),
    key(RETRY, "retry-max-wait", Kind::Duration, None, "60s"),
    key(RETRY, "node-breaker", Kind::Number(1, 1_000), None, "never"),
    key(RETRY, "group-breaker", Kind::Number(1, 1_000), None, "never"),
    key(RETRY, "breaker-groups", Kind::Names, None, "every group"),
];

impl Kind {
    /// Whether several values may be given.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::Paths | Self::Sources | Self::Names)
    }

    /// What is wrong with a value as it stands in a file, after its variables have been put in.
    ///
    /// # Errors
    /// A sentence for the person who wrote it.
    pub(crate) fn check(self, value: &Value) -> Result<(), String> {
        if self.is_list() {
            let all = value.as_array().is_some_and(|all| all.iter().all(is_text));
            return if all || is_text(value) { Ok(()) } else { Err("must be a list of texts".to_owned()) };
        }
        if let Self::Number(least, most) = self {
            let is_in = value.as_u64().is_some_and(|number| (least..=most).contains(&number));
            let text = || format!("must be a whole number from {least} to {most}");
            return if is_in { Ok(()) } else { Err(text()) };
        }
        let Some(text) = value.as_str().filter(|text| !text.trim().is_empty()) else {
            return Err("must be a text that is not blank".to_owned());
        };
        match self {
            Self::Duration => parse_duration(text).map(drop).map_err(|error| error.to_string()),
            Self::Size => parse_size(text).map(drop),
            Self::Database => check_name(text).map_err(|error| {
                let why: Vec<String> = error.fields.into_iter().map(|field| field.message).collect();
                why.join("; ")
            }),
            Self::Words(words) if !words.contains(&text) => {
                Err(format!("must be one of {}", words.join(", ")))
            }
            _ => Ok(()),
        }
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_checked_by_their_kind() {
        let kind = |name: &str| KEYS.iter().find(|key| key.name == name).unwrap().kind;
        for (name, good, bad) in [
            ("db", json!("/x"), json!(5)),
            ("db", json!("postgres://ada@h/d"), json!("mysql://ada@h/d")),
            ("inventory", json!(["a", "ansible:b"]), json!([1])),
            ("inventory", json!("a"), json!("")),
            ("format", json!("json"), json!("xml")),
            ("port", json!(22), json!("22")),
            ("port", json!(65_535), json!(0)),
            ("concurrency", json!(10_000), json!(10_001)),
            ("retries", json!(0), json!(-1)),
            ("timeout", json!("1h30m"), json!("soon")),
            ("timeout", json!("30s"), json!(30)),
            ("output-memory", json!("64M"), json!("64X")),
            ("breaker-groups", json!(["dc1"]), json!({"dc1": 1})),
        ] {
            assert_eq!(kind(name).check(&good), Ok(()), "{name} {good}");
            assert!(kind(name).check(&bad).is_err(), "{name} {bad}");
        }
    }
}
