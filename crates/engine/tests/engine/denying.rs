//! What is denied, by whatever verb, is in the log with who, what, where and why, and in the journal of each node that it was
//! about (R6.6).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pabawi_domain::breaker::Component;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{AuthorizationQuery, Authorizer, AuthorizerError, Decision};
use pabawi_domain::record::ExecutionQuery;
use pabawi_engine::{
    CancelScope, EngineLimits, Graphs, RerunOptions, RerunSecrets, RerunSelection, ResumeOptions,
};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::ScriptedTransport;
use serde_json::Value;

use super::graphs::graph;
use super::logging::{lines_with, listen};
use super::support::{Answer, GRACEFUL, Policy, Rig, ann, command, node, settle};

/// Denies one capability, which changes.
#[derive(Clone)]
struct Denies {
    what: Arc<Mutex<&'static str>>,
    looks_at_nodes: bool,
}

#[async_trait]
impl Authorizer for Denies {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        if query.capability == *self.what.lock().unwrap() {
            return Ok(Decision::Deny { reason: "not yours".to_owned() });
        }
        Ok(Decision::Allow)
    }

    fn looks_at_nodes(&self) -> bool {
        self.looks_at_nodes
    }
}

/// Whether nodes are asked about makes no difference to what is told of them.
#[tokio::test(start_paused = true)]
async fn every_verb_that_is_denied_is_journalled_and_logged() {
    for looks_at_nodes in [true, false] {
        told_of_every_verb(Denies { what: Arc::new(Mutex::new("")), looks_at_nodes }).await;
    }
}

async fn told_of_every_verb(denies: Denies) {
    listen();
    let store = Arc::new(MemoryStore::new());
    let what = Arc::clone(&denies.what);
    let rig =
        Rig::judged_by(Arc::new(denies), store, ScriptedTransport::new(), EngineLimits::default()).await;
    let graphs = Graphs::open(rig.engine.clone(), rig.store.clone()).await.unwrap();
    let (engine, user) = (&rig.engine, &ann());
    let id = rig.execute(command("a,b")).await.record.id;
    let (run, _) = graphs.submit(ann(), graph("one c: true\n two d: true")).await.unwrap();
    graphs.wait(user, run).await.unwrap();
    let component = Component::Node(node("e"));
    for verb in 0..14 {
        let (capability, event_type, nodes) = match verb {
            0 | 1 => ("executions.cancel", "access_denied", if verb == 0 { "a,b" } else { "b" }),
            2..=4 => ("executions.show", "access_denied", "a,b"),
            5 => ("graphs.run", "execution_denied", "f,g"),
            6 => ("graphs.run", "execution_denied", "c,d"),
            7 => ("graphs.cancel", "access_denied", "c,d"),
            8 => ("graphs.show", "access_denied", "c,d"),
            9 => ("plans.create", "access_denied", "a,b"),
            10 => ("breakers.reset", "access_denied", "e"),
            11 => ("facts.collect", "access_denied", "a,b"),
            12 => ("executions.list", "", ""),
            _ => ("breakers.show", "", ""),
        };
        *what.lock().unwrap() = capability;
        let (before, logged) = (rig.store.journal_entries().len(), lines_with("denied").len());
        let code = match verb {
            0 => engine.cancel(user, id, CancelScope::All, GRACEFUL).await.unwrap_err().code(),
            1 => {
                let scope = CancelScope::Nodes(vec![node("b")]);
                engine.cancel(user, id, scope, GRACEFUL).await.unwrap_err().code()
            }
            2 => engine.status(user, id).await.unwrap_err().code(),
            3 => {
                let again = engine.rerun(ann(), id, RerunSelection::All, RerunOptions::default()).await;
                again.unwrap_err().code()
            }
            4 => engine.resume(ann(), id, false, RerunSecrets::default()).await.unwrap_err().code(),
            5 => graphs.submit(ann(), graph("x f,g: true\n y g: true")).await.map(drop).unwrap_err().code(),
            6 => graphs.resume(ann(), run, ResumeOptions::default()).await.map(drop).unwrap_err().code(),
            7 => graphs.cancel(user, run, GRACEFUL).await.unwrap_err().code(),
            8 => graphs.status(user, run).await.unwrap_err().code(),
            9 => engine.preview(ann(), command("a,b"), Value::Null).await.unwrap_err().code(),
            10 => engine.reset_breaker(user, &component).await.unwrap_err().code(),
            11 => engine.may_on(user, capability, &[node("a"), node("b")]).await.unwrap_err().code(),
            12 => engine.executions(user, &ExecutionQuery::default()).await.unwrap_err().code(),
            _ => engine.breakers(user).await.unwrap_err().code(),
        };
        assert_eq!(code, ErrorCode::Denied, "{verb}");
        let lines = lines_with("denied").split_off(logged);
        let [line] = lines.as_slice() else { panic!("{verb}: {lines:?}") };
        let count = nodes.split(',').filter(|node| !node.is_empty()).count();
        let (capability_said, targets, named) = (
            format!("capability=\"{capability}\""),
            format!("targets={count} "),
            format!("nodes=\"{nodes}\""),
        );
        for part in ["WARN", "user=\"ann\"", &capability_said, &targets, &named, "reason=\"not yours\""] {
            assert!(line.contains(part), "{verb}: {part} is not in {line}");
        }
        settle().await;
        let entries = rig.store.journal_entries().split_off(before);
        let told: Vec<&str> = entries.iter().map(|one| one.entry.node.as_str()).collect();
        assert_eq!(told.join(","), nodes, "{verb}");
        for one in &entries {
            let entry = &one.entry;
            assert_eq!(
                (entry.event_type.as_str(), entry.user.as_deref()),
                (event_type, Some("ann")),
                "{verb}"
            );
            assert_eq!((entry.action.as_str(), entry.summary.as_str()), (capability, "not yours"));
            assert_eq!(entry.result_status.as_deref(), Some("denied"));
            assert_eq!(
                (&entry.details["capability"], &entry.details["targets"]),
                (&capability.into(), &count.into())
            );
        }
    }
}

