//! [`PuppetDbError`]: why a question to PuppetDB has no answer, and what to do.

use std::time::Duration;

use pabawi_domain::error::ErrorCode;

/// Why a question has no answer. It names PuppetDB's URL; credentials are never in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("PuppetDB {url}: {fault}")]
#[non_exhaustive]
pub struct PuppetDbError {
    /// Where PuppetDB was looked for.
    pub url: String,
    /// What went wrong.
    pub fault: PuppetDbFault,
}

/// What went wrong with a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PuppetDbFault {
    /// The host's name has no address.
    #[error("the host's name cannot be resolved: {0}")]
    Resolve(String),
    /// A name that is asked without TLS leads to another machine.
    #[error("the host's name leads to {0}, which is not this machine; use https://")]
    NotLoopback(std::net::IpAddr),
    /// No TCP connection.
    #[error("cannot connect: {reason}; is PuppetDB running, and is the port right?")]
    Connect {
        /// The operating system's answer.
        reason: String,
        /// Whether the connection was refused, as by a machine on which nothing listens.
        refused: bool,
    },
    /// The TLS handshake failed.
    #[error("TLS failed: {reason}; {advice}")]
    Tls {
        /// OpenSSL's reason, or that of the certificate's check.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
    /// The time for the whole question was over.
    #[error("no answer within {limit:?}: {stage}; raise timeoutMs if it is only slow")]
    TimedOut {
        /// The limit.
        limit: Duration,
        /// What was being done.
        stage: &'static str,
    },
    /// The connection ended before the answer did.
    #[error("the connection was lost {stage}: {reason}")]
    Lost {
        /// What was being done.
        stage: &'static str,
        /// Why.
        reason: String,
    },
    /// What answered does not speak HTTP.
    #[error("what answers does not speak HTTP: {0}; check the URL, https:// or http:// included")]
    NotHttp(String),
    /// Who asks may not.
    #[error("answered {status}, it does not let us ask; {advice}{}", said(text))]
    Denied {
        /// HTTP status.
        status: u16,
        /// What to do.
        advice: &'static str,
        /// What PuppetDB said.
        text: String,
    },
    /// PuppetDB does not understand the query.
    #[error("answered 400, it does not take the query{}", said(text))]
    BadQuery {
        /// What PuppetDB said.
        text: String,
    },
    /// There is no query API at that URL.
    #[error(
        "answered 404, it has no query API there; check the URL's path and that it is PuppetDB 6 or newer{}",
        said(text)
    )]
    NotThere {
        /// What was said.
        text: String,
    },
    /// A redirect; none is followed, since it would carry the credentials to somebody else.
    #[error(
        "answered {status}, a redirect{}, which is not followed; write that address as the URL if it is right",
        to(location)
    )]
    Redirect {
        /// HTTP status.
        status: u16,
        /// Scheme, host and port of the new place.
        location: Option<String>,
    },
    /// PuppetDB cannot answer now.
    #[error("answered {status}, it cannot answer now{}{}", again(retry_after), said(text))]
    Unavailable {
        /// HTTP status.
        status: u16,
        /// After how many seconds it wants to be asked again.
        retry_after: Option<u64>,
        /// What PuppetDB said.
        text: String,
    },
    /// A status that a query does not get.
    #[error("answered {status}, which no query gets; check the URL{}", said(text))]
    Status {
        /// HTTP status.
        status: u16,
        /// What was said.
        text: String,
    },
    /// The answer is longer than is read.
    #[error("the answer is longer than {limit} bytes; raise maxResponseBytes or lower pageSize")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The answer is not what the API says.
    #[error("the answer is not what PuppetDB's query API gives: {0}")]
    Nonsense(String),
    /// More rows than an inventory holds nodes.
    #[error("the query gives {rows} rows, at most {most} are read; narrow it")]
    TooMany {
        /// How many there are.
        rows: u64,
        /// The limit.
        most: u64,
    },
    /// The list of nodes changed each time it was read.
    #[error("the list of nodes changed {0} times while it was read; ask again, or raise pageSize")]
    Unsteady(u32),
}

impl PuppetDbFault {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Resolve(_) => ErrorCode::Dns,
            Self::Connect { refused: true, .. } => ErrorCode::ConnectionRefused,
            Self::Connect { .. } => ErrorCode::NoRoute,
            Self::TimedOut { .. } | Self::Unavailable { .. } | Self::Unsteady(_) => ErrorCode::Unavailable,
            Self::Lost { .. } => ErrorCode::ConnectionReset,
            Self::Denied { .. } => ErrorCode::AuthFailed,
            Self::NotLoopback(_)
            | Self::Tls { .. }
            | Self::BadQuery { .. }
            | Self::NotThere { .. }
            | Self::Redirect { .. }
            | Self::TooMany { .. } => ErrorCode::BadConfig,
            Self::NotHttp(_) | Self::Status { .. } | Self::Nonsense(_) => ErrorCode::ProtocolViolation,
            Self::TooLarge { .. } => ErrorCode::LimitReached,
        }
    }

    /// Whether asking the same again later may help.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::TooLarge { .. }) && self.code().is_retryable()
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; it says: {text}") }
}

fn to(location: &Option<String>) -> String {
    location.as_ref().map(|location| format!(" to {location}")).unwrap_or_default()
}

fn again(retry_after: &Option<u64>) -> String {
    retry_after.map(|seconds| format!(", and wants to be asked again in {seconds} s")).unwrap_or_default()
}
