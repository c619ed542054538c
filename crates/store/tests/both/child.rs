//! Runs one test of this binary again in a process of its own, which knows from its environment that it is the
//! child and does the other half of the test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const DIR: &str = "PABAWI_STORE_TEST_DIR";

/// The directory to work in, when this is the child.
pub(crate) fn directory() -> Option<PathBuf> {
    std::env::var_os(DIR).map(PathBuf::from)
}

/// This binary, to run `test` alone in `dir`.
fn again(program: Option<&[&OsStr]>, test: &str, dir: &Path) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut command = match program {
        None => Command::new(this),
        Some([first, rest @ ..]) => {
            let mut command = Command::new(first);
            command.args(rest).arg(this);
            command
        }
        Some([]) => panic!("no program"),
    };
    command.args(["--exact", test, "--nocapture"]).env(DIR, dir).stdin(Stdio::null());
    command
}

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

/// Runs the child with a file system of `size` mounted at `dir`, in a mount namespace of its own, so that the
/// mount goes with it (unshare(1), mount(8)). Needs root, or user namespaces.
pub(crate) fn on_small_disk(test: &str, dir: &Path, size: &str) {
    let script = format!("mount -t tmpfs -o size={size},mode=700 tmpfs \"${DIR}\" && exec \"$@\"");
    let words = ["unshare", "--map-root-user", "--mount", "--", "sh", "-c", script.as_str(), "sh"];
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    let output = again(Some(&words), test, dir).output().expect("unshare(1) of util-linux is installed");
    succeeded(&output, "this test needs root, or a kernel that allows user namespaces");
}

fn succeeded(output: &Output, hint: &str) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}\n{stderr}\n{hint}");
    // The child ran the test and did not just find nothing of that name.
    assert!(stdout.contains("1 passed"), "the child ran no test");
}
