//! One process for many nodes, with a tool that is played by the test.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, RunningAction, RunningTool, TerminateMode, ToolEnd, ToolError, ToolEvent,
    TransportError,
};
use tokio::sync::{mpsc, watch};

use super::{STALL, ToolParser, ToolRun, Word, follow};

/// A tool whose output is what the test sends. It ends when the test lets go of it.
struct Played {
    output: mpsc::Receiver<ToolEvent>,
    ended: Option<Result<ToolEnd, ToolError>>,
    /// The modes in which it was ended.
    ending: watch::Sender<Vec<TerminateMode>>,
}

#[async_trait]
impl RunningTool for Played {
    async fn next(&mut self) -> ToolEvent {
        if let Some(end) = &self.ended {
            return ToolEvent::Ended(end.clone());
        }
        match self.output.recv().await {
            Some(ToolEvent::Ended(end)) => {
                self.ended = Some(end.clone());
                ToolEvent::Ended(end)
            }
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        self.ending.send_modify(|modes| modes.push(mode));
        if let TerminateMode::Graceful { grace } = mode {
            tokio::time::sleep(grace).await;
        }
        self.ended = Some(Ok(ToolEnd::Signalled("TERM".to_owned())));
        Termination::Confirmed
    }
}

/// `NODE text`, `NODE end CODE`, `* text`, and what is nonsense.
struct Words;

impl ToolParser for Words {
    fn longest_line(&self) -> usize {
        100_000
    }

    fn line(&mut self, stream: StreamKind, line: &[u8], words: &mut Vec<Word>) -> Result<(), String> {
        let text = String::from_utf8(line.to_vec()).map_err(|error| error.to_string())?;
        let Some((name, text)) = text.split_once(' ') else { return Ok(()) };
        let data = Bytes::from(format!("{text}\n"));
        match (name, text.strip_prefix("end ")) {
            ("nonsense", _) => return Err(format!("{text} is nonsense")),
            ("panic", _) => panic!("at {text}"),
            ("*", _) => words.push(Word::Everyone { stream, data }),
            (name, None) => words.push(Word::Output { node: node(name), stream, data }),
            (name, Some(code)) => {
                let end = ActionEnd::Exited { code: code.parse().unwrap() };
                words.push(Word::Ended { node: node(name), end });
            }
        }
        Ok(())
    }

    fn left_on(&self, node: &NodeId, here: &Termination) -> Termination {
        match node.as_str() {
            "far" => Termination::Unconfirmed { why: "nobody looked there".to_owned() },
            _ => here.clone(),
        }
    }
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

struct Stage {
    tool: mpsc::Sender<ToolEvent>,
    parts: Vec<Box<dyn RunningAction>>,
    ending: watch::Receiver<Vec<TerminateMode>>,
}

fn stage(names: &[&str]) -> Stage {
    let (tool, output) = mpsc::channel(64);
    let (ending, ended) = watch::channel(Vec::new());
    let parts = follow(ToolRun {
        plugin: PluginName::new("tool").unwrap(),
        program: "the-tool".to_owned(),
        tool: Box::new(Played { output, ended: None, ending }),
        parser: Box::new(Words),
        nodes: names.iter().map(|name| node(name)).collect(),
        kept: Box::new(()),
    });
    Stage { tool, parts: parts.into_iter().map(|(_, part)| part).collect(), ending: ended }
}

impl Stage {
    async fn prints(&self, stream: StreamKind, text: &str) {
        let data = Bytes::copy_from_slice(text.as_bytes());
        self.tool.send(ToolEvent::Output { stream, data }).await.unwrap();
    }

    async fn says(&self, text: &str) {
        self.prints(StreamKind::Stdout, text).await;
    }

