//! Requirement 12, as far as `pab run`, `script`, `copy` and `executions` go: formats, colour, progress, grouping,
//! exit statuses, completions, man pages, files, other users.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pabawi_testkit::fleet::Fleet;
use pabawi_tests::{Lab, Pab, Ran, finished_nodes, lines_of, outcome_of, result_of, unique};
use serde_json::Value;

const ESCAPE: char = '\u{1b}';

/// R12.2
#[test]
fn each_format_says_the_same() {
    let lab = Lab::new(2);
    let call = |format: &str| lab.run("web[01-02]", "echo said; exit 3").args(["--format", format]).exits(1);
    let document = call("json").json();
    let text = document.to_string();
    assert_eq!(text.matches(r#""outcome":"exited""#).count(), 2, "{text}");
    assert!(text.contains(r#""status":"failed""#) && text.contains("said"), "{text}");

    let yaml = call("yaml").out();
    for part in ["status: failed", "outcome: exited", "code: 3", "said"] {
        assert!(yaml.contains(part), "{part:?} is missing: {yaml}");
    }
    let events = call("ndjson").events();
    assert_eq!(
        (outcome_of(&events, "web01"), outcome_of(&events, "web02")),
        ("exited".into(), "exited".into())
    );

    let table = call("table");
    let table = table.out() + &table.err();
    for part in ["web01", "web02", "said", "3"] {
        assert!(table.contains(part), "{part:?} is missing: {table}");
    }
}

/// Runs a call on a terminal of its own (script(1)) and returns what appeared there. With `to_file`, stdout is
/// that file and only stderr is the terminal.
fn on_terminal(call: &Pab, lab: &Lab, to_file: Option<&Path>, environment: &[(&str, &str)]) -> String {
    let redirect = to_file.map(|path| format!(" > '{}'", path.display())).unwrap_or_default();
    let inner = format!("stty cols 120 rows 40; {}{redirect}", call.command_line());
    let mut outer = Pab::shell(&lab.path("home"), "exec script -qec \"$0\" /dev/null").args([inner]);
    outer = outer.env("PABAWI_DB", lab.database()).env("SHELL", "/bin/sh");
    for (name, value) in environment {
        outer = outer.env(name, value);
    }
    outer.succeeds().out()
}

/// R12.2
#[test]
fn colour_and_progress_are_for_terminals_only() {
    let lab = Lab::new(2);
    let call = || lab.run("web[01-02]", "echo said");
    // Neither stream is a terminal.
    let ran = call().succeeds();
    assert!(!ran.out().contains(ESCAPE) && !ran.err().contains(ESCAPE), "{ran}");
    // Both are.
    let seen = on_terminal(&call(), &lab, None, &[]);
    assert!(seen.contains(ESCAPE) && seen.contains("said"), "{seen:?}");
    // Only stderr is: what goes into the file is plain, progress is on the terminal.
    let file = lab.path("into");
    let seen = on_terminal(&call(), &lab, Some(&file), &[]);
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("said") && !written.contains(ESCAPE), "{written:?}");
    assert!(seen.contains('2'), "progress counts two nodes: {seen:?}");
    // A machine reads: no progress into its stream, and the document is whole.
    let _ = on_terminal(&call().args(["--format", "json"]), &lab, Some(&file), &[]);
    let _: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    // NO_COLOR is obeyed on a terminal (https://no-color.org): no colour sequence, whatever else is drawn.
    let seen = on_terminal(&call(), &lab, None, &[("NO_COLOR", "1")]);
    assert!(seen.contains("said") && !has_colour(&seen), "{seen:?}");
}

/// Whether the text holds an SGR sequence (ECMA-48 section 8.3.117) that sets a colour.
fn has_colour(text: &str) -> bool {
    text.split("\u{1b}[").skip(1).any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(rest.len());
        let colours = ["3", "4", "9", "10"];
        rest[end..].starts_with('m')
            && rest[..end].split(';').any(|code| {
                code.len() >= 2 && colours.iter().any(|family| code[..code.len() - 1] == **family)
            })
    })
}

/// What would act on a terminal: as printf(1) is told to write it, as it is then, and as it is shown instead.
const ACTING: [(&str, &[u8], &str); 9] = [
    // The title, in both of its ends.
    (r"\033]0;owned\007", b"\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    (r"\033]2;owned\033\\", b"\x1b]2;owned\x1b\\", r"\x1b]2;owned\x1b\"),
    // The whole screen, and a place on it.
    (r"\033[2J", b"\x1b[2J", r"\x1b[2J"),
    (r"\033[9;9Hthere", b"\x1b[9;9Hthere", r"\x1b[9;9Hthere"),
    // The same lead in one character (ECMA-48, C1).
    (r"\302\23331mred", b"\xc2\x9b31mred", r"\u{9b}31mred"),
    // Back over what is there.
    (r"\010\010back", b"\x08\x08back", r"\x08\x08back"),
    (r"\rover", b"\rover", r"\x0dover"),
    // Text that reads the other way round.
    (r"\342\200\256turned", b"\xe2\x80\xaeturned", r"\u{202e}turned"),
    // No text at all.
    (r"\377\000bytes", b"\xff\x00bytes", r"\xff\x00bytes"),
];

