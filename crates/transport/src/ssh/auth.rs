//! Logging in: which credentials are offered in which order, and when to stop: [`login`].
//!
//! The order is OpenSSH's: keys of the agent that the configuration names, other keys of the agent, key files,
//! then the password. It stops politely: servers count attempts (`MaxAuthTries`) and since OpenSSH 9.8 punish an
//! address for failures. It never sends a credential before the host key has been checked; the caller sees to
//! that.

use std::path::PathBuf;
use std::sync::Arc;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::secret::Secret;

use super::agent::{Agent, AgentKey};
use super::driver::{Connection, DriveError, Signer, SshError, Step};
use super::settings::Hop;
use crate::keys::{KeyCache, KeyError, LoadedKey};
use crate::known_hosts::fingerprint;
use crate::ssh_config::IdentityAgent;

/// Keys that are offered before giving up. sshd hangs up at the sixth failure by default (`MaxAuthTries`).
const MAX_KEYS: usize = 5;

/// What may be offered to a node.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    files: Vec<KeyFile>,
    agent: Option<PathBuf>,
    identities_only: bool,
    password: Option<Secret>,
}

#[derive(Debug)]
struct KeyFile {
    path: PathBuf,
    public: Option<Vec<u8>>,
    key: Result<Arc<LoadedKey>, KeyError>,
}

/// Why a login failed.
#[derive(Debug)]
pub(crate) enum LoginError {
    /// The credentials did not do; code and reason.
    Refused(ErrorCode, String),
    /// The connection did not last.
    Drive(DriveError),
}

impl From<DriveError> for LoginError {
    fn from(error: DriveError) -> Self {
        Self::Drive(error)
    }
}

impl Credentials {
    /// Reads the key files of a login. Call it where blocking is allowed.
    pub(crate) fn load(hop: &Hop, cache: &KeyCache, passphrase: Option<&Secret>) -> Self {
        let settings = &hop.settings;
        let mut files = Vec::new();
        for path in &settings.identity_files {
            let key = cache.load(path, passphrase);
            if settings.identity_files_are_default && matches!(key, Err(KeyError::Missing { .. })) {
                continue;
            }
            let public = match &key {
                Ok(key) => Some(key.public_blob().to_vec()),
                // The agent may hold the key that this file keeps locked.
                Err(_) => public_half(path),
            };
            files.push(KeyFile { path: path.clone(), public, key });
        }
        let agent = match &settings.identity_agent {
            IdentityAgent::Environment => {
                std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from)
            }
            IdentityAgent::Disabled => None,
            IdentityAgent::Socket(path) => Some(path.clone()),
        };
        Self { files, agent, identities_only: settings.identities_only, password: hop.password.clone() }
    }
}

fn public_half(path: &std::path::Path) -> Option<Vec<u8>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    let text = std::fs::read_to_string(PathBuf::from(name)).ok()?;
    ssh_key::PublicKey::from_openssh(text.trim()).ok()?.to_bytes().ok()
}

/// What has been tried so far, for the error.
#[derive(Debug, Default)]
struct Tried {
    names: Vec<String>,
    keys: usize,
    methods: Option<Vec<String>>,
}

/// What one attempt gave.
enum Attempt {
    In,
    Refused {
        /// The server wanted a signature: it knows the key, and may have taken it for the first of two factors.
        signed: bool,
    },
}

