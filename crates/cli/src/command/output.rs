//! `pab executions output`.

use pabawi::{Caller, ExecutionRecord, Framework, NodeId, OutputRef, StreamKind, TargetQuery, TargetRecord};

use crate::args::{GlobalArgs, OutputArgs, StreamArg};
use crate::command::find::{find, nodes};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::escape_for_terminal;
use crate::watch::{Sink, write_groups};

/// Bytes of one piece.
const PIECE: u32 = 1024 * 1024;

/// Writes stored outputs.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn output(global: &GlobalArgs, args: &OutputArgs) -> Result<Exit, Failure> {
    let wanted = nodes(&args.node)?;
    let mut sink = Sink::standard(global.no_color);
    open::with_history(global, async |framework, caller| {
        let record = find(framework, caller, &args.id).await?;
        write(framework, caller, &record, args, wanted.as_deref(), &mut sink).await
    })
    .await?;
    Ok(Exit::AllSucceeded)
}

async fn write(
    framework: &Framework,
    caller: &Caller,
    record: &ExecutionRecord,
    args: &OutputArgs,
    wanted: Option<&[NodeId]>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let streams: &[StreamKind] = match args.stream {
        None => &[StreamKind::Stdout, StreamKind::Stderr],
        Some(StreamArg::Stdout) => &[StreamKind::Stdout],
        Some(StreamArg::Stderr) => &[StreamKind::Stderr],
    };
    if args.group {
        for stream in streams {
            write_groups(framework, caller, record.id, *stream, wanted, sink).await?;
        }
        return Ok(());
    }
    let to_stdout = args.stream.is_some();
    for target in targets(framework, caller, record, wanted).await? {
        for stream in streams {
            let stored = match stream {
                StreamKind::Stdout => target.stdout,
                StreamKind::Stderr => target.stderr,
            };
            let to = if to_stdout { StreamKind::Stdout } else { *stream };
            if let Some(stored) = stored {
                write_bytes(framework, caller, &target.target.node, stored, to, sink).await?;
            }
            if sink.is_closed() {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn targets(
    framework: &Framework,
    caller: &Caller,
    record: &ExecutionRecord,
    wanted: Option<&[NodeId]>,
) -> Result<Vec<TargetRecord>, Failure> {
    let mut found = Vec::new();
    let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
    // Ends with the last page.
    loop {
        let page = framework.targets(caller, record.id, &query).await?;
        let is_wanted =
            |target: &TargetRecord| wanted.is_none_or(|wanted| wanted.contains(&target.target.node));
        found.extend(page.items.into_iter().filter(is_wanted));
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    for node in wanted.unwrap_or_default() {
        if found.iter().all(|target| target.target.node != *node) {
            return Err(Failure::usage(format!("--node: {node} is not among the targets of {}", record.id)));
        }
    }
    Ok(found)
}

/// The bytes as they are, piece by piece; escaped where they go to a terminal. What was left out is told on
/// standard error.
async fn write_bytes(
    framework: &Framework,
    caller: &Caller,
    node: &NodeId,
    stored: OutputRef,
    to: StreamKind,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut offset = 0;
    // Every turn goes on by a piece that is not empty.
    loop {
        let Some(chunk) = framework.output(caller, stored.hash, offset, PIECE).await? else { break };
        let bytes = &chunk.data.0;
        if bytes.is_empty() {
            break;
        }
        if sink.style(to).terminal {
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let content = line.strip_suffix(b"\n").unwrap_or(line);
                let text = escape_for_terminal(content.strip_suffix(b"\r").unwrap_or(content));
                sink.buffer(to).extend_from_slice(text.as_bytes());
                if content.len() < line.len() {
                    sink.buffer(to).push(b'\n');
                }
            }
        } else {
            sink.buffer(to).extend_from_slice(bytes);
        }
        offset += bytes.len() as u64;
        sink.flush().map_err(|error| Failure::nothing_ran(format!("write the output: {error}")))?;
        if offset >= chunk.kept_bytes || sink.is_closed() {
            break;
        }
    }
    if stored.omitted_bytes > 0 {
        let text = format!("{node}: {} bytes of this output were not kept", stored.omitted_bytes);
        sink.line(StreamKind::Stderr, &text);
        sink.flush().map_err(|error| Failure::nothing_ran(format!("write the output: {error}")))?;
    }
    Ok(())
}
