//! From options to an [`ExecutionRequest`]: what is to be done, and within which limits. Files and secrets
//! are read here; nothing is checked that the domain checks.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pabawi::{
    Action, CommandAction, DownloadAction, EnvValue, ExecutionRequest, InvalidName, OnLinkLoss, OutputData,
    PluginName, ProcessOptions, RunAs, RunAsMethod, ScriptAction, Secret, StdinSource, Tag, TargetExpression,
    UploadAction,
};

use crate::args::{
    ConnectArgs, DownArgs, ExecutionArgs, LinkLossArg, ProcessArgs, RunArgs, RunAsMethodArg, ScriptArgs,
    TransportArg, UpArgs,
};
use crate::exit::Failure;
use crate::open::host_key_policy;
use crate::prompt::ask_secret;
use crate::rollout;

/// The most that is read from standard input, a script or a password file, in bytes.
const MAX_INPUT: u64 = 16 * 1024 * 1024;

/// Whether secrets are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// They are read or asked for.
    Needed,
    /// Something stands in for them: nothing is run, and they are not stored.
    StoodIn,
}

/// The command of `pab run`.
///
/// # Errors
/// A file that cannot be read, or a secret that could not be asked for.
pub(crate) fn command(args: &RunArgs, secrets: Secrets) -> Result<Action, Failure> {
    let process = process(&args.process, secrets)?;
    Ok(Action::Command(CommandAction { command: args.command.join(" "), process }))
}

/// The script of `pab script`.
///
/// # Errors
/// As for [`command`].
pub(crate) fn script(args: &ScriptArgs, secrets: Secrets) -> Result<Action, Failure> {
    let from_stdin = args.file == Path::new("-");
    for (option, path) in [("--stdin", &args.process.stdin), ("--secret-stdin", &args.process.secret_stdin)] {
        if from_stdin && path.as_deref() == Some(Path::new("-")) {
            return Err(Failure::usage(format!("{option} -: standard input is the script already")));
        }
    }
    let content = if from_stdin { read_stdin("FILE")? } else { script_file(&args.file)? };
    let name = match args.file.file_name() {
        Some(name) if !from_stdin => name.to_string_lossy().into_owned(),
        _ => "script".to_owned(),
    };
    Ok(Action::Script(ScriptAction {
        name,
        content: OutputData::from(content),
        interpreter: args.interpreter.clone(),
        arguments: args.arguments.clone(),
        process: process(&args.process, secrets)?,
    }))
}

/// What stands in the file of a script now.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn script_file(path: &Path) -> Result<Vec<u8>, Failure> {
    read_file("FILE", path)
}

/// The copy of `pab copy up`.
pub(crate) fn upload(args: &UpArgs) -> Action {
    Action::Upload(UploadAction {
        source: absolute(&args.source),
        destination: args.destination.clone(),
        mode: args.mode,
    })
}

/// The copy of `pab copy down`.
pub(crate) fn download(args: &DownArgs) -> Action {
    Action::Download(DownloadAction { source: args.source.clone(), destination: absolute(&args.destination) })
}

/// The whole request.
///
/// # Errors
/// A name (tag, key, id) that is not allowed.
pub(crate) fn request(
    action: Action,
    targets: TargetExpression,
    connect: &ConnectArgs,
    execution: &ExecutionArgs,
) -> Result<ExecutionRequest, Failure> {
    let mut request = ExecutionRequest::new(action, targets);
    request.transport = connect.transport.map(transport).transpose()?;
    request.concurrency = execution.concurrency;
    request.timeouts.connect_ms = connect.connect_timeout.map(millis);
    request.timeouts.node_ms = execution.timeout.map(millis);
    request.timeouts.execution_ms = execution.execution_timeout.map(millis);
    request.priority = execution.priority.unwrap_or_default();
    request.rollout = rollout::rollout(&execution.rollout);
    request.retry = rollout::retry(&execution.retry);
    request.debug = execution.debug;
    request.host_keys = connect.trust.host_keys.map(host_key_policy);
    request.idempotency_key = named("--idempotency-key", execution.idempotency_key.as_deref())?;
    let correlation_id =
        execution.correlation_id.clone().or_else(|| execution.debug.then(new_correlation_id));
    request.correlation_id = named("--correlation-id", correlation_id.as_deref())?;
    for tag in &execution.tag {
        request.tags.extend(named::<Tag>("--tag", Some(tag))?);
    }
    Ok(request)
}

