//! Warm connections: the pool beside a minimal loop over the bare crate. Main function: [`run`].
//!
//! So that both send the very same bytes, a node first writes down what the pool sends to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use pabawi_testkit::fleet::Fleet;

use super::list::Options;
use super::programs::{number, result_of};
use super::report::Aim;
use super::tools;

/// How many nodes; each runs one command at a time.
const NODES: usize = 16;

/// How long each measurement takes, in seconds.
const SECONDS: &str = "5";

pub(super) fn run(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== warm: commands a second on {NODES} standing connections, `true` ==");
    let directory = tempfile::tempdir()?;
    let (line, stdin) = record(directory.path())?;
    let fleet = Fleet::builder().nodes(NODES).start()?;
    let config = fleet.ssh_config().display().to_string();
    let names: Vec<&str> = fleet.nodes().iter().map(|node| node.name.as_str()).collect();
    let addresses: Vec<String> = fleet.nodes().iter().map(|node| node.address.to_string()).collect();
    let key = fleet.user_key().path.display().to_string();
    let pool = [&["pool", SECONDS, &config][..], &names].concat();
    let bare = ["bare", SECONDS, &line, &stdin, fleet.user(), &key].map(str::to_owned);
    let bare: Vec<&str> = bare.iter().chain(&addresses).map(String::as_str).collect();
    let mut best = [0.0_f64; 2];
    for round in 1..=options.rounds.max(1) {
        for (best, (name, arguments)) in best.iter_mut().zip([("pool", &pool), ("bare", &bare)]) {
            let rate = number(&result_of("pabawi-transport", "bench_warm", arguments)?, "per_second")?;
            println!("   round {round}: {name} {rate:.1} commands/s");
            *best = best.max(rate);
        }
    }
    let [pool, bare] = best;
    Ok(vec![Aim::at_least("commands a second to those of the bare loop", pool / bare, 0.9, "x")])
}

/// Has a node write down the command line and the beginning of standard input that `pab` sends for `true`, up to the
/// line that ends the preamble. Returns the two files.
fn record(directory: &Path) -> Result<(String, String)> {
    let path = |name: &str| directory.join(name).display().to_string();
    let (line, stdin, recorder) = (path("line"), path("stdin"), path("recorder"));
    // The node does not run anything, so the run itself fails; only what it got is wanted.
    let script = format!(
        "#!/bin/sh\nprintf %s \"$SSH_ORIGINAL_COMMAND\" > '{line}'\n\
         while IFS= read -r text; do printf '%s\\n' \"$text\" >> '{stdin}'; \
         case $text in PABAWI-*) exit 0;; esac; done\n"
    );
    fs::write(&recorder, script)?;
    fs::set_permissions(&recorder, fs::Permissions::from_mode(0o755))?;
    let fleet = Fleet::builder().setting(&format!("ForceCommand {recorder}")).start()?;
    let mut pab = Command::new(tools::release_pab()?);
    pab.args(["run", "true", "--targets", "web01", "--timeout", "10s", "--ssh-config"])
        .arg(fleet.ssh_config());
    pab.env("HOME", directory).env("PABAWI_DB", directory.join("pabawi.db"));
    pab.output().context("start pab")?;
    for file in [&line, &stdin] {
        let size = fs::metadata(file).with_context(|| format!("the node has not written {file}"))?.len();
        anyhow::ensure!(size > 0, "the node got nothing for {file}");
    }
    Ok((line, stdin))
}