/// What a node prints is data: wherever it is shown on the operator's terminal, what would move the cursor, change the title or
/// turn the text is shown and not done. The same holds for the text of the command.
/// R12.2
#[test]
fn a_node_cannot_draw_on_the_operators_terminal() {
    let lab = Lab::new(1);
    let printed: String = ACTING.iter().map(|(written, ..)| format!("<{written}>")).collect();
    let command = format!("printf '{printed}\\n'; printf '{printed}\\n' >&2; : '\u{1b}]0;named\u{7}'");
    let run = || lab.run("web01", &command);
    // A file has every byte as it is, and on a terminal it would act: what is looked for below could be found.
    let ran = run().succeeds();
    let file = lab.write("said", &ran.stdout);
    let careless = Pab::shell(&lab.path("home"), &format!("cat '{}'", file.display()));
    let careless = on_terminal(&careless, &lab, None, &[]);
    for (_, raw, shown) in ACTING {
        for bytes in [&ran.stdout, &ran.stderr] {
            assert!(bytes.windows(raw.len()).any(|window| window == raw), "{shown}: {ran}");
        }
        assert!(careless.contains(&*String::from_utf8_lossy(raw)), "{shown}: {careless:?}");
    }
    for (call, streams) in [
        (run(), 2),
        (run().args(["--group"]), 2),
        (lab.pab(["executions", "output", "last"]), 2),
        (lab.pab(["executions", "output", "last", "--stream", "stderr"]), 1),
        (lab.pab(["executions", "output", "last", "--group"]), 2),
    ] {
        let seen = on_terminal(&call, &lab, None, &[]);
        for (_, raw, shown) in ACTING {
            assert_eq!(seen.matches(shown).count(), streams, "{shown}: {seen:?}");
            let raw = String::from_utf8_lossy(raw);
            assert!(!seen.contains(&*raw), "{raw:?} of {call:?}: {seen:?}");
        }
    }
    for words in [&["executions", "list"][..], &["executions", "show", "last"], &["journal", "list"]] {
        let seen = on_terminal(&lab.pab(words), &lab, None, &[]);
        assert!(seen.contains("printf") && !seen.contains("\u{1b}]0;"), "{words:?}: {seen:?}");
    }
}

