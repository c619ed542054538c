//! The mirror of a store in Pabawi's tables: what stands there, and that no fault of either side loses or doubles anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::{Action, CommandAction, ToolAction};
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::{EntryId, NewJournalEntry};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{
    ExecutionStore as _, HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue, JournalStore as _,
    StoreWrite, TargetResult,
};
use pabawi_domain::record::NewExecution;
use pabawi_domain::summary::SummaryFold;
use pabawi_store::Store;
use pabawi_store::host::{HostMirror, MirrorHealth, MirrorOptions, MirrorState};
use pabawi_testkit::wait::until_async;
use serde_json::{Value, json};

use crate::journal::entry;
use crate::opened::{Host, MIGRATION, abandon, lose_large_outputs, open, tamper};
use crate::records::{at, events, execution, node, result, start, whole, with_output};

const LIMIT: Duration = Duration::from_secs(60);

/// A host's database that fails, hangs, or is counted, as a test wants.
struct Gate {
    host: Host,
    /// Statements that are let through until all fail; `u64::MAX` for all.
    left: AtomicU64,
    /// Statements that never get an answer.
    hanging: AtomicU64,
    failed: AtomicUsize,
}

impl Gate {
    fn new(host: Host) -> Arc<Self> {
        let (left, hanging) = (AtomicU64::new(u64::MAX), AtomicU64::new(0));
        Arc::new(Self { host, left, hanging, failed: AtomicUsize::new(0) })
    }

    fn let_through(&self, statements: u64) {
        self.left.store(statements, Ordering::SeqCst);
    }

    fn failed(&self) -> usize {
        self.failed.load(Ordering::SeqCst)
    }

    async fn pass(&self) -> Result<(), HostDatabaseError> {
        let one_less = |left: u64| if left == u64::MAX { Some(left) } else { left.checked_sub(1) };
        let passes =
            |count: &AtomicU64| count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        if self.hanging.load(Ordering::SeqCst) > 0 && passes(&self.hanging) {
            self.failed.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        if passes(&self.left) {
            return Ok(());
        }
        self.failed.fetch_add(1, Ordering::SeqCst);
        Err(HostDatabaseError::Unavailable("the test says so".into()))
    }

    /// Rows as JSON, in the order of the first column.
    async fn rows(&self, sql: &str) -> Vec<Value> {
        let rows = self.host.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
    }

    /// Everything that the mirror may have written.
    async fn everything(&self) -> BTreeMap<&'static str, Vec<Value>> {
        let mut all = BTreeMap::new();
        for table in ["executions", "batch_executions", "journal_entries", "migrations"] {
            all.insert(table, self.rows(&format!("SELECT * FROM {table} ORDER BY id")).await);
        }
        all
    }
}

#[async_trait]
impl HostDatabase for Gate {
    fn dialect(&self) -> HostDialect {
        self.host.dialect()
    }

    async fn query(&self, sql: &str, parameters: &[HostValue]) -> Result<Vec<HostRow>, HostDatabaseError> {
        self.pass().await?;
        self.host.query(sql, parameters).await
    }

    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, HostDatabaseError> {
        self.pass().await?;
        self.host.execute(sql, parameters).await
    }
}

/// Looks when it is told to, and waits little.
fn options() -> MirrorOptions {
    let mut options = MirrorOptions::default();
    options.look_every = Duration::from_secs(3600);
    options.backoff.initial_ms = 1;
    options.backoff.max_ms = 5;
    options
}

fn mirror(store: &Store, host: &Arc<Gate>) -> HostMirror {
    HostMirror::start(store.clone(), host.clone(), options())
}

async fn settled(mirror: &HostMirror) -> MirrorHealth {
    tokio::time::timeout(LIMIT, mirror.settled()).await.expect("it catches up");
    mirror.health()
}

fn id(number: u8) -> ExecutionId {
    ExecutionId::from_parts(1_790_000_000_000 + u64::from(number), [number; 10])
}

