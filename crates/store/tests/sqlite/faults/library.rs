//! The library of `interpose.c`: made with the C compiler, loaded into a child of a test, and how it is told what to do.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{child, children};

/// What can be made to fail, by its number in `interpose.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// write(2), pwrite(2), ftruncate(2).
    Write = 1,
    /// fsync(2), fdatasync(2), also of directories.
    Sync = 2,
    /// open(2) of a new file, rename(2), unlink(2), mkdir(2).
    Name = 3,
}

/// What the operating system reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errno {
    Eio = 5,
    Enospc = 28,
}

/// A fault: which operation of its kind fails, and whether all after it do too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) nth: u32,
    pub(super) errno: Errno,
    pub(super) lasting: bool,
}

/// The size of `struct control`, and where in it is how often the fault has struck.
const CONTROL: usize = 40;
const STRUCK: u64 = 32;

/// The child's view: a watched directory, and the way to the library.
#[derive(Debug)]
pub(super) struct Watched {
    dir: PathBuf,
    control: File,
}

impl Watched {
    fn new(dir: PathBuf) -> Self {
        let control = OpenOptions::new().read(true).write(true).open(dir.join("control")).unwrap();
        Self { dir, control }
    }

    /// Where everything that is done is watched.
    pub(super) fn disk(&self) -> PathBuf {
        self.dir.join("disk")
    }

    /// A directory that nobody watches.
    pub(super) fn aside(&self, name: &str) -> PathBuf {
        let path = self.dir.join("aside").join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// From now on operations are counted, and the fault waits for its turn.
    pub(super) fn arm(&self, fault: Fault) {
        let mut control = [0u8; CONTROL];
        let words = [fault.kind as u32, fault.nth, fault.errno as u32, u32::from(fault.lasting)];
        for (to, word) in control.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        self.control.write_all_at(&control, 0).unwrap();
    }

    /// Nothing fails any more.
    pub(super) fn disarm(&self) {
        self.control.write_all_at(&[0; 4], 0).unwrap();
    }

    /// How often the fault has struck since it was armed.
    pub(super) fn struck(&self) -> u32 {
        let mut word = [0; 4];
        self.control.read_exact_at(&mut word, STRUCK).unwrap();
        u32::from_ne_bytes(word)
    }

    /// Forgets what was written down.
    pub(super) fn forget(&self) {
        File::create(self.dir.join("trace")).unwrap();
    }

    /// Writes a note between what is done.
    pub(super) fn note(&self, text: &str) {
        use std::io::Write as _;
        let mut notes = OpenOptions::new().create(true).append(true).open(self.dir.join("notes")).unwrap();
        notes.write_all(text.as_bytes()).unwrap();
    }

    /// What was written down.
    pub(super) fn trace(&self) -> Vec<u8> {
        fs::read(self.dir.join("trace")).unwrap()
    }
}

/// Runs `test` again in a child with the library in it, where `work` is done.
pub(super) fn watched(test: &str, work: impl AsyncFnOnce(Watched)) {
    if let Some(dir) = child::directory() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        return runtime.unwrap().block_on(work(Watched::new(dir)));
    }
    // In memory where that is to be had: nothing here depends on what the disk does.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    fs::create_dir(dir.path().join("disk")).unwrap();
    fs::write(dir.path().join("control"), [0; CONTROL]).unwrap();
    children::with_library(test, dir.path(), &made(dir.path()));
}

fn made(dir: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sqlite/faults/interpose.c");
    let library = dir.join("interpose.so");
    let done = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&library, &source])
        .output()
        .expect("cc(1) of a C compiler, as the build of SQLite needs it too");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    library
}