/// R12.2
#[test]
fn equal_outputs_are_shown_once_under_folded_names() {
    let lab = Lab::new(12);
    let odd = lab.fleet().node(4).unwrap().address.ip();
    let command = format!("set -- $SSH_CONNECTION; if [ $3 = {odd} ]; then echo odd; else echo even; fi");
    let ran = lab.run("web[01-12]", &command).args(["--group"]).succeeds();
    assert_eq!(ran.out().matches("even").count(), 1, "{ran}");
    assert!(ran.out().contains("web[01-04,06-12]"), "{ran}");
    assert!(ran.out().contains("web05"), "{ran}");
    let again = lab.pab(["executions", "output", "last", "--group"]).succeeds();
    assert!(again.out().contains("web[01-04,06-12]"), "{again}");
}

/// R12.2
#[test]
fn the_exit_status_says_what_happened() {
    let lab = Lab::new(2);
    let first = lab.fleet().node(0).unwrap().address.ip();
    let _ = lab.run("web[01-02]", "true").exits(0);
    let _ = lab.run("web[01-02]", &format!("set -- $SSH_CONNECTION; [ $3 = {first} ]")).exits(1);
    let _ = lab.run("web[01-02]", "false").exits(1);
    let _ = lab.pab(["run"]).exits(2);
    let _ = lab.pab(["no-such-command"]).exits(2);
    let _ = lab.pab(["--help"]).exits(0);
    let _ = lab.pab(["--version"]).exits(0);
    lab.fleet().stop_node(0).unwrap();
    lab.fleet().stop_node(1).unwrap();
    let _ = lab.run("web[01-02]", "true").exits(3);
}

/// R12.2
#[test]
fn nodes_come_from_the_command_line_from_files_from_ssh_config_and_from_an_inventory() {
    let lab = Lab::new(3);
    let fleet = lab.fleet();
    let config = fleet.ssh_config().to_str().unwrap();
    let names = |ran: Ran| {
        let mut nodes = finished_nodes(&ran.events());
        nodes.sort();
        nodes
    };
    let call = |arguments: &[&str]| lab.pab(["run", "true", "--format", "ndjson"]).args(arguments).succeeds();
    assert_eq!(names(call(&["--ssh-config", config, "--hosts", "web01,web03"])), ["web01", "web03"]);
    assert_eq!(names(call(&["--ssh-config", config, "-t", "web01,*3"])), ["web01", "web03"]);
    let hosts = lab.write("hosts", "# a remark\nweb02\n\nweb[01-02]   # twice\n");
    let hosts = hosts.to_str().unwrap();
    assert_eq!(names(call(&["--ssh-config", config, "--hosts-file", hosts])), ["web01", "web02"]);
    let inventory = lab.write("nodes.yaml", inventory_of(&lab));
    let inventory = inventory.to_str().unwrap();
    let call = |targets| call(&["--ssh-config", config, "--inventory", inventory, "--targets", targets]);
    assert_eq!(names(call("@front")), ["one", "two"]);
    assert_eq!(names(call("@site")), ["one", "three", "two"]);
    assert_eq!(names(call("@back")), ["three"]);
}

/// An inventory of three nodes under other names.
fn inventory_of(lab: &Lab) -> String {
    let mut text = "nodes:\n".to_owned();
    for (node, name) in lab.fleet().nodes().iter().zip(["one", "two", "three"]) {
        text.push_str(&format!(
            "  - {{name: {name}, host: {}, port: {}, user: {}, identity_files: ['{}']}}\n",
            node.address.ip(),
            node.address.port(),
            lab.fleet().user(),
            lab.fleet().user_key().path.display()
        ));
    }
    text + "groups:\n  front: [one, two]\n  back: [three]\n  site: {children: [front, back]}\n"
}

