//! Hashes of what an action would bring to the nodes: [`of_request`]. Files are read block by block, so that their size
//! costs time and no memory.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pabawi_domain::action::{Action, StdinSource};
use pabawi_domain::output::ContentHash;
use pabawi_domain::preview::BasisFile;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::validation::ValidationError;
use sha2::{Digest as _, Sha256};

use crate::error::SubmitError;

/// Bytes read at once.
const BLOCK: usize = 256 * 1024;
/// Directories below each other, as for a copy.
const MAX_DEPTH: usize = 128;
/// Entries of a directory with all below it, as for a copy.
const MAX_ENTRIES: u64 = 1_000_000;
/// Permissions that a copy takes over.
const KEPT_MODE: u32 = 0o777;

/// What the request would bring to the nodes.
///
/// # Errors
/// [`SubmitError::Invalid`] for a file that cannot be read, or that a copy would refuse.
pub(super) async fn of_request(request: &ExecutionRequest) -> Result<Vec<BasisFile>, SubmitError> {
    let mut files = of_action(&request.action, "").await?;
    if let Some(check) = request.rollout.health_check() {
        files.extend(of_action(&check.action, "health check: ").await?);
    }
    Ok(files)
}

async fn of_action(action: &Action, of: &str) -> Result<Vec<BasisFile>, SubmitError> {
    let mut files = Vec::new();
    match action {
        Action::Script(script) => {
            files.push(of_bytes(format!("{of}script {}", script.name), &script.content.0));
        }
        Action::Upload(copy) => {
            let what = format!("{of}{}", copy.source.display());
            let keeps_mode = copy.mode.is_none();
            files.push(of_path(what, &copy.source, "action.source", keeps_mode).await?);
        }
        _ => {}
    }
    let what = format!("{of}standard input");
    match action.process().and_then(|process| process.stdin.as_ref()) {
        Some(StdinSource::Bytes(bytes)) => files.push(of_bytes(what, &bytes.0)),
        Some(StdinSource::File(path)) => files.push(of_path(what, path, "action.stdin", false).await?),
        // A digest of a secret would tell something of it.
        Some(StdinSource::Secret(_)) | None => {}
    }
    Ok(files)
}

fn of_bytes(what: String, bytes: &[u8]) -> BasisFile {
    let sha256 = ContentHash(Sha256::digest(bytes).into());
    BasisFile { what, bytes: bytes.len() as u64, mode: None, sha256 }
}

async fn of_path(
    what: String,
    path: &Path,
    field: &'static str,
    keeps_mode: bool,
) -> Result<BasisFile, SubmitError> {
    // Reading goes on by itself on its thread; whoever no longer waits for it ends it.
    let stop = StopOnDrop(Arc::default());
    let reading = Reading { stopped: Arc::clone(&stop.0), keeps_mode, bytes: 0, entries: 0 };
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || reading.read(&path));
    let (bytes, mode, sha256) = read
        .await
        .map_err(|error| SubmitError::Internal(format!("reading a file failed: {error}")))?
        .map_err(|fault| ValidationError::of(field, fault))?;
    drop(stop);
    Ok(BasisFile { what, bytes, mode, sha256: ContentHash(sha256) })
}

/// Ends a reading whose result nobody waits for.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file or directory being read.
struct Reading {
    stopped: Arc<AtomicBool>,
    /// Permissions of files are taken over; those of directories always are.
    keeps_mode: bool,
    bytes: u64,
    entries: u64,
}

impl Reading {
    /// Length, permissions and hash.
    fn read(mut self, path: &Path) -> Result<(u64, Option<u32>, [u8; 32]), String> {
        let found = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if found.is_file() {
            let hash = self.file(path)?;
            return Ok((self.bytes, self.keeps_mode.then(|| mode(&found)), hash));
        }
        let mut hash = Sha256::new();
        self.directory(path, &mut hash)?;
        Ok((self.bytes, Some(mode(&found)), hash.finalize().into()))
    }

