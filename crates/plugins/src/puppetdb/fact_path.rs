//! [`FactPath`]: the place of a fact, as Facter writes it: `os.family`.

use pabawi_domain::metadata::Metadata;
use serde_json::{Map, Value};

/// The place of a fact: names with dots between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FactPath(String);

impl FactPath {
    /// Reads `os.family`. Names are letters, digits, `_` and `-`, so a path can never mean more than itself in a query.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let good = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        if text.len() <= 200 && text.split('.').all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "must be a fact such as os.family: names of letters, digits, '_' and '-' with dots between them",
            )
        }
    }

    /// The path as it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Its field in the query language.
    pub(super) fn field(&self) -> String {
        format!("facts.{}", self.0)
    }
}

/// Puts a value at a path, making the objects on the way. What stands in the way is replaced.
pub(super) fn insert(facts: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            facts.insert(path.to_owned(), value);
        }
        Some((name, rest)) => {
            let inner = facts.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The value at a path.
pub(super) fn find<'a>(facts: &'a Metadata, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let mut value = facts.get(names.next()?)?;
    for name in names {
        value = value.get(name)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_nothing_but_names() {
        assert_eq!(FactPath::parse("networking.fqdn").unwrap().field(), "facts.networking.fqdn");
        for bad in ["", ".", "a.", "a..b", "a b", "a\"", "a]{}", "os.*", "é"] {
            assert!(FactPath::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn values_find_their_place() {
        let mut facts = Map::new();
        insert(&mut facts, "os.family", "Debian".into());
        insert(&mut facts, "os.release.major", "12".into());
        insert(&mut facts, "kernel", "Linux".into());
        insert(&mut facts, "kernel.version", "6".into());
        let expected = serde_json::json!({"os": {"family": "Debian", "release": {"major": "12"}}, "kernel": {"version": "6"}});
        assert_eq!(Value::Object(facts), expected);
    }
}
