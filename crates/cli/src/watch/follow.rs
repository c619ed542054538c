//! The loop over an execution's events: [`follow`] shows them until the end, and cancels when the person or
//! the system asks to stop.

use std::sync::Arc;
use std::time::Duration;

use pabawi::ports::TerminateMode;
use pabawi::{
    Caller, CancelReceipt, CancelScope, EventKind, ExecutionEvent, ExecutionId, ExecutionSummary, Framework,
    StreamKind, Subscription, SubscriptionMode,
};

use crate::args::{Format, OutputStyleArgs};
use crate::exit::{Exit, Failure};
use crate::signals::Interrupts;
use crate::text::Colour;
use crate::watch::document::Content;
use crate::watch::grouped::flush;
use crate::watch::live::Live;
use crate::watch::notice::notice;
use crate::watch::progress::ProgressLine;
use crate::watch::stopping::{self, Stopping, Told};
use crate::watch::{Failures, Sink, exit_of, write_document, write_groups};

/// Events taken at once.
const BATCH: usize = 500;
/// How often the progress line moves on without an event.
const TICK: Duration = Duration::from_millis(250);

/// How events are read: none is left out.
pub(crate) const FOLLOWING: SubscriptionMode = SubscriptionMode::SlowTheSource;

/// What was started. Whoever has started it is shown what comes of it, and its events come with it; what has to be seen to be
/// started, such as a rerun, has none with it.
pub(crate) struct Started {
    /// Which.
    pub(crate) id: ExecutionId,
    /// Its events.
    pub(crate) events: Option<Subscription>,
}

impl From<ExecutionId> for Started {
    fn from(id: ExecutionId) -> Self {
        Self { id, events: None }
    }
}

impl From<(ExecutionId, Subscription)> for Started {
    fn from((id, events): (ExecutionId, Subscription)) -> Self {
        Self { id, events: Some(events) }
    }
}

/// What is followed, and how it is shown.
pub(crate) struct Follow<'a> {
    /// Where it runs.
    pub(crate) framework: &'a Framework,
    /// Who asks.
    pub(crate) caller: &'a Caller,
    /// Which, and its events.
    pub(crate) started: Started,
    /// How it is shown.
    pub(crate) style: &'a OutputStyleArgs,
    /// The person asked to stop while the execution was being submitted.
    pub(crate) interrupted: bool,
}

/// How the following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    /// The execution is over.
    ToTheEnd(Exit),
    /// The person left before.
    Left,
}

/// Shows an execution until its end.
///
/// # Errors
/// When events or results cannot be read, or output cannot be written.
pub(crate) async fn follow(
    what: Follow<'_>,
    interrupts: Interrupts,
    sink: &mut Sink,
) -> Result<Followed, Failure> {
    let Follow { framework, caller, style, started: Started { id, events }, interrupted } = what;
    let mut events = match events {
        Some(events) => events,
        None => framework.events(caller, id, 1, FOLLOWING).await?,
    };
    let shows_progress = sink.err_style.terminal && !style.quiet;
    let mut view = View {
        mode: Mode::of(style),
        tells: !style.quiet,
        live: Live::default(),
        progress: ProgressLine::new(shows_progress, sink.err_style.colour),
        failures: Failures::default(),
        summary: None,
    };
    let (owned, who) = (framework.clone(), caller.clone());
    let cancel = async move {
        let mode = TerminateMode::Graceful { grace: stopping::GRACE };
        let receipt = owned.cancel(&who, id, CancelScope::All, mode).await?;
        Ok(receipt != CancelReceipt::AlreadyEnded)
    };
    let wanted = stopping::What { cancel: Box::pin(cancel), left: left(id), interrupted };
    let mut stopping = Stopping::listen(wanted, interrupts);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Ends with the execution or with the second signal.
    let end = loop {
        tokio::select! {
            batch = events.next_batch(BATCH) => match batch? {
                Some(batch) => {
                    view.events(&batch, sink)?;
                    if sink.is_closed() {
                        stopping.reader_left();
                    }
                }
                None => break Some(()),
            },
            told = stopping.next() => match told {
                Told::Cancelling => view.cancelling(sink)?,
                Told::Failed(failure) if failure.is_denial() => {
                    // It was asked to end all the same, and with this process goes what it runs.
                    let message = format!("{}\n{}", failure.message, left(id));
                    return Err(Failure { exit: Exit::Cancelled, message });
                }
                Told::Failed(failure) => return Err(failure),
                Told::Leave => break None,
            },
            _ = tick.tick() => view.progress.draw(),
        }
    };
    view.progress.clear();
    if end.is_none() {
        sink.line(StreamKind::Stderr, &left(id));
        flush(sink)?;
        return Ok(Followed::Left);
    }
    let summary = view.summary.ok_or_else(|| Failure::nothing_ran(format!("execution {id} has no end")))?;
    match write_end(framework, caller, id, &view.mode, sink).await {
        // It has been run all the same, and how it ended is known by its events.
        Err(failure) if failure.is_denial() => {
            sink.line(StreamKind::Stderr, &format!("execution {id} is over, and its results are not shown:"));
            sink.line(StreamKind::Stderr, &failure.message);
        }
        other => other?,
    }
    if !style.quiet {
        view.failures.write_summary(id, &summary, sink);
    } else if stopping.asked() {
        view.failures.write_unconfirmed(sink);
    }
    flush(sink)?;
    Ok(Followed::ToTheEnd(exit_of(&summary, &view.failures)))
}

