//! What a place to copy from or to can do: [`End`].
//!
//! All functions block. An end must not follow symbolic links except where `follow` says so.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::fault::CopyFault;
use super::job::Job;

/// Which side of the copy an end is. It decides how its faults are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Where the caller is.
    Here,
    /// The managed machine.
    Node,
}

/// A SHA-256 checksum.
pub(crate) type Digest = [u8; 32];

/// Checksums of several files, in the order asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) sums: Vec<Digest>,
    /// A program's name, or `read back`.
    pub(crate) found_by: String,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    pub(crate) size: u64,
    /// Permission bits without the file's type.
    pub(crate) mode: u32,
}

/// The kinds of entries that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Directory,
    Link,
    /// A device, socket or pipe.
    Other,
}

/// A file that is being written.
pub(crate) trait Sink: Write {
    /// Sets the permissions and makes sure that the content is stored, as far as the end can.
    fn finish(self: Box<Self>, mode: u32) -> Result<(), CopyFault>;
}

/// A place to copy from or to.
pub(crate) trait End {
    fn side(&self) -> Side;

    /// The path that a caller's text means: relative ones, and `~/`, begin at the home directory of the user.
    fn resolve(&self, text: &str) -> PathBuf;

    /// What stands at `path`; `None` when nothing does.
    fn stat(&self, path: &Path, follow: bool) -> Result<Option<Entry>, CopyFault>;

    /// The entries of a directory, without `.` and `..`, none of them followed. Names are single components:
    /// one with a slash is a fault.
    fn list(&self, path: &Path) -> Result<Vec<(OsString, Entry)>, CopyFault>;

    fn read_link(&self, path: &Path) -> Result<PathBuf, CopyFault>;

    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn Read + 'a>, CopyFault>;

    /// Makes a new file that only its owner can read; an existing one is a fault.
    fn create<'a>(&'a self, path: &Path) -> Result<Box<dyn Sink + 'a>, CopyFault>;

    /// Puts `from` in the place of `to`, which may exist, in one step. An end that needs two, and fails when `to` is
    /// gone, tells the job to leave `from`.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), CopyFault>;

    fn remove_file(&self, path: &Path) -> Result<(), CopyFault>;

    /// Makes one directory.
    fn make_directory(&self, path: &Path, mode: u32) -> Result<(), CopyFault>;

    fn set_mode(&self, path: &Path, mode: u32) -> Result<(), CopyFault>;

    fn make_link(&self, target: &Path, path: &Path) -> Result<(), CopyFault>;

    /// Checksums of what is stored, found independently of what was written.
    fn digests(&self, paths: &[PathBuf], job: &Job) -> Result<Digests, CopyFault>;
}
