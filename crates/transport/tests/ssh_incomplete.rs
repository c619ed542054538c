//! What must not pass for something else: input that broke off for all input, a command whose end has come and was not
//! read for one that runs.

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
use pabawi_domain::ports::{TerminateMode, Transport as _};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use ssh_support::{LIMIT, command, finish, run, start, target, transport, within};

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

/// An end that waits behind output that nobody has read is seen before anybody is sent a signal: the process id may
/// belong to another by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_has_ended_is_sent_no_signal() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let target = target(&fleet, 0);
    for terminated in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
            .unwrap();
        let mut lines = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        let at = folder.path().display();
        let text =
            format!("while read -r n && [ $n != end ]; do echo $n; echo >{at}/seen$n; done <{at}/lines");
        let stdin = Some(StdinSource::from(bytes::Bytes::from_static(b"unread")));
        let action = command(&text, ProcessOptions { stdin, ..ProcessOptions::default() });
        let mut running = start(&transport, &target, action).await.unwrap();
        for number in 0..40 {
            writeln!(lines, "{number}").unwrap();
            let seen = folder.path().join(format!("seen{number}"));
            wait::until_async("the line to be written", LIMIT, || seen.exists()).await.unwrap();
            // What answers on the same connection comes after the line, which is a piece of its own then.
            assert_eq!(run(&transport, &target, "true").await.code(), Some(0));
        }
        writeln!(lines, "end").unwrap();
        nothing_is_left(&fleet).await;
        assert_eq!(run(&transport, &target, "true").await.code(), Some(0));
        let before = transport.stats();
        assert_eq!((before.open, before.in_use), (1, 1), "all on one connection: {before:?}");
        if terminated {
            let report = within("terminating", running.terminate(TerminateMode::Kill)).await;
            assert_eq!(report, Termination::Confirmed);
            assert_eq!(transport.stats().hits - before.hits, 1, "a look, and no kill");
        } else {
            drop(running);
            assert_eq!(transport.stats().in_use, 0, "nobody goes and kills");
        }
    }
}