/// What is said when an execution is left.
fn left(id: ExecutionId) -> String {
    format!("left execution {id} before its end; its processes may be running")
}

/// What is written while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Lines as they come.
    Live,
    /// Events as they come.
    Events,
    /// Nothing; the variants at the end.
    Groups,
    /// Nothing; a document at the end.
    Document(Format, Content),
}

impl Mode {
    fn of(style: &OutputStyleArgs) -> Self {
        match (style.format, style.group) {
            (Format::Table, false) => Self::Live,
            (Format::Table, true) => Self::Groups,
            (Format::Ndjson, _) => Self::Events,
            (format, false) => Self::Document(format, Content::Outputs),
            (format, true) => Self::Document(format, Content::Groups),
        }
    }
}

/// What the events have told so far.
struct View {
    mode: Mode,
    /// Waves and retries are told to the person.
    tells: bool,
    live: Live,
    progress: ProgressLine,
    failures: Failures,
    summary: Option<ExecutionSummary>,
}

impl View {
    fn events(&mut self, events: &[Arc<ExecutionEvent>], sink: &mut Sink) -> Result<(), Failure> {
        for event in events {
            self.progress.event(event);
            self.failures.event(event);
            if let EventKind::Finished { summary } = &event.kind {
                self.summary = Some(summary.clone());
            }
            if let Some((colour, text)) = notice(&event.kind).filter(|_| self.tells) {
                let text = sink.err_style.paint(colour, &text);
                sink.line(StreamKind::Stderr, &text);
            }
            match self.mode {
                Mode::Live => self.live.event(event, sink),
                Mode::Events => write_event(event, sink)?,
                Mode::Groups | Mode::Document(..) => {}
            }
        }
        if !sink.is_empty() {
            self.progress.suspend(|| flush(sink))?;
        }
        self.progress.draw();
        Ok(())
    }

    fn cancelling(&self, sink: &mut Sink) -> Result<(), Failure> {
        if sink.is_closed() {
            return Ok(());
        }
        let text = "cancelling: what runs is being ended; Ctrl-C again leaves at once";
        let text = sink.err_style.paint(Colour::Yellow, text);
        sink.line(StreamKind::Stderr, &text);
        self.progress.suspend(|| flush(sink))
    }
}

/// One event as one line of JSON.
///
/// # Errors
/// When the event cannot be written as JSON.
pub(crate) fn write_event(event: &ExecutionEvent, sink: &mut Sink) -> Result<(), Failure> {
    let buffer = sink.buffer(StreamKind::Stdout);
    serde_json::to_writer(&mut *buffer, event)
        .map_err(|error| Failure::nothing_ran(format!("write an event: {error}")))?;
    buffer.push(b'\n');
    Ok(())
}

async fn write_end(
    framework: &Framework,
    caller: &Caller,
    id: ExecutionId,
    mode: &Mode,
    sink: &mut Sink,
) -> Result<(), Failure> {
    match mode {
        Mode::Live | Mode::Events => Ok(()),
        Mode::Groups => {
            for stream in [StreamKind::Stdout, StreamKind::Stderr] {
                write_groups(framework, caller, id, stream, None, sink).await?;
            }
            Ok(())
        }
        Mode::Document(format, content) => {
            let record = framework.status(caller, id).await?;
            write_document(framework, caller, (record.id, &record), *format, *content, sink).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_and_grouping_decide_what_is_written() {
        let mode = |format, group| Mode::of(&OutputStyleArgs { format, group, quiet: false });
        assert_eq!(mode(Format::Table, false), Mode::Live);
        assert_eq!(mode(Format::Table, true), Mode::Groups);
        assert_eq!(mode(Format::Ndjson, false), Mode::Events);
        assert_eq!(mode(Format::Json, true), Mode::Document(Format::Json, Content::Groups));
        assert_eq!(mode(Format::Yaml, false), Mode::Document(Format::Yaml, Content::Outputs));
    }

    #[test]
    fn an_event_is_one_line() {
        let shared = crate::watch::sink::tests::Shared::default();
        let mut sink = Sink::of(shared.clone(), std::io::sink());
        let event = ExecutionEvent {
            execution_id: ExecutionId::from_parts(1, [0; 10]),
            seq: 3,
            at: "2026-11-23T10:00:00Z".parse().unwrap(),
            kind: EventKind::Output {
                node: pabawi::NodeId::new("a").unwrap(),
                stream: StreamKind::Stdout,
                offset: 0,
                data: pabawi::OutputData::from(b"x\ny".to_vec()),
            },
        };
        write_event(&event, &mut sink).unwrap();
        sink.flush().unwrap();
        let text = shared.text();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(serde_json::from_str::<ExecutionEvent>(&text).unwrap(), event);
    }
}
