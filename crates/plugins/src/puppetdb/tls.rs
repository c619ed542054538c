//! TLS by OpenSSL: [`connector`] reads the settings' files, [`connect`] makes the handshake.
//!
//! Only the certificates of the CA file are trusted, whatever else this machine trusts.

use std::path::Path;

use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509VerifyResult};
use pabawi_domain::validation::ValidationError;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::error::PuppetDbFault;
use super::settings::PuppetDbSettings;

/// A longer PEM file is none.
const MAX_PEM_BYTES: u64 = 4 * 1024 * 1024;

const CHECK_CA: &str = "check that caFile holds the CA that signed PuppetDB's certificate";

/// Reads and checks the files. `Ok(None)` where the URL asks for no TLS.
///
/// # Errors
/// Every file that cannot be used, under its field.
pub(super) fn connector(settings: &PuppetDbSettings) -> Result<Option<SslConnector>, ValidationError> {
    if !settings.url.starts_with("https:") {
        return Ok(None);
    }
    let mut faults = ValidationError::default();
    let mut take = |field: &str, result: Result<(), String>| {
        if let Err(message) = result {
            faults.push(field, message);
        }
    };
    let mut builder = match SslConnector::builder(SslMethod::tls_client()) {
        Ok(builder) => builder,
        Err(error) => return Err(ValidationError::of("url", format!("TLS cannot be used: {error}"))),
    };
    take("url", builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(|error| error.to_string()));
    if let Some(path) = &settings.ca_file {
        let trusted = certificates(path).and_then(|certificates| {
            let failed = |error: openssl::error::ErrorStack| format!("{}: {error}", path.display());
            let mut store = X509StoreBuilder::new().map_err(failed)?;
            for certificate in certificates {
                store.add_cert(certificate).map_err(failed)?;
            }
            // An intermediate CA in the file is trusted as itself, also without its root.
            store.set_flags(X509VerifyFlags::PARTIAL_CHAIN).map_err(failed)?;
            // This takes the place of what OpenSSL would trust by default.
            builder.set_cert_store(store.build());
            Ok(())
        });
        take("caFile", trusted);
    }
    if let (Some(certificate_file), Some(key_file)) = (&settings.certificate_file, &settings.key_file) {
        let certificate = certificates(certificate_file).and_then(|mut chain| {
            let failed =
                |error: openssl::error::ErrorStack| format!("{}: {error}", certificate_file.display());
            let own = chain.remove(0);
            builder.set_certificate(&own).map_err(failed)?;
            for issuer in chain {
                builder.add_extra_chain_cert(issuer).map_err(failed)?;
            }
            Ok(own)
        });
        let key = private_key(key_file);
        match (certificate, key) {
            (Ok(certificate), Ok(key)) => {
                // Compared here, since OpenSSL's own words for it tell nobody what to do.
                let fits = certificate.public_key().is_ok_and(|public| public.public_eq(&key));
                let used = if fits {
                    builder.set_private_key(&key).map_err(|error| error.to_string())
                } else {
                    Err(format!("{}: is not the key of {}", key_file.display(), certificate_file.display()))
                };
                take("keyFile", used);
            }
            (certificate, key) => {
                take("certificateFile", certificate.map(|_| ()));
                take("keyFile", key.map(|_| ()));
            }
        }
    }
    faults.into_result()?;
    Ok(Some(builder.build()))
}

/// The certificates of a PEM file, at least one.
fn certificates(path: &Path) -> Result<Vec<X509>, String> {
    let text = read(path)?;
    let found = X509::stack_from_pem(&text)
        .map_err(|error| format!("{}: is no certificate in PEM: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!("{}: holds no certificate in PEM", path.display()));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PKey<Private>, String> {
    let text = read(path)?;
    let mut asked = false;
    // Without a callback OpenSSL would ask on the terminal.
    PKey::private_key_from_pem_callback(&text, |_| {
        asked = true;
        Ok(0)
    })
    .map_err(|error| {
        // A key that is no key is told apart from one behind a passphrase, which nobody could give later.
        if asked {
            format!("{}: has a passphrase; only keys without one can be used", path.display())
        } else {
            format!("{}: is no private key in PEM: {error}", path.display())
        }
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_PEM_BYTES).read_to_end(&mut bytes))
        .map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    Ok(bytes)
}

/// Speaks TLS on a connection; the certificate must be good and name `host`.
pub(super) async fn connect(
    connector: &SslConnector,
    host: &str,
    stream: TcpStream,
) -> Result<SslStream<TcpStream>, PuppetDbFault> {
    let fault = |reason: String, advice| PuppetDbFault::Tls { reason, advice };
    let ssl = connector
        .configure()
        .and_then(|configuration| configuration.into_ssl(host))
        .map_err(|error| fault(error.to_string(), "check the host's name in the URL"))?;
    let mut stream = SslStream::new(ssl, stream)
        .map_err(|error| fault(error.to_string(), "this is a fault of this side"))?;
    match std::pin::Pin::new(&mut stream).connect().await {
        Ok(()) => Ok(stream),
        Err(error) => {
            let verified = stream.ssl().verify_result();
            if verified != X509VerifyResult::OK {
                let advice = match verified.as_raw() {
                    // X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH (x509_vfy.h).
                    62 | 64 => "its certificate is for another name; write the URL with a name that it holds",
                    // X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
                    9 | 10 => "renew PuppetDB's certificate, or check this machine's clock",
                    _ => CHECK_CA,
                };
                return Err(fault(
                    format!("its certificate is refused: {}", verified.error_string()),
                    advice,
                ));
            }
            Err(handshake_fault(&error))
        }
    }
}

fn handshake_fault(error: &openssl::ssl::Error) -> PuppetDbFault {
    if let Some(io) = error.io_error() {
        return PuppetDbFault::Lost { stage: "in the TLS handshake", reason: io.to_string() };
    }
    let reason = error
        .ssl_error()
        .and_then(|stack| stack.errors().first())
        .and_then(openssl::error::Error::reason)
        .map_or_else(|| "it closed the connection".to_owned(), str::to_owned);
    let advice = advice_on_alert(&reason)
        .unwrap_or("check that the URL's port is PuppetDB's port for TLS (8081 by default)");
    PuppetDbFault::Tls { reason, advice }
}

/// What to do about the alert by which the other side refused this one (RFC 8446 section 6.2).
pub(super) fn advice_on_alert(reason: &str) -> Option<&'static str> {
    let wants = reason.contains("alert certificate required")
        || reason.contains("alert bad certificate")
        || reason.contains("alert handshake failure")
        || reason.contains("alert certificate unknown");
    if wants {
        Some("it wants a client certificate that its CA signed; set certificateFile and keyFile")
    } else if reason.contains("alert unknown ca") {
        Some("the client certificate is of another CA; use one that PuppetDB's CA signed")
    } else {
        None
    }
}
