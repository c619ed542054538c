//! Brings a command to the point where it runs: [`Job::launch`].
//!
//! Channel, terminal and exec first; then, where another user is wanted, the conversation with sudo, su or doas up
//! to the header; then the preamble. Until the last byte of the preamble has left, the command cannot have started:
//! the wrapper runs nothing without its end mark.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::action::{Action, EnvValue, OnLinkLoss, ProcessOptions, RunAs, RunAsMethod, StdinSource};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::TransportError;
use sha2::{Digest as _, Sha256};

use super::feed::{AtEnd, Feed};
use super::gate::Gate;
use crate::shell::{self, Input, Program, StartSpec, WrapSpec};
use crate::ssh::driver::{ChannelEvent, ChannelHandle, ChannelKind, ExitReport, LinkEnd, OpenError};
use crate::ssh::pool::Lease;

/// Longest command line that travels as one argument; the domain's limit and reason.
const ONE_ARGUMENT: usize = 100 * 1024;
/// How long a connection that stood already may take to answer before it counts as dead.
const REUSED_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nothing may follow a prompt of su or doas before it is answered.
const PROMPT_SETTLES: Duration = Duration::from_millis(300);
/// Text of sudo, su or doas that an error shows.
const TALK_SHOWN: usize = 400;

/// A command that is ready to travel.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) nonce: String,
    pub(crate) input: Input,
    pub(crate) run_as: Option<RunAs>,
    exec_line: String,
    preamble: Vec<u8>,
    /// Bytes between preamble and standard input.
    script: Bytes,
    stdin: Option<StdinSource>,
    terminal: bool,
}

/// A command that runs.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) channel: ChannelHandle,
    pub(crate) gate: Gate,
    pub(crate) feed: Feed,
    /// Output that came during the launch.
    pub(crate) early: Vec<(StreamKind, Bytes)>,
    /// The stream that the wrapper's own lines come in.
    pub(crate) control: StreamKind,
}

/// Why a command did not get to run.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// The connection is dead or does not answer; another one may do.
    Dead(TransportError),
    /// The connection takes no further channel; another one may do.
    Full(TransportError),
    /// It is as it is.
    Failed(TransportError),
}

impl LaunchError {
    pub(crate) fn into_inner(self) -> TransportError {
        match self {
            Self::Dead(error) | Self::Full(error) | Self::Failed(error) => error,
        }
    }
}

/// What makes a command a detached one.
#[derive(Debug, Clone)]
pub(crate) struct Detach {
    /// Name of its spool.
    pub(crate) name: String,
    /// Bytes that are kept of each output stream.
    pub(crate) limit: u64,
    /// Days after which a spool for which nobody has come is removed.
    pub(crate) days: u64,
}

/// Makes a process of an action. `None` when the action starts none.
pub(crate) fn prepare(action: &Action, detach: Option<&Detach>) -> Option<Job> {
    match action {
        Action::Command(command) if command.command.len() > ONE_ARGUMENT => {
            let script = Bytes::copy_from_slice(command.command.as_bytes());
            Some(job(Program::LongCommandLine { size: script.len() }, script, &command.process, detach))
        }
        Action::Command(command) => {
            Some(job(Program::CommandLine(&command.command), Bytes::new(), &command.process, detach))
        }
        Action::Script(script) => {
            let content = script.content.0.clone();
            let interpreter = match &script.interpreter {
                Some(program) => vec![program.clone().into_bytes()],
                None => shell::interpreter_of(&content),
            };
            let program = Program::Script {
                size: content.len(),
                interpreter: &interpreter,
                arguments: &script.arguments,
            };
            Some(job(program, content, &script.process, detach))
        }
        _ => None,
    }
}

