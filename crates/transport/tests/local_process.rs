//! What is special about commands on this machine: their environment, what cannot be asked for, how they end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{
    Action, CommandAction, EnvValue, OnLinkLoss, ProcessOptions, StdinSource, ToolAction,
};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, Transport as _};
use pabawi_testkit::contract::{Finished, TransportSubject};
use pabawi_testkit::{process, wait};
use pabawi_transport::local::LocalTransport;

const LIMIT: Duration = Duration::from_secs(30);

fn subject() -> TransportSubject {
    let target = Target::new(NodeId::new("this-machine").unwrap(), Endpoint::default());
    TransportSubject::new(Arc::new(LocalTransport::default()), target, ())
}

/// A text by which a test's processes are known, and a guard that ends them.
struct Mark(String);

impl Mark {
    fn new(name: &str) -> Self {
        Self(format!("local-{name}-{}", std::process::id()))
    }

    fn command(&self, text: &str) -> Action {
        self.command_with(text, ProcessOptions::default())
    }

    fn command_with(&self, text: &str, mut process: ProcessOptions) -> Action {
        process.env.insert("MARK".to_owned(), EnvValue::Plain(self.0.clone()));
        Action::Command(CommandAction { command: text.to_owned(), process })
    }

    fn names(&self) -> Vec<String> {
        process::with_marker(&self.0).into_iter().map(|found| found.name).collect()
    }

