//! Every option is read as it is documented, and the help says what the exit statuses mean.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use pabawi_cli::args::{
    Cli, Command, CopyCommand, DialectArg, ExecutionsCommand, Format, HostKeysArg, LinkLossArg, LogFormat,
    PlanCommand, RunArgs, RunAsMethodArg, StreamArg, TargetsCommand, TransportArg,
};

fn parse(args: &[&str]) -> Cli {
    Cli::try_parse_from(std::iter::once("pab").chain(args.iter().copied())).unwrap_or_else(|e| panic!("{e}"))
}

fn refused(args: &[&str]) -> String {
    match Cli::try_parse_from(std::iter::once("pab").chain(args.iter().copied())) {
        Ok(cli) => panic!("{args:?} was taken as {cli:?}"),
        Err(error) => {
            assert_eq!(error.exit_code(), 2, "{error}");
            error.to_string()
        }
    }
}

fn run(args: &[&str]) -> RunArgs {
    match parse(&[&["run"], args].concat()).command {
        Command::Run(run) => *run,
        other => panic!("{other:?}"),
    }
}

/// What plans takes the options of what does.
#[test]
fn plans_take_the_options_of_what_they_plan() {
    let args = [
        "uptime",
        "-t",
        "web1",
        "--waves",
        "1,20%",
        "--retries",
        "2",
        "--format",
        "json",
        "--run-as",
        "root",
    ];
    let Command::Plan(plan) = parse(&[&["plan", "run"][..], &args].concat()).command else { panic!() };
    let PlanCommand::Run(planned) = *plan else { panic!() };
    assert_eq!(format!("{planned:?}"), format!("{:?}", run(&args)));
    for args in [
        &["plan", "script", "deploy.sh", "-t", "a"][..],
        &["plan", "copy", "up", "a", "/b", "-t", "a"],
        &["plan", "copy", "down", "/a", "b", "-t", "a"],
    ] {
        assert!(matches!(parse(args).command, Command::Plan(_)), "{args:?}");
    }
    let args = ["apply", "last", "--again", "--secret-env", "TOKEN", "--ask-password", "-f", "ndjson", "-q"];
    let Command::Apply(apply) = parse(&args).command else { panic!() };
    assert_eq!((apply.hash.as_str(), apply.again, apply.ask_password), ("last", true, true));
    assert_eq!((apply.secrets.secret_env, apply.output.format), (vec!["TOKEN".to_owned()], Format::Ndjson));
    assert!(refused(&["apply"]).contains("HASH"));
    assert!(refused(&["plan", "executions", "list"]).contains("executions"));
}

#[test]
fn the_options_fit_together() {
    Cli::command().debug_assert();
}