fn job(program: Program<'_>, script: Bytes, options: &ProcessOptions, detach: Option<&Detach>) -> Job {
    let input = match (options.pty, &options.stdin, options.on_link_loss) {
        _ if detach.is_some() => Input::Nothing,
        (true, _, _) => Input::Terminal,
        (false, Some(_), _) => Input::Stream,
        (false, None, OnLinkLoss::Leave) => Input::Nothing,
        (false, None, OnLinkLoss::Terminate) => Input::Lifeline,
    };
    let nonce = nonce();
    let env: Vec<(&str, &[u8])> = options
        .env
        .iter()
        .map(|(name, value): (&String, &EnvValue)| (name.as_str(), value.expose()))
        .collect();
    let wrapped = match detach {
        None => shell::wrap(&WrapSpec {
            nonce: &nonce,
            program,
            input,
            env: &env,
            cwd: options.cwd.as_deref(),
            umask: options.umask,
        }),
        Some(detach) => shell::start_detached(&StartSpec {
            nonce: &nonce,
            name: &detach.name,
            program,
            size: script.len(),
            env: &env,
            cwd: options.cwd.as_deref(),
            umask: options.umask,
            limit: detach.limit,
            days: detach.days,
        }),
    };
    let run_as = options.run_as.clone();
    let exec_line = shell::command_line(&wrapped, &nonce, run_as.as_ref());
    let terminal = options.pty || run_as.as_ref().is_some_and(shell::needs_terminal);
    Job {
        nonce,
        input,
        run_as,
        exec_line,
        preamble: wrapped.preamble,
        script,
        stdin: options.stdin.clone(),
        terminal,
    }
}

impl std::fmt::Debug for Job {
    /// Says nothing of the preamble, in which the variables stand.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("nonce", &self.nonce).field("input", &self.input).finish_non_exhaustive()
    }
}

impl Job {
    /// A few lines of our own for the node, as the user of another job.
    pub(crate) fn aside(text: &str, run_as: Option<&RunAs>) -> Self {
        let options = ProcessOptions {
            run_as: run_as.cloned(),
            on_link_loss: OnLinkLoss::Leave,
            ..ProcessOptions::default()
        };
        job(Program::Own(text), Bytes::new(), &options, None)
    }

    /// Whether it can be done on a terminal only.
    pub(crate) fn needs_terminal(&self) -> bool {
        self.terminal
    }

    /// Bytes of a script that travels with it.
    pub(super) fn script_bytes(&self) -> u64 {
        self.script.len() as u64
    }

    /// Starts it on a connection.
    ///
    /// # Errors
    /// [`LaunchError`]; the command has not started then.
    pub(crate) async fn launch(
        &self,
        node: &NodeId,
        lease: &Lease,
        timeout: Duration,
    ) -> Result<Launched, LaunchError> {
        let feed = self.feed(node).await.map_err(LaunchError::Failed)?;
        let channel = self.open(node, lease, timeout).await?;
        let control = if self.terminal { StreamKind::Stdout } else { StreamKind::Stderr };
        let gate = Gate::new(shell::mark(&self.nonce), self.run_as.is_some());
        let mut launched = Launched { channel, gate, feed, early: Vec::new(), control };
        if let Some(run_as) = &self.run_as {
            let talk = self.change_user(node, run_as, &mut launched);
            match tokio::time::timeout(timeout, talk).await {
                Ok(result) => result.map_err(LaunchError::Failed)?,
                Err(_) => {
                    return Err(LaunchError::Failed(TransportError::before_start(
                        node,
                        ErrorCode::RunAsDenied,
                        format!(
                            "{} did not let us become {} within {:.0} s; it said {:?}",
                            shell::program(run_as.method),
                            run_as.user,
                            timeout.as_secs_f64(),
                            talk_of(launched.gate.before(), &self.nonce),
                        ),
                    )));
                }
            }
        }
        launched.feed.prime(&launched.channel);
        Ok(launched)
    }

    async fn open(
        &self,
        node: &NodeId,
        lease: &Lease,
        timeout: Duration,
    ) -> Result<ChannelHandle, LaunchError> {
        let kind = ChannelKind::Exec {
            command: self.exec_line.clone(),
            pty: self.terminal.then(|| RAW_TERMINAL.to_vec()),
        };
        let limit = if lease.reused { timeout.min(REUSED_TIMEOUT) } else { timeout };
        let others = lease.remote().channels() > 0;
        let fail = |code, message: String| TransportError::before_start(node, code, message);
        match tokio::time::timeout(limit, lease.remote().open(kind)).await {
            Ok(Ok(channel)) => Ok(channel),
            Err(_) => {
                lease.retire();
                Err(LaunchError::Dead(fail(
                    ErrorCode::ProtocolViolation,
                    format!(
                        "the node did not answer the request to run a command within {:.0} s",
                        limit.as_secs_f64()
                    ),
                )))
            }
            Ok(Err(OpenError::Lost { end, .. })) => {
                lease.retire();
                Err(LaunchError::Dead(link_lost(node, &end, false)))
            }
            Ok(Err(error @ OpenError::Busy)) => {
                Err(LaunchError::Full(fail(ErrorCode::ChannelRefused, error.to_string())))
            }
            Ok(Err(OpenError::Refused(reason))) => {
                let error = fail(
                    ErrorCode::ChannelRefused,
                    format!("the node refused a session: {reason}; check MaxSessions of its sshd"),
                );
                // Only a connection that has never carried anything else tells that the node takes no command at all.
                if others || lease.reused {
                    lease.refused();
                    Err(LaunchError::Full(error))
                } else {
                    Err(LaunchError::Failed(error))
                }
            }
            Ok(Err(error @ (OpenError::RequestRefused(_) | OpenError::NoTerminal))) => {
                Err(LaunchError::Failed(fail(
                    ErrorCode::ChannelRefused,
                    format!(
                        "the node refused to start the command: {error}; the account may be limited to other uses"
                    ),
                )))
            }
        }
    }

