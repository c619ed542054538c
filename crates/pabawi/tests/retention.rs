//! Retention by a schedule, by the framework as a program uses it.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use pabawi::journal::{
    ExecutionRetention, JournalQuery, JournalRetention, Retention, RetentionLimit, RetentionSchedule,
};
use pabawi::{
    Action, AllowAll, Caller, CommandAction, EntryPoint, ExecutionQuery, ExecutionRequest, Framework,
    FrameworkBuilder, PluginName, TargetExpression,
};
use pabawi_testkit::wait::until_async;

fn caller() -> Caller {
    Caller { user: "ops".into(), entry_point: EntryPoint::Rust }
}

fn builder(directory: &Path) -> FrameworkBuilder {
    Framework::builder().authorizer(AllowAll).database(directory.join("executions.db"))
}

fn newest(keep: u64) -> RetentionLimit {
    RetentionLimit { keep: Some(keep), ..RetentionLimit::default() }
}

/// R11.13: executions and journal have limits of their own, which are carried out when the framework is opened, by one of two
/// processes, and told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_removed_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let framework = builder(directory.path()).open().await.unwrap();
    for _ in 0..4 {
        let action = Action::Command(CommandAction::new("true"));
        let mut request = ExecutionRequest::new(action, TargetExpression::new("a"));
        request.transport = Some(PluginName::new("local").unwrap());
        framework.execute(caller(), request).await.unwrap();
    }
    framework.shutdown(Duration::from_secs(5)).await;

    let schedule = RetentionSchedule::new(Retention {
        journal: vec![JournalRetention { limit: newest(3), ..JournalRetention::default() }],
        executions: vec![ExecutionRetention { limit: newest(1), ..ExecutionRetention::default() }],
        ..Retention::default()
    });
    let one = builder(directory.path()).retention(schedule.clone()).open().await.unwrap();
    let two = builder(directory.path()).retention(schedule).open().await.unwrap();
    let worked = |framework: &Framework| framework.retention_health().unwrap().worked;
    let limit = Duration::from_secs(30);
    until_async("retention", limit, || worked(&one) + worked(&two) > 0).await.unwrap();
    let left = one.executions(&caller(), &ExecutionQuery::default()).await.unwrap();
    assert_eq!(left.items.len(), 1);
    let entries = two.journal(&caller(), &JournalQuery::default()).await.unwrap();
    assert_eq!(entries.items.len(), 3);
    assert!(one.node_journal().verify(&caller(), None).await.unwrap().faults.is_empty());
    let told = format!("{}{}", one.metrics_prometheus(), two.metrics_prometheus());
    assert!(told.contains("pabawi_retention_removed_total{what=\"executions\"} 3\n"), "{told}");
    assert!(told.contains("pabawi_retention_runs_total{result=\"worked\"} 1\n"), "{told}");
    two.shutdown(Duration::from_secs(5)).await;
    one.shutdown(Duration::from_secs(5)).await;
    assert_eq!(worked(&one) + worked(&two), 1, "the other one had nothing to do");
}

/// Bad input: a schedule that says nothing is refused before anything is opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_without_limits_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let nothing = RetentionSchedule::new(Retention::default());
    let Err(error) = builder(directory.path()).retention(nothing).open().await else { panic!() };
    assert!(error.to_string().contains("retention"), "{error}");
    assert!(!directory.path().join("executions.db").exists());
}
