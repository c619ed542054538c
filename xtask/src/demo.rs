//! The demonstration: twenty real nodes, one that fails and one that hangs. Main function: [`run`].
//!
//! It uses `pab` as a person would and checks that everything went as it says. It must leave nothing running and
//! nothing behind but the build.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use serde_json::Value;

use crate::{packages, shell};

/// How many nodes.
const NODES: usize = 20;

/// What every node is asked to do. Each node's `sshd` tells it its name; on real nodes this would be one plain
/// command, and the differences would come from the nodes.
const COMMAND: &str = "case $PABAWI_NODE in \
    web07) echo \"app: configuration refused, line 12\" >&2; exit 3;; \
    web13) sleep 600;; \
    web1*) sleep 1; echo app 2.4.1;; \
    *) echo app 2.4.0;; esac";

/// After this the hanging node is ended.
const TIMEOUT: &str = "4s";

/// How long the demonstration itself may take before something is wrong.
const LIMIT: Duration = Duration::from_secs(60);

/// `pab` with a home and a database of its own.
struct Pab {
    program: PathBuf,
    /// A directory of the fleet, which goes with it, also when somebody presses Ctrl-C.
    directory: PathBuf,
}

impl Pab {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("HOME", &self.directory)
            .env("PABAWI_DB", self.directory.join("pabawi.db"))
            .current_dir(&self.directory);
        command
    }

    /// Shows a call as one would type it, makes it, and returns its exit status.
    fn show(&self, arguments: &[&str]) -> Result<i32> {
        let words = arguments.iter().map(|word| quoted(word));
        let (bold, plain) = if coloured() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        println!("\n{bold}$ pab {}{plain}", words.collect::<Vec<_>>().join(" "));
        let status = self.command(arguments).status().context("start pab")?;
        status.code().context("pab was ended by a signal")
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        serde_json::from_str(&shell::output(&mut self.command(arguments))?).context("read what pab printed")
    }
}

/// Runs the demonstration.
pub(crate) fn run() -> Result<()> {
    packages::install(packages::Purpose::Fleet)?;
    println!("building pab (the first time this compiles OpenSSL and SQLite, which takes some minutes)");
    let program = shell::built("pab", &["build", "--locked", "-p", "pabawi-cli", "--bin", "pab"])?;

    let begin = Instant::now();
    let fleet = Fleet::builder().nodes(NODES).start()?;
    let pab = Pab { program, directory: fleet.directory().join("demo") };
    std::fs::create_dir(&pab.directory)?;
    let (first, last) = (fleet.node(0)?, fleet.node(NODES - 1)?);
    println!(
        "\n{NODES} nodes run, each a real sshd with a host key of its own: {} on {} to {} on {}",
        first.name, first.address, last.name, last.address
    );

    let config = fleet.ssh_config().display().to_string();
    let (begin_run, targets) = (Instant::now(), format!("web[01-{NODES}]"));
    let code = pab.show(&[
        "run",
        COMMAND,
        "--ssh-config",
        &config,
        "--targets",
        &targets,
        "--timeout",
        TIMEOUT,
        "--group",
    ])?;
    ensure!(code == 1, "pab ended with {code}; with one failed and one hanging node it has to be 1");
    ensure!(begin_run.elapsed() < LIMIT, "it took {:.0?}", begin_run.elapsed());

    println!("\nEverything was recorded; this is what is known of it afterwards:");
    ensure!(pab.show(&["executions", "show", "last"])? == 0, "the execution is not shown");
    ensure!(pab.show(&["executions", "output", "last", "--node", "web07"])? == 0, "its output is not shown");
    check(&pab)?;

    wait::until("the hanging command to be gone from its node", Duration::from_secs(10), || {
        fleet.commands().is_empty()
    })
    .with_context(|| format!("still there: {:?}", fleet.commands()))?;
    let marker = fleet.marker().to_owned();
    drop(fleet);
    let left = pabawi_testkit::process::with_marker(&marker);
    ensure!(left.is_empty(), "left running: {left:?}");
    println!(
        "\nweb13's command was ended on the node, not only forgotten here. Nothing is left running ({:.0?}).",
        begin.elapsed()
    );
    next_commands(&pab.program);
    Ok(())
}

/// The record says what happened: all nodes but two succeeded.
fn check(pab: &Pab) -> Result<()> {
    let shown = pab.json(&["executions", "show", "last", "--format", "json"])?;
    for (name, expected) in [("total", 20), ("succeeded", 18), ("failed", 2)] {
        match find(&shown, name).and_then(Value::as_u64) {
            Some(count) if count == expected => {}
            other => bail!("the record says {name} is {other:?}, not {expected}: {shown}"),
        }
    }
    Ok(())
}

/// The first field of that name, at any depth.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => {
            fields.get(name).or_else(|| fields.values().find_map(|field| find(field, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}

fn next_commands(pab: &std::path::Path) {
    println!(
        "\nNext, with nodes of your own:\n\
         \n    alias pab={}\
         \n    pab run uptime --hosts web01,admin@web02:2222\
         \n    pab run uptime --ssh-config ~/.ssh/config --targets 'web[01-20]' --group\
         \n    pab executions list --since 1h\
         \n    pab executions rerun last --failed\
         \n\nor with another throwaway fleet, in a second terminal (Ctrl-D ends it):\n\
         \n    cargo run -p pabawi-testkit --bin pabawi-fleet -- 20\n",
        pab.display()
    );
}

/// Only a terminal gets colour, and not one whose user does not want it (no-color.org).
fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A word as one would type it into a shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("--timeout"), "--timeout");
        assert_eq!(quoted("web[01-20]"), "'web[01-20]'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn fields_are_found_at_any_depth() {
        let value = serde_json::json!({"a": [{"b": 1}], "c": {"d": {"total": 20}}});
        assert_eq!(find(&value, "total").and_then(Value::as_u64), Some(20));
        assert_eq!(find(&value, "absent"), None);
    }
}
