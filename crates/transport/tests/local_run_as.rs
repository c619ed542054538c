//! Changing the user on this machine, as root and as a user who has to be let do it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{
    Action, CommandAction, EnvValue, ProcessOptions, RunAs, RunAsMethod, ScriptAction, StdinSource,
};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::OutputData;
use pabawi_domain::ports::TerminateMode;
use pabawi_domain::secret::Secret;
use pabawi_testkit::contract::TransportSubject;
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::{process, wait};
use pabawi_transport::local::LocalTransport;

const LIMIT: Duration = Duration::from_secs(60);
const INNER: &str = "PABAWI_RUN_AS_INNER";
const INNER_TARGET: &str = "PABAWI_RUN_AS_TARGET";
const INNER_PASSWORD: &str = "PABAWI_RUN_AS_PASSWORD";

fn subject() -> TransportSubject {
    let target = Target::new(NodeId::new("this-machine").unwrap(), Endpoint::default());
    TransportSubject::new(Arc::new(LocalTransport::default()), target, ())
}

fn options(user: &str, method: RunAsMethod, password: Option<&str>) -> ProcessOptions {
    let run_as = RunAs { user: user.to_owned(), method, password: password.map(Secret::new) };
    ProcessOptions { run_as: Some(run_as), ..Default::default() }
}

fn command(text: &str, process: ProcessOptions) -> Action {
    Action::Command(CommandAction { command: text.to_owned(), process })
}

/// Environment, input, scripts and the end arrive as the other user; root needs no password for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn root_becomes_another_user() {
    let user = Fleet::unprivileged_user().unwrap().name;
    let subject = subject();
    for method in [RunAsMethod::Sudo, RunAsMethod::Su] {
        let mut with = options(&user, method, None);
        with.env.insert("VALUE".to_owned(), EnvValue::Plain("it's $HOME".to_owned()));
        with.cwd = Some("/".to_owned());
        with.umask = Some(0o077);
        with.stdin = Some(StdinSource::Bytes(OutputData::from("input")));
        let finished = subject.run(command("id -un; pwd; umask; echo \"$VALUE\"; cat", with.clone())).await;
        assert_eq!(finished.text(), format!("{user}\n/\n0077\nit's $HOME\ninput"), "{method:?} {finished:?}");
        assert_eq!(finished.code(), Some(0));
        with.stdin = None;
        let script = ScriptAction {
            name: "who".to_owned(),
            content: OutputData::from("#!/bin/sh\nid -un; echo \"$1\"; exit 7\n"),
            interpreter: None,
            arguments: vec!["a b".to_owned()],
            process: with,
        };
        let finished = subject.run(Action::Script(script)).await;
        assert_eq!((finished.text(), finished.code()), (format!("{user}\na b\n"), Some(7)), "{method:?}");
    }
    let unknown =
        subject.run(command("echo ran", options("no-such-user-here", RunAsMethod::Sudo, None))).await;
    assert_eq!(unknown.failure().unwrap().error.code, ErrorCode::RunAsDenied, "{unknown:?}");
}

/// R1.6: the children of sudo are ended too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_of_sudo_are_ended() {
    let user = Fleet::unprivileged_user().unwrap().name;
    let mark = format!("sudo-children-{}", std::process::id());
    let mut with = options(&user, RunAsMethod::Sudo, None);
    with.env.insert("MARK".to_owned(), EnvValue::Plain(mark.clone()));
    for mode in [TerminateMode::Graceful { grace: Duration::from_secs(1) }, TerminateMode::Kill] {
        let action = command("trap '' TERM; sleep 3600 & sleep 3601; wait", with.clone());
        let mut running = subject().start(action).await.unwrap();
        wait::until_async("the command", LIMIT, || process::with_marker(&mark).len() == 3).await.unwrap();
        assert_eq!(running.terminate(mode).await, Termination::Confirmed);
        assert!(process::with_marker(&mark).is_empty());
    }
}

