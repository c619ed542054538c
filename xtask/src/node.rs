//! The Node package in `bindings/node`: its tools from npm, the addon, and its tests. Main functions: [`build`], [`test()`].
//!
//! It looks before it acts, so it costs little when everything is there. It publishes nothing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::shell;

/// Installs what `package-lock.json` names, where that is not what is installed.
pub(crate) fn install() -> Result<()> {
    let place = place();
    let installed = changed(place.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(place.join("package-lock.json")) {
        return Ok(());
    }
    shell::run(npm(&["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(place))
}

/// Builds the addon and compiles the TypeScript half.
pub(crate) fn build() -> Result<()> {
    install()?;
    shell::run(&mut npm(&["run", "--silent", "build"]))
}

/// The same with the addon as it is published, optimised and stripped.
pub(crate) fn build_release() -> Result<()> {
    install()?;
    shell::run(&mut npm(&["run", "--silent", "addon", "--", "--release"]))?;
    shell::run(&mut npm(&["run", "--silent", "compile"]))
}

/// Builds the package and runs its tests, where the workspace's tests have been built.
pub(crate) fn test() -> Result<()> {
    install()?;
    let (name, value) = shell::WORKSPACE_BUILT;
    for script in ["build", "test"] {
        shell::run(npm(&["run", "--silent", script]).env(name, value))?;
    }
    Ok(())
}

/// Where the package is.
pub(crate) fn place() -> PathBuf {
    shell::root().join("bindings/node")
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(place());
    command
}

fn changed(path: PathBuf) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}
