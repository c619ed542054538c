//! Whatever shell an account has: the wrapper must come through it unharmed. Shells that are not installed are not
//! tried; `sh` and `bash` always are.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::path::Path;
use std::time::Duration;

use pabawi_domain::action::{EnvValue, ProcessOptions};
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::TerminateMode;
use pabawi_testkit::fleet::Fleet;
use ssh_support::{command, run_action, start, target, transport, within};

/// sshd starts a forced command by the account's shell; this one hands the line to the shell under test as sshd would.
fn forced(fleet: &Path, shell: &str) -> String {
    let name = shell.rsplit('/').next().unwrap_or("sh");
    let path = fleet.join(format!("shell-{name}"));
    // A program that is many is called by a name; an account would have a link to it as its shell.
    let (shell, option) =
        if shell.ends_with("busybox") { ("/bin/sh", "/bin/busybox sh") } else { (shell, shell) };
    let text = format!("#!/bin/sh\nSHELL={shell} exec {option} -c \"$SSH_ORIGINAL_COMMAND\"\n");
    std::fs::write(&path, text).unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&path, permissions).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_login_shell_passes_the_wrapper_on() {
    let shells = [
        "/bin/sh",
        "/bin/bash",
        "/usr/bin/fish",
        "/usr/bin/tcsh",
        "/usr/bin/zsh",
        "/usr/bin/mksh",
        "/bin/busybox",
    ];
    let scripts = tempfile::tempdir().unwrap();
    let mut permissions = std::fs::metadata(scripts.path()).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(scripts.path(), permissions).unwrap();
    let mut tried = 0;
    for shell in shells.into_iter().filter(|shell| Path::new(shell).exists()) {
        let force = format!("ForceCommand {}", forced(scripts.path(), shell));
        let fleet = Fleet::builder().nodes(1).setting(&force).start().unwrap();
        let transport = transport(&fleet);
        let mut options =
            ProcessOptions { cwd: Some("/".into()), umask: Some(0o077), ..ProcessOptions::default() };
        let value = "it's \"odd\" $HOME `id` \\ back\nline ! end";
        options.env.insert("VALUE".into(), EnvValue::Plain(value.into()));
        // The command itself is in the account's own language, which all of these share for this much.
        let text = "/bin/sh -c 'printf \"%s|\" \"$VALUE\"; pwd; umask; echo err >&2; exit 9'";
        let done = run_action(&transport, &target(&fleet, 0), command(text, options)).await;
        assert_eq!(done.text(), format!("{value}|/\n0077\n"), "{shell}: {:?}", done.end);
        assert_eq!((done.err.as_slice(), done.code()), (b"err\n".as_slice(), Some(9)), "{shell}");

        let action = command(
            "/bin/sh -c 'trap \"\" TERM HUP; echo up; sleep 62; sleep 62'",
            ProcessOptions::default(),
        );
        let mut running = start(&transport, &target(&fleet, 0), action).await.unwrap();
        within("output", running.next()).await;
        let mode = TerminateMode::Graceful { grace: Duration::from_secs(1) };
        assert_eq!(within("terminating", running.terminate(mode)).await, Termination::Confirmed, "{shell}");
        tried += 1;
    }
    assert!(tried >= 2, "sh and bash are always there");
}
