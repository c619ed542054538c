//! A small HTTP/1.1 server that answers as a test says, also wrongly, and a client to go with it.
//!
//! Main types: [`ScriptedHttp`], [`HttpReply`]. Only loopback; one request a connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// One request, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method and target: `POST /path`.
    pub line: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What is sent back, byte for byte, and what happens then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpReply {
    /// Sent, then the connection is closed.
    Close(Vec<u8>),
    /// Sent, then the connection is reset.
    Reset(Vec<u8>),
    /// Sent, then nothing more comes until the other side leaves.
    Silence(Vec<u8>),
    /// Sent again and again until the other side leaves.
    Endless(Vec<u8>),
}

impl HttpReply {
    /// A whole answer. `status` is code and reason: `503 Service Unavailable`; `headers` are lines that end in CRLF.
    #[must_use]
    pub fn whole(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        Self::Close([head.as_bytes(), body].concat())
    }

    /// A whole answer in JSON.
    #[must_use]
    pub fn json(value: &serde_json::Value) -> Self {
        Self::whole("200 OK", "Content-Type: application/json\r\n", value.to_string())
    }
}

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub struct ScriptedHttp {
    address: SocketAddrV4,
    requests: Arc<Mutex<Vec<HttpRequest>>>,
    open: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl ScriptedHttp {
    /// Starts it on a free port of 127.0.0.1, in the current tokio runtime.
    ///
    /// # Errors
    /// What bind(2) says.
    pub async fn start(
        answer: impl Fn(&HttpRequest) -> HttpReply + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let SocketAddr::V4(address) = listener.local_addr()? else {
            return Err(std::io::ErrorKind::AddrNotAvailable.into());
        };
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        let open = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&open);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer, counter) = (Arc::clone(&seen), Arc::clone(&answer), Arc::clone(&counter));
                counter.fetch_add(1, Ordering::SeqCst);
                connections.spawn(async move {
                    let mut stream = BufReader::new(stream);
                    // An error only means that the client has gone.
                    if let Ok(request) = read_request(&mut stream).await {
                        let reply = answer(&request);
                        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                        let _ = send(stream.into_inner(), reply).await;
                    }
                    counter.fetch_sub(1, Ordering::SeqCst);
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, requests, open, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Connections that are open on its side.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// What it has been asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it and returns when nobody listens any more; dropping it ends it a little later.
    pub async fn stop(mut self) {
        self.task.abort();
        // That it was aborted is what is waited for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for ScriptedHttp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> std::io::Result<HttpRequest> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let mut request =
        HttpRequest { line: first.trim_end_matches(" HTTP/1.1").to_owned(), headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).await?;
    Ok(request)
}

async fn send(mut stream: TcpStream, reply: HttpReply) -> std::io::Result<()> {
    match reply {
        HttpReply::Close(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        HttpReply::Reset(bytes) => {
            stream.write_all(&bytes).await?;
            // With a linger time of zero, closing sends RST instead of FIN (socket(7)).
            stream.set_zero_linger()
        }
        HttpReply::Silence(bytes) => {
            stream.write_all(&bytes).await?;
            stream.read(&mut [0]).await.map(|_| ())
        }
        HttpReply::Endless(bytes) => loop {
            stream.write_all(&bytes).await?;
        },
    }
}

/// Asks once over a connection of its own, in the calling thread, and returns status and body. `head` is method and
/// target.
///
/// # Errors
/// What the operating system says, also when the answer takes longer than `limit`, and `InvalidData` for what is no
/// HTTP.
pub fn request(
    address: SocketAddrV4,
    head: &str,
    body: &str,
    limit: Duration,
) -> std::io::Result<(u16, String)> {
    let mut stream = std::net::TcpStream::connect_timeout(&address.into(), limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    // With HTTP/1.0 the answer comes in one piece and ends with the connection.
    write!(
        stream,
        "{head} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::InvalidData)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn nobody_listens_once_it_has_stopped() {
        let server = ScriptedHttp::start(|_| HttpReply::json(&true.into())).await.unwrap();
        let address = server.address();
        server.stop().await;
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn what_is_asked_is_seen_and_what_is_scripted_is_answered() {
        let server = ScriptedHttp::start(|request| HttpReply::json(&request.json())).await.unwrap();
        let address = server.address();
        let answer = tokio::task::spawn_blocking(move || request(address, "POST /x?y", "{\"a\":1}", LIMIT))
            .await
            .unwrap();
        assert_eq!(answer.unwrap(), (200, "{\"a\":1}".to_owned()));
        let [seen] = server.requests().try_into().unwrap();
        assert_eq!((seen.line.as_str(), seen.header("content-length")), ("POST /x?y HTTP/1.0", Some("7")));
    }

    #[tokio::test]
    async fn a_reset_is_a_reset_and_silence_lasts() {
        for (reply, kinds) in [
            (HttpReply::Reset(b"HTTP/1.1 200".to_vec()), [std::io::ErrorKind::ConnectionReset; 2]),
            (HttpReply::Silence(Vec::new()), [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut]),
        ] {
            let server = ScriptedHttp::start(move |_| reply.clone()).await.unwrap();
            let address = server.address();
            let limit = Duration::from_millis(500);
            let answer =
                tokio::task::spawn_blocking(move || request(address, "GET /", "", limit)).await.unwrap();
            assert!(kinds.contains(&answer.unwrap_err().kind()));
        }
    }
}
