//! [`PuppetDbClient`]: asks one question over one connection.
//!
//! Each question has a connection of its own: nothing can be asked on one that the other side has given up meanwhile,
//! and a future that is dropped leaves nothing behind. Redirects are not followed and no proxy is used.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use openssl::ssl::SslConnector;
use pabawi_domain::secret::Secret;
use pabawi_domain::validation::ValidationError;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use super::address::Address;
use super::error::{PuppetDbError, PuppetDbFault};
use super::reply::{self, Answer};
use super::settings::PuppetDbSettings;
use super::tls;

/// Asks PuppetDB. Cloning shares everything.
#[derive(Clone)]
pub struct PuppetDbClient(Arc<Shared>);

struct Shared {
    settings: PuppetDbSettings,
    address: Address,
    connector: Option<SslConnector>,
    token: Option<(Secret, HeaderValue)>,
}

impl std::fmt::Debug for PuppetDbClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PuppetDbClient").field("url", &self.0.address.show()).finish_non_exhaustive()
    }
}

/// What is asked, as paths of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Takes PQL about anything.
    Root,
    /// Facts by node.
    Inventory,
    /// Reports of runs.
    Reports,
    /// What happened to resources in them.
    Events,
    /// Catalogs by node.
    Catalogs,
}

impl Endpoint {
    fn path(self) -> &'static str {
        match self {
            Self::Root => "/pdb/query/v4",
            Self::Inventory => "/pdb/query/v4/inventory",
            Self::Reports => "/pdb/query/v4/reports",
            Self::Events => "/pdb/query/v4/events",
            Self::Catalogs => "/pdb/query/v4/catalogs",
        }
    }
}

impl PuppetDbClient {
    /// Checks the settings and reads the files they name, in the calling thread. Nothing is asked yet. Certificates
    /// that are renewed on disk need a new client.
    ///
    /// # Errors
    /// Every bad setting and unusable file, each with its field.
    pub fn new(settings: PuppetDbSettings) -> Result<Self, ValidationError> {
        settings.check()?;
        let address = Address::parse(&settings.url).map_err(|reason| ValidationError::of("url", reason))?;
        let connector = tls::connector(&settings)?;
        let token = settings.token_header()?;
        Ok(Self(Arc::new(Shared { settings, address, connector, token })))
    }

    /// The settings it was made of.
    pub fn settings(&self) -> &PuppetDbSettings {
        &self.0.settings
    }

    pub(super) fn error(&self, fault: PuppetDbFault) -> PuppetDbError {
        PuppetDbError { url: self.0.address.show(), fault }
    }

    /// Asks one question: a JSON object with `query` and what belongs to paging.
    pub(super) async fn ask(&self, endpoint: Endpoint, question: &Value) -> Result<Answer, PuppetDbError> {
        self.exchange(endpoint, question).await.map_err(|fault| self.error(fault))
    }

    async fn exchange(&self, endpoint: Endpoint, question: &Value) -> Result<Answer, PuppetDbFault> {
        let limit = Duration::from_millis(self.0.settings.timeout_ms);
        let watch = Watch { limit, deadline: Instant::now() + limit };
        let request = self.request(endpoint, question)?;
        let stream = watch.bound("connecting", self.connect()).await??;
        let _ = stream.set_nodelay(true);
        match &self.0.connector {
            None => self.send(watch, stream, request).await,
            Some(connector) => {
                let handshake = tls::connect(connector, &self.0.address.host, stream);
                let stream = watch.bound("in the TLS handshake", handshake).await??;
                self.send(watch, stream, request).await
            }
        }
    }

    fn request(&self, endpoint: Endpoint, question: &Value) -> Result<Request<Full<Bytes>>, PuppetDbFault> {
        let address = &self.0.address;
        let mut request = Request::post(format!("{}{}", address.prefix, endpoint.path()))
            .header(HOST, address.authority())
            .header(USER_AGENT, concat!("pabawi/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "close");
        if let Some((_, header)) = &self.0.token {
            request = request.header("X-Authentication", header.clone());
        }
        request
            .body(Full::new(Bytes::from(question.to_string())))
            .map_err(|error| PuppetDbFault::Nonsense(format!("no request can be made: {error}")))
    }

    async fn connect(&self) -> Result<TcpStream, PuppetDbFault> {
        let address = &self.0.address;
        let found: Vec<SocketAddr> = tokio::net::lookup_host((address.host.as_str(), address.port))
            .await
            .map_err(|error| PuppetDbFault::Resolve(error.to_string()))?
            .collect();
        if let Some(away) = found.iter().find(|found| !address.tls && !found.ip().is_loopback()) {
            return Err(PuppetDbFault::NotLoopback(away.ip()));
        }
        TcpStream::connect(found.as_slice()).await.map_err(|error| PuppetDbFault::Connect {
            reason: error.to_string(),
            refused: error.kind() == std::io::ErrorKind::ConnectionRefused,
        })
    }

    async fn send<S>(
        &self,
        watch: Watch,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, PuppetDbFault>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let waiting = "waiting for its answer";
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| lost(&error, waiting))?;
        // Ends the connection with this call, however it ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection.in_current_span());
        let response: Response<Incoming> = match watch.bound(waiting, sender.send_request(request)).await? {
            Ok(response) => response,
            // The connection ended before the request could be sent, and it alone knows why: an alert of TLS 1.3 about the
            // client certificate comes after the handshake.
            Err(error) if error.is_canceled() || error.is_closed() => {
                let ended = watch.bound(waiting, driver.join_next()).await?;
                let why = ended.and_then(Result::ok).and_then(Result::err);
                return Err(lost(&why.unwrap_or(error), waiting));
            }
            Err(error) => return Err(lost(&error, waiting)),
        };
        let (head, body) = response.into_parts();
        let reading = "in the middle of its answer";
        let limit = self.0.settings.max_response_bytes;
        let body = watch.bound(reading, reply::read(body, limit)).await?;
        let body = body.map_err(|fault| fault.unwrap_or_else(|error| lost(&error, reading)))?;
        reply::judge(&head, &body, self.0.token.as_ref().map(|(token, _)| token))
    }
}

/// The time that one question has.
#[derive(Debug, Clone, Copy)]
struct Watch {
    limit: Duration,
    deadline: Instant,
}

impl Watch {
    async fn bound<T>(self, stage: &'static str, work: impl Future<Output = T>) -> Result<T, PuppetDbFault> {
        timeout_at(self.deadline, work)
            .await
            .map_err(|_| PuppetDbFault::TimedOut { limit: self.limit, stage })
    }
}

/// What hyper's error means.
fn lost(error: &hyper::Error, stage: &'static str) -> PuppetDbFault {
    if error.is_parse() {
        return PuppetDbFault::NotHttp(error.to_string());
    }
    if error.is_incomplete_message() {
        return PuppetDbFault::Lost { stage, reason: "it closed the connection".to_owned() };
    }
    // The innermost cause is what the operating system or OpenSSL said.
    let mut reason = error.to_string();
    let mut next = std::error::Error::source(error);
    for _ in 0..8 {
        let Some(cause) = next else { break };
        reason = cause.to_string();
        next = cause.source();
    }
    match tls::advice_on_alert(&reason) {
        // Of OpenSSL's line only the alert tells somebody something.
        Some(advice) => PuppetDbFault::Tls {
            reason: reason
                .split([':', '/'])
                .find(|part| part.contains("alert"))
                .unwrap_or(&reason)
                .to_owned(),
            advice,
        },
        None => PuppetDbFault::Lost { stage, reason },
    }
}
