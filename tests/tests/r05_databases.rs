//! Requirement 5 on PostgreSQL: all that `pab` does on a SQLite file it does on a server that several processes share.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::ffi::OsStr;
use std::time::Duration;

use pabawi::{AllowAll, ErrorCode, ExecutionQuery, Framework};
use pabawi_testkit::certificates::TestCa;
use pabawi_testkit::postgres::{End, Postgres};
use pabawi_testkit::wait;
use pabawi_tests::facade::{caller, command};
use pabawi_tests::{LIMIT, Lab, Pab, Ran, sha256, unique};
use rustix::process::Signal;
use serde_json::Value;

const DATABASE: &str = "pabawi";

/// Nodes, and a server whose database the calls of `pab` use.
struct Rig {
    lab: Lab,
    server: Postgres,
}

impl Rig {
    fn new(nodes: usize) -> Self {
        Self::on(nodes, Postgres::start().unwrap())
    }

    fn on(nodes: usize, server: Postgres) -> Self {
        server.create_database(DATABASE).unwrap();
        Self { lab: Lab::new(nodes), server }
    }

    /// Without the password.
    fn url(&self) -> String {
        format!("postgres://{}@{}/{DATABASE}", self.server.user(), self.server.address())
    }

    fn here(&self, pab: Pab) -> Pab {
        pab.env("PABAWI_DB", self.url()).env("PGPASSWORD", self.server.password())
    }

    fn pab<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Pab {
        self.here(self.lab.pab(arguments))
    }

    fn run(&self, targets: &str, command: &str) -> Pab {
        self.here(self.lab.run(targets, command))
    }

    fn listed(&self) -> Vec<Value> {
        self.pab(["executions", "list", "--format", "ndjson"]).succeeds().events()
    }

    fn sql(&self, sql: &str) -> String {
        self.server.query(DATABASE, sql).unwrap()
    }

    /// It tells why, says no password and has not crashed.
    fn tells(&self, ran: &Ran, code: i32, parts: &[&str]) {
        let told = ran.err();
        assert_eq!(ran.code(), Some(code), "{ran}");
        assert!(parts.iter().all(|part| told.contains(part)), "{parts:?} are not in\n{ran}");
        assert!(!told.contains("panicked") && !told.contains(self.server.password()), "{ran}");
    }
}

