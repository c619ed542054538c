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
use pabawi_domain::ports::{ToolCommand, ToolEnd, ToolError, ToolOutput, ToolRunner as _};
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
