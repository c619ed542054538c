//! [`OutputFiles`]: the directory that holds large outputs, one file for each content.
//!
//! A file stands under `<2 hexadecimal digits>/<content hash>`, or with `.part` behind it when only head and
//! tail are kept. It is on stable storage, with its directory entry, before a row that points to it is
//! committed; a crash in between leaves a file that nobody points to. Such files are removed when a store is opened,
//! and only while no other process has it open. Retention removes files that nobody has used for an hour
//! ([`OutputFiles::remove_settled`]): one that is about to be pointed to has been used just now.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput};
use uuid::Uuid;

/// Errors with the path they are about.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {error}", path.display())]
pub(crate) struct FileFault {
    /// Reads after "failed to".
    pub(crate) doing: &'static str,
    pub(crate) path: PathBuf,
    #[source]
    pub(crate) error: io::Error,
}

/// Whether all of an output is kept, or its head and tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Variant {
    Whole,
    HeadTail,
}

impl Variant {
    /// What is kept of an output. A head and tail that leave nothing out are the whole.
    pub(crate) fn of(output: &CapturedOutput) -> Self {
        match &output.kept {
            KeptOutput::HeadTail { head, tail }
                if ((head.0.len() + tail.0.len()) as u64) < output.total_bytes =>
            {
                Self::HeadTail
            }
            _ => Self::Whole,
        }
    }
}

/// The directory that holds large outputs.
#[derive(Debug, Clone)]
pub(crate) struct OutputFiles {
    dir: PathBuf,
    /// Files of others that could not be brought to stable storage. Linux takes what it could not write for written, so
    /// that another attempt would succeed without it (fsync(2)): these are copied.
    distrusted: Arc<Mutex<HashSet<PathBuf>>>,
}

impl OutputFiles {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, distrusted: Arc::default() }
    }

    /// Where the content of that hash stands.
    pub(crate) fn path(&self, hash: ContentHash, variant: Variant) -> PathBuf {
        let name = hash.to_string();
        let shelf: String = name.chars().take(2).collect();
        let name = match variant {
            Variant::Whole => name,
            Variant::HeadTail => format!("{name}.part"),
        };
        self.dir.join(shelf).join(name)
    }

    /// Takes a complete output over from a file at `source`, by renaming it where both stand on one file
    /// system. When the content is here already, `source` is removed; when it is here and `source` is not,
    /// an earlier call has done the work.
    pub(crate) fn adopt(&self, hash: ContentHash, bytes: u64, source: &Path) -> Result<(), FileFault> {
        let place = self.path(hash, Variant::Whole);
        if is_there(&place, bytes) {
            touch(&place)?;
            sync_parents(&place)?;
            match fs::remove_file(source) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    // The content is safe; a leftover in the caller's spill directory harms nobody.
                    tracing::debug!(path = %source.display(), %error, "spilled output was not removed");
                }
                _ => {}
            }
            return Ok(());
        }
        let found = fs::metadata(source).map_err(fault("take over the spilled output", source))?.len();
        if found != bytes {
            let error = io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it has {found} bytes and {bytes} were announced"),
            );
            return Err(FileFault { doing: "take over the spilled output", path: source.into(), error });
        }
        self.make_shelf(&place)?;
        fs::set_permissions(source, fs::Permissions::from_mode(0o600))
            .map_err(fault("set the mode of", source))?;
        if self.distrusted().contains(source) {
            return self.copy(source, &place);
        }
        if let Err(error) = File::open(source).and_then(|file| file.sync_all()) {
            self.distrusted().insert(source.to_owned());
            return Err(fault("bring to stable storage", source)(error));
        }
        match fs::rename(source, &place) {
            Ok(()) => sync_parents(&place),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => self.copy(source, &place),
            Err(error) => Err(fault("move into the store", source)(error)),
        }
    }

    /// Takes a file over that cannot be renamed.
    fn copy(&self, source: &Path, place: &Path) -> Result<(), FileFault> {
        let mut from = File::open(source).map_err(fault("read", source))?;
        self.write_new(place, |file| io::copy(&mut from, file).map(|_| ()))?;
        self.distrusted().remove(source);
        fs::remove_file(source).map_err(fault("remove", source))
    }

    fn distrusted(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.distrusted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an output that is in memory; `parts` follow each other.
    pub(crate) fn put(&self, hash: ContentHash, variant: Variant, parts: &[Bytes]) -> Result<(), FileFault> {
        let place = self.path(hash, variant);
        if is_there(&place, parts.iter().map(|part| part.len() as u64).sum()) {
            touch(&place)?;
            return sync_parents(&place);
        }
        self.make_shelf(&place)?;
        self.write_new(&place, |file| parts.iter().try_for_each(|part| file.write_all(part)))
    }

    /// At most `max_bytes` from `offset`.
    pub(crate) fn read(
        &self,
        hash: ContentHash,
        variant: Variant,
        offset: u64,
        max_bytes: u64,
    ) -> Result<Vec<u8>, FileFault> {
        let place = self.path(hash, variant);
        let mut file = File::open(&place).map_err(fault("read the output", &place))?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(max_bytes).read_to_end(&mut bytes))
            .map_err(fault("read the output", &place))?;
        Ok(bytes)
    }

    /// Removes the file of an output that no row points to, unless it was used since that time.
    pub(crate) fn remove_settled(&self, hash: ContentHash, variant: Variant, since: SystemTime) {
        let place = self.path(hash, variant);
        let used = fs::metadata(&place).and_then(|found| found.modified());
        if used.is_ok_and(|used| used < since)
            && let Err(error) = fs::remove_file(&place)
        {
            tracing::warn!(path = %place.display(), %error, "failed to remove an old output");
        }
    }

    /// What is in the directory: outputs, and leftovers of interrupted writes.
    pub(crate) fn list(&self) -> Result<Vec<Found>, FileFault> {
        let mut found = Vec::new();
        for shelf in entries(&self.dir)? {
            if !shelf.is_dir() {
                continue;
            }
            for path in entries(&shelf)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let (digits, variant) = match name.strip_suffix(".part") {
                    Some(digits) => (digits, Variant::HeadTail),
                    None => (name, Variant::Whole),
                };
                if let Ok(hash) = digits.parse() {
                    found.push(Found { path, output: Some((hash, variant)) });
                } else if name.starts_with(TEMPORARY) {
                    found.push(Found { path, output: None });
                }
                // Anything else is not ours and stays.
            }
        }
        Ok(found)
    }

    fn make_shelf(&self, place: &Path) -> Result<(), FileFault> {
        let Some(shelf) = place.parent() else { return Ok(()) };
        make_private_dir(shelf)
    }

    /// Writes a new file whole or not at all: under a temporary name, synced, then renamed.
    fn write_new(
        &self,
        place: &Path,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), FileFault> {
        let temporary = place.with_file_name(format!("{TEMPORARY}{}", Uuid::new_v4()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file| write(&mut file).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, place));
        if let Err(error) = written {
            // What was written of it only takes space; when it cannot be removed, the next sweep will.
            let _ = fs::remove_file(&temporary);
            return Err(fault("write the output", place)(error));
        }
        sync_parents(place)
    }
}