/// R1.1, R1.7, R8.2, R12.2
#[test]
fn every_option_of_run_is_read() {
    assert_eq!(run(&["uptime", "--targets", "web1"]).command, ["uptime"]);

    let args = run(&[
        "-t",
        "web[01-20]",
        "--targets",
        "@db",
        "--hosts",
        "a,b",
        "--hosts-file",
        "/h",
        "--inventory",
        "/i",
        "--ssh-config",
        "/s",
        "-e",
        "A=1=2",
        "--env",
        "B=",
        "--secret-env",
        "TOKEN",
        "--cwd",
        "/srv",
        "--umask",
        "027",
        "--run-as",
        "root",
        "--run-as-method",
        "doas",
        "--run-as-password-file",
        "/p",
        "--stdin",
        "-",
        "--pty",
        "--on-link-loss",
        "leave",
        "--transport",
        "local",
        "-l",
        "ops",
        "--port",
        "2222",
        "-i",
        "/k1",
        "--identity",
        "/k2",
        "--ask-password",
        "--host-keys",
        "accept-new",
        "--known-hosts",
        "/kh",
        "--connect-timeout",
        "500ms",
        "--concurrency",
        "7",
        "--timeout",
        "1h30m",
        "--execution-timeout",
        "2h",
        "--debug",
        "--tag",
        "x",
        "--tag",
        "y",
        "--priority",
        "-5",
        "--idempotency-key",
        "key",
        "--correlation-id",
        "c",
        "--format",
        "ndjson",
        "--group",
        "--quiet",
        "--",
        "ls",
        "-la",
    ]);
    assert_eq!(args.command, ["ls", "-la"]);
    let nodes = &args.selection;
    assert_eq!(nodes.targets, ["web[01-20]", "@db"]);
    assert_eq!(nodes.sources.hosts, ["a,b"]);
    assert_eq!(nodes.sources.hosts_file, [Path::new("/h")]);
    assert_eq!(nodes.sources.inventory, [Path::new("/i")]);
    assert_eq!(nodes.sources.ssh_config.as_deref(), Some(Path::new("/s")));
    let process = &args.process;
    assert_eq!(process.env, [("A".into(), "1=2".into()), ("B".into(), String::new())]);
    assert_eq!(process.secret_env, ["TOKEN"]);
    assert_eq!((process.cwd.as_deref(), process.umask), (Some("/srv"), Some(0o27)));
    assert_eq!(process.run_as.as_deref(), Some("root"));
    assert_eq!(process.run_as_method, Some(RunAsMethodArg::Doas));
    assert_eq!(process.run_as_password_file.as_deref(), Some(Path::new("/p")));
    assert_eq!(process.stdin.as_deref(), Some(Path::new("-")));
    assert!(process.pty);
    assert_eq!(process.on_link_loss, Some(LinkLossArg::Leave));
    let connect = &args.connect;
    assert_eq!(connect.transport, Some(TransportArg::Local));
    assert_eq!((connect.login.user.as_deref(), connect.login.port), (Some("ops"), Some(2222)));
    assert_eq!(connect.login.identity, [Path::new("/k1"), Path::new("/k2")]);
    assert_eq!(connect.connect_timeout, Some(Duration::from_millis(500)));
    assert!(connect.trust.ask_password);
    assert_eq!(connect.trust.host_keys, Some(HostKeysArg::AcceptNew));
    assert_eq!(connect.trust.known_hosts, [Path::new("/kh")]);
    let execution = &args.execution;
    assert_eq!(execution.concurrency, Some(7));
    assert_eq!(execution.timeout, Some(Duration::from_secs(5400)));
    assert_eq!(execution.execution_timeout, Some(Duration::from_secs(7200)));
    assert!(execution.debug);
    assert_eq!(execution.tag, ["x", "y"]);
    assert_eq!(execution.priority, Some(-5));
    assert_eq!(execution.idempotency_key.as_deref(), Some("key"));
    assert_eq!(execution.correlation_id.as_deref(), Some("c"));
    assert_eq!(args.output.format, Format::Ndjson);
    assert!(args.output.group && args.output.quiet);
}

#[test]
fn other_tools_words_for_concurrency_are_taken() {
    for option in ["--forks", "--fanout", "--concurrency", "-c"] {
        assert_eq!(run(&["true", option, "3"]).execution.concurrency, Some(3), "{option}");
    }
}

#[test]
fn scripts_and_copies_are_read() {
    match parse(&["script", "d.sh", "--interpreter", "/bin/bash", "-t", "a", "--", "-x", "y"]).command {
        Command::Script(args) => {
            assert_eq!(args.file, Path::new("d.sh"));
            assert_eq!(args.arguments, ["-x", "y"]);
            assert_eq!(args.interpreter.as_deref(), Some("/bin/bash"));
        }
        other => panic!("{other:?}"),
    }
    match parse(&["copy", "up", "f", "/etc/f", "--mode", "0640", "-t", "a"]).command {
        Command::Copy(command) => {
            let CopyCommand::Up(args) = *command else { panic!("{command:?}") };
            assert_eq!((args.source.as_path(), args.destination.as_str()), (Path::new("f"), "/etc/f"));
            assert_eq!(args.mode, Some(0o640));
        }
        other => panic!("{other:?}"),
    }
    match parse(&["copy", "down", "/etc/f", "out", "-t", "a"]).command {
        Command::Copy(command) => {
            let CopyCommand::Down(args) = *command else { panic!("{command:?}") };
            assert_eq!((args.source.as_str(), args.destination.as_path()), ("/etc/f", Path::new("out")));
        }
        other => panic!("{other:?}"),
    }
}

