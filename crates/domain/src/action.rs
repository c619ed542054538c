//! What is to be done on each target: [`Action`] and the options around it.
//!
//! The types say what was asked for; how a tool or a transport does it is not known here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::PluginName;
use crate::output::OutputData;
use crate::secret::{REDACTED, Secret};
use crate::validation as check;

/// What is to be done on each target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Action {
    /// A shell command line.
    Command(#[garde(dive)] CommandAction),
    /// A script file that is brought to the node, run there and removed.
    Script(#[garde(dive)] ScriptAction),
    /// A file or directory of this machine is copied to the node.
    Upload(#[garde(dive)] UploadAction),
    /// A file or directory of the node is copied to this machine.
    Download(#[garde(dive)] DownloadAction),
    /// A task or module of a tool (Bolt task, Ansible module).
    Task(#[garde(dive)] ToolAction),
    /// An Ansible playbook.
    Playbook(#[garde(dive)] ToolAction),
    /// A Bolt plan.
    Plan(#[garde(dive)] ToolAction),
    /// Facts are gathered.
    Facts(#[garde(dive)] ToolAction),
    /// A software package is installed, removed or brought up to date.
    Package(#[garde(dive)] ToolAction),
}

impl Action {
    /// The kind of action, as stored and shown.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Command(_) => ActionKind::Command,
            Self::Script(_) => ActionKind::Script,
            Self::Upload(_) => ActionKind::Upload,
            Self::Download(_) => ActionKind::Download,
            Self::Task(_) => ActionKind::Task,
            Self::Playbook(_) => ActionKind::Playbook,
            Self::Plan(_) => ActionKind::Plan,
            Self::Facts(_) => ActionKind::Facts,
            Self::Package(_) => ActionKind::Package,
        }
    }

    /// One line that tells a person what is done, and that history can be searched by. Holds no secret and
    /// no value of a variable.
    pub fn text(&self) -> String {
        match self {
            Self::Command(command) => command.command.clone(),
            Self::Script(script) => {
                let mut text = script.name.clone();
                for argument in &script.arguments {
                    text.push(' ');
                    text.push_str(argument);
                }
                text
            }
            Self::Upload(copy) => format!("{} -> {}", copy.source.display(), copy.destination),
            Self::Download(copy) => format!("{} -> {}", copy.source, copy.destination.display()),
            Self::Task(tool)
            | Self::Playbook(tool)
            | Self::Plan(tool)
            | Self::Facts(tool)
            | Self::Package(tool) => tool.name.clone(),
        }
    }

    /// Bytes that the program on each node is given: the script, and standard input that is no file.
    pub fn given_bytes(&self) -> u64 {
        let script = match self {
            Self::Script(script) => script.content.0.len(),
            _ => 0,
        };
        let input = match self.process().and_then(|process| process.stdin.as_ref()) {
            Some(StdinSource::Bytes(bytes)) => bytes.0.len(),
            Some(StdinSource::Secret(secret)) => secret.expose().len(),
            Some(StdinSource::File(_)) | None => 0,
        };
        script as u64 + input as u64
    }

    /// The options of a process, where the action starts one.
    pub fn process(&self) -> Option<&ProcessOptions> {
        match self {
            Self::Command(command) => Some(&command.process),
            Self::Script(script) => Some(&script.process),
            _ => None,
        }
    }

    /// What a tool is to do, where the action is one of a tool.
    pub fn tool(&self) -> Option<&ToolAction> {
        match self {
            Self::Task(tool)
            | Self::Playbook(tool)
            | Self::Plan(tool)
            | Self::Facts(tool)
            | Self::Package(tool) => Some(tool),
            _ => None,
        }
    }

    /// What a tool is to do, where the action is one of a tool.
    pub fn tool_mut(&mut self) -> Option<&mut ToolAction> {
        match self {
            Self::Task(tool)
            | Self::Playbook(tool)
            | Self::Plan(tool)
            | Self::Facts(tool)
            | Self::Package(tool) => Some(tool),
            _ => None,
        }
    }

    /// The options of a process, where the action starts one.
    pub fn process_mut(&mut self) -> Option<&mut ProcessOptions> {
        match self {
            Self::Command(command) => Some(&mut command.process),
            Self::Script(script) => Some(&mut script.process),
            _ => None,
        }
    }
}

/// The kind of an [`Action`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ActionKind {
    /// See [`Action::Command`].
    Command,
    /// See [`Action::Script`].
    Script,
    /// See [`Action::Upload`].
    Upload,
    /// See [`Action::Download`].
    Download,
    /// See [`Action::Task`].
    Task,
    /// See [`Action::Playbook`].
    Playbook,
    /// See [`Action::Plan`].
    Plan,
    /// See [`Action::Facts`].
    Facts,
    /// See [`Action::Package`].
    Package,
}

impl ActionKind {
    /// All kinds, in the order of [`Action`].
    pub const ALL: [Self; 9] = [
        Self::Command,
        Self::Script,
        Self::Upload,
        Self::Download,
        Self::Task,
        Self::Playbook,
        Self::Plan,
        Self::Facts,
        Self::Package,
    ];

    /// The word that is stored and shown, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Script => "script",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Task => "task",
            Self::Playbook => "playbook",
            Self::Plan => "plan",
            Self::Facts => "facts",
            Self::Package => "package",
        }
    }

    /// The capability that whoever does such an action has to have, as `category.verb`.
    pub fn capability(self) -> &'static str {
        match self {
            Self::Command => "command.execute",
            Self::Script => "script.execute",
            Self::Upload => "file.upload",
            Self::Download => "file.download",
            Self::Task => "task.execute",
            Self::Playbook => "playbook.execute",
            Self::Plan => "plan.execute",
            Self::Facts => "facts.collect",
            Self::Package => "package.install",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl std::fmt::Display for ActionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A command line for the login user's shell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandAction {
    /// The command line, given to `$SHELL -c` (or `/bin/sh -c` where no shell is set) as it is. At most
    /// 1 MiB, not blank, without NUL. Up to 100 KiB it is one argument of that shell; a longer one is run as
    /// a script, since Linux caps one argument at 128 KiB (execve(2), `MAX_ARG_STRLEN`).
    #[garde(custom(check::command_text))]
    pub command: String,
    /// How the process is started.
    #[serde(flatten)]
    #[garde(dive)]
    pub process: ProcessOptions,
}

impl CommandAction {
    /// A command with default options.
    pub fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), process: ProcessOptions::default() }
    }
}

/// A script that is brought to the node, run and removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScriptAction {
    /// The file name shown to people and used, reduced to safe characters, on the node.
    #[garde(custom(check::file_label))]
    pub name: String,
    /// The script itself, at most 16 MiB.
    #[garde(custom(check::script_content))]
    pub content: OutputData,
    /// The program that runs it, for example `/usr/bin/python3`. Without one, the script's own `#!` line
    /// decides, and `/bin/sh` where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_program))]
    pub interpreter: Option<String>,
    /// Arguments, each passed as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(custom(check::arguments))]
    pub arguments: Vec<String>,
    /// How the process is started.
    #[serde(flatten)]
    #[garde(dive)]
    pub process: ProcessOptions,
}

