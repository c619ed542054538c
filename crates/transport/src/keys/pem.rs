//! PEM keys (PKCS#1, PKCS#8, SEC1), by way of the OpenSSL that libssh2 is linked with.
//!
//! Main function: [`parse`]. OpenSSL must never get to ask for a passphrase on the terminal, which is what it
//! does by default.

use openssl::bn::{BigNumContext, BigNumRef};
use openssl::ec::PointConversionForm;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use pabawi_domain::secret::Secret;

use super::error::Fault;
use super::load::{ClearKey, unsupported_type};

pub(super) fn parse(text: &[u8], passphrase: Option<&[u8]>) -> Result<ClearKey, Fault> {
    let encrypted = contains(text, b"ENCRYPTED");
    let mut asked = false;
    let mut too_long = false;
    let key = PKey::private_key_from_pem_callback(text, |buffer| {
        asked = true;
        let passphrase = passphrase.unwrap_or_default();
        match buffer.get_mut(..passphrase.len()) {
            Some(room) => room.copy_from_slice(passphrase),
            None => too_long = true,
        }
        Ok(if too_long { 0 } else { passphrase.len() })
    });
    let key = match key {
        Ok(key) => key,
        Err(_) if (encrypted || asked) && passphrase.is_none() => return Err(Fault::NeedsPassphrase),
        Err(_) if too_long => {
            return Err(Fault::Malformed("its passphrase is longer than OpenSSL can take".to_owned()));
        }
        Err(error) if asked && unsupported(&error) => {
            return Err(Fault::Unsupported(format!(
                "its encryption is not supported ({}); change it with ssh-keygen -p -f",
                reason(&error)
            )));
        }
        Err(_) if asked => return Err(Fault::WrongPassphrase),
        Err(error) => return Err(Fault::Malformed(format!("it cannot be read ({})", reason(&error)))),
    };
    let public_blob = public_blob(&key)?;
    let clear = key.private_key_to_pem_pkcs8().map_err(|error| internal(&error))?;
    Ok(ClearKey { public_blob, clear_pem: Secret::new(clear) })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The part of OpenSSL that fetches ciphers says so when the cipher is not in the default provider. Every other failure
/// behind a passphrase means that the plain text made no sense; the part that decodes calls that "unsupported" too.
fn unsupported(error: &ErrorStack) -> bool {
    error.errors().iter().any(|entry| {
        entry.library() == Some("digital envelope routines")
            && entry.reason().is_some_and(|reason| reason.contains("unsupported"))
    })
}

fn reason(error: &ErrorStack) -> String {
    let first = error.errors().first().and_then(openssl::error::Error::reason);
    first.unwrap_or("unknown format").to_owned()
}

fn internal(error: &ErrorStack) -> Fault {
    Fault::Malformed(format!("its public half cannot be computed ({})", reason(error)))
}

/// The public half in the format of RFC 4253 section 6.6, RFC 5656 section 3.1 and RFC 8709 section 4.
fn public_blob(key: &PKey<Private>) -> Result<Vec<u8>, Fault> {
    let mut blob = Vec::new();
    match key.id() {
        Id::RSA => {
            let rsa = key.rsa().map_err(|error| internal(&error))?;
            string(&mut blob, b"ssh-rsa");
            mpint(&mut blob, rsa.e());
            mpint(&mut blob, rsa.n());
        }
        Id::ED25519 => {
            let raw = key.raw_public_key().map_err(|error| internal(&error))?;
            string(&mut blob, b"ssh-ed25519");
            string(&mut blob, &raw);
        }
        Id::EC => {
            let ec = key.ec_key().map_err(|error| internal(&error))?;
            let curve = match ec.group().curve_name() {
                Some(Nid::X9_62_PRIME256V1) => "nistp256",
                Some(Nid::SECP384R1) => "nistp384",
                Some(Nid::SECP521R1) => "nistp521",
                _ => {
                    return Err(unsupported_type("ECDSA on another curve than nistp256, nistp384, nistp521"));
                }
            };
            let mut context = BigNumContext::new().map_err(|error| internal(&error))?;
            let point = ec
                .public_key()
                .to_bytes(ec.group(), PointConversionForm::UNCOMPRESSED, &mut context)
                .map_err(|error| internal(&error))?;
            string(&mut blob, format!("ecdsa-sha2-{curve}").as_bytes());
            string(&mut blob, curve.as_bytes());
            string(&mut blob, &point);
        }
        Id::DSA => return Err(unsupported_type("DSA")),
        _ => return Err(unsupported_type("this algorithm")),
    }
    Ok(blob)
}

fn string(blob: &mut Vec<u8>, bytes: &[u8]) {
    // Keys are far below 4 GiB: the file they came from is at most 1 MiB.
    blob.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    blob.extend(bytes);
}

/// A positive number: a leading zero byte keeps the sign bit clear (RFC 4251 section 5).
fn mpint(blob: &mut Vec<u8>, number: &BigNumRef) {
    let mut bytes = number.to_vec();
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    string(blob, &bytes);
}
