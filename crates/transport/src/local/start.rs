//! From an action to something that runs: [`start`].

use std::sync::Arc;

use bytes::Bytes;
use pabawi_domain::action::{Action, CommandAction, OnLinkLoss, ProcessOptions, ScriptAction, StdinSource};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{RunningAction, TransportError};
use tokio::io::AsyncWriteExt as _;

use super::input::{OwnInput, StdinHolder};
use super::launch::{launch, nonce};
use super::running::{Begin, LocalProcess};
use super::transport::{Lease, LocalOptions};
use crate::copy::{self, LocalEnd};
use crate::shell::{self, Input, Program, WrapSpec};

/// A command line up to this is one argument of the shell (Linux caps one at 128 KiB).
const MAX_ARGUMENT: usize = 100 * 1024;

/// Starts `action` on this machine.
///
/// # Errors
/// The action is not one for a transport, an option cannot be met, or it cannot be started.
pub(super) async fn start(
    node: NodeId,
    options: &Arc<LocalOptions>,
    lease: Lease,
    action: &Action,
) -> Result<Box<dyn RunningAction>, TransportError> {
    match action {
        Action::Command(command) => {
            let process =
                Plan::for_command(&node, command)?.run(node, options, lease, &command.process).await?;
            Ok(Box::new(process))
        }
        Action::Script(script) => {
            let process = Plan::for_script(&node, script)?.run(node, options, lease, &script.process).await?;
            Ok(Box::new(process))
        }
        Action::Upload(upload) => {
            let upload = upload.clone();
            Ok(Box::new(copy::start(node, lease, move |job| {
                copy::upload(&LocalEnd::here(), &LocalEnd::node(), &upload, job)
            })))
        }
        Action::Download(download) => {
            let (download, name) = (download.clone(), node.clone());
            Ok(Box::new(copy::start(node, lease, move |job| {
                copy::download(&LocalEnd::node(), &LocalEnd::here(), &download, &name, job)
            })))
        }
        other => {
            let message = format!("the local transport cannot do the action {}", other.kind());
            Err(TransportError::before_start(&node, ErrorCode::Unsupported, message))
        }
    }
}

/// A command as it is to be launched.
struct Plan<'a> {
    nonce: String,
    wrapped: shell::Wrapped,
    /// What follows the preamble before the command's own input.
    body: &'a [u8],
    /// Whether the wrapper's watcher holds on to standard input.
    lifeline: bool,
}

impl<'a> Plan<'a> {
    fn for_command(node: &NodeId, command: &'a CommandAction) -> Result<Self, TransportError> {
        let text = command.command.as_str();
        if text.len() <= MAX_ARGUMENT {
            Self::new(node, Program::CommandLine(text), &command.process, b"")
        } else {
            let program = Program::LongCommandLine { size: text.len() };
            Self::new(node, program, &command.process, text.as_bytes())
        }
    }

    fn for_script(node: &NodeId, script: &'a ScriptAction) -> Result<Self, TransportError> {
        let content = script.content.as_ref();
        let interpreter = match &script.interpreter {
            Some(program) => vec![program.as_bytes().to_vec()],
            None => shell::interpreter_of(content),
        };
        let program =
            Program::Script { size: content.len(), interpreter: &interpreter, arguments: &script.arguments };
        Self::new(node, program, &script.process, content)
    }

    fn new(
        node: &NodeId,
        program: Program<'_>,
        process: &ProcessOptions,
        body: &'a [u8],
    ) -> Result<Self, TransportError> {
        let unsupported = |message: &str| {
            Err(TransportError::before_start(node, ErrorCode::Unsupported, message.to_owned()))
        };
        if process.pty {
            return unsupported("the local transport gives no terminal; run it without pty, or over ssh");
        }
        if process.run_as.as_ref().is_some_and(shell::needs_terminal) {
            return unsupported(
                "doas asks for its password on a terminal, which the local transport does not give",
            );
        }
        let nonce = nonce().map_err(|error| {
            TransportError::before_start(node, ErrorCode::Internal, "no random numbers").caused_by(&error)
        })?;
        let input = match (&process.stdin, process.on_link_loss) {
            (Some(_), _) => Input::Stream,
            (None, OnLinkLoss::Terminate) => Input::Lifeline,
            (None, OnLinkLoss::Leave) => Input::Nothing,
        };
        let env: Vec<(&str, &[u8])> =
            process.env.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let wrapped = shell::wrap(&WrapSpec {
            nonce: &nonce,
            program,
            input,
            env: &env,
            cwd: process.cwd.as_deref(),
            umask: process.umask,
        });
        Ok(Self { nonce, wrapped, body, lifeline: input == Input::Lifeline })
    }

    async fn run(
        self,
        node: NodeId,
        options: &Arc<LocalOptions>,
        lease: Lease,
        process: &ProcessOptions,
    ) -> Result<LocalProcess, TransportError> {
        let input = open_input(&node, process.stdin.as_ref()).await?;
        let limit = options.start_timeout;
        let mut launched = launch(&node, &self.wrapped, &self.nonce, process.run_as.as_ref(), limit).await?;
        let sent = tokio::time::timeout(limit, async {
            launched.stdin.write_all(&self.wrapped.preamble).await?;
            launched.stdin.write_all(self.body).await?;
            launched.stdin.flush().await
        })
        .await;
        match sent {
            // A closed pipe means that the wrapper has given up; its own words come with its end.
            Ok(_) => {}
            Err(_) => {
                let message = format!("the command was not taken within {} s", limit.as_secs());
                return Err(TransportError::after_start(&node, ErrorCode::ProtocolViolation, message));
            }
        }
        let begin = Begin {
            node,
            nonce: self.nonce,
            run_as: process.run_as.clone(),
            options: Arc::clone(options),
            _lease: lease,
        };
        Ok(LocalProcess::new(begin, launched, |stdin| StdinHolder::feed(stdin, input, self.lifeline)))
    }
}

/// Opened before anything is started, so that a missing file starts nothing.
async fn open_input(node: &NodeId, source: Option<&StdinSource>) -> Result<OwnInput, TransportError> {
    match source {
        None => Ok(OwnInput::Nothing),
        Some(StdinSource::Bytes(data)) => Ok(OwnInput::Bytes(data.0.clone())),
        Some(StdinSource::Secret(secret)) => Ok(OwnInput::Bytes(Bytes::copy_from_slice(secret.expose()))),
        Some(StdinSource::File(path)) => {
            tokio::fs::File::open(path).await.map(OwnInput::File).map_err(|error| {
                let message = format!("the file for standard input, {}, cannot be read", path.display());
                TransportError::before_start(node, ErrorCode::LocalFile, message).caused_by(&error)
            })
        }
    }
}
