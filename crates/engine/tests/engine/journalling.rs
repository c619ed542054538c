//! What executions do is journalled: one entry for each node, written together with its result.

use std::sync::Arc;

use pabawi_domain::capability::RiskLevel;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::journal::{JournalEntry, JournalMatter, JournalWeight};
use pabawi_domain::ports::{CallGate, CallQuestion, CallReport, JournalRules};
use pabawi_domain::request::ExecutionRequest;
use pabawi_engine::{AllowAll, Engine, EngineLimits, SubscriptionMode};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use serde_json::Map;

use super::support::{Events, Names, ann, command, node};

/// Everything of at least that weight becomes an entry, whose type tells the question.
struct AtLeast(JournalWeight);

impl JournalRules for AtLeast {
    fn entry_type(&self, matter: &JournalMatter<'_>) -> Option<String> {
        let JournalMatter { source, capability, name, weight } = *matter;
        (weight >= self.0).then(|| format!("{source} {capability} {}", name.unwrap_or("-")))
    }
}

async fn engine(store: &Arc<MemoryStore>, transport: ScriptedTransport, weight: JournalWeight) -> Engine {
    Engine::builder()
        .store(store.clone())
        .journal(store.clone())
        .journal_rules(Arc::new(AtLeast(weight)))
        .transport(Arc::new(transport))
        .resolver(Arc::new(Names))
        .authorizer(Arc::new(AllowAll))
        .clock(Arc::new(ManualClock::default()))
        .limits(EngineLimits::default())
        .build()
        .await
        .unwrap()
}

fn of<'a>(entries: &'a [JournalEntry], name: &str) -> &'a JournalEntry {
    let mut found = entries.iter().filter(|one| one.entry.node == node(name));
    let entry = found.next().unwrap_or_else(|| panic!("{name} has no entry: {entries:?}"));
    assert!(found.next().is_none(), "{name} has two");
    entry
}

/// R5.9, R11.1, R11.7, R11.10, R11.11: an entry for each node with what it is about, what came of it, and its execution; it is
/// there when the node's end is told.
#[tokio::test(start_paused = true)]
async fn every_node_gets_an_entry_with_its_result() {
    let transport = ScriptedTransport::new()
        .node(&node("good"), NodeScript::new().stdout("hello"))
        .node(&node("bad"), NodeScript::new().exits(3))
        .node(&node("away"), NodeScript::new().connect_fails(ErrorCode::NoRoute));
    let store = Arc::new(MemoryStore::new());
    let engine = engine(&store, transport, JournalWeight::Look).await;
    let one_by_one = ExecutionRequest { concurrency: Some(1), ..command("away,bad,good") };
    let id = engine.submit(ann(), one_by_one).await.unwrap();
    let mut events = Events(engine.events(&ann(), id, 1, SubscriptionMode::GapWhenSlow).await.unwrap());
    for name in ["away", "bad", "good"] {
        events.until_finished(name).await;
        of(&store.journal_entries(), name);
    }
    engine.wait(&ann(), id).await.unwrap();
    let entries = store.journal_entries();
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        assert_eq!(entry.entry.execution_id, Some(id));
        assert_eq!((entry.entry.user.as_deref(), entry.entry.action.as_str()), (Some("ann"), "uptime"));
        assert_eq!(
            (entry.entry.source.as_str(), entry.entry.event_type.as_str()),
            ("ssh", "ssh command.execute -")
        );
        assert_eq!(entry.entry.details["kind"], "command");
    }
    let good = &of(&entries, "good").entry;
    assert_eq!(good.result_status.as_deref(), Some("succeeded"));
    assert_eq!(good.summary, "Command: uptime — succeeded");
    assert_eq!(good.details["exitCode"], 0);
    assert_eq!(good.details["stdout"].as_str().map(str::len), Some(64), "the output by its hash");
    let bad = &of(&entries, "bad").entry;
    assert_eq!((bad.result_status.as_deref(), &bad.details["exitCode"]), (Some("exited"), &3.into()));
    let away = &of(&entries, "away").entry;
    assert_eq!(away.result_status.as_deref(), Some("unreachable"));
    assert_eq!(away.details["error"]["code"], "no_route");
}