/// R12.2
#[test]
fn a_script_is_run_with_arguments_by_its_interpreter_and_removed() {
    let lab = Lab::new(2);
    let canary = unique();
    let text = format!("#!/bin/sh\n# {canary}\nprintf '[%s]' \"$@\"; echo; echo $$ >&2; exit 5\n");
    let script = lab.write("probe.sh", text);
    let script = script.to_str().unwrap();
    let ran = lab
        .on("web[01-02]", ["script", script])
        .args(["--format", "ndjson", "--", "one", "two words", "-x", "it's"])
        .exits(1);
    let events = ran.events();
    for node in ["web01", "web02"] {
        assert_eq!(result_of(&events, node).unwrap()["code"], 5);
    }
    let printed = |node: &str, stream: &str| -> String {
        let pieces = events
            .iter()
            .filter(|event| event["type"] == "output" && event["node"] == node && event["stream"] == stream);
        pieces.map(|event| event["data"].as_str().unwrap()).collect()
    };
    for node in ["web01", "web02"] {
        assert_eq!(printed(node, "stdout"), "[one][two words][-x][it's]\n");
        assert!(printed(node, "stderr").trim().parse::<u32>().is_ok(), "{ran}");
    }
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let left = std::fs::read_to_string(entry.path()).unwrap_or_default();
        assert!(!left.contains(&canary), "{} was left on the node", entry.path().display());
    }
    let script = lab.write("probe.py", "import sys\nprint(sys.argv[1:])\n");
    let ran = lab
        .on("web01", ["script", script.to_str().unwrap(), "--interpreter", "/usr/bin/python3"])
        .args(["--", "a b"])
        .succeeds();
    assert!(ran.out().contains("['a b']"), "{ran}");
}

/// A folder with files of several kinds.
fn tree(lab: &Lab, name: &str) -> PathBuf {
    let top = lab.path(name);
    std::fs::create_dir_all(top.join("deep/er")).unwrap();
    std::fs::write(top.join("plain"), "text\n").unwrap();
    std::fs::write(top.join("deep/empty"), "").unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    std::fs::write(top.join("deep/er/binary"), bytes).unwrap();
    std::fs::write(top.join("run.sh"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(top.join("run.sh"), std::fs::Permissions::from_mode(0o750)).unwrap();
    top
}

/// Contents and permission bits of all files below, by their path.
fn files(top: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32)> {
    let mut found = BTreeMap::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            found.insert(path.strip_prefix(top).unwrap().to_owned(), (std::fs::read(&path).unwrap(), mode));
        }
    }
    found
}

