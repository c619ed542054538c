//! Detached commands on real nodes: the link is cut, the node's sshd goes away and comes back, the transport is thrown
//! away and another one comes. What was printed arrives byte for byte, and nothing is run twice.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::action::{Action, ProcessOptions, RunAsMethod, ScriptAction};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::node::Target;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::{OutputData, StreamKind};
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, DetachedName, RunningAction, TerminateMode, TransportError,
};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use pabawi_transport::SshTransport;
use ssh_support::{Done, LIMIT, command, connect, finish, run_as, settings, target_as, transport, within};

const GRACEFUL: TerminateMode = TerminateMode::Graceful { grace: Duration::from_secs(1) };

/// A fleet of one node and the two users that every check is done with.
struct Node {
    fleet: Fleet,
    transport: SshTransport,
}

impl Node {
    fn new() -> Self {
        let fleet = Fleet::builder().nodes(1).start().unwrap();
        let transport = transport(&fleet);
        Self { fleet, transport }
    }

    fn users() -> [String; 2] {
        ["root".to_owned(), Fleet::unprivileged_user().unwrap().name]
    }

    fn target(&self, user: &str) -> Target {
        target_as(&self.fleet, 0, user)
    }

    /// A file that anybody may write.
    fn file(&self, name: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = std::env::temp_dir().join(format!("pabawi-{}", self.fleet.marker()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o1777)).unwrap();
        directory.join(name)
    }

    async fn start(
        &self,
        user: &str,
        action: Action,
        name: &DetachedName,
    ) -> Result<Box<dyn RunningAction>, TransportError> {
        start(&self.transport, &self.target(user), action, name).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.file("x").parent().unwrap());
    }
}

async fn start(
    transport: &SshTransport,
    target: &Target,
    action: Action,
    name: &DetachedName,
) -> Result<Box<dyn RunningAction>, TransportError> {
    let session = connect(transport, target).await?;
    within("starting", session.start_detached(Arc::new(action), name.clone())).await
}

/// A name that nothing was started under.
fn name(target: &Target) -> DetachedName {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut chance = [0; 10];
    chance[..4].copy_from_slice(&std::process::id().to_be_bytes());
    chance[4..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes());
    let ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    DetachedName {
        execution: ExecutionId::from_parts(u64::try_from(ms).unwrap(), chance),
        node: target.node.clone(),
        attempt: 1,
        may_exist: false,
    }
}

/// The spool of that name, whoever it belongs to.
fn spool(name: &DetachedName) -> Option<PathBuf> {
    let wanted = format!("{}.{}.", name.execution, name.attempt);
    let users = std::fs::read_dir("/var/tmp").unwrap().filter_map(Result::ok);
    users
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("pabawi-"))
        .filter_map(|entry| std::fs::read_dir(entry.path()).ok())
        .flatten()
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with(&wanted))
        .map(|entry| entry.path())
}

/// Reads to the end and lets the spool go.
async fn finish_all(mut running: Box<dyn RunningAction>, name: &DetachedName) -> Done {
    let done = finish(&mut *running).await;
    within("settling", running.settle()).await;
    assert_eq!(spool(name), None, "{:?}", done.end);
    done
}

