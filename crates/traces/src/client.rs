//! [`CollectorClient`]: one request to a collector over one connection. Redirects are not followed and no proxy is used.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use opentelemetry_http::{HttpClient, HttpError};
use pabawi_domain::validation::ValidationError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_openssl::SslStream;
use tracing::Instrument as _;

/// A longer answer is none: what a collector says of what it took is short.
const MOST: usize = 64 * 1024;

/// Sends requests to a collector. Works on the runtime that it was made on, whoever asks.
#[derive(Clone)]
pub(crate) struct CollectorClient {
    runtime: Handle,
    connector: Option<SslConnector>,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
}

impl std::fmt::Debug for CollectorClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectorClient").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl CollectorClient {
    /// Reads the certificates, in the calling thread. `address` is one that was checked.
    ///
    /// # Errors
    /// Field `otlp.caFile`.
    pub(crate) fn new(
        address: &str,
        ca_file: Option<&Path>,
        headers: Vec<(HeaderName, HeaderValue)>,
        timeout: Duration,
    ) -> Result<Self, ValidationError> {
        let tls = address.starts_with("https:");
        if !tls && ca_file.is_some() {
            return Err(ValidationError::of("otlp.caFile", "is of no use without https:// in otlp.endpoint"));
        }
        let connector = tls.then(|| connector(ca_file)).transpose()?;
        Ok(Self { runtime: Handle::current(), connector, headers, timeout })
    }

    async fn exchange(self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if self.connector.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        let _ = stream.set_nodelay(true);
        let request = self.request(&uri, request)?;
        match &self.connector {
            None => send(stream, request).await,
            Some(connector) => {
                let tls = connector.configure()?.into_ssl(&host)?;
                let mut stream = SslStream::new(tls, stream)?;
                std::pin::Pin::new(&mut stream).connect().await?;
                send(stream, request).await
            }
        }
    }

    fn request(&self, uri: &hyper::Uri, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, HttpError> {
        let (mut head, body) = request.into_parts();
        // A request to a server names the path alone, and the server in a header: RFC 9112 section 3.2.1.
        head.uri = uri.path().parse()?;
        let authority = uri.authority().map(hyper::http::uri::Authority::as_str).unwrap_or_default();
        head.headers.insert(HOST, HeaderValue::from_str(authority)?);
        head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        head.headers
            .insert(USER_AGENT, HeaderValue::from_static(concat!("pabawi/", env!("CARGO_PKG_VERSION"))));
        head.headers.extend(self.headers.iter().cloned());
        Ok(Request::from_parts(head, Full::new(body)))
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let limit = self.timeout;
        let client = self.clone();
        let work = async move {
            match tokio::time::timeout(limit, client.exchange(request)).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("no answer within {limit:?}").into()),
            }
        };
        let answer: Result<_, HttpError> = self.runtime.spawn(work.in_current_span()).await?;
        answer.inspect_err(|error| {
            tracing::warn!(error = &**error as &dyn Error, "traces cannot be sent to their collector");
        })
    }
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, HttpError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends the connection with this call, however it ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection.in_current_span());
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MOST).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}

/// TLS by OpenSSL, which trusts the authorities of a file or of this machine.
fn connector(ca_file: Option<&Path>) -> Result<SslConnector, ValidationError> {
    let fault = |error: openssl::error::ErrorStack| {
        ValidationError::of("otlp.endpoint", format!("TLS cannot be used: {error}"))
    };
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(fault)?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(fault)?;
    match ca_file {
        Some(path) => {
            // This takes the place of what OpenSSL would trust by default.
            let store = openssl::x509::store::X509StoreBuilder::new().map_err(fault)?.build();
            builder.set_cert_store(store);
            builder.set_ca_file(path).map_err(|error| {
                ValidationError::of("otlp.caFile", format!("{}: {error}", path.display()))
            })?;
        }
        None => {
            // An OpenSSL of our own does not know where this machine keeps them.
            let found = openssl_probe::probe();
            let directory = found.cert_dir.first().map(std::path::PathBuf::as_path);
            if found.cert_file.is_some() || directory.is_some() {
                builder.load_verify_locations(found.cert_file.as_deref(), directory).map_err(fault)?;
            }
        }
    }
    Ok(builder.build())
}
