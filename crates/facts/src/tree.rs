//! Facts that are being put together: [`Tree`].

use serde_json::{Map, Value};

/// A mapping of mappings. What is absent is not put into it.
#[derive(Debug, Default)]
pub(crate) struct Tree(Map<String, Value>);

impl Tree {
    /// Puts a value under these keys, from the outside in.
    pub(crate) fn put(&mut self, keys: &[&str], value: impl Into<Value>) {
        let Some((last, outer)) = keys.split_last() else { return };
        let mut map = &mut self.0;
        for key in outer {
            let below = map.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(below) = below else { return };
            map = below;
        }
        map.insert((*last).to_owned(), value.into());
    }

    /// Puts a value that may be absent.
    pub(crate) fn put_some(&mut self, keys: &[&str], value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(keys, value);
        }
    }

    /// An amount of memory or disk: the number of bytes, and the same for people as Facter writes it.
    pub(crate) fn put_bytes(&mut self, keys: &[&str], bytes: Option<u64>) {
        let (Some(bytes), Some((last, outer))) = (bytes, keys.split_last()) else { return };
        let number = format!("{last}_bytes");
        let mut keys = outer.to_vec();
        keys.push(&number);
        self.put(&keys, bytes);
        keys.pop();
        keys.push(last);
        self.put(&keys, for_people(bytes));
    }

    /// Puts a mapping over what there is, key by key; its leaves stand in place of what was there.
    pub(crate) fn put_over(&mut self, facts: Map<String, Value>) {
        over(&mut self.0, facts);
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

/// No deeper than the JSON that it was read from, which is bounded.
fn over(below: &mut Map<String, Value>, facts: Map<String, Value>) {
    for (key, value) in facts {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(facts)) => over(below, facts),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Bytes with two digits behind the point: `7.77 GiB`.
pub(crate) fn for_people(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    // In hundredths, so that nothing is lost; rounded to the nearest.
    let mut hundredths = u128::from(bytes) * 100;
    let mut unit = "bytes";
    for next in UNITS {
        if hundredths < 102_400 {
            break;
        }
        hundredths = (hundredths + 512) / 1024;
        unit = next;
    }
    format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100)
}

/// How much of it is used: `76.25%`.
pub(crate) fn share(used: u64, total: u64) -> Option<String> {
    let hundredths = (u128::from(used) * 10_000 + u128::from(total) / 2).checked_div(u128::from(total))?;
    Some(format!("{}.{:02}%", hundredths / 100, hundredths % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_facter_writes_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (8_343_674_880, "7.77 GiB"),
            (u64::MAX, "16.00 EiB"),
        ] {
            assert_eq!(for_people(bytes), text);
        }
        assert_eq!(share(1, 3).as_deref(), Some("33.33%"));
        assert_eq!(share(1, 0), None);
    }

    #[test]
    fn keys_make_mappings() {
        let mut tree = Tree::default();
        tree.put(&["a", "b"], 1);
        tree.put(&["a", "c"], "x");
        tree.put(&["a", "b", "d"], "below a leaf is no place");
        tree.put_some(&["e"], None::<u64>);
        tree.put_bytes(&["m", "total"], Some(2048));
        let expected =
            serde_json::json!({"a": {"b": 1, "c": "x"}, "m": {"total_bytes": 2048, "total": "2.00 KiB"}});
        assert_eq!(Value::Object(tree.into_map()), expected);
    }
}