fn plain(text: &str) -> Action {
    command(text, ProcessOptions::default())
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_and_exit_status_arrive_and_the_spool_is_private_and_gone_at_the_end() {
    let node = Node::new();
    for user in Node::users() {
        let name = name(&node.target(&user));
        let text = "printf 'a\\0b'; printf 'c\\0d' >&2; id -un; sleep 0.3; exit 137";
        let running = node.start(&user, plain(text), &name).await.unwrap();
        wait::until_async("the spool", LIMIT, || spool(&name).is_some()).await.unwrap();
        use std::os::unix::fs::MetadataExt as _;
        let found = spool(&name).unwrap();
        let meta = std::fs::metadata(&found).unwrap();
        assert_eq!(meta.mode() & 0o777, 0o700);
        assert_eq!(std::fs::metadata(found.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        let done = finish_all(running, &name).await;
        assert_eq!(done.out, format!("a\0b{user}\n").into_bytes());
        assert_eq!(done.err, b"c\0d");
        assert_eq!(done.code(), Some(137), "an exit status is none of a signal's");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_are_told_by_their_names() {
    let node = Node::new();
    for (text, signal) in [("kill -9 $$", "KILL"), ("kill -SEGV $$", "SEGV"), ("kill -INT $$", "INT")] {
        let name = name(&node.target("root"));
        let done = finish_all(node.start("root", plain(text), &name).await.unwrap(), &name).await;
        assert!(
            matches!(&done.end, ActionEnd::Signalled { signal: told } if told == signal),
            "{:?}",
            done.end
        );
    }
}

/// Bytes of all values on both streams, while the link is cut again and again, and once sshd is away for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_byte_arrives_once_across_several_cuts() {
    let node = Node::new();
    let source = node.file("source");
    let mut bytes = Vec::new();
    let mut seed = 7_u64;
    while bytes.len() < 6 * 1024 * 1024 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&seed.to_be_bytes());
    }
    std::fs::write(&source, &bytes).unwrap();
    for user in Node::users() {
        let name = name(&node.target(&user));
        let counter = node.file(&format!("counter-{user}"));
        let mut text = format!("echo ran >>{}; ", counter.display());
        // Pieces that do not fit into blocks, in turn on both streams.
        for _ in 0..6 {
            let source = source.display();
            write!(text, "head -c 999983 {source}; tail -c 777777 {source} >&2; sleep 0.2; ").unwrap();
        }
        let mut running = node.start(&user, plain(&text), &name).await.unwrap();
        let (mut out, mut err, mut cuts, mut next_cut) = (Vec::new(), Vec::new(), 0, 200_000);
        let end = loop {
            match within("the next event", running.next()).await {
                ActionEvent::Output { stream: StreamKind::Stdout, data } => out.extend_from_slice(&data),
                ActionEvent::Output { stream: StreamKind::Stderr, data } => err.extend_from_slice(&data),
                ActionEvent::Ended(end) => break end,
                _ => {}
            }
            if out.len() + err.len() >= next_cut {
                next_cut += 2_000_000;
                cuts += 1;
                assert!(node.fleet.cut_links(0).unwrap() > 0, "the cut must have met a link");
                if cuts == 2 {
                    node.fleet.stop_listener(0).unwrap();
                    node.fleet.start_node(0).unwrap();
                }
            }
        };
        assert!(matches!(end, ActionEnd::Exited { code: 0 }), "{end:?}");
        assert!(cuts >= 4, "{cuts}");
        let wanted_out: Vec<u8> = (0..6).flat_map(|_| bytes[..999_983].to_vec()).collect();
        let wanted_err: Vec<u8> = (0..6).flat_map(|_| bytes[bytes.len() - 777_777..].to_vec()).collect();
        assert!(out == wanted_out, "{} of {}", out.len(), wanted_out.len());
        assert!(err == wanted_err, "{} of {}", err.len(), wanted_err.len());
        assert_eq!(lines(&counter), 1);
        within("settling", running.settle()).await;
        assert_eq!(spool(&name), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_under_the_same_name_attaches_and_reads_all() {
    let node = Node::new();
    for user in Node::users() {
        let target = node.target(&user);
        let name = name(&target);
        let counter = node.file(&format!("counter-{user}"));
        let text = format!("echo ran >>{}; echo one; sleep 1; echo two; exit 3", counter.display());
        let first = node.start(&user, plain(&text), &name).await.unwrap();
        wait::until_async("the command to run", LIMIT, || lines(&counter) == 1).await.unwrap();
        // The first one goes away as its process would.
        drop(first);
        for may_exist in [false, true] {
            let other = transport(&node.fleet);
            let name = DetachedName { may_exist, ..name.clone() };
            let mut running = start(&other, &target, plain(&text), &name).await.unwrap();
            let done = finish(&mut *running).await;
            assert_eq!((done.text().as_str(), done.code()), ("one\ntwo\n", Some(3)));
        }
        let done = finish_all(node.start(&user, plain(&text), &name).await.unwrap(), &name).await;
        assert_eq!(done.text(), "one\ntwo\n");
        assert_eq!(lines(&counter), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_started_and_was_not_is_started() {
    let node = Node::new();
    let name = DetachedName { may_exist: true, ..name(&node.target("root")) };
    let done = finish_all(node.start("root", plain("echo ran"), &name).await.unwrap(), &name).await;
    assert_eq!((done.text().as_str(), done.code()), ("ran\n", Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_ends_the_whole_group_and_looks() {
    let node = Node::new();
    for user in Node::users() {
        for (mode, text) in [
            (GRACEFUL, "sleep 4242 & sleep 4242; wait"),
            (GRACEFUL, "trap '' TERM; sleep 4242 & sleep 4242; sleep 4242"),
            (TerminateMode::Kill, "sleep 4242 & sleep 4242"),
        ] {
            let name = name(&node.target(&user));
            let mut running = node.start(&user, plain(&format!("echo up; {text}")), &name).await.unwrap();
            let first = within("output", running.next()).await;
            assert!(matches!(first, ActionEvent::Output { .. }), "{first:?}");
            // Also when the link is lost just then.
            let _ = node.fleet.cut_links(0).unwrap();
            let told = within("terminating", running.terminate(mode)).await;
            assert_eq!(told, Termination::Confirmed, "{user}: {text}");
            let left = pabawi_testkit::process::all();
            let left: Vec<_> = left
                .iter()
                .filter(|one| one.command_line.contains("sleep 4242") && one.name == "sleep")
                .collect();
            assert!(left.is_empty(), "{left:?}");
            within("settling", running.settle()).await;
            assert_eq!(spool(&name), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_left_the_group_is_named() {
    let node = Node::new();
    let name = name(&node.target("root"));
    let text = "setsid sleep 4343 & echo up; sleep 4343";
    let mut running = node.start("root", plain(text), &name).await.unwrap();
    within("output", running.next()).await;
    match within("terminating", running.terminate(GRACEFUL)).await {
        Termination::Survivors { processes } => {
            assert_eq!(processes.len(), 1, "{processes:?}");
            assert!(processes[0].command.contains("sleep 4343"), "{processes:?}");
            let pid = processes[0].pid.to_string();
            assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        }
        other => panic!("{other:?}"),
    }
    // Nobody could tell that it is all over, so the spool stays until somebody has looked.
    within("terminating", running.terminate(TerminateMode::Kill)).await;
    within("settling", running.settle()).await;
    assert_eq!(spool(&name), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stays_away_is_given_up_and_the_command_goes_on() {
    let node = Node::new();
    let mut short = settings(&node.fleet);
    short.reattach_limit = Duration::from_secs(2);
    let short = SshTransport::new(short);
    let target = node.target("root");
    let name = name(&target);
    let text = "echo up; sleep 3; echo done";
    let mut running = start(&short, &target, plain(text), &name).await.unwrap();
    within("output", running.next()).await;
    // Not the command: it is none of the node's sshd any more.
    node.fleet.stop_node(0).unwrap();
    let done = finish(&mut *running).await;
    let error = done.error().unwrap();
    assert_eq!(error.error.code, ErrorCode::LinkLost);
    assert!(error.may_have_started && error.error.message.contains("goes on in its spool"), "{error:?}");
    assert!(matches!(error.termination, Some(Termination::Unconfirmed { .. })), "{error:?}");
    // What nobody has read must not be lost.
    within("settling", running.settle()).await;
    assert!(spool(&name).is_some());
    node.fleet.start_node(0).unwrap();
    let name = DetachedName { may_exist: true, ..name };
    let done = finish_all(node.start("root", plain(text), &name).await.unwrap(), &name).await;
    assert_eq!(done.text(), "up\ndone\n");
}

/// A silent network: TCP stands, nobody answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_silent_is_waited_for() {
    let node = Node::new();
    let mut quick = settings(&node.fleet);
    quick.keepalive = Some(Duration::from_secs(1));
    let quick = SshTransport::new(quick);
    let target = node.target("root");
    let name = name(&target);
    let mut running = start(&quick, &target, plain("echo up; sleep 2; echo done"), &name).await.unwrap();
    within("output", running.next()).await;
    node.fleet.freeze_node(0).unwrap();
    let waits = tokio::time::timeout(Duration::from_secs(6), running.next()).await;
    assert!(waits.is_err(), "{waits:?}");
    node.fleet.thaw_node(0).unwrap();
    let done = finish_all(running, &name).await;
    assert_eq!((done.text().as_str(), done.code()), ("done\n", Some(0)));
}

/// Nobody reads: nothing is buffered here, the spool holds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_does_not_hold_the_command() {
    let node = Node::new();
    let target = node.target("root");
    let name = name(&target);
    let text = "head -c 20000000 /dev/zero; echo end >&2";
    let running = node.start("root", plain(text), &name).await.unwrap();
    let ended = || spool(&name).is_some_and(|spool| spool.join("status").exists());
    wait::until_async("the command to end", LIMIT, ended).await.unwrap();
    let done = finish_all(running, &name).await;
    assert_eq!((done.out.len(), done.err.as_slice()), (20_000_000, b"end\n".as_slice()));
    assert!(done.out.iter().all(|byte| *byte == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_that_is_full_ends_the_command_with_a_clear_error() {
    let node = Node::new();
    let mut small = settings(&node.fleet);
    small.spool_limit = 512 * 1024;
    let small = SshTransport::new(small);
    let target = node.target("root");
    let name = name(&target);
    let running = start(&small, &target, plain("yes; sleep 60"), &name).await.unwrap();
    let done = finish_all(running, &name).await;
    assert_eq!(done.error_code(), Some(ErrorCode::LimitReached));
    assert_eq!(done.out.len(), 512 * 1024);
    assert!(done.error().unwrap().error.message.contains("524288 bytes"), "{:?}", done.end);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_without_an_end_is_named() {
    let node = Node::new();
    let target = node.target("root");
    let name = name(&target);
    let running = node.start("root", plain("echo up; sleep 4444"), &name).await.unwrap();
    let has = |file: &str| spool(&name).is_some_and(|spool| spool.join(file).exists());
    wait::until_async("the command to run", LIMIT, || has("pid") && has("sup")).await.unwrap();
    let id = |file: &str| {
        let text = std::fs::read_to_string(spool(&name).unwrap().join(file)).unwrap();
        format!("-{}", text.split(' ').next().unwrap())
    };
    assert!(
        std::process::Command::new("kill")
            .args(["-9", "--", &id("sup"), &id("pid")])
            .status()
            .unwrap()
            .success()
    );
    let done = finish_all(running, &name).await;
    assert_eq!(done.error_code(), Some(ErrorCode::EndNotWritten));
    assert!(done.error().unwrap().may_have_started);
}

/// As another user, who owns the spool then: it is followed, ended and removed as that user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_sudo_the_spool_is_the_other_users() {
    use std::os::unix::fs::MetadataExt as _;
    let node = Node::new();
    let free = Fleet::unprivileged_user().unwrap();
    let rules = format!("root ALL=(ALL) NOPASSWD: ALL\n{} ALL=(root) NOPASSWD: ALL\n", free.name);
    let _rules = node.fleet.sudo_rules(&rules).unwrap();
    for (login, user) in [("root", free.name.as_str()), (free.name.as_str(), "root")] {
        let options = run_as(user, RunAsMethod::Sudo, None);
        let name = name(&node.target(login));
        let action = command("id -un; sleep 0.5; exit 4", options.clone());
        let running = node.start(login, action, &name).await.unwrap();
        wait::until_async("the spool", LIMIT, || spool(&name).is_some()).await.unwrap();
        let owner = std::fs::metadata(spool(&name).unwrap()).unwrap().uid();
        assert_eq!(owner == 0, user == "root");
        node.fleet.cut_links(0).unwrap();
        let done = finish_all(running, &name).await;
        assert_eq!((done.text(), done.code()), (format!("{user}\n"), Some(4)));

        let name = self::name(&node.target(login));
        let action = command("echo up; sleep 4545", options);
        let mut running = node.start(login, action, &name).await.unwrap();
        within("output", running.next()).await;
        assert_eq!(within("terminating", running.terminate(GRACEFUL)).await, Termination::Confirmed);
        within("settling", running.settle()).await;
        assert_eq!(spool(&name), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_and_what_cannot_be_started() {
    let node = Node::new();
    let script = |text: &str, process| {
        Action::Script(ScriptAction {
            name: "job".to_owned(),
            content: OutputData(Bytes::copy_from_slice(text.as_bytes())),
            interpreter: None,
            arguments: vec!["x y".to_owned()],
            process,
        })
    };
    for user in Node::users() {
        let name = name(&node.target(&user));
        let text = format!("#!/bin/sh\n# {}\necho \"$1\"; exit 5\n", "long ".repeat(60_000));
        let running = node.start(&user, script(&text, ProcessOptions::default()), &name).await.unwrap();
        let done = finish_all(running, &name).await;
        assert_eq!((done.text().as_str(), done.code()), ("x y\n", Some(5)));

        let name = self::name(&node.target(&user));
        let options = ProcessOptions { cwd: Some("/no/such".to_owned()), ..ProcessOptions::default() };
        let running = node.start(&user, command("true", options), &name).await.unwrap();
        let done = finish_all(running, &name).await;
        assert_eq!(done.error_code(), Some(ErrorCode::BadWorkingDirectory));
        assert!(!done.error().unwrap().may_have_started);
    }
}
