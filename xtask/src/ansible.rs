//! Ansible in a virtual environment of its own, of one version for everybody. Main function: [`install`].
//!
//! It looks before it acts, so it costs nothing when everything is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// The version of `ansible-core` on PyPI that the tests compare with.
const VERSION: &str = "2.18.6";

/// Installs `ansible-core` below `target/` and returns the directory of its programs.
pub(crate) fn install() -> Result<PathBuf> {
    let place = shell::root().join("target/tools").join(format!("ansible-core-{VERSION}"));
    let programs = place.join("bin");
    if is_whole(&programs) {
        return Ok(programs);
    }
    println!("installing ansible-core {VERSION}");
    if place.exists() {
        std::fs::remove_dir_all(&place).with_context(|| format!("remove {}", place.display()))?;
    }
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    let package = format!("ansible-core=={VERSION}");
    let pip = ["install", "--quiet", "--disable-pip-version-check", "--no-input", &package];
    shell::run(Command::new(programs.join("pip")).args(pip))?;
    if !is_whole(&programs) {
        bail!("installed {package} into {}, and yet it does not run", place.display());
    }
    Ok(programs)
}

/// Whether it runs: a virtual environment that was moved, or whose Python has gone, does not.
fn is_whole(programs: &Path) -> bool {
    shell::succeeds(Command::new(programs.join("ansible-inventory")).arg("--version"))
}

/// `PATH` with these programs before all others.
pub(crate) fn path_with(programs: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(all).context("join PATH")
}
