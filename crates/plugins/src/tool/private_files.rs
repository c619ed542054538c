//! Files with secrets for a tool: [`PrivateRoot`] has one [`PrivateDirectory`] for each run, which is removed with it. What
//! a process that was killed has left is removed by the next one: a directory belongs to a living process as long as that
//! holds its lock, which the system gives up with the process.
//!
//! Everything here waits for the disk; it is called where that does no harm.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The lock file of a directory.
const LOCK: &str = "lock";

/// The directory of a plugin, `pabawi-NAME-UID` below the directory for temporary files.
#[derive(Debug, Clone)]
pub struct PrivateRoot {
    path: PathBuf,
}

impl PrivateRoot {
    /// Makes it where it is missing, and removes what processes that are gone have left in it.
    ///
    /// # Errors
    /// It cannot be made, or what has that name is not ours alone.
    pub fn open(parent: &Path, name: &str) -> io::Result<Self> {
        let own = rustix::process::geteuid().as_raw();
        let path = parent.join(format!("pabawi-{name}-{own}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(told(&error, &path)),
            Ok(()) => {}
        }
        let found = fs::symlink_metadata(&path)?;
        if !found.is_dir() || found.uid() != own || found.mode() & 0o077 != 0 {
            let text = format!(
                "{} must be a directory of this user with mode 0700, since secrets are written there; remove it or \
                 configure another tempDir",
                path.display()
            );
            return Err(io::Error::other(text));
        }
        let root = Self { path };
        root.sweep()?;
        Ok(root)
    }

    /// A new directory for one run.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn directory(&self) -> io::Result<PrivateDirectory> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // Nobody sweeps between the making and the locking.
        let _guard = self.guard()?;
        let process = std::process::id();
        // Names of a process that is gone may be there still; there are fewer of them than numbers.
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = self.path.join(format!("{process}-{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(told(&error, &path)),
                Ok(()) => {}
            }
            let lock = create(&path.join(LOCK))?;
            let directory = PrivateDirectory { path, lock };
            directory.lock.try_lock().map_err(io::Error::from)?;
            return Ok(directory);
        }
    }

    /// Held while directories are made or removed.
    fn guard(&self) -> io::Result<File> {
        let path = self.path.join(LOCK);
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|error| told(&error, &path))?;
        file.lock()?;
        Ok(file)
    }

    fn sweep(&self) -> io::Result<()> {
        let _guard = self.guard()?;
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            // Without a lock file it was left half made.
            let is_left = File::open(path.join(LOCK)).map_or(true, |lock| lock.try_lock().is_ok());
            if is_left && let Err(error) = fs::remove_dir_all(&path) {
                tracing::warn!(path = %path.display(), %error, "files that a process has left cannot be removed");
            }
        }
        Ok(())
    }
}

/// The files of one run, removed when it is dropped.
#[derive(Debug)]
pub struct PrivateDirectory {
    path: PathBuf,
    lock: File,
}

impl PrivateDirectory {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file that only this user can read.
    ///
    /// # Errors
    /// There is one of that name, or it cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        create(&path)?.write_all(content).map_err(|error| told(&error, &path))?;
        Ok(path)
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// There is one of that name, or it cannot be made.
    pub fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| told(&error, &path))?;
        Ok(path)
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "files of a run cannot be removed");
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    opened.map_err(|error| told(&error, path))
}

fn told(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn files_are_of_this_user_alone_and_go_with_the_run() {
        let parent = tempfile::tempdir().unwrap();
        let root = PrivateRoot::open(parent.path(), "tool").unwrap();
        let directory = root.directory().unwrap();
        let file = directory.write("vars", b"secret").unwrap();
        assert_eq!((mode(&root.path), mode(directory.path()), mode(&file)), (0o700, 0o700, 0o600));
        assert_eq!(fs::read(&file).unwrap(), b"secret");
        assert!(directory.write("vars", b"again").is_err());
        let other = root.directory().unwrap();
        assert_ne!(other.path(), directory.path());
        let path = directory.path().to_owned();
        drop(directory);
        assert!(!path.exists() && other.path().exists());
    }

    #[test]
    fn what_a_dead_process_left_is_removed_and_what_a_living_one_has_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let root = PrivateRoot::open(parent.path(), "tool").unwrap();
        let living = root.directory().unwrap();
        let file = living.write("vars", b"secret").unwrap();
        // A process that dies gives its lock up and removes nothing.
        let left = root.path.join("1-1");
        fs::create_dir(&left).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        fs::write(left.join("vars"), "secret").unwrap();
        let half_made = root.path.join("1-2");
        fs::create_dir(&half_made).unwrap();
        PrivateRoot::open(parent.path(), "tool").unwrap();
        assert!(!left.exists() && !half_made.exists());
        assert!(file.exists());
    }

    #[test]
    fn a_directory_that_others_may_read_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let root = PrivateRoot::open(parent.path(), "tool").unwrap();
        fs::set_permissions(&root.path, fs::Permissions::from_mode(0o755)).unwrap();
        let error = PrivateRoot::open(parent.path(), "tool").unwrap_err().to_string();
        assert!(error.contains("mode 0700") && error.contains("tempDir"), "{error}");
        fs::remove_dir_all(&root.path).unwrap();
        std::os::unix::fs::symlink(parent.path(), &root.path).unwrap();
        assert!(PrivateRoot::open(parent.path(), "tool").is_err());
    }
}
