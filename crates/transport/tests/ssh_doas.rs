//! doas(1) on a real sshd: without a password, and with one, which it reads from a terminal only.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use pabawi_domain::action::RunAsMethod;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::TerminateMode;
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use ssh_support::{LIMIT, command, run_action, run_as, start, target_as, transport, within};

const RULES: &str = "/etc/doas.conf";

/// Rules of doas for as long as the test runs.
struct Rules;

impl Rules {
    fn write(lines: &str) -> Self {
        assert!(Path::new("/usr/bin/doas").exists(), "doas is missing: apt-get install opendoas");
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o400).open(RULES);
        let mut file = file.unwrap_or_else(|error| panic!("{RULES} is somebody's: {error}"));
        let rules = Self;
        writeln!(file, "{lines}").unwrap();
        rules
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(RULES);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doas_with_and_without_a_password() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let free = Fleet::unprivileged_user().unwrap().name;
    let user = Fleet::password_user().unwrap();
    let (name, password) = (user.name.as_str(), user.password.as_deref());
    let _rules = Rules::write(&format!("permit nopass {free} as root\npermit {name} as root"));
    let doas = |password| run_as("root", RunAsMethod::Doas, password);
    let check = async |login: &str, text: &str, password| {
        run_action(&transport, &target_as(&fleet, 0, login), command(text, doas(password))).await
    };
    let done = check(&free, "id -un; echo e >&2", None).await;
    assert_eq!((done.text().as_str(), done.err.as_slice()), ("root\n", b"e\n".as_slice()), "{:?}", done.end);
    // With a password there is a terminal, and so only one stream; bytes pass it unchanged.
    let done = check(name, "id -un; printf 'a\\nb\\001\\004'; exit 6", password).await;
    assert_eq!((done.text().as_str(), done.code()), ("root\na\nb\u{1}\u{4}", Some(6)), "{:?}", done.end);
    let done = check(name, "id -un", Some("wrong")).await;
    assert_eq!(done.error_code(), Some(ErrorCode::RunAsDenied), "{done:?}");
    let done = check(name, "id -un", None).await;
    assert_eq!(done.error_code(), Some(ErrorCode::RunAsPasswordNeeded), "{done:?}");

    // What runs behind doas and its terminal is ended too.
    for password in [None, password] {
        let login = if password.is_some() { name } else { free.as_str() };
        let action = command("trap '' TERM HUP; sleep 7654321; sleep 7654321", doas(password));
        let mut running = start(&transport, &target_as(&fleet, 0, login), action).await.unwrap();
        let asleep = || {
            let all = pabawi_testkit::process::all();
            all.iter().filter(|process| process.command_line == "sleep 7654321").count()
        };
        wait::until_async("the command to run", LIMIT, || asleep() == 1).await.unwrap();
        let mode = TerminateMode::Graceful { grace: std::time::Duration::from_secs(1) };
        let report = within("terminating", running.terminate(mode)).await;
        assert_eq!(report, Termination::Confirmed, "{login}");
        assert_eq!(asleep(), 0);
    }
}
