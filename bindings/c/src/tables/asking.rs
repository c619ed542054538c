//! Asks functions of the program: [`Asking`]. For the framework it is what runs programs that are plugins, so that descriptions,
//! lines about nodes, inventories and facts are read by what reads them there; only that no process is started.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi::StreamKind;
use pabawi::Termination;
use pabawi::ports::{RunningTool, ToolCommand, ToolEnd, ToolError, ToolOutput, ToolRunner};
use serde_json::{Value, json};

use super::Asked;
use super::completion::{Answer, Owed, Pending, owed};
use super::gate::Gate;
use super::running::Running;
use crate::callbacks::Callbacks;

/// Asks functions of one table.
#[derive(Clone)]
pub(super) struct Asking {
    gate: Arc<Gate<dyn Asked>>,
    callbacks: Arc<Callbacks>,
}

impl Asking {
    pub(super) fn new(gate: Arc<Gate<dyn Asked>>, callbacks: Arc<Callbacks>) -> Self {
        Self { gate, callbacks }
    }

    /// Has the function of that name called, as soon as there is a thread for it.
    pub(super) fn ask(&self, word: &str, request: String, what: Owed) -> Pending {
        let (completion, pending) = owed(what);
        if let Some(asked) = self.gate.enter() {
            let word = word.to_owned();
            self.callbacks.run(move || asked.ask(&word, &request, completion));
        }
        pending
    }
}

/// The framework has the same limits of time for its plugins, and what it says of one that is late is what is to be told. These
/// come behind, for who is asked without a limit.
const BEHIND: Duration = Duration::from_secs(5);

/// Why there is no answer from a function that has let go of its completion.
pub(super) const LET_GO: &str = "its completion was freed without an answer, or the engine has ended";

#[async_trait]
impl ToolRunner for Asking {
    async fn run(&self, tool: ToolCommand) -> Result<ToolOutput, ToolError> {
        let (word, program) = named(&tool);
        let mut pending = self.ask(&word, request(&tool), Owed::Answer);
        let line = match tokio::time::timeout(tool.timeout.saturating_add(BEHIND), &mut pending.answer).await
        {
            Ok(Ok(Answer::Done(json))) => format!("{{\"result\":{json}}}"),
            Ok(Ok(Answer::Failed(code, message))) => failure("error", code.as_str(), &message),
            Ok(Err(_)) => return Err(ToolError::Lost { program, reason: LET_GO.to_owned() }),
            Err(_) => {
                let why = "a function that runs cannot be ended".to_owned();
                let termination = Termination::Unconfirmed { why };
                return Err(ToolError::TimedOut { program, timeout: tool.timeout, termination });
            }
        };
        if line.len() > tool.max_output_bytes {
            let (stream, limit) = (StreamKind::Stdout, tool.max_output_bytes);
            return Err(ToolError::TooMuchOutput {
                program,
                stream,
                limit,
                termination: Termination::Confirmed,
            });
        }
        Ok(ToolOutput { end: ToolEnd::Exited(0), stdout: line.into(), stderr: Default::default() })
    }

    async fn start(&self, tool: ToolCommand) -> Result<Box<dyn RunningTool>, ToolError> {
        let (word, program) = named(&tool);
        let pending = self.ask(&word, request(&tool), Owed::Lines);
        Ok(Box::new(Running::new(program, pending, tool.timeout)))
    }
}

/// `{what: {code, message}}` in one line.
pub(super) fn failure(what: &str, code: &str, message: &str) -> String {
    let told: Value = json!({"code": code, "message": message});
    json!({what: told}).to_string()
}

fn named(tool: &ToolCommand) -> (String, String) {
    (tool.arguments.first().cloned().unwrap_or_default(), tool.program.display().to_string())
}

fn request(tool: &ToolCommand) -> String {
    let line = tool.stdin.as_deref().unwrap_or_default();
    String::from_utf8_lossy(line).trim_end().to_owned()
}
