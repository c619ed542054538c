//! `pab db`: what is in a database is told, what is wrong with it is found, a copy is made and brought back; on both databases.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use pabawi_testkit::postgres::Postgres;
use pabawi_tests::{Lab, Pab, python};
use serde_json::Value;

/// What is run in these tests: small outputs, and one that is too large for a row.
fn filled(lab: &Lab, here: impl Fn(Pab) -> Pab) {
    let _ = here(lab.run("web[01-02]", "echo kept")).succeeds();
    let large = lab.run("web01", "head -c 2000000 /dev/zero | tr '\\0' y").args(["--debug", "--quiet"]);
    let _ = here(large).succeeds();
}

fn info(pab: Pab) -> Value {
    pab.args(["db", "info", "--format", "json"]).succeeds().json()
}

/// What `pab db check` finds, which must be something.
fn found(lab: &Lab) -> Vec<String> {
    let told = lab.pab(["db", "check", "--format", "json"]).exits(1).json();
    told["found"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

fn changed(lab: &Lab, sql: &str) {
    let script = format!(
        "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nprint(c.execute(\"{sql}\").rowcount)\nc.commit()"
    );
    assert_ne!(python(&script, &lab.database()), "0", "{sql}");
}

/// R5.5: what is in a file is told to people and programs; nothing is wrong with it.
#[test]
fn what_is_in_a_file_is_told() {
    let lab = Lab::new(2);
    let missing = lab.pab(["db", "info"]).exits(3);
    assert!(missing.err().contains("there is no database at") && !lab.database().exists(), "{missing}");
    filled(&lab, |pab| pab);
    let told = info(lab.pab([""; 0]));
    let number = |name: &str| told[name].as_u64().unwrap_or_else(|| panic!("{name}: {told}"));
    assert_eq!(
        (&told["kind"], &told["database"]),
        (&"sqlite".into(), &lab.database().to_str().unwrap().into())
    );
    assert_eq!((number("executions"), number("targets"), number("results")), (2, 3, 3), "{told}");
    assert_eq!((number("schemaVersion"), number("journalEntries")), (number("programVersion"), 3), "{told}");
    assert!(number("outputs") >= 2 && number("largeOutputBytes") == 2_000_000, "{told}");
    assert!(number("bytes") > 2_000_000 && told["logBytes"].is_u64(), "{told}");
    assert!(told["oldest"].as_str().unwrap() < told["newest"].as_str().unwrap(), "{told}");
    let text = lab.pab(["db", "info"]).succeeds().out();
    for part in
        ["SQLite 3.", "executions  2, from ", "journal     3 entries", "large outputs", "write-ahead log"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let sound = lab.pab(["db", "check"]).succeeds().out();
    assert!(sound.contains("3 journal entries: nothing is wrong"), "{sound}");
    let vacuumed = lab.pab(["db", "vacuum", "--format", "json"]).succeeds().json();
    assert!(vacuumed["after"].as_u64().unwrap() > 2_000_000, "{vacuumed}");
    let _ = lab.pab(["db", "check"]).succeeds();
}

/// R5.5: whatever is damaged is found, named and an exit status.
#[test]
fn whatever_is_damaged_is_found() {
    let lab = Lab::new(2);
    filled(&lab, |pab| pab);
    let file = files_below(&lab.path("pabawi.db.outputs")).pop().expect("a large output");
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let open = || std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    open().write_at(b"n", 1_234_567).unwrap();
    let told = found(&lab);
    assert!(
        told.len() == 1 && told[0].contains(&name) && told[0].contains("not what was written"),
        "{told:?}"
    );
    open().set_len(1_000).unwrap();
    assert!(found(&lab)[0].contains("has 1000 bytes and not 2000000"));
    std::fs::remove_file(&file).unwrap();
    assert!(found(&lab)[0].contains("has 0 bytes and not 2000000"));
    changed(
        &lab,
        "UPDATE pabawi_exec_outputs SET body = CAST('torn' || char(10) AS BLOB) WHERE file = 0 AND kept = 5",
    );
    changed(&lab, "UPDATE pabawi_exec_journal SET user_name = 'mallory' WHERE node = 'web02'");
    changed(&lab, "UPDATE pabawi_exec_targets SET stdout = 999 WHERE node = 'web02'");
    changed(
        &lab,
        "DELETE FROM pabawi_exec_executions WHERE key = (SELECT max(key) FROM pabawi_exec_executions)",
    );
    let told = found(&lab);
    for part in
        ["not what was written", "journal: node web02", "1 results have a stdout", "a row of pabawi_exec_"]
    {
        assert!(told.iter().any(|text| text.contains(part)), "{part} is not in {told:#?}");
    }
    let text = lab.pab(["db", "check"]).exits(1).out();
    assert!(text.contains(&format!("{} wrong", told.len())), "{text}");
}

/// R5.5: a file whose pages are torn, and one that is no database, are damaged databases and no crash.
#[test]
fn torn_pages_are_found() {
    let lab = Lab::new(2);
    filled(&lab, |pab| pab);
    let _ = lab.pab(["db", "vacuum"]).succeeds();
    let database = std::fs::OpenOptions::new().write(true).open(lab.database()).unwrap();
    let pages = database.metadata().unwrap().len() / 4096;
    for page in (3..pages).step_by(4) {
        database.write_at(&[0x5a; 2000], page * 4096 + 1000).unwrap();
    }
    assert!(!found(&lab).is_empty());
    std::fs::write(lab.database(), "Dear Sir or Madam,\n".repeat(500)).unwrap();
    let told = found(&lab);
    assert!(told[0].contains("not a database") && told[0].contains("pabawi.db"), "{told:?}");
}

/// R5.5: what would be done to a schema is shown, then done; a file that is missing is made.
#[test]
fn migrations_are_shown_and_applied() {
    let lab = Lab::new(1);
    let planned = lab.pab(["db", "migrate", "--plan", "--format", "json"]).succeeds().json();
    assert!(planned["from"].is_null() && !lab.database().exists(), "{planned}");
    let steps = planned["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["version"], planned["to"], "{planned}");
    let done = lab.pab(["db", "migrate", "--format", "json"]).succeeds().json();
    assert_eq!(done, planned);
    // As an older version has left it.
    for sql in [
        "DROP INDEX pabawi_exec_executions_with_outputs",
        "ALTER TABLE pabawi_exec_executions DROP COLUMN outputs_given_up",
        "DROP TABLE pabawi_exec_output_uses",
        "DROP INDEX pabawi_exec_executions_unmirrored",
        "ALTER TABLE pabawi_exec_executions DROP COLUMN mirrored",
        "DROP TABLE pabawi_exec_plugins",
        "DROP TABLE pabawi_exec_marks",
        "DELETE FROM pabawi_exec_migrations WHERE version >= 9",
    ] {
        changed(&lab, sql);
    }
    let refused = lab.pab(["db", "check"]).exits(3).err();
    assert!(refused.contains("bring it up to date with pab db migrate"), "{refused}");
    let planned = lab.pab(["db", "migrate", "--plan"]).succeeds().out();
    let missing = steps.iter().filter(|step| step["version"].as_u64() > Some(8)).count();
    assert!(planned.contains("would be brought from version 8"), "{planned}");
    assert_eq!(planned.lines().count(), 1 + missing, "{planned}");
    let again = lab.pab(["db", "migrate", "--plan"]).succeeds().out();
    assert_eq!(planned, again, "nothing was changed");
    let _ = lab.pab(["db", "migrate"]).succeeds();
    let done = lab.pab(["db", "migrate", "--plan"]).succeeds().out();
    assert!(done.contains("already"), "{done}");
    let _ = lab.pab(["db", "check"]).succeeds();
}

/// R5.5: a copy that is made while somebody runs something is whole, and nothing is overwritten.
#[test]
fn a_file_is_copied_and_brought_back() {
    let lab = Lab::new(2);
    filled(&lab, |pab| pab);
    let gate = lab.path("gate");
    let command = format!("until [ -e {} ]; do sleep 0.1; done", gate.display());
    let mut running = lab.run_events("web01", &command).spawn();
    let _ = running.events_until("a start", |event| event["type"] == "nodeStarted");
    let copy = lab.path("copy.db");
    let backup = || lab.pab(["db".as_ref(), "backup".as_ref(), copy.as_os_str()]);
    let told = backup().succeeds().out();
    assert!(
        told.contains("copy.db") && told.contains("copy.db.outputs") && told.contains("to bring it back"),
        "{told}"
    );
    let before = std::fs::read(&copy).unwrap();
    let again = backup().exits(3).err();
    assert!(again.contains("is there already") && std::fs::read(&copy).unwrap() == before, "{again}");
    for file in files_below(&lab.path("copy.db.outputs")).iter().chain([&copy]) {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o077, 0, "{}", file.display());
    }
    std::fs::write(gate, "").unwrap();
    assert_eq!(running.end().code(), Some(0));
    let with = |words: &[&str]| lab.pab(words).env("PABAWI_DB", &copy);
    let _ = with(&["db", "check"]).succeeds();
    let output = with(&["executions", "list", "--format", "ndjson"]).succeeds().events();
    assert_eq!(output.len(), 3);
    let id = output[1]["id"].as_str().unwrap();
    let large = with(&["executions", "output", id, "--node", "web01"]).succeeds().stdout;
    assert!(large.len() == 2_000_000 && large.iter().all(|byte| *byte == b'y'));
}

/// R5.5: the same on a server; its tables are copied by pg_dump and brought back by pg_restore as it is told.
#[test]
fn a_server_is_looked_after_too() {
    let lab = Lab::new(2);
    let server = Postgres::start().unwrap();
    for name in ["pabawi", "other"] {
        server.create_database(name).unwrap();
    }
    let url = |name: &str| format!("postgres://{}@{}/{name}", server.user(), server.address());
    let on = |name: &str, pab: Pab| pab.env("PABAWI_DB", url(name)).env("PGPASSWORD", server.password());
    let here = |words: &[&str]| on("pabawi", lab.pab(words));
    let planned = here(&["db", "migrate", "--plan", "--format", "json"]).succeeds().json();
    assert!(planned["from"].is_null() && planned["database"] == url("pabawi"), "{planned}");
    let nothing = info(here(&[]));
    assert!(nothing["schemaVersion"].is_null() && nothing["executions"] == 0, "{nothing}");
    assert_eq!(here(&["db", "migrate", "--format", "json"]).succeeds().json(), planned);
    filled(&lab, |pab| on("pabawi", pab));
    let told = info(here(&[]));
    assert_eq!(
        (&told["kind"], &told["executions"], &told["results"]),
        (&"postgres".into(), &2.into(), &3.into())
    );
    assert!(told["largeOutputBytes"].as_u64().unwrap() >= 2_000_000 && told["logBytes"].is_null(), "{told}");
    assert!(!told.to_string().contains(server.password()), "{told}");
    let text = here(&["db", "info"]).succeeds().out();
    assert!(text.contains("PostgreSQL ") && text.contains(&url("pabawi")), "{text}");
    let _ = here(&["db", "check"]).succeeds();
    let _ = here(&["db", "vacuum"]).succeeds();

    let copy = lab.path("copy");
    let done = on("pabawi", lab.pab(["db".as_ref(), "backup".as_ref(), copy.as_os_str()]));
    let told = done.args(["--format", "json"]).succeeds().json();
    let restore = told["restore"].as_str().unwrap().replace("DATABASE", &format!("'{}'", url("other")));
    let ran =
        Command::new("sh").args(["-c", &restore]).env("PGPASSWORD", server.password()).output().unwrap();
    assert!(ran.status.success(), "{restore}: {}", String::from_utf8_lossy(&ran.stderr));
    let _ = on("other", lab.pab(["db", "check"])).succeeds();
    let list = on("other", lab.pab(["executions", "list"])).succeeds().out();
    assert!(list.contains("echo kept"), "{list}");

    let sql = |sql: &str| server.query("pabawi", sql).unwrap();
    sql("UPDATE pabawi_exec_pieces SET body = decode('00', 'hex') || substr(body, 2) WHERE position = 1");
    sql("UPDATE pabawi_exec_journal SET summary = 'nothing' WHERE node = 'web02'");
    let told = here(&["db", "check", "--format", "json"]).exits(1).json();
    let found = told["found"].to_string();
    assert!(found.contains("not what was written") && found.contains("journal: node web02"), "{found}");
    sql("DELETE FROM pabawi_exec_pieces WHERE position = 0");
    let found = here(&["db", "check"]).exits(1).out();
    assert!(found.contains("and not 2000000"), "{found}");
}

/// R6.5: looking after the database takes the permission to administer the journal; whoever has it not is refused before
/// anything is looked at or made.
#[test]
fn looking_after_the_database_takes_a_permission() {
    let lab = Lab::new(1);
    let whoami = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(whoami.stdout).unwrap().trim().to_owned();
    let policy = |allowed: &str| {
        let text = format!(
            "users:\n  {user}: {{roles: [one]}}\nroles:\n  one:\n    allow: [{{capability: '{allowed}'}}]\n"
        );
        let policy = lab.write("policy.yaml", text);
        lab.write("config.toml", format!("[permissions]\npolicy = '{}'\n", policy.display()))
    };
    let copy = lab.path("copy.db");
    let calls = || {
        [
            vec!["db", "info"],
            vec!["db", "check"],
            vec!["db", "migrate", "--plan"],
            vec!["db", "migrate"],
            vec!["db", "vacuum"],
            vec!["db", "backup", copy.to_str().unwrap()],
        ]
    };
    let config = policy("command.execute");
    for words in calls() {
        let ran = lab.pab(&words).env("PABAWI_CONFIG", &config).exits(4);
        assert!(ran.err().contains(&format!("lack the 'database.{}' capability", words[1])), "{ran}");
        assert!(!lab.database().exists() && !copy.exists(), "{words:?}");
    }
    let config = policy("database.*");
    let made = lab.pab(["db", "migrate"]).env("PABAWI_CONFIG", &config);
    let _ = made.succeeds();
    for words in calls() {
        let _ = lab.pab(&words).env("PABAWI_CONFIG", &config).succeeds();
    }
    assert!(copy.exists());
}
