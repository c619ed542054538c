//! Complete output of one stream on its way into a file: [`Spill`]. Writing happens off the runtime's threads.
//!
//! A full disk is waited for, so that nothing is lost; the node is held meanwhile. Any other error is given to
//! the caller. The file is removed unless somebody takes it.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Bytes that are gathered before they are written.
const BLOCK: usize = 256 * 1024;
/// The same while memory is short.
const PRESSED_BLOCK: usize = 16 * 1024;
/// The waits between two tries on a full disk.
const WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How often a full disk is spoken of.
const SPEAK_EVERY: Duration = Duration::from_secs(10);

/// A file that grows.
#[derive(Debug)]
pub(super) struct Spill {
    path: PathBuf,
    file: Option<File>,
    /// Bytes that are not in the file yet.
    buffer: Vec<u8>,
    /// The write in flight. It holds file and buffer, so that dropping a `flush` loses neither.
    job: Option<JoinHandle<Job>>,
    /// Bytes of memory in that write.
    in_job: usize,
    retry_at: Option<Instant>,
    wait: Duration,
    spoke_at: Option<Instant>,
    taken: bool,
}

#[derive(Debug)]
struct Job {
    file: Option<File>,
    rest: Vec<u8>,
    result: io::Result<()>,
}

impl Spill {
    /// A spill into `path`, which must not exist, beginning with `bytes`.
    pub(super) fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        Self {
            path,
            file: None,
            buffer: bytes,
            job: None,
            in_job: 0,
            retry_at: None,
            wait: WAITS.0,
            spoke_at: None,
            taken: false,
        }
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// Whether to call [`Spill::flush`] before anything more is pushed; `pressed` while memory is short.
    pub(super) fn wants_flush(&self, pressed: bool) -> bool {
        self.job.is_some() || self.buffer.len() >= if pressed { PRESSED_BLOCK } else { BLOCK }
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.buffer.capacity() + self.in_job
    }

    /// Writes what is buffered; with `sync`, down to the disk. Waits while the disk is full. The future may be
    /// dropped and called anew without loss.
    pub(super) async fn flush(&mut self, sync: bool) -> io::Result<()> {
        // Ends when everything is written or with an error that waiting does not help.
        loop {
            if let Some(at) = self.retry_at {
                tokio::time::sleep_until(at).await;
                self.retry_at = None;
            }
            match self.try_flush(sync).await {
                Err(error) if is_full(&error) => {
                    self.speak(&error);
                    self.retry_at = Some(Instant::now() + self.wait);
                    self.wait = (self.wait * 2).min(WAITS.1);
                }
                other => {
                    self.wait = WAITS.0;
                    return other;
                }
            }
        }
    }

    /// One try at [`Spill::flush`], without waiting for space.
    pub(super) async fn try_flush(&mut self, sync: bool) -> io::Result<()> {
        // A write that a dropped call left in flight comes first.
        self.job_ended().await?;
        if self.buffer.is_empty() && !sync {
            return Ok(());
        }
        let (file, buffer) = (self.file.take(), std::mem::take(&mut self.buffer));
        let path = self.path.clone();
        self.in_job = buffer.capacity();
        self.job = Some(tokio::task::spawn_blocking(move || write(file, &path, buffer, sync)));
        self.job_ended().await
    }

    async fn job_ended(&mut self) -> io::Result<()> {
        let Some(running) = &mut self.job else { return Ok(()) };
        let ended = running.await;
        (self.job, self.in_job) = (None, 0);
        let Job { file, mut rest, result } = ended.map_err(io::Error::other)?;
        self.file = file;
        if rest.is_empty() {
            // Written memory is not kept for what may never come.
            rest = Vec::new();
        }
        rest.append(&mut self.buffer);
        self.buffer = rest;
        result
    }

    /// Gives the file away; it is not removed any more.
    pub(super) fn take(mut self) -> PathBuf {
        self.taken = true;
        self.path.clone()
    }

    fn speak(&mut self, error: &io::Error) {
        if self.spoke_at.is_none_or(|at| at.elapsed() >= SPEAK_EVERY) {
            self.spoke_at = Some(Instant::now());
            tracing::warn!(path = %self.path.display(), %error,
                "no space left for the complete output; the node is held until there is");
        }
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        if !self.taken && (self.file.is_some() || self.job.is_some()) {
            // One unlink; there is nobody left to tell when it fails.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn write(file: Option<File>, path: &Path, mut buffer: Vec<u8>, sync: bool) -> Job {
    let mut file = match file.map_or_else(|| create(path), Ok) {
        Ok(file) => file,
        Err(error) => return Job { file: None, rest: buffer, result: Err(error) },
    };
    let mut done = 0;
    let result = loop {
        let rest = buffer.get(done..).unwrap_or_default();
        if rest.is_empty() {
            break if sync { file.sync_data() } else { Ok(()) };
        }
        match file.write(rest) {
            Ok(0) => break Err(ErrorKind::WriteZero.into()),
            Ok(written) => done += written,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    buffer.drain(..done.min(buffer.len()));
    Job { file: Some(file), rest: buffer, result }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        make_dir(dir)?;
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Finds out whether files can be made in the directory, and makes it where it is missing.
///
/// # Errors
/// What the operating system says.
pub(crate) async fn probe_spill_dir(dir: &Path) -> io::Result<()> {
    let probe = dir.join(format!("probe-{}", uuid::Uuid::new_v4()));
    tokio::task::spawn_blocking(move || {
        create(&probe)?;
        std::fs::remove_file(&probe)
    })
    .await
    .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_arrives_and_only_the_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new").join("out");
        let mut spill = Spill::new(path.clone(), b"first ".to_vec());
        spill.push(&vec![b'x'; BLOCK]);
        assert!(spill.wants_flush(false));
        spill.flush(false).await.unwrap();
        assert!(!spill.wants_flush(true));
        spill.push(b" last");
        spill.flush(true).await.unwrap();
        assert_eq!(spill.take(), path);
        let written = std::fs::read(&path).unwrap();
        assert!(written.starts_with(b"first xx") && written.ends_with(b"x last"));
        assert_eq!(written.len(), BLOCK + 11);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let parent = path.parent().unwrap();
            assert_eq!(std::fs::metadata(parent).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[tokio::test]
    async fn a_file_that_nobody_takes_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let mut spill = Spill::new(path.clone(), b"x".to_vec());
        spill.flush(true).await.unwrap();
        assert!(path.exists());
        drop(spill);
        assert!(!path.exists());
    }

    /// A full disk is waited for and loses nothing: /dev/full refuses every write (full(4)).
    #[tokio::test(start_paused = true)]
    async fn a_full_disk_holds_and_keeps_the_bytes() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(dir.path().join("out"), b"kept".to_vec());
        spill.file = Some(full);
        let held = tokio::time::timeout(Duration::from_secs(3600), spill.flush(false)).await;
        assert!(held.is_err(), "the disk is still full");
        // Space comes back.
        if let Some(job) = spill.job.take() {
            let job = job.await.unwrap();
            spill.buffer = job.rest;
        }
        spill.file = None;
        spill.flush(true).await.unwrap();
        assert_eq!(std::fs::read(spill.take()).unwrap(), b"kept");
    }

    #[tokio::test]
    async fn other_errors_are_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert!(probe_spill_dir(&file).await.is_err());
        let mut spill = Spill::new(file.join("out"), b"x".to_vec());
        assert!(spill.flush(false).await.is_err());
    }
}
