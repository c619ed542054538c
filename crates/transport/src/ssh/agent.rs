//! A client of ssh-agent that never blocks a thread: [`Agent`].
//!
//! The protocol is that of draft-ietf-sshm-ssh-agent: identities are listed, and data is signed by the agent; no
//! private key comes here. libssh2's own agent client waits synchronously, which is why it is not used.

use std::io;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const RSA_SHA2_256: u32 = 2;
const RSA_SHA2_512: u32 = 4;
/// OpenSSH's agent refuses messages larger than this too (bytes).
const MAX_MESSAGE: usize = 256 * 1024;
/// Keys that are looked at; no server takes that many attempts.
const MAX_KEYS: u32 = 64;

/// A connection to an agent.
#[derive(Debug)]
pub(crate) struct Agent {
    stream: UnixStream,
}

/// A key that the agent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentKey {
    /// The public key or certificate (RFC 4253 section 6.6).
    pub(crate) blob: Vec<u8>,
    /// What its owner called it.
    pub(crate) comment: String,
}

impl Agent {
    /// Connects to the agent's socket.
    pub(crate) async fn connect(socket: &Path) -> io::Result<Self> {
        Ok(Self { stream: UnixStream::connect(socket).await? })
    }

    /// The keys that the agent holds, in its order.
    pub(crate) async fn keys(&mut self) -> io::Result<Vec<AgentKey>> {
        let answer = self.ask(&[REQUEST_IDENTITIES]).await?;
        let mut answer = Fields(&answer);
        if answer.byte()? != IDENTITIES_ANSWER {
            return Err(broken("the agent did not list its keys"));
        }
        let count = answer.number()?.min(MAX_KEYS);
        let mut keys = Vec::new();
        for _ in 0..count {
            let blob = answer.string()?.to_vec();
            let comment = String::from_utf8_lossy(answer.string()?).into_owned();
            keys.push(AgentKey { blob, comment });
        }
        Ok(keys)
    }

    /// Signs what a server wants signed (RFC 4252 section 7). The answer is what follows the algorithm's name in
    /// the signature.
    pub(crate) async fn sign(&mut self, blob: &[u8], data: &[u8]) -> io::Result<Vec<u8>> {
        let flags = match method(data) {
            Some(method) if method.starts_with(b"rsa-sha2-512") => RSA_SHA2_512,
            Some(method) if method.starts_with(b"rsa-sha2-256") => RSA_SHA2_256,
            _ => 0,
        };
        let mut request = vec![SIGN_REQUEST];
        push_string(&mut request, blob);
        push_string(&mut request, data);
        request.extend_from_slice(&flags.to_be_bytes());
        let answer = self.ask(&request).await?;
        let mut answer = Fields(&answer);
        if answer.byte()? != SIGN_RESPONSE {
            return Err(broken("the agent refused to sign"));
        }
        let signature = answer.string()?;
        let mut signature = Fields(signature);
        let algorithm = signature.string()?;
        // Security keys add flags and a counter behind the signature (PROTOCOL.u2f), which libssh2 takes as one.
        if algorithm.starts_with(b"sk-") {
            return Ok(signature.0.to_vec());
        }
        Ok(signature.string()?.to_vec())
    }

    async fn ask(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut message = Vec::with_capacity(request.len() + 4);
        push_string(&mut message, request);
        self.stream.write_all(&message).await?;
        let len = usize::try_from(self.stream.read_u32().await?).unwrap_or(usize::MAX);
        if len == 0 || len > MAX_MESSAGE {
            return Err(broken("the agent's answer has an impossible length"));
        }
        let mut answer = vec![0; len];
        self.stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

/// The signature algorithm that the data to be signed names.
fn method(data: &[u8]) -> Option<&[u8]> {
    let mut data = Fields(data);
    data.string().ok()?;
    data.byte().ok()?;
    for _ in 0..3 {
        data.string().ok()?;
    }
    data.byte().ok()?;
    data.string().ok()
}

fn push_string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend_from_slice(bytes);
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Fields of a message, read one after the other (RFC 4251 section 5).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn byte(&mut self) -> io::Result<u8> {
        let (byte, rest) = self.0.split_first().ok_or_else(|| broken("the message is too short"))?;
        self.0 = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> io::Result<u32> {
        let (bytes, rest) =
            self.0.split_first_chunk::<4>().ok_or_else(|| broken("the message is too short"))?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    fn string(&mut self) -> io::Result<&'a [u8]> {
        let len = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let (bytes, rest) = self.0.split_at_checked(len).ok_or_else(|| broken("the message is too short"))?;
        self.0 = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algorithm_is_found_in_what_is_signed() {
        let mut data = Vec::new();
        push_string(&mut data, b"session");
        data.push(50);
        for field in [b"root".as_slice(), b"ssh-connection", b"publickey"] {
            push_string(&mut data, field);
        }
        data.push(1);
        push_string(&mut data, b"rsa-sha2-512");
        assert_eq!(method(&data), Some(b"rsa-sha2-512".as_slice()));
        assert_eq!(method(&data[..20]), None);
    }

    #[tokio::test]
    async fn a_lying_agent_is_an_error_and_no_panic() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let answers: [&[u8]; 4] = [
            &[0, 0, 0, 0],
            &[0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0, 1, 5],
            &[0, 0, 0, 9, IDENTITIES_ANSWER, 0, 0, 0, 9, 0, 0, 0, 99],
        ];
        for answer in answers {
            let served = async {
                let (mut peer, _) = listener.accept().await.unwrap();
                let mut request = [0; 5];
                peer.read_exact(&mut request).await.unwrap();
                peer.write_all(answer).await.unwrap();
            };
            let asked = async { Agent::connect(&path).await.unwrap().keys().await };
            let ((), keys) = tokio::join!(served, asked);
            assert!(keys.is_err(), "{answer:?}");
        }
    }
}