/// An execution with the id of that number, submitted so many seconds after the others.
fn numbered(number: u8, command: &str, targets: usize, user: &str) -> NewExecution {
    let mut new = execution(command, targets);
    new.id = id(number);
    new.caller.user = user.into();
    new.submitted_at = at(i64::from(number));
    new
}

fn ended(id: ExecutionId, outcomes: &[NodeOutcome]) -> StoreWrite {
    let mut fold = SummaryFold::new(outcomes.len() as u64);
    for outcome in outcomes {
        fold.start();
        fold.finish(outcome, true);
    }
    StoreWrite::Finished { id, at: at(10), summary: Box::new(fold.summary(9000)) }
}

fn failed_with(id: ExecutionId, name: &str, outcome: &NodeOutcome, stderr: &[u8]) -> StoreWrite {
    StoreWrite::TargetFinished(Box::new(TargetResult {
        id,
        node: node(name),
        attempt: 1,
        outcome: outcome.clone(),
        started_at: Some(at(1)),
        finished_at: at(9),
        stdout: None,
        stderr: whole(stderr),
    }))
}

fn entry_of(id: ExecutionId, on: &str) -> NewJournalEntry {
    NewJournalEntry { execution_id: Some(id), user: Some("omar".into()), ..entry(&id.to_string(), on, 9) }
}

/// An execution on one node, from its beginning to its end.
async fn one_node(store: &Store, number: u8) {
    let id = id(number);
    store.create(numbered(number, "uptime", 1, "omar")).await.unwrap();
    store.append(&[StoreWrite::Started { id, at: at(0) }, start(id, "n0", 1)]).await.unwrap();
    let journal = StoreWrite::Journal { id, entry: Box::new(entry_of(id, "n0")) };
    store
        .append(&[result(id, "n0", NodeOutcome::Succeeded, b"up 3 days\n"), journal, events(id, 1..=2)])
        .await
        .unwrap();
    store.append(&[ended(id, &[NodeOutcome::Succeeded])]).await.unwrap();
}

/// One on three nodes, of which one fails and one cannot be reached.
async fn three_nodes(store: &Store, number: u8, user: &str) {
    let id = id(number);
    store.create(numbered(number, "false", 3, user)).await.unwrap();
    let starts = ["n0", "n1", "n2"].map(|name| start(id, name, 1));
    store.append(&[StoreWrite::Started { id, at: at(0) }]).await.unwrap();
    store.append(&starts).await.unwrap();
    let [good, exited, gone] = outcomes();
    store.append(&[result(id, "n0", good.clone(), b"ok\n")]).await.unwrap();
    store
        .append(&[failed_with(id, "n1", &exited, b"no\n"), failed_with(id, "n2", &gone, b"")])
        .await
        .unwrap();
    let entries =
        ["n0", "n1", "n2"].map(|name| StoreWrite::Journal { id, entry: Box::new(entry_of(id, name)) });
    store.append(&entries).await.unwrap();
    store.append(&[ended(id, &[good, exited, gone])]).await.unwrap();
}

fn outcomes() -> [NodeOutcome; 3] {
    let error = NodeError {
        node: node("n2"),
        code: ErrorCode::ConnectionRefused,
        message: "connection refused".into(),
        causes: Vec::new(),
        plugin: None,
    };
    [
        NodeOutcome::Succeeded,
        NodeOutcome::Exited { code: 3 },
        NodeOutcome::Unreachable { error, termination: None },
    ]
}

fn json_of(row: &Value, column: &str) -> Value {
    serde_json::from_str(row[column].as_str().unwrap()).unwrap()
}

