//! The files of a node over SFTP: [`SftpEnd`].

use std::cell::{Cell, OnceCell};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use libssh2_sys::{
    LIBSSH2_ERROR_FILE, LIBSSH2_ERROR_SFTP_PROTOCOL, LIBSSH2_FX_CONNECTION_LOST, LIBSSH2_FX_FAILURE,
    LIBSSH2_FX_FILE_ALREADY_EXISTS, LIBSSH2_FX_NO_CONNECTION, LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM,
    LIBSSH2_FX_NO_SUCH_FILE, LIBSSH2_FX_NO_SUCH_PATH, LIBSSH2_FX_OP_UNSUPPORTED,
    LIBSSH2_FX_PERMISSION_DENIED, LIBSSH2_FX_QUOTA_EXCEEDED,
};
use sha2::{Digest as _, Sha256};
use ssh2::{Error, ErrorCode, File, FileStat, FileType, OpenFlags, OpenType, RenameFlags, Session, Sftp};

use super::digest::by_program;
use super::patience::{Patience, STALL, TICK_MS};
use super::posix_rename::PosixRename;
use crate::copy::{CopyFault, Digests, End, Entry, EntryKind, Job, Side, Sink};

/// Bytes asked for at once when a file is read back. libssh2 reads ahead four times as much.
const BLOCK: usize = 256 << 10;
/// The most entries of one directory.
const MAX_LISTED: usize = 1_000_000;

/// A node whose files are reached over a blocking session.
pub(crate) struct SftpEnd<'s> {
    // Before the session's own channel: dropped in this order.
    posix_rename: OnceCell<Option<PosixRename<'s>>>,
    sftp: Sftp,
    patience: Patience<'s>,
    /// Written since checksums were last asked for.
    unchecked_bytes: Cell<u64>,
}

impl<'s> SftpEnd<'s> {
    /// Starts the SFTP subsystem on a session in blocking mode, whose timeout it takes over.
    ///
    /// # Errors
    /// When the node has no SFTP, or is silent.
    pub(crate) fn open(session: &'s Session, job: &'s Job) -> Result<Self, CopyFault> {
        session.set_blocking(true);
        session.set_timeout(TICK_MS);
        let patience = Patience { session, job };
        let sftp = patience.call(|| session.sftp())?.map_err(|error| {
            let message = "the node does not offer SFTP; enable Subsystem sftp in its sshd_config".to_owned();
            match error.code() {
                ErrorCode::Session(code) if is_link_fault(code) => link_fault(error),
                _ => CopyFault::At {
                    side: Side::Node,
                    path: PathBuf::from("/"),
                    message,
                    source: Some(Box::new(error)),
                },
            }
        })?;
        Ok(Self { posix_rename: OnceCell::new(), sftp, patience, unchecked_bytes: Cell::new(0) })
    }

    fn call<T>(&self, path: &Path, call: impl FnMut() -> Result<T, Error>) -> Result<T, CopyFault> {
        self.patience.call(call)?.map_err(|error| fault(path, error))
    }

