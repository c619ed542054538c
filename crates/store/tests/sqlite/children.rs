//! Children that are killed, that have a library between them and the operating system, or a small disk.

use std::path::Path;
use std::process::{Child, Stdio};

use crate::child::{self, again, succeeded};

/// A child that is killed when the test ends, however it ends.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(test: &str, dir: &Path) -> Self {
        Self(again(None, test, dir).stdout(Stdio::null()).spawn().unwrap())
    }

    /// SIGKILL; the child is gone when it returns.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        let status = self.0.wait().unwrap();
        assert!(!status.success(), "it was still running when it was killed");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It is gone already where the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the child with a library loaded before all others (ld.so(8), `LD_PRELOAD`).
pub(crate) fn with_library(test: &str, dir: &Path, library: &Path) {
    let output = again(None, test, dir).env("LD_PRELOAD", library).output().unwrap();
    succeeded(&output, "");
}

/// Runs the child as root on a small disk. Needs root, or user namespaces.
pub(crate) fn on_small_disk(test: &str, dir: &Path, size: &str) {
    child::on_small_disk(&["unshare", "--map-root-user", "--mount"], &[], test, dir, size);
}