/// R5.9, R10.5: what was run through the store stands in Pabawi's tables with its columns, types and forms, while it goes on and
/// when it has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_stand_in_pabawis_tables() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let host = Gate::new(Host::new(dir.path(), "host").await);
    let mirror = mirror(&store, &host);
    let (first, second) = (id(1), id(2));
    store.create(numbered(1, "uptime", 1, "omar")).await.unwrap();
    settled(&mirror).await;
    let mut expected = json!({
        "id": first.to_string(), "type": "command", "target_nodes": "[\"n0\"]", "action": "uptime", "parameters": null,
        "status": "running", "started_at": "2026-09-21T14:13:21.000Z", "completed_at": null, "results": "[]",
        "error": null, "command": "uptime", "expert_mode": 0, "original_execution_id": null, "re_execution_count": 0,
        "stdout": null, "stderr": null, "execution_tool": "ssh", "batch_id": null, "batch_position": null,
    });
    assert_eq!(host.rows("SELECT * FROM executions").await, [expected.clone()]);
    one_node(&store, 1).await;
    assert_eq!(settled(&mirror).await.waiting, 0);
    let rows = host.rows("SELECT * FROM executions").await;
    let output = json!({"stdout": "up 3 days\n", "exitCode": 0});
    let results = json!([{"nodeId": "n0", "status": "success", "output": output, "duration": 8000}]);
    assert_eq!(json_of(&rows[0], "results"), results);
    expected["results"] = rows[0]["results"].clone();
    expected["status"] = "success".into();
    expected["started_at"] = "2026-09-21T14:13:21.000Z".into();
    expected["completed_at"] = "2026-09-21T14:13:29.000Z".into();
    assert_eq!(rows, [expected]);

    // On several nodes it is a batch, with a row for each of them.
    three_nodes(&store, 2, "nobody").await;
    let health = settled(&mirror).await;
    assert_eq!((health.state, health.waiting, health.refused), (MirrorState::CaughtUp, 0, 0));
    let sql = format!("SELECT * FROM executions WHERE batch_id = '{second}' ORDER BY batch_position");
    let rows = host.rows(&sql).await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["status"].as_str().unwrap(), row["error"].as_str(), &row["batch_position"]))
        .collect();
    let (zero, one, two) = (json!(0), json!(1), json!(2));
    let expected = [
        ("success", None, &zero),
        ("failed", Some("exit status 3"), &one),
        ("failed", Some("unreachable: connection refused"), &two),
    ];
    assert_eq!(told, expected);
    let output = json!({"stderr": "no\n", "exitCode": 3});
    let failed = json!([
        {"nodeId": "n1", "status": "failed", "output": output, "error": "exit status 3", "duration": 8000}
    ]);
    assert_eq!(json_of(&rows[1], "results"), failed);
    let batches = host.rows("SELECT * FROM batch_executions").await;
    let ids: Vec<&Value> = rows.iter().map(|row| &row["id"]).collect();
    assert_eq!(json_of(&batches[0], "execution_ids"), json!(ids));
    let mut batch = batches[0].clone();
    batch["execution_ids"].take();
    let expected = json!({
        "id": second.to_string(), "type": "command", "action": "false", "parameters": null,
        "target_nodes": "[\"n0\",\"n1\",\"n2\"]", "target_groups": "[]", "status": "partial",
        "created_at": "2026-09-21T14:13:22.000Z", "started_at": "2026-09-21T14:13:22.000Z",
        "completed_at": "2026-09-21T14:13:30.000Z", "user_id": "nobody", "execution_ids": null,
        "stats_total": 3, "stats_queued": 0, "stats_running": 0, "stats_success": 1, "stats_failed": 2,
    });
    assert_eq!(batch, expected);
    // Entries name the row that tells of the same, and a user only where Pabawi has one.
    let sql = "SELECT * FROM journal_entries ORDER BY node_id, \"action\"";
    let entries = host.rows(sql).await;
    let linked: Vec<_> = entries.iter().map(|row| json_of(row, "details")["executionId"].clone()).collect();
    let all: Vec<_> =
        [first.to_string().into()].iter().chain(ids.iter().copied()).cloned().collect::<Vec<Value>>();
    assert_eq!(linked, all);
    let mut told = entries[1].clone();
    let details = json_of(&told, "details");
    told["details"].take();
    let expected = json!({
        "id": entry_of(second, "n0").id.to_string(), "node_id": "n0", "node_uri": "ssh:n0",
        "event_type": "command_execution", "source": "ssh", "action": second.to_string(),
        "summary": format!("did {second}"), "details": null, "user_id": "id-omar",
        "timestamp": "2026-09-21T14:13:29.000Z",
    });
    assert_eq!(told, expected);
    let expected = json!({
        "n": 9, "executionId": ids[0], "batchId": second.to_string(), "resultStatus": "succeeded", "user": "omar",
    });
    assert_eq!(details, expected);
    mirror.stop().await;
}