    fn file(&mut self, path: &Path) -> Result<[u8; 32], String> {
        let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let mut hash = Sha256::new();
        let mut block = vec![0; BLOCK];
        // Ends with the file, or when nobody waits any more.
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return Err("nobody waits for it".to_owned());
            }
            let length = match file.read(&mut block) {
                Ok(0) => return Ok(hash.finalize().into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(path, &error)),
            };
            hash.update(block.get(..length).unwrap_or_default());
            self.bytes += length as u64;
        }
    }

    /// Takes in what is below a directory, sorted by name, so that the order on the disk makes no difference.
    fn directory(&mut self, path: &Path, hash: &mut Sha256) -> Result<(), String> {
        let mut pending: Vec<(PathBuf, PathBuf, usize)> = vec![(path.to_owned(), PathBuf::new(), 0)];
        // Each directory is met once, and their number is limited with that of the entries.
        while let Some((folder, below, depth)) = pending.pop() {
            let failed = |error| unreadable(&folder, &error);
            let listed = std::fs::read_dir(&folder).map_err(failed)?;
            let mut names = listed
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(failed)?;
            names.sort();
            for name in names {
                self.entries += 1;
                if depth >= MAX_DEPTH || self.entries > MAX_ENTRIES {
                    let folder = folder.display();
                    return Err(format!(
                        "{folder} holds more than {MAX_ENTRIES} entries or {MAX_DEPTH} levels"
                    ));
                }
                let (path, below) = (folder.join(&name), below.join(&name));
                self.entry(&path, &below, hash)?;
                if std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
                    pending.push((path, below, depth + 1));
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, below: &Path, hash: &mut Sha256) -> Result<(), String> {
        let found = std::fs::symlink_metadata(path).map_err(|error| unreadable(path, &error))?;
        let (kind, permissions, content) = if found.is_dir() {
            (b'd', mode(&found), Vec::new())
        } else if found.is_file() {
            let permissions = if self.keeps_mode { mode(&found) } else { 0 };
            (b'f', permissions, self.file(path)?.to_vec())
        } else if found.is_symlink() {
            let to = std::fs::read_link(path).map_err(|error| unreadable(path, &error))?;
            (b'l', 0, to.as_os_str().as_bytes().to_vec())
        } else {
            return Err(format!("{} is neither a file, a directory nor a link", path.display()));
        };
        // Each part says how long it is, so that two trees cannot read alike.
        for part in [below.as_os_str().as_bytes(), &[kind], &permissions.to_be_bytes(), &content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Ok(())
    }
}

fn mode(found: &Metadata) -> u32 {
    found.permissions().mode() & KEPT_MODE
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    async fn hash(path: &Path, keeps_mode: bool) -> BasisFile {
        of_path("it".to_owned(), path, "action.source", keeps_mode).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_has_the_hash_that_everybody_knows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let content = vec![b'x'; BLOCK * 2 + 7];
        std::fs::write(&path, &content).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let found = hash(&path, true).await;
        assert_eq!((found.bytes, found.mode), (content.len() as u64, Some(0o640)));
        assert_eq!(found.sha256, of_bytes(String::new(), &content).sha256);
        assert_eq!(hash(&path, false).await.mode, None);
    }

    #[tokio::test]
    async fn whatever_a_copy_would_bring_changes_the_hash_of_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/a"), "1").unwrap();
        std::os::unix::fs::symlink("sub/a", root.join("link")).unwrap();
        let mut seen = vec![hash(&root, true).await.sha256];
        let changes: [&dyn Fn(); 5] = [
            &|| std::fs::write(root.join("sub/a"), "2").unwrap(),
            &|| std::fs::rename(root.join("sub/a"), root.join("sub/b")).unwrap(),
            &|| std::fs::set_permissions(root.join("sub/b"), Permissions::from_mode(0o700)).unwrap(),
            &|| std::fs::create_dir(root.join("empty")).unwrap(),
            &|| {
                std::fs::remove_file(root.join("link")).unwrap();
                std::os::unix::fs::symlink("sub/b", root.join("link")).unwrap();
            },
        ];
        for change in changes {
            assert_eq!(hash(&root, true).await.sha256, *seen.last().unwrap());
            change();
            let now = hash(&root, true).await.sha256;
            assert!(!seen.contains(&now));
            seen.push(now);
        }
        assert_eq!(hash(&root, true).await.bytes, 1);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_named() {
        let error = of_path("it".to_owned(), Path::new("/nonexistent/x"), "action.stdin", false).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("action.stdin") && error.contains("/nonexistent/x"), "{error}");
    }
}