    async fn wait_for(&self, name: &str, count: usize) {
        wait::until_async("processes to be there", LIMIT, || {
            self.names().iter().filter(|found| *found == name).count() == count
        })
        .await
        .unwrap_or_else(|error| panic!("{error}: {:?}", self.names()));
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        for left in process::with_marker(&self.0) {
            if let Some(pid) = rustix::process::Pid::from_raw(left.pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

/// A command gets what it was given and the usual few variables, not what this process holds.
#[tokio::test]
async fn the_environment_of_this_process_stays_here() {
    let finished = subject().command("env | cut -d= -f1 | sort").await;
    let text = finished.text();
    let names: Vec<&str> = text.lines().collect();
    assert!(names.contains(&"PATH") && names.contains(&"PABAWI_RUN"), "{names:?}");
    // Cargo sets this one for every test.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
}

/// R1.8: what cannot be done is said before anything is started.
#[tokio::test]
async fn what_cannot_be_asked_for_is_an_error() {
    let subject = subject();
    let command =
        |process: ProcessOptions| Action::Command(CommandAction { command: "echo ran".to_owned(), process });
    let missing =
        ProcessOptions { stdin: Some(StdinSource::File("/no/such/file".into())), ..Default::default() };
    for (action, code) in [
        (command(ProcessOptions { pty: true, ..Default::default() }), ErrorCode::Unsupported),
        (Action::Playbook(ToolAction { name: "x".to_owned(), ..Default::default() }), ErrorCode::Unsupported),
        (command(missing), ErrorCode::LocalFile),
    ] {
        let finished = subject.run(action).await;
        let error = finished.failure().unwrap();
        assert_eq!((error.error.code, error.may_have_started), (code, false), "{error}");
        assert!(finished.stdout.is_empty());
    }
}

/// Statistics count what runs.
#[tokio::test]
async fn statistics_follow_the_sessions() {
    let subject = subject();
    let mark = Mark::new("stats");
    let mut running = subject.start(mark.command("sleep 3600")).await.unwrap();
    let stats = subject.transport.stats();
    assert_eq!((stats.open, stats.in_use, stats.connects), (1, 1, 1));
    assert_eq!(running.terminate(TerminateMode::Kill).await, Termination::Confirmed);
    drop(running);
    let stats = subject.transport.stats();
    assert_eq!((stats.open, stats.in_use, stats.connects), (0, 0, 1));
}

/// R1.6: who leaves the session is not killed, and is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daemons_are_named() {
    for command in ["setsid sleep 3671 & sleep 3601", "setsid env -i sleep 3671 & sleep 3601"] {
        let mark = Mark::new("daemon");
        let mut running = subject().start(mark.command(command)).await.unwrap();
        // `env -i` takes the mark away, so the second one is looked for by its name.
        let group = wait_for_sleeper(3671).await;
        mark.wait_for("sleep", if command.contains("env") { 1 } else { 2 }).await;
        let termination = running.terminate(TerminateMode::Graceful { grace: Duration::from_secs(5) }).await;
        let _ = rustix::process::kill_process(group, rustix::process::Signal::KILL);
        let Termination::Survivors { processes } = &termination else { panic!("{command}: {termination:?}") };
        assert_eq!(processes.len(), 1, "{processes:?}");
        assert_eq!(processes[0].command, "sleep 3671");
        assert_eq!(processes[0].pid, i64::from(group.as_raw_nonzero().get()));
    }
}

/// The one process `sleep <seconds>` below this test.
async fn wait_for_sleeper(seconds: u32) -> rustix::process::Pid {
    let own = i32::try_from(std::process::id()).unwrap();
    let line = format!("sleep {seconds}");
    let mut found = None;
    wait::until_async("the daemon", LIMIT, || {
        found = process::descendants(own)
            .into_iter()
            .find(|found| found.command_line == line && found.name == "sleep");
        found.is_some()
    })
    .await
    .unwrap();
    rustix::process::Pid::from_raw(found.unwrap().pid).unwrap()
}

/// R1.6: a group of its own within the session, as `timeout` makes one, is ended as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_within_the_session_are_ended() {
    let mark = Mark::new("groups");
    let mut running = subject().start(mark.command("timeout 3600 sleep 3600; sleep 3601")).await.unwrap();
    mark.wait_for("sleep", 1).await;
    assert_eq!(running.terminate(TerminateMode::Kill).await, Termination::Confirmed);
    assert_eq!(mark.names(), Vec::<String>::new());
}

/// R1.6: a command that floods its output and is not read can be ended, and ends the stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flooding_command_is_ended() {
    let mark = Mark::new("flood");
    let mut running = subject().start(mark.command("trap '' TERM; yes")).await.unwrap();
    assert!(matches!(running.next().await, ActionEvent::Output { .. }));
    let grace = Duration::from_millis(200);
    assert_eq!(running.terminate(TerminateMode::Graceful { grace }).await, Termination::Confirmed);
    let ActionEvent::Ended(ActionEnd::Signalled { signal }) = last(&mut *running).await else { panic!() };
    assert_eq!(signal, "KILL");
}

async fn last(running: &mut dyn RunningAction) -> ActionEvent {
    let end = Finished::read(running).await.end;
    ActionEvent::Ended(end)
}

/// R1.6: a file that cannot be read on ends the command before its input ends: it would take what it has got for all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_input_cannot_be_read_is_ended() {
    let subject = subject();
    for before in ["", "trap '' TERM HUP;"] {
        let mark = Mark::new("input");
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let text = format!("{before} cat >{at}/copy; echo all >{at}/complete");
        // A directory can be opened; reading it is the error.
        let stdin = Some(StdinSource::File(folder.path().to_owned()));
        let action = mark.command_with(&text, ProcessOptions { stdin, ..Default::default() });
        let finished = subject.run(action).await;
        let error = finished.failure().unwrap_or_else(|| panic!("{:?}", finished.end));
        assert_eq!(error.error.code, ErrorCode::LocalFile, "{error}");
        assert!(
            error.may_have_started && error.to_string().contains("standard input cannot be read"),
            "{error}"
        );
        assert_eq!(error.termination, Some(Termination::Confirmed));
        assert_eq!(mark.names(), Vec::<String>::new());
        assert!(!folder.path().join("complete").exists(), "it took nothing for everything");
    }
}

/// A command that handles SIGTERM by itself is confirmed as soon as it has gone, long before the grace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_goes_by_itself_needs_no_grace() {
    let mark = Mark::new("polite");
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done");
    let command =
        format!("trap 'touch {}; exit 3' TERM; echo ready; while :; do sleep 0.05; done", done.display());
    let mut running = subject().start(mark.command(&command)).await.unwrap();
    assert!(matches!(running.next().await, ActionEvent::Output { .. }));
    let grace = Duration::from_secs(600);
    let ended = tokio::time::timeout(LIMIT, running.terminate(TerminateMode::Graceful { grace })).await;
    assert_eq!(ended.unwrap(), Termination::Confirmed);
    assert!(done.exists());
    assert!(matches!(last(&mut *running).await, ActionEvent::Ended(ActionEnd::Exited { code: 3 })));
}

