//! [`Data`]: what a group or a target says, and how two of them become one.

use serde_json::{Map, Value};

/// What a group or a target says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Data {
    pub(super) config: Map<String, Value>,
    pub(super) vars: Map<String, Value>,
    pub(super) facts: Map<String, Value>,
    pub(super) features: Vec<String>,
}

impl Data {
    /// Both together; what `self` says stands. Configuration and facts are merged deeply, a variable is replaced whole,
    /// features add up (Bolt's `data_merge`).
    pub(super) fn over(mut self, low: &Self) -> Self {
        merge_deep(&mut self.config, &low.config);
        merge_deep(&mut self.facts, &low.facts);
        for (name, value) in &low.vars {
            if !self.vars.contains_key(name) {
                self.vars.insert(name.clone(), value.clone());
            }
        }
        for feature in &low.features {
            if !self.features.contains(feature) {
                self.features.push(feature.clone());
            }
        }
        self
    }
}

/// Takes from `low` what `high` does not have. The depth is that of the document, which is limited.
fn merge_deep(high: &mut Map<String, Value>, low: &Map<String, Value>) {
    for (key, value) in low {
        match (high.get_mut(key), value) {
            (Some(Value::Object(high)), Value::Object(low)) => merge_deep(high, low),
            (Some(_), _) => {}
            (None, value) => {
                high.insert(key.clone(), value.clone());
            }
        }
    }
}