/// How a process is started on the node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessOptions {
    /// Environment variables, set before the command starts. They do not depend on the server's
    /// `AcceptEnv` (sshd_config(5)). Names are `[A-Za-z_][A-Za-z0-9_]*`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[garde(custom(check::environment))]
    pub env: BTreeMap<String, EnvValue>,
    /// Working directory on the node. A directory that cannot be entered fails the node, the command is not
    /// started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_path))]
    pub cwd: Option<String>,
    /// File mode creation mask, `0` to `0o777` (umask(2)).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_umask))]
    pub umask: Option<u32>,
    /// Another user on the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub run_as: Option<RunAs>,
    /// What the process reads from its standard input. Without it, `/dev/null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_stdin))]
    pub stdin: Option<StdinSource>,
    /// Asks for a terminal (RFC 4254 section 6.2). stdout and stderr are then one stream, stdout.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[garde(skip)]
    pub pty: bool,
    /// What becomes of the process when the link to the node is lost.
    #[serde(skip_serializing_if = "OnLinkLoss::is_default")]
    #[garde(skip)]
    pub on_link_loss: OnLinkLoss,
    /// The process runs in a session of its own on the node and writes its output and its end into a spool there, so
    /// that it survives the loss of the link and of this side. Such a process reads nothing and has no terminal.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[garde(skip)]
    pub detach: bool,
}

impl ProcessOptions {
    /// What of it cannot be had together with being detached, by the name of its field.
    pub(crate) fn detach_conflicts(&self) -> impl Iterator<Item = &'static str> {
        let stdin = (self.detach && self.stdin.is_some()).then_some("stdin");
        let pty = (self.detach && self.pty).then_some("pty");
        stdin.into_iter().chain(pty)
    }
}