/// R5.5, R5.8, R11.1: running, history, output, export, notes, graphs, facts and pruning are the same; nothing shows the password.
#[test]
fn everything_is_remembered_on_a_server() {
    let rig = Rig::new(2);
    let shown = rig.run("web[01-02]", "echo kept; exit 0").args(["--log-level", "trace"]).succeeds();
    assert!(!format!("{shown}").contains(rig.server.password()), "a secret is logged");
    let _ = rig.run("web01", "exit 4").exits(1);
    // Too large for a row, and longer than what is kept in memory.
    let large = rig.run("web02", "head -c 3000000 /dev/zero | tr '\\0' x").args(["--debug", "--quiet"]);
    let _ = large.succeeds();
    let listed = rig.listed();
    assert_eq!(listed.len(), 3);
    let id = |at: usize| listed[at]["id"].as_str().unwrap();
    let record = rig.pab(["executions", "show", id(2), "--format", "json"]).succeeds().json();
    assert_eq!((&record["status"], &record["summary"]["succeeded"]), (&"completed".into(), &2.into()));
    let output = rig.pab(["executions", "output", id(0), "--node", "web02"]).succeeds();
    assert_eq!(sha256(&output.stdout), sha256("x".repeat(3_000_000).as_bytes()), "{}", output.stdout.len());
    let again = rig.pab(["executions", "rerun", id(2), "--all", "--format", "ndjson", "--ssh-config"]);
    let _ = again.args([rig.lab.fleet().ssh_config()]).succeeds();
    assert_eq!(rig.listed()[0]["request"]["rerunOf"], id(2));
    for words in [
        &["executions", "events", id(2)][..],
        &["executions", "explain-slow", id(2)],
        &["executions", "export", id(2)],
        &["executions", "list", "--target", "web02", "--status", "completed"],
        &["journal", "note", "web01", "looked after"],
        &["journal", "search", "looked"],
        &["breakers", "list"],
        &["executions", "prune", "--keep", "3"],
    ] {
        let _ = rig.pab(words).succeeds();
    }
    assert_eq!(rig.listed().len(), 3);
    let verified = rig.pab(["journal", "verify"]).succeeds().out();
    assert!(verified.contains("nothing is wrong"), "{verified}");
    let journal = rig.pab(["journal", "list", "--node", "web01", "--format", "json"]).succeeds().json();
    assert!(journal.to_string().contains("looked after"), "{journal}");

    let text = "name: two\ntasks:\n  - {name: a, targets: web01, action: {type: command, command: 'true'}}\n  \
                - {name: b, after: [a], targets: web02, action: {type: command, command: 'true'}}\n";
    let graph = rig.lab.write("graph.yaml", text);
    let run = rig.pab(["graph".as_ref(), "run".as_ref(), graph.as_os_str()]);
    let _ = run.args(["--ssh-config".as_ref(), rig.lab.fleet().ssh_config().as_os_str()]).succeeds();
    let graphs = rig.pab(["graph", "list", "--format", "ndjson"]).succeeds().out();
    assert!(graphs.contains("\"two\"") && graphs.contains("completed"), "{graphs}");
    assert!(!rig.lab.database().exists(), "nothing of it is in a file");
}

