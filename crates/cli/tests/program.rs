//! The program itself, on this machine (`--transport local`): exit statuses, forms of output, history, signals.
//! Real nodes are the business of the end-to-end tests.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Everything here ends well before this.
const LIMIT: Duration = Duration::from_secs(60);

/// A home of its own for each test.
struct Home {
    dir: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn pab(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pab"));
        command.args(args);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.dir.path());
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        Done::of(self.pab(args).output().unwrap())
    }

    /// `pab run` on this machine.
    fn local(&self, args: &[&str]) -> Done {
        self.run(&[&["run", "--transport", "local"], args].concat())
    }
}

#[derive(Debug)]
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// A `pab` that is ended also when an assertion fails.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Reads standard output up to a line that contains this.
    fn until(&mut self, part: &str) -> BufReader<std::process::ChildStdout> {
        let mut out = BufReader::new(self.0.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "ended before {part:?}");
        }
        out
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// The exit status and standard error.
    fn end(mut self) -> (i32, String) {
        let deadline = Instant::now() + LIMIT;
        while self.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "pab does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut err = String::new();
        std::io::Read::read_to_string(&mut self.0.stderr.take().unwrap(), &mut err).unwrap();
        (self.0.wait().unwrap().code().unwrap_or(-1), err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn version_help_and_generated_files_need_no_home() {
    let home = Home::new();
    for args in [
        &["--version"][..],
        &["--help"],
        &["run", "--help"],
        &["completions", "bash"],
        &["man"],
        &["targets", "fold", "web01", "web02"],
        &["targets", "expand", "web[01-03]"],
    ] {
        let done = home.run(args);
        assert_eq!(done.code, 0, "{args:?}: {done:?}");
        assert!(!done.out.is_empty(), "{args:?}");
    }
    assert_eq!(std::fs::read_dir(home.dir.path()).unwrap().count(), 0, "nothing was written");
    assert_eq!(home.run(&["targets", "fold", "web1", "web3", "web2"]).out, "web[1-3]\n");
    assert_eq!(home.run(&["targets", "expand", "w[1-2],x"]).out, "w1\nw2\nx\n");
}

/// R1.1, R1.4, R1.5
#[test]
fn output_comes_with_its_node_and_the_status_tells_the_end() {
    let home = Home::new();
    let done = home.local(&["echo out; echo err >&2", "-t", "a"]);
    assert_eq!((done.code, done.out.as_str()), (0, "a| out\n"), "{done:?}");
    assert!(done.err.contains("a| err\n") && done.err.contains("1 of 1 succeeded"), "{done:?}");
    assert!(!done.err.contains('\x1b') && !done.out.contains('\x1b'), "no colour without a terminal");

    let done = home.local(&["exit 3", "-t", "a,b"]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("[a,b]") || done.err.contains("a,b"), "{done:?}");
    assert!(done.err.contains("exit status 3") && done.err.contains("2 exited"), "{done:?}");
    assert!(!done.err.contains("WARN"), "what is shown is not logged as well: {done:?}");

    let done = home.local(&["true", "-t", "a", "--quiet"]);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "", ""));
}

