//! Bad input: a clear error that names the field and what to do, nothing started, nothing lost, no panic.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use pabawi_tests::{LIMIT, Lab, Ran, held_writer, outcome_of, python, result_of, sha256};

/// The call was refused with this status; its message has every part; no node saw anything; no panic.
fn refused(lab: &Lab, ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code(), Some(code), "{ran}");
    let said = ran.err();
    assert!(!said.is_empty() && !said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{ran}");
    for part in parts {
        assert!(said.to_lowercase().contains(&part.to_lowercase()), "{part:?} is missing\n{ran}");
    }
    assert!(said.len() < 4_000, "a message that nobody reads: {} bytes\n{ran}", said.len());
    assert_eq!(lab.all_connections_seen(), 0, "a node was touched\n{ran}");
    assert_eq!(lab.fleet().commands(), [], "something was started\n{ran}");
}

/// R9.3, R9.4, R9.6, R12.10
#[test]
fn what_is_missing_or_malformed_is_named_and_nothing_starts() {
    let lab = Lab::new(1);
    let config = lab.fleet().ssh_config().to_str().unwrap().to_owned();
    let config = config.as_str();
    // The arguments and what the message has to hold: the option or field, and a word of the reason.
    let cases: &[(&[&str], &[&str])] = &[
        (&["run", "", "-t", "web01"], &["command", "empty"]),
        (&["run", " \t ", "-t", "web01"], &["command", "empty"]),
        (&["run", "true"], &["--targets", "no targets"]),
        (&["run", "true", "-t", ""], &["--targets", "no targets"]),
        (&["run", "true", "--hosts", ""], &["--hosts"]),
        (&["run", "true", "--hosts", ",,"], &["--hosts"]),
        (&["run", "true", "-t", "web99"], &["web99"]),
        (&["run", "true", "-t", "web01,wbe01"], &["wbe01"]),
        (&["run", "true", "-t", "@nogroup"], &["nogroup"]),
        (&["run", "true", "-t", "web[01-"], &["--targets", "column", "]"]),
        (&["run", "true", "-t", "web[5-1]"], &["5-1"]),
        (&["run", "true", "--hosts", "web[1-99999999]"], &["99999999"]),
        (&["run", "true", "--hosts", "we\nb"], &["--hosts", "line"]),
        (&["run", "true", "--hosts", "we b"], &["--hosts", "we b"]),
        (&["run", "true", "--hosts=-oProxyCommand=touch /tmp/x"], &["--hosts", "'-'"]),
        (&["run", "true", "--hosts", "web01:99999"], &["99999"]),
        (&["run", "true", "-t", "web01", "--env", "A-B=1"], &["env", "A-B"]),
        (&["run", "true", "-t", "web01", "--env", "1A=1"], &["env", "1A"]),
        (&["run", "true", "-t", "web01", "--env", "=1"], &["env"]),
        (&["run", "true", "-t", "web01", "--env", "NOVALUE"], &["env", "NOVALUE", "="]),
        (&["run", "true", "-t", "web01", "--concurrency", "0"], &["concurrency", "1..=10000"]),
        (&["run", "true", "-t", "web01", "--concurrency=-1"], &["concurrency", "-1"]),
        (&["run", "true", "-t", "web01", "--concurrency", "1000000"], &["concurrency", "10000"]),
        (&["run", "true", "-t", "web01", "--concurrency", "99999999999999999999"], &["concurrency"]),
        (&["run", "true", "-t", "web01", "--concurrency", "many"], &["concurrency", "many"]),
        (&["run", "true", "-t", "web01", "--timeout", "0s"], &["timeout", "at least"]),
        (&["run", "true", "-t", "web01", "--timeout=-5s"], &["timeout", "-5s"]),
        (&["run", "true", "-t", "web01", "--timeout", "9999d"], &["timeout", "30 days"]),
        (&["run", "true", "-t", "web01", "--timeout", "soon"], &["timeout", "soon"]),
        (&["run", "true", "-t", "web01", "--connect-timeout", "0s"], &["connect", "at least"]),
        (&["run", "true", "-t", "web01", "--run-as=-x"], &["runAs", "user"]),
        (&["run", "true", "-t", "web01", "--cwd", ""], &["cwd", "empty"]),
        (&["run", "true", "-t", "web01", "--format", "xml"], &["format", "xml", "ndjson"]),
        (&["run", "true", "-t", "web01", "--stdin", "/no/such/input"], &["/no/such/input"]),
        (&["run", "true", "-t", "web01", "--no-such-option"], &["--no-such-option"]),
        (&["script", "/no/such/script", "-t", "web01"], &["/no/such/script"]),
        (&["copy", "up", "/no/such/file", "/tmp/x", "-t", "web01"], &["/no/such/file"]),
        (&["executions", "list", "--status", "finished"], &["status", "finished", "completed"]),
        (&["executions", "list", "--since", "yesterday-ish"], &["since", "yesterday-ish"]),
        (&["executions", "list", "--limit", "0"], &["limit"]),
        (&["executions", "show", "no-such-id"], &["no-such-id"]),
    ];
    let mut wrong = Vec::new();
    for (arguments, parts) in cases {
        let takes_nodes = arguments[0] != "executions";
        let options: &[&str] = if takes_nodes { &["--ssh-config", config] } else { &[] };
        let ran = lab.pab(*arguments).args(options).ran();
        // All of them are looked at, so that one run shows everything that is wrong.
        let judged = std::panic::catch_unwind(|| refused(&lab, &ran, 2, parts));
        if judged.is_err() {
            wrong.push(format!("{arguments:?}"));
        }
    }
    assert!(wrong.is_empty(), "these are not refused as they should be: {wrong:#?}");
    let listed = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds();
    assert_eq!(listed.out(), "", "what was refused is no execution");
}

