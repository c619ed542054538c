//! The facts of one node from several providers: [`MergedFacts`].
//!
//! Mappings are merged key by key; everything else, lists too, is a leaf and is taken whole from the provider of the
//! highest priority that has it, at equal priority from the one that was registered earlier (R4.6, R4.7). `null` and
//! empty mappings say nothing and hide nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::condition::FactPath;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProviderError, NodeFacts};
use serde::Serialize;
use serde_json::{Map, Value};

/// Mappings deeper than this are taken as leaves.
const MAX_DEPTH: usize = 64;

/// What one provider said about a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The provider's name.
    pub provider: Arc<str>,
    /// Its priority; higher wins.
    pub priority: i32,
    /// When it was asked, UTC.
    pub collected_at: Timestamp,
    /// Its facts, its raw facts and its warnings.
    pub facts: Arc<NodeFacts>,
}

/// The facts of one node.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedFacts {
    node: NodeId,
    facts: Whole,
    layers: Vec<Layer>,
    failures: Vec<Arc<FactProviderError>>,
}

/// The merged facts themselves.
#[derive(Debug, Clone, PartialEq)]
enum Whole {
    /// Where only one provider says anything, its facts are all there are, and are not copied.
    OfOne(Arc<NodeFacts>),
    Merged(Map<String, Value>),
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The provider's name.
    pub provider: String,
    /// Its priority.
    pub priority: i32,
    /// When the value was gathered, UTC.
    pub gathered_at: Timestamp,
    /// When the provider was asked, UTC.
    pub collected_at: Timestamp,
    /// What it said.
    pub value: Value,
}

impl Source {
    /// How old the value is.
    pub fn age(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.gathered_at)).unwrap_or_default()
    }
}

/// One fact with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// Its keys from the outside in, joined by dots.
    pub path: String,
    /// Whose value stands.
    pub winner: Source,
    /// Who said something else or the same at a lower priority, the highest first.
    pub losers: Vec<Source>,
}

impl MergedFacts {
    /// Merges layers, the first of which wins.
    pub(crate) fn new(node: NodeId, layers: Vec<Layer>, failures: Vec<Arc<FactProviderError>>) -> Self {
        let mut saying = layers.iter().filter(|layer| !layer.facts.facts.is_empty());
        let facts = match (saying.next(), saying.next()) {
            (Some(only), None) if says_all(&only.facts.facts, 0) => Whole::OfOne(Arc::clone(&only.facts)),
            _ => {
                let mut facts = Map::new();
                for layer in &layers {
                    put_below(&mut facts, &layer.facts.facts, 0);
                }
                Whole::Merged(facts)
            }
        };
        Self { node, facts, layers, failures }
    }

    /// The node.
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// All facts.
    pub fn facts(&self) -> &Map<String, Value> {
        match &self.facts {
            Whole::OfOne(facts) => &facts.facts,
            Whole::Merged(facts) => facts,
        }
    }

    /// One fact, or a mapping of several.
    pub fn get(&self, path: &FactPath) -> Option<&Value> {
        path.find(self.facts())
    }

    /// What each provider said, the highest priority first. Its raw facts are there too.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Providers that have no facts of this node now, and why.
    pub fn failures(&self) -> impl Iterator<Item = &FactProviderError> {
        self.failures.iter().map(AsRef::as_ref)
    }

    /// What providers could not find, and why: `(provider, warning)`.
    pub fn warnings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.layers
            .iter()
            .flat_map(|layer| layer.facts.warnings.iter().map(|text| (&*layer.provider, text.as_str())))
    }

    /// The fact at the path and all below it, or all facts, each with who said it and who said something else.
    pub fn explain(&self, path: Option<&FactPath>) -> Vec<Explained> {
        let tops = self.layers.iter().map(|layer| (layer, &layer.facts.facts)).collect();
        let mut all = Vec::new();
        explain_mappings(tops, String::new(), 0, &mut all);
        if let Some(path) = path {
            all.retain(|one| covers(&one.path, path.as_str()) || covers(path.as_str(), &one.path));
        }
        all
    }
}

