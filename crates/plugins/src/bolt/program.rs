//! `bolt` by itself: whether it works, and questions that it answers with one JSON: [`Program`].

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::cut;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::{PluginHealth, ToolCommand, ToolEnd, ToolError, ToolOutput, ToolRunner};
use serde_json::Value;

use super::capabilities::capabilities;
use super::command_line::shared;
use super::kinds::BoltError;
use super::report::{keep_head, nonsense};
use super::settings::Settings;
use crate::tool::call::Refused;

/// How long it may take to tell its version; two seconds are usual.
const VERSION_LIMIT: Duration = Duration::from_secs(15);
/// How long it may take to tell what there is.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// The program.
#[derive(Clone)]
pub(super) struct Program {
    /// Which work in the project.
    pub(super) tools: Arc<dyn ToolRunner>,
    pub(super) settings: Arc<Settings>,
}

impl Program {
    /// Whether it works now.
    pub(super) async fn health(&self) -> PluginHealth {
        let mut tool = ToolCommand::new(self.settings.program(), ["--version"]);
        tool.timeout = VERSION_LIMIT;
        tool.max_output_bytes = 64 * 1024;
        let message = match self.tools.run(tool).await {
            Ok(output) if output.end == ToolEnd::Exited(0) => return self.inventory_health(),
            Ok(output) => self.ended(&output),
            Err(error) => error.to_string(),
        };
        PluginHealth::Unhealthy { message }
    }

    /// Without its inventory, runs of nodes that are described for them go on.
    fn inventory_health(&self) -> PluginHealth {
        let Some(path) = self.settings.inventory.as_ref().filter(|path| !path.is_file()) else {
            return PluginHealth::Healthy;
        };
        let failing: Vec<String> = ["inventory.list", "facts.get"].map(str::to_owned).into();
        let names = capabilities().into_iter().map(|capability| capability.name);
        let working = names.filter(|name| !failing.contains(name)).collect();
        let message = format!("the inventory {} is gone", path.display());
        PluginHealth::Degraded { message, working, failing }
    }

    /// Asks something and reads the answer.
    ///
    /// # Errors
    /// Why there is none; an error in the answer is one, whatever the exit status.
    pub(super) async fn answer(&self, words: [&str; 2], operand: Option<&str>) -> Result<Value, Refused> {
        let mut arguments: Vec<String> = words.map(str::to_owned).into();
        arguments.extend(shared(&self.settings));
        if let Some(operand) = operand {
            arguments.extend(["--", operand].map(str::to_owned));
        }
        let mut tool = ToolCommand::new(self.settings.program(), arguments);
        tool.timeout = ANSWER_LIMIT;
        let output = self.tools.run(tool).await.map_err(|error| {
            let code = match error {
                ToolError::TooMuchOutput { .. } => ErrorCode::LimitReached,
                _ => ErrorCode::Unavailable,
            };
            (code, error.to_string())
        })?;
        self.read(&output)
    }

    fn read(&self, output: &ToolOutput) -> Result<Value, Refused> {
        let answer = match serde_json::from_slice::<Value>(&output.stdout) {
            Ok(answer) => answer,
            Err(_) if output.end != ToolEnd::Exited(0) => {
                return Err((ErrorCode::Unavailable, self.ended(output)));
            }
            Err(error) => {
                let mut head = Vec::new();
                keep_head(&mut head, &output.stdout);
                let fault = nonsense(&format!("the answer of bolt cannot be read: {error}"), &head);
                return Err((ErrorCode::PluginFault, fault));
            }
        };
        let is_error = answer.get("kind").is_some() && answer.get("msg").is_some();
        let error = answer.get("_error").or(is_error.then_some(&answer)).and_then(BoltError::of);
        match error {
            Some(error) => {
                let is_unknown = error.kind.contains("/unknown-");
                Err((if is_unknown { ErrorCode::NotFound } else { ErrorCode::BadConfig }, error.text()))
            }
            None if output.end == ToolEnd::Exited(0) => Ok(answer),
            None => Err((ErrorCode::Unavailable, self.ended(output))),
        }
    }

    fn ended(&self, output: &ToolOutput) -> String {
        let how = match &output.end {
            ToolEnd::Exited(code) => format!("exit status {code}"),
            ToolEnd::Signalled(signal) => format!("SIG{signal}"),
        };
        // What is wrong with its arguments it writes to its standard output.
        let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
        let said = cut::message(String::from_utf8_lossy(said).trim());
        format!("{} ended with {how}: {said}", self.settings.program().display())
    }
}
