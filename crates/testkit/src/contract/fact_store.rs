//! What every [`FactStore`] must do. Main function: [`facts_are_kept`].

use pabawi_domain::condition::FactPath;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactStore, KeptFacts, NodeFacts};
use serde_json::{Value, json};

use super::records::{at, good};

fn node(name: &str) -> NodeId {
    match NodeId::new(name) {
        Ok(node) => node,
        Err(error) => unreachable!("the name is good: {error}"),
    }
}

fn kept(name: &str, provider: &str, facts: Value) -> KeptFacts {
    let Value::Object(facts) = facts else { unreachable!("facts are a mapping") };
    KeptFacts {
        provider: provider.to_owned(),
        collected_at: at(20),
        facts: NodeFacts { node: node(name), facts, raw: None, warnings: Vec::new(), gathered_at: at(10) },
    }
}

/// Facts are read back as they were kept last, of each node and provider by itself, and values are found by their path.
pub async fn facts_are_kept(store: &dyn FactStore) {
    let path = |text: &str| match FactPath::new(text) {
        Ok(path) => path,
        Err(error) => unreachable!("the path is good: {error}"),
    };
    let values = async |text: &str| -> Vec<(String, String, Value)> {
        let found = good("find values", store.values_at(&path(text)).await);
        let mut found: Vec<_> =
            found.into_iter().map(|(node, provider, value)| (node.to_string(), provider, value)).collect();
        found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        found
    };
    let row = |name: &str, provider: &str, value: Value| (name.to_owned(), provider.to_owned(), value);
    assert_eq!(good("read", store.facts_of(&[node("web1")]).await), []);
    assert_eq!(values("os.family").await, []);
    good("keep nothing", store.put_facts(Vec::new()).await);

    let mut whole =
        kept("web1", "ssh", json!({"os": {"family": "Debian"}, "n": 1.5, "list": [1, "two"], "no": false}));
    whole.facts.raw = Some(json!("raw"));
    whole.facts.warnings = vec!["something is missing".to_owned()];
    let other = kept("web1", "puppetdb", json!({"os": {"family": "RedHat"}, "nothing": null}));
    let dotted =
        kept("web2", "ssh", json!({"net": {"eth0.100": {"mtu": 1500}}, "a.b": {"c\"d": "x"}, "os": "text"}));
    good("keep", store.put_facts(vec![whole.clone(), other.clone(), dotted.clone()]).await);
    let mut read = good("read", store.facts_of(&[node("web2"), node("web1"), node("web3")]).await);
    read.sort_by(|a, b| (&a.facts.node, &a.provider).cmp(&(&b.facts.node, &b.provider)));
    assert_eq!(read, [other.clone(), whole.clone(), dotted]);

    let families = [row("web1", "puppetdb", "RedHat".into()), row("web1", "ssh", "Debian".into())];
    assert_eq!(values("os.family").await, families);
    assert_eq!(values("n").await, [row("web1", "ssh", json!(1.5))]);
    assert_eq!(values("list.1").await, [row("web1", "ssh", "two".into())]);
    assert_eq!(values("list").await, [row("web1", "ssh", json!([1, "two"]))]);
    assert_eq!(values("no").await, [row("web1", "ssh", false.into())]);
    assert_eq!(values("nothing").await, [row("web1", "puppetdb", Value::Null)]);
    assert_eq!(values("net.eth0.100.mtu").await, [row("web2", "ssh", 1500.into())]);
    assert_eq!(values("a.b.c\"d").await, [row("web2", "ssh", "x".into())]);
    assert_eq!(values("os.release").await, []);

    // Kept again: what was there before is gone, what another provider said is not.
    let again = kept("web1", "ssh", json!({"os": {"name": "Debian"}}));
    good("keep", store.put_facts(vec![again.clone()]).await);
    assert_eq!(values("os.family").await, [row("web1", "puppetdb", "RedHat".into())]);
    let mut read = good("read", store.facts_of(&[node("web1")]).await);
    read.sort_by(|a, b| a.provider.cmp(&b.provider));
    assert_eq!(read, [other, again]);

    // Many at once, named twice too: the last one stands.
    let many = (0..1000).map(|number| kept(&format!("n{number}"), "ssh", json!({"number": number})));
    let twice = kept("n0", "ssh", json!({"number": -1}));
    good("keep many", store.put_facts(many.chain([twice]).collect()).await);
    let numbers = values("number").await;
    assert_eq!(numbers.len(), 1000);
    assert_eq!(numbers.first(), Some(&row("n0", "ssh", json!(-1))));
}