/// Secret variables: from pab's own environment, or asked for.
///
/// # Errors
/// A variable that is not set while there is no terminal to ask on.
pub(crate) fn secret_env(names: &[String]) -> Result<BTreeMap<String, Secret>, Failure> {
    use std::os::unix::ffi::OsStringExt as _;
    names
        .iter()
        .map(|name| {
            let value = match std::env::var_os(name) {
                Some(value) => Secret::new(value.into_vec()),
                None => ask_secret(&format!("Value of {name}"))?,
            };
            Ok((name.clone(), value))
        })
        .collect()
}

/// The password for the change of user, where one is asked for or stands in a file.
///
/// # Errors
/// A file that cannot be read, or no terminal.
pub(crate) fn run_as_password(ask: bool, file: Option<&PathBuf>) -> Result<Option<Secret>, Failure> {
    if ask {
        return Ok(Some(ask_secret("Password for the change of user")?));
    }
    let Some(file) = file else { return Ok(None) };
    let content = read_file("--run-as-password-file", file)?;
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::usage(format!(
            "--run-as-password-file: {} has an empty first line",
            file.display()
        )));
    }
    Ok(Some(Secret::new(line)))
}

/// What a process reads that is a secret.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn secret_stdin(path: Option<&Path>) -> Result<Option<Secret>, Failure> {
    let read = |path: &Path| {
        let from_stdin = path == Path::new("-");
        if from_stdin { read_stdin("--secret-stdin") } else { read_file("--secret-stdin", path) }
    };
    Ok(path.map(read).transpose()?.map(Secret::new))
}

fn process(args: &ProcessArgs, secrets: Secrets) -> Result<ProcessOptions, Failure> {
    let mut env: BTreeMap<String, EnvValue> = BTreeMap::new();
    for (name, value) in &args.env {
        env.insert(name.clone(), EnvValue::Plain(value.clone()));
    }
    let (secret_env, password, secret_stdin) = match secrets {
        Secrets::Needed => (
            secret_env(&args.secret_env)?,
            run_as_password(args.ask_run_as_password, args.run_as_password_file.as_ref())?,
            secret_stdin(args.secret_stdin.as_deref())?,
        ),
        Secrets::StoodIn => {
            let stand_in = || Secret::new("not asked for");
            let has_password = args.ask_run_as_password || args.run_as_password_file.is_some();
            let env = args.secret_env.iter().map(|name| (name.clone(), stand_in())).collect();
            (env, has_password.then(stand_in), args.secret_stdin.as_ref().map(|_| stand_in()))
        }
    };
    for (name, secret) in secret_env {
        env.insert(name, EnvValue::Secret { secret });
    }
    let run_as = args.run_as.as_ref().map(|user| RunAs {
        user: user.clone(),
        method: match args.run_as_method {
            None | Some(RunAsMethodArg::Sudo) => RunAsMethod::Sudo,
            Some(RunAsMethodArg::Su) => RunAsMethod::Su,
            Some(RunAsMethodArg::Doas) => RunAsMethod::Doas,
        },
        password,
    });
    let stdin = match args.stdin.as_deref() {
        None => secret_stdin.map(StdinSource::Secret),
        Some(path) if path == Path::new("-") => {
            Some(StdinSource::Bytes(OutputData::from(read_stdin("--stdin")?)))
        }
        Some(path) => Some(StdinSource::File(absolute(path))),
    };
    let on_link_loss = match args.on_link_loss {
        None | Some(LinkLossArg::Terminate) => OnLinkLoss::Terminate,
        Some(LinkLossArg::Leave) => OnLinkLoss::Leave,
    };
    Ok(ProcessOptions {
        env,
        cwd: args.cwd.clone(),
        umask: args.umask,
        run_as,
        stdin,
        pty: args.pty,
        on_link_loss,
        detach: args.detach,
    })
}

/// The name of a transport.
///
/// # Errors
/// Never: the names are good.
pub(crate) fn transport(arg: TransportArg) -> Result<PluginName, Failure> {
    let name = match arg {
        TransportArg::Ssh => "ssh",
        TransportArg::Local => "local",
    };
    PluginName::new(name).map_err(Failure::usage)
}

/// An id that no other request has.
pub(crate) fn new_correlation_id() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let random = || RandomState::new().build_hasher().finish();
    format!("pab-{:016x}{:016x}", random(), random())
}