/// Whether `path` is `beginning` or stands below it.
fn covers(beginning: &str, path: &str) -> bool {
    path.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Puts what `target` does not have into it.
fn put_below(target: &mut Map<String, Value>, source: &Map<String, Value>, depth: usize) {
    for (key, value) in source {
        match (target.get_mut(key), value) {
            (Some(Value::Object(known)), Value::Object(more)) if depth < MAX_DEPTH => {
                put_below(known, more, depth + 1);
            }
            (Some(_), _) => {}
            (None, value) => {
                if let Some(value) = said(value, depth) {
                    target.insert(key.clone(), value);
                }
            }
        }
    }
}

/// The value without what says nothing.
fn said(value: &Value, depth: usize) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) if depth < MAX_DEPTH => {
            let map: Map<String, Value> =
                map.iter().filter_map(|(key, value)| Some((key.clone(), said(value, depth + 1)?))).collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        other => Some(other.clone()),
    }
}

/// Whether nothing in the mapping says nothing.
fn says_all(map: &Map<String, Value>, depth: usize) -> bool {
    map.values().all(|value| match value {
        Value::Null => false,
        Value::Object(map) if depth < MAX_DEPTH => !map.is_empty() && says_all(map, depth + 1),
        _ => true,
    })
}

fn says_something(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null => false,
        Value::Object(map) if depth < MAX_DEPTH => map.values().any(|value| says_something(value, depth + 1)),
        _ => true,
    }
}

/// Goes through mappings that stand at the same place in several layers.
fn explain_mappings(
    mappings: Vec<(&Layer, &Map<String, Value>)>,
    prefix: String,
    depth: usize,
    all: &mut Vec<Explained>,
) {
    let mut keys: Vec<&String> = mappings.iter().flat_map(|(_, map)| map.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let mut at: Vec<(&Layer, &Value)> =
            mappings.iter().filter_map(|(layer, map)| Some((*layer, map.get(key)?))).collect();
        at.retain(|(_, value)| says_something(value, depth));
        match at.split_first() {
            None => {}
            // Below a mapping, only mappings are merged; a leaf of a lower priority is hidden by it.
            Some(((_, Value::Object(_)), _)) if depth < MAX_DEPTH => {
                let below = at.iter().filter_map(|(layer, value)| Some((*layer, value.as_object()?)));
                explain_mappings(below.collect(), path, depth + 1, all);
            }
            Some(((layer, value), others)) => {
                let losers = others.iter().map(|(layer, value)| source(layer, value)).collect();
                all.push(Explained { path, winner: source(layer, value), losers });
            }
        }
    }
}

