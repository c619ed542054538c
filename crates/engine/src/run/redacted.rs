//! Takes the secrets of the request out of what an action says: [`Redacted`]. Nothing of the engine sees more of them than
//! the action itself.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, TransportError};
use pabawi_domain::redact::{RedactedStream, Redactor};

/// An action whose secrets are not told.
pub(super) struct Redacted {
    action: Box<dyn RunningAction>,
    redactor: Arc<Redactor>,
    stdout: RedactedStream,
    stderr: RedactedStream,
    /// What was held back, and the end behind it.
    last: VecDeque<ActionEvent>,
}

impl Redacted {
    /// The same action, where there are no secrets.
    pub(super) fn of(
        action: Box<dyn RunningAction>,
        redactor: Option<&Arc<Redactor>>,
    ) -> Box<dyn RunningAction> {
        match redactor {
            None => action,
            Some(redactor) => Box::new(Self {
                action,
                redactor: Arc::clone(redactor),
                stdout: redactor.stream(),
                stderr: redactor.stream(),
                last: VecDeque::new(),
            }),
        }
    }

    /// Puts what was held back before the end.
    fn ended(&mut self, end: ActionEnd) {
        let end = match end {
            ActionEnd::Failed(error) => ActionEnd::Failed(of_failure(error, Some(&self.redactor))),
            other => other,
        };
        for (stream, held) in
            [(StreamKind::Stdout, self.stdout.finish()), (StreamKind::Stderr, self.stderr.finish())]
        {
            self.last.extend(output(stream, held));
        }
        self.last.push_back(ActionEvent::Ended(end));
    }
}

#[async_trait]
impl RunningAction for Redacted {
    async fn next(&mut self) -> ActionEvent {
        // Ends with an event: output that is held back whole is followed by other output or by the end.
        loop {
            match self.last.pop_front() {
                Some(ActionEvent::Ended(end)) => {
                    self.last.push_back(ActionEvent::Ended(end.clone()));
                    return ActionEvent::Ended(end);
                }
                Some(event) => return event,
                None => {}
            }
            match self.action.next().await {
                ActionEvent::Output { stream, data } => {
                    let of = match stream {
                        StreamKind::Stdout => &mut self.stdout,
                        StreamKind::Stderr => &mut self.stderr,
                    };
                    self.last.extend(output(stream, of.push(data)));
                }
                ActionEvent::Ended(end) => self.ended(end),
                other => return other,
            }
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        let mut report = self.action.terminate(mode).await;
        self.redactor.termination(&mut report);
        report
    }

    fn is_taken(&self) -> bool {
        self.action.is_taken()
    }

    fn keeps(&self) -> bool {
        self.action.keeps()
    }

    async fn settle(&mut self) -> bool {
        self.action.settle().await
    }
}

fn output(stream: StreamKind, data: Bytes) -> Option<ActionEvent> {
    (!data.is_empty()).then_some(ActionEvent::Output { stream, data })
}

/// A failure without the secrets.
pub(super) fn of_failure(mut failure: TransportError, redactor: Option<&Arc<Redactor>>) -> TransportError {
    if let Some(redactor) = redactor {
        redactor.error(&mut failure.error);
        if let Some(termination) = &mut failure.termination {
            redactor.termination(termination);
        }
    }
    failure
}
