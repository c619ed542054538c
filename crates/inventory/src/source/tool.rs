//! [`output`] and [`answer`]: ask a tool through the port and take nothing but a successful answer for one.

use pabawi_domain::ports::{ToolCommand, ToolEnd, ToolError, ToolRunner};
use serde_json::Value;

/// How much of what a tool said is shown, in characters.
const MAX_SHOWN: usize = 400;

/// Why a tool gave no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// It is not there, or may not be run.
    Missing(String),
    /// It ran, and failed.
    Failed(String),
}

impl NoAnswer {
    pub(crate) fn message(self) -> String {
        match self {
            Self::Missing(message) | Self::Failed(message) => message,
        }
    }
}

/// Runs a tool and reads its standard output as JSON.
///
/// # Errors
/// As for [`output`], and where that is no JSON.
pub(crate) async fn answer(tools: &dyn ToolRunner, command: ToolCommand) -> Result<Value, NoAnswer> {
    let shown = shown(&command);
    let text = output(tools, command).await?;
    serde_json::from_str(&text).map_err(|error| NoAnswer::Failed(format!("{shown} printed no JSON: {error}")))
}

fn shown(command: &ToolCommand) -> String {
    let program = command.program.display().to_string();
    std::iter::once(program.as_str())
        .chain(command.arguments.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(MAX_SHOWN)
        .collect()
}

/// Runs a tool and hands back its standard output, without a byte order mark.
///
/// # Errors
/// [`NoAnswer`]; an exit status other than 0 is one, with the beginning of what the tool wrote to standard error.
pub(crate) async fn output(tools: &dyn ToolRunner, command: ToolCommand) -> Result<String, NoAnswer> {
    let shown = shown(&command);
    let output = match tools.run(command).await {
        Ok(output) => output,
        Err(error @ ToolError::NotStarted { .. }) => return Err(NoAnswer::Missing(error.to_string())),
        Err(error) => return Err(NoAnswer::Failed(error.to_string())),
    };
    let how = match output.end {
        ToolEnd::Exited(0) => {
            let text = output.stdout.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&output.stdout);
            return match std::str::from_utf8(text) {
                Ok(text) => Ok(text.to_owned()),
                Err(error) => {
                    let at = error.valid_up_to();
                    Err(NoAnswer::Failed(format!("{shown} printed what is not UTF-8, from byte {at} on")))
                }
            };
        }
        ToolEnd::Exited(code) => format!("exited with {code}"),
        ToolEnd::Signalled(signal) => format!("was ended by SIG{signal}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let said: String = said.trim().chars().take(MAX_SHOWN).collect();
    Err(NoAnswer::Failed(if said.is_empty() {
        format!("{shown} {how}")
    } else {
        format!("{shown} {how}: {said}")
    }))
}
