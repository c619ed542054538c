//! Writing new keys to a list: atomically, without losing what others write at the same time.
//!
//! Main function: [`KnownHosts::add`]. The file is locked with `flock(2)` against other processes of ours,
//! written whole to a temporary file beside it, synced and renamed, so a crash or a full disk leaves the old
//! content. Adders of one process that meet are written together, because each write costs a sync.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::FlockOperation;

use super::check::{KnownHosts, Verdict};
use super::error::KnownHostsError;
use super::file::KnownFile;
use super::fingerprint::key_type;
use super::line::Marker;
use super::lookup::{HASH_LENGTH, HashedName, HostLookup};

/// How often the lock is taken anew because the file was replaced while waiting. Each time means that another
/// adder succeeded, so this is far beyond what happens.
const LOCK_ATTEMPTS: usize = 100_000;

/// What adding did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The key now stands in the list.
    Written,
    /// Somebody else had added the same key meanwhile.
    AlreadyKnown,
}

/// The adders of this process, by file.
#[derive(Debug, Default)]
pub(super) struct Writers {
    by_file: Mutex<HashMap<PathBuf, Arc<Writer>>>,
}

#[derive(Debug, Default)]
struct Writer {
    /// Held while writing; who gets it writes for all that wait.
    turn: Mutex<()>,
    /// Bounded by the number of callers, each of which has at most one.
    waiting: Mutex<Vec<Arc<Request>>>,
}

#[derive(Debug)]
struct Request {
    name: String,
    key_type: String,
    blob: Vec<u8>,
    hash_name: bool,
    answer: Mutex<Option<Result<Added, KnownHostsError>>>,
}

impl KnownHosts {
    /// Stores a key for a host in the first of the user's lists, creating folder (0700) and file (0600) when
    /// missing. With `hash_name`, the host's name is not readable in the file.
    ///
    /// Call it only after the login succeeded. Blocks while others write the same file.
    ///
    /// # Errors
    ///
    /// When there is no list to write to, the name or key is not fit for one, another key or a revocation for
    /// the host was stored since the check, or writing fails; in every case the list stays as it was.
    pub fn add(&self, host: &HostLookup, key_blob: &[u8], hash_name: bool) -> Result<Added, KnownHostsError> {
        let path = self.writable_file().ok_or(KnownHostsError::NoFile)?;
        let name = host.name();
        let unfit = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '*' | '?' | '!' | '"');
        if name.is_empty() || name.starts_with(['|', '#', '@']) || name.contains(unfit) {
            return Err(KnownHostsError::InvalidName { name: name.to_owned() });
        }
        let key_type = key_type(key_blob).ok_or(KnownHostsError::MalformedKey)?;
        // The other lists do not change here, so their answer needs no lock.
        match self.check_name(name, key_blob)? {
            Verdict::Match { .. } => return Ok(Added::AlreadyKnown),
            Verdict::Unknown { .. } => {}
            Verdict::Changed { known, .. } => {
                let first = known.into_iter().next();
                let (path, line) = first.map_or((path.to_owned(), 0), |key| (key.file, key.line));
                return Err(KnownHostsError::Conflict { name: name.to_owned(), path, line });
            }
            Verdict::Revoked { file, line, .. } => {
                return Err(KnownHostsError::Conflict { name: name.to_owned(), path: file, line });
            }
        }
        let request = Arc::new(Request {
            name: name.to_owned(),
            key_type: key_type.to_owned(),
            blob: key_blob.to_owned(),
            hash_name,
            answer: Mutex::new(None),
        });
        self.cache().writers().writer(path).submit(path, &request)
    }
}

impl Writers {
    fn writer(&self, path: &Path) -> Arc<Writer> {
        let mut writers = self.by_file.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(writers.entry(path.to_owned()).or_default())
    }
}

impl Writer {
    fn submit(&self, path: &Path, request: &Arc<Request>) -> Result<Added, KnownHostsError> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(request));
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = request.answer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return answer;
        }
        let batch = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let answers = match write_batch(path, &batch) {
            Ok(answers) => answers,
            Err(error) => {
                let error = KnownHostsError::write(path, &error);
                batch.iter().map(|_| Err(error.clone())).collect()
            }
        };
        let mut own = None;
        for (waiting, answer) in batch.iter().zip(answers) {
            if Arc::ptr_eq(waiting, request) {
                own = Some(answer);
            } else {
                *waiting.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            }
        }
        // A request without an answer is still in the queue, and so was part of the batch.
        own.unwrap_or(Err(KnownHostsError::NoFile))
    }
}