/// Logs in.
///
/// # Errors
/// [`LoginError`]; there is no time limit here.
pub(crate) async fn login(
    connection: &mut Connection,
    user: &str,
    credentials: &Credentials,
) -> Result<(), LoginError> {
    let mut tried = Tried::default();
    let mut agent = match &credentials.agent {
        // An agent that is gone is no reason to fail: there may be key files.
        Some(socket) => Agent::connect(socket).await.ok(),
        None => None,
    };
    let agent_keys = match &mut agent {
        Some(agent) => order_agent_keys(agent.keys().await.unwrap_or_default(), credentials),
        None => Vec::new(),
    };
    let from_agent = |file: &KeyFile| agent_keys.iter().any(|key| Some(&key.blob) == file.public.as_ref());
    let own = credentials.files.iter().filter(|file| file.key.is_ok() && !from_agent(file)).count();
    let choices = agent_keys.len() + own + usize::from(credentials.password.is_some());
    // As the first request this is free: sshd counts it later on (auth2.c, userauth_finish). Where there is nothing to
    // choose from, not even its round trip has to be made.
    if choices > 1 && tried.ask(connection, user).await? {
        return Ok(());
    }
    if let Some(agent) = &mut agent {
        for key in &agent_keys {
            if !tried.may_try_key() {
                break;
            }
            let name = format!("agent key {} {}", key.comment, fingerprint(&key.blob));
            let attempt = try_agent_key(connection, user, agent, key).await?;
            if tried.key(connection, user, name, &attempt).await? {
                return Ok(());
            }
        }
    }
    for file in &credentials.files {
        let Ok(key) = &file.key else { continue };
        if from_agent(file) || !tried.may_try_key() {
            continue;
        }
        let public = format!("{} {}", key.algorithm(), base64_of(key.public_blob()));
        let pem = key.clear_pem().as_bytes();
        let result = connection.step(|session| session.auth_key(user, &public, pem)).await;
        let attempt = attempt(result)?;
        let name = format!("key {}", file.path.display());
        if tried.key(connection, user, name, &attempt).await? {
            return Ok(());
        }
    }
    if tried.methods.is_none() && tried.ask(connection, user).await? {
        return Ok(());
    }
    if let Some(password) = &credentials.password {
        // One attempt only: both methods would get the same wrong password.
        if tried.allows("password") {
            let password = password.expose();
            let result = connection.step(|session| session.auth_password(user, password)).await;
            if matches!(attempt(result)?, Attempt::In) {
                return Ok(());
            }
            tried.names.push("the password".to_owned());
        } else if tried.allows("keyboard-interactive") {
            connection.session().answer_prompts_with(Some(password.clone()));
            let result = connection.step(|session| session.auth_keyboard(user)).await;
            connection.session().answer_prompts_with(None);
            if matches!(attempt(result)?, Attempt::In) {
                return Ok(());
            }
            tried.names.push("the password (keyboard-interactive)".to_owned());
        }
    }
    Err(refusal(user, &tried, credentials))
}

impl Tried {
    fn may_try_key(&self) -> bool {
        self.keys < MAX_KEYS && self.allows("publickey")
    }

    fn allows(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|offered| offered == method))
    }

    /// Notes what became of a key. True when we are in.
    async fn key(
        &mut self,
        connection: &mut Connection,
        user: &str,
        name: String,
        attempt: &Attempt,
    ) -> Result<bool, LoginError> {
        let Attempt::Refused { signed } = attempt else { return Ok(true) };
        self.names.push(name);
        self.keys += 1;
        // A server that wants two factors says after the first which comes next. After a key that it does not know,
        // nothing has changed, and asking would count as one more failure.
        match signed {
            true => self.ask(connection, user).await,
            false => Ok(false),
        }
    }

    /// Asks what the server would take. True when it lets us in without anything.
    async fn ask(&mut self, connection: &mut Connection, user: &str) -> Result<bool, LoginError> {
        match connection.step(|session| session.auth_methods(user)).await {
            Ok(None) => return Ok(true),
            Ok(methods) => self.methods = methods,
            Err(DriveError::Ssh(error)) if is_refusal(&error) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(false)
    }
}

