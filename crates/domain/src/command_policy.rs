//! Which commands may be run at all: [`CommandPolicy`], Pabawi's whitelist, and what it refuses, [`NotAllowed`].
//!
//! The rules, their order and the texts are those of Pabawi 1.4 (`CommandWhitelistService`), where they guard one route;
//! here they stand before whatever runs a command line, and what could bring one past them is refused with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::action::{Action, ActionKind};
use crate::secret::REDACTED;

/// Which commands may be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandPolicy {
    /// Every command, but for those that begin with `-` or hold a character that means something to a shell.
    #[serde(default)]
    pub allow_all: bool,
    /// The commands that may be run; none when it is empty and not all are allowed.
    #[serde(default)]
    pub whitelist: Vec<String>,
    /// How a command is compared with them.
    #[serde(default)]
    pub match_mode: MatchMode,
    /// Also scripts, copies to nodes and variables of the environment, each of which can make a node run any command.
    #[serde(default)]
    pub allow_scripts: bool,
}

/// How a command is compared with the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MatchMode {
    /// It is one of them.
    #[default]
    Exact,
    /// It is one of them, or begins with one and a space.
    Prefix,
}

/// What the policy refuses. Reads `Command not allowed: <command>` (or another word for what is no command), as Pabawi's
/// `CommandNotAllowedError` does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} not allowed: {command}", .what.as_str())]
pub struct NotAllowed {
    /// What was refused.
    pub what: Refused,
    /// The command, or the name of what is none.
    pub command: String,
    /// Why, in Pabawi's words.
    pub reason: String,
    /// What exactly of it is refused, for the person.
    pub detail: String,
    /// The field of the action that has it, such as `command` or `parameters.cmd`.
    pub field: String,
}

impl NotAllowed {
    /// What is told: what was refused, Pabawi's reason, and what exactly it is.
    pub fn told(&self) -> String {
        format!("{self}: {}; {}", self.reason, self.detail)
    }

    /// The field of it, where the action stands at `at`.
    pub fn path(&self, at: &str) -> String {
        if self.field.is_empty() { at.to_owned() } else { format!("{at}.{}", self.field) }
    }
}

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// A command line.
    Command,
    /// A script.
    Script,
    /// A copy to a node.
    Upload,
    /// Variables of the environment.
    Environment,
}

impl Refused {
    fn as_str(self) -> &'static str {
        match self {
            Self::Command => "Command",
            Self::Script => "Script",
            Self::Upload => "Upload",
            Self::Environment => "Environment",
        }
    }
}

/// Characters that mean something to a shell. Quotes, `#`, `!`, `%` and `=` are not among them.
const METACHARACTERS: &[char] =
    &[';', '|', '&', '`', '$', '(', ')', '{', '}', '\n', '\r', '\t', '>', '<', '\\', '*', '?', '[', ']', '~'];

/// Most entries of the list that a reason names.
const NAMED: usize = 50;