    async fn feed(&self, node: &NodeId) -> Result<Feed, TransportError> {
        let mut feed = Feed::new(match self.input {
            Input::Lifeline => AtEnd::Hold,
            Input::Nothing | Input::Stream => AtEnd::Eof,
            Input::Terminal => AtEnd::ControlD,
        });
        feed.bytes(self.preamble.clone());
        feed.bytes(self.script.clone());
        if self.input == Input::Terminal {
            feed.barrier();
        }
        match &self.stdin {
            None => {}
            Some(StdinSource::Bytes(bytes)) => feed.bytes(bytes.0.clone()),
            Some(StdinSource::Secret(secret)) => feed.bytes(Bytes::copy_from_slice(secret.expose())),
            Some(StdinSource::File(path)) => feed.file(path).await.map_err(|error| {
                TransportError::before_start(
                    node,
                    ErrorCode::LocalFile,
                    format!("standard input {} cannot be opened: {error}", path.display()),
                )
                .caused_by(&error)
            })?,
        }
        Ok(feed)
    }

    /// Talks to sudo, su or doas until the wrapper's header comes.
    async fn change_user(
        &self,
        node: &NodeId,
        run_as: &RunAs,
        launched: &mut Launched,
    ) -> Result<(), TransportError> {
        let mut answered: Option<usize> = None;
        let mut exit: Option<ExitReport> = None;
        let mut asked = false;
        // Bounded by the caller's time limit.
        loop {
            // The prompt of su and doas is known by its look only: what ends like one may be half a message, so it
            // counts when nothing follows.
            let settled = asked && run_as.method != RunAsMethod::Sudo;
            let event = match settled {
                true => tokio::time::timeout(PROMPT_SETTLES, launched.channel.next()).await.ok(),
                false if asked => None,
                false => Some(launched.channel.next().await),
            };
            let Some(event) = event else {
                match (&run_as.password, answered) {
                    (Some(password), None) => {
                        answered = Some(launched.gate.before().len());
                        let mut line = password.expose().to_vec();
                        line.push(b'\n');
                        // Refused input shows as the channel's end in the next turn.
                        launched.channel.write_now(Bytes::from(line));
                    }
                    (Some(_), Some(_)) => return Err(wrong_password(node, run_as)),
                    (None, _) => return Err(password_needed(node, run_as)),
                }
                asked = false;
                continue;
            };
            match event {
                ChannelEvent::Data(stream, data) if stream == launched.control => {
                    let output = launched.gate.pass(data);
                    if launched.gate.pid.is_some() {
                        if !output.is_empty() {
                            launched.early.push((stream, output));
                        }
                        return Ok(());
                    }
                    let text = launched.gate.before();
                    asked = shell::prompts(text, answered.unwrap_or(0), &self.nonce, run_as.method);
                }
                ChannelEvent::Data(stream, data) => launched.early.push((stream, data)),
                ChannelEvent::Exit(report) => exit = Some(report),
                ChannelEvent::Eof => {}
                ChannelEvent::Closed => {
                    let text = talk_of(launched.gate.before(), &self.nonce);
                    return Err(denied(node, run_as, &text, exit.as_ref(), answered.is_some()));
                }
                ChannelEvent::Lost(end) => return Err(link_lost(node, &end, false)),
            }
        }
    }
}