/// Keys that the configuration names come first; with `IdentitiesOnly` there are no others.
fn order_agent_keys(keys: Vec<AgentKey>, credentials: &Credentials) -> Vec<AgentKey> {
    let position = |key: &AgentKey| {
        credentials.files.iter().position(|file| file.public.as_deref() == Some(key.blob.as_slice()))
    };
    let mut keys: Vec<(usize, AgentKey)> = keys
        .into_iter()
        .filter_map(|key| match position(&key) {
            Some(position) => Some((position, key)),
            None => (!credentials.identities_only).then_some((usize::MAX, key)),
        })
        .collect();
    keys.sort_by_key(|(position, _)| *position);
    keys.into_iter().map(|(_, key)| key).collect()
}

async fn try_agent_key(
    connection: &mut Connection,
    user: &str,
    agent: &mut Agent,
    key: &AgentKey,
) -> Result<Attempt, LoginError> {
    let mut signer = Signer::default();
    // Bounded by the caller's deadline: each turn waits for node or agent.
    loop {
        let step = connection.session().auth_signed(user, &key.blob, &mut signer);
        connection.flush().await?;
        match step {
            Ok(Step::Done(())) => return Ok(Attempt::In),
            Ok(Step::Again) => {}
            Err(error) => return attempt(Err(DriveError::Ssh(error))),
        }
        match (&signer.to_sign, &signer.signature) {
            (Some(data), None) if !signer.failed => match agent.sign(&key.blob, data).await {
                Ok(signature) => signer.signature = Some(signature),
                Err(_) => signer.failed = true,
            },
            _ => connection.exchange().await?,
        }
    }
}

fn attempt(result: Result<(), DriveError>) -> Result<Attempt, LoginError> {
    match result {
        Ok(()) => Ok(Attempt::In),
        Err(DriveError::Ssh(error)) if is_refusal(&error) => {
            // libssh2 says by this one that the server did not want the key (userauth.c); all others come later.
            let signed = error.code != libssh2_sys::LIBSSH2_ERROR_AUTHENTICATION_FAILED;
            Ok(Attempt::Refused { signed })
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether an error says that this credential did not do, while the connection stands.
fn is_refusal(error: &SshError) -> bool {
    use libssh2_sys as raw;
    matches!(
        error.code,
        raw::LIBSSH2_ERROR_AUTHENTICATION_FAILED
            | raw::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED
            | raw::LIBSSH2_ERROR_KEYFILE_AUTH_FAILED
            | raw::LIBSSH2_ERROR_METHOD_NONE
            | raw::LIBSSH2_ERROR_METHOD_NOT_SUPPORTED
            | raw::LIBSSH2_ERROR_ALGO_UNSUPPORTED
            | raw::LIBSSH2_ERROR_FILE
            | raw::LIBSSH2_ERROR_PASSWORD_EXPIRED
            // Keyboard-interactive reports a refusal as a plain -1.
            | -1
    )
}

fn refusal(user: &str, tried: &Tried, credentials: &Credentials) -> LoginError {
    let bad: Vec<String> = credentials
        .files
        .iter()
        .filter_map(|file| file.key.as_ref().err().map(ToString::to_string))
        .collect();
    let accepted = tried
        .methods
        .as_ref()
        .map_or_else(String::new, |methods| format!("; the node accepts {}", methods.join(", ")));
    if tried.names.is_empty() {
        return match bad.is_empty() {
            false => LoginError::Refused(
                ErrorCode::BadKey,
                format!("no key could be offered for user {user}: {}{accepted}", bad.join("; ")),
            ),
            true => LoginError::Refused(
                ErrorCode::NoCredentials,
                format!(
                    "there is no credential to offer for user {user}{accepted}; name a key (IdentityFile), start \
                     an agent, or give a password"
                ),
            ),
        };
    }
    let mut message = format!("the node refused user {user} with {}{accepted}", tried.names.join(", "));
    if !bad.is_empty() {
        message.push_str("; not offered: ");
        message.push_str(&bad.join("; "));
    }
    if tried.keys >= MAX_KEYS {
        message
            .push_str("; more keys were not tried, name the right one with IdentityFile and IdentitiesOnly");
    }
    LoginError::Refused(ErrorCode::AuthFailed, message)
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
