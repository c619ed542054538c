//! Who may do what: nothing without a yes, and each target is asked about again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::{NodeOutcome, RejectedBy};
use pabawi_domain::ports::{AuthorizationQuery, ExecutionStore};
use pabawi_domain::record::ExecutionQuery;
use pabawi_engine::{CancelScope, Engine, EngineLimits, RerunOptions, RerunSelection, SubscriptionMode};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::ScriptedTransport;
use tokio::time::Instant;

use super::support::{Answer, GRACEFUL, Names, Policy, Rig, ann, command};

async fn judged_by(policy: impl Fn(&AuthorizationQuery<'_>) -> Answer + Send + Sync + 'static) -> Rig {
    let store = Arc::new(MemoryStore::new());
    Rig::judged_by(Arc::new(Policy(policy)), store, ScriptedTransport::new(), EngineLimits::default()).await
}

/// R6.6: no, an error, silence and a bug all deny; nothing is recorded or started, and it is journalled.
#[tokio::test(start_paused = true)]
async fn everything_but_a_yes_denies() {
    let cases = ["not yours", "directory is down", "did not answer within 5000 ms", "bug in the host"];
    for (answer, reason) in cases.into_iter().enumerate() {
        let rig = judged_by(move |_| match answer {
            0 => Answer::Deny,
            1 => Answer::Fail,
            2 => Answer::Hang,
            _ => Answer::Panic,
        })
        .await;
        let begin = Instant::now();
        let error = rig.engine.submit(ann(), command("a,b")).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Denied);
        assert!(error.to_string().contains(reason), "{error}");
        assert!(begin.elapsed() <= Duration::from_secs(5));
        assert!(rig.store.executions(&ExecutionQuery::default()).await.unwrap().items.is_empty());
        assert!(rig.transport.started().is_empty());
        rig.engine.shutdown(Duration::from_secs(1)).await;
        let entries = rig.store.journal_entries();
        let nodes: Vec<_> = entries.iter().map(|one| one.entry.node.as_str()).collect();
        assert_eq!(nodes, ["a", "b"]);
        assert!(entries.iter().all(|one| one.entry.result_status.as_deref() == Some("denied")
            && one.entry.user.as_deref() == Some("ann")));
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_authorizer_nothing_is_allowed() {
    let engine = Engine::builder()
        .store(Arc::new(MemoryStore::new()))
        .resolver(Arc::new(Names))
        .transport(Arc::new(ScriptedTransport::new()))
        .build()
        .await
        .unwrap();
    let error = engine.submit(ann(), command("a")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Denied);
    assert!(error.to_string().contains("no authorizer"), "{error}");
    let error = engine.executions(&ann(), &ExecutionQuery::default()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Denied);
}

/// R6.6: it is asked once with all targets, with the capability and the kind of action.
#[tokio::test(start_paused = true)]
async fn the_first_question_is_about_all_targets() {
    let rig = judged_by(|query| {
        let right = query.caller.user == "ann" && query.capability == "command.execute";
        let all = query.nodes.len() == 3 || query.nodes.len() == 1;
        if right && all && query.action.is_some() { Answer::Allow } else { Answer::Deny }
    })
    .await;
    assert!(rig.engine.submit(ann(), command("a,b,c")).await.is_ok());
    assert!(rig.engine.submit(ann(), command("a,b")).await.is_err());
}

/// R6.6: a target that is no longer allowed when its run starts is rejected; the others run.
#[tokio::test(start_paused = true)]
async fn a_target_that_is_denied_at_its_start_is_not_touched() {
    let rig = judged_by(|query| match query.nodes {
        [one] if one.as_str() == "b" => Answer::Deny,
        _ => Answer::Allow,
    })
    .await;
    let outcome = rig.execute(command("a,b,c")).await;
    let progress = outcome.summary.progress;
    assert_eq!((progress.succeeded, progress.failed), (2, 1));
    let target = rig.stored(outcome.record.id, "b").await;
    let Some(NodeOutcome::Rejected { by: RejectedBy::Policy, error }) = target.result else {
        panic!("{:?}", target.result)
    };
    assert_eq!((error.code, error.message.as_str(), target.attempt), (ErrorCode::Denied, "not yours", 0));
    assert_eq!(rig.transport.started().len(), 2);
}

/// R6.5: asking and ordering about executions needs its own permission.
#[tokio::test(start_paused = true)]
async fn questions_and_orders_are_authorized() {
    let strict = Arc::new(AtomicBool::new(false));
    let rig = {
        let strict = Arc::clone(&strict);
        judged_by(move |query| {
            let own = query.capability.starts_with("executions.");
            if own && strict.load(Ordering::SeqCst) { Answer::Deny } else { Answer::Allow }
        })
        .await
    };
    let id = rig.execute(command("a")).await.record.id;
    rig.engine.executions(&ann(), &ExecutionQuery::default()).await.unwrap();
    strict.store(true, Ordering::SeqCst);
    let engine = &rig.engine;
    let denied = [
        engine.executions(&ann(), &ExecutionQuery::default()).await.map(drop).unwrap_err(),
        engine.status(&ann(), id).await.map(drop).unwrap_err(),
        engine.wait(&ann(), id).await.map(drop).unwrap_err(),
        engine.targets(&ann(), id, &Default::default()).await.map(drop).unwrap_err(),
        engine.attempts(&ann(), id, None).await.map(drop).unwrap_err(),
        engine.events(&ann(), id, 1, SubscriptionMode::GapWhenSlow).await.map(drop).unwrap_err(),
        engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.map(drop).unwrap_err(),
    ];
    assert!(denied.iter().all(|error| error.code() == ErrorCode::Denied), "{denied:?}");
    let rerun = engine.rerun(ann(), id, RerunSelection::All, RerunOptions::default()).await;
    assert_eq!(rerun.unwrap_err().code(), ErrorCode::Denied);
}