/// R5.8, R12.4
#[test]
fn every_option_of_executions_is_read() {
    let executions = |args: &[&str]| match parse(&[&["executions"], args].concat()).command {
        Command::Executions(command) => *command,
        other => panic!("{other:?}"),
    };
    match executions(&[
        "list",
        "--since",
        "2h",
        "--until",
        "2026-11-23",
        "--user",
        "ops",
        "--target",
        "web1",
        "--status",
        "failed,partial",
        "--status",
        "running",
        "--text",
        "up",
        "--tag",
        "x",
        "--plugin",
        "ssh",
        "--limit",
        "5",
        "--cursor",
        "c",
        "-f",
        "json",
    ]) {
        ExecutionsCommand::List(args) => {
            let asked = &args.history;
            assert_eq!((asked.since.as_deref(), asked.until.as_deref()), (Some("2h"), Some("2026-11-23")));
            assert_eq!((asked.user.as_deref(), asked.target.as_deref()), (Some("ops"), Some("web1")));
            assert_eq!(asked.status, ["failed", "partial", "running"]);
            assert_eq!((asked.text.as_deref(), asked.tag.as_deref()), (Some("up"), Some("x")));
            assert_eq!(asked.plugin.as_deref(), Some("ssh"));
            let (head, cursor) = (&args.page.head, args.page.cursor.as_deref());
            assert_eq!((head.limit, cursor, head.format), (5, Some("c"), Format::Json));
        }
        other => panic!("{other:?}"),
    }
    match executions(&["show", "last", "--format", "yaml"]) {
        ExecutionsCommand::Show(args) => assert_eq!((args.id.as_str(), args.format), ("last", Format::Yaml)),
        other => panic!("{other:?}"),
    }
    match executions(&["output", "0193", "--node", "a", "--node", "b[1-2]", "--stream", "stderr", "-g"]) {
        ExecutionsCommand::Output(args) => {
            assert_eq!(args.node, ["a", "b[1-2]"]);
            assert_eq!((args.stream, args.group), (Some(StreamArg::Stderr), true));
        }
        other => panic!("{other:?}"),
    }
    match executions(&["events", "last", "--from", "9", "--follow"]) {
        ExecutionsCommand::Events(args) => assert_eq!((args.from, args.follow), (9, true)),
        other => panic!("{other:?}"),
    }
    match executions(&["cancel", "last", "--node", "a", "--kill"]) {
        ExecutionsCommand::Cancel(args) => assert!(args.kill && args.node == ["a"]),
        other => panic!("{other:?}"),
    }
    match executions(&["rerun", "last", "--failed", "--secret-env", "T", "--inventory", "/i", "--group"]) {
        ExecutionsCommand::Rerun(args) => {
            assert!(args.failed && !args.all && args.node.is_empty() && args.output.group);
            assert_eq!(args.secrets.secret_env, ["T"]);
            assert_eq!(args.sources.inventory, [Path::new("/i")]);
        }
        other => panic!("{other:?}"),
    }
    let login = ["--user", "ops", "--port", "2222", "--identity", "/k", "--output-memory", "64M"];
    match executions(&[&["rerun", "last", "--all"][..], &login].concat()) {
        ExecutionsCommand::Rerun(args) => {
            assert_eq!((args.login.user.as_deref(), args.login.port), (Some("ops"), Some(2222)));
            assert_eq!(args.login.identity, [Path::new("/k")]);
            assert_eq!(args.memory.output_memory, Some(64 << 20));
        }
        other => panic!("{other:?}"),
    }
    match executions(&["resume", "last", "--output-memory", "16M"]) {
        ExecutionsCommand::Resume(args) => assert_eq!(args.memory.output_memory, Some(16 << 20)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn kept_plans_are_listed_and_shown() {
    let plan = |args: &[&str]| match parse(args).command {
        Command::Plan(plan) => *plan,
        other => panic!("{other:?}"),
    };
    let PlanCommand::List(head) = plan(&["plan", "list", "-n", "3", "-f", "yaml"]) else { panic!() };
    assert_eq!((head.limit, head.format), (3, Format::Yaml));
    let PlanCommand::Show(show) = plan(&["plan", "show", "last"]) else { panic!() };
    assert_eq!((show.hash.as_str(), show.format), ("last", Format::Table));
}

#[test]
fn global_options_stand_anywhere() {
    for args in [
        &["--db", "/d", "--no-color", "--log-level", "debug", "--log-format", "json", "run", "x"][..],
        &["run", "x", "--db", "/d", "--no-color", "--log-level", "debug", "--log-format", "json"],
    ] {
        let global = parse(args).global;
        assert_eq!(global.db.as_ref().map(|name| name.as_os_str()), Some(OsStr::new("/d")));
        assert!(global.no_color);
        assert_eq!((global.log_level.as_deref(), global.log_format), (Some("debug"), LogFormat::Json));
    }
    match parse(&["targets", "fold", "a1", "a2", "--dialect", "bolt"]).command {
        Command::Targets(TargetsCommand::Fold { expression, dialect, .. }) => {
            assert_eq!(expression, ["a1", "a2"]);
            assert_eq!(dialect.dialect, DialectArg::Bolt);
        }
        other => panic!("{other:?}"),
    }
    match parse(&["targets", "explain", "all!a", "--node", "a", "--inventory", "/i"]).command {
        Command::Targets(TargetsCommand::Explain { node, sources, dialect, .. }) => {
            assert_eq!((node, sources.inventory), (vec!["a".to_owned()], vec!["/i".into()]));
            assert_eq!(dialect.dialect, DialectArg::Pabawi);
        }
        other => panic!("{other:?}"),
    }
}

/// R12.10
#[test]
fn what_is_not_valid_is_refused_with_the_option() {
    for (args, part) in [
        (&["run"][..], "<COMMAND>"),
        (&["run", "x", "--concurrency", "0"], "--concurrency"),
        (&["run", "x", "--concurrency", "99999999"], "--concurrency"),
        (&["run", "x", "--concurrency", "-1"], "-1"),
        (&["run", "x", "--timeout", "30"], "needs a unit: 30s"),
        (&["run", "x", "--timeout", "-5s"], "-5"),
        (&["run", "x", "--env", "A"], "write NAME=VALUE"),
        (&["run", "x", "--env", "=1"], "write NAME=VALUE"),
        (&["run", "x", "--umask", "9"], "octal"),
        (&["run", "x", "--port", "0"], "--port"),
        (&["run", "x", "--port", "70000"], "--port"),
        (&["run", "x", "--ask-run-as-password"], "--run-as <USER>"),
        (&["run", "x", "--run-as-method", "su"], "--run-as <USER>"),
        (&["run", "x", "--host-keys", "never"], "accept-new"),
        (&["run", "x", "--format", "xml"], "ndjson"),
        (&["executions", "rerun", "last"], "--failed"),
        (&["executions", "rerun", "last", "--failed", "--all"], "cannot be used with"),
        (&["executions", "list", "--limit", "0"], "--limit"),
        (&["executions", "events", "last", "--from", "x"], "--from"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let error = refused(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
}

#[test]
fn the_help_tells_the_exit_statuses() {
    for path in [&[][..], &["run"], &["script"]] {
        let mut command = Cli::command();
        let mut at = &mut command;
        for name in path {
            at = at.find_subcommand_mut(name).unwrap();
        }
        let help = at.render_long_help().to_string();
        for part in ["Exit status:", "130  cancelled", "3    nothing could run", "PABAWI_DB", "NO_COLOR"] {
            assert!(help.contains(part), "{path:?} lacks {part}:\n{help}");
        }
    }
}
