//! Throwaway X.509 certificates made by openssl(1), as Puppet makes them: RSA keys in PKCS#1.
//!
//! Main type: [`TestCa`]. Keys must never leave the test's directory.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::fleet::FleetError;
use crate::fleet::files::write_private;
use crate::fleet::keys::run;

const PACKAGE: &str = "openssl";

/// A certificate authority in a directory of its own, which goes with it.
#[derive(Debug)]
pub struct TestCa {
    directory: TempDir,
}

/// A certificate and its key, both in PEM.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key, without a passphrase.
    pub key: PathBuf,
}

impl TestCa {
    /// Makes a CA of that name.
    ///
    /// # Errors
    /// [`FleetError::Missing`] without openssl(1), [`FleetError::Program`] when it fails.
    pub fn new(name: &str) -> Result<Self, FleetError> {
        let directory = TempDir::new().map_err(FleetError::file(std::env::temp_dir()))?;
        let ca = Self { directory };
        let key = ca.make_key("ca")?;
        let subject = format!("/CN={name}");
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-new", "-days", "2", "-subj", &subject]);
        command.arg("-key").arg(key).arg("-out").arg(ca.certificate());
        run(&mut command, PACKAGE)?;
        Ok(ca)
    }

    /// The CA's own certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Makes a certificate of that name, good for servers at these addresses and for clients.
    ///
    /// # Errors
    /// As for [`TestCa::new`].
    pub fn issue(&self, name: &str, addresses: &[Ipv4Addr]) -> Result<CertificateFiles, FleetError> {
        let key = self.make_key(name)?;
        let request = self.path(&format!("{name}.csr"));
        let certificate = self.path(&format!("{name}.pem"));
        let mut command = Command::new("openssl");
        command.args(["req", "-new", "-subj", &format!("/CN={name}")]);
        run(command.arg("-key").arg(&key).arg("-out").arg(&request), PACKAGE)?;
        let names: Vec<String> = std::iter::once(format!("DNS:{name}"))
            .chain(addresses.iter().map(|address| format!("IP:{address}")))
            .collect();
        let extensions = self.path(&format!("{name}.ext"));
        write_private(&extensions, &format!("subjectAltName={}\n", names.join(",")))?;
        let mut command = Command::new("openssl");
        command.args(["x509", "-req", "-days", "2", "-CAcreateserial"]);
        command.arg("-CA").arg(self.certificate()).arg("-CAkey").arg(self.path("ca.key"));
        command.arg("-in").arg(&request).arg("-extfile").arg(&extensions).arg("-out").arg(&certificate);
        run(&mut command, PACKAGE)?;
        Ok(CertificateFiles { certificate, key })
    }

    fn make_key(&self, name: &str) -> Result<PathBuf, FleetError> {
        let key = self.path(&format!("{name}.key"));
        write_private(&key, "")?;
        run(Command::new("openssl").args(["genrsa", "-traditional", "-out"]).arg(&key).arg("2048"), PACKAGE)?;
        Ok(key)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl CertificateFiles {
    /// Reads both files.
    pub(crate) fn read(&self) -> Result<(String, String), FleetError> {
        let read = |path: &Path| fs::read_to_string(path).map_err(FleetError::file(path));
        Ok((read(&self.certificate)?, read(&self.key)?))
    }
}
