//! Files of this machine as an end of a copy: [`LocalEnd`].

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::end::{Digests, End, Entry, EntryKind, Side, Sink};
use super::fault::CopyFault;
use super::job::Job;

const BLOCK: usize = 1 << 20;

/// This machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalEnd {
    side: Side,
}

impl LocalEnd {
    /// This machine as where the caller is.
    pub(crate) fn here() -> Self {
        Self { side: Side::Here }
    }

    /// This machine as a node of its own.
    pub(crate) fn node() -> Self {
        Self { side: Side::Node }
    }

    fn fault<'a>(&self, path: &'a Path) -> impl Fn(io::Error) -> CopyFault + use<'a> {
        let side = self.side;
        move |error| CopyFault::io(side, path, &error)
    }
}

fn entry(metadata: &std::fs::Metadata) -> Entry {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => EntryKind::File,
        kind if kind.is_dir() => EntryKind::Directory,
        kind if kind.is_symlink() => EntryKind::Link,
        _ => EntryKind::Other,
    };
    Entry { kind, size: metadata.size(), mode: metadata.mode() & 0o7777 }
}

impl End for LocalEnd {
    fn side(&self) -> Side {
        self.side
    }

    fn resolve(&self, text: &str) -> PathBuf {
        let home = || std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        match text.strip_prefix("~/") {
            Some(rest) => home().join(rest),
            None if text == "~" => home(),
            // An absolute path replaces the home directory.
            None => home().join(text),
        }
    }

    fn stat(&self, path: &Path, follow: bool) -> Result<Option<Entry>, CopyFault> {
        let metadata = if follow { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) };
        match metadata {
            Ok(metadata) => Ok(Some(entry(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CopyFault::io(self.side, path, &error)),
        }
    }

    fn list(&self, path: &Path) -> Result<Vec<(OsString, Entry)>, CopyFault> {
        let mut entries = Vec::new();
        for found in std::fs::read_dir(path).map_err(self.fault(path))? {
            let found = found.map_err(self.fault(path))?;
            let metadata = found.metadata().map_err(self.fault(path))?;
            entries.push((found.file_name(), entry(&metadata)));
        }
        Ok(entries)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, CopyFault> {
        std::fs::read_link(path).map_err(self.fault(path))
    }

    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn Read + 'a>, CopyFault> {
        let file = File::open(path).map_err(self.fault(path))?;
        Ok(Box::new(file))
    }

    fn create<'a>(&'a self, path: &Path) -> Result<Box<dyn Sink + 'a>, CopyFault> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(self.fault(path))?;
        Ok(Box::new(LocalSink { file, path: path.to_owned(), side: self.side }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), CopyFault> {
        std::fs::rename(from, to).map_err(self.fault(to))?;
        // The new name is stored with the folder; some file systems cannot sync one.
        let _ = to.parent().and_then(|folder| File::open(folder).ok()).map(|folder| folder.sync_all());
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> Result<(), CopyFault> {
        std::fs::remove_file(path).map_err(self.fault(path))
    }

    fn make_directory(&self, path: &Path, mode: u32) -> Result<(), CopyFault> {
        std::fs::DirBuilder::new().mode(mode).create(path).map_err(self.fault(path))
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Result<(), CopyFault> {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(self.fault(path))
    }

    fn make_link(&self, target: &Path, path: &Path) -> Result<(), CopyFault> {
        std::os::unix::fs::symlink(target, path).map_err(self.fault(path))
    }

    fn digests(&self, paths: &[PathBuf], job: &Job) -> Result<Digests, CopyFault> {
        let mut block = vec![0_u8; BLOCK];
        let mut sums = Vec::with_capacity(paths.len());
        for path in paths {
            let mut file = File::open(path).map_err(self.fault(path))?;
            let mut sum = Sha256::new();
            // Ends with the file, which nobody else writes.
            loop {
                job.check()?;
                let n = file.read(&mut block).map_err(self.fault(path))?;
                if n == 0 {
                    break;
                }
                sum.update(block.get(..n).unwrap_or_default());
            }
            sums.push(sum.finalize().into());
        }
        Ok(Digests { sums, found_by: "read back".to_owned() })
    }
}

struct LocalSink {
    file: File,
    path: PathBuf,
    side: Side,
}

impl Write for LocalSink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for LocalSink {
    fn finish(self: Box<Self>, mode: u32) -> Result<(), CopyFault> {
        let fault = |error: io::Error| CopyFault::io(self.side, &self.path, &error);
        self.file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(fault)?;
        self.file.sync_all().map_err(fault)
    }
}
