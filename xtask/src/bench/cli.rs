//! How long `pab` takes before it does anything: the version, help, and refusing a bad option, with twenty plugins. Main
//! function: [`run`].

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::list::Options;
use super::parts::{Part, run_parts};
use super::report::{Aim, Table};
use crate::shell;

/// One line about it.
pub(super) const ABOUT: &str =
    "how long pab takes to say its version, to help and to refuse, with twenty plugins";

const PARTS: &[Part] = &[("start", start)];
/// Plugins beside those that are always there.
const PLUGINS: &str = "20";
/// Runs of each call in a round.
const RUNS: u32 = 40;

/// A call, and the most that the median of its runs may take, in milliseconds.
struct Call {
    words: &'static [&'static str],
    most_ms: f64,
}

const CALLS: &[Call] = &[
    Call { words: &["--version"], most_ms: 15.0 },
    Call { words: &["help"], most_ms: 50.0 },
    Call { words: &["tool7", "task", "--help"], most_ms: 50.0 },
    Call { words: &["help", "task.execute"], most_ms: 50.0 },
    Call { words: &["tool7", "task", "x", "--targets", "a"], most_ms: 50.0 },
];

/// Runs every call in turns.
pub(super) fn run(options: &Options) -> Result<()> {
    run_parts(PARTS, options)
}

fn start(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== {PLUGINS} plugins with fourteen capabilities each, nothing opened ==");
    let build = ["build", "--release", "--locked", "-p", "pabawi-tests", "--bin", "pab-with-tools"];
    let program = shell::built("pab-with-tools", &build)?;
    let home = tempfile::tempdir()?;
    let mut table = Table::new(&["call", "least ms", "median ms", "of the aim"]);
    let mut aims = Vec::new();
    for call in CALLS {
        let mut took = Vec::new();
        for _ in 0..RUNS * u32::try_from(options.rounds.max(1))? {
            took.push(once(Command::new(&program).args(call.words).env("HOME", home.path()))?);
        }
        took.sort();
        let ms = |index: usize| -> Result<f64> {
            Ok(took.get(index).context("no run was measured")?.as_secs_f64() * 1000.0)
        };
        let (least, median) = (ms(0)?, ms(took.len() / 2)?);
        let words = call.words.join(" ");
        let share = median / call.most_ms;
        table.row(vec![words.clone(), format!("{least:.1}"), format!("{median:.1}"), format!("{share:.2}")]);
        aims.push(Aim::at_most(format!("pab {words}"), median, call.most_ms, "ms"));
    }
    println!("\n{}", table.text());
    Ok(aims)
}

/// One run from its start to its end.
fn once(command: &mut Command) -> Result<Duration> {
    command.env("PAB_TOOLS_COUNT", PLUGINS).env_remove("PABAWI_CONFIG").env_remove("XDG_CONFIG_HOME");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    command.status()?;
    Ok(begun.elapsed())
}
