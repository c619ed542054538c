//! Looking at things from outside: a process's memory, a file's hash, a database through another program.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pabawi_testkit::wait;
use sha2::{Digest, Sha256};

use crate::lab::LIMIT;

/// The memory of its own that the process has resident now, in bytes (`RssAnon`, proc_pid_status(5)); `None` when it is gone.
/// Pages of the program's file are not among it: there are many of a program that was compiled for debugging.
#[must_use]
pub fn own_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Bytes that the process has written so far (`wchar`, proc(5)); `None` when it is gone or another user's.
#[must_use]
fn written_by(pid: i32) -> Option<u64> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix("wchar: "))?.trim().parse().ok()
}

/// Blocks until the process has written something and then nothing more for a while, because its reader has
/// stopped. Returns how many bytes that were.
///
/// # Panics
/// When it ends or goes on writing.
#[must_use]
pub fn held_writer(pid: i32) -> u64 {
    let (mut written, mut still) = (0, 0);
    let held = wait::until("the program to stop writing", LIMIT, || {
        let now = written_by(pid).unwrap_or_else(|| panic!("process {pid} has ended after {written} bytes"));
        still = if now == written && now > 0 { still + 1 } else { 0 };
        written = now;
        // The rhythm of the looks, not a wait for anything.
        std::thread::sleep(Duration::from_millis(40));
        still >= 25
    });
    held.unwrap_or_else(|error| panic!("{error}; {written} bytes so far"));
    written
}

/// SHA-256 as hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs a piece of Python (Debian's, which brings SQLite) with the path as its argument, and returns what it
/// printed. So a database is judged by a program that is not ours.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn python(script: &str, path: &Path) -> String {
    run_python(Path::new("/usr/bin/python3"), script, path)
}

/// The same with the Python that runs the `ansible` which is found first, so that its modules are there.
pub fn ansible_python(script: &str, path: &Path) -> String {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&on_path).find(|directory| directory.join("ansible-inventory").exists());
    let directory = found.expect("ansible-inventory is on PATH: cargo xtask setup");
    let own = directory.join("python3");
    run_python(if own.exists() { &own } else { Path::new("/usr/bin/python3") }, script, path)
}

fn run_python(program: &Path, script: &str, path: &Path) -> String {
    let output = Command::new(program)
        .args(["-c", script])
        .arg(path)
        .output()
        .expect("python3 is installed (apt-get install python3)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}
