//! Commands on a real sshd: what they print, how they end, what they are given.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pabawi_domain::action::{Action, ProcessOptions, RunAsMethod, ScriptAction, StdinSource};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::output::OutputData;
use pabawi_domain::ports::{ActionEnd, ActionEvent, Transport};
use pabawi_testkit::fleet::Fleet;
use ssh_support::{command, finish, run, run_action, run_as, start, target, target_as, transport, within};

/// R1.4, R8.5: 100 MiB come whole and in order, on both streams at once, through a reader that is slower than the
/// node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_mebibytes_come_whole() {
    use sha2::{Digest as _, Sha256};
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let file = fleet.directory().join("random");
    let made = std::process::Command::new("sh")
        .args(["-c", &format!("head -c 104857600 /dev/urandom >{0} && sha256sum <{0}", file.display())])
        .output()
        .unwrap();
    let expected = String::from_utf8(made.stdout).unwrap();
    let text = format!("cat {0} & cat {0} >&2; wait", file.display());
    let mut running =
        start(&transport, &target(&fleet, 0), command(&text, ProcessOptions::default())).await.unwrap();
    let (mut out, mut err) = (Sha256::new(), Sha256::new());
    let mut seen = 0;
    loop {
        match within("output", running.next()).await {
            ActionEvent::Output { stream: pabawi_domain::output::StreamKind::Stdout, data } => {
                seen += data.len();
                out.update(&data);
            }
            ActionEvent::Output { data, .. } => err.update(&data),
            ActionEvent::Ended(end) => {
                assert!(matches!(end, ActionEnd::Exited { code: 0 }), "{end:?}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, 104_857_600);
    let hex = |hash: Sha256| hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(expected.starts_with(&hex(out)));
    assert!(expected.starts_with(&hex(err)));
}

/// R8.6: a reader that does not read costs the window and the queue, no more, and loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_holds_the_node_back() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let progress = fleet.directory().join("progress");
    let text = format!(
        "i=0; while [ $i -lt 400 ]; do head -c 100000 /dev/zero; i=$((i+1)); echo $i >{}; done",
        progress.display()
    );
    let mut running =
        start(&transport, &target(&fleet, 0), command(&text, ProcessOptions::default())).await.unwrap();
    let written = || {
        let text = std::fs::read_to_string(&progress).unwrap_or_default();
        text.trim().parse::<usize>().unwrap_or(0)
    };
    // The node stands still once pipes, windows and queues are full.
    let mut last = (0, Instant::now());
    within("the node to stand still", async {
        loop {
            let now = written();
            if now != last.0 {
                last = (now, Instant::now());
            }
            if now > 0 && last.1.elapsed() > Duration::from_millis(700) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(written() < 60, "{} of 400 blocks were taken though nobody reads", written());
    let done = finish(&mut *running).await;
    assert_eq!(done.out.len(), 40_000_000);
    assert_eq!(done.code(), Some(0));
}

/// A background child that keeps the pipe open does not hang the run, and its late output is not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn background_children_do_not_hold_the_end() {
    // A node that has no session left answers too, by refusing one.
    for sessions in [10, 1] {
        background_children(&Fleet::builder().nodes(1).max_sessions(sessions).start().unwrap()).await;
    }
}

async fn background_children(fleet: &Fleet) {
    let transport = transport(fleet);
    for (text, code) in [
        ("echo out; sleep 20 & exit 4", 4),
        ("echo out; (while :; do echo more; sleep 0.05; done) & exit 5", 5),
        ("echo out; yes & sleep 0.2; exit 6", 6),
    ] {
        let started = Instant::now();
        let mut running =
            start(&transport, &target(fleet, 0), command(text, ProcessOptions::default())).await.unwrap();
        let mut first = Vec::new();
        let end = loop {
            match within("output", running.next()).await {
                ActionEvent::Output { data, .. } if first.len() < 4 => first.extend_from_slice(&data),
                ActionEvent::Output { .. } => {}
                ActionEvent::Ended(end) => break end,
                other => panic!("{other:?}"),
            }
        };
        assert!(first.starts_with(b"out\n"), "{text}");
        assert!(matches!(end, ActionEnd::Exited { code: seen } if seen == code), "{text}: {end:?}");
        assert!(started.elapsed() < Duration::from_secs(15), "{text}: {:?}", started.elapsed());
        for process in fleet.commands() {
            if let Some(pid) = rustix::process::Pid::from_raw(process.pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

/// Exit 255 is an exit status and no connection error; a core dump is a signal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_are_told_apart() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    assert_eq!(run(&transport, &target(&fleet, 0), "exit 255").await.code(), Some(255));
    assert_eq!(run(&transport, &target(&fleet, 0), "exit 125").await.code(), Some(125));
    for signal in ["KILL", "TERM", "SEGV"] {
        let done = run(&transport, &target(&fleet, 0), &format!("kill -{signal} $$")).await;
        assert!(
            matches!(&done.end, ActionEnd::Signalled { signal: seen } if seen == signal),
            "{:?}",
            done.end
        );
    }
}

/// Input that is larger than every buffer, from memory and from a file, and input that nobody reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_input_of_any_size() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let block = vec![b'i'; 20_000_000];
    let file = fleet.directory().join("input");
    std::fs::write(&file, &block).unwrap();
    for stdin in [StdinSource::from(Bytes::from(block)), StdinSource::File(file)] {
        let options = ProcessOptions { stdin: Some(stdin), ..ProcessOptions::default() };
        let done = run_action(&transport, &target(&fleet, 0), command("wc -c", options.clone())).await;
        assert_eq!(done.text().trim(), "20000000");
        let done = run_action(&transport, &target(&fleet, 0), command("head -c 3; exit 0", options)).await;
        assert_eq!(done.text(), "iii");
    }
    let missing = StdinSource::File("/no/such/file".into());
    let options = ProcessOptions { stdin: Some(missing), ..ProcessOptions::default() };
    let done = run_action(&transport, &target(&fleet, 0), command("cat", options)).await;
    assert_eq!(done.error_code(), Some(ErrorCode::LocalFile));
    assert!(!done.error().unwrap().may_have_started);
}

/// A terminal on request: one stream, a real terminal, and input with an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_a_terminal() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let options = ProcessOptions { pty: true, ..ProcessOptions::default() };
    let done = run_action(
        &transport,
        &target(&fleet, 0),
        command("test -t 0 && test -t 1 && test -t 2 && echo yes; echo err >&2; exit 3", options.clone()),
    )
    .await;
    assert_eq!(
        (done.text().as_str(), done.err.as_slice(), done.code()),
        ("yes\r\nerr\r\n", b"".as_slice(), Some(3))
    );
    let options = ProcessOptions { stdin: Some(StdinSource::from(Bytes::from_static(b"line\n"))), ..options };
    let done = run_action(&transport, &target(&fleet, 0), command("cat >/dev/null; echo end", options)).await;
    assert!(done.text().ends_with("end\r\n"), "{:?}", done.text());
}

/// R1.7: secrets and commands are never in an argument that other users see while the wrapper sets up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_stands_in_an_argument() {
    use pabawi_domain::action::EnvValue;
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let mut options = ProcessOptions::default();
    let secret = pabawi_domain::secret::Secret::new("hunter2-hunter2");
    options.env.insert("TOKEN".into(), EnvValue::Secret { secret });
    let text =
        "echo $TOKEN | wc -c; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c 'hunter[2]' ";
    let done = run_action(&transport, &target(&fleet, 0), command(text, options)).await;
    assert_eq!(done.text(), "16\n0\n");
}

/// Scripts in any language, with bytes that are no text, and programs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_and_programs_are_brought_and_gone() {
    let before = scripts();
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let user = Fleet::unprivileged_user().unwrap();
    let script = |content: &[u8], interpreter: Option<&str>| {
        Action::Script(ScriptAction {
            name: "job.sh".into(),
            content: OutputData(Bytes::copy_from_slice(content)),
            interpreter: interpreter.map(str::to_owned),
            arguments: vec!["one two".into()],
            process: ProcessOptions::default(),
        })
    };
    let program = std::fs::read("/bin/true").unwrap();
    let mut large = b"#!/bin/sh\n".to_vec();
    large.extend(std::iter::repeat_n(b"# padding\n".as_slice(), 200_000).flatten());
    large.extend_from_slice(b"echo \"large $1\"\n");
    for target in [target(&fleet, 0), target_as(&fleet, 0, &user.name)] {
        let done =
            run_action(&transport, &target, script(b"#!/bin/bash\necho \"$1 ${BASH_VERSION:+bash}\"", None))
                .await;
        assert_eq!(done.text(), "one two bash\n", "{:?}", done.end);
        let done =
            run_action(&transport, &target, script(b"print '\xc3\xa4', @ARGV", Some("/usr/bin/perl"))).await;
        assert_eq!(done.text(), "äone two", "{:?}", done.end);
        let done = run_action(&transport, &target, script(&program, None)).await;
        assert_eq!(done.code(), Some(0), "{done:?}");
        let done = run_action(&transport, &target, script(&large, None)).await;
        assert_eq!(done.text(), "large one two\n", "{:?}", done.end);
    }
    let left: Vec<_> = scripts().difference(&before).cloned().collect();
    assert!(left.is_empty(), "scripts are left in /tmp: {left:?}");
}

/// Scripts that stand in /tmp. What a test that was killed has left there is nobody's fault.
fn scripts() -> BTreeSet<OsString> {
    let files = std::fs::read_dir("/tmp").unwrap().flatten();
    let files = files.filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.is_file()));
    let names = files.map(|entry| entry.file_name());
    names.filter(|name| name.to_string_lossy().starts_with("pabawi.")).collect()
}

/// sudo, su and doas, with and without a password, and all the ways in which they say no.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_users() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let free = Fleet::unprivileged_user().unwrap();
    let user = Fleet::password_user().unwrap();
    let password = user.password.clone().unwrap();
    let rules = format!("{} ALL=(ALL) NOPASSWD: ALL\n{} ALL=(ALL) ALL", free.name, user.name);
    let _rules = fleet.sudo_rules(&rules).unwrap();
    let check = async |login: &str, options: ProcessOptions| {
        run_action(&transport, &target_as(&fleet, 0, login), command("id -un; echo e >&2", options)).await
    };
    use RunAsMethod::{Doas, Su, Sudo};
    for (login, options, expected) in [
        (free.name.as_str(), run_as("root", Sudo, None), "root\n"),
        ("root", run_as(&free.name, Sudo, None), "pabawi-test\n"),
        ("root", run_as(&free.name, Su, None), "pabawi-test\n"),
        // A password that nobody asks for is not sent.
        (free.name.as_str(), run_as("root", Sudo, Some("unused")), "root\n"),
        (user.name.as_str(), run_as("root", Sudo, Some(&password)), "root\n"),
        (free.name.as_str(), run_as(&user.name, Su, Some(&password)), "pabawi-pw\n"),
    ] {
        let done = check(login, options.clone()).await;
        assert_eq!(done.text(), expected, "{login} {options:?} {:?}", done.end);
        assert_eq!(done.err, b"e\n", "{login} {options:?}");
        assert_eq!(done.code(), Some(0));
    }
    for (login, options, code) in [
        (user.name.as_str(), run_as("root", Sudo, None), ErrorCode::RunAsPasswordNeeded),
        (user.name.as_str(), run_as("root", Sudo, Some("wrong")), ErrorCode::RunAsDenied),
        (free.name.as_str(), run_as(&user.name, Su, None), ErrorCode::RunAsPasswordNeeded),
        (free.name.as_str(), run_as(&user.name, Su, Some("wrong")), ErrorCode::RunAsDenied),
        ("root", run_as("no-such-user", Sudo, None), ErrorCode::RunAsDenied),
        ("root", run_as("no-such-user", Su, None), ErrorCode::RunAsDenied),
        (free.name.as_str(), run_as("root", Doas, Some("wrong")), ErrorCode::RunAsDenied),
    ] {
        let started = Instant::now();
        let done = check(login, options.clone()).await;
        assert_eq!(done.error_code(), Some(code), "{login} {options:?} {done:?}");
        let error = done.error().unwrap();
        assert!(!error.may_have_started);
        assert!(!error.to_string().contains(&password), "{error}");
        assert!(started.elapsed() < Duration::from_secs(15), "{login} {options:?}");
    }
    // The password is not left where others could read it as input.
    let options = ProcessOptions {
        stdin: Some(StdinSource::from(Bytes::from_static(b"mine\n"))),
        ..run_as("root", Sudo, Some(&password))
    };
    let done = run_action(&transport, &target_as(&fleet, 0, &user.name), command("cat", options)).await;
    assert_eq!(done.text(), "mine\n");
}

/// Whatever shell the account has, the same comes out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_shell_is_named() {
    let fleet = Fleet::builder().nodes(1).setting("ForceCommand /bin/echo not for you").start().unwrap();
    let transport = transport(&fleet);
    let done = run(&transport, &target(&fleet, 0), "echo hello").await;
    assert_eq!(done.error_code(), Some(ErrorCode::NoShell), "{done:?}");
    assert!(!done.error().unwrap().may_have_started);
}

/// Two hundred commands at once on one node share few connections, and all come through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_on_one_node() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let target = Arc::new(target(&fleet, 0));
    let tasks: Vec<_> = (0..200)
        .map(|index| {
            let (transport, target) = (transport.clone(), Arc::clone(&target));
            tokio::spawn(async move {
                let done = run(&transport, &target, &format!("echo {index}; exit {}", index % 7)).await;
                assert_eq!(
                    (done.text(), done.code()),
                    (format!("{index}\n"), Some(index % 7)),
                    "{:?}",
                    done.end
                );
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let stats = transport.stats();
    assert!(stats.connects <= 16, "{stats:?}");
    assert_eq!(stats.in_use, 0, "{stats:?}");
}