/// R1.6, R1.7
#[test]
fn options_reach_the_process() {
    let home = Home::new();
    std::fs::write(home.path("in"), "from a file").unwrap();
    let input = home.path("in");
    let done = home.local(&[
        "printf '%s %s %s ' \"$A\" \"$PWD\" \"$(umask)\"; cat",
        "-t",
        "n",
        "-e",
        "A=x y",
        "--cwd",
        "/",
        "--umask",
        "027",
        "--stdin",
        input.to_str().unwrap(),
    ]);
    assert_eq!(done.out, "n| x y / 0027 from a file\n", "{done:?}");

    let mut command = home.pab(&["run", "cat", "--transport", "local", "-t", "n", "--stdin", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    assert_eq!(Done::of(child.wait_with_output().unwrap()).out, "n| typed\n");

    let mut command = home.pab(&[
        "run",
        "[ ${#TOKEN} = 11 ] && echo \"$TOKEN\"",
        "--transport",
        "local",
        "-t",
        "n",
        "--secret-env",
        "TOKEN",
    ]);
    let done = Done::of(command.env("TOKEN", "canary-4711").output().unwrap());
    // It is there, and taken out of what the node says.
    assert_eq!(done.out, "n| ***\n");
    let shown = home.run(&["executions", "show", "last", "--format", "json"]).out;
    assert!(shown.contains("***") && !shown.contains("canary"), "{shown}");

    let started = Instant::now();
    let done = home.local(&["sleep 600", "-t", "n", "--timeout", "300ms"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.err.contains("timed out while running, termination confirmed"), "{done:?}");
    assert!(started.elapsed() < LIMIT);
}

/// R5.10, R8.5
#[test]
fn every_form_tells_the_same() {
    let home = Home::new();
    let args = ["echo hello; printf '\\377' >&2", "-t", "n[1-2]"];
    let json = home.local(&[&args[..], &["-f", "json"]].concat());
    let document = json.json();
    assert_eq!(document["status"], "completed");
    assert_eq!(document["summary"]["succeeded"], 2);
    let node = &document["nodes"][0];
    assert_eq!((&node["node"], &node["outcome"]), (&"n1".into(), &"succeeded".into()));
    assert_eq!(node["stdout"]["data"], "hello\n");
    assert_eq!(node["stderr"]["data"]["base64"], "/w==");

    let yaml = home.local(&[&args[..], &["-f", "yaml"]].concat());
    let document: Value = serde_saphyr::from_str(&yaml.out).unwrap();
    assert_eq!(document["nodes"][1]["stdout"]["data"], "hello\n");

    let grouped = home.local(&[&args[..], &["-f", "json", "--group"]].concat()).json();
    assert_eq!(grouped["stdoutGroups"][0]["nodes"], "n[1-2]");
    assert_eq!(grouped["stdoutGroups"][0]["count"], 2);

    let table = home.local(&[&args[..], &["--group"]].concat());
    assert_eq!(table.out, "n[1-2] (2)\nhello\n", "{table:?}");
    assert!(table.err.contains("n[1-2] (2) stderr\n"), "{table:?}");

    let events = home.local(&[&args[..], &["-f", "ndjson"]].concat());
    let types: Vec<String> = events
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((types.first().unwrap().as_str(), types.last().unwrap().as_str()), ("queued", "finished"));
    assert_eq!(types.iter().filter(|word| *word == "nodeFinished").count(), 2);
}

#[test]
fn bytes_go_into_a_pipe_as_they_are() {
    let home = Home::new();
    let output = home
        .pab(&["run", "printf 'a\\033[31m\\377\\r\\n'", "--transport", "local", "-t", "n"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"n| a\x1b[31m\xff\r\n");
    let raw = home.pab(&["executions", "output", "last", "--stream", "stdout"]).output().unwrap();
    assert_eq!(raw.stdout, b"a\x1b[31m\xff\r\n");
}

/// R9.3, R9.6, R12.10
#[test]
fn bad_input_is_told_with_field_and_option_and_nothing_is_written() {
    let home = Home::new();
    for (args, code, part) in [
        (&["run", "  ", "-t", "a"][..], 2, "COMMAND (action.command): must not be empty"),
        (&["run", "true"], 2, "no targets; name nodes with --targets"),
        (&["run", "true", "-t", ""], 2, "--targets (targets): no targets"),
        (&["run", "true", "-t", "a", "-e", "A-B=1"], 2, "--env (action.env): \"A-B\""),
        (&["run", "true", "-t", "a", "--timeout", "0s"], 2, "--timeout (timeouts.nodeMs)"),
        (&["run", "true", "-t", "a", "--priority", "5000"], 2, "--priority (priority)"),
        (&["run", "true", "-t", "a", "--tag=-x"], 2, "--tag: invalid tag"),
        (&["run", "true", "-t", "a", "--run-as=-x"], 2, "--run-as (action.runAs.user)"),
        (&["run", "true", "--hosts", "a b"], 2, "--hosts: column 1"),
        (&["run", "true", "--hosts-file", "/nonexistent"], 2, "/nonexistent"),
        (&["run", "true", "-t", "a", "--ssh-config", "/nonexistent"], 2, "--ssh-config"),
        (&["run", "true", "-t", "a", "--log-level", "a=b=c"], 2, "--log-level"),
        (&["script", "/nonexistent.sh", "-t", "a"], 2, "/nonexistent.sh"),
        (&["run", "true", "-t", "a", "-f", "ndjson", "-g"], 2, "--group"),
        (&["run", "true", "-t", "a", "--dialect", "bolt", "--limit", "a"], 2, "--limit: is a word of"),
    ] {
        let done = home.run(args);
        assert_eq!(done.code, code, "{args:?}: {done:?}");
        assert!(done.err.contains(part), "{args:?}: {}", done.err);
        assert!(done.out.is_empty(), "{args:?}");
    }
    assert!(!home.path(".local").exists(), "no database was made");

    // What only the inventory can tell.
    for (args, part) in [
        (&["run", "true", "--targets=-x"][..], "start with '-'"),
        (&["run", "true", "-t", "!a"], "write all!a"),
        (&["run", "true", "-t", "a&b"], "selects no node"),
        (&["run", "true", "-t", "fact(os.family=Debian)"], "selects no node"),
        (&["run", "true", "-t", "n[1-999999999]"], "at most 1000000"),
        (&["run", "true", "-t", "@web"], "needs an inventory"),
        (&["run", "true", "--hosts", "web1,web2", "-t", "web3"], "did you mean web1 or web2?"),
    ] {
        let done = home.run(args);
        assert_eq!(done.code, 2, "{args:?}: {done:?}");
        assert!(
            done.err.contains("--targets (targets)") && done.err.contains(part),
            "{args:?}: {}",
            done.err
        );
    }
    assert!(home.run(&["executions", "list"]).out.is_empty(), "nothing was recorded");
}

#[test]
fn an_inventory_names_nodes_and_a_bad_one_is_told_with_its_lines() {
    let home = Home::new();
    let file = home.path("nodes.yaml");
    std::fs::write(&file, "nodes:\n  web[1-2]: {transport: local}\ngroups:\n  g: web1\n").unwrap();
    let inventory = file.to_str().unwrap();
    let done = home.run(&["run", "echo $0", "--inventory", inventory, "-t", "@g"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.starts_with("web1| "), "{done:?}");
    let done = home.run(&["run", "true", "--inventory", inventory]);
    assert!(done.code == 2 && done.err.contains("--targets all"), "{done:?}");
    std::fs::write(&file, "nodes:\n  web1: {prot: 22}\n  web2: {port: 0}\n").unwrap();
    let done = home.run(&["run", "true", "--inventory", inventory, "-t", "all"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.err.contains("line 2 column") && done.err.contains("nodes.web2.port"), "{done:?}");
    let done = home.local(&["echo x", "--hosts", "a,b,a"]);
    assert!(done.err.contains("warning: --hosts: a named more than once"), "{done:?}");
    assert_eq!(done.out.lines().count(), 2, "{done:?}");
}

#[test]
fn a_node_that_cannot_be_reached_is_told_and_nothing_ran() {
    let home = Home::new();
    // A port on which nothing listens: it is given back right away.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = format!("127.0.0.1:{port}");
    let done = home.run(&["run", "true", "-t", &node]);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.err.contains("unreachable") && done.err.contains("refused"), "{done:?}");
}

#[test]
fn a_database_that_cannot_be_used_is_told() {
    let home = Home::new();
    std::fs::write(home.path("text"), "this is no database, but it is long enough to look at").unwrap();
    let db = home.path("text");
    let done = home.run(&["run", "true", "-t", "a", "--transport", "local", "--db", db.to_str().unwrap()]);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.err.contains(db.to_str().unwrap()), "{done:?}");
    let done = home.run(&["executions", "list", "--db", "/proc/none/x.db"]);
    assert_eq!(done.code, 3, "{done:?}");
}

/// R5.5, R5.8
#[test]
fn history_is_found_again() {
    let home = Home::new();
    home.local(&["echo one", "-t", "a,b", "--tag", "nightly"]);
    home.local(&["if [ $$ -gt 0 ]; then exit 4; fi", "-t", "b"]);
    let all = home.run(&["executions", "list", "-f", "json"]).json();
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert_eq!(all["items"][0]["status"], "failed", "newest first");
    let first = all["items"][1]["id"].as_str().unwrap().to_owned();
    for (filter, count) in [
        (&["--tag", "nightly"][..], 1),
        (&["--target", "a"], 1),
        (&["--target", "b"], 2),
        (&["--status", "failed"], 1),
        (&["--text", "ECHO"], 1),
        (&["--since", "1h"], 2),
        (&["--until", "1h"], 0),
        (&["--user", "nobody-else"], 0),
        (&["--limit", "1"], 1),
    ] {
        let done = home.run(&[&["executions", "list", "-f", "ndjson"], filter].concat());
        assert_eq!(done.out.lines().count(), count, "{filter:?}: {done:?}");
    }
    let table = home.run(&["executions", "list"]);
    assert!(table.out.lines().next().unwrap().starts_with("ID "), "{table:?}");
    let shown = home.run(&["executions", "show", &first]);
    assert!(shown.out.contains("2 of 2 succeeded") && shown.out.contains("nightly"), "{shown:?}");
    assert_eq!(home.run(&["executions", "output", &first, "--node", "a"]).out, "one\n");
    assert_eq!(home.run(&["executions", "output", &first, "--group"]).out, "a,b (2)\none\n");
    let events = home.run(&["executions", "events", &first, "--from", "2"]).out;
    assert!(events.lines().all(|line| line.contains(&first)) && events.contains("\"finished\""), "{events}");
    for (id, part) in [("zzzz", "no execution id"), ("ffffffff", "no execution begins"), ("01", "at least 4")]
    {
        let done = home.run(&["executions", "show", id]);
        assert!(done.code == 2 && done.err.contains(part), "{id}: {done:?}");
    }
    let left: Vec<String> = std::fs::read_dir(home.path(".local/share/pabawi"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with("-wal"))
        .collect();
    assert!(left.is_empty(), "every command closes the database in order: {left:?}");
    // The newest is rerun on the node that failed.
    let rerun = home.run(&["executions", "rerun", "last", "--failed"]);
    assert_eq!(rerun.code, 1, "{rerun:?}");
    let shown = home.run(&["executions", "show", "last"]);
    assert!(shown.out.contains("rerun of"), "{shown:?}");
    let nothing = home.run(&["executions", "rerun", &first, "--failed"]);
    assert!(nothing.code == 2 && nothing.err.contains("nothing to run again"), "{nothing:?}");
}

/// R8.8
#[test]
fn ctrl_c_cancels_once_and_tells() {
    let home = Home::new();
    for signal in ["-INT", "-TERM"] {
        let mut running =
            Running::start(home.pab(&["run", "echo ready; sleep 600", "--transport", "local", "-t", "n"]));
        let _out = running.until("ready");
        running.signal(signal);
        let (code, err) = running.end();
        assert_eq!(code, 130, "{signal}: {err}");
        assert!(err.contains("cancelling") && err.contains("1 cancelled"), "{signal}: {err}");
    }
    let shown = home.run(&["executions", "show", "last"]);
    assert!(shown.out.contains("cancelled, termination confirmed"), "{shown:?}");
}

#[test]
fn ctrl_c_twice_leaves_at_once() {
    let home = Home::new();
    // Ignores SIGTERM, so that ending it takes the grace.
    let command = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let mut running = Running::start(home.pab(&["run", command, "--transport", "local", "-t", "n"]));
    let _out = running.until("ready");
    running.signal("-INT");
    let mut err = BufReader::new(running.0.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert!(line.contains("cancelling"), "{line}");
    running.signal("-INT");
    line.clear();
    err.read_line(&mut line).unwrap();
    assert!(line.contains("left execution"), "{line}");
    running.0.stderr = Some(err.into_inner());
    assert_eq!(running.end().0, 130);
}

#[test]
fn an_execution_is_cancelled_from_another_terminal() {
    let home = Home::new();
    let mut running =
        Running::start(home.pab(&["run", "echo ready; sleep 600", "--transport", "local", "-t", "n"]));
    let _out = running.until("ready");
    let done = home.run(&["executions", "cancel", "last"]);
    assert_eq!(done.code, 0, "{done:?}");
    let (code, err) = running.end();
    assert_eq!(code, 130, "{err}");
    let again = home.run(&["executions", "cancel", "last"]);
    assert!(again.code == 0 && again.err.contains("has ended already"), "{again:?}");
}

#[test]
fn a_reader_that_goes_away_ends_the_run_and_nothing_panics() {
    let home = Home::new();
    let command = "while :; do echo y; done";
    let mut running = Running::start(home.pab(&["run", command, "--transport", "local", "-t", "n"]));
    drop(running.until("y"));
    let (code, err) = running.end();
    assert_eq!(code, 130, "{err}");
    assert!(!err.contains("panic"), "{err}");

    home.local(&["seq 100000", "-t", "n", "--debug", "-q"]);
    let mut output = Running::start(home.pab(&["executions", "output", "last"]));
    drop(output.until("1"));
    let (code, err) = output.end();
    assert!(code == 0 && err.is_empty(), "{code} {err}");
}

/// R1.2, R1.3
#[test]
fn the_same_key_is_the_same_execution() {
    let home = Home::new();
    let marker = home.path("ran");
    let command = format!("echo x >> {}", marker.display());
    for _ in 0..2 {
        let done = home.local(&[&command, "-t", "n", "--idempotency-key", "deploy-1"]);
        assert_eq!(done.code, 0, "{done:?}");
    }
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), "x\n");
    let other = home.local(&["true", "-t", "n", "--idempotency-key", "deploy-1"]);
    assert!(other.code == 2 && other.err.contains("use a new key"), "{other:?}");
}

#[test]
fn scripts_and_copies_work_here() {
    let home = Home::new();
    let script = home.path("deploy.sh");
    std::fs::write(&script, "#!/bin/sh\necho \"$# $1\"\n").unwrap();
    let done =
        home.run(&["script", script.to_str().unwrap(), "--transport", "local", "-t", "n", "--", "-a b", "c"]);
    assert_eq!(done.out, "n| 2 -a b\n", "{done:?}");
    let target = home.path("copied");
    let (from, to) = (script.to_str().unwrap(), target.to_str().unwrap());
    let done = home.run(&["copy", "up", from, to, "--mode", "0640", "--transport", "local", "-t", "n"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(std::fs::read(&target).unwrap(), std::fs::read(&script).unwrap());
    let into = home.path("in");
    let done = home.run(&["copy", "down", to, into.to_str().unwrap(), "--transport", "local", "-t", "n"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(Path::new(&into).join("n").join("copied").exists());
}

/// R6.7, R6.8, R10.2, R12.3: what is built in is listed, described and asked how it is.
#[test]
fn plugins_and_capabilities_are_shown() {
    let home = Home::new();
    let plugins = home.run(&["plugins", "list", "-f", "json"]).json();
    let named: Vec<(&str, &str)> = plugins
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect();
    assert_eq!(named, [("ssh", "ready"), ("local", "ready")]);
    let health = home.run(&["plugins", "health"]);
    assert_eq!((health.code, health.out.matches("healthy").count()), (0, 2), "{health:?}");
    let shown = home.run(&["plugins", "show", "ssh", "-f", "json"]).json();
    assert_eq!(shown["health"]["health"]["state"], "healthy");
    let unknown = home.run(&["plugins", "show", "chef"]);
    assert!(
        unknown.code == 2 && unknown.err.contains("there is no plugin chef; there are: ssh, local"),
        "{unknown:?}"
    );
    let table = home.run(&["capabilities", "list"]);
    assert!(table.out.contains("command.execute") && table.out.contains("file.download"), "{table:?}");
    let some = home.run(&["capabilities", "list", "--plugin", "local", "-f", "json"]).json();
    assert_eq!(some.as_array().unwrap().len(), 4);
    let one = home.run(&["capabilities", "show", "script.execute", "-f", "json"]).json();
    assert_eq!((one[0]["plugin"].as_str(), one[1]["plugin"].as_str()), (Some("ssh"), Some("local")));
    assert_eq!(one[0]["parameters"]["required"], serde_json::json!(["name", "content"]));
    let unknown = home.run(&["capabilities", "show", "coffee.make"]);
    assert!(unknown.code == 2 && unknown.err.contains("command.execute"), "{unknown:?}");
}