/// R9.3, R9.6
#[test]
fn several_faults_are_told_at_once() {
    let lab = Lab::new(1);
    let ran = lab
        .run("web01", " ")
        .args(["--env", "A-B=1", "--priority", "5000", "--timeout", "0s", "--run-as=-x"])
        .ran();
    refused(&lab, &ran, 2, &["command", "A-B", "--priority", "--timeout", "--run-as"]);
}

/// R9.3
#[test]
fn bytes_that_no_name_can_hold_are_refused() {
    let lab = Lab::new(1);
    let config = lab.fleet().ssh_config().as_os_str();
    // NUL cannot stand in an argument, but in a file it can.
    let hosts = lab.write("hosts", "web01\nwe\0b02\n");
    let ran = lab.pab(["run", "true"]).args(["--ssh-config".as_ref(), config]);
    let ran = ran.args(["--hosts-file".as_ref(), hosts.as_os_str()]).ran();
    refused(&lab, &ran, 2, &["NUL", "2"]);
    // Not UTF-8.
    let name = OsStr::from_bytes(b"web\xff01");
    let ran =
        lab.pab(["run", "true"]).args(["--ssh-config".as_ref(), config, "--hosts".as_ref(), name]).ran();
    refused(&lab, &ran, 2, &["UTF-8"]);
    let ran = lab.pab([OsStr::new("run"), name, "-t".as_ref(), "web01".as_ref()]);
    let ran = ran.args(["--ssh-config".as_ref(), config]).ran();
    refused(&lab, &ran, 2, &["UTF-8"]);
}

