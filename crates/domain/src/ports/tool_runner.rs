//! Port [`ToolRunner`]: runs a tool of this machine, for sources and plugins that ask one: an inventory script,
//! `ansible-inventory`, `bolt`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::outcome::Termination;
use crate::output::StreamKind;
use crate::ports::RunningTool;
use crate::secret::Secret;

/// Runs tools of this machine, each in a process group of its own.
#[async_trait]
pub trait ToolRunner: Send + Sync + 'static {
    /// Runs a tool to its end and hands back what it wrote. When the future is dropped, the tool's process group is
    /// killed.
    ///
    /// # Errors
    /// [`ToolError`]. An exit status other than 0 is not one of them.
    async fn run(&self, tool: ToolCommand) -> Result<ToolOutput, ToolError>;

    /// Starts a tool whose output is read while it works. What it writes has no limit: whoever reads bounds what is kept.
    /// [`ToolCommand::timeout`] is looked at whenever somebody reads.
    ///
    /// # Errors
    /// [`ToolError::NotStarted`].
    async fn start(&self, tool: ToolCommand) -> Result<Box<dyn RunningTool>, ToolError>;
}

/// What is run, and within which limits.
#[derive(Debug, Clone)]
pub struct ToolCommand {
    /// A path, or a name that is looked for in `PATH`.
    pub program: PathBuf,
    /// Its arguments, handed over as they are; no shell reads them.
    pub arguments: Vec<String>,
    /// Variables set beside those of this process. Their values are secrets: they are in no log and no error.
    pub environment: BTreeMap<String, Secret>,
    /// Where it runs; the directory of this process when absent.
    pub directory: Option<PathBuf>,
    /// Its standard input; empty when absent.
    pub stdin: Option<Bytes>,
    /// After this time its process group is ended.
    pub timeout: Duration,
    /// The most bytes of each stream that [`ToolRunner::run`] hands back; past it the tool is ended.
    pub max_output_bytes: usize,
}

impl ToolCommand {
    /// A program with its arguments: one minute, 64 MiB of each stream.
    pub fn new(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: BTreeMap::new(),
            directory: None,
            stdin: None,
            timeout: Duration::from_secs(60),
            max_output_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What a tool wrote and how it ended.
#[derive(Debug, Clone)]
pub struct ToolOutput {
    /// How it ended.
    pub end: ToolEnd,
    /// Its standard output.
    pub stdout: Bytes,
    /// Its standard error.
    pub stderr: Bytes,
}

/// How a tool ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolEnd {
    /// With an exit status.
    Exited(i32),
    /// By a signal, its name without `SIG`.
    Signalled(String),
}

/// Why there is no output of a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// There is no such program, or it may not be run.
    #[error("failed to start {program}: {reason}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
    /// It did not end in time.
    #[error("{program} did not end within {timeout:?} and was ended ({termination:?})")]
    TimedOut {
        /// The program.
        program: String,
        /// The limit.
        timeout: Duration,
        /// Whether its processes are gone.
        termination: Termination,
    },
    /// It wrote more than is taken.
    #[error("{program} wrote more than {limit} bytes to its {stream:?} and was ended ({termination:?})")]
    TooMuchOutput {
        /// The program.
        program: String,
        /// Which stream.
        stream: StreamKind,
        /// The limit in bytes.
        limit: usize,
        /// Whether its processes are gone.
        termination: Termination,
    },
    /// Its end is not known.
    #[error("lost sight of {program}: {reason}")]
    Lost {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
}
