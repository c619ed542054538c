//! Ending commands on real nodes, and the honesty of the report: after each, this machine's process table is looked
//! at, and nothing of the command may be left unless the report names it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::time::Duration;

use pabawi_domain::action::{OnLinkLoss, ProcessOptions, RunAsMethod, StdinSource};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, RunningAction, TerminateMode, Transport as _};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::process::{self, ProcessInfo};
use pabawi_testkit::wait;
use pabawi_transport::SshTransport;
use ssh_support::{LIMIT, command, finish, run, run_as, settings, start, target_as, transport, within};

const GRACE: Duration = Duration::from_secs(1);
const GRACEFUL: TerminateMode = TerminateMode::Graceful { grace: GRACE };

/// A fleet of one node, a transport for it, and the two users that every check is done with.
struct Node {
    fleet: Fleet,
    transport: SshTransport,
}

impl Node {
    fn new() -> Self {
        Self::with(Fleet::builder())
    }

    fn with(builder: pabawi_testkit::fleet::FleetBuilder) -> Self {
        let fleet = builder.nodes(1).start().unwrap();
        let transport = transport(&fleet);
        Self { fleet, transport }
    }

    fn users() -> [String; 2] {
        ["root".to_owned(), Fleet::unprivileged_user().unwrap().name]
    }

    async fn start(&self, user: &str, text: &str, options: ProcessOptions) -> Box<dyn RunningAction> {
        start(&self.transport, &target_as(&self.fleet, 0, user), command(text, options)).await.unwrap()
    }

    /// Processes whose arguments hold `word`, the shells that carry it in their text left out.
    fn with_argument(word: &str) -> Vec<ProcessInfo> {
        let words = |process: &ProcessInfo| process.command_line.split(' ').any(|part| part == word);
        process::all().into_iter().filter(|process| process.name == "sleep" && words(process)).collect()
    }

    async fn wait_for(&self, seconds: &str, count: usize) {
        let seen = || Self::with_argument(seconds).len() >= count;
        wait::until_async("the command to run", LIMIT, seen).await.unwrap();
    }

    /// Nothing at all of the fleet's commands is left, the watcher included.
    async fn wait_until_nothing_is_left(&self) {
        let quiet = || self.fleet.commands().is_empty();
        let result = wait::until_async("nothing to be left", Duration::from_secs(10), quiet).await;
        assert!(result.is_ok(), "left: {:?}", self.fleet.commands());
    }
}

/// A number of seconds that no other test sleeps, so that the process can be recognised.
fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}{:03}", 1000 + std::process::id() % 100_000, NEXT.fetch_add(1, Ordering::SeqCst))
}

fn inputs() -> [(&'static str, ProcessOptions); 3] {
    let stdin = StdinSource::from(bytes::Bytes::from_static(b"some input\n"));
    [
        ("lifeline", ProcessOptions::default()),
        ("stdin", ProcessOptions { stdin: Some(stdin), ..ProcessOptions::default() }),
        ("leave", ProcessOptions { on_link_loss: OnLinkLoss::Leave, ..ProcessOptions::default() }),
    ]
}

/// R1.6, R8.8: as root and as an unprivileged user, with a lifeline and without one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sleeps_traps_and_trees_are_ended_and_confirmed() {
    let node = Node::new();
    for user in Node::users() {
        for (name, options) in inputs() {
            for (what, text, count) in [
                ("sleep", "sleep @", 1),
                ("trap", "trap '' TERM HUP; sleep @; sleep @", 1),
                ("tree", "sh -c 'sleep @ & sleep @ & wait' & sleep @ & wait", 3),
                ("stubborn tree", "sh -c \"trap '' TERM HUP INT; sleep @ & wait; sleep @\" & sleep @", 2),
            ] {
                let id = unique();
                let mut running = node.start(&user, &text.replace('@', &id), options.clone()).await;
                node.wait_for(&id, count).await;
                let started = std::time::Instant::now();
                let report = within("terminating", running.terminate(GRACEFUL)).await;
                assert_eq!(report, Termination::Confirmed, "{user} {name} {what}");
                assert!(Node::with_argument(&id).is_empty(), "{user} {name} {what}");
                assert!(started.elapsed() < Duration::from_secs(8), "{user} {name} {what}");
                assert_eq!(running.terminate(GRACEFUL).await, Termination::Confirmed);
            }
        }
    }
    node.wait_until_nothing_is_left().await;
}

/// A trap that ends within its grace is let alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grace_is_given() {
    let node = Node::new();
    let id = unique();
    let text = format!("trap 'echo saved; exit 3' TERM; sleep {id} & wait; exit 9");
    let mut running = node.start("root", &text, ProcessOptions::default()).await;
    node.wait_for(&id, 1).await;
    let mode = TerminateMode::Graceful { grace: Duration::from_secs(20) };
    let started = std::time::Instant::now();
    // The trap leaves its sleep behind, which TERM has reached too.
    assert_eq!(within("terminating", running.terminate(mode)).await, Termination::Confirmed);
    assert!(started.elapsed() < Duration::from_secs(10));
    let end = finish(&mut *running).await.end;
    assert!(matches!(end, ActionEnd::Exited { code: 3 }), "{end:?}");
    node.wait_until_nothing_is_left().await;
}

