//! The mirror of a store in Pabawi's tables: no fault of either side loses or doubles anything, or holds anybody up.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pabawi_domain::journal::NewJournalEntry;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore as _, HostDatabase as _, JournalStore as _, StoreWrite};
use pabawi_store::host::{HostMirror, MirrorState};
use pabawi_testkit::wait::until_async;
use serde_json::{Value, json};

use crate::journal::entry;
use crate::mirrored::{
    Gate, LIMIT, ended, id, json_of, mirror, numbered, one_node, options, settled, three_nodes,
};
use crate::opened::{Host, abandon, lose_large_outputs, open, tamper};
use crate::records::{at, start, whole, with_output};

/// Bad input: what is damaged in the store is left out and told, and holds up nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_in_the_store_holds_up_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let host = Gate::new(Host::new(dir.path(), "host").await);
    let store = open(dir.path()).await;
    for number in 1..=3 {
        one_node(&store, number).await;
    }
    let (large, new) = (b"0123456789".repeat(150_000), numbered(4, "large", 1, "omar"));
    store.create(new).await.unwrap();
    store.append(&[start(id(4), "n0", 1)]).await.unwrap();
    store.append(&[with_output(id(4), "n0", NodeOutcome::Succeeded, whole(&large))]).await.unwrap();
    store.append(&[ended(id(4), &[NodeOutcome::Succeeded])]).await.unwrap();
    lose_large_outputs(dir.path()).await;
    tamper(dir.path(), "UPDATE pabawi_exec_journal SET id = 'nonsense' WHERE seq = 2").await;
    tamper(
        dir.path(),
        "UPDATE pabawi_exec_executions SET progress = 'nonsense' \
         WHERE submitted_at = (SELECT min(submitted_at) FROM pabawi_exec_executions)",
    )
    .await;
    let mirror = mirror(&store, &host);
    let health = settled(&mirror).await;
    // The first execution with its entry, and the second entry.
    assert_eq!((health.state, health.refused, health.waiting), (MirrorState::CaughtUp, 3, 1));
    let rows = host.rows("SELECT id, results FROM executions ORDER BY started_at, id").await;
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [2, 3, 4].map(|number| id(number).to_string()));
    assert_eq!(json_of(&rows[2], "results")[0]["output"]["stdout"], "[the stored output is damaged]");
    assert_eq!(host.rows("SELECT id FROM journal_entries").await.len(), 1);
}

/// What the process left that died reads as failed in Pabawi, which has no other word, with the reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_interrupted_reads_as_failed() {
    let dir = tempfile::tempdir().unwrap();
    let host = Gate::new(Host::new(dir.path(), "host").await);
    let store = open(dir.path()).await;
    store.create(numbered(1, "sleep 1000", 2, "omar")).await.unwrap();
    store.append(&[StoreWrite::Started { id: id(1), at: at(0) }, start(id(1), "n0", 1)]).await.unwrap();
    let before = mirror(&store, &host);
    assert_eq!(settled(&before).await.waiting, 1, "it goes on");
    before.stop().await;
    abandon(store, dir.path()).await;
    let store = open(dir.path()).await;
    assert_eq!(store.recover(at(60)).await.unwrap(), [id(1)]);
    let after = mirror(&store, &host);
    assert_eq!(settled(&after).await.waiting, 0);
    let rows = host.rows("SELECT status, error FROM executions ORDER BY batch_position").await;
    let interrupted = "the process that ran it ended; nobody knows how the command did";
    let skipped = "skipped: the execution was interrupted before its turn; nothing was run there";
    let expected =
        [json!({"status": "failed", "error": interrupted}), json!({"status": "failed", "error": skipped})];
    assert_eq!(rows, expected);
    let batch =
        host.rows("SELECT status, stats_queued, stats_running, stats_failed FROM batch_executions").await;
    assert_eq!(
        batch,
        [json!({"status": "failed", "stats_queued": 0, "stats_running": 0, "stats_failed": 2})]
    );
}

