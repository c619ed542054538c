//! Tools of this machine: what they are given, what comes back, and that nothing of them is left.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::time::Duration;

use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{
    RunningTool, TerminateMode, ToolCommand, ToolEnd, ToolError, ToolEvent, ToolOutput, ToolRunner as _,
};
use pabawi_domain::secret::Secret;
use pabawi_testkit::{process, wait};
use pabawi_transport::local::LocalTools;

const LIMIT: Duration = Duration::from_secs(30);

/// A shell script as a tool; its processes are known by a mark in their environment.
fn tool(name: &str, script: &str) -> (ToolCommand, String) {
    let mark = format!("tool-{name}-{}", std::process::id());
    let mut tool = ToolCommand::new("/bin/sh", ["-c", script, "sh"]);
    tool.environment.insert("MARK".to_owned(), Secret::new(mark.clone()));
    (tool, mark)
}

async fn run(tool: ToolCommand) -> Result<ToolOutput, ToolError> {
    tokio::time::timeout(LIMIT, LocalTools.run(tool)).await.expect("the runner has limits of its own")
}

async fn wait_until_gone(mark: &str) {
    wait::until_async("the tool's processes to be gone", LIMIT, || process::with_marker(mark).is_empty())
        .await
        .unwrap();
}

#[tokio::test]
async fn arguments_input_directory_and_variables_arrive_as_they_are() {
    let (mut tool, _) = tool("arrive", r#"printf '%s|' "$@"; pwd; printf %s "$TOKEN"; cat; echo err >&2"#);
    tool.arguments.extend(["-oProxyCommand=x", "a b;$(id)", ""].map(str::to_owned));
    tool.environment.insert("TOKEN".to_owned(), Secret::new("t\u{fc}r"));
    let directory = tempfile::tempdir().unwrap();
    tool.directory = Some(directory.path().canonicalize().unwrap());
    tool.stdin = Some("in".into());
    let output = run(tool).await.unwrap();
    assert_eq!(output.end, ToolEnd::Exited(0));
    let path = directory.path().canonicalize().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("-oProxyCommand=x|a b;$(id)||{}\nt\u{fc}rin", path.display())
    );
    assert_eq!(&*output.stderr, b"err\n");
}