/// R11.8: what does not become an entry by the rules leaves none.
#[tokio::test(start_paused = true)]
async fn rules_decide_what_becomes_an_entry() {
    let transport = ScriptedTransport::new().node(&node("bad"), NodeScript::new().exits(3));
    let store = Arc::new(MemoryStore::new());
    let engine = engine(&store, transport, JournalWeight::Failure).await;
    engine.execute(ann(), command("good,bad")).await.unwrap();
    let entries = store.journal_entries();
    assert_eq!(entries.len(), 1);
    of(&entries, "bad");
}

/// What a process that died has left is journalled before it is closed, once however often somebody looks.
#[tokio::test(start_paused = true)]
async fn what_a_dead_process_left_is_journalled_as_interrupted() {
    let store = Arc::new(MemoryStore::new());
    let transport = ScriptedTransport::new().node(&node("hangs"), NodeScript::new().hangs());
    let limits = EngineLimits { max_node_runs: 2, ..EngineLimits::default() };
    let first = Engine::builder()
        .store(store.clone())
        .journal(store.clone())
        .journal_rules(Arc::new(AtLeast(JournalWeight::Change)))
        .transport(Arc::new(transport.clone()))
        .resolver(Arc::new(Names))
        .authorizer(Arc::new(AllowAll))
        .clock(Arc::new(ManualClock::default()))
        .limits(limits)
        .build()
        .await
        .unwrap();
    let request = ExecutionRequest { concurrency: Some(1), ..command("good,hangs,waits") };
    let id = first.submit(ann(), request).await.unwrap();
    let mut events = Events(first.events(&ann(), id, 1, SubscriptionMode::GapWhenSlow).await.unwrap());
    events.until_started("hangs").await;
    assert_eq!(store.journal_entries().len(), 1);
    store.orphan_all();
    let second = engine(&store, ScriptedTransport::new(), JournalWeight::Change).await;
    let entries = store.journal_entries();
    assert_eq!(entries.len(), 2, "nothing was done to the one that waited: {entries:?}");
    let hangs = &of(&entries, "hangs").entry;
    assert_eq!((hangs.result_status.as_deref(), hangs.execution_id), (Some("interrupted"), Some(id)));
    assert_eq!((hangs.user.as_deref(), hangs.source.as_str()), (Some("ann"), "ssh"));
    drop(second);
    engine(&store, ScriptedTransport::new(), JournalWeight::Change).await;
    assert_eq!(store.journal_entries().len(), 2);
}

/// R11.4: a call of a plugin has an entry for each node that it was about, however many they are, before it is answered.
#[tokio::test(start_paused = true)]
async fn a_call_about_many_nodes_is_journalled_for_each() {
    let store = Arc::new(MemoryStore::new());
    let engine = engine(&store, ScriptedTransport::new(), JournalWeight::Change).await;
    let nodes: Vec<NodeId> = (0..5_000).map(|number| node(&format!("n{number:04}"))).collect();
    let (plugin, parameters) = (PluginName::new("cloud").unwrap(), Map::new());
    let question = CallQuestion {
        caller: &ann(),
        plugin: &plugin,
        capability: "machine.start",
        permissions: &["machine.start".to_owned()],
        risk: RiskLevel::Execute,
        parameters: &parameters,
        commands: &[],
        sensitive: &[],
        nodes: &nodes,
        correlation_id: None,
    };
    let report = CallReport { parameters: &parameters, took_ms: 1, fault: None };
    engine.call_gate().journal(&question, &report).await;
    let entries = store.journal_entries();
    let told: Vec<NodeId> = entries.iter().map(|one| one.entry.node.clone()).collect();
    assert_eq!(told.len(), nodes.len());
    assert!(told == nodes, "each node has one entry");
}