/// R5.9: a mirror that stops anywhere, and one that fails anywhere, leaves for the next what an undisturbed one would have written,
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_is_broken_off_goes_on_without_doubling_anything() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let host = Gate::new(Host::new(dir.path(), "disturbed").await);
    let mut broken_off = 0;
    for round in 0..12u8 {
        one_node(&store, 2 * round + 1).await;
        three_nodes(&store, 2 * round + 2, "omar").await;
        // Each round comes a statement further.
        host.let_through(u64::from(round));
        let failed = host.failed();
        let broken = mirror(&store, &host);
        let fails = || host.failed() > failed;
        until_async("a statement to fail", LIMIT, fails).await.unwrap();
        broken.stop().await;
        broken_off += 1;
    }
    assert_eq!(broken_off, 12);
    host.let_through(u64::MAX);
    // Two at once on one store, and then one more time.
    let (one, two) = (mirror(&store, &host), mirror(&store, &host));
    assert_eq!(settled(&one).await.waiting, 0);
    settled(&two).await;
    let there = host.everything().await;
    assert_eq!((there["executions"].len(), there["batch_executions"].len()), (12 * 4, 12));
    assert_eq!(there["journal_entries"].len(), 12 * 4);
    assert_eq!(there["migrations"].len(), 1, "the list of migrations is Pabawi's");
    let third = mirror(&store, &host);
    assert_eq!(settled(&third).await.written, 0, "everything is there");
    assert_eq!(host.everything().await, there);
}

/// R5.9: while the host's database fails or gives no answer the store goes on, everybody is told, and nothing is missing
/// afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_fails_or_hangs_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let host = Gate::new(Host::new(dir.path(), "host").await);
    host.let_through(0);
    let mut patience = options();
    // Longer than a statement takes on a busy machine.
    patience.answer = Duration::from_millis(500);
    let mirror = HostMirror::start(store.clone(), host.clone(), patience);
    three_nodes(&store, 1, "omar").await;
    until_async("failures", LIMIT, || mirror.health().failures > 3).await.unwrap();
    let health = mirror.health();
    assert_eq!((health.state, health.written), (MirrorState::Failing, 0));
    assert!(health.last_error.unwrap().contains("the test says so"));
    until_async("what waits", LIMIT, || mirror.health().waiting == 4).await.unwrap();

    let failed = host.failed();
    host.hanging.store(2, Ordering::SeqCst);
    host.let_through(u64::MAX);
    until_async("statements without an answer", LIMIT, || host.failed() >= failed + 2).await.unwrap();
    one_node(&store, 2).await;
    // However long this machine takes for a statement.
    let health = settled(&mirror).await;
    assert_eq!(
        (health.state, health.waiting, health.failures, health.last_error),
        (MirrorState::CaughtUp, 0, 0, None)
    );
    assert_eq!(host.everything().await["executions"].len(), 4);
    store.close().await;
    mirror.wake();
    until_async("its end", LIMIT, || mirror.health().state == MirrorState::Ended).await.unwrap();
    settled(&mirror).await;
}

/// Bad input: tables that are not there are waited for; a row that a table does not take is left out and told, and holds up no
/// other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_tables_are_waited_for_and_a_refused_row_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let host = Gate::new(Host::new(dir.path(), "host").await);
    host.host.execute("ALTER TABLE batch_executions RENAME TO elsewhere", &[]).await.unwrap();
    let mirror = mirror(&store, &host);
    three_nodes(&store, 1, "omar").await;
    until_async("failures", LIMIT, || mirror.health().failures > 1).await.unwrap();
    assert!(mirror.health().last_error.unwrap().contains("batch_executions"));
    assert_eq!(host.rows("SELECT id FROM executions").await, [] as [Value; 0]);
    host.host.execute("ALTER TABLE elsewhere RENAME TO batch_executions", &[]).await.unwrap();
    assert_eq!(settled(&mirror).await.refused, 0);

    let sql = "CREATE UNIQUE INDEX one_of_each ON journal_entries (summary, node_id)";
    host.host.execute(sql, &[]).await.unwrap();
    let twin = |name: &str| NewJournalEntry { summary: "twin".into(), ..entry(name, "n0", 20) };
    store.append_journal(&[twin("a"), twin("b"), entry("c", "n0", 21)]).await.unwrap();
    let health = settled(&mirror).await;
    assert_eq!((health.refused, health.waiting), (1, 0));
    let rows = host.rows("SELECT \"action\" FROM journal_entries ORDER BY timestamp DESC LIMIT 2").await;
    assert_eq!(rows, [json!({"action": "c"}), json!({"action": "a"})]);
}