    async fn ends(&self, code: i32) {
        self.tool.send(ToolEvent::Ended(Ok(ToolEnd::Exited(code)))).await.unwrap();
    }
}

/// What a node was told until its end.
async fn all(part: &mut Box<dyn RunningAction>) -> (String, ActionEnd) {
    let mut text = String::new();
    loop {
        match part.next().await {
            ActionEvent::Output { data, .. } => text.push_str(&String::from_utf8_lossy(&data)),
            ActionEvent::Ended(end) => return (text, end),
            other => panic!("{other:?}"),
        }
    }
}

fn failure(end: ActionEnd) -> TransportError {
    match end {
        ActionEnd::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_node_has_its_own_output_and_end_while_the_tool_works() {
    let mut stage = stage(&["a", "b"]);
    stage.says("a on").await;
    stage.says("e\nb two\nc nobody\n* all").await;
    stage.says("\na end 0\na late\n").await;
    let (text, end) = all(&mut stage.parts[0]).await;
    assert_eq!(text, "one\nall\n");
    assert!(matches!(end, ActionEnd::Exited { code: 0 }), "the tool has not ended: {end:?}");
    assert!(matches!(stage.parts[0].next().await, ActionEvent::Ended(ActionEnd::Exited { code: 0 })));
    stage.prints(StreamKind::Stderr, "b warning\n").await;
    stage.says("b end 3").await;
    stage.ends(3).await;
    let (text, end) = all(&mut stage.parts[1]).await;
    assert_eq!(text, "two\nall\nwarning\n");
    assert!(matches!(end, ActionEnd::Exited { code: 3 }), "{end:?}");
}

/// R7.4: with the node, the plugin, the code and what the tool said.
#[tokio::test]
async fn a_node_without_a_word_has_a_fault_with_the_last_words_of_the_tool() {
    for code in [0, 4] {
        let mut stage = stage(&["a", "b"]);
        stage.says("a end 0\n").await;
        stage.prints(StreamKind::Stderr, &"x".repeat(100_000)).await;
        stage.prints(StreamKind::Stderr, "\ntrouble: no such thing\n").await;
        stage.ends(code).await;
        assert!(matches!(all(&mut stage.parts[0]).await.1, ActionEnd::Exited { code: 0 }));
        let error = failure(all(&mut stage.parts[1]).await.1).error;
        assert_eq!((error.node.as_str(), error.code), ("b", ErrorCode::PluginFault));
        assert!(error.message.starts_with(&format!("the-tool ended with exit status {code}")), "{error}");
        assert!(error.message.ends_with("trouble: no such thing") && error.message.len() < 3_000, "{error}");
        assert!(error.plugin.unwrap().stack.unwrap().len() <= 8 * 1024);
    }
}

/// R7.5: what took too long is no fault, and what is left is told by node.
#[tokio::test]
async fn a_tool_that_took_too_long_has_timed_out() {
    let mut stage = stage(&["a", "far"]);
    let termination = Termination::Confirmed;
    let program = "the-tool".to_owned();
    let late = ToolError::TimedOut { program, timeout: Duration::from_secs(9), termination };
    stage.tool.send(ToolEvent::Ended(Err(late))).await.unwrap();
    let error = failure(all(&mut stage.parts[0]).await.1);
    assert!(error.error.message.contains("did not end within 9s") && error.error.plugin.is_none(), "{error}");
    assert_eq!((error.error.code, error.termination), (ErrorCode::RunTimeout, Some(Termination::Confirmed)));
    let far = failure(all(&mut stage.parts[1]).await.1);
    assert!(matches!(far.termination, Some(Termination::Unconfirmed { .. })), "{far:?}");
}

#[tokio::test]
async fn a_tool_that_answers_nonsense_is_ended_and_costs_those_that_are_left() {
    for (text, part) in [
        ("nonsense 7\n", "cannot be understood: 7 is nonsense"),
        ("panic 7\n", "panicked at the output of the-tool: at 7"),
        (&"x".repeat(100_001), "a line of more than 100000 bytes"),
    ] {
        let mut stage = stage(&["a", "b"]);
        stage.says("a end 0\n").await;
        stage.says(text).await;
        assert!(matches!(all(&mut stage.parts[0]).await.1, ActionEnd::Exited { code: 0 }));
        let error = failure(all(&mut stage.parts[1]).await.1);
        assert!(error.error.message.contains(part) && error.error.plugin.is_some(), "{error}");
        assert_eq!((error.may_have_started, error.termination), (true, Some(Termination::Confirmed)));
        assert_eq!(*stage.ending.borrow(), [TerminateMode::Kill]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_read_holds_the_others_up_for_a_while_and_is_cut() {
    let mut stage = stage(&["slow", "quick"]);
    let began = tokio::time::Instant::now();
    let flood = format!("slow {}\n", "x".repeat(90_000));
    for _ in 0..5 {
        stage.says(&flood).await;
    }
    stage.says("quick done\nquick end 0\nslow end 0\n").await;
    let (text, _) = all(&mut stage.parts[1]).await;
    assert_eq!(text, "done\n");
    let took = began.elapsed();
    assert!(took >= STALL && took < STALL + Duration::from_secs(1), "{took:?}");
    let (text, end) = all(&mut stage.parts[0]).await;
    assert!(text.len() < 300_000, "{} bytes are held", text.len());
    assert!(text.ends_with("[pabawi: output is missing here, since nobody read it for 60 s]\n"));
    assert!(matches!(end, ActionEnd::Exited { code: 0 }), "what it did is told all the same: {end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_read_slowly_loses_nothing() {
    let mut stage = stage(&["slow"]);
    let flood = format!("slow {}\n", "x".repeat(99_000));
    for _ in 0..20 {
        stage.says(&flood).await;
    }
    stage.says("slow end 0\n").await;
    let mut length = 0;
    let end = loop {
        match stage.parts[0].next().await {
            ActionEvent::Output { data, .. } => length += data.len(),
            ActionEvent::Ended(end) => break end,
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(STALL / 2).await;
    };
    assert_eq!(length, 20 * 99_001);
    assert!(matches!(end, ActionEnd::Exited { code: 0 }));
}

/// R7.5: what is reported of each node is what was seen.
#[tokio::test(start_paused = true)]
async fn all_nodes_end_the_tool_once_and_a_kill_makes_it_a_kill() {
    let mut stage = stage(&["near", "far", "other"]);
    let grace = Duration::from_secs(30);
    let mut parts = std::mem::take(&mut stage.parts).into_iter();
    let (mut near, mut far, mut other) =
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let began = tokio::time::Instant::now();
    let gentle = tokio::spawn(async move { near.terminate(TerminateMode::Graceful { grace }).await });
    let far = tokio::spawn(async move {
        let left = far.terminate(TerminateMode::Graceful { grace }).await;
        (left, far.next().await)
    });
    stage.ending.wait_for(|modes| modes.len() == 1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(other.terminate(TerminateMode::Kill).await, Termination::Confirmed);
    assert!(began.elapsed() < grace);
    assert_eq!(gentle.await.unwrap(), Termination::Confirmed);
    let (left, event) = far.await.unwrap();
    assert_eq!(left, Termination::Unconfirmed { why: "nobody looked there".to_owned() });
    let ActionEvent::Ended(end) = event else { panic!("{event:?}") };
    assert_eq!(failure(end).termination, Some(left));
    assert_eq!(*stage.ending.borrow(), [TerminateMode::Graceful { grace }, TerminateMode::Kill]);
}

#[tokio::test(start_paused = true)]
async fn a_tool_can_be_ended_while_a_node_is_waited_for() {
    let mut stage = stage(&["unread", "b"]);
    for _ in 0..5 {
        stage.says(&format!("unread {}\n", "x".repeat(90_000))).await;
    }
    let began = tokio::time::Instant::now();
    assert_eq!(stage.parts[1].terminate(TerminateMode::Kill).await, Termination::Confirmed);
    assert!(began.elapsed() < STALL);
    assert_eq!(stage.parts[0].terminate(TerminateMode::Kill).await, Termination::Confirmed);
}

#[tokio::test]
async fn a_tool_that_nobody_follows_is_let_go_of() {
    let mut stage = stage(&["a", "b"]);
    stage.says("a end 0\n").await;
    all(&mut stage.parts[0]).await;
    stage.parts.clear();
    stage.tool.closed().await;
}
