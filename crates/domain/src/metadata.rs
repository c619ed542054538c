//! [`Metadata`]: what a source tells of a node beyond the way to it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Values by their keys, in the order of the keys. Made for hundreds of thousands of nodes with a few values each: half
/// the memory of a tree, and keys are shared by copies.
#[derive(Clone, PartialEq, Default)]
pub struct Metadata(Vec<(Arc<str>, Value)>);

impl Metadata {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(key))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(self.place(key).ok()?).map(|(_, value)| value)
    }

    /// Whether there is a value of that key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_ok()
    }

    /// Sets a value and returns the one before. Many values are better collected than inserted one by one.
    pub fn insert(&mut self, key: impl AsRef<str> + Into<Arc<str>>, value: Value) -> Option<Value> {
        match self.place(key.as_ref()) {
            Ok(at) => self.0.get_mut(at).map(|(_, known)| std::mem::replace(known, value)),
            Err(at) => {
                self.0.insert(at, (key.into(), value));
                None
            }
        }
    }

    /// Takes what `other` has and this has not.
    pub fn fill(&mut self, other: &Self) {
        let missing: Vec<_> = other.0.iter().filter(|(key, _)| !self.contains_key(key)).cloned().collect();
        if !missing.is_empty() {
            self.0.reserve_exact(missing.len());
            self.0.extend(missing);
            self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
    }

    /// The keys and values in the order of the keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// How many values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Index<&str> for Metadata {
    type Output = Value;

    /// The value of a key, or `null`, as of a JSON object.
    fn index(&self, key: &str) -> &Value {
        const NULL: Value = Value::Null;
        self.get(key).unwrap_or(&NULL)
    }
}

impl<K: Into<Arc<str>>> FromIterator<(K, Value)> for Metadata {
    /// Of a key that comes twice, the last value stands.
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(values: I) -> Self {
        let mut values: Vec<(Arc<str>, Value)> =
            values.into_iter().map(|(key, value)| (key.into(), value)).collect();
        // Stable, so that the last of the same stays last; it is kept, being the first from behind.
        values.sort_by(|(one, _), (other, _)| one.cmp(other));
        values.reverse();
        values.dedup_by(|(one, _), (other, _)| one == other);
        values.reverse();
        values.shrink_to_fit();
        Self(values)
    }
}

impl From<BTreeMap<String, Value>> for Metadata {
    fn from(values: BTreeMap<String, Value>) -> Self {
        Self(values.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;

        impl<'de> Visitor<'de> for Values {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut values: Vec<(String, Value)> = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    values.push(entry);
                }
                Ok(values.into_iter().collect())
            }
        }

        deserializer.deserialize_map(Values)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_a_mapping() {
        let mut metadata: Metadata =
            [("b", json!(1)), ("a", json!(2)), ("b", json!(3))].into_iter().collect();
        assert_eq!(serde_json::to_string(&metadata).unwrap(), r#"{"a":2,"b":3}"#);
        assert_eq!(serde_json::from_str::<Metadata>(r#"{"b":3,"a":2}"#).unwrap(), metadata);
        assert_eq!(metadata.insert("aa", json!(null)), None);
        assert_eq!(metadata.insert("aa", json!(4)), Some(Value::Null));
        assert_eq!((&metadata["aa"], &metadata["c"], metadata.len()), (&json!(4), &Value::Null, 3));
        let other: Metadata = [("0", json!(0)), ("b", json!(9)), ("z", json!(1))].into_iter().collect();
        metadata.fill(&other);
        assert_eq!(
            serde_json::to_value(&metadata).unwrap(),
            json!({"0": 0, "a": 2, "aa": 4, "b": 3, "z": 1})
        );
    }
}
