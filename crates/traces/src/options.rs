//! [`TraceOptions`]: where traces go.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use pabawi_domain::secret::Secret;
use pabawi_domain::validation::ValidationError;

/// Where a collector takes traces, below its address (OTLP specification, "OTLP/HTTP Request").
const PATH: &str = "/v1/traces";

/// Where traces go.
#[derive(Debug, Clone)]
pub struct TraceOptions {
    /// The collector: `http[s]://host[:port][/path]`, such as `http://127.0.0.1:4318`. `/v1/traces` is added where it does not
    /// end so.
    pub endpoint: String,
    /// Headers of each request, such as one with a token. Those of the environment variable `OTEL_EXPORTER_OTLP_HEADERS` go
    /// with them.
    pub headers: BTreeMap<String, Secret>,
    /// Certificates (PEM) of the authorities that may have signed the collector's, instead of those of this machine.
    pub ca_file: Option<PathBuf>,
    /// How long one request may take, its retries included. 10 s by default.
    pub timeout: Duration,
    /// The name under which a collector files this program (`service.name`).
    pub service: String,
}

impl TraceOptions {
    /// The defaults for a collector.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: BTreeMap::new(),
            ca_file: None,
            timeout: Duration::from_secs(10),
            service: "pabawi".to_owned(),
        }
    }

    /// The address that requests go to.
    ///
    /// # Errors
    /// Field `otlp.endpoint`; the message does not repeat the text, which may hold a password.
    pub(crate) fn address(&self) -> Result<String, ValidationError> {
        let fault = |message| ValidationError::of("otlp.endpoint", message);
        let example = "must be written like http://127.0.0.1:4318";
        let uri: Uri = self.endpoint.parse().map_err(|_| fault(example))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(fault(example));
        }
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        if authority.ok_or_else(|| fault(example))?.as_str().contains('@') {
            return Err(fault("must not hold a user or password; use a header"));
        }
        if uri.query().is_some() || self.endpoint.contains('#') {
            return Err(fault("must end after the path"));
        }
        let base = self.endpoint.trim_end_matches('/');
        Ok(if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") })
    }

    /// The headers as they are sent.
    ///
    /// # Errors
    /// Every header that cannot be sent, without its value.
    pub(crate) fn checked_headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, ValidationError> {
        let mut faults = ValidationError::default();
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let checked = HeaderName::from_bytes(name.as_bytes()).ok();
            match (checked, HeaderValue::from_bytes(value.expose())) {
                (Some(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.push((name, value));
                }
                _ => faults.push(format!("otlp.headers.{name}"), "is no header of HTTP: RFC 9110 section 5"),
            }
        }
        if self.timeout.is_zero() {
            faults.push("otlp.timeout", "must be longer than nothing");
        }
        if self.service.is_empty() {
            faults.push("otlp.service", "must not be empty");
        }
        faults.into_result().map(|()| headers)
    }
}
