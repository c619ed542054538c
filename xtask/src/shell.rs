//! Starting programs in the workspace. Main function: [`run`]. It must not hide what it starts: every command
//! is shown first.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The workspace's top directory.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// `cargo` as it was called, in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// The variable by which all that builds a part of the workspace is told that the tests of the whole are built anyway.
///
/// By itself a part has other features of its libraries, tokio's among them, so nearly all would be compiled once more.
pub(crate) const WORKSPACE_BUILT: (&str, &str) = ("PABAWI_WORKSPACE_BUILT", "1");

/// What cargo is asked to build: a part, or, where the tests of the workspace are built, what they have built already.
pub(crate) fn or_workspace<'a>(part: &[&'a str]) -> Vec<&'a str> {
    let (name, value) = WORKSPACE_BUILT;
    if std::env::var_os(name).is_some_and(|told| told == value) {
        return vec!["--workspace", "--lib", "--examples"];
    }
    part.to_vec()
}

/// Shows a command, runs it to its end, and fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    println!("\n$ {shown}");
    let begin = Instant::now();
    let status = command.status().with_context(|| format!("start {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    println!("[{:.0?}]", begin.elapsed());
    Ok(())
}

/// Runs a command quietly and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {shown}"))?;
    if !output.status.success() {
        bail!("{shown}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds a program with cargo, showing only faults, and returns where it is.
pub(crate) fn built(program: &str, arguments: &[&str]) -> Result<PathBuf> {
    let mut build = cargo(arguments);
    build.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = build.output().context("start cargo")?;
    if !output.status.success() {
        bail!("{program} could not be built: {}", output.status);
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .find(|path| path.file_name().is_some_and(|name| name == program))
        .with_context(|| format!("cargo did not say where {program} is"))
}

/// Whether a command runs and says yes. Quiet.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command line as a person would type it, with its own environment settings in front.
fn show(command: &Command) -> String {
    let settings = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}='{}'", name.display(), value?.display())));
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    settings.chain([program]).chain(arguments).collect::<Vec<_>>().join(" ")
}