fn named<T: FromStr<Err = InvalidName>>(option: &str, text: Option<&str>) -> Result<Option<T>, Failure> {
    text.map(str::parse).transpose().map_err(|error| Failure::usage(format!("{option}: {error}")))
}

/// Whole milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The path seen from this process's directory, since it is stored and read again later.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        // Left empty, so that it is refused as such.
        return PathBuf::new();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What stands in a file.
///
/// # Errors
/// A file that cannot be read or is too long.
pub(crate) fn read_file(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let failed =
        |error: std::io::Error| Failure::usage(format!("{option}: read {}: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(failed)?;
    read_limited(option, file).map_err(failed)?
}

/// What comes from standard input.
///
/// # Errors
/// As for [`read_file`].
pub(crate) fn read_stdin(option: &str) -> Result<Vec<u8>, Failure> {
    read_limited(option, std::io::stdin().lock())
        .map_err(|error| Failure::usage(format!("{option}: read standard input: {error}")))?
}

fn read_limited(option: &str, from: impl std::io::Read) -> std::io::Result<Result<Vec<u8>, Failure>> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT {
        return Ok(Err(Failure::usage(format!(
            "{option}: is longer than {} MiB; copy it to the nodes first",
            MAX_INPUT / 1024 / 1024
        ))));
    }
    Ok(Ok(bytes))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn options_become_the_request() {
        let execution = ExecutionArgs {
            concurrency: Some(7),
            timeout: Some(Duration::from_secs(3)),
            tag: vec!["nightly".into()],
            idempotency_key: Some("k".into()),
            debug: true,
            ..ExecutionArgs::default()
        };
        let connect = ConnectArgs {
            transport: Some(TransportArg::Local),
            connect_timeout: Some(Duration::from_millis(500)),
            ..ConnectArgs::default()
        };
        let action = Action::Command(CommandAction::new("true"));
        let made = request(action, TargetExpression::new("a"), &connect, &execution).unwrap();
        made.check().unwrap();
        assert_eq!((made.timeouts.connect_ms, made.timeouts.node_ms), (Some(500), Some(3000)));
        assert_eq!(made.transport.unwrap().as_str(), "local");
        assert_eq!((made.concurrency, made.debug, made.tags.len()), (Some(7), true, 1));
        let bad = ExecutionArgs { tag: vec!["-x".into()], ..ExecutionArgs::default() };
        let action = Action::Command(CommandAction::new("true"));
        let error = request(action, TargetExpression::new("a"), &ConnectArgs::default(), &bad).unwrap_err();
        assert!(error.message.starts_with("--tag: "), "{error}");
    }

    #[test]
    fn secrets_are_read_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "hunter2\r\nsecond line\n").unwrap();
        let args = ProcessArgs {
            run_as: Some("root".into()),
            run_as_password_file: Some(file.clone()),
            env: vec![("A".into(), "1=2".into())],
            // The one variable that every process here has.
            secret_env: vec!["PATH".into()],
            ..ProcessArgs::default()
        };
        let options = process(&args, Secrets::Needed).unwrap();
        assert_eq!(options.run_as.as_ref().unwrap().password, Some(Secret::new("hunter2")));
        assert_eq!(options.env["A"], EnvValue::Plain("1=2".into()));
        assert_eq!(options.env["PATH"].expose(), std::env::var("PATH").unwrap().as_bytes());
        assert!(!format!("{options:?}").contains("hunter2"));
        let planned = process(&args, Secrets::StoodIn).unwrap();
        let action = |process| Action::Command(CommandAction { command: "true".into(), process });
        let targets = || TargetExpression::new("a");
        let of = |process| ExecutionRequest::new(action(process), targets()).redacted();
        assert_eq!(of(planned), of(options), "what stands in for a secret reads like it");
        std::fs::write(&file, "\n").unwrap();
        let error = run_as_password(false, Some(&file)).unwrap_err();
        assert!(error.message.contains("empty first line"), "{error}");
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let args = crate::args::ScriptArgs {
            file: "/nonexistent/deploy.sh".into(),
            arguments: vec![],
            interpreter: None,
            provider: Default::default(),
            care: Default::default(),
            selection: Default::default(),
            process: Default::default(),
            connect: Default::default(),
            execution: Default::default(),
            output: Default::default(),
        };
        let error = script(&args, Secrets::Needed).unwrap_err();
        assert_eq!(error.exit, crate::exit::Exit::Usage);
        assert!(error.message.contains("/nonexistent/deploy.sh"), "{error}");
    }
}
