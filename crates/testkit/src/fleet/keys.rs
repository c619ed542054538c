//! Throwaway SSH keys made by ssh-keygen(1). Main type: [`KeyFile`]. They must never leave the fleet's directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::FleetError;

/// Kind of a user or host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// `ssh-ed25519`: made in milliseconds, hence the default.
    Ed25519,
    /// `ssh-rsa` with 3072 bits, used with SHA-2 signatures; takes a second or more to make.
    Rsa,
    /// `ecdsa-sha2-nistp256`.
    Ecdsa,
}

impl KeyType {
    /// The name that ssh-keygen(1) `-t` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
            Self::Ecdsa => "ecdsa",
        }
    }
}

/// A key pair on disk: the private file, and the public one beside it with `.pub`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeyFile {
    /// Kind of the key.
    pub kind: KeyType,
    /// Path of the private key, mode 0600.
    pub path: PathBuf,
    /// Passphrase, when it has one.
    pub passphrase: Option<String>,
    /// The public key as one line, without a comment: `ssh-ed25519 AAAA…`.
    pub public: String,
}

impl KeyFile {
    /// Makes a key pair at `path`.
    ///
    /// # Errors
    /// [`FleetError::Missing`] without ssh-keygen, [`FleetError::Program`] when it fails.
    pub fn generate(kind: KeyType, path: &Path, passphrase: Option<&str>) -> Result<Self, FleetError> {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", kind.name(), "-C", "", "-N", passphrase.unwrap_or("")]);
        if kind == KeyType::Rsa {
            command.args(["-b", "3072"]);
        }
        command.arg("-f").arg(path);
        run(&mut command, "openssh-client")?;
        let public_path = Self::public_path(path);
        let public = fs::read_to_string(&public_path).map_err(FleetError::file(&public_path))?;
        Ok(Self {
            kind,
            path: path.to_owned(),
            passphrase: passphrase.map(str::to_owned),
            public: public.trim().to_owned(),
        })
    }

    fn public_path(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".pub");
        PathBuf::from(name)
    }
}

/// Runs a program to its end; its exit status other than 0 is an error that carries what it said.
pub(crate) fn run(command: &mut Command, package: &'static str) -> Result<String, FleetError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(std::process::Stdio::null()).output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => FleetError::Missing { program: program.clone(), package },
        _ => FleetError::Program { program: program.clone(), message: error.to_string() },
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(FleetError::Program { program, message: format!("{}: {}", output.status, said.trim()) })
}