/// A file in the directory.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Absent for what an interrupted write left.
    pub(crate) output: Option<(ContentHash, Variant)>,
}

const TEMPORARY: &str = ".new-";

/// Makes a directory that only its owner may enter, with its parents; existing ones stay as they are. New ones are on stable
/// storage when it returns: what is written into a directory is lost with it.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), FileFault> {
    let missing = dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.is_dir());
    let missing: Vec<&Path> = missing.collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fault("make the directory", dir))?;
    for made in missing {
        let Some(parent) = made.parent().filter(|parent| !parent.as_os_str().is_empty()) else { continue };
        if let Err(error) = File::open(parent).and_then(|parent| parent.sync_all()) {
            // Whoever tries again is to make it again, or nobody would know that it may be lost.
            let _ = fs::remove_dir(made);
            return Err(fault("bring to stable storage", parent)(error));
        }
    }
    Ok(())
}

/// Says that the file is used now.
fn touch(place: &Path) -> Result<(), FileFault> {
    let touched = File::open(place).and_then(|file| file.set_modified(SystemTime::now()));
    touched.map_err(fault("note the use of", place))
}

fn is_there(place: &Path, bytes: u64) -> bool {
    fs::metadata(place).is_ok_and(|found| found.is_file() && found.len() == bytes)
}

/// A new name is on stable storage when its directory is (fsync(2), "Calling fsync() does not necessarily
/// ensure that the entry in the directory has also reached disk"); the same goes for the directory's own.
fn sync_parents(place: &Path) -> Result<(), FileFault> {
    for dir in place.ancestors().skip(1).take(3) {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(fault("bring to stable storage", dir))?;
    }
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, FileFault> {
    let listed = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(fault("list", dir))?,
    };
    listed
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()
        .map_err(fault("list", dir))
}

fn fault(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileFault {
    let path = path.to_owned();
    move |error| FileFault { doing, path, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> (tempfile::TempDir, OutputFiles) {
        let dir = tempfile::tempdir().unwrap();
        let files = OutputFiles::new(dir.path().join("outputs"));
        (dir, files)
    }

    #[test]
    fn a_spilled_file_is_taken_over_and_taking_it_over_again_is_no_fault() {
        let (dir, files) = files();
        let hash = ContentHash([7; 32]);
        let spilled = dir.path().join("spill");
        fs::write(&spilled, b"hello").unwrap();
        assert!(files.adopt(hash, 6, &spilled).is_err(), "the length is wrong");
        files.adopt(hash, 5, &spilled).unwrap();
        assert!(!spilled.exists());
        files.adopt(hash, 5, &spilled).unwrap();
        fs::write(&spilled, b"hello").unwrap();
        files.adopt(hash, 5, &spilled).unwrap();
        assert!(!spilled.exists());
        assert_eq!(files.read(hash, Variant::Whole, 1, 3).unwrap(), b"ell");
        assert_eq!(files.read(hash, Variant::Whole, 9, 3).unwrap(), b"");
        let mode = fs::metadata(files.path(hash, Variant::Whole)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(files.adopt(ContentHash([8; 32]), 5, &spilled).is_err(), "it is gone and was never here");
    }

    #[test]
    fn variants_stand_apart_and_leftovers_are_told_from_outputs() {
        let (_dir, files) = files();
        let hash = ContentHash([9; 32]);
        files.put(hash, Variant::HeadTail, &[Bytes::from_static(b"he"), Bytes::from_static(b"il")]).unwrap();
        files.put(hash, Variant::Whole, &[Bytes::from_static(b"he--il")]).unwrap();
        assert_eq!(files.read(hash, Variant::HeadTail, 0, 100).unwrap(), b"heil");
        let shelf = files.path(hash, Variant::Whole).parent().unwrap().to_owned();
        fs::write(shelf.join(".new-x"), b"half").unwrap();
        fs::write(shelf.join("README"), b"not ours").unwrap();
        let mut found: Vec<Option<Variant>> =
            files.list().unwrap().into_iter().map(|found| found.output.map(|(_, variant)| variant)).collect();
        found.sort_by_key(|variant| variant.map(|variant| variant == Variant::Whole));
        assert_eq!(found, [None, Some(Variant::HeadTail), Some(Variant::Whole)]);
    }
}