/// R11: however many nodes are denied, each has its entry and the log one line with their count.
#[tokio::test(start_paused = true)]
async fn each_of_many_denied_nodes_is_journalled() {
    listen();
    let denies = Denies { what: Arc::new(Mutex::new("facts.collect")), looks_at_nodes: true };
    let store = Arc::new(MemoryStore::new());
    let rig =
        Rig::judged_by(Arc::new(denies), store, ScriptedTransport::new(), EngineLimits::default()).await;
    let mut nodes: Vec<NodeId> = (0..5_000).map(|number| node(&format!("n{number:04}"))).collect();
    let denied = rig.engine.may_on(&ann(), "facts.collect", &nodes).await.unwrap_err();
    assert_eq!(denied.code(), ErrorCode::Denied);
    settle().await;
    let entries = rig.store.journal_entries();
    let mut told: Vec<NodeId> = entries.iter().map(|one| one.entry.node.clone()).collect();
    told.sort();
    nodes.sort();
    assert_eq!(told.len(), nodes.len());
    assert!(told == nodes, "each node has one entry");
    assert!(entries.iter().all(|one| one.entry.details["targets"] == 5_000));
    let lines = lines_with("denied");
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(line.contains("targets=5000 "), "{line}");
    assert!(lines_with("lost").is_empty());
}

/// The second look, when a run starts, is told as the first, and in the journal once.
#[tokio::test(start_paused = true)]
async fn a_denial_at_the_start_is_journalled_and_logged() {
    listen();
    let second = |query: &AuthorizationQuery<'_>| match query.nodes {
        [one] if one.as_str() == "b" => Answer::Deny,
        _ => Answer::Allow,
    };
    let (store, transport) = (Arc::new(MemoryStore::new()), ScriptedTransport::new());
    let rig = Rig::judged_by(Arc::new(Policy(second)), store, transport, EngineLimits::default()).await;
    let id = rig.execute(command("a,b")).await.record.id;
    let lines = lines_with("capability=");
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    for part in
        ["user=\"ann\"", "capability=\"command.execute\"", "nodes=\"b\"", "\"not yours\"", &id.to_string()]
    {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    settle().await;
    let entries = rig.store.journal_entries();
    let denied: Vec<_> = entries.iter().filter(|one| one.entry.event_type == "execution_denied").collect();
    assert_eq!(denied.len(), 1, "{entries:?}");
}