/// R5.5, R8.8: what a killed process had in hand is closed by the next one, what had ended stays, and what a living one has in
/// hand is left alone.
#[test]
fn what_a_killed_process_leaves_is_closed_by_the_next() {
    let rig = Rig::new(2);
    let number = unique();
    let sleeping = format!("case $PABAWI_NODE in web01) echo done;; *) sleep 600; esac; : {number}");
    let start = |targets: &str, command: &str| {
        let mut running = rig.run(targets, command).args(["--format", "ndjson"]).spawn();
        let started = running.events_until("a start", |event| event["type"] == "nodeStarted");
        (running, started[0]["executionId"].as_str().unwrap().to_owned())
    };
    let (mut killed, of_killed) = start("web[01-02]", &sleeping);
    let _ = killed.events_until("a result", |event| event["type"] == "nodeFinished");
    let (living, of_living) = start("web02", &format!("sleep 601; : {number}"));
    killed.kill();
    let status = |id: &str| rig.listed().into_iter().find(|one| one["id"] == id).unwrap()["status"].clone();
    assert_eq!(status(&of_killed), "interrupted");
    assert_eq!(status(&of_living), "running", "its process lives");
    let shown = rig.pab(["executions", "show", &of_killed, "--format", "json"]).succeeds().json();
    let states: Vec<&str> =
        shown["nodes"].as_array().unwrap().iter().map(|node| node["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["finished", "interrupted"], "{shown}");

    // Another process ends what the living one runs, which says so itself.
    let _ = rig.pab(["executions", "cancel", &of_living]).succeeds();
    assert_eq!(living.end().code(), Some(130));
    assert_eq!(status(&of_living), "cancelled");
    rig.lab.wait_for_processes(&number, 0);
    let verified = rig.pab(["journal", "verify"]).succeeds().out();
    assert!(verified.contains("nothing is wrong"), "{verified}");
}

/// R5.5, R8.8: processes that write at once hinder nobody, and each sees what the others did.
#[test]
fn many_processes_share_a_server() {
    let rig = Rig::new(4);
    let running: Vec<_> =
        (0..4).map(|number| rig.run("web[01-04]", &format!("echo {number}")).spawn()).collect();
    for running in running {
        let ran = running.end_within(LIMIT * 2);
        assert_eq!(ran.code(), Some(0), "{ran}");
    }
    let listed = rig.listed();
    assert_eq!(listed.len(), 4);
    assert!(listed.iter().all(|one| one["progress"]["succeeded"] == 4), "{listed:?}");
    assert_eq!(rig.sql("SELECT count(*) FROM pabawi_exec_owners"), "0\n", "who leaves leaves nothing open");
    let verified = rig.pab(["journal", "verify"]).succeeds().out();
    assert!(verified.contains("16 entries of 4 nodes: nothing is wrong"), "{verified}");
}

/// R5.5, R7.2: a server that is gone is told at once and by its name; one that goes away in the middle of a run and comes back
/// has every result of it.
#[test]
fn a_server_that_is_gone_is_told_and_waited_for() {
    let mut rig = Rig::new(2);
    let gate = rig.lab.path("gate");
    let number = unique();
    let command = format!("until [ -e {} ]; do sleep 0.1; done; echo through; : {number}", gate.display());
    let mut running = rig.run("web[01-02]", &command).args(["--format", "ndjson"]).spawn();
    for _ in 0..2 {
        let _ = running.events_until("a start", |event| event["type"] == "nodeStarted");
    }
    rig.lab.wait_for_processes(&number, 2);
    rig.server.stop(End::Immediate);
    let connections = rig.lab.all_connections_seen();
    let address = rig.server.address().to_string();
    for call in [rig.pab(["executions", "list"]), rig.run("web01", "true"), rig.pab(["db", "info"])] {
        rig.tells(&call.ran(), 3, &[&address, "connect"]);
    }
    assert_eq!(rig.lab.all_connections_seen(), connections, "nothing was started");
    std::fs::write(&gate, "").unwrap();
    rig.server.start_again().unwrap();
    let ran = running.end();
    assert_eq!(ran.code(), Some(0), "{ran}");
    let listed = rig.listed();
    assert_eq!((listed.len(), &listed[0]["progress"]["succeeded"]), (1, &2.into()), "{listed:?}");
}

/// R5.5, R7.2: whoever does not want to wait for a server that is gone can leave; what was stored is there when it is back.
#[test]
fn a_run_can_be_left_while_its_server_is_gone() {
    let mut rig = Rig::new(1);
    let number = unique();
    let command = format!("sleep 600; : {number}");
    let mut running = rig.run("web01", &command).args(["--format", "ndjson"]).spawn();
    let _ = running.events_until("a start", |event| event["type"] == "nodeStarted");
    rig.lab.wait_for_processes(&number, 1);
    rig.server.stop(End::Immediate);
    running.signal(Signal::INT);
    rig.lab.wait_for_processes(&number, 0);
    assert!(!running.has_ended(), "its end is still to be stored");
    running.signal(Signal::INT);
    let ran = running.end();
    rig.tells(&ran, 130, &[]);
    rig.server.start_again().unwrap();
    assert_eq!(rig.listed()[0]["status"], "interrupted", "{:?}", rig.listed());
}

/// R5.5: a database of a newer version is refused and left as it is.
#[test]
fn a_newer_database_on_a_server_is_left_alone() {
    let rig = Rig::new(1);
    let _ = rig.run("web01", "echo before").succeeds();
    rig.sql(
        "INSERT INTO pabawi_exec_migrations (version, description, success, checksum, execution_time) \
         VALUES (99999999, 'later', TRUE, '', 0)",
    );
    let connections = rig.lab.all_connections_seen();
    for call in [
        rig.run("web01", "true"),
        rig.pab(["executions", "list"]),
        rig.pab(["db", "info"]),
        rig.pab(["db", "check"]),
        rig.pab(["db", "migrate"]),
        rig.pab(["db", "migrate", "--plan"]),
        rig.pab(["db", "vacuum"]),
    ] {
        rig.tells(&call.ran(), 3, &["newer", "99999999", "postgres://"]);
    }
    assert_eq!(rig.lab.all_connections_seen(), connections);
    assert_eq!(rig.sql("SELECT count(*) FROM pabawi_exec_executions"), "1\n", "nothing was changed");
}

/// R9.6, R12.10: what is wrong with a URL is told with the option, and never with the password.
#[test]
fn bad_urls_are_told_by_option_and_without_password() {
    let rig = Rig::new(1);
    let address = rig.server.address();
    let good = rig.server.url(DATABASE);
    for (name, part) in [
        ("mysql://ada:pabawi-test@h/d", "must be the path of a SQLite file"),
        ("postgres://ada:pabawi-test@h:port/d", "cannot be read"),
        ("postgres://ada:pabawi-test@h/d?connect_timeout=3", "parameter that is not known"),
        ("postgres://ada:pabawi-test@h/d?sslmode=maybe", "known are disable, prefer, require"),
        ("postgres://ada:12/pabawi-test@h/d", "%2F"),
    ] {
        let ran = rig.pab(["executions", "list"]).env("PABAWI_DB", name).ran();
        rig.tells(&ran, 2, &["--db (database)", part]);
    }
    let typed = rig.pab(["executions", "list", "--db", &good]).ran();
    rig.tells(&typed, 2, &["--db: a password is not taken from the command line", "PGPASSWORD"]);
    let wrong = format!("postgres://pabawi:pabawi-testament@{address}/{DATABASE}");
    for (name, part) in [
        (wrong.as_str(), "password authentication failed"),
        (&format!("postgres://pabawi@{address}/nothing"), "make the database"),
        ("postgres://pabawi@127.0.0.1:1/pabawi", "127.0.0.1:1"),
        ("postgres:///pabawi?host=/nonexistent", "/nonexistent"),
        (&format!("postgres://pabawi@{address}/{DATABASE}?sslmode=require"), "TLS"),
    ] {
        rig.tells(&rig.pab(["executions", "list"]).env("PABAWI_DB", name).ran(), 3, &[part]);
    }
    // Given in the environment or in the file, it is used and not shown.
    let _ = rig.lab.pab(["executions", "list"]).env("PABAWI_DB", &good).succeeds();
    let config = rig.lab.write("config.toml", format!("[defaults]\ndb = '{good}'\n"));
    std::fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let home = rig.lab.path("home");
    let by_file = |words: &[&str]| Pab::new(&home).env("PABAWI_CONFIG", &config).args(words).succeeds();
    let info = by_file(&["db", "info", "--format", "json"]).json();
    assert_eq!(info["database"], rig.url());
    for words in [
        &["config", "show"][..],
        &["run", "--help"],
        &["db", "info"],
        &["--log-level", "trace", "db", "check"],
    ] {
        let shown = by_file(words);
        assert!(!format!("{shown}").contains(rig.server.password()), "{shown}");
    }
    let bad = rig.lab.write("bad.toml", "[defaults]\ndb = 'mysql://ada:pabawi-test@h/d'\n");
    let ran = Pab::new(&home).env("PABAWI_CONFIG", &bad).args(["executions", "list"]).ran();
    rig.tells(&ran, 2, &["bad.toml:2: defaults.db: must be the path of a SQLite file"]);
}

/// R5.5: a server is also reached by its socket, with the password of a password file.
#[test]
fn a_server_is_reached_by_its_socket() {
    let rig = Rig::new(1);
    let port = rig.server.address().port();
    let socket = rig.server.socket();
    let url = format!("postgres:///{DATABASE}?host={}&port={port}&user=pabawi", socket.display());
    let passwords =
        rig.lab.write("passwords", format!("*:{port}:{DATABASE}:pabawi:{}\n", rig.server.password()));
    std::fs::set_permissions(&passwords, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let by_socket = |pab: Pab| pab.env("PABAWI_DB", &url).env("PGPASSFILE", &passwords);
    let _ = by_socket(rig.lab.run("web01", "echo through")).succeeds();
    let info = by_socket(rig.lab.pab(["db", "info", "--format", "json"])).succeeds().json();
    assert_eq!((&info["kind"], &info["executions"]), (&"postgres".into(), &1.into()));
    assert!(info["database"].as_str().unwrap().contains(&*socket.to_string_lossy()), "{info}");
}

/// R9.3: the connection to a server is encrypted where the server can, and only to the server that is meant where that is asked
/// for.
#[test]
fn the_connection_to_a_server_is_encrypted() {
    let (ca, other) = (TestCa::new("pabawi ca").unwrap(), TestCa::new("another ca").unwrap());
    let rig = Rig::on(1, Postgres::start_with_tls(&ca).unwrap());
    let with =
        |ca: &TestCa| format!("{}?sslmode=verify-full&sslrootcert={}", rig.url(), ca.certificate().display());
    let trusted = with(&ca);
    for url in [rig.url(), trusted.clone()] {
        let running = rig.run("web01", "sleep 600").env("PABAWI_DB", &url).args(["--format", "ndjson"]);
        let mut running = running.spawn();
        let _ = running.events_until("a start", |event| event["type"] == "nodeStarted");
        let plain = "SELECT count(*) FILTER (WHERE NOT ssl), count(*) > 0 FROM pg_stat_ssl \
                     JOIN pg_stat_activity USING (pid) WHERE application_name = 'pabawi'";
        assert_eq!(rig.sql(plain), "0|t\n", "{url}");
        running.signal(Signal::INT);
        assert_eq!(running.end().code(), Some(130));
    }
    let ran = rig.pab(["executions", "list"]).env("PABAWI_DB", with(&other)).ran();
    rig.tells(&ran, 3, &["certificate"]);
    // pg_dump is told the same.
    let copy = rig.lab.path("copy");
    let _ =
        rig.pab(["db".as_ref(), "backup".as_ref(), copy.as_os_str()]).env("PABAWI_DB", trusted).succeeds();
    let refused = rig.pab(["db".as_ref(), "backup".as_ref(), rig.lab.path("none").as_os_str()]);
    rig.tells(&refused.env("PABAWI_DB", with(&other)).ran(), 3, &["certificate"]);
}

/// R5.5, R9.6: the same through the facade.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_framework_remembers_on_a_server() {
    let rig = Rig::new(1);
    let builder = || Framework::builder().database(rig.server.url(DATABASE)).authorizer(AllowAll);
    let framework = builder().open().await.unwrap();
    assert_eq!(framework.database(), rig.url());
    let mut request = command("here", "echo kept");
    request.transport = Some(pabawi::PluginName::new("local").unwrap());
    let id = framework.execute(caller(), request).await.unwrap().record.id;
    framework.shutdown(Duration::from_secs(5)).await;
    let framework = builder().open().await.unwrap();
    let page = framework.executions(&caller(), &ExecutionQuery::default()).await.unwrap();
    assert_eq!(page.items.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
    framework.shutdown(Duration::from_secs(5)).await;
    let owners = || rig.sql("SELECT count(*) FROM pabawi_exec_owners") == "0\n";
    wait::until("the end of its presence", LIMIT, owners).unwrap();
    let bad = Framework::builder().database("postgres://ada:hunter2@h:port/d").open().await;
    let error = bad.err().unwrap();
    assert_eq!(error.code(), ErrorCode::Validation);
    assert!(
        error.to_string().contains("database: cannot be read") && !error.to_string().contains("hunter2"),
        "{error}"
    );
    let maintenance = Framework::builder().database(rig.server.url(DATABASE)).maintenance().unwrap();
    let denied = maintenance.info(&caller()).await.unwrap_err();
    assert_eq!(denied.code(), ErrorCode::Denied, "without an authorizer nothing is allowed");
}