/// Kill does not wait for anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_is_at_once() {
    let node = Node::new();
    for (name, options) in inputs() {
        let id = unique();
        let mut running =
            node.start("root", &format!("trap '' TERM HUP; sleep {id}; sleep {id}"), options).await;
        node.wait_for(&id, 1).await;
        let started = std::time::Instant::now();
        let report = within("killing", running.terminate(TerminateMode::Kill)).await;
        assert_eq!(report, Termination::Confirmed, "{name}");
        assert!(started.elapsed() < Duration::from_secs(4), "{name}: {:?}", started.elapsed());
    }
    node.wait_until_nothing_is_left().await;
}

/// A daemon is named, not killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setsid_child_is_named() {
    let node = Node::new();
    for user in Node::users() {
        for (name, options) in inputs() {
            let id = unique();
            let text = format!("setsid sleep {id} </dev/null >/dev/null 2>&1 & sleep {id}");
            let mut running = node.start(&user, &text, options).await;
            node.wait_for(&id, 2).await;
            let report = within("terminating", running.terminate(GRACEFUL)).await;
            let left = Node::with_argument(&id);
            assert_eq!(left.len(), 1, "{user} {name}: only the daemon is left");
            let Termination::Survivors { processes } = report else {
                panic!("{user} {name}: must name the daemon: {report:?}");
            };
            assert_eq!(processes.len(), 1, "{user} {name}: {processes:?}");
            assert_eq!(processes[0].pid, i64::from(left[0].pid));
            assert!(processes[0].command.contains(&format!("sleep {id}")), "{processes:?}");
            let pid = rustix::process::Pid::from_raw(left[0].pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
    }
    node.wait_until_nothing_is_left().await;
}

/// What runs as another user by sudo is ended with that user's rights.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_of_sudo_are_ended() {
    let node = Node::new();
    let user = Fleet::unprivileged_user().unwrap().name;
    let _rules = node.fleet.sudo_rules(&format!("{user} ALL=(ALL) NOPASSWD: ALL")).unwrap();
    for (name, mut options) in inputs() {
        options.run_as = run_as("root", RunAsMethod::Sudo, None).run_as;
        for text in ["sleep @", "trap '' TERM HUP; sleep @; sleep @", "sleep @ & sleep @ & wait"] {
            let id = unique();
            let mut running = node.start(&user, &text.replace('@', &id), options.clone()).await;
            node.wait_for(&id, 1).await;
            let report = within("terminating", running.terminate(GRACEFUL)).await;
            assert_eq!(report, Termination::Confirmed, "{name} {text}");
            assert!(Node::with_argument(&id).is_empty(), "{name} {text}");
        }
    }
    // A child that sudo starts from within the command belongs to the command's group.
    let id = unique();
    let mut running = node.start(&user, &format!("sudo -n sleep {id}"), ProcessOptions::default()).await;
    node.wait_for(&id, 1).await;
    let report = within("terminating", running.terminate(GRACEFUL)).await;
    let left = Node::with_argument(&id);
    match &report {
        Termination::Confirmed => assert!(left.is_empty(), "confirmed, but left: {left:?}"),
        Termination::Survivors { processes } => {
            assert!(processes.iter().any(|process| process.command.contains(&id)), "{processes:?}");
        }
        other => panic!("{other:?}"),
    }
    for process in left {
        let pid = rustix::process::Pid::from_raw(process.pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    node.wait_until_nothing_is_left().await;
}

/// A command whose output nobody reads is ended all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_output_is_ended() {
    let node = Node::new();
    for user in Node::users() {
        for (name, options) in inputs() {
            for text in ["yes", "yes >&2", "trap '' TERM HUP; while :; do yes; done"] {
                let mut running = node.start(&user, text, options.clone()).await;
                let seen = || node.fleet.commands().iter().any(|process| process.name == "yes");
                wait::until_async("yes to run", LIMIT, seen).await.unwrap();
                let report = within("terminating", running.terminate(GRACEFUL)).await;
                assert_eq!(report, Termination::Confirmed, "{user} {name} {text}");
            }
        }
    }
    node.wait_until_nothing_is_left().await;
}

/// When the link is cut first, nobody can look, and the report says so. The lifeline ends the command all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_link_is_unconfirmed_and_the_lifeline_ends_the_command() {
    let node = Node::new();
    for user in Node::users() {
        for text in ["sleep @", "trap '' TERM HUP; sleep @; sleep @", "sleep @ & sleep @ & wait"] {
            let id = unique();
            let mut running = node.start(&user, &text.replace('@', &id), ProcessOptions::default()).await;
            node.wait_for(&id, 1).await;
            assert!(node.fleet.cut_links(0).unwrap() > 0);
            let report = within("terminating", running.terminate(GRACEFUL)).await;
            assert!(matches!(report, Termination::Unconfirmed { .. }), "{user} {text}: {report:?}");
            let done = finish(&mut *running).await;
            assert_eq!(done.error_code(), Some(ErrorCode::LinkLost), "{:?}", done.end);
            assert!(done.error().unwrap().may_have_started);
            let gone = || Node::with_argument(&id).is_empty();
            wait::until_async("the lifeline to end the command", LIMIT, gone).await.unwrap();
        }
    }
    node.wait_until_nothing_is_left().await;
}