/// Terminal modes (RFC 4254 section 8) under which bytes pass unchanged and are not echoed: ICRNL, IXON, ISIG,
/// ICANON, ECHO, IEXTEN and OPOST off.
const RAW_TERMINAL: [u8; 36] = [
    36, 0, 0, 0, 0, 38, 0, 0, 0, 0, 50, 0, 0, 0, 0, 51, 0, 0, 0, 0, 53, 0, 0, 0, 0, 59, 0, 0, 0, 0, 70, 0, 0,
    0, 0, 0,
];

pub(super) fn link_lost(node: &NodeId, end: &LinkEnd, started: bool) -> TransportError {
    let message = format!("the connection was lost: {end}");
    match started {
        true => TransportError::after_start(node, ErrorCode::LinkLost, message),
        false => TransportError::before_start(node, ErrorCode::LinkLost, message),
    }
    .caused_by(end)
}

fn wrong_password(node: &NodeId, run_as: &RunAs) -> TransportError {
    TransportError::before_start(
        node,
        ErrorCode::RunAsDenied,
        format!("{} refused the password for becoming {}", shell::program(run_as.method), run_as.user),
    )
}

fn password_needed(node: &NodeId, run_as: &RunAs) -> TransportError {
    TransportError::before_start(
        node,
        ErrorCode::RunAsPasswordNeeded,
        format!(
            "{} asks for a password to become {}; give one, or allow it without (NOPASSWD, nopass)",
            shell::program(run_as.method),
            run_as.user
        ),
    )
}

fn denied(
    node: &NodeId,
    run_as: &RunAs,
    text: &str,
    exit: Option<&ExitReport>,
    answered: bool,
) -> TransportError {
    let lower = text.to_lowercase();
    let said = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if !answered
        && said(&[
            "password is required",
            "no password was provided",
            "authentication required",
            "authorization required",
        ])
    {
        return password_needed(node, run_as);
    }
    if answered
        && said(&["incorrect password", "try again", "authentication failure", "authorization failed"])
    {
        return wrong_password(node, run_as);
    }
    let program = shell::program(run_as.method);
    if exit == Some(&ExitReport::Status(127)) {
        return TransportError::before_start(
            node,
            ErrorCode::RunAsDenied,
            format!("{program} cannot be run on the node: {text}"),
        );
    }
    let text = if text.is_empty() { "nothing".to_owned() } else { format!("{text:?}") };
    TransportError::before_start(
        node,
        ErrorCode::RunAsDenied,
        format!("{program} did not let us become {}; it said {text}", run_as.user),
    )
}

/// What sudo, su or doas said, on one line and without our prompt.
fn talk_of(text: &[u8], nonce: &str) -> String {
    let text = String::from_utf8_lossy(text).replace(&format!("PABAWI-PASSWORD-{nonce}:"), "");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(TALK_SHOWN).collect()
}

/// A word that is used once and cannot be guessed: output must not be able to pass for a line of the wrapper.
pub(super) fn nonce() -> String {
    static SEED: std::sync::OnceLock<Arc<[u8; 32]>> = std::sync::OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = SEED.get_or_init(|| {
        use std::io::Read as _;
        let mut seed = [0; 32];
        let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut seed));
        if read.is_err() {
            // Not secret, but still different in each process: a system without /dev/urandom.
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            seed = Sha256::digest(format!("{:?} {}", now, std::process::id()).as_bytes()).into();
        }
        Arc::new(seed)
    });
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let hash = Sha256::new().chain_update(seed.as_slice()).chain_update(count.to_be_bytes()).finalize();
    hash.iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_differ_and_are_plain_words() {
        let (one, two) = (nonce(), nonce());
        assert_ne!(one, two);
        assert!(one.len() == 20 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn refusals_are_told_apart() {
        let node = NodeId::new("web1").unwrap();
        let run_as = RunAs { user: "root".into(), method: Default::default(), password: None };
        let code = |text: &str, exit, answered| denied(&node, &run_as, text, exit, answered).error.code;
        assert_eq!(code("sudo: a password is required", None, false), ErrorCode::RunAsPasswordNeeded);
        assert_eq!(
            code("Sorry, try again. sudo: 1 incorrect password attempt", None, true),
            ErrorCode::RunAsDenied
        );
        assert_eq!(code("x is not in the sudoers file.", None, true), ErrorCode::RunAsDenied);
        let missing = ExitReport::Status(127);
        assert_eq!(code("sudo: not found", Some(&missing), false), ErrorCode::RunAsDenied);
    }
}
