//! The fleet itself, with OpenSSH's own client: what it promises to the tests of other crates holds.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "what a test's own functions meet is the test's failure")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use pabawi_testkit::fleet::{Fleet, FleetError, KeyType};
use pabawi_testkit::{process, wait};

const LIMIT: Duration = Duration::from_secs(20);

/// OpenSSH's client with the fleet's files.
fn ssh(fleet: &Fleet, node: usize, options: &[&str], command: &str) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(fleet.ssh_config()).args(["-o", "ConnectTimeout=10"]).args(options);
    ssh.arg(&fleet.node(node).expect("node").name).arg("--").arg(command);
    ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    ssh
}

fn run(fleet: &Fleet, node: usize, command: &str) -> Output {
    ssh(fleet, node, &["-o", "BatchMode=yes"], command).output().expect("ssh runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// A client that is ended also when an assertion fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a command on a node and waits until it is seen there.
fn running(fleet: &Fleet, node: usize, command: &str, seen: &str) -> Running {
    let client = Running(ssh(fleet, node, &["-o", "BatchMode=yes"], command).spawn().expect("ssh starts"));
    wait::until("the command to run", LIMIT, || sees(fleet, seen)).expect("runs");
    client
}

fn sees(fleet: &Fleet, command_line: &str) -> bool {
    fleet.commands().iter().any(|process| process.command_line == command_line)
}

#[test]
fn every_node_answers_under_its_own_address_and_key_and_nothing_is_left() {
    let fleet = Fleet::builder().nodes(3).start().expect("starts");
    for node in fleet.nodes() {
        let output = run(&fleet, node.index, "echo $SSH_CONNECTION $PABAWI_FLEET $PABAWI_NODE");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        let expected =
            format!("{} {} {} {}", node.address.ip(), node.address.port(), fleet.marker(), node.name);
        assert!(said.ends_with(&expected), "{said:?} does not end with {expected:?}");
    }
    let mut keys: Vec<&str> = fleet.nodes().iter().map(|node| node.host_keys[0].public.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 3, "each node has a host key of its own");

    // A daemon that left its session and its parent is the hardest thing to catch.
    assert!(run(&fleet, 0, "setsid sleep 4711 >/dev/null 2>&1 </dev/null &").status.success());
    wait::until("the daemon", LIMIT, || sees(&fleet, "sleep 4711")).expect("runs");

    let (marker, directory) = (fleet.marker().to_owned(), fleet.directory().to_owned());
    let addresses: Vec<_> = fleet.nodes().iter().map(|node| node.address).collect();
    drop(fleet);
    assert_eq!(process::with_marker(&marker), Vec::new());
    assert!(addresses.iter().all(|address| !process::listening().contains(address)));
    assert!(!directory.exists());
}

#[test]
fn a_killed_test_leaves_no_sshd_no_command_and_no_files() {
    let mut child = Running(
        Command::new(env!("CARGO_BIN_EXE_pabawi-fleet"))
            .arg("2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts"),
    );
    let mut lines = BufReader::new(child.0.stdout.take().expect("piped")).lines();
    let mut value = |key: &str| {
        let line = lines.next().expect("a line").expect("readable");
        line.strip_prefix(key).unwrap_or_else(|| panic!("{line:?} begins with {key:?}")).trim().to_owned()
    };
    let (marker, ssh_config) = (value("marker"), value("ssh_config"));
    value("hosts");
    value("ready:");
    let _client = Running(
        Command::new("ssh")
            .args(["-F", &ssh_config, "web02", "trap '' TERM HUP; sleep 4712"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ssh starts"),
    );
    let sees = |name: &str| process::with_marker(&marker).iter().any(|found| found.name == name);
    wait::until("sshd and the command", LIMIT, || sees("sshd") && sees("sleep")).expect("both run");

    child.0.kill().expect("killed");
    child.0.wait().expect("waited");
    let directory = Path::new(&ssh_config).parent().expect("a parent");
    wait::until("everything to be gone", LIMIT, || {
        !directory.exists() && process::with_marker(&marker).iter().all(|found| found.name == "ssh")
    })
    .expect("gone");
}

#[test]
fn a_cut_link_leaves_the_command_and_other_nodes_of_the_same_sshd_alone() {
    let fleet = Fleet::builder().nodes(3).nodes_per_process(3).start().expect("starts");
    let mut first = running(&fleet, 0, "sleep 4713", "sleep 4713");
    let mut second = running(&fleet, 1, "sleep 4714", "sleep 4714");
    assert_eq!(fleet.open_connections(0).expect("count"), 1);
    assert!(!fleet.is_idle());
    assert_eq!(fleet.open_connections(2).expect("count"), 0);

    assert!(fleet.cut_links(0).expect("cut") > 0);
    assert_eq!(first.0.wait().expect("waited").code(), Some(255), "the client sees its connection lost");
    assert!(sees(&fleet, "sleep 4713"), "the command lives on");
    assert!(second.0.try_wait().expect("looked").is_none(), "the other node's client goes on");
    assert_eq!(fleet.sshd_children(0).expect("children"), Vec::new());
    assert_ne!(fleet.sshd_children(1).expect("children"), Vec::new());
    assert!(run(&fleet, 0, "true").status.success(), "and the node accepts new connections");
    assert!(matches!(fleet.stop_node(0), Err(FleetError::Invalid(_))));
}

#[test]
fn a_stopped_node_refuses_and_comes_back_with_the_same_key() {
    let fleet = Fleet::builder().nodes(2).start().expect("starts");
    let mut client = running(&fleet, 0, "sleep 4715", "sleep 4715");
    let used = fleet.cpu_seconds();
    fleet.stop_node(0).expect("stops");
    assert_eq!(client.0.wait().expect("waited").code(), Some(255));
    wait::until("the command to be gone", LIMIT, || !sees(&fleet, "sleep 4715")).expect("gone");
    let refused = TcpStream::connect(fleet.node(0).expect("node").address).expect_err("refused");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(run(&fleet, 1, "true").status.success(), "the other node goes on");
    wait::until("the fleet to be idle", LIMIT, || fleet.is_idle()).expect("idle");
    assert!(fleet.cpu_seconds() >= used, "what ended is still counted");

    fleet.start_node(0).expect("starts again");
    assert!(run(&fleet, 0, "true").status.success());

    let mut client = running(&fleet, 0, "sleep 4716", "sleep 4716");
    fleet.stop_listener(0).expect("stops");
    assert!(TcpStream::connect(fleet.node(0).expect("node").address).is_err());
    assert!(client.0.try_wait().expect("looked").is_none(), "the connection goes on");
}

#[test]
fn a_frozen_node_accepts_but_says_nothing_until_it_is_thawed() {
    let fleet = Fleet::builder().start().expect("starts");
    fleet.freeze_node(0).expect("freezes");
    let mut stream = TcpStream::connect(fleet.node(0).expect("node").address).expect("the kernel accepts");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("set");
    let mut banner = [0_u8; 4];
    let error = stream.read_exact(&mut banner).expect_err("silent");
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
    fleet.thaw_node(0).expect("thaws");
    stream.set_read_timeout(Some(LIMIT)).expect("set");
    stream.read_exact(&mut banner).expect("the banner comes");
    assert_eq!(&banner, b"SSH-");
}

#[test]
fn many_nodes_share_processes_and_keys_and_cpu_is_counted() {
    let fleet = Fleet::builder().nodes(40).shared_host_key().start().expect("starts");
    assert_eq!(fleet.nodes().len(), 40);
    assert_eq!(fleet.node(39).expect("node").name, "web40");
    assert_eq!(
        fleet.node(0).expect("node").host_keys[0].public,
        fleet.node(39).expect("node").host_keys[0].public
    );
    let before = fleet.cpu_seconds();
    // Long enough for the kernel's clock ticks of 10 ms to notice.
    let spin = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    assert!(run(&fleet, 39, spin).status.success());
    wait::until("the work to be counted", LIMIT, || fleet.cpu_seconds() > before + 0.05).expect("counted");
    assert_eq!(fleet.known_hosts_text().lines().count(), 40);
    assert_eq!(fleet.hosts_text().lines().count(), 40);
    let inventory = std::fs::read_to_string(fleet.inventory()).expect("written");
    assert!(inventory.contains("  - name: web40\n    host: 127.") && inventory.contains("fleet: [web01, "));
}

#[test]
fn settings_reach_the_nodes_they_are_meant_for() {
    let fleet = Fleet::builder()
        .nodes(2)
        .node_setting(1, "MaxSessions 0")
        .user_key(KeyType::Ecdsa)
        .user_key_with_passphrase(KeyType::Ed25519, "open sesame")
        .host_key(KeyType::Ecdsa)
        .host_key(KeyType::Ed25519)
        .log_level("VERBOSE")
        .start()
        .expect("starts");
    assert!(run(&fleet, 0, "true").status.success());
    assert!(fleet.log(0).expect("log").contains("Accepted publickey"), "{}", fleet.log(0).expect("log"));
    let refused = run(&fleet, 1, "true");
    assert_eq!(refused.status.code(), Some(255), "no channel is granted: {}", text(&refused.stderr));
    assert_eq!(fleet.user_keys()[1].passphrase.as_deref(), Some("open sesame"));
    assert_eq!(fleet.known_hosts_text().lines().count(), 4);
}

#[test]
fn the_testers_own_shell_settings_do_not_reach_the_nodes() {
    let fleet = Fleet::builder().start().expect("starts");
    // bash counts itself and reads ~/.bashrc when it comes to 1; other shells only pass the number on.
    let said = text(&run(&fleet, 0, "echo ${BASH_VERSION:+bash}$SHLVL").stdout);
    assert!(said == "bash2" || said == "1", "{said:?}");
}

#[test]
fn an_sshd_that_cannot_start_is_an_error_with_its_log() {
    let error = Fleet::builder().setting("NoSuchSetting yes").start().expect_err("refused");
    assert!(matches!(error, FleetError::NotListening { .. }), "{error}");
    assert!(error.to_string().contains("NoSuchSetting"), "{error}");
    assert!(Fleet::builder().nodes(0).start().is_err());
    assert!(Fleet::builder().nodes(20).nodes_per_process(17).start().is_err());
}

#[test]
fn the_unprivileged_user_logs_in_and_sudo_rules_come_and_go() {
    let user = Fleet::unprivileged_user().expect("a test user");
    let fleet = Fleet::builder().user(&user.name).start().expect("starts");
    let output = run(&fleet, 0, "id -un; cd ~ && pwd");
    assert_eq!(text(&output.stdout), format!("pabawi-test\n{}", user.home.display()));
    assert!(!run(&fleet, 0, "sudo -n true").status.success(), "no rights without rules");
    let rules = fleet.sudo_rules("pabawi-test ALL=(ALL) NOPASSWD: ALL").expect("rules");
    let output = run(&fleet, 0, "sudo -n id -un");
    assert_eq!(text(&output.stdout), "root", "{}", text(&output.stderr));
    drop(rules);
    assert!(!run(&fleet, 0, "sudo -n true").status.success());
    assert!(matches!(fleet.sudo_rules("this is no rule"), Err(FleetError::Program { .. })));
}

#[test]
fn a_password_opens_by_either_method_and_only_where_it_is_allowed() {
    let user = Fleet::password_user().expect("a test user");
    let password = user.password.clone().expect("has one");
    for (method, fleet) in [
        ("password", Fleet::builder().user(&user.name).password_login().start().expect("starts")),
        (
            "keyboard-interactive",
            Fleet::builder().user(&user.name).keyboard_interactive().start().expect("starts"),
        ),
    ] {
        let ask = fleet.directory().join("askpass");
        let mut script = std::fs::File::create(&ask).expect("created");
        writeln!(script, "#!/bin/sh\necho {password}").expect("written");
        drop(script);
        assert!(Command::new("chmod").arg("700").arg(&ask).status().expect("chmod").success());
        let only = format!("PreferredAuthentications={method}");
        let login = || {
            ssh(&fleet, 0, &["-o", &only, "-o", "NumberOfPasswordPrompts=1"], "id -un")
                .env("SSH_ASKPASS", &ask)
                .env("SSH_ASKPASS_REQUIRE", "force")
                .output()
                .expect("ssh runs")
        };
        let output = login();
        assert_eq!(text(&output.stdout), "pabawi-pw", "{method}: {}", text(&output.stderr));
        std::fs::write(&ask, "#!/bin/sh\necho wrong\n").expect("written");
        assert_eq!(login().status.code(), Some(255), "{method} refuses a wrong password");
    }
}
