//! Core files: `pab` leaves none, since the secrets that it was given would be in it.

use std::os::unix::process::ExitStatusExt as _;

use pabawi_testkit::canary::Canary;
use pabawi_tests::{Lab, Pab, unique};
use rustix::process::Signal;

use crate::bench::home;

/// Without a limit for core files, a call of `pab` in a folder of its own.
fn unlimited(lab: &Lab, name: &str, call: &Pab) -> Pab {
    let folder = lab.path(name);
    std::fs::create_dir_all(&folder).unwrap();
    let line = format!("ulimit -c unlimited && exec {}", call.command_line());
    Pab::shell(&home(&lab.path("")), &line).env("PABAWI_DB", lab.database()).directory(&folder)
}

/// Ends a run with a secret in its middle by a signal that has core files written. Whether one was, and whether the secret is in
/// any file in the folder.
fn ended_by(signal: Signal, is_allowed: bool, lab: &Lab) -> (bool, bool) {
    let canary = Canary::plain("variable");
    let (name, command) = (unique(), format!("sleep 98{}", unique()));
    let call = unlimited(lab, &name, &lab.run("web01", &command).args(["--secret-env", "TOKEN"]));
    let call = call.env("TOKEN", &canary.text);
    let running = if is_allowed { call.env("PABAWI_ALLOW_CORE", "1") } else { call }.spawn();
    lab.wait_for_processes(&command, 1);
    running.signal(signal);
    let ran = running.end();
    assert_eq!(ran.status.signal(), Some(signal.as_raw()), "{ran}");
    let files = lab.path(&name).read_dir().unwrap().flatten();
    let has_secret = |bytes: Vec<u8>| canary.found_in(&bytes).is_some();
    let found = files.map(|file| std::fs::read(file.path()).unwrap()).any(has_secret);
    (ran.status.core_dumped(), found)
}

/// R5.6: where core files are written, one of `pab` is not, unless it is asked for; then the secret is in it.
#[test]
fn no_core_file_of_pab_has_a_secret() {
    let lab = Lab::new(1);
    // Not SIGQUIT, which whoever is started in the background of a shell ignores.
    for signal in [Signal::TRAP, Signal::ABORT] {
        assert_eq!(ended_by(signal, false, &lab), (false, false), "{signal:?}");
    }
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    // What goes to a program or into another folder is not looked for there.
    let is_here = !pattern.starts_with(['|', '/']);
    assert_eq!(ended_by(Signal::ABORT, true, &lab), (true, is_here), "core_pattern is {pattern}");
}

/// R5.6: only `pab` itself is meant: a command on this machine has the limit of whoever called it, and a core file.
#[test]
fn what_pab_starts_has_core_files() {
    let lab = Lab::new(1);
    let call = lab.pab(["run", "ulimit -c; kill -ABRT $$", "--targets", "here", "--transport", "local"]);
    let ran = unlimited(&lab, "local", &call.args(["--format", "json"])).exits(1);
    assert!(ran.out().contains("unlimited") && ran.out().contains("ABRT"), "{ran}");
}
