//! Lines of a program about the nodes of a run: [`RunLines`].

use std::collections::HashMap;

use pabawi_domain::cut;
use pabawi_domain::error::NodeError;
use pabawi_domain::id::NodeId;
use pabawi_domain::output::{OutputData, StreamKind};
use pabawi_domain::ports::{ActionEnd, TransportError};
use serde::Deserialize;

use super::answer::{code_of, shown, why};
use super::run_events::{RunEvents, ToldEvent};
use crate::tool::{ToolParser, Word};

/// Understands the lines of one run. Standard error is the program's own log.
#[derive(Debug)]
pub(super) struct RunLines {
    /// The nodes that were asked for, and in which line each ended.
    nodes: HashMap<NodeId, Option<u64>>,
    /// Where events go; nowhere without.
    events: Option<RunEvents>,
    number: u64,
}

impl RunLines {
    pub(super) fn new(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        Self { nodes: nodes.into_iter().map(|node| (node, None)).collect(), events: None, number: 0 }
    }

    /// Has events taken there.
    pub(super) fn events(mut self, events: Option<RunEvents>) -> Self {
        self.events = events;
        self
    }
}

/// A line: output, an event, an end, or several of them. One without a node, with nothing but `failed`, is about all nodes that
/// have not ended.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    node: Option<String>,
    stdout: Option<OutputData>,
    stderr: Option<OutputData>,
    exited: Option<i64>,
    signalled: Option<String>,
    failed: Option<Failed>,
    event: Option<ToldEvent>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Failed {
    code: String,
    message: String,
    #[serde(default = "yes")]
    may_have_started: bool,
}

fn yes() -> bool {
    true
}

impl Failed {
    fn end(&self, node: &NodeId) -> ActionEnd {
        let (code, message) = code_of(&self.code, self.message.clone());
        let error = NodeError::new(node.clone(), code, cut::message(message));
        let may_have_started = self.may_have_started;
        ActionEnd::Failed(TransportError { error, may_have_started, termination: None })
    }
}

impl Line {
    /// How the node ended, where the line says that it did.
    fn end(&mut self, node: &NodeId) -> Result<Option<ActionEnd>, String> {
        match (self.exited.take(), self.signalled.take(), self.failed.take()) {
            (None, None, None) => Ok(None),
            (Some(code), None, None) => match i32::try_from(code) {
                Ok(code @ 0..=255) => Ok(Some(ActionEnd::Exited { code })),
                _ => Err(format!("exited: {code} is no exit status, which is from 0 to 255")),
            },
            (None, Some(signal), None) => {
                let is_name = (1..=20).contains(&signal.len())
                    && signal.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                    && !signal.starts_with("SIG");
                if is_name {
                    Ok(Some(ActionEnd::Signalled { signal }))
                } else {
                    Err("signalled: must be the name of a signal without SIG, such as KILL".to_owned())
                }
            }
            (None, None, Some(failed)) => Ok(Some(failed.end(node))),
            _ => Err("has more than one of exited, signalled and failed".to_owned()),
        }
    }
}

impl RunLines {
    fn read(&mut self, line: &[u8], words: &mut Vec<Word>) -> Result<(), String> {
        let mut line: Line =
            serde_json::from_slice(line).map_err(|error| format!("{}: {}", why(&error), shown(line)))?;
        let Some(name) = &line.node else { return self.all_end(line, words) };
        let Some((node, ended)) = self.nodes.get_key_value(name.as_str()) else {
            let name = shown(name.as_bytes());
            return Err(format!("node {name:?} is none of those that it was to work on"));
        };
        let node = node.clone();
        if let Some(before) = ended {
            return Err(format!("node {node} has ended in line {before}"));
        }
        let end = line.end(&node)?;
        let output = [(StreamKind::Stdout, line.stdout), (StreamKind::Stderr, line.stderr)];
        let told = line.event.is_some();
        if let (Some(events), Some(event)) = (&self.events, line.event) {
            events.take(node.clone(), event)?;
        }
        if end.is_none() && !told && output.iter().all(|(_, data)| data.is_none()) {
            return Err(
                "says nothing: it has none of stdout, stderr, exited, signalled, failed and event".to_owned()
            );
        }
        for (stream, data) in output {
            if let Some(OutputData(data)) = data.filter(|data| !data.0.is_empty()) {
                words.push(Word::Output { node: node.clone(), stream, data });
            }
        }
        if let Some(end) = end {
            self.nodes.insert(node.clone(), Some(self.number));
            words.push(Word::Ended { node, end });
        }
        Ok(())
    }
}

