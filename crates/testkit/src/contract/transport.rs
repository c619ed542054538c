//! What every [`Transport`](pabawi_domain::ports::Transport) to a POSIX machine must do.
//!
//! Main entry: [`transport_contract!`](crate::transport_contract), which makes a test of each function here.
//! They only judge through the port and by a look at this machine's processes and files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pabawi_domain::action::{
    Action, DownloadAction, EnvValue, ProcessOptions, ScriptAction, StdinSource, UploadAction,
};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::OutputData;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode};
use pabawi_domain::secret::Secret;
use rustix::process::{Pid, Signal};

use super::run::{Finished, LIMIT, TransportSubject, command_with, within};
use crate::{process, wait};

/// Makes a module with one test for each rule of the contract.
///
/// The second argument is an `async fn() -> TransportSubject`; each test calls it anew. The crate that uses the
/// macro needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! transport_contract {
    ($module:ident, $subject:path) => {
        $crate::transport_contract!(@tests $module, $subject;
            exit_status_and_streams, signals_are_told_apart, bytes_are_untouched, much_output_in_order,
            stdin_is_empty_or_as_given, environment_arrives_byte_for_byte, directory_and_umask_hold,
            a_bad_directory_starts_nothing, long_commands_run, scripts_run_and_go,
            a_copy_arrives_whole_and_comes_back, a_missing_source_is_an_error,
            a_process_tree_is_terminated, a_trapped_term_is_killed_after_the_grace,
            terminating_what_has_ended_is_confirmed, a_dropped_action_ends_on_the_node,
            unread_output_waits_and_nothing_is_lost, a_background_child_does_not_hold_the_end,
            a_dropped_next_loses_nothing, actions_run_beside_each_other, what_is_foreseen_connects_nothing,
            shutdown_refuses_what_comes_later);
    };
    (@tests $module:ident, $subject:path; $($test:ident),* $(,)?) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $crate::contract::transport::$test(&$subject().await).await;
                }
            )*
        }
    };
}

/// The way to each target is told in their order, without a connection, and also where there is none.
pub async fn what_is_foreseen_connects_nothing(subject: &TransportSubject) {
    let mut nowhere = subject.target.clone();
    // Of TEST-NET-1 (RFC 5737), where nobody is.
    nowhere.endpoint.host = Some("192.0.2.1".to_owned());
    let targets = [subject.target.clone(), nowhere.clone(), subject.target.clone()];
    let ways = within("foresee", subject.transport.foresee(&targets, None)).await;
    let again = within("foresee", subject.transport.foresee(&[nowhere], None)).await;
    assert_eq!(ways.len(), 3);
    assert_eq!(ways.first(), ways.last());
    assert_eq!(ways.get(1), again.first());
    assert!(ways.iter().all(|way| way.fault.is_none()), "{ways:?}");
    let stats = subject.transport.stats();
    assert_eq!((stats.connects, stats.connecting), (0, 0), "{stats:?}");
}

/// Text that marks the processes of one check, by their environment.
struct Mark(String);