#[tokio::test]
async fn ends_are_told_apart() {
    let (failing, _) = tool("one", "echo out; exit 1");
    let output = run(failing).await.unwrap();
    assert_eq!((output.end, &*output.stdout), (ToolEnd::Exited(1), &b"out\n"[..]));
    let (killed, _) = tool("killed", "kill -SEGV $$");
    assert_eq!(run(killed).await.unwrap().end, ToolEnd::Signalled("SEGV".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_started_is_named_and_no_secret_is() {
    let mut missing = ToolCommand::new("no-such-program-anywhere", ["x"]);
    missing.environment.insert("TOKEN".to_owned(), Secret::new("hunter2"));
    let shown = format!("{missing:?}");
    let error = run(missing).await.unwrap_err();
    assert!(matches!(&error, ToolError::NotStarted { program, .. } if program == "no-such-program-anywhere"));
    assert!(error.to_string().contains("No such file"), "{error}");
    let (mut nowhere, _) = tool("nowhere", "true");
    nowhere.directory = Some("/no/such/directory".into());
    let error = run(nowhere).await.unwrap_err();
    assert!(error.to_string().contains("there is no directory /no/such/directory"), "{error}");
    let (mut hanging, mark) = tool("secret", "sleep 3600");
    hanging.environment.insert("TOKEN".to_owned(), Secret::new("hunter2"));
    hanging.timeout = Duration::from_millis(50);
    let late = run(hanging).await.unwrap_err();
    assert!(!format!("{shown}{error}{error:?}{late}{late:?}").contains("hunter2"));
    wait_until_gone(&mark).await;
}

#[tokio::test]
async fn a_tool_that_hangs_is_ended_with_its_children() {
    let (mut hanging, mark) = tool("hang", "trap '' TERM; sleep 3600 & sleep 3600");
    hanging.timeout = Duration::from_millis(200);
    let error = run(hanging).await.unwrap_err();
    let ToolError::TimedOut { termination, .. } = &error else { panic!("{error}") };
    assert_eq!(*termination, Termination::Confirmed);
    wait_until_gone(&mark).await;
}

#[tokio::test]
async fn a_tool_that_floods_is_ended() {
    for (redirect, flooded) in [("", StreamKind::Stdout), (">&2", StreamKind::Stderr)] {
        let (mut flood, mark) = tool("flood", &format!("yes {redirect}"));
        flood.max_output_bytes = 1 << 20;
        let error = run(flood).await.unwrap_err();
        let ToolError::TooMuchOutput { stream, limit, termination, .. } = &error else { panic!("{error}") };
        assert_eq!((*stream, *limit, termination), (flooded, 1 << 20, &Termination::Confirmed));
        wait_until_gone(&mark).await;
    }
}

#[tokio::test]
async fn children_that_stay_do_not_hold_the_answer_up_and_are_ended() {
    let (staying, mark) = tool("stay", "sleep 3600 & echo answer");
    let output = run(staying).await.unwrap();
    assert_eq!((output.end, &*output.stdout), (ToolEnd::Exited(0), &b"answer\n"[..]));
    wait_until_gone(&mark).await;
}

#[tokio::test]
async fn a_tool_that_does_not_read_its_input_ends_all_the_same() {
    let (mut deaf, _) = tool("deaf", "exec 0<&-; echo done");
    deaf.stdin = Some(vec![b'x'; 1 << 20].into());
    let output = run(deaf).await.unwrap();
    assert_eq!((output.end, &*output.stdout), (ToolEnd::Exited(0), &b"done\n"[..]));
}

#[tokio::test]
async fn a_dropped_future_leaves_nothing() {
    let (hanging, mark) = tool("dropped", "sleep 3600 & sleep 3600");
    let task = tokio::spawn(async move { LocalTools.run(hanging).await });
    wait::until_async("the tool to run", LIMIT, || process::with_marker(&mark).len() >= 3).await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    wait_until_gone(&mark).await;
}

/// A tool that is read from while it works.
async fn start(tool: ToolCommand) -> Box<dyn RunningTool> {
    LocalTools.start(tool).await.unwrap()
}

/// Reads to the end; each event is handed over.
async fn follow(
    tool: &mut dyn RunningTool,
    mut each: impl FnMut(StreamKind, &[u8]),
) -> Result<ToolEnd, ToolError> {
    let reading = async {
        loop {
            match tool.next().await {
                ToolEvent::Output { stream, data } => {
                    assert!(!data.is_empty());
                    each(stream, &data);
                }
                ToolEvent::Ended(end) => return end,
            }
        }
    };
    tokio::time::timeout(LIMIT, reading).await.expect("it ends")
}

#[tokio::test]
async fn output_is_read_while_the_tool_works() {
    let directory = tempfile::tempdir().unwrap();
    let (mut tool, _) =
        tool("live", "echo one; echo err >&2; while ! test -e go; do sleep 0.01; done; echo two");
    tool.directory = Some(directory.path().to_owned());
    let mut running = start(tool).await;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let end = follow(&mut *running, |stream, data| {
        match stream {
            StreamKind::Stdout => out.extend_from_slice(data),
            StreamKind::Stderr => err.extend_from_slice(data),
        }
        // It goes on only when its first words have been read.
        if out == b"one\n" && err == b"err\n" {
            std::fs::write(directory.path().join("go"), "").unwrap();
        }
    })
    .await;
    assert_eq!((end.unwrap(), &*out), (ToolEnd::Exited(0), &b"one\ntwo\n"[..]));
    assert!(matches!(running.next().await, ToolEvent::Ended(Ok(ToolEnd::Exited(0)))), "the same again");
    assert_eq!(running.terminate(TerminateMode::Kill).await, Termination::Confirmed);
}

#[tokio::test]
async fn nothing_is_lost_between_input_and_output_when_calls_are_given_up() {
    let (mut cat, _) = tool("cat", "cat");
    let input: Vec<u8> = (0..8 << 20).map(|n: u32| n.to_le_bytes()[n as usize % 3]).collect();
    cat.stdin = Some(input.clone().into());
    let mut running = start(cat).await;
    let mut output = Vec::new();
    let reading = async {
        loop {
            match tokio::time::timeout(Duration::from_micros(50), running.next()).await {
                Ok(ToolEvent::Output { data, .. }) => output.extend_from_slice(&data),
                Ok(ToolEvent::Ended(end)) => return end,
                Err(_) => {}
            }
        }
    };
    let end = tokio::time::timeout(LIMIT, reading).await.expect("it ends");
    assert_eq!(end.unwrap(), ToolEnd::Exited(0));
    assert!(output == input, "{} bytes of {}", output.len(), input.len());
}

/// The memory of this process, `proc_pid_statm(5)`.
fn resident_pages() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_is_not_read_waits_in_the_tool() {
    const LENGTH: usize = 1 << 30;
    let (flood, mark) = tool("gigabyte", "head -c 1073741824 /dev/zero");
    let mut running = start(flood).await;
    wait::until_async("the tool to wait for a reader", LIMIT, || {
        process::with_marker(&mark).iter().any(|one| one.name == "head" && one.state == 'S')
    })
    .await
    .unwrap();
    let before = resident_pages();
    let (mut length, mut most) = (0, 0);
    let end = follow(&mut *running, |_, data| {
        length += data.len();
        if length % (64 << 20) < data.len() {
            most = most.max(resident_pages());
        }
    })
    .await;
    assert_eq!((end.unwrap(), length), (ToolEnd::Exited(0), LENGTH));
    // Pages have 4 KiB or more; other tests of this process take a few of them.
    assert!(most > 0 && most < before + (128 << 20) / 4096, "{before} -> {most} pages");
}

#[tokio::test]
async fn a_started_tool_that_hangs_is_ended_in_time_and_what_it_said_is_kept() {
    let (mut hanging, mark) = tool("slow", "trap '' TERM; echo said; sleep 3600 & sleep 3600");
    hanging.timeout = Duration::from_millis(200);
    let mut running = start(hanging).await;
    let mut said = Vec::new();
    let end = follow(&mut *running, |_, data| said.extend_from_slice(data)).await;
    let Err(ToolError::TimedOut { termination, .. }) = end else { panic!("{end:?}") };
    assert_eq!((termination, &*said), (Termination::Confirmed, &b"said\n"[..]));
    wait_until_gone(&mark).await;
}

#[tokio::test]
async fn a_started_tool_is_ended_with_its_children_when_it_ignores_the_signal() {
    let (deaf, mark) = tool("deaf", "trap '' TERM; yes & setsid sleep 3600 & sleep 3600");
    let mut running = start(deaf).await;
    wait::until_async("the tool to run", LIMIT, || process::with_marker(&mark).len() >= 4).await.unwrap();
    let grace = Duration::from_millis(100);
    let termination = running.terminate(TerminateMode::Graceful { grace }).await;
    let Termination::Survivors { processes } = &termination else { panic!("{termination:?}") };
    assert_eq!(processes.len(), 1, "what left the session is named: {processes:?}");
    assert_eq!(processes[0].command, "sleep 3600");
    assert_eq!(process::with_marker(&mark).len(), 1);
    let end = follow(&mut *running, |_, _| {}).await;
    assert_eq!(end.unwrap(), ToolEnd::Signalled("KILL".to_owned()));
    let left = rustix::process::Pid::from_raw(i32::try_from(processes[0].pid).unwrap()).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
    wait_until_gone(&mark).await;
    assert_eq!(running.terminate(TerminateMode::Kill).await, Termination::Confirmed);
}

#[tokio::test]
async fn what_a_started_tool_leaves_behind_is_ended() {
    let (staying, mark) = tool("left", "sleep 3600 & echo answer");
    let mut running = start(staying).await;
    assert_eq!(follow(&mut *running, |_, _| {}).await.unwrap(), ToolEnd::Exited(0));
    assert!(process::with_marker(&mark).is_empty(), "at its end nothing of it is left");
}

#[tokio::test]
async fn a_dropped_tool_leaves_nothing() {
    let (hanging, mark) = tool("let-go", "sleep 3600 & sleep 3600");
    let running = start(hanging).await;
    wait::until_async("the tool to run", LIMIT, || process::with_marker(&mark).len() >= 3).await.unwrap();
    drop(running);
    wait_until_gone(&mark).await;
}