fn source(layer: &Layer, value: &Value) -> Source {
    Source {
        provider: layer.provider.to_string(),
        priority: layer.priority,
        gathered_at: layer.facts.gathered_at,
        collected_at: layer.collected_at,
        value: value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn layer(provider: &str, priority: i32, facts: &Value) -> Layer {
        Layer {
            provider: provider.into(),
            priority,
            collected_at: Timestamp::UNIX_EPOCH,
            facts: Arc::new(NodeFacts {
                node: NodeId::new("web1").unwrap(),
                facts: facts.as_object().unwrap().clone(),
                raw: None,
                warnings: vec![],
                gathered_at: Timestamp::UNIX_EPOCH,
            }),
        }
    }

    fn merged(layers: Vec<Layer>) -> MergedFacts {
        MergedFacts::new(NodeId::new("web1").unwrap(), layers, vec![])
    }

    /// R4.6, R4.7
    #[test]
    fn each_leaf_comes_from_the_first_that_has_it() {
        let merged = merged(vec![
            layer("high", 9, &json!({"os": {"family": "Debian"}, "dns": ["a"], "kernel": null, "x": {}})),
            layer(
                "low",
                1,
                &json!({"os": {"family": "RedHat", "name": "Rocky"}, "dns": ["b", "c"],
                "kernel": "Linux", "x": {"y": 1}}),
            ),
        ]);
        let expected = json!({"os": {"family": "Debian", "name": "Rocky"}, "dns": ["a"], "kernel": "Linux", "x": {"y": 1}});
        assert_eq!(Value::Object(merged.facts().clone()), expected);
        let explained = merged.explain(Some(&FactPath::new("os").unwrap()));
        let told: Vec<_> = explained
            .iter()
            .map(|one| (one.path.as_str(), one.winner.provider.as_str(), one.losers.len()))
            .collect();
        assert_eq!(told, [("os.family", "high", 1), ("os.name", "low", 0)]);
        assert_eq!(explained[0].losers[0].value, "RedHat");
        let of_an_item = merged.explain(Some(&FactPath::new("dns.0").unwrap()));
        assert_eq!((of_an_item.len(), of_an_item[0].path.as_str()), (1, "dns"));
        assert!(merged.explain(Some(&FactPath::new("o").unwrap())).is_empty());
    }

    #[test]
    fn a_leaf_of_a_higher_priority_hides_a_mapping_and_is_explained_so() {
        let merged = merged(vec![
            layer("high", 9, &json!({"a": "leaf", "b": {"c": 1}})),
            layer("low", 1, &json!({"a": {"below": 1}, "b": 7})),
        ]);
        assert_eq!(Value::Object(merged.facts().clone()), json!({"a": "leaf", "b": {"c": 1}}));
        let told = merged.explain(None);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].losers[0].value, json!({"below": 1}));
    }

    #[test]
    fn what_only_one_provider_says_is_not_copied() {
        let layers = vec![layer("empty", 9, &json!({})), layer("ssh", 5, &json!({"a": {"b": 1}}))];
        let facts = Arc::clone(&layers[1].facts);
        let alone = merged(layers);
        assert!(std::ptr::eq(alone.facts(), &raw const facts.facts));
        let with_nothing = merged(vec![layer("ssh", 5, &json!({"a": {"b": 1, "c": null}, "d": {}}))]);
        assert_eq!(Value::Object(with_nothing.facts().clone()), json!({"a": {"b": 1}}));
    }

    fn facts() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..9i64).prop_map(Value::from),
            proptest::collection::vec((0..3i64).prop_map(Value::from), 0..3).prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(4, 32, 4, |inner| {
            proptest::collection::btree_map("[a-c.]{1,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        });
        proptest::collection::btree_map("[a-c]", value, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    /// The leaves of a mapping by their keys.
    fn leaves(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    leaves(value, &path, found);
                }
            }
            Value::Null => {}
            leaf => found.push((path.to_owned(), leaf.clone())),
        }
    }

    proptest! {
        /// What is explained is what was merged: the same leaves with the same values.
        #[test]
        fn explanations_and_merged_facts_agree(all in proptest::collection::vec(facts(), 0..4)) {
            let layers = all.iter().enumerate().map(|(index, facts)| layer(&format!("p{index}"), 0, facts));
            let merged = merged(layers.collect());
            let mut expected = Vec::new();
            leaves(&Value::Object(merged.facts().clone()), "", &mut expected);
            let mut told: Vec<_> =
                merged.explain(None).into_iter().map(|one| (one.path, one.winner.value)).collect();
            let order = |a: &(String, Value), b: &(String, Value)| {
                (&a.0, a.1.to_string()).cmp(&(&b.0, b.1.to_string()))
            };
            expected.sort_by(order);
            told.sort_by(order);
            prop_assert_eq!(&told, &expected);
            // The first layer is whole in the result.
            if let Some(first) = all.first() {
                let mut own = Vec::new();
                leaves(first, "", &mut own);
                for leaf in own {
                    prop_assert!(expected.contains(&leaf));
                }
            }
        }
    }
}