/// R9.3, R9.6
#[test]
fn files_that_cannot_be_used_are_named_with_the_line() {
    let lab = Lab::new(1);
    let file = |name: &str, text: &str| lab.write(name, text).to_str().unwrap().to_owned();
    let cases: Vec<(Vec<String>, Vec<&str>)> = vec![
        (vec!["--hosts-file".into(), "/no/such/hosts".into()], vec!["/no/such/hosts"]),
        (vec!["--hosts-file".into(), file("empty-hosts", "# nobody\n")], vec!["empty-hosts"]),
        (
            vec!["--ssh-config".into(), "/no/such/config".into(), "-t".into(), "web01".into()],
            vec!["/no/such/config"],
        ),
        (
            vec![
                "--ssh-config".into(),
                file("bad_config", "Host web01\n  Port ninety\n"),
                "-t".into(),
                "web01".into(),
            ],
            vec!["bad_config", "2", "Port"],
        ),
        (
            vec!["--inventory".into(), "/no/such.yaml".into(), "-t".into(), "web01".into()],
            vec!["/no/such.yaml"],
        ),
        (
            vec!["--inventory".into(), file("bad.yaml", "nodes: [web01\n"), "-t".into(), "web01".into()],
            vec!["bad.yaml"],
        ),
        (
            vec![
                "--inventory".into(),
                file("odd.yaml", "nodes:\n  - {name: web01, prot: 22}\n"),
                "-t".into(),
                "web01".into(),
            ],
            vec!["odd.yaml", "prot"],
        ),
        (vec!["--hosts-file".into(), "/".into()], vec!["/"]),
    ];
    for (arguments, parts) in cases {
        let ran = lab.pab(["run", "true"]).args(&arguments).ran();
        refused(&lab, &ran, 2, &parts);
    }
}

/// R1.1
#[test]
fn a_command_of_200_kib_works_and_one_of_more_than_a_mebibyte_is_refused() {
    let lab = Lab::new(1);
    let word = |bytes: usize| ('a'..='z').cycle().take(bytes).collect::<String>();
    // One argument of a process is at most 128 KiB on Linux (execve(2)), so the command comes as several words.
    let call = |words: usize| {
        let words = vec![word(100 * 1024); words];
        let command = ["for w in"].into_iter().chain(words.iter().map(String::as_str));
        let command = command.chain(["; do echo \"$w\" | sha256sum; done"]);
        lab.on("web01", ["run"]).args(command)
    };
    let ran = call(11).ran();
    refused(&lab, &ran, 2, &["command", "1048576", "script"]);
    let hash = sha256((word(100 * 1024) + "\n").as_bytes());
    let ran = call(2).succeeds();
    assert_eq!(ran.out().matches(&hash).count(), 2, "{ran}");
    let ran = call(10).succeeds();
    assert_eq!(ran.out().matches(&hash).count(), 10, "{ran}");
}

/// An ssh_config for the fleet with another user or key.
fn config_with(lab: &Lab, lines: &str) -> PathBuf {
    lab.write("other_config", format!("Host *\n{lines}\n{}", lab.fleet().ssh_config_text()))
}

/// R7.3
#[test]
fn keys_that_cannot_be_used_are_named_with_what_to_do() {
    let lab = Lab::new(1);
    let key = lab.path("key");
    std::fs::copy(&lab.fleet().user_key().path, &key).unwrap();
    let garbage = lab.write("garbage", "-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n");
    std::fs::set_permissions(&garbage, std::fs::Permissions::from_mode(0o600)).unwrap();
    let run = |key: &Path| {
        // The only key, and no agent.
        let text = lab.fleet().ssh_config_text();
        let own = lab.fleet().user_key().path.display().to_string();
        let config = lab.write("key_config", text.replace(&own, &key.display().to_string()));
        let ran = lab.pab(["run", "true", "--format", "ndjson", "-t", "web01"]);
        ran.args(["--ssh-config".as_ref(), config.as_os_str()]).ran()
    };
    for (mode, good) in [(0o600, true), (0o644, false), (0o640, false)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let ran = run(&key);
        let result = result_of(&ran.events(), "web01").unwrap_or_else(|| panic!("{ran}"));
        if good {
            assert_eq!(result["outcome"], "succeeded", "{ran}");
            continue;
        }
        assert_eq!(result["error"]["code"], "bad_key", "{mode:o}: {result}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("chmod") && message.contains(key.to_str().unwrap()), "{message}");
    }
    for bad in [&garbage, &lab.path("no-such-key")] {
        let ran = run(bad);
        let result = result_of(&ran.events(), "web01").unwrap_or_else(|| panic!("{ran}"));
        let code = result["error"]["code"].as_str().unwrap();
        assert!(["bad_key", "no_credentials"].contains(&code), "{result}");
        assert!(result["error"]["message"].as_str().unwrap().contains(bad.to_str().unwrap()), "{result}");
        assert_ne!(ran.code(), Some(0));
    }
}

/// R7.3
#[test]
fn a_user_that_the_node_does_not_know_is_a_refused_login() {
    let lab = Lab::new(1);
    let config = config_with(&lab, "  User nobody-of-that-name");
    let ran = lab.pab(["run", "true", "--format", "ndjson", "-t", "web01"]);
    let ran = ran.args(["--ssh-config".as_ref(), config.as_os_str()]).ran();
    let events = ran.events();
    assert_eq!(outcome_of(&events, "web01"), "authFailed", "{ran}");
    let message = result_of(&events, "web01").unwrap()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("nobody-of-that-name"), "{message}");
    assert_ne!(ran.code(), Some(0), "{ran}");

    let ran = lab.run_events("web01", "true").args(["--run-as", "nobody-of-that-name"]).ran();
    assert_eq!(outcome_of(&ran.events(), "web01"), "runAsDenied", "{ran}");
}

