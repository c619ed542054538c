//! Everything that has to hold before a change is good, in one order for everybody. Main function: [`test()`].
//!
//! What is quick to fail comes first. Clippy and the documentation share one build (metadata only), the tests
//! have theirs; the C libraries are compiled once for all of them.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{ansible, header, layers, node, packages, shell, sources, tidy, trace};

/// Sets up, then runs every check and every test.
pub(crate) fn test() -> Result<()> {
    packages::install(packages::Purpose::Tests)?;
    let ansible = ansible::install()?;
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    layers()?;
    trace::run(true)?;
    header::check()?;
    let clippy = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    shell::run(&mut shell::cargo(&clippy))?;
    let mut doc = shell::cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    let mut tests = shell::cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]);
    let (name, value) = shell::WORKSPACE_BUILT;
    shell::run(tests.env("PATH", ansible::path_with(&ansible)?).env(name, value))?;
    // The same libraries of others as above, so that only what the feature changes is compiled again.
    let traces = ["test", "--locked", "--workspace", "--features", "pabawi-cli/otlp", "--test", "otlp"];
    shell::run(&mut shell::cargo(&traces))?;
    node::test()?;
    println!("\nevery check and every test has passed");
    Ok(())
}

/// Checks the crates' dependencies and the shape of the source files.
pub(crate) fn layers() -> Result<()> {
    let mut faults = layers::check(&layers::Graph::of_workspace()?);
    let files = sources::rust_files(&shell::root())?;
    faults.extend(files.iter().flat_map(tidy::faults));
    if faults.is_empty() {
        println!("layers: {} files in order", files.len());
        return Ok(());
    }
    bail!("the house is not in order:\n  {}", faults.join("\n  "))
}

/// Clones what is committed into a fresh directory and runs the tests there, so that nothing that only this
/// directory has (files never added, leftovers of a build) can make them pass. They are run as a build server runs them.
pub(crate) fn clean_checkout() -> Result<()> {
    let root = shell::root();
    let place = root.join("target/ci");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("remove {}", place.display()))?;
    }
    shell::run(Command::new("git").args(["clone", "--quiet", "--no-hardlinks"]).arg(&root).arg(&place))?;
    shell::run(Command::new(place.join(".ci/run")).env_remove("CARGO_TARGET_DIR"))
}
