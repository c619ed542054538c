//! Equal outputs once: [`write_groups`] shows each variant under the nodes that printed it.

use pabawi::inventory::fold;
use pabawi::{Caller, ExecutionId, Framework, NodeId, StreamKind};

use crate::exit::Failure;
use crate::text::{Colour, LineSplitter, Style};
use crate::watch::live::write_content;
use crate::watch::{Sink, read_output};

/// Writes the variants of a stream, the most frequent first. Nodes that printed nothing to stdout are named
/// last; those that printed nothing to stderr are not.
///
/// # Errors
/// What the store reports.
pub(crate) async fn write_groups(
    framework: &Framework,
    caller: &Caller,
    id: ExecutionId,
    stream: StreamKind,
    nodes: Option<&[NodeId]>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut silent: Vec<NodeId> = Vec::new();
    for mut group in framework.output_groups(caller, id, stream).await? {
        if let Some(wanted) = nodes {
            group.nodes.retain(|node| wanted.contains(node));
        }
        if group.nodes.is_empty() {
            continue;
        }
        match group.output {
            None => silent.extend(group.nodes),
            Some(output) => {
                let content = read_output(framework, caller, output).await?.with_mark();
                let style = sink.style(stream);
                let header = header(&group.nodes, stream, style);
                sink.line(stream, &header);
                write_block(sink.buffer(stream), &content, style);
                flush(sink)?;
            }
        }
    }
    if stream == StreamKind::Stdout && !silent.is_empty() {
        let style = sink.style(stream);
        let header = header(&silent, stream, style);
        sink.line(stream, &format!("{header}: no output"));
        flush(sink)?;
    }
    Ok(())
}

/// `web[01-20] (20)`, with the stream's name for stderr.
pub(super) fn header(nodes: &[NodeId], stream: StreamKind, style: Style) -> String {
    let text = format!("{} ({})", fold(nodes), nodes.len());
    match stream {
        StreamKind::Stdout => style.paint(Colour::Bold, &text),
        StreamKind::Stderr => style.paint(Colour::Bold, &format!("{text} stderr")),
    }
}

/// A whole output with a line break at its end, escaped on a terminal.
pub(super) fn write_block(buffer: &mut Vec<u8>, content: &[u8], style: Style) {
    let mut splitter = LineSplitter::default();
    let write = |buffer: &mut Vec<u8>, line: &[u8]| {
        write_content(buffer, line, style);
        buffer.push(b'\n');
    };
    splitter.push(content, |line| write(buffer, line));
    splitter.finish(|line| write(buffer, line));
}

pub(super) fn flush(sink: &mut Sink) -> Result<(), Failure> {
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the output: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_stand_under_the_nodes_folded() {
        let nodes: Vec<NodeId> = (1..=20).map(|n| NodeId::new(format!("web{n:02}")).unwrap()).collect();
        assert_eq!(header(&nodes, StreamKind::Stdout, Style::plain()), "web[01-20] (20)");
        assert_eq!(header(&nodes, StreamKind::Stderr, Style::plain()), "web[01-20] (20) stderr");
        let mut buffer = Vec::new();
        write_block(&mut buffer, b"a\nb", Style::plain());
        assert_eq!(buffer, b"a\nb\n");
    }
}