impl RunLines {
    /// A line about all nodes that have not ended.
    fn all_end(&mut self, mut line: Line, words: &mut Vec<Word>) -> Result<(), String> {
        let says_more = line.stdout.is_some() || line.stderr.is_some() || line.event.is_some();
        let Some(failed) =
            line.failed.take().filter(|_| !says_more && line.exited.is_none() && line.signalled.is_none())
        else {
            let text = "missing field `node`, which only a line with nothing but failed can do without";
            return Err(text.to_owned());
        };
        for (node, ended) in self.nodes.iter_mut().filter(|(_, ended)| ended.is_none()) {
            *ended = Some(self.number);
            words.push(Word::Ended { node: node.clone(), end: failed.end(node) });
        }
        Ok(())
    }
}

impl ToolParser for RunLines {
    fn line(&mut self, stream: StreamKind, line: &[u8], words: &mut Vec<Word>) -> Result<(), String> {
        if stream == StreamKind::Stderr {
            return Ok(());
        }
        self.number += 1;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        self.read(line, words).map_err(|fault| format!("line {}: {fault}", self.number))
    }
}

#[cfg(test)]
mod tests {
    use pabawi_domain::error::ErrorCode;
    use proptest::strategy::Strategy as _;

    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    fn read(lines: &[&str]) -> Result<Vec<Word>, String> {
        let mut parser = RunLines::new(["web1", "web2"].map(node));
        let mut words = Vec::new();
        for line in lines {
            parser.line(StreamKind::Stdout, line.as_bytes(), &mut words)?;
        }
        Ok(words)
    }

