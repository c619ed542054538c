//! Executions through C on real nodes: run, followed in every way, cancelled.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use pabawi_testkit::wait;
use support::{Lab, Program, With};

/// R1.1, R1.2, R1.3, R1.4, R1.5, R1.6, R1.7, R5.4, R7.2, R8.5
#[test]
fn commands_run_on_nodes_and_are_followed_by_waiting_polling_a_descriptor_and_a_function() {
    let lab = Lab::new(3);
    assert_eq!(Program::new("execute", With::Nothing).runs(lab.of_execute()), "fine\n");
}

/// R8.8: the nodes themselves tell that nothing runs any more.
#[test]
fn what_is_cancelled_is_gone_on_the_nodes() {
    let lab = Lab::new(2);
    let long = "sleep 86399";
    let count = || {
        let all = lab.fleet.commands();
        all.iter().filter(|process| process.command_line.ends_with(long)).count()
    };
    let program = Program::new("cancel", With::Nothing);
    let mut command = program.command([lab.options().to_string(), long.to_owned()]);
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "running");
    wait::until("both nodes run it", Duration::from_secs(60), || count() == 2).unwrap();
    writeln!(running.stdin.take().unwrap(), "go").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "cancelled");
    assert_eq!(count(), 0);
    assert!(running.wait().unwrap().success());
}