    /// The channel for renames that replace; `None` when the node refuses one.
    fn renamer(&self) -> Result<Option<&PosixRename<'s>>, CopyFault> {
        if self.posix_rename.get().is_none() {
            let opened = PosixRename::open(self.patience)?.ok();
            // Only this thread sets it, just now found empty.
            let _ = self.posix_rename.set(opened);
        }
        Ok(self.posix_rename.get().and_then(Option::as_ref))
    }

    fn digests_by_reading(&self, paths: &[PathBuf], job: &Job) -> Result<Digests, CopyFault> {
        let mut block = vec![0_u8; BLOCK];
        let mut sums = Vec::with_capacity(paths.len());
        for path in paths {
            let mut reader = self.open(path)?;
            let mut sum = Sha256::new();
            // Ends with the file.
            loop {
                job.check()?;
                let n = reader.read(&mut block).map_err(|error| match error.downcast::<CopyFault>() {
                    Ok(fault) => fault,
                    Err(error) => CopyFault::io(Side::Node, path, &error),
                })?;
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

fn is_link_fault(code: i32) -> bool {
    use libssh2_sys::{
        LIBSSH2_ERROR_CHANNEL_CLOSED, LIBSSH2_ERROR_SOCKET_DISCONNECT, LIBSSH2_ERROR_SOCKET_RECV,
        LIBSSH2_ERROR_SOCKET_SEND, LIBSSH2_ERROR_SOCKET_TIMEOUT,
    };
    [
        LIBSSH2_ERROR_CHANNEL_CLOSED,
        LIBSSH2_ERROR_SOCKET_DISCONNECT,
        LIBSSH2_ERROR_SOCKET_RECV,
        LIBSSH2_ERROR_SOCKET_SEND,
        LIBSSH2_ERROR_SOCKET_TIMEOUT,
    ]
    .contains(&code)
}

fn link_fault(error: Error) -> CopyFault {
    CopyFault::Link {
        message: "the connection to the node was lost during a copy".to_owned(),
        source: Some(Box::new(error)),
    }
}

fn fault(path: &Path, error: Error) -> CopyFault {
    let message = match error.code() {
        ErrorCode::Session(code) if is_link_fault(code) => return link_fault(error),
        ErrorCode::SFTP(LIBSSH2_FX_NO_CONNECTION | LIBSSH2_FX_CONNECTION_LOST) => return link_fault(error),
        ErrorCode::SFTP(LIBSSH2_FX_NO_SUCH_FILE | LIBSSH2_FX_NO_SUCH_PATH) => "no such file or directory",
        ErrorCode::SFTP(LIBSSH2_FX_PERMISSION_DENIED) => "permission denied",
        ErrorCode::SFTP(LIBSSH2_FX_FILE_ALREADY_EXISTS) => "exists already",
        ErrorCode::SFTP(LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM) => "no space left on the device",
        ErrorCode::SFTP(LIBSSH2_FX_QUOTA_EXCEEDED) => "the quota is exceeded",
        // SFTP version 3 has one word for a full disk, a directory in the way and a file name too long.
        ErrorCode::SFTP(LIBSSH2_FX_FAILURE) => {
            "the node's SFTP server reports a failure; is the disk full, or something in the way?"
        }
        ErrorCode::SFTP(LIBSSH2_FX_OP_UNSUPPORTED) => "the node's SFTP server cannot do that",
        _ => "the node's SFTP server answered in a way that was not understood",
    };
    CopyFault::At {
        side: Side::Node,
        path: path.to_owned(),
        message: message.to_owned(),
        source: Some(Box::new(error)),
    }
}

/// The same fault, with where the only content of the file is now.
fn kept(fault: CopyFault, at: &Path) -> CopyFault {
    let add = |message: String| {
        format!("{message}; what stood there had to go first, and the new content is in {}", at.display())
    };
    match fault {
        CopyFault::At { side, path, message, source } => {
            CopyFault::At { side, path, message: add(message), source }
        }
        CopyFault::Link { message, source } => CopyFault::Link { message: add(message), source },
        other => other,
    }
}

/// The same for reading and writing, where libssh2's error is wrapped.
fn transfer_fault(path: &Path, error: io::Error) -> io::Error {
    let fault = match error.downcast::<Error>() {
        Ok(error) => fault(path, error),
        Err(error) => CopyFault::Link { message: format!("{}: {error}", path.display()), source: None },
    };
    io::Error::other(fault)
}

fn entry(stat: &FileStat) -> Entry {
    let kind = match stat.perm.map(|_| stat.file_type()) {
        Some(FileType::RegularFile) => EntryKind::File,
        Some(FileType::Directory) => EntryKind::Directory,
        Some(FileType::Symlink) => EntryKind::Link,
        _ => EntryKind::Other,
    };
    Entry { kind, size: stat.size.unwrap_or(0), mode: stat.perm.unwrap_or(0o600) & 0o7777 }
}

fn mode_only(mode: u32) -> FileStat {
    FileStat { size: None, uid: None, gid: None, perm: Some(mode), atime: None, mtime: None }
}

fn sftp_mode(mode: u32) -> i32 {
    i32::try_from(mode & 0o7777).unwrap_or(0o700)
}

impl End for SftpEnd<'_> {
    fn side(&self) -> Side {
        Side::Node
    }

    fn resolve(&self, text: &str) -> PathBuf {
        // SFTP begins relative paths at the login directory, which is where `~` points.
        match text.strip_prefix("~/") {
            Some(rest) if !rest.is_empty() => PathBuf::from(rest),
            Some(_) => PathBuf::from("."),
            None if text == "~" => PathBuf::from("."),
            None => PathBuf::from(text),
        }
    }

    fn stat(&self, path: &Path, follow: bool) -> Result<Option<Entry>, CopyFault> {
        let result =
            self.patience.call(|| if follow { self.sftp.stat(path) } else { self.sftp.lstat(path) })?;
        match result {
            Ok(stat) => Ok(Some(entry(&stat))),
            Err(error)
                if matches!(
                    error.code(),
                    ErrorCode::SFTP(LIBSSH2_FX_NO_SUCH_FILE | LIBSSH2_FX_NO_SUCH_PATH)
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(fault(path, error)),
        }
    }

    fn list(&self, path: &Path) -> Result<Vec<(OsString, Entry)>, CopyFault> {
        let mut folder = self.call(path, || self.sftp.opendir(path))?;
        let mut entries = Vec::new();
        while entries.len() < MAX_LISTED {
            // Not `Sftp::readdir`, which joins the names to the path, whatever is in them.
            match self.patience.call(|| folder.readdir())? {
                Ok((name, stat)) => {
                    if name != Path::new(".") && name != Path::new("..") {
                        entries.push((name.into_os_string(), entry(&stat)));
                    }
                }
                Err(error) if error.code() == ErrorCode::Session(LIBSSH2_ERROR_FILE) => return Ok(entries),
                Err(error) => return Err(fault(path, error)),
            }
        }
        Err(CopyFault::at(Side::Node, path, format!("holds more than {MAX_LISTED} entries")))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, CopyFault> {
        self.call(path, || self.sftp.readlink(path))
    }

    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn Read + 'a>, CopyFault> {
        let file = self.call(path, || self.sftp.open(path))?;
        Ok(Box::new(SftpReader { file, patience: self.patience, path: path.to_owned() }))
    }

    fn create<'a>(&'a self, path: &Path) -> Result<Box<dyn Sink + 'a>, CopyFault> {
        let flags = OpenFlags::WRITE | OpenFlags::EXCLUSIVE;
        let file = self.call(path, || self.sftp.open_mode(path, flags, 0o600, OpenType::File))?;
        Ok(Box::new(SftpSink {
            file,
            patience: self.patience,
            unchecked_bytes: &self.unchecked_bytes,
            path: path.to_owned(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), CopyFault> {
        // Version 3 only renames to a free name. That is tried first, because it needs no second channel.
        let flags = RenameFlags::ATOMIC | RenameFlags::NATIVE | RenameFlags::OVERWRITE;
        let Err(first) = self.patience.call(|| self.sftp.rename(from, to, Some(flags)))? else {
            return Ok(());
        };
        if !matches!(first.code(), ErrorCode::SFTP(_) | ErrorCode::Session(LIBSSH2_ERROR_SFTP_PROTOCOL)) {
            return Err(fault(to, first));
        }
        if let Some(renamer) = self.renamer()? {
            match renamer.rename(self.patience, from, to)? {
                Err(error) if error.code() == ErrorCode::SFTP(LIBSSH2_FX_OP_UNSUPPORTED) => {}
                result => return result.map_err(|error| fault(to, error)),
            }
        }
        // A server without the extension (not OpenSSH) or without a second channel: the old file has to go first.
        // Between the two steps there is no file under the name, which cannot be helped there.
        match self.stat(to, false)? {
            Some(entry) if entry.kind != EntryKind::Directory => {}
            _ => return Err(fault(to, first)),
        }
        let renamed = match self.patience.call_through(|| self.sftp.unlink(to)) {
            Ok(Ok(())) => self
                .patience
                .call_through(|| self.sftp.rename(from, to, Some(flags)))
                .and_then(|renamed| renamed.map_err(|error| fault(to, error))),
            // The server says that it was not removed.
            Ok(Err(error)) if matches!(error.code(), ErrorCode::SFTP(_)) => return Err(fault(to, error)),
            Ok(Err(error)) => Err(fault(to, error)),
            Err(fault) => Err(fault),
        };
        // The old content is gone, or may be: the new one is all there is of the file.
        renamed.map_err(|fault| {
            self.patience.job.leave(from.to_owned());
            kept(fault, from)
        })
    }

    fn remove_file(&self, path: &Path) -> Result<(), CopyFault> {
        self.patience.last_call(|| self.sftp.unlink(path))?.map_err(|error| fault(path, error))
    }

    fn make_directory(&self, path: &Path, mode: u32) -> Result<(), CopyFault> {
        self.call(path, || self.sftp.mkdir(path, sftp_mode(mode)))
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Result<(), CopyFault> {
        self.call(path, || self.sftp.setstat(path, mode_only(mode)))
    }

    fn make_link(&self, target: &Path, path: &Path) -> Result<(), CopyFault> {
        // OpenSSH reads the two paths of this request the other way round than the draft of SFTP version 3 names
        // them, and all servers have followed it (section 4.1 of `PROTOCOL` in its sources).
        self.call(path, || self.sftp.symlink(target, path))
    }

    fn digests(&self, paths: &[PathBuf], job: &Job) -> Result<Digests, CopyFault> {
        let bytes = self.unchecked_bytes.take();
        match by_program(self.patience, paths, bytes)? {
            Some(digests) => Ok(digests),
            None => self.digests_by_reading(paths, job),
        }
    }
}

struct SftpReader<'a> {
    file: File,
    patience: Patience<'a>,
    path: PathBuf,
}

impl Read for SftpReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { file, patience, path } = self;
        patience
            .transfer(STALL, || file.read(buffer))
            .map_err(io::Error::other)?
            .map_err(|error| transfer_fault(path, error))
    }
}

struct SftpSink<'a> {
    file: File,
    patience: Patience<'a>,
    unchecked_bytes: &'a Cell<u64>,
    path: PathBuf,
}

impl Write for SftpSink<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let Self { file, patience, unchecked_bytes, path } = self;
        let n = patience
            .transfer(STALL, || file.write(data))
            .map_err(io::Error::other)?
            .map_err(|error| transfer_fault(path, error))?;
        unchecked_bytes.set(unchecked_bytes.get() + u64::try_from(n).unwrap_or(0));
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for SftpSink<'_> {
    fn finish(self: Box<Self>, mode: u32) -> Result<(), CopyFault> {
        let Self { mut file, patience, path, .. } = *self;
        patience.call(|| file.setstat(mode_only(mode)))?.map_err(|error| fault(&path, error))?;
        match patience.once(|| file.fsync()) {
            Ok(()) => {}
            // The server has no such request; the content is stored when its system stores it.
            Err(error) if matches!(error.code(), ErrorCode::SFTP(LIBSSH2_FX_OP_UNSUPPORTED)) => {}
            Err(error) => return Err(fault(&path, error)),
        }
        patience.once(|| file.close()).map_err(|error| fault(&path, error))
    }
}