/// R5.9: words that the tables do not take are mapped to the nearest, and written as they are when the migration is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_fit_the_constraints_of_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let host = Gate::new(Host::new(dir.path(), "host").await);
    let strange = |number: i64, event_type: &str, source: &str| NewJournalEntry {
        id: EntryId::derived(&["strange", &number.to_string()]),
        event_type: event_type.into(),
        source: source.into(),
        summary: String::new(),
        user: Some("eve".into()),
        ..entry("strange", "n0", number)
    };
    let words = [
        ("state_change", "azure"),
        ("file_transfer", "local"),
        ("host_key_exception", "checkmk"),
        ("reboot", "aws"),
    ];
    let entries: Vec<_> = (0i64..)
        .zip(words)
        .map(|(number, (event_type, source))| strange(number, event_type, source))
        .collect();
    store.append_journal(&entries).await.unwrap();
    let first = mirror(&store, &host);
    assert_eq!(settled(&first).await.refused, 0);
    let sql = "SELECT event_type, source, summary, user_id, node_uri, details FROM journal_entries ORDER BY timestamp";
    let words = |rows: &[Value]| -> Vec<[String; 2]> {
        rows.iter()
            .map(|row| ["event_type", "source"].map(|name| row[name].as_str().unwrap().to_owned()))
            .collect()
    };
    let rows = host.rows(sql).await;
    let narrow =
        [["unknown", "system"], ["command_execution", "system"], ["unknown", "system"], ["reboot", "aws"]];
    assert_eq!(words(&rows), narrow);
    assert_eq!((&rows[0]["user_id"], &rows[0]["summary"]), (&Value::Null, &json!("unknown")));
    assert_eq!(rows[0]["node_uri"], "azure:n0");
    let details = json!({"n": 0, "resultStatus": "succeeded", "user": "eve", "eventType": "state_change", "source": "azure"});
    assert_eq!(json_of(&rows[0], "details"), details);
    first.stop().await;

    host.host.migrate(MIGRATION).await;
    assert_eq!(host.rows(sql).await, rows, "the migration keeps what is there");
    store
        .append_journal(&[strange(7, "state_change", "azure"), strange(8, "plugin_call", "checkmk")])
        .await
        .unwrap();
    let second = mirror(&store, &host);
    assert_eq!(settled(&second).await.refused, 0);
    let wide = [["state_change", "azure"], ["unknown", "checkmk"]];
    assert_eq!(words(&host.rows(sql).await)[4..], wide);
    let sql =
        "INSERT INTO journal_entries VALUES ('x', 'n', 'u', 'nonsense', 'azure', 'a', 's', '{}', NULL, 't')";
    let refused = host.host.execute(sql, &[]).await;
    assert!(matches!(refused, Err(HostDatabaseError::Refused(_))), "{refused:?}");
    let sql = sql.replace("nonsense", "note").replace("azure", "nobody");
    assert!(host.host.execute(&sql, &[]).await.is_err());
    second.stop().await;
}

