//! The few bytes of the SSH protocol that a hostile peer speaks before it stops. Main function: [`kexinit`].
//!
//! It knows the plain-text packets at the beginning of a connection (RFC 4253, section 6) and nothing secret.

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// What a well-behaved server would say first (RFC 4253, section 4.2).
pub(super) const BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.2p1\r\n";

/// Message number of SSH_MSG_KEXINIT.
const MSG_KEXINIT: u8 = 20;

/// Largest packet that is read; RFC 4253 section 6.1 asks for 35,000 bytes.
const MAX_PACKET: u32 = 64 * 1024;

/// A whole SSH_MSG_KEXINIT packet (RFC 4253, section 7.1) with algorithms that every client offers.
pub(super) fn kexinit() -> Vec<u8> {
    let cipher = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,chacha20-poly1305@openssh.com";
    let mac = "hmac-sha2-256,hmac-sha2-512";
    let lists = [
        "curve25519-sha256,ecdh-sha2-nistp256",
        "ssh-ed25519",
        cipher,
        cipher,
        mac,
        mac,
        "none",
        "none",
        "",
        "",
    ];
    let mut payload = vec![MSG_KEXINIT];
    // The cookie may be anything.
    payload.extend_from_slice(&[0x42; 16]);
    for list in lists {
        payload.extend_from_slice(&u32::try_from(list.len()).unwrap_or(0).to_be_bytes());
        payload.extend_from_slice(list.as_bytes());
    }
    // first_kex_packet_follows, and the reserved number.
    payload.extend_from_slice(&[0, 0, 0, 0, 0]);
    packet(&payload)
}

/// A packet of a message number that nobody uses, out of the range for local extensions (RFC 4250 section 4.1.2).
pub(super) fn unknown() -> Vec<u8> {
    packet(&[192; 8000])
}

/// Frames a payload: length, padding length, payload, at least four bytes of padding to a multiple of eight.
fn packet(payload: &[u8]) -> Vec<u8> {
    let unpadded = 5 + payload.len();
    let padding = 4 + (8 - (unpadded + 4) % 8) % 8;
    let length = u32::try_from(1 + payload.len() + padding).unwrap_or(0);
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap_or(0));
    packet.extend_from_slice(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}

/// Reads the client's banner line.
pub(super) async fn read_banner(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.take(1024).read_until(b'\n', &mut line).await?;
    if line.starts_with(b"SSH-") { Ok(line) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

/// Reads one plain-text packet and returns its message number.
pub(super) async fn read_packet(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<u8> {
    let length = stream.read_u32().await?;
    if !(2..=MAX_PACKET).contains(&length) {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; usize::try_from(length).unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    body.get(1).copied().ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn our_kexinit_is_a_whole_padded_packet() {
        let bytes = kexinit();
        assert_eq!(bytes.len() % 8, 0);
        assert!(bytes[4] >= 4, "RFC 4253 section 6: at least four bytes of padding");
        let mut stream = &bytes[..];
        assert_eq!(read_packet(&mut stream).await.expect("reads"), MSG_KEXINIT);
        assert!(stream.is_empty());
        assert!(read_packet(&mut &b"\xff\xff\xff\xff\x00"[..]).await.is_err());
    }
}