/// A background child may outlive its command's normal end; nothing of the wrapper stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_child_survives_a_normal_end() {
    let mark = Mark::new("background");
    let subject = subject();
    let action = mark.command("sleep 3600 >/dev/null 2>&1 & echo started");
    let mut running = subject.start(action).await.unwrap();
    let finished = Finished::read(&mut *running).await;
    assert_eq!((finished.text().as_str(), finished.code()), ("started\n", Some(0)));
    drop(running);
    let own = i32::try_from(std::process::id()).unwrap();
    wait::until_async("the watcher to go", LIMIT, || {
        !process::all().iter().any(|found| found.parent == own && found.command_line.contains("_EFX"))
    })
    .await
    .unwrap();
    assert_eq!(mark.names(), ["sleep"]);
}

/// Output that a command left in the pipe is delivered whole, also to a reader that comes late, while a child
/// keeps the pipe open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_reader_gets_what_was_left_in_the_pipe() {
    let mark = Mark::new("late");
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done");
    let command = format!("sleep 3600 & head -c 65000 /dev/zero; touch {}", done.display());
    let mut running = subject().start(mark.command(&command)).await.unwrap();
    wait::until_async("the command to be done", LIMIT, || done.exists()).await.unwrap();
    let finished = Finished::read(&mut *running).await;
    assert_eq!((finished.stdout.len(), finished.code()), (65_000, Some(0)));
}

/// `onLinkLoss`: the death of the process that started a command ends it, or not, as asked for.
#[test]
fn the_death_of_the_caller_ends_the_command() {
    const INNER: &str = "PABAWI_LOCAL_INNER";
    if let Some(mode) = std::env::var_os(INNER) {
        let on_link_loss = if mode == "leave" { OnLinkLoss::Leave } else { OnLinkLoss::Terminate };
        let mark = Mark(std::env::var("PABAWI_LOCAL_MARK").unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let options = ProcessOptions { on_link_loss, ..Default::default() };
            let mut running = subject().start(mark.command_with("sleep 3600", options)).await.unwrap();
            // Until this process is killed.
            running.next().await
        });
        return;
    }
    for mode in ["terminate", "leave"] {
        let mark = Mark::new(mode);
        let mut caller = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_death_of_the_caller_ends_the_command"])
            .env(INNER, mode)
            .env("PABAWI_LOCAL_MARK", &mark.0)
            .spawn()
            .unwrap();
        let sleepers = || mark.names().iter().filter(|name| *name == "sleep").count();
        wait::until("the command to run", LIMIT, || sleepers() == 1).unwrap();
        caller.kill().unwrap();
        caller.wait().unwrap();
        if mode == "terminate" {
            wait::until("the command to be ended", LIMIT, || sleepers() == 0).unwrap();
        } else {
            // The caller is gone and reaped, its pipes are closed, and the command is still there.
            assert_eq!(sleepers(), 1);
        }
    }
}

/// R8.8: a copy that is cancelled leaves nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_copy_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let file = std::fs::File::create(&source).unwrap();
    // Sparse, and far larger than what is copied until the cancel arrives.
    file.set_len(1 << 40).unwrap();
    let upload = Action::Upload(pabawi_domain::action::UploadAction {
        source,
        destination: folder.path().join("there").display().to_string(),
        mode: None,
    });
    let mut running = subject().start(upload).await.unwrap();
    let ActionEvent::Progress { done_bytes, total_bytes } = running.next().await else { panic!() };
    assert!(done_bytes > 0 && total_bytes == Some(1 << 40));
    assert_eq!(running.terminate(TerminateMode::Kill).await, Termination::Confirmed);
    assert!(matches!(running.next().await, ActionEvent::Ended(ActionEnd::Failed(_))));
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["source"]);
}

/// After a shutdown the running command goes on.
#[tokio::test]
async fn shutdown_lets_commands_end() {
    let transport = LocalTransport::default();
    let target = Target::new(NodeId::new("this-machine").unwrap(), Endpoint::default());
    let subject = TransportSubject::new(Arc::new(transport.clone()), target, ());
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let command = format!("while [ ! -e {} ]; do sleep 0.02; done; echo done", go.display());
    let mark = Mark::new("shutdown");
    let mut running = subject.start(mark.command(&command)).await.unwrap();
    transport.shutdown().await;
    std::fs::write(&go, "").unwrap();
    let finished = Finished::read(&mut *running).await;
    assert_eq!((finished.text().as_str(), finished.code()), ("done\n", Some(0)));
}
