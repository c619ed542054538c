//! Text that PostgreSQL by itself cannot hold.

use pabawi_domain::condition::FactPath;
use pabawi_domain::ports::{ExecutionStore as _, FactStore as _, KeptFacts, NodeFacts};
use pabawi_domain::record::ExecutionQuery;
use serde_json::json;

use crate::opened::open;
use crate::records::{at, execution, node};

/// R5.8: a command with any character is stored, found and read back as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_character_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for command in ["printf 'a\0b'", "echo \u{E000}0 \u{E000}", "echo plain"] {
        let new = execution(command, 1);
        store.create(new.clone()).await.unwrap();
        let found = store.execution(new.id).await.unwrap().unwrap();
        assert_eq!((found.action_text.as_str(), &found.request), (command, &new.request));
    }
    let query = ExecutionQuery { text: Some("A\0B".into()), ..ExecutionQuery::default() };
    let found = store.executions(&query).await.unwrap().items;
    assert_eq!(found.iter().map(|record| record.action_text.as_str()).collect::<Vec<_>>(), ["printf 'a\0b'"]);
}

/// One node whose facts hold such a character takes no condition away from the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_with_any_character_are_searched() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let facts = |name: &str, text: &str| KeptFacts {
        provider: "test".to_owned(),
        collected_at: at(1),
        facts: NodeFacts {
            node: node(name),
            facts: [("os".to_owned(), json!({"family": text})), ("k\0ey".to_owned(), json!(1))]
                .into_iter()
                .filter(|(key, _)| key == "os" || text.contains('\0'))
                .collect(),
            raw: None,
            warnings: Vec::new(),
            gathered_at: at(1),
        },
    };
    let kept = vec![facts("b", "De\0bian"), facts("a", "Debian"), facts("c", "Alpine")];
    store.put_facts(kept.clone()).await.unwrap();
    let found = store.values_at(&FactPath::new("os.family").unwrap()).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|(node, _, value)| (node.as_str(), value.as_str().unwrap())).collect();
    assert_eq!(found, [("a", "Debian"), ("b", "De\0bian"), ("c", "Alpine")]);
    let mut read = store.facts_of(&[node("b")]).await.unwrap();
    assert_eq!(read.pop().as_ref(), kept.first());
}