/// A file system that goes with the test.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(path: PathBuf, size: &str) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "pabawi-test"])
            .arg(&path)
            .status();
        assert!(done.is_ok_and(|status| status.success()), "mount(8) needs root");
        Self(path)
    }

    fn read_only(&self, on: bool) {
        let how = if on { "remount,ro" } else { "remount,rw" };
        let done = Command::new("mount").args(["-o", how]).arg(&self.0).status();
        assert!(done.is_ok_and(|status| status.success()), "mount -o {how}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// R5.5
#[test]
fn a_full_disk_is_a_clear_error_and_loses_nothing() {
    let lab = Lab::new(1);
    let disk = Mount::tmpfs(lab.path("disk"), "4m");
    let database = disk.0.join("pabawi.db");
    let run = |command: &str| lab.run("web01", command).args(["--db".as_ref(), database.as_os_str()]);
    let _ = run("echo before").succeeds();
    let connections = lab.all_connections_seen();
    let _ =
        Command::new("sh").args(["-c", "cat /dev/zero > \"$0/ballast\" 2>/dev/null"]).arg(&disk.0).status();
    let ran = run("echo meanwhile").exits(3);
    let said = ran.err();
    assert!(said.contains("space"), "{ran}");
    assert!(said.contains(disk.0.to_str().unwrap()), "the path is named: {ran}");
    assert!(!said.contains("panicked"), "{ran}");
    assert_eq!(lab.all_connections_seen(), connections, "nothing was started");
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    let _ = run("echo after").succeeds();
    let list = lab.pab(["executions", "list", "--db"]).args([&database]).succeeds().out();
    assert!(list.contains("echo before") && list.contains("echo after"), "{list}");
    assert!(!list.contains("meanwhile"), "{list}");
}

/// R5.5, R8.6
#[test]
fn a_disk_that_fills_holds_the_run_and_nothing_is_lost_when_there_is_room_again() {
    let lab = Lab::new(1);
    let disk = Mount::tmpfs(lab.path("disk"), "16m");
    let database = disk.0.join("pabawi.db");
    let with_db = |call: pabawi_tests::Pab| call.args(["--db".as_ref(), database.as_os_str()]);
    let gate = lab.path("gate");
    let command =
        format!("echo before; until [ -e {} ]; do sleep 0.05; done; seq 1 300000; exit 6", gate.display());
    let mut running = with_db(lab.run_events("web01", &command).args(["--debug"])).spawn();
    let mut events = running.events_until("output", |event| event["type"] == "output");
    let ballast = disk.0.join("ballast");
    let _ = Command::new("sh").args(["-c", "cat /dev/zero > \"$0\" 2>/dev/null"]).arg(&ballast).status();
    std::fs::write(&gate, "").unwrap();
    // What cannot be stored is not taken from the node: the program there has to wait.
    let mut writer = None;
    wait::until("the program to print", LIMIT, || {
        writer = lab.processes("seq 1 300000").into_iter().find(|process| process.name == "seq");
        writer.is_some()
    })
    .unwrap();
    let writer = writer.unwrap();
    let _ = held_writer(writer.pid);
    std::fs::remove_file(&ballast).unwrap();
    let ran = running.end();
    events.extend(ran.events());
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert_eq!(result_of(&events, "web01").unwrap()["code"], 6, "{ran}");
    let numbers: String = (1..=300_000).map(|number| format!("{number}\n")).collect();
    let kept = with_db(lab.pab(["executions", "output", "last", "--node", "web01", "--stream", "stdout"]));
    assert_eq!(sha256(&kept.succeeds().stdout), sha256(format!("before\n{numbers}").as_bytes()));
    let shown = with_db(lab.pab(["executions", "show", "last", "--format", "json"])).succeeds().json();
    assert_eq!((&shown["status"], &shown["nodes"][0]["exitCode"]), (&"failed".into(), &6.into()));
}

/// R5.5
#[test]
fn a_read_only_database_is_a_clear_error_for_running_and_none_for_reading() {
    let lab = Lab::new(1);
    let disk = Mount::tmpfs(lab.path("disk"), "16m");
    let database = disk.0.join("pabawi.db");
    let with_db = |call: pabawi_tests::Pab| call.args(["--db".as_ref(), database.as_os_str()]);
    let _ = with_db(lab.run("web01", "echo before")).succeeds();
    let connections = lab.all_connections_seen();
    disk.read_only(true);
    let ran = with_db(lab.run("web01", "echo meanwhile")).exits(3);
    let said = ran.err();
    assert!(said.contains("read-only") && said.contains(database.to_str().unwrap()), "{ran}");
    assert!(!said.contains("panicked"), "{ran}");
    assert_eq!(lab.all_connections_seen(), connections, "nothing was started");
    disk.read_only(false);
    let list = with_db(lab.pab(["executions", "list"])).succeeds().out();
    assert!(list.contains("echo before") && !list.contains("meanwhile"), "{list}");
}

/// R5.5
#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let lab = Lab::new(1);
    let _ = lab.run("web01", "echo before").succeeds();
    let connections = lab.all_connections_seen();
    // A migration that this version does not know, as a newer one would have left it.
    let script = "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\n\
        t=[r[0] for r in c.execute(\"select name from sqlite_master where name like '%migrations'\")][0]\n\
        c.execute(f\"insert into {t} (version,description,success,checksum,execution_time) values (99999999,'later',1,x'00',0)\")\n\
        c.commit()";
    let _ = python(script, &lab.database());
    for ran in [lab.run("web01", "true").ran(), lab.pab(["executions", "list"]).ran()] {
        assert_eq!(ran.code(), Some(3), "{ran}");
        assert!(ran.err().contains("newer") && ran.err().contains("pabawi.db"), "{ran}");
        assert!(!ran.err().contains("panicked"), "{ran}");
    }
    assert_eq!(lab.all_connections_seen(), connections);
    let count = "import sqlite3,sys\nprint(sqlite3.connect(sys.argv[1]).execute('select count(*) from pabawi_exec_executions').fetchone()[0])";
    assert_eq!(python(count, &lab.database()), "1", "nothing was changed");
}

/// R5.5
#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    let lab = Lab::new(1);
    let file = lab.write("letter.txt", "Dear Sir or Madam,\n".repeat(500));
    let ran = lab.run("web01", "true").args(["--db".as_ref(), file.as_os_str()]).ran();
    refused(&lab, &ran, 3, &["letter.txt"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "Dear Sir or Madam,\n".repeat(500));
    let ran = lab.run("web01", "true").args(["--db", "/proc/no/such/place.db"]).ran();
    refused(&lab, &ran, 3, &["/proc/no"]);
}

/// R9.3
#[test]
fn the_fleet_of_these_tests_would_notice_a_connection() {
    let lab = Lab::with(Fleet::builder());
    assert_eq!(lab.all_connections_seen(), 0);
    let _ = lab.run("web01", "true").succeeds();
    assert_eq!(lab.all_connections_seen(), 1);
}
