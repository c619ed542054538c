//! Files that are there whole or not at all: [`WholeFile`].

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Who may read a file beside its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Nobody: 0600.
    Owner,
    /// Everybody: 0644.
    All,
}

/// A file that is written beside its place and put there by [`WholeFile::keep`], so that whoever reads it sees the old one or
/// the new one, whole; without that, what was there before stays. Its name while it is written is hidden and has an end of its
/// own, so that whoever looks for files of a kind leaves it alone.
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
    /// Those of the file system; something stands in the place that is no file, such as a device, which must not be replaced.
    pub(crate) fn create(place: &Path, readers: Readers) -> io::Result<Self> {
        // A link stays one, and what it leads to is replaced.
        let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let name = place.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        if fs::metadata(&place).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "something that is no file stands there",
            ));
        }
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", std::process::id()));
        let beside = place.with_file_name(hidden);
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::All => 0o644,
        };
        let file = File::options().write(true).create_new(true).mode(mode).open(&beside)?;
        Ok(Self { place, beside, writer: BufWriter::new(file), is_kept: false })
    }

    /// Waits until all that was written is on stable storage.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// Those of the file system; then what was there before stays.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        self.writer.flush()?;
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
        let mode = || fs::metadata(&place).unwrap().permissions().mode() & 0o777;
        let mut file = WholeFile::create(&place, Readers::Owner).unwrap();
        file.write_all(b"one, which is longer").unwrap();
        file.sync().unwrap();
        assert!(!place.exists());
        file.keep().unwrap();
        assert_eq!(mode(), 0o600);
        let mut file = WholeFile::create(&place, Readers::All).unwrap();
        file.write_all(b"two").unwrap();
        file.keep().unwrap();
        assert_eq!((mode(), fs::read(&place).unwrap().as_slice()), (0o644, &b"two"[..]));
        let mut file = WholeFile::create(&place, Readers::Owner).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&place).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut written = WholeFile::create(&link, Readers::Owner).unwrap();
        written.write_all(b"new").unwrap();
        written.keep().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_is_no_file_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for place in [socket.as_path(), dir.path(), Path::new("/"), &dir.path().join("missing/report.html")] {
            assert!(WholeFile::create(place, Readers::Owner).is_err(), "{}", place.display());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
