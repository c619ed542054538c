//! An action that a function of the program does: [`Running`]. It cannot be killed; it is told that it is not wanted any more, and
//! what it says of its end within the grace is believed.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use pabawi::ports::{RunningTool, TerminateMode, ToolEnd, ToolError, ToolEvent};
use pabawi::{StreamKind, Termination};
use tokio::sync::oneshot::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

use super::asking::{LET_GO, failure};
use super::completion::{Answer, Pending};

/// How long a function has, beyond the grace, to say that it has stopped.
const STOPPING: Duration = Duration::from_secs(2);

/// An action that goes on.
pub(super) struct Running {
    program: String,
    pending: Pending,
    timeout: Duration,
    deadline: Instant,
    /// Lines that came with the end.
    last: VecDeque<String>,
    end: Option<Result<ToolEnd, ToolError>>,
}

enum Turn {
    Late,
    Lines(String),
    Answered(Result<Answer, RecvError>),
}

impl Running {
    pub(super) fn new(program: String, pending: Pending, timeout: Duration) -> Self {
        let now = Instant::now();
        // A limit that no clock can tell is none.
        let deadline = now.checked_add(timeout).unwrap_or(now + Duration::from_secs(86_400 * 365));
        Self { program, pending, timeout, deadline, last: VecDeque::new(), end: None }
    }

    fn answered(&mut self, answer: Result<Answer, RecvError>) {
        if let Some(lines) = &mut self.pending.lines {
            // They were told before the end.
            while let Ok(piece) = lines.try_recv() {
                self.last.push_back(piece);
            }
        }
        self.end = Some(match answer {
            Ok(Answer::Done(lines)) => {
                if !lines.is_empty() {
                    self.last.push_back(lines);
                }
                Ok(ToolEnd::Exited(0))
            }
            Ok(Answer::Failed(code, message)) => {
                self.last.push_back(failure("failed", code.as_str(), &message));
                Ok(ToolEnd::Exited(0))
            }
            Err(_) => Err(ToolError::Lost { program: self.program.clone(), reason: LET_GO.to_owned() }),
        });
    }
}

#[async_trait]
impl RunningTool for Running {
    async fn next(&mut self) -> ToolEvent {
        if self.end.is_none() {
            let Pending { answer, lines, .. } = &mut self.pending;
            let told = async {
                match lines {
                    Some(lines) => lines.recv().await,
                    None => None,
                }
            };
            let turn = tokio::select! {
                biased;
                () = sleep_until(self.deadline) => Turn::Late,
                Some(lines) = told => Turn::Lines(lines),
                answer = answer => Turn::Answered(answer),
            };
            match turn {
                Turn::Lines(lines) => return output(lines),
                Turn::Answered(answer) => self.answered(answer),
                Turn::Late => {
                    let termination = self.terminate(TerminateMode::Kill).await;
                    let (program, timeout) = (self.program.clone(), self.timeout);
                    self.end = Some(Err(ToolError::TimedOut { program, timeout, termination }));
                }
            }
        }
        match (self.last.pop_front(), &self.end) {
            (Some(lines), _) => output(lines),
            (None, Some(end)) => ToolEvent::Ended(end.clone()),
            // There is an end whenever this is reached.
            (None, None) => ToolEvent::Ended(Ok(ToolEnd::Exited(0))),
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        self.last.clear();
        if let Some(lines) = &mut self.pending.lines {
            lines.close();
            while lines.try_recv().is_ok() {}
        }
        self.pending.give_up();
        if self.end.is_none() {
            let grace = match mode {
                TerminateMode::Graceful { grace } => grace,
                TerminateMode::Kill => Duration::ZERO,
            };
            if let Ok(answer) = timeout(grace.saturating_add(STOPPING), &mut self.pending.answer).await {
                self.answered(answer);
                self.last.clear();
            }
        }
        let why = match &self.end {
            Some(Ok(_)) => return Termination::Confirmed,
            Some(Err(error)) => error.to_string(),
            None => format!("{} was told to stop and has not said that it did", self.program),
        };
        Termination::Unconfirmed { why }
    }
}

fn output(lines: String) -> ToolEvent {
    ToolEvent::Output { stream: StreamKind::Stdout, data: lines.into() }
}