/// One answer per request, in the same order.
type Answers = Vec<Result<Added, KnownHostsError>>;

fn write_batch(path: &Path, batch: &[Arc<Request>]) -> io::Result<Answers> {
    let path = resolve_links(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut locked = lock(&path)?;
    let mut content = Vec::new();
    locked.read_to_end(&mut content)?;

    let known = KnownFile::parse(&content);
    let mut answers = Answers::with_capacity(batch.len());
    let mut lines = String::new();
    // Two adders of one batch may bring the same host.
    let mut added: HashMap<&str, &[u8]> = HashMap::new();
    for request in batch {
        let conflict =
            |line| Err(KnownHostsError::Conflict { name: request.name.clone(), path: path.clone(), line });
        let mut answer = None;
        for entry in known.entries_for(&request.name) {
            let same = *entry.blob == *request.blob;
            match entry.marker {
                Marker::Revoked if same => {
                    answer = Some(conflict(entry.line));
                    break;
                }
                Marker::Plain if same => answer = Some(Ok(Added::AlreadyKnown)),
                Marker::Plain => answer = answer.or_else(|| Some(conflict(entry.line))),
                Marker::Revoked | Marker::CertAuthority => {}
            }
        }
        if let Some(blob) = added.get(request.name.as_str()) {
            answer = Some(if *blob == request.blob { Ok(Added::AlreadyKnown) } else { conflict(0) });
        }
        if answer.is_none() {
            added.insert(&request.name, &request.blob);
            lines.push_str(&line_for(request)?);
        }
        answers.push(answer.unwrap_or(Ok(Added::Written)));
    }
    if !lines.is_empty() {
        if content.last().is_some_and(|last| *last != b'\n') {
            content.push(b'\n');
        }
        content.extend_from_slice(lines.as_bytes());
        replace(&path, folder, &locked, &content)?;
    }
    Ok(answers)
}

fn line_for(request: &Request) -> io::Result<String> {
    let name = if request.hash_name {
        let mut salt = [0_u8; HASH_LENGTH];
        File::open("/dev/urandom")?.read_exact(&mut salt)?;
        let hashed = HashedName::of(&request.name, salt).ok_or(io::ErrorKind::InvalidInput)?;
        hashed.to_text()
    } else {
        request.name.clone()
    };
    Ok(format!("{name} {} {}\n", request.key_type, STANDARD.encode(&request.blob)))
}

/// Renaming over a symbolic link would replace the link, so the file behind it is what is written.
fn resolve_links(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error),
    }
}

/// Opens and locks the file at `path`, and makes sure that it is still the one at `path` once locked.
fn lock(path: &Path) -> io::Result<File> {
    for _ in 0..LOCK_ATTEMPTS {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        loop {
            match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => break,
                // A signal; waiting goes on.
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let ours = file.metadata()?;
        match std::fs::metadata(path) {
            Ok(current) if current.ino() == ours.ino() && current.dev() == ours.dev() => return Ok(file),
            // Replaced or removed while we waited.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "the file changes without end"))
}

/// Writes `content` beside the file and renames it over it. The temporary file does not outlive a failure.
fn replace(path: &Path, folder: &Path, old: &File, content: &[u8]) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(".pabawi-new");
    let temporary = folder.join(name);
    // The name is free for whoever holds the lock; one that exists was left by a process that died.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let result = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let before = old.metadata()?;
        let created = file.metadata()?;
        // An administrator writing another user's list must not take it away from that user.
        if (created.uid(), created.gid()) != (before.uid(), before.gid()) {
            std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(before.mode() & 0o644))?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    })();
    if result.is_err() {
        // The fault that counts is the first one.
        let _ = std::fs::remove_file(&temporary);
        return result;
    }
    // Some file systems cannot sync a folder; the content itself is safe either way.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}
