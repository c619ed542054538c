//! What comes back: [`read`] takes a bounded body, [`judge`] makes rows or a fault of it.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use hyper::http::response::Parts;
use pabawi_domain::secret::{REDACTED, Secret};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::error::PuppetDbFault;

/// At most so much of what PuppetDB says about an error is shown, in characters.
const SHOWN: usize = 400;

/// One row of an answer.
pub(super) type Row = Map<String, Value>;

/// Rows, and how many there are in all where that was asked (`X-Records`).
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    /// Which rows hold nothing but their `certname`, because the rest of them cannot be read.
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) total: Option<u64>,
}

/// A row that cannot be read. Nodes choose their facts, and one with nesting without end or with a number that no
/// computer holds must not spoil what is told of the others.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) certname: String,
    pub(super) reason: String,
}

/// What can be read of such a row.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    certname: Cow<'a, str>,
}

/// Takes the whole body, at most `limit` bytes. An error of the connection is `Err(Err(_))`.
pub(super) async fn read(
    mut body: Incoming,
    limit: u64,
) -> Result<Bytes, Result<PuppetDbFault, hyper::Error>> {
    let too_large = || Ok(PuppetDbFault::TooLarge { limit });
    // What the header announces is refused before it is sent.
    if body.size_hint().lower() > limit {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Err)?.into_data() else { continue };
        if (whole.len() + data.len()) as u64 > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Makes rows of a good answer and a fault of any other.
pub(super) fn judge(head: &Parts, body: &[u8], token: Option<&Secret>) -> Result<Answer, PuppetDbFault> {
    let status = head.status.as_u16();
    if status == 200 {
        return rows(&head.headers, body);
    }
    let text = shown(&head.headers, body, token);
    Err(match status {
        400 => PuppetDbFault::BadQuery { text },
        401 | 403 => {
            let advice = if token.is_some() {
                "check that the token is good and not expired"
            } else {
                "check that its certificate-allowlist has the client certificate's name, or set a token"
            };
            PuppetDbFault::Denied { status, advice, text }
        }
        404 => PuppetDbFault::NotThere { text },
        300..=399 => PuppetDbFault::Redirect { status, location: location(&head.headers) },
        429 | 500..=599 => {
            PuppetDbFault::Unavailable { status, retry_after: retry_after(&head.headers), text }
        }
        _ => PuppetDbFault::Status { status, text },
    })
}

fn rows(headers: &HeaderMap, body: &[u8]) -> Result<Answer, PuppetDbFault> {
    let nonsense = |what: String| PuppetDbFault::Nonsense(what);
    let total = headers.get("x-records").and_then(|value| value.to_str().ok()?.parse().ok());
    if body.is_empty() {
        return Err(nonsense("it is empty".to_owned()));
    }
    match serde_json::from_slice::<Vec<&RawValue>>(body) {
        Ok(raw) => {
            let mut answer = Answer { rows: Vec::with_capacity(raw.len()), unreadable: Vec::new(), total };
            for row in raw {
                match serde_json::from_str::<Row>(row.get()) {
                    Ok(row) => answer.rows.push(row),
                    Err(error) => {
                        let Named { certname } = serde_json::from_str(row.get())
                            .map_err(|_| nonsense(format!("a list of objects is expected: {error}")))?;
                        let certname = certname.into_owned();
                        answer.rows.push(Row::from_iter([("certname".to_owned(), certname.clone().into())]));
                        answer.unreadable.push(Unreadable { certname, reason: error.to_string() });
                    }
                }
            }
            Ok(answer)
        }
        Err(error) if error.is_eof() => Err(nonsense(format!("it ends in the middle: {error}"))),
        Err(error) => {
            let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim();
            if kind.eq_ignore_ascii_case("application/json") {
                Err(nonsense(format!("a list of objects is expected: {error}")))
            } else {
                let kind: String = kind.chars().take(60).collect();
                Err(nonsense(format!("it is {kind:?} and no JSON; check that the URL is PuppetDB's")))
            }
        }
    }
}

/// Seconds; the form with a date is passed over (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Scheme, host and port: the rest may hold what is not for a log.
fn location(headers: &HeaderMap) -> Option<String> {
    let uri: hyper::Uri = headers.get(LOCATION)?.to_str().ok()?.parse().ok()?;
    let host = uri.host()?;
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", uri.scheme_str().unwrap_or("http")))
}

/// The beginning of what was said, on one line. A page of HTML says nothing. The token is never repeated.
fn shown(headers: &HeaderMap, body: &[u8], token: Option<&Secret>) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/html") {
        return String::new();
    }
    let text = String::from_utf8_lossy(body);
    let text = match token.map(|token| String::from_utf8_lossy(token.expose())) {
        Some(token) if !token.is_empty() => text.replace(&*token, REDACTED),
        _ => text.into_owned(),
    };
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    let mut short: String = line.chars().take(SHOWN).collect();
    if line.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}
