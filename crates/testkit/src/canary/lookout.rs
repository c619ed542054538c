//! Looks at what is there for a moment only: [`Lookout`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::places::files_below;
use super::{Canaries, Canary, Places};

/// Looks again and again at the command lines of all processes of this machine and at the files in some folders, until it is
/// asked what it has seen.
#[derive(Debug)]
pub struct Lookout {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Places>,
}

impl Lookout {
    /// Begins to look, for these secrets, in these folders and in all for temporary files of ours. Paths that contain one
    /// of `except` are the tester's own, or looked at by him.
    #[must_use]
    pub fn start(folders: Vec<PathBuf>, except: &'static [&'static str], canaries: &[Canary]) -> Self {
        let canaries = Canaries::new(canaries);
        // Times of files are those of the clock's last tick.
        let since = SystemTime::now() - Duration::from_secs(1);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut lines, mut places) = (BTreeSet::new(), Places::default());
            // What each file was like when it was looked at; it is looked at again when it has changed.
            let mut known = BTreeMap::new();
            let mut is_wanted = |path: &Path, meta: &Metadata| {
                let now = (meta.len(), meta.modified().ok());
                let is_own = except.iter().any(|part| path.to_string_lossy().contains(part));
                !is_own && known.insert(path.to_owned(), now) != Some(now)
            };
            // Ends when it is told to, after a last look.
            loop {
                let last = stopped.load(Ordering::Relaxed);
                lines.extend(command_lines());
                let folders = folders.iter().cloned().chain(of_ours());
                for (path, bytes) in folders.flat_map(|folder| files_below(&folder, 4, since, &mut is_wanted))
                {
                    if !canaries.found_in(&bytes).is_empty() {
                        places.add(format!("temporary file {}", path.display()), bytes);
                    }
                }
                if last {
                    break;
                }
                // The rhythm of the looks, not a wait for anything.
                std::thread::sleep(Duration::from_millis(20));
            }
            let paths: Vec<String> = known.keys().map(|path| path.display().to_string()).collect();
            places.add("paths", paths.join("\n"));
            places.add("ps", lines.into_iter().flatten().collect::<Vec<u8>>());
            places
        });
        Self { stop, thread }
    }

    /// What it has seen: every command line (`ps`), the paths of all files (`paths`), and those files that had a secret in them.
    ///
    /// # Panics
    /// When it could not look.
    #[must_use]
    pub fn seen(self) -> Places {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it looked")
    }
}

/// Folders for temporary files that have our name; those of other programs are nobody's business.
fn of_ours() -> Vec<PathBuf> {
    let all = std::fs::read_dir(std::env::temp_dir()).expect("a folder for temporary files").flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().contains("pab"))
        .map(|entry| entry.path())
        .collect()
}

/// What ps(1) shows.
fn command_lines() -> Vec<Vec<u8>> {
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| !line.is_empty())
        .collect()
}