impl Mark {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(format!("contract-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst)))
    }

    fn options(&self) -> ProcessOptions {
        let mut options = ProcessOptions::default();
        options.env.insert("PABAWI_CONTRACT".to_owned(), EnvValue::Plain(self.0.clone()));
        options
    }

    fn processes(&self) -> Vec<process::ProcessInfo> {
        process::with_marker(&self.0)
    }

    async fn wait_until_seen(&self, name: &str, count: usize) {
        let seen = wait::until_async("the command to be seen on the node", LIMIT, || {
            self.processes().iter().filter(|found| found.name == name).count() >= count
        })
        .await;
        assert!(seen.is_ok(), "fewer than {count} {name} on the node: {:?}", self.processes());
    }

    async fn wait_until_gone(&self) {
        let gone = wait::until_async("the processes to be gone", LIMIT, || self.processes().is_empty()).await;
        assert!(gone.is_ok(), "left on the node: {:?}", self.processes());
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        for left in self.processes() {
            if let Some(pid) = Pid::from_raw(left.pid) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn with_stdin(stdin: StdinSource) -> ProcessOptions {
    ProcessOptions { stdin: Some(stdin), ..ProcessOptions::default() }
}

/// Starts a command that carries the mark.
async fn started(subject: &TransportSubject, mark: &Mark, command: &str) -> Box<dyn RunningAction> {
    match subject.start(command_with(command, mark.options())).await {
        Ok(running) => running,
        Err(error) => unreachable!("starting {command:?} works: {error}"),
    }
}

/// R1.4, R1.5: stdout and stderr stay apart, and every exit status arrives as it is, 255 too.
pub async fn exit_status_and_streams(subject: &TransportSubject) {
    let finished = subject.command("printf out; printf err >&2; exit 3").await;
    assert_eq!((finished.text().as_str(), &finished.stderr[..]), ("out", &b"err"[..]));
    assert_eq!(finished.code(), Some(3));
    for (command, code) in [("true", 0), ("exit 1", 1), ("exit 255", 255), ("no-such-program-anywhere", 127)]
    {
        assert_eq!(subject.command(command).await.code(), Some(code), "{command}");
    }
}

/// R1.5: a process that a signal ended has no exit status.
pub async fn signals_are_told_apart(subject: &TransportSubject) {
    let finished = subject.command("kill -KILL $$").await;
    assert!(
        matches!(&finished.end, ActionEnd::Signalled { signal } if signal == "KILL"),
        "{:?}",
        finished.end
    );
}

/// R1.4: no byte is changed on the way in or out.
pub async fn bytes_are_untouched(subject: &TransportSubject) {
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
    let finished =
        subject.run(command_with("cat", with_stdin(StdinSource::from(Bytes::from(bytes.clone()))))).await;
    assert_eq!(finished.code(), Some(0));
    assert!(finished.stdout == bytes, "{} bytes came back", finished.stdout.len());
}

/// R1.4: much output comes whole and in order, also when both streams are full.
pub async fn much_output_in_order(subject: &TransportSubject) {
    let finished = subject.command("seq 1 200000 & seq 200001 300000 >&2; wait").await;
    assert_eq!(finished.code(), Some(0));
    let lines = |from: u32, to: u32| (from..=to).map(|line| format!("{line}\n")).collect::<String>();
    assert!(finished.stdout == lines(1, 200_000).as_bytes(), "{} bytes of stdout", finished.stdout.len());
    assert!(
        finished.stderr == lines(200_001, 300_000).as_bytes(),
        "{} bytes of stderr",
        finished.stderr.len()
    );
}

/// Without stdin a command reads nothing; with it, it reads exactly that, from bytes or a file.
pub async fn stdin_is_empty_or_as_given(subject: &TransportSubject) {
    assert_eq!(subject.command("cat; echo end").await.text(), "end\n");
    let Ok(directory) = tempfile::tempdir() else { unreachable!("a temporary directory can be made") };
    let path = directory.path().join("input");
    let content: String = (0..50_000).map(|line| format!("line {line}\n")).collect();
    assert!(fs::write(&path, &content).is_ok());
    for stdin in [StdinSource::File(path), StdinSource::from(Bytes::from(content.clone()))] {
        let finished = subject.run(command_with("wc -c; wc -c", with_stdin(stdin))).await;
        let counts: Vec<String> = finished.text().split_whitespace().map(str::to_owned).collect();
        assert_eq!(counts, [content.len().to_string(), "0".to_owned()]);
    }
    // A command that reads none of its stdin must not hang or fail.
    let unread = StdinSource::from(Bytes::from(vec![b'x'; 4 * 1024 * 1024]));
    assert_eq!(subject.run(command_with("exit 4", with_stdin(unread))).await.code(), Some(4));
}

/// R1.7: names and values arrive as they are, whatever is in them.
pub async fn environment_arrives_byte_for_byte(subject: &TransportSubject) {
    let values = [
        ("PLAIN", "word"),
        ("QUOTES", "it's \"quoted\" `twice` $HOME ${PATH} $(false) !! \\ \\n"),
        ("LINES", "one\ntwo\n\n'three\t"),
        ("UNICODE", "zażółć 🦀"),
        ("EMPTY", ""),
        ("_under_1", "= ; & | > < * ? [ ] ~ # %"),
    ];
    let mut options = ProcessOptions::default();
    for (name, value) in values {
        options.env.insert(name.to_owned(), EnvValue::Plain(value.to_owned()));
    }
    options.env.insert("HIDDEN".to_owned(), EnvValue::Secret { secret: Secret::new("hid'den\nvalue") });
    for (name, value) in values.into_iter().chain([("HIDDEN", "hid'den\nvalue")]) {
        let command = format!("printf '%s' \"${{{name}?unset}}\"");
        let finished = subject.run(command_with(&command, options.clone())).await;
        assert_eq!((finished.text().as_str(), finished.code()), (value, Some(0)), "{name}");
    }
}

/// The command starts in its directory, with its file mode creation mask.
pub async fn directory_and_umask_hold(subject: &TransportSubject) {
    let Ok(directory) = tempfile::tempdir() else { unreachable!("a temporary directory can be made") };
    let odd = directory.path().join("it's a \"dir\" $x");
    assert!(fs::create_dir(&odd).is_ok());
    let options = ProcessOptions {
        cwd: Some(odd.display().to_string()),
        umask: Some(0o027),
        ..ProcessOptions::default()
    };
    let finished = subject.run(command_with("pwd; umask", options)).await;
    let text = finished.text();
    let mut lines = text.lines();
    assert_eq!(lines.next().map(Path::new), Some(odd.as_path()));
    assert_eq!(lines.next().and_then(|mask| u32::from_str_radix(mask, 8).ok()), Some(0o027));
}

/// R1.8: a directory that cannot be entered fails the node, and the command is not started.
pub async fn a_bad_directory_starts_nothing(subject: &TransportSubject) {
    let options = ProcessOptions { cwd: Some("/no/such/directory".to_owned()), ..ProcessOptions::default() };
    let finished = subject.run(command_with("echo started", options)).await;
    assert_eq!(finished.text(), "");
    let code = finished.failure().map(|error| error.error.code);
    assert_eq!(code, Some(ErrorCode::BadWorkingDirectory), "{:?}", finished.end);
}

/// Commands longer than one argument may be (128 KiB on Linux) run all the same.
pub async fn long_commands_run(subject: &TransportSubject) {
    for size in [90_000, 200 * 1024] {
        let text = "x".repeat(size);
        let finished = subject.command(&format!("v='{text}'; echo ${{#v}}")).await;
        assert_eq!(finished.text().trim(), size.to_string(), "{:?}", finished.end);
    }
}

/// A script runs with its interpreter and arguments, and is gone afterwards.
pub async fn scripts_run_and_go(subject: &TransportSubject) {
    let script = |content: &str, interpreter: Option<&str>| {
        Action::Script(ScriptAction {
            name: "check it.sh".to_owned(),
            content: OutputData(Bytes::copy_from_slice(content.as_bytes())),
            interpreter: interpreter.map(str::to_owned),
            arguments: vec!["a b".to_owned(), "it's".to_owned(), String::new(), "-x".to_owned()],
            process: ProcessOptions::default(),
        })
    };
    let body = "printf '%s|' \"$#\" \"$@\"; echo; echo \"$0\"; exit 9\n";
    for action in
        [script(body, None), script(&format!("#!/bin/sh\n{body}"), None), script(body, Some("/bin/sh"))]
    {
        let finished = subject.run(action).await;
        let text = finished.text();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("4|a b|it's||-x|"), "{finished:?}");
        assert_eq!(finished.code(), Some(9));
        let path = lines.next().unwrap_or_default();
        // A name below /dev/fd is a file that is open there and has no name any more.
        let named = path.starts_with('/') && !path.starts_with("/dev/fd/");
        assert!(!named || !Path::new(path).exists(), "{path} is left");
    }
}

/// A file and a directory go to the node and come back equal, with their mode and a checked sum.
pub async fn a_copy_arrives_whole_and_comes_back(subject: &TransportSubject) {
    let Ok(directory) = tempfile::tempdir() else { unreachable!("a temporary directory can be made") };
    let path = |name: &str| directory.path().join(name);
    let content: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    assert!(fs::write(path("source file"), &content).is_ok());
    let upload = Action::Upload(UploadAction {
        source: path("source file"),
        destination: path("there").display().to_string(),
        mode: Some(0o640),
    });
    let report = copied(subject.run(upload).await);
    assert_eq!((report.files, report.bytes), (1, u64::try_from(content.len()).unwrap_or(0)));
    assert_eq!(report.sha256.as_ref().map(String::len), Some(64), "{report:?}");
    assert!(fs::read(path("there")).is_ok_and(|there| there == content));
    assert_eq!(fs::metadata(path("there")).map(|meta| meta.permissions().mode() & 0o7777).ok(), Some(0o640));

    let back = path("back");
    let download = Action::Download(DownloadAction {
        source: path("there").display().to_string(),
        destination: back.clone(),
    });
    let report = copied(subject.run(download).await);
    assert_eq!(report.files, 1);
    let arrived = back.join(subject.target.node.as_str()).join("there");
    assert!(fs::read(&arrived).is_ok_and(|there| there == content), "{} is not the file", arrived.display());

    assert!(fs::create_dir_all(path("tree/deeper")).is_ok());
    assert!(fs::write(path("tree/deeper/one"), "1").is_ok() && fs::write(path("tree/two"), "22").is_ok());
    let upload = Action::Upload(UploadAction {
        source: path("tree"),
        destination: path("tree-there").display().to_string(),
        mode: None,
    });
    let report = copied(subject.run(upload).await);
    assert_eq!((report.files, report.bytes), (2, 3));
    assert!(fs::read(path("tree-there/deeper/one")).is_ok_and(|one| one == b"1"));
}

fn copied(finished: Finished) -> pabawi_domain::ports::CopyReport {
    match finished.end {
        ActionEnd::Copied(report) => report,
        other => unreachable!("a copy is done: {other:?}"),
    }
}

/// R1.8: what cannot be copied is an error that says which end it is at.
pub async fn a_missing_source_is_an_error(subject: &TransportSubject) {
    let upload = Action::Upload(UploadAction {
        source: "/no/such/file".into(),
        destination: "/tmp/never-made-by-pabawi".to_owned(),
        mode: None,
    });
    let code = |finished: &Finished| finished.failure().map(|error| error.error.code);
    let finished = subject.run(upload).await;
    assert_eq!(code(&finished), Some(ErrorCode::LocalFile), "{:?}", finished.end);
    assert!(!Path::new("/tmp/never-made-by-pabawi").exists());
    let Ok(directory) = tempfile::tempdir() else { unreachable!("a temporary directory can be made") };
    let download = Action::Download(DownloadAction {
        source: "/no/such/file".to_owned(),
        destination: directory.path().to_owned(),
    });
    let finished = subject.run(download).await;
    assert_eq!(code(&finished), Some(ErrorCode::RemoteFile), "{:?}", finished.end);
}

/// R1.6: terminating ends the whole tree, and says so only when it is true.
pub async fn a_process_tree_is_terminated(subject: &TransportSubject) {
    for mode in [TerminateMode::Graceful { grace: Duration::from_secs(2) }, TerminateMode::Kill] {
        let mark = Mark::new();
        let command = "sh -c 'sleep 3600 & sleep 3601' & sleep 3602; wait";
        let mut running = started(subject, &mark, command).await;
        mark.wait_until_seen("sleep", 3).await;
        let termination = within("terminate", running.terminate(mode)).await;
        assert_eq!(termination, Termination::Confirmed, "{mode:?}: {:?}", mark.processes());
        assert_eq!(mark.processes(), Vec::new(), "{mode:?} was confirmed");
    }
}

/// R1.6: who ignores SIGTERM gets its grace, and then SIGKILL.
pub async fn a_trapped_term_is_killed_after_the_grace(subject: &TransportSubject) {
    let mark = Mark::new();
    let command = "trap '' TERM HUP INT; echo ready; while :; do sleep 3600; done";
    let mut running = started(subject, &mark, command).await;
    mark.wait_until_seen("sleep", 1).await;
    let grace = Duration::from_secs(1);
    let begin = Instant::now();
    let termination = within("terminate", running.terminate(TerminateMode::Graceful { grace })).await;
    assert_eq!(termination, Termination::Confirmed, "{:?}", mark.processes());
    assert!(begin.elapsed() >= grace, "it had {:?} of {grace:?}", begin.elapsed());
    assert_eq!(mark.processes(), Vec::new());
}

/// Terminating after the end, and again, is harmless.
pub async fn terminating_what_has_ended_is_confirmed(subject: &TransportSubject) {
    let mark = Mark::new();
    let mut running = started(subject, &mark, "echo done").await;
    let finished = within("run", Finished::read(&mut *running)).await;
    assert_eq!((finished.text().as_str(), finished.code()), ("done\n", Some(0)));
    assert!(
        matches!(running.next().await, ActionEvent::Ended(ActionEnd::Exited { code: 0 })),
        "it stays ended"
    );
    for _ in 0..2 {
        let termination = within("terminate", running.terminate(TerminateMode::Kill)).await;
        assert_eq!(termination, Termination::Confirmed);
    }
}

/// Dropping a running action ends it on the node.
pub async fn a_dropped_action_ends_on_the_node(subject: &TransportSubject) {
    let mark = Mark::new();
    let running = started(subject, &mark, "sleep 3600 & sleep 3601; wait").await;
    mark.wait_until_seen("sleep", 2).await;
    drop(running);
    mark.wait_until_gone().await;
}

/// R8.6: who does not read is waited for, and then gets every byte.
pub async fn unread_output_waits_and_nothing_is_lost(subject: &TransportSubject) {
    let mark = Mark::new();
    let size: usize = 32 * 1024 * 1024;
    let mut running = started(subject, &mark, &format!("head -c {size} /dev/zero; echo end >&2")).await;
    let first = within("first output", running.next()).await;
    let ActionEvent::Output { data, .. } = first else { unreachable!("output comes first: {first:?}") };
    // The writer is stuck: nobody reads, so it must still be there after other work has been done.
    assert_eq!(subject.command("echo beside").await.text(), "beside\n");
    mark.wait_until_seen("head", 1).await;
    let finished = within("the rest", Finished::read(&mut *running)).await;
    assert_eq!(finished.stdout.len() + data.len(), size);
    assert_eq!((&finished.stderr[..], finished.code()), (&b"end\n"[..], Some(0)));
}

/// A child that keeps the pipe open does not hold the command's end back for good.
pub async fn a_background_child_does_not_hold_the_end(subject: &TransportSubject) {
    let mark = Mark::new();
    let mut running = started(subject, &mark, "sleep 3600 & echo started; exit 5").await;
    let finished = within("run", Finished::read(&mut *running)).await;
    assert_eq!((finished.text().as_str(), finished.code()), ("started\n", Some(5)));
}

/// `next` may be dropped at any time.
pub async fn a_dropped_next_loses_nothing(subject: &TransportSubject) {
    let mark = Mark::new();
    let command = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo $i; sleep 0.01; done";
    let mut running = started(subject, &mark, command).await;
    let mut text = Vec::new();
    let end = within("run", async {
        // Ends with the command.
        loop {
            match tokio::time::timeout(Duration::from_millis(1), running.next()).await {
                Err(_) => {}
                Ok(ActionEvent::Output { data, .. }) => text.extend_from_slice(&data),
                Ok(ActionEvent::Ended(end)) => break end,
                Ok(_) => {}
            }
        }
    })
    .await;
    assert!(matches!(end, ActionEnd::Exited { code: 0 }), "{end:?}");
    let expected: String = (1..=40).map(|line| format!("{line}\n")).collect();
    assert_eq!(String::from_utf8_lossy(&text), expected);
}

/// R8.1: many actions on one node run at the same time and do not mix.
pub async fn actions_run_beside_each_other(subject: &TransportSubject) {
    let mark = Mark::new();
    let mut all = Vec::new();
    for number in 0..8 {
        let command = format!("echo {number}; sleep 3600");
        all.push(started(subject, &mark, &command).await);
    }
    mark.wait_until_seen("sleep", 8).await;
    for (number, running) in all.iter_mut().enumerate() {
        let event = within("output", running.next()).await;
        let ActionEvent::Output { data, .. } = event else { unreachable!("output comes first: {event:?}") };
        assert_eq!(data, Bytes::from(format!("{number}\n")));
        let termination = within("terminate", running.terminate(TerminateMode::Kill)).await;
        assert_eq!(termination, Termination::Confirmed);
    }
    assert_eq!(mark.processes(), Vec::new());
}

/// After a shutdown nothing is connected any more.
pub async fn shutdown_refuses_what_comes_later(subject: &TransportSubject) {
    assert_eq!(subject.command("true").await.code(), Some(0));
    within("shutdown", subject.transport.shutdown()).await;
    let refused = subject.connect().await.err().map(|error| error.error.code);
    assert_eq!(refused, Some(ErrorCode::ShuttingDown));
    let stats = subject.transport.stats();
    assert_eq!((stats.open, stats.in_use, stats.connecting), (0, 0, 0), "{stats:?}");
}
