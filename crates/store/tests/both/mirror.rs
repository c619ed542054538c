//! The mirror of a store in Pabawi's tables: what stands there, in which form, within which constraints.

use pabawi_domain::action::{Action, CommandAction, ToolAction};
use pabawi_domain::journal::{EntryId, NewJournalEntry};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore as _, HostDatabase as _, HostDatabaseError, JournalStore as _};
use pabawi_store::host::{HostMirror, MirrorState};
use serde_json::{Value, json};

use crate::journal::entry;
use crate::mirrored::{
    Gate, ended, entry_of, id, json_of, mirror, numbered, one_node, options, settled, three_nodes,
};
use crate::opened::{Host, MIGRATION, open};
use crate::records::{start, whole, with_output};

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
