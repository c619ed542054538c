//! OpenSSH's own private key format (`PROTOCOL.key` in its sources).
//!
//! Main function: [`parse`]. Only the container is read here: key derivation and ciphers are those of the crate
//! `ssh-key`, and the key inside is handed on as it is. Decoding it with `ssh-key` as well would refuse ECDSA
//! keys whose number begins with zero bytes (every second P-521 key).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pabawi_domain::secret::Secret;
use ssh_key::{Cipher, Kdf};

use super::error::Fault;
use super::load::{ClearKey, unsupported_type};
use crate::known_hosts::key_type;

const MAGIC: &[u8] = b"openssh-key-v1\0";
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
/// As `ssh-keygen` wraps its lines.
const LINE_LENGTH: usize = 70;
/// The tag of the authenticated ciphers, which stands behind the encrypted part.
const TAG_LENGTH: usize = 16;
/// 16 rounds take about 0.1 s; a file with more than this is meant to hurt.
const MAX_ROUNDS: u32 = 1 << 16;

pub(super) fn parse(text: &[u8], passphrase: Option<&[u8]>) -> Result<ClearKey, Fault> {
    let container = Secret::new(decode_pem(text).ok_or_else(|| malformed("its base64"))?);
    let mut rest = container.expose().strip_prefix(MAGIC).ok_or_else(|| malformed("its beginning"))?;
    let cipher_name = take_string(&mut rest).ok_or_else(|| malformed("its cipher"))?;
    let kdf_name = take_string(&mut rest).ok_or_else(|| malformed("its key derivation"))?;
    let kdf_options = take_string(&mut rest).ok_or_else(|| malformed("its key derivation"))?;
    if take_u32(&mut rest) != Some(1) {
        return Err(malformed("its number of keys"));
    }
    let public_blob = take_string(&mut rest).ok_or_else(|| malformed("its public half"))?;
    let private = take_string(&mut rest).ok_or_else(|| malformed("its private half"))?;
    match key_type(public_blob) {
        Some(
            "ssh-ed25519" | "ssh-rsa" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521",
        ) => {}
        Some(token) if token.starts_with("sk-") => {
            return Err(Fault::Unsupported(
                "it lies on a hardware token; add it to an agent with ssh-add".to_owned(),
            ));
        }
        Some(other) => return Err(unsupported_type(other)),
        None => return Err(malformed("its public half")),
    }
    let clear = match cipher_name {
        b"none" => Secret::new(private),
        name => decrypt(name, kdf_name, kdf_options, private, rest, passphrase)?,
    };
    check_private(clear.expose(), public_blob, cipher_name != b"none")?;
    Ok(ClearKey { public_blob: public_blob.to_owned(), clear_pem: encode_clear(public_blob, clear.expose()) })
}

fn malformed(part: &str) -> Fault {
    Fault::Malformed(format!("it cannot be read ({part} is damaged)"))
}

fn decrypt(
    cipher_name: &[u8],
    kdf_name: &[u8],
    mut kdf_options: &[u8],
    private: &[u8],
    behind: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<Secret, Fault> {
    let cipher_name = String::from_utf8_lossy(cipher_name);
    let unsupported = || {
        Fault::Unsupported(format!(
            "its cipher {cipher_name} is not supported; change it with ssh-keygen -p -f"
        ))
    };
    let cipher = Cipher::new(&cipher_name).map_err(|_| unsupported())?;
    let passphrase = passphrase.ok_or(Fault::NeedsPassphrase)?;
    let salt = take_string(&mut kdf_options).ok_or_else(|| malformed("its key derivation"))?;
    let rounds = take_u32(&mut kdf_options).ok_or_else(|| malformed("its key derivation"))?;
    if kdf_name != b"bcrypt" || rounds > MAX_ROUNDS {
        return Err(malformed("its key derivation"));
    }
    if passphrase.is_empty() {
        return Err(Fault::WrongPassphrase);
    }
    let kdf = Kdf::Bcrypt { salt: salt.to_owned(), rounds };
    let (key, iv) = kdf.derive_key_and_iv(cipher, passphrase).map_err(|_| malformed("its key derivation"))?;
    let tag = if cipher.has_tag() {
        let tag: [u8; TAG_LENGTH] = behind.try_into().map_err(|_| malformed("its end"))?;
        Some(tag)
    } else {
        None
    };
    let mut clear = private.to_vec();
    let result = cipher.decrypt(&key, &iv, &mut clear, tag);
    // Wrapped before the result is looked at, so that it is overwritten in every case.
    let clear = Secret::new(clear);
    match result {
        Ok(()) => Ok(clear),
        // An authenticated cipher notices a wrong key by itself.
        Err(_) if cipher.has_tag() => Err(Fault::WrongPassphrase),
        Err(_) => Err(unsupported()),
    }
}

/// Two equal random numbers stand before the key: they differ when the passphrase was wrong. The key's type
/// follows, which has to be that of the public half.
fn check_private(mut clear: &[u8], public_blob: &[u8], encrypted: bool) -> Result<(), Fault> {
    let (first, second) = (take_u32(&mut clear), take_u32(&mut clear));
    if first.is_none() || first != second {
        return Err(if encrypted { Fault::WrongPassphrase } else { malformed("its private half") });
    }
    let name = take_string(&mut clear).ok_or_else(|| malformed("its private half"))?;
    if key_type(public_blob).map(str::as_bytes) != Some(name) {
        return Err(malformed("its private half"));
    }
    Ok(())
}

fn encode_clear(public_blob: &[u8], private: &[u8]) -> Secret {
    let mut container = MAGIC.to_vec();
    for part in [&b"none"[..], b"none", b""] {
        push_string(&mut container, part);
    }
    container.extend(1_u32.to_be_bytes());
    push_string(&mut container, public_blob);
    // Reserved at once, so that growing leaves no copy of the key behind.
    container.reserve_exact(private.len() + 4);
    push_string(&mut container, private);
    let container = Secret::new(container);
    let encoded = Secret::new(STANDARD.encode(container.expose()));
    let mut pem = Vec::with_capacity(encoded.expose().len() + encoded.expose().len() / LINE_LENGTH + 100);
    pem.extend_from_slice(BEGIN.as_bytes());
    pem.push(b'\n');
    for line in encoded.expose().chunks(LINE_LENGTH) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(END.as_bytes());
    pem.push(b'\n');
    Secret::new(pem)
}

fn decode_pem(text: &[u8]) -> Option<Vec<u8>> {
    let mut encoded = Vec::with_capacity(text.len());
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| *line == BEGIN.as_bytes())?;
    let mut ended = false;
    for line in lines {
        if line == END.as_bytes() {
            ended = true;
            break;
        }
        encoded.extend_from_slice(line);
    }
    let encoded = Secret::new(encoded);
    if !ended {
        return None;
    }
    STANDARD.decode(encoded.expose()).ok()
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_be_bytes(*number))
}

fn take_string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_u32(bytes)?).ok()?;
    let (string, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(string)
}

fn push_string(bytes: &mut Vec<u8>, string: &[u8]) {
    // Everything here comes from a file of at most 1 MiB.
    bytes.extend(u32::try_from(string.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(string);
}
