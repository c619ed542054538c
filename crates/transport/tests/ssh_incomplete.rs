//! What must not pass for complete: input that broke off is not taken for all input by the command.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use pabawi_domain::action::{ProcessOptions, StdinSource};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::TerminateMode;
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use ssh_support::{LIMIT, command, finish, start, target, transport, within};

/// A command that takes its input for complete when the input ends, and leaves a file that says so.
fn trusting(folder: &Path, input: &Path, before: &str) -> pabawi_domain::action::Action {
    let folder = folder.display();
    let text = format!("{before} echo up >{folder}/up; cat >{folder}/copy; echo all >{folder}/complete");
    let stdin = Some(StdinSource::File(input.to_owned()));
    command(&text, ProcessOptions { stdin, ..ProcessOptions::default() })
}

async fn nothing_is_left(fleet: &Fleet) {
    let quiet = || fleet.commands().is_empty();
    wait::until_async("nothing to be left", LIMIT, quiet).await.unwrap();
}

/// R1.6: a file that cannot be read on ends the command before its input ends, and the report says what became of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_input_cannot_be_read_is_ended() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    // A directory can be opened; reading it is the error.
    for (case, before, running_first) in
        [("at once", "", false), ("later", "", true), ("stubborn", "trap '' TERM HUP;", true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let action = trusting(folder.path(), folder.path(), before);
        let mut running = start(&transport, &target(&fleet, 0), action).await.unwrap();
        if running_first {
            let up = || folder.path().join("up").exists();
            wait::until_async("the command to run", LIMIT, up).await.unwrap();
        }
        let done = finish(&mut *running).await;
        let error = done.error().unwrap_or_else(|| panic!("{case}: {:?}", done.end));
        assert_eq!(error.error.code, ErrorCode::LocalFile, "{case}: {error}");
        assert!(error.may_have_started, "{case}");
        assert_eq!(error.termination, Some(Termination::Confirmed), "{case}");
        assert!(error.to_string().contains("standard input cannot be read"), "{case}: {error}");
        nothing_is_left(&fleet).await;
        assert!(!folder.path().join("complete").exists(), "{case}: it took nothing for everything");
    }
}

/// Whoever ends a command in the middle of its input ends it before the input does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_ended_does_not_see_the_end_of_its_input() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let graceful = TerminateMode::Graceful { grace: Duration::from_secs(5) };
    for (case, mode) in
        [("dropped", None), ("terminated", Some(graceful)), ("killed", Some(TerminateMode::Kill))]
    {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
            .unwrap();
        // Opened for both, so that neither end waits for the other.
        let mut writer = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
        let action = trusting(folder.path(), &pipe, "");
        let mut running = start(&transport, &target(&fleet, 0), action).await.unwrap();
        writer.write_all(b"half\n").unwrap();
        let copied = || std::fs::read(folder.path().join("copy")).is_ok_and(|copy| copy == b"half\n");
        let reading = async {
            // Nothing comes out, so this only feeds.
            let _ = running.next().await;
        };
        tokio::select! {
            () = reading => panic!("{case}: the command ended"),
            result = wait::until_async("half the input to arrive", LIMIT, copied) => result.unwrap(),
        }
        match mode {
            None => drop(running),
            Some(mode) => {
                let report = within("terminating", running.terminate(mode)).await;
                assert_eq!(report, Termination::Confirmed, "{case}");
            }
        }
        nothing_is_left(&fleet).await;
        assert!(!folder.path().join("complete").exists(), "{case}: it took half for everything");
        drop(writer);
    }
}