    #[test]
    fn lines_become_words_about_nodes() {
        let words = read(&[
            r#"{"node": "web1", "stdout": "one\n"}"#,
            "",
            r#"{"node": "web2", "stderr": {"base64": "/wA="}, "stdout": "two", "exited": 3}"#,
            r#"{"node": "web1", "stdout": ""}"#,
            r#"{"node": "web1", "failed": {"code": "connect_timeout", "message": "no answer", "mayHaveStarted": false}}"#,
        ]);
        let words = words.unwrap();
        let [one, two, three, Word::Ended { node: ended, end: ActionEnd::Exited { code: 3 } }, last] =
            words.as_slice()
        else {
            panic!("{words:?}")
        };
        let output = |word: &Word| match word {
            Word::Output { node, stream, data } => (node.to_string(), *stream, data.to_vec()),
            other => panic!("{other:?}"),
        };
        assert_eq!(output(one), ("web1".to_owned(), StreamKind::Stdout, b"one\n".to_vec()));
        assert_eq!(output(two), ("web2".to_owned(), StreamKind::Stdout, b"two".to_vec()));
        assert_eq!(output(three), ("web2".to_owned(), StreamKind::Stderr, vec![0xff, 0]));
        assert_eq!(ended.as_str(), "web2");
        let Word::Ended { end: ActionEnd::Failed(failed), .. } = last else { panic!("{last:?}") };
        assert_eq!((failed.error.code, failed.may_have_started), (ErrorCode::ConnectTimeout, false));
        assert_eq!(failed.error.node.as_str(), "web1");
        let words = read(&[r#"{"node": "web1", "signalled": "KILL"}"#]).unwrap();
        assert!(
            matches!(&words[..], [Word::Ended { end: ActionEnd::Signalled { signal }, .. }] if signal == "KILL")
        );
        let words = read(&[r#"{"node": "web1", "failed": {"code": "oops", "message": "broken"}}"#]).unwrap();
        let [Word::Ended { end: ActionEnd::Failed(failed), .. }] = &words[..] else { panic!("{words:?}") };
        assert!(failed.error.code == ErrorCode::PluginFault && failed.error.message.contains("\"oops\""));
        assert!(failed.may_have_started, "where nothing is said, something may be left");
    }

    #[test]
    fn a_failure_without_a_node_is_that_of_all_that_have_not_ended() {
        let ended = r#"{"node": "web1", "exited": 0}"#;
        let rest = r#"{"failed": {"code": "unavailable", "message": "is gone", "mayHaveStarted": false}}"#;
        let words = read(&[ended, rest, rest]).unwrap();
        let [Word::Ended { .. }, Word::Ended { node, end: ActionEnd::Failed(failed) }] = &words[..] else {
            panic!("{words:?}")
        };
        assert_eq!((node.as_str(), failed.error.code), ("web2", ErrorCode::Unavailable));
        assert!(!failed.may_have_started && failed.error.node == *node);
    }

    /// R7.4
    #[test]
    fn nonsense_is_told_with_its_line() {
        let ended = r#"{"node": "web1", "exited": 0}"#;
        for (line, part) in [
            ("hello", "line 2: expected value (column 1): hello"),
            (r#"{"node": "web2"}"#, "line 2: says nothing"),
            (r#"{"node": "web3", "exited": 0}"#, "line 2: node \"web3\" is none of those"),
            (r#"{"exited": 0}"#, "line 2: missing field `node`"),
            (r#"{"stdout": "x", "failed": {"code": "dns", "message": "y"}}"#, "line 2: missing field `node`"),
            (r#"{"node": "web2", "exit": 0}"#, "line 2: unknown field `exit`"),
            (r#"{"node": "web2", "exited": 256}"#, "line 2: exited: 256 is no exit status"),
            (r#"{"node": "web2", "exited": -1}"#, "line 2: exited: -1"),
            (r#"{"node": "web2", "signalled": "SIGKILL"}"#, "line 2: signalled: must be"),
            (r#"{"node": "web2", "signalled": "KILL", "exited": 1}"#, "line 2: has more than one"),
            (r#"{"node": "web2", "stdout": 5}"#, "line 2: "),
            (r#"{"node": "web2", "stdout": {"base64": "?"}}"#, "line 2: "),
            (r#"{"node": "web2", "failed": {"message": "x"}}"#, "line 2: missing field `code`"),
            (ended, "line 2: node web1 has ended in line 1"),
        ] {
            let error = read(&[ended, line]).unwrap_err();
            assert!(error.starts_with(part), "{line}: {error}");
        }
        let mut parser = RunLines::new([node("web1")]);
        let mut words = Vec::new();
        parser.line(StreamKind::Stderr, b"a log may say anything", &mut words).unwrap();
        assert!(words.is_empty());
    }

    proptest::proptest! {
        /// Whatever a program prints, nothing breaks, and what is said is about nodes that were asked for.
        #[test]
        fn anything_can_be_read(lines in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60),
                "\\{\"node\": ?\"web[0-3]\"(, \"(stdout|stderr|exited|signalled|failed)\": ?(\"[A-Z]{0,3}\"|-?[0-9]{1,3}|null|\\{\\})){0,3}\\}"
                    .prop_map(String::into_bytes),
            ],
            0..8,
        )) {
            let mut parser = RunLines::new(["web1", "web2"].map(node));
            let mut words = Vec::new();
            for line in &lines {
                if let Err(fault) = parser.line(StreamKind::Stdout, line, &mut words) {
                    proptest::prop_assert!(fault.starts_with("line ") && fault.len() < 2_000, "{}", fault);
                    break;
                }
            }
            for word in words {
                let (Word::Output { node, .. } | Word::Ended { node, .. }) = word else { panic!("of one node") };
                proptest::prop_assert!(["web1", "web2"].contains(&node.as_str()));
            }
            for line in &lines {
                let _ = crate::external::answer::answer(line);
                let _ = crate::external::description::Description::read(line);
            }
        }
    }
}
