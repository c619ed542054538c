//! Runs one test of this binary again in a process of its own, which knows from its environment that it is the
//! child and does the other half of the test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const DIR: &str = "PABAWI_STORE_TEST_DIR";

/// The directory to work in, when this is the child.
pub(crate) fn directory() -> Option<PathBuf> {
    std::env::var_os(DIR).map(PathBuf::from)
}

/// This binary, to run `test` alone in `dir`.
pub(crate) fn again(program: Option<&[&OsStr]>, test: &str, dir: &Path) -> Command {
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

/// Runs the child with a file system of `size` mounted at `dir`, in a mount namespace of its own, so that the
/// mount goes with it (mount(8)). `unshare` makes the namespace (unshare(1)), `then` runs the child in it.
pub(crate) fn on_small_disk(unshare: &[&str], then: &[&str], test: &str, dir: &Path, size: &str) {
    let script = format!("mount -t tmpfs -o size={size},mode=711 tmpfs \"${DIR}\" && exec \"$@\"");
    let words = [unshare, &["--", "sh", "-c", script.as_str(), "sh"], then].concat();
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    let output = again(Some(&words), test, dir).output().expect("unshare(1) of util-linux is installed");
    succeeded(&output, "this test needs root, or a kernel that allows user namespaces");
}

/// That the child has run its test.
pub(crate) fn succeeded(output: &Output, hint: &str) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}\n{stderr}\n{hint}");
    // The child ran the test and did not just find nothing of that name.
    assert!(stdout.contains("1 passed"), "the child ran no test");
}
