//! What the C library costs, beside the same work through the Rust facade. Main function: [`run`].
//!
//! Both start one execution of many processes of this machine, follow its events to the end, and then ask many times for the
//! history; each in a process of its own, by turns, and the best of each counts. What an idle engine takes is its private memory
//! (RssAnon in proc(5)); pages of the library's file are shared by all programs that use it, and are shown beside.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::list::Options;
use super::parts::{Part, run_parts};
use super::programs::number;
use super::report::Aim;
use crate::shell;

/// One line about it.
pub(super) const ABOUT: &str = "what the C library costs, beside the same through Rust";

/// Nodes of the execution, and calls after it.
const SIZE: [&str; 2] = ["1000", "2000"];

const PARTS: &[Part] = &[("cost", cost)];

/// Runs all of it.
pub(super) fn run(options: &Options) -> Result<()> {
    run_parts(PARTS, options)
}

fn cost(options: &Options) -> Result<Vec<Aim>> {
    println!(
        "\n== c: {} processes in one execution and {} calls, through C and through Rust ==",
        SIZE[0], SIZE[1]
    );
    let folder = tempfile::tempdir().context("a folder")?;
    let (c, rust) = build(folder.path())?;
    let mut best: [Option<(f64, f64)>; 2] = [None, None];
    let (mut idle, mut resident, mut further) = (f64::MAX, f64::MAX, f64::MAX);
    for round in 1..=options.rounds.max(1) {
        for (place, (name, program)) in best.iter_mut().zip([("c", &c), ("rust", &rust)]) {
            let result = measured(program, folder.path(), &format!("{name}-{round}"))?;
            println!("   round {round}, {name}: {result}");
            let (execution, call) = (number(&result, "execution_seconds")?, number(&result, "call_micros")?);
            let (before, before_call) = place.unwrap_or((f64::MAX, f64::MAX));
            *place = Some((before.min(execution), before_call.min(call)));
            if name == "c" {
                idle = idle.min(number(&result, "idle_anonymous_kib")? / 1024.0);
                resident = resident.min(number(&result, "idle_kib")? / 1024.0);
                further = further.min(number(&result, "further_kib")? / 1024.0);
            }
        }
    }
    let [Some((c_execution, c_call)), Some((execution, call))] = best else {
        anyhow::bail!("nothing was measured");
    };
    println!("   one call: {c_call:.1} us through C, {call:.1} us through Rust");
    println!(
        "   an idle engine: {idle:.1} MiB of its own, {resident:.1} MiB with the pages of the library that it has used"
    );
    Ok(vec![
        Aim::at_most("execution through C, of the time through Rust", c_execution / execution, 1.05, "x"),
        Aim::at_most("private memory of an idle engine", idle, 10.0, "MiB"),
        Aim::at_most("resident memory of one engine more", further, 10.0, "MiB"),
    ])
}

/// Builds both programs.
fn build(folder: &Path) -> Result<(std::path::PathBuf, std::path::PathBuf)> {
    let arguments = ["build", "--release", "--locked", "-p", "pabawi-c", "--lib", "--example", "bench_rust"];
    let rust = shell::built("bench_rust", &arguments)?;
    let release = rust.ancestors().nth(2).context("an example lies in a folder of the profile")?;
    let place = shell::root().join("bindings/c");
    for name in ["libpabawi.so", "libpabawi.so.1"] {
        std::os::unix::fs::symlink(release.join("libpabawi_c.so"), folder.join(name)).context("a link")?;
    }
    let program = folder.join("bench");
    let mut compile = Command::new("cc");
    compile.args(["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-I"]).arg(place.join("include"));
    compile.arg(place.join("benches/bench.c")).arg("-o").arg(&program);
    compile.arg("-L").arg(folder).arg("-lpabawi").arg(format!("-Wl,-rpath,{}", folder.display()));
    shell::run(&mut compile)?;
    Ok((program, rust))
}

/// Runs one of them with a database of its own.
fn measured(program: &Path, folder: &Path, name: &str) -> Result<Value> {
    let config = folder.join("ssh_config");
    std::fs::write(&config, "").context("an empty ssh_config")?;
    let database = folder.join(format!("{name}.db"));
    // The other program gives its authorizer itself.
    let options = if name.starts_with("c-") {
        json!({"database": database, "ssh": {"config": config}, "authorizer": "allowAll"})
    } else {
        json!({"database": database, "ssh": {"config": config}})
    };
    let printed = shell::output(Command::new(program).arg(options.to_string()).args(SIZE))?;
    serde_json::from_str(printed.trim()).with_context(|| format!("{} printed {printed:?}", program.display()))
}
