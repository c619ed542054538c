//! [`FileInventory`]: a file that is read anew on every fetch.

use std::hash::{Hash as _, Hasher as _};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use pabawi_domain::ports::{InventorySnapshot, InventorySource, InventorySourceError};

use crate::source::blocking::blocking;
use crate::source::{SourceError, hosts_file, inventory_file};

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A hosts file or an inventory file.
#[derive(Debug, Clone)]
pub struct FileInventory {
    path: PathBuf,
    name: String,
    priority: i32,
    format: Format,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Hosts,
    Inventory,
}

impl FileInventory {
    /// A file with one list of hosts a line, see [`hosts_file`].
    pub fn hosts_file(path: impl Into<PathBuf>, priority: i32) -> Self {
        Self::new(path.into(), priority, Format::Hosts)
    }

    /// An inventory in YAML or JSON, see [`inventory_file`].
    pub fn inventory_file(path: impl Into<PathBuf>, priority: i32) -> Self {
        Self::new(path.into(), priority, Format::Inventory)
    }

    fn new(path: PathBuf, priority: i32, format: Format) -> Self {
        let name = format!("file:{}", path.display());
        Self { path, name, priority, format }
    }

    /// Reads the file now, in the calling thread: a local file of at most [`MAX_FILE_BYTES`].
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn read(&self) -> Result<InventorySnapshot, SourceError> {
        let text = read_text(&self.path)?;
        match self.format {
            Format::Hosts => hosts_file(&self.path.display().to_string(), &text),
            Format::Inventory => inventory_file(&self.path, &text),
        }
    }
}

#[async_trait]
impl InventorySource for FileInventory {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    fn revision(&self) -> Option<u64> {
        Some(revision_of([&self.path]))
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let file = self.clone();
        blocking(&self.path, move || file.read()).await.map_err(|error| error.of_source(&self.name))
    }
}

/// A mark of files that differs after any of them was written, replaced, made or removed: of their sizes, times and
/// inode numbers.
pub(crate) fn revision_of<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> u64 {
    let mut mark = std::hash::DefaultHasher::new();
    for path in paths {
        let path = path.as_ref();
        path.hash(&mut mark);
        match std::fs::metadata(path) {
            Ok(file) => {
                (file.len(), file.ino(), file.dev(), file.mtime(), file.mtime_nsec()).hash(&mut mark);
                (file.ctime(), file.ctime_nsec()).hash(&mut mark);
            }
            Err(error) => error.raw_os_error().hash(&mut mark),
        }
    }
    mark.finish()
}

/// The text of a file, without a byte order mark.
///
/// # Errors
/// It cannot be read, is too large or not UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, SourceError> {
    text_of(path, read_bytes(path)?)
}

/// The text that bytes of a file are, without a byte order mark.
///
/// # Errors
/// It is not UTF-8; says on which line.
pub(crate) fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, SourceError> {
    let bytes = match bytes.strip_prefix("\u{feff}".as_bytes()) {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        SourceError::of_line(path, line, "is not a text in UTF-8")
    })
}

/// The bytes of a file.
///
/// # Errors
/// It cannot be read or is larger than [`MAX_FILE_BYTES`].
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, SourceError> {
    let failed = |source| SourceError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, also one whose size is not known before.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let bytes = std::fs::metadata(path).map_or(bytes.len() as u64, |metadata| metadata.len());
        return Err(SourceError::TooLarge { path: path.to_owned(), bytes, most: MAX_FILE_BYTES });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = FileInventory::hosts_file(dir.path().join("none"), 0).read().unwrap_err();
        assert!(missing.to_string().contains("none: "), "{missing}");
        let binary = dir.path().join("binary");
        std::fs::write(&binary, b"\xff\xfea").unwrap();
        let error = FileInventory::hosts_file(&binary, 0).read().unwrap_err();
        assert!(error.to_string().contains("UTF-8"), "{error}");
        let error = FileInventory::inventory_file(dir.path(), 0).read().unwrap_err();
        assert!(matches!(error, SourceError::Read { .. }), "{error}");
        let large = dir.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(MAX_FILE_BYTES + 5).unwrap();
        let error = FileInventory::inventory_file(&large, 0).read().unwrap_err();
        assert!(
            matches!(error, SourceError::TooLarge { bytes, .. } if bytes == MAX_FILE_BYTES + 5),
            "{error}"
        );
    }
}