impl CommandPolicy {
    /// Looks at a command line.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn check(&self, command: &str) -> Result<(), NotAllowed> {
        self.check_at(command, "command")
    }

    /// Looks at an action: a command line, parameters of a tool that are some (`commands` are JSON pointers to them), and
    /// what could walk around the list.
    ///
    /// # Errors
    /// [`NotAllowed`] with the first thing that is refused.
    pub fn check_action(&self, action: &Action, commands: &[String]) -> Result<(), NotAllowed> {
        if let Action::Command(command) = action {
            self.check_at(&command.command, "command")?;
        }
        if let Some(tool) = action.tool() {
            self.check_parameters(&tool.parameters, commands, &tool.sensitive)?;
        }
        if self.allow_all || self.allow_scripts {
            return Ok(());
        }
        let what = match action.kind() {
            ActionKind::Script => Refused::Script,
            ActionKind::Upload => Refused::Upload,
            _ => {
                let env = action.process().map(|process| &process.env).filter(|env| !env.is_empty());
                let Some(env) = env else { return Ok(()) };
                let names = env.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(self.past_the_list(Refused::Environment, names, "env"));
            }
        };
        Err(self.past_the_list(what, action.text(), ""))
    }

    /// Looks at those parameters of a tool or a call that are command lines. What is secret of them, by pointers too, is
    /// told to nobody.
    ///
    /// # Errors
    /// [`NotAllowed`] with the first thing that is refused.
    pub fn check_parameters(
        &self,
        parameters: &Map<String, Value>,
        commands: &[String],
        sensitive: &[String],
    ) -> Result<(), NotAllowed> {
        commands.iter().try_for_each(|pointer| self.check_parameter(parameters, pointer, sensitive))
    }

    /// A parameter that is a command line, or a list of the words of one.
    fn check_parameter(
        &self,
        parameters: &Map<String, Value>,
        pointer: &str,
        sensitive: &[String],
    ) -> Result<(), NotAllowed> {
        let Some((first, rest)) =
            pointer.strip_prefix('/').map(|path| path.split_once('/').unwrap_or((path, "")))
        else {
            return Ok(());
        };
        let key = first.replace("~1", "/").replace("~0", "~");
        let value = parameters.get(&key);
        let value = match rest {
            "" => value,
            rest => value.and_then(|value| value.pointer(&format!("/{rest}"))),
        };
        let text = match value {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(words)) => words.iter().map(word).collect::<Vec<_>>().join(" "),
            Some(other) => other.to_string(),
        };
        let field = format!("parameters{}", pointer.replace('/', "."));
        self.check_at(&text, &field).map_err(|mut refused| {
            if sensitive.iter().any(|secret| pointer.starts_with(secret.as_str())) {
                refused.command = REDACTED.to_owned();
            }
            refused
        })
    }

    fn check_at(&self, command: &str, field: &str) -> Result<(), NotAllowed> {
        let refuse = |detail: String| {
            let (what, reason) = (Refused::Command, self.reason());
            Err(NotAllowed { what, command: command.to_owned(), reason, detail, field: field.to_owned() })
        };
        let trimmed = trim(command);
        if trimmed.starts_with('-') {
            return refuse("it begins with -".to_owned());
        }
        if let Some(found) = trimmed.chars().find(|c| METACHARACTERS.contains(c)) {
            return refuse(format!("it holds {found:?}, which means something to a shell"));
        }
        if self.allow_all {
            return Ok(());
        }
        let listed = match self.match_mode {
            MatchMode::Exact => self.whitelist.iter().any(|entry| entry == trimmed),
            MatchMode::Prefix => self.whitelist.iter().any(|entry| {
                trimmed
                    .strip_prefix(entry.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            }),
        };
        if listed { Ok(()) } else { refuse("it is not on the list".to_owned()) }
    }

    /// Pabawi's reason, which tells of the configuration and not of the rule that refused.
    fn reason(&self) -> String {
        if self.allow_all {
            return "Command should be allowed (allowAll is enabled)".to_owned();
        }
        if self.whitelist.is_empty() {
            return "No commands are allowed (whitelist is empty and allowAll is disabled)".to_owned();
        }
        let more = if self.whitelist.len() > NAMED { ", ..." } else { "" };
        let some = &self.whitelist.get(..NAMED).unwrap_or(&self.whitelist);
        let entries = some.join(", ") + more;
        match self.match_mode {
            MatchMode::Exact => {
                format!("Command not found in whitelist (exact match mode). Allowed commands: {entries}")
            }
            MatchMode::Prefix => format!(
                "Command does not match any whitelist prefix (prefix match mode). Allowed prefixes: {entries}"
            ),
        }
    }

    fn past_the_list(&self, what: Refused, command: String, field: &str) -> NotAllowed {
        NotAllowed {
            what,
            command,
            reason: self.reason(),
            detail: "it could make a node run any command; the policy has to allow scripts for it".to_owned(),
            field: field.to_owned(),
        }
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As JavaScript's `trim` does it, which is what Pabawi compares.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}')
}

#[cfg(test)]
#[path = "command_policy_tests.rs"]
mod tests;