/// The value of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EnvValue {
    /// Shown and stored as it is.
    Plain(String),
    /// Used, never shown, never stored.
    Secret {
        /// The value.
        secret: Secret,
    },
}

impl EnvValue {
    /// The bytes for the node.
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Plain(text) => text.as_bytes(),
            Self::Secret { secret } => secret.expose(),
        }
    }
}

impl From<&str> for EnvValue {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

/// Where standard input comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StdinSource {
    /// The same bytes for every node.
    Bytes(OutputData),
    /// A file of this machine, read anew for every node as the node takes it.
    File(PathBuf),
    /// The same bytes for every node; used, never shown, never stored. At most 64 KiB.
    Secret(Secret),
}

/// What becomes of a running process when the link to its node is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnLinkLoss {
    /// The node ends it (the lifeline), where the command does not read standard input.
    #[default]
    Terminate,
    /// It runs on.
    Leave,
}

impl OnLinkLoss {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Another user on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunAs {
    /// The user's name on the node.
    #[garde(custom(check::unix_user))]
    pub user: String,
    /// By which program.
    #[serde(default)]
    #[garde(skip)]
    pub method: RunAsMethod,
    /// The password that program asks for. It is sent over standard input after the prompt has appeared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_secret("runAs.password")))]
    pub password: Option<Secret>,
}

/// The program that changes the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RunAsMethod {
    /// sudo(8).
    #[default]
    Sudo,
    /// su(1).
    Su,
    /// doas(1).
    Doas,
}

/// Copies a file or directory of this machine to the node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadAction {
    /// File or directory on this machine.
    #[garde(custom(check::local_path))]
    pub source: PathBuf,
    /// Path on the node. The file appears under it whole or not at all (a temporary name, then a rename).
    #[garde(custom(check::remote_path))]
    pub destination: String,
    /// Permission bits of the file on the node; without it, those of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_mode))]
    pub mode: Option<u32>,
}

/// Copies a file or directory of the node to this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DownloadAction {
    /// File or directory on the node.
    #[garde(custom(check::remote_path))]
    pub source: String,
    /// Directory on this machine. What comes from a node stands in a directory of the node's name below it,
    /// so that nodes do not overwrite each other.
    #[garde(custom(check::local_path))]
    pub destination: PathBuf,
}

/// Something that a tool does: a task, module, playbook, plan, package or fact gathering.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolAction {
    /// The plugin that is to do it; without one, the plugin of the highest priority that can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub plugin: Option<PluginName>,
    /// The tool's name of it: a task name, a module, a playbook path, a package.
    #[garde(custom(check::tool_name))]
    pub name: String,
    /// Parameters, checked against the capability's schema.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[garde(skip)]
    pub parameters: Map<String, Value>,
    /// JSON pointers (RFC 6901) to parameters that are secrets: used, never shown, never stored. The engine adds those that
    /// the capability names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(skip)]
    pub sensitive: Vec<String>,
}

impl ToolAction {
    /// The parameters that are secrets, each with its pointer.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.sensitive.iter().filter_map(|pointer| Some((pointer.as_str(), self.parameter(pointer)?)))
    }

    fn parameter(&self, pointer: &str) -> Option<&Value> {
        let (first, rest) = split(pointer)?;
        let value = self.parameters.get(&first)?;
        value.pointer(rest)
    }

    /// Puts `***` in place of every secret parameter, whatever it holds.
    pub fn redact(&mut self) {
        self.replace_secrets(|_| Some(Value::from(REDACTED)));
    }

    /// Puts another value in place of every secret parameter that `value` has one for, by the parameter's pointer.
    pub fn replace_secrets(&mut self, value: impl Fn(&str) -> Option<Value>) {
        for pointer in &self.sensitive {
            let Some((first, rest)) = split(pointer) else { continue };
            let found = self.parameters.get_mut(&first).and_then(|value| value.pointer_mut(rest));
            if let Some(found) = found.filter(|found| !found.is_null())
                && let Some(value) = value(pointer)
            {
                *found = value;
            }
        }
    }
}

/// The first name of a pointer, and the pointer from there on.
fn split(pointer: &str) -> Option<(String, &str)> {
    let names = pointer.strip_prefix('/')?;
    let end = names.find('/').unwrap_or(names.len());
    let (first, rest) = names.split_at(end);
    Some((first.replace("~1", "/").replace("~0", "~"), rest))
}

impl From<Bytes> for StdinSource {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(OutputData(bytes))
    }
}