/// R12.2
#[test]
fn files_and_folders_are_copied_up_and_down_byte_for_byte() {
    let lab = Lab::new(2);
    let (source, there, back) = (tree(&lab, "source"), lab.path("there"), lab.path("back"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    // All nodes are this machine, so one destination on each must not be the same: one node up, both down.
    let _ = lab.on("web01", ["copy", "up", &text(&source), &text(&there)]).succeeds();
    assert_eq!(files(&there), files(&source));
    let _ = lab.on("web[01-02]", ["copy", "down", &text(&there), &text(&back)]).succeeds();
    for node in ["web01", "web02"] {
        assert_eq!(files(&back.join(node).join("there")), files(&source), "{node}");
    }
    let single = text(&source.join("plain"));
    let _ = lab.on("web01", ["copy", "up", &single, &text(&lab.path("single")), "--mode", "0640"]).succeeds();
    let mode = std::fs::metadata(lab.path("single")).unwrap().permissions().mode() & 0o777;
    assert_eq!((std::fs::read(lab.path("single")).unwrap(), mode), (b"text\n".to_vec(), 0o640));

    let ran = lab.on("web01", ["copy", "down", "/no/such/file", &text(&back)]).ran();
    assert_ne!(ran.code(), Some(0), "{ran}");
    assert!((ran.out() + &ran.err()).contains("/no/such/file"), "{ran}");
    let ran = lab.on("web01", ["copy", "up", &text(&lab.path("missing")), "/tmp/x"]).ran();
    assert_ne!(ran.code(), Some(0), "{ran}");
    assert!((ran.out() + &ran.err()).contains("missing"), "{ran}");
    let shown = lab.pab(["executions", "list", "--format", "json"]).succeeds().out();
    assert!(shown.contains("upload") && shown.contains("download"), "{shown}");
}

/// R12.2
#[test]
fn another_user_by_sudo_with_and_without_a_password() {
    let user = Fleet::password_user().unwrap();
    let password = user.password.clone().unwrap();
    let lab = Lab::with(Fleet::builder().user(&user.name));
    let call = |extra: &[&str]| lab.run_events("web01", "id -un").args(["--run-as", "root"]).args(extra);
    // No rights at all.
    let ran = call(&[]).ran();
    assert_eq!(outcome_of(&ran.events(), "web01"), "runAsDenied", "{ran}");
    {
        let _rules = lab.fleet().sudo_rules(&format!("{} ALL=(ALL) NOPASSWD: ALL", user.name)).unwrap();
        let ran = call(&[]).succeeds();
        assert!(ran.out().contains(r#""data":"root\n""#), "{ran}");
    }
    let _rules =
        lab.fleet().sudo_rules(&format!("{} ALL=(ALL) ALL\nDefaults timestamp_timeout=0", user.name));
    let ran = call(&[]).ran();
    let result = result_of(&ran.events(), "web01").unwrap();
    assert_eq!(result["outcome"], "runAsDenied", "{ran}");
    assert_eq!(result["error"]["code"], "run_as_password_needed", "{ran}");
    let file = lab.write("password", format!("{password}\n"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let ran = call(&["--run-as-password-file", file.to_str().unwrap()]).succeeds();
    assert!(ran.out().contains(r#""data":"root\n""#), "{ran}");
    assert!(!ran.out().contains(&password) && !ran.err().contains(&password), "the password is shown");
    let shown = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().out();
    assert!(!shown.contains(&password), "the password is stored");
    for name in ["pabawi.db", "pabawi.db-wal"] {
        let bytes = std::fs::read(lab.path(name)).unwrap_or_default();
        let found = bytes.windows(password.len()).any(|window| window == password.as_bytes());
        assert!(!found, "the password stands in {name}");
    }
}

/// R12.2
#[test]
fn a_rerun_takes_the_nodes_that_failed() {
    let lab = Lab::new(3);
    let gate = lab.path("good");
    let file = lab.path("ran");
    let bad = lab.fleet().node(1).unwrap().address.ip();
    let command = format!(
        "set -- $SSH_CONNECTION; echo $3 >> {1}; [ $3 != {bad} ] || [ -e {0} ]",
        gate.display(),
        file.display()
    );
    let _ = lab.run("web[01-03]", &command).exits(1);
    let first = lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().events();
    let first = first[0]["id"].as_str().unwrap().to_owned();
    std::fs::write(&gate, "").unwrap();
    std::fs::remove_file(&file).unwrap();
    let ran = lab
        .pab(["executions", "rerun", "last", "--failed", "--format", "ndjson"])
        .args(["--ssh-config".as_ref(), lab.fleet().ssh_config().as_os_str()])
        .succeeds();
    assert_eq!(finished_nodes(&ran.events()), ["web02"], "{ran}");
    assert_eq!(lines_of(&file), [bad.to_string()]);
    let shown = lab.pab(["executions", "show", "last", "--format", "json"]).succeeds().out();
    assert!(shown.contains(&format!(r#""rerunOf":"{first}""#)) || shown.contains(&first), "{shown}");
}

/// R12.2: nodes that were named by address are logged in to anew as is said, by the options of a run.
#[test]
fn a_rerun_takes_another_login() {
    let lab = Lab::new(1);
    let (fleet, address) = (lab.fleet(), lab.fleet().node(0).unwrap().address);
    let key = fleet.user_key().path.display().to_string();
    let known = fleet.known_hosts().display().to_string();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let trust = ["--known-hosts", &known, "--format", "json"];
    let login = |user: &'static str| ["--user", user, "--identity", &key];
    // Without a configuration that belongs to this machine.
    let empty = lab.write("empty", "").display().to_string();
    let wrong = ["--port", &port, "--ssh-config", &empty];
    let failed = lab
        .pab(["run", "id -un", "--hosts", &ip])
        .args(trust)
        .args(login("nobody-here"))
        .args(wrong)
        .exits(3);
    assert_eq!(failed.json()["nodes"][0]["outcome"], "authFailed", "{failed}");
    let user = fleet.user().to_owned();
    let rerun = ["executions", "rerun", "last", "--failed", "--output-memory", "16M"];
    let right = lab.pab(rerun).args(trust).args(["--user", &user, "--identity", &key]).succeeds();
    assert_eq!(right.json()["nodes"][0]["stdout"]["data"], format!("{user}\n"), "{right}");
    let closed = lab.pab(["executions", "rerun", "last", "--all", "--port", "1"]).args(trust).exits(3);
    assert_eq!(closed.json()["nodes"][0]["outcome"], "unreachable", "{closed}");
    let memory = lab.pab(["executions", "rerun", "last", "--all", "--output-memory", "0"]).exits(2);
    assert!(memory.err().contains("output"), "{memory}");
}

/// R12.9
#[test]
fn completions_are_valid_shell() {
    let lab = Lab::new(1);
    for (shell, check) in [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])] {
        let text = lab.pab(["completions", shell]).succeeds().out();
        assert!(text.contains("__complete"), "{shell} asks pab itself: {text}");
        let file = lab.write(&format!("pab.{shell}"), &text);
        let output = Command::new(shell).args(check).arg(&file).output().unwrap();
        assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// R12.9
#[test]
fn man_pages_are_made_for_every_command_and_can_be_rendered() {
    let lab = Lab::new(1);
    let folder = lab.path("man");
    let _ = lab.pab(["man".as_ref(), "--dir".as_ref(), folder.as_os_str()]).succeeds();
    let names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for page in ["pab.1", "pab-run.1", "pab-executions-list.1", "pab-copy-up.1"] {
        assert!(names.iter().any(|name| name == page), "{page} is not among {names:?}");
    }
    for name in names {
        let path = folder.join(&name);
        let source = std::fs::read_to_string(&path).unwrap();
        assert!(source.contains(".TH") && source.contains(".SH NAME"), "{name}");
        let output = Command::new("groff").args(["-man", "-Tutf8", "-ww"]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("error"), "{name}: {said}");
        assert!(String::from_utf8_lossy(&output.stdout).to_lowercase().contains("pab"), "{name}");
    }
}

/// R12.9
#[test]
fn help_names_every_option_and_the_exit_statuses() {
    let lab = Lab::new(1);
    let help = lab.pab(["run", "--help"]).succeeds().out();
    for option in [
        "--targets",
        "--hosts",
        "--hosts-file",
        "--ssh-config",
        "--inventory",
        "--concurrency",
        "--timeout",
        "--connect-timeout",
        "--env",
        "--cwd",
        "--run-as",
        "--stdin",
        "--debug",
        "--format",
        "--group",
        "--db",
    ] {
        assert!(help.contains(option), "{option} is missing: {help}");
    }
    let help = lab.pab(["--help"]).succeeds().out();
    for part in ["130", "PABAWI_DB"] {
        assert!(help.contains(part), "{part} is missing: {help}");
    }
    for command in ["run", "script", "copy", "executions"] {
        assert!(help.contains(command), "{command} is missing: {help}");
    }
}

/// R12.2
#[test]
fn a_reader_that_goes_away_ends_the_program_without_noise_and_without_an_orphan() {
    let lab = Lab::new(1);
    let number = unique();
    let call = lab.run("web01", &format!("while :; do echo {number}; done"));
    let line = format!("{} | head -n 1", call.command_line());
    let ran = Pab::shell(&lab.path("home"), &line).env("PABAWI_DB", lab.database()).ran();
    assert!(ran.out().contains(&number), "{ran}");
    assert!(!ran.err().contains("panicked"), "{ran}");
    lab.wait_for_processes(&format!("echo {number}; done"), 0);
}
