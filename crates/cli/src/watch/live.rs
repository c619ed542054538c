//! [`Live`]: output as it comes, each line after the name of its node.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use pabawi::{EventKind, ExecutionEvent, HostKeyAcceptance, NodeId, StreamKind};

use crate::text::{Colour, LineSplitter, Style, escape_for_terminal};
use crate::watch::Sink;

/// Turns output events into prefixed lines. Lines of several nodes mix, a line itself never does.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Streams with a line that has begun; an entry goes when its node has ended.
    open: HashMap<(NodeId, StreamKind), LineSplitter>,
}

impl Live {
    /// Takes the next event.
    pub(super) fn event(&mut self, event: &ExecutionEvent, sink: &mut Sink) {
        match &event.kind {
            EventKind::Output { node, stream, data, .. } => {
                let splitter = self.open.entry((node.clone(), *stream)).or_default();
                splitter.push(data.as_ref(), |line| write_line(sink, node, *stream, line));
            }
            EventKind::NodeFinished { node, .. } => self.end_of(node, sink),
            EventKind::HostKeyException { node, key } => {
                let how = match key.accepted {
                    HostKeyAcceptance::Added => "was unknown and is written down now",
                    _ => "was not checked",
                };
                let text = format!("{node}: host key {} {} {how}", key.algorithm, key.fingerprint);
                let text = sink.err_style.paint(Colour::Yellow, &text);
                sink.line(StreamKind::Stderr, &text);
            }
            EventKind::Gap { last_seq } => {
                let text = format!("events {} to {last_seq} are not kept; output is missing here", event.seq);
                let text = sink.err_style.paint(Colour::Yellow, &text);
                sink.line(StreamKind::Stderr, &text);
            }
            EventKind::Finished { .. } => {
                let nodes: Vec<NodeId> = self.open.keys().map(|(node, _)| node.clone()).collect();
                for node in nodes {
                    self.end_of(&node, sink);
                }
            }
            _ => {}
        }
    }

    /// Writes the lines of a node that ended without a line break.
    fn end_of(&mut self, node: &NodeId, sink: &mut Sink) {
        for stream in [StreamKind::Stdout, StreamKind::Stderr] {
            if let Some(mut splitter) = self.open.remove(&(node.clone(), stream)) {
                splitter.finish(|line| write_line(sink, node, stream, line));
            }
        }
    }
}

fn write_line(sink: &mut Sink, node: &NodeId, stream: StreamKind, line: &[u8]) {
    let style = sink.style(stream);
    let prefix = prefix(node, style);
    let buffer = sink.buffer(stream);
    buffer.extend_from_slice(prefix.as_bytes());
    write_content(buffer, line, style);
    buffer.push(b'\n');
}

/// A line of output: escaped on a terminal, as it is elsewhere.
pub(super) fn write_content(buffer: &mut Vec<u8>, line: &[u8], style: Style) {
    if style.terminal {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        buffer.extend_from_slice(escape_for_terminal(line).as_bytes());
    } else {
        buffer.extend_from_slice(line);
    }
}

/// `web01| `, in a colour that is the node's own.
fn prefix(node: &NodeId, style: Style) -> String {
    let mut hasher = DefaultHasher::new();
    node.hash(&mut hasher);
    const COLOURS: [Colour; 3] = [Colour::Cyan, Colour::Green, Colour::Yellow];
    let pick = usize::try_from(hasher.finish() % 3).unwrap_or(0);
    let colour = COLOURS.get(pick).copied().unwrap_or(Colour::Cyan);
    format!("{} ", style.paint(colour, &format!("{node}|")))
}

#[cfg(test)]
mod tests {
    use pabawi::{ExecutionId, NodeOutcome, OutputData, Progress};

    use super::*;
    use crate::watch::sink::tests::Shared;

    fn event(kind: EventKind) -> ExecutionEvent {
        ExecutionEvent {
            execution_id: ExecutionId::from_parts(1, [0; 10]),
            seq: 5,
            at: "2026-11-23T10:00:00Z".parse().unwrap(),
            kind,
        }
    }

    fn output(node: &str, stream: StreamKind, data: &[u8]) -> ExecutionEvent {
        let node = NodeId::new(node).unwrap();
        event(EventKind::Output { node, stream, offset: 0, data: OutputData::from(data.to_vec()) })
    }

    fn finished(node: &str) -> ExecutionEvent {
        event(EventKind::NodeFinished {
            node: NodeId::new(node).unwrap(),
            attempt: 1,
            result: NodeOutcome::Succeeded,
            duration_ms: 1,
            phases: None,
            stdout: None,
            stderr: None,
            progress: Progress::default(),
        })
    }

    /// R1.4
    #[test]
    fn lines_carry_their_node_and_streams_stay_apart() {
        let (out, err) = (Shared::default(), Shared::default());
        let mut sink = Sink::of(out.clone(), err.clone());
        let mut live = Live::default();
        for event in [
            output("web1", StreamKind::Stdout, b"hel"),
            output("web2", StreamKind::Stdout, b"two\n"),
            output("web1", StreamKind::Stdout, b"lo\nlast"),
            output("web1", StreamKind::Stderr, b"\xffbad\n"),
            finished("web1"),
            finished("web2"),
        ] {
            live.event(&event, &mut sink);
        }
        sink.flush().unwrap();
        assert_eq!(out.text(), "web2| two\nweb1| hello\nweb1| last\n");
        assert_eq!(err.text(), "web1| \u{fffd}bad\n");
        assert!(live.open.is_empty());
    }

    #[test]
    fn a_terminal_is_shown_escapes_and_a_pipe_gets_bytes() {
        let mut buffer = Vec::new();
        write_content(&mut buffer, b"\x1b[2J\r", Style { colour: false, terminal: true });
        assert_eq!(buffer, b"\\x1b[2J");
        buffer.clear();
        write_content(&mut buffer, b"\x1b[2J\r", Style::plain());
        assert_eq!(buffer, b"\x1b[2J\r");
    }

    #[test]
    fn what_is_missing_is_told() {
        let err = Shared::default();
        let mut sink = Sink::of(Shared::default(), err.clone());
        Live::default().event(&event(EventKind::Gap { last_seq: 9 }), &mut sink);
        sink.flush().unwrap();
        assert!(err.text().contains("events 5 to 9 are not kept"), "{}", err.text());
    }
}
