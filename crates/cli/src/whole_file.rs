//! Files that are there whole or not at all: [`WholeFile`].

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that only its owner may read (0600). It is written beside its place and put there by [`WholeFile::keep`]; without
/// that, what was there before stays.
pub(crate) struct WholeFile {
    place: PathBuf,
    beside: PathBuf,
    writer: BufWriter<File>,
    is_kept: bool,
}

impl WholeFile {
    /// Begins the file.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn create(place: &Path) -> io::Result<Self> {
        let mut beside = place.as_os_str().to_owned();
        beside.push(format!(".{}.new", std::process::id()));
        let beside = PathBuf::from(beside);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        Ok(Self { place: place.to_owned(), beside, writer: BufWriter::new(file), is_kept: false })
    }

    /// Puts it in its place, on stable storage.
    ///
    /// # Errors
    /// Those of the file system; then what was there before stays.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.beside, &self.place)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // Nothing more can be done about a file that cannot be removed either.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_there_whole_or_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("report.html");
        let mut file = WholeFile::create(&place).unwrap();
        file.write_all(b"one").unwrap();
        assert!(!place.exists());
        file.keep().unwrap();
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        let mut file = WholeFile::create(&place).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&place).unwrap(), b"one");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(WholeFile::create(&dir.path().join("missing/report.html")).is_err());
    }
}