/// `on_link_loss: leave` means it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_to_be_left_outlives_the_link() {
    let node = Node::new();
    let id = unique();
    let directory = node.fleet.directory().join("result");
    let text = format!("sleep 1.{id}; echo done > {}", directory.display());
    let options = ProcessOptions { on_link_loss: OnLinkLoss::Leave, ..ProcessOptions::default() };
    let mut running = node.start("root", &text, options).await;
    node.wait_for(&format!("1.{id}"), 1).await;
    assert!(node.fleet.cut_links(0).unwrap() > 0);
    let done = finish(&mut *running).await;
    assert_eq!(done.error_code(), Some(ErrorCode::LinkLost));
    let finished = || directory.exists();
    wait::until_async("the command to finish by itself", LIMIT, finished).await.unwrap();
}

/// Dropping a running action ends the command, with a lifeline or without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_action_ends_its_command() {
    let node = Node::new();
    for (_, options) in inputs() {
        let id = unique();
        let mut running = node.start("root", &format!("echo up; sleep {id}"), options).await;
        node.wait_for(&id, 1).await;
        // The header has come with the first output.
        within("the first output", running.next()).await;
        drop(running);
        let gone = || Node::with_argument(&id).is_empty();
        wait::until_async("the command to end", LIMIT, gone).await.unwrap();
    }
    node.wait_until_nothing_is_left().await;
}

/// With a terminal and with a normal end before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminals_and_finished_commands_are_confirmed_too() {
    let node = Node::new();
    for user in Node::users() {
        let id = unique();
        let options = ProcessOptions { pty: true, ..ProcessOptions::default() };
        let mut running =
            node.start(&user, &format!("trap '' TERM HUP; sleep {id}; sleep {id}"), options).await;
        node.wait_for(&id, 1).await;
        let report = within("terminating", running.terminate(GRACEFUL)).await;
        assert_eq!(report, Termination::Confirmed, "{user}");
        assert!(Node::with_argument(&id).is_empty());
    }
    let mut running = node.start("root", "true", ProcessOptions::default()).await;
    assert_eq!(finish(&mut *running).await.code(), Some(0));
    assert_eq!(running.terminate(GRACEFUL).await, Termination::Confirmed);
    node.wait_until_nothing_is_left().await;
}

/// With every place of the pool taken, and others waiting for one, a command can still be ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_pool_is_in_nobodys_way_to_end_a_command() {
    for channels in [1, 8] {
        let fleet = Fleet::builder().nodes(1).start().unwrap();
        let mut settings = settings(&fleet);
        settings.pool.channels_per_connection = channels;
        settings.pool.max_per_host = 1;
        settings.pool.max_connections = 1;
        let node = Node { transport: SshTransport::new(settings), fleet };
        for (name, options) in inputs() {
            let ids: Vec<String> = (0..channels).map(|_| unique()).collect();
            let mut running = Vec::new();
            for id in &ids {
                running.push(node.start("root", &format!("sleep {id}"), options.clone()).await);
                node.wait_for(id, 1).await;
            }
            let (transport, target) = (node.transport.clone(), target_as(&node.fleet, 0, "root"));
            let mut waiting = Box::pin(async move { run(&transport, &target, "echo at last").await.text() });
            let queued = std::future::poll_fn(|context| {
                std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending())
            });
            assert!(queued.await, "there is no place");
            let waiting = tokio::spawn(waiting);
            for (id, running) in ids.iter().zip(&mut running) {
                let report = within("terminating", running.terminate(GRACEFUL)).await;
                assert_eq!(report, Termination::Confirmed, "{channels} {name}");
                assert!(Node::with_argument(id).is_empty(), "{channels} {name}");
            }
            assert_eq!(within("the one who waits", waiting).await.unwrap(), "at last\n", "{channels} {name}");
            assert_eq!(node.transport.stats().connects, 1, "{channels} {name}");
        }
    }
}

/// The look needs a channel; with `MaxSessions 1` it takes another connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_a_connection_is_enough() {
    let node = Node::with(Fleet::builder().max_sessions(1));
    let id = unique();
    let mut running =
        node.start("root", &format!("trap '' TERM; sleep {id}; sleep {id}"), ProcessOptions::default()).await;
    node.wait_for(&id, 1).await;
    assert_eq!(within("terminating", running.terminate(GRACEFUL)).await, Termination::Confirmed);
    assert!(Node::with_argument(&id).is_empty());
    let target = target_as(&node.fleet, 0, "root");
    assert_eq!(run(&node.transport, &target, "echo on").await.text(), "on\n");
}
