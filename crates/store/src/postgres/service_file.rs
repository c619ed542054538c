//! [`ServiceFile`]: how programs of PostgreSQL are told where to connect, without a word of it in their arguments.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use pabawi_domain::ports::StoreError;
use pabawi_domain::secret::Secret;
use uuid::Uuid;

use super::url;
use crate::sql::place::Place;

/// A file for the variable `PGSERVICEFILE` (libpq, "The Connection Service File"). It goes when this is dropped.
#[derive(Debug)]
pub(crate) struct ServiceFile {
    path: PathBuf,
}

impl ServiceFile {
    /// For the variable `PGSERVICE`.
    pub(crate) const NAME: &'static str = "pabawi";

    /// Writes what a URL says into a file that only its owner may read.
    pub(crate) fn write(from: &Secret, place: &Place) -> Result<Self, StoreError> {
        let options = url::parse(from)?;
        let mut text = format!("[{}]\n", Self::NAME);
        let host = options
            .get_socket()
            .map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
        let lines = [
            ("host", Some(host)),
            ("port", Some(options.get_port().to_string())),
            ("user", Some(options.get_username().to_owned())),
            ("dbname", Some(options.get_database().unwrap_or(options.get_username()).to_owned())),
            ("password", url::password(from)),
        ];
        let url = std::str::from_utf8(from.expose()).unwrap_or_default();
        let encryption = url::parameters(url)
            .filter(|(key, _)| key.starts_with("ssl"))
            .map(|(key, value)| (key, Some(url::decoded(value))));
        for (key, value) in lines.into_iter().chain(encryption) {
            if let Some(value) = value {
                if value.contains(['\n', '\r']) {
                    let why = format!("the {key} of the URL has a line break, which pg_dump cannot be told");
                    return Err(StoreError::Unavailable(why));
                }
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{key}={value}");
            }
        }
        let path = std::env::temp_dir().join(format!("pabawi-{}.conf", Uuid::new_v4()));
        create(&path, &text).map_err(|error| place.io("write", &path, &error))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

impl Drop for ServiceFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "failed to remove a file with a password");
        }
    }
}