/// The same as a user without rights: sudo with and without password, refusals, and ending what belongs to
/// another user.
#[test]
fn an_ordinary_user_becomes_another() {
    if std::env::var_os(INNER).is_some() {
        return inner();
    }
    let caller = Fleet::password_user().unwrap();
    let target = Fleet::unprivileged_user().unwrap();
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let run = |rules: &str, password: &str, part: &str| {
        let rules = fleet.sudo_rules(rules).unwrap();
        // The build folder may be closed to that user.
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let copy = folder.path().join("test");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let id = |flag: &str| -> u32 {
            let output = Command::new("id").args([flag, &caller.name]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
        };
        let output = Command::new(&copy)
            .args(["--exact", "an_ordinary_user_becomes_another", "--nocapture"])
            .env(INNER, part)
            .env(INNER_TARGET, &target.name)
            .env(INNER_PASSWORD, password)
            .env("HOME", &caller.home)
            .env("USER", &caller.name)
            .env("LOGNAME", &caller.name)
            .env("TMPDIR", "/tmp")
            .current_dir("/")
            .uid(id("-u"))
            .gid(id("-g"))
            .output()
            .unwrap();
        drop(rules);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("1 passed"), "{part}: {out}{err}");
    };
    let password = caller.password.clone().unwrap();
    let (from, to) = (&caller.name, &target.name);
    run(&format!("{from} ALL=({to}) NOPASSWD: ALL"), &password, "free");
    run(&format!("Defaults:{from} timestamp_timeout=0\n{from} ALL=({to}) ALL"), &password, "asked");
    run(&format!("Defaults:{from} timestamp_timeout=0\n{from} ALL=({to}) /bin/false"), &password, "denied");
}

fn inner() {
    let part = std::env::var(INNER).unwrap();
    let user = std::env::var(INNER_TARGET).unwrap();
    let password = std::env::var(INNER_PASSWORD).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let subject = subject();
        let run = |password: Option<&str>| {
            subject.run(command("id -un; cat", {
                let mut with = options(&user, RunAsMethod::Sudo, password);
                with.stdin = Some(StdinSource::Bytes(OutputData::from("input")));
                with
            }))
        };
        let refused = |finished: pabawi_testkit::contract::Finished| {
            let error = finished.failure().expect("refused").clone();
            assert!(!error.to_string().contains(&password) && !error.may_have_started, "{error}");
            error.error.code
        };
        match part.as_str() {
            "free" => {
                assert_eq!(run(None).await.text(), format!("{user}\ninput"));
                // A password that nobody asks for must not reach the command.
                assert_eq!(run(Some(&password)).await.text(), format!("{user}\ninput"));
                ends(&subject, &user, None).await;
            }
            "asked" => {
                assert_eq!(refused(run(None).await), ErrorCode::RunAsPasswordNeeded);
                assert_eq!(refused(run(Some("wrong")).await), ErrorCode::RunAsDenied);
                assert_eq!(run(Some(&password)).await.text(), format!("{user}\ninput"));
                ends(&subject, &user, Some(&password)).await;
            }
            _ => assert_eq!(refused(run(Some(&password)).await), ErrorCode::RunAsDenied),
        }
    });
}

/// Ending processes that this user may neither signal nor look into.
async fn ends(subject: &TransportSubject, user: &str, password: Option<&str>) {
    let mut running = subject
        .start(command("echo ready; sleep 3600 & sleep 3601", options(user, RunAsMethod::Sudo, password)))
        .await
        .unwrap();
    running.next().await;
    let grace = Duration::from_secs(10);
    assert_eq!(running.terminate(TerminateMode::Graceful { grace }).await, Termination::Confirmed);

    let mut running = subject
        .start(command(
            "setsid sleep 3600 & echo ready; sleep 3601",
            options(user, RunAsMethod::Sudo, password),
        ))
        .await
        .unwrap();
    running.next().await;
    let own = i32::try_from(std::process::id()).unwrap();
    wait::until_async("the daemon", LIMIT, || {
        process::descendants(own).iter().filter(|found| found.name == "sleep").count() == 2
    })
    .await
    .unwrap();
    let termination = running.terminate(TerminateMode::Kill).await;
    let Termination::Survivors { processes } = &termination else { panic!("{termination:?}") };
    let kill = format!("kill -9 {}", processes[0].pid);
    assert_eq!(subject.run(command(&kill, options(user, RunAsMethod::Sudo, password))).await.code(), Some(0));
    assert_eq!(
        processes.iter().filter(|found| found.command.trim() == "sleep 3600").count(),
        1,
        "{processes:?}"
    );
    assert_eq!(processes.len(), 1, "{processes:?}");
}