/// R11.6: of the versions of a note the newest stands in Pabawi's table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_version_of_a_note_stands_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let host = Gate::new(Host::new(dir.path(), "host").await);
    let mirror = mirror(&store, &host);
    let note = |number: i64, supersedes: Option<i64>| {
        let id = |number: i64| EntryId::derived(&["note", &number.to_string()]);
        let old = entry("note", "n0", number);
        let summary = format!("version {number}");
        NewJournalEntry {
            id: id(number),
            summary,
            supersedes: supersedes.map(id),
            source: "user".into(),
            event_type: "note".into(),
            ..old
        }
    };
    store.append_journal(&[note(1, None)]).await.unwrap();
    settled(&mirror).await;
    store.append_journal(&[note(2, Some(1))]).await.unwrap();
    store.append_journal(&[note(3, Some(2))]).await.unwrap();
    settled(&mirror).await;
    let rows = host.rows("SELECT summary, node_uri FROM journal_entries").await;
    assert_eq!(rows, [json!({"summary": "version 3", "node_uri": "user:n0"})]);
}

/// What is done again is counted with what it was, and a tool's parameters and outputs stand where Pabawi looks for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reruns_tools_and_outputs_stand_where_pabawi_looks() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let host = Gate::new(Host::new(dir.path(), "host").await);
    let mut narrow = options();
    narrow.output_bytes = 20;
    let mirror = HostMirror::start(store.clone(), host.clone(), narrow);
    three_nodes(&store, 1, "omar").await;
    settled(&mirror).await;
    let mut again = numbered(2, "again", 1, "omar");
    again.request.rerun_of = Some(id(1));
    again.request.debug = true;
    let mut tool = numbered(3, "site.yml", 1, "omar");
    let parameters = json!({"a": 1}).as_object().unwrap().clone();
    let playbook = ToolAction {
        plugin: Some("ansible".parse().unwrap()),
        name: "site.yml".into(),
        parameters,
        sensitive: Vec::new(),
    };
    tool.request.action = Action::Playbook(playbook);
    let mut plain = numbered(4, "plain", 1, "omar");
    plain.request.action = Action::Command(CommandAction::new("plain"));
    let long = b"0123456789".repeat(10);
    for new in [again, tool, plain] {
        let id = new.id;
        store.create(new).await.unwrap();
        store.append(&[start(id, "n0", 1)]).await.unwrap();
        store.append(&[with_output(id, "n0", NodeOutcome::Succeeded, whole(&long))]).await.unwrap();
        store.append(&[ended(id, &[NodeOutcome::Succeeded])]).await.unwrap();
    }
    settled(&mirror).await;
    let sql = "SELECT * FROM executions WHERE batch_id IS NULL ORDER BY started_at, id";
    let rows = host.rows(sql).await;
    let original = host.rows("SELECT * FROM executions WHERE batch_position = 0").await;
    assert_eq!(rows[0]["original_execution_id"], original[0]["id"]);
    assert_eq!(original[0]["re_execution_count"], 1);
    assert_eq!(
        (&rows[0]["expert_mode"], rows[0]["stdout"].as_str()),
        (&json!(1), std::str::from_utf8(&long).ok())
    );
    assert_eq!((&rows[1]["type"], &rows[1]["execution_tool"]), (&json!("task"), &json!("ansible")));
    assert_eq!(json_of(&rows[1], "parameters"), json!({"playbook": true, "extraVars": {"a": 1}}));
    let shown = json_of(&rows[2], "results")[0]["output"]["stdout"].clone();
    assert_eq!(shown, "0123456789\n[... 80 bytes are not shown ...]\n0123456789");
    assert_eq!(rows[2]["stdout"], Value::Null);
    // Written again, the count stays.
    one_node(&store, 9).await;
    settled(&mirror).await;
    assert_eq!(host.rows("SELECT * FROM executions WHERE batch_position = 0").await, original);
}

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
    patience.answer = Duration::from_millis(20);
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
    until_async("statements without an answer", LIMIT, || host.failed() == failed + 2).await.unwrap();
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
