//! One request to a program: [`Link`] starts a process, gives it its line and reads the answer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pabawi_domain::cut;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{
    PluginError, RunningTool, ToolCommand, ToolEnd, ToolError, ToolOutput, ToolRunner,
};
use pabawi_domain::redact::Redactor;
use serde_json::{Map, Value};

use super::answer::answer;
use super::program::Program;
use super::request::{Request, line};

/// Bytes of the program's log that are kept of one process, from its end.
const LOG: usize = 8 * 1024;
/// Bytes of it that stand in a message.
const SHOWN: usize = 500;
/// Bytes of an answer that says no more than that something was done.
const SMALL: usize = 1024 * 1024;
/// Bytes of an answer.
const LARGE: usize = 64 * 1024 * 1024;

/// A plugin's way to its program.
pub(super) struct Link {
    name: PluginName,
    program: Program,
    tools: Arc<dyn ToolRunner>,
    config: OnceLock<Config>,
}

struct Config {
    value: Value,
    secrets: Option<Arc<Redactor>>,
}

/// How long and how large an answer may be. The host of a plugin has limits of its own, which come before.
struct Limits {
    time: Duration,
    bytes: usize,
}

fn limits(request: Request) -> Limits {
    let (seconds, bytes) = match request {
        Request::Describe => (10, SMALL),
        Request::Initialize | Request::Health | Request::Shutdown => (60, SMALL),
        Request::Inventory => (600, LARGE),
        Request::Run | Request::Call | Request::Facts => (3_600, LARGE),
    };
    Limits { time: Duration::from_secs(seconds), bytes }
}

/// The command of a request: the word is its only argument.
pub(super) fn command(program: &Program, request: Request) -> ToolCommand {
    let Limits { time, bytes } = limits(request);
    let mut command = ToolCommand::new(program.path(), [request.word()]);
    command.directory = program.directory();
    command.timeout = time;
    command.max_output_bytes = bytes;
    command
}

/// The end of what a program wrote to its standard error.
pub(super) fn log_of(output: &ToolOutput) -> Option<String> {
    let from = output.stderr.len().saturating_sub(LOG);
    let end = String::from_utf8_lossy(output.stderr.get(from..).unwrap_or_default());
    let end = end.trim();
    (!end.is_empty()).then(|| end.to_owned())
}

/// How a program ended, as a part of a sentence.
pub(super) fn end_of(end: &ToolEnd) -> String {
    match end {
        ToolEnd::Exited(code) => format!("ended with exit status {code}"),
        ToolEnd::Signalled(signal) => format!("was ended by SIG{signal}"),
    }
}

impl Link {
    pub(super) fn new(name: PluginName, program: Program, tools: Arc<dyn ToolRunner>) -> Self {
        Self { name, program, tools, config: OnceLock::new() }
    }

    /// The plugin.
    pub(super) fn name(&self) -> &PluginName {
        &self.name
    }

    /// The program, for messages.
    pub(super) fn shown(&self) -> String {
        self.program.path().display().to_string()
    }

    /// Takes the configuration that the program is handed with every request, once.
    pub(super) fn configure(&self, value: Value, secrets: Option<Arc<Redactor>>) -> Result<(), PluginError> {
        let taken = self.config.set(Config { value, secrets });
        taken.map_err(|_| self.error(ErrorCode::Internal, "was got ready twice".to_owned(), None))
    }

    /// Finds the secrets of the configuration.
    pub(super) fn secrets(&self) -> Option<&Arc<Redactor>> {
        self.config.get()?.secrets.as_ref()
    }

    /// An error that shows no secret of the configuration.
    pub(super) fn error(&self, code: ErrorCode, message: String, stack: Option<String>) -> PluginError {
        let clean = |text: String| match self.secrets() {
            Some(secrets) => secrets.text(&text).into_owned(),
            None => text,
        };
        PluginError {
            plugin: self.name.clone(),
            code,
            message: cut::message(clean(message)),
            stack: stack.map(clean),
        }
    }

    /// Whether the program can be run.
    pub(super) async fn check(&self) -> Result<(), PluginError> {
        let checked = self.program.check().await;
        checked.map_err(|error| self.error(ErrorCode::BadConfig, error.to_string(), None))
    }

    /// Asks for an answer of one line.
    pub(super) async fn ask(
        &self,
        request: Request,
        own: Map<String, Value>,
        limit: Option<Duration>,
    ) -> Result<Value, PluginError> {
        let command = self.command(request, own, limit).await?;
        let output = self.tools.run(command).await.map_err(|error| self.failed(request, &error))?;
        let log = log_of(&output);
        match answer(&output.stdout) {
            Ok(Ok(result)) if output.end == ToolEnd::Exited(0) => Ok(result),
            Ok(Ok(_)) => Err(self.fault(request, "gave a result", &output.end, log)),
            Ok(Err(said)) => Err(self.error(said.code, said.message, said.stack.or(log))),
            Err(why) => Err(self.fault(request, &why, &output.end, log)),
        }
    }

    /// Starts a process that is read from while it works.
    pub(super) async fn start(
        &self,
        own: Map<String, Value>,
        limit: Duration,
    ) -> Result<Box<dyn RunningTool>, PluginError> {
        let command = self.command(Request::Run, own, Some(limit)).await?;
        self.tools.start(command).await.map_err(|error| self.failed(Request::Run, &error))
    }

    async fn command(
        &self,
        request: Request,
        own: Map<String, Value>,
        limit: Option<Duration>,
    ) -> Result<ToolCommand, PluginError> {
        let Some(config) = self.config.get() else {
            return Err(self.error(ErrorCode::Unavailable, "is not ready".to_owned(), None));
        };
        self.check().await?;
        let mut command = command(&self.program, request);
        command.stdin = Some(line(request, &config.value, own));
        command.timeout = limit.unwrap_or(command.timeout);
        Ok(command)
    }

    fn failed(&self, request: Request, error: &ToolError) -> PluginError {
        let code = match error {
            ToolError::NotStarted { .. } | ToolError::TimedOut { .. } => ErrorCode::Unavailable,
            ToolError::TooMuchOutput { .. } => ErrorCode::LimitReached,
            _ => ErrorCode::PluginFault,
        };
        self.error(code, format!("{}: {error}", request.word()), None)
    }

    fn fault(&self, request: Request, what: &str, end: &ToolEnd, log: Option<String>) -> PluginError {
        let mut message = format!("{} {} {what}, and {}", self.shown(), request.word(), end_of(end));
        if let Some(log) = &log {
            let from = log.ceil_char_boundary(log.len().saturating_sub(SHOWN));
            message.push_str(&format!("; it said: {}", log.get(from..).unwrap_or_default()));
        }
        self.error(ErrorCode::PluginFault, message, log)
    }
}
