//! The benchmark of the stores: durable results, pages of a long history and a long journal, equal outputs, memory. Main
//! function: [`run`].

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use pabawi_testkit::postgres::Postgres;
use serde_json::Value;
use tempfile::TempDir;

use super::cold::mib;
use super::list::Options;
use super::parts::{Part, run_parts};
use super::programs::{number, result_of};
use super::report::{Aim, Table};
use crate::{packages, shell};

/// One line about it.
pub(super) const ABOUT: &str = "the stores on SQLite and PostgreSQL: durable results a second, pages of a long history and journal, disk, memory";

const PARTS: &[Part] = &[
    ("sqlite-results", |options| results(options, Kind::Sqlite)),
    ("postgres-results", |options| results(options, Kind::Postgres)),
    ("sqlite-history", |options| history(options, Kind::Sqlite)),
    ("postgres-history", |options| history(options, Kind::Postgres)),
    ("sqlite-journal", |options| journal(options, Kind::Sqlite)),
    ("postgres-journal", |options| journal(options, Kind::Postgres)),
    ("disk", disk),
];

/// Which database.
#[derive(Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    fn results_a_second(self) -> f64 {
        match self {
            Self::Sqlite => 20_000.0,
            Self::Postgres => 8_000.0,
        }
    }
}

/// Where new databases are made: a directory, or a server with its own. Both on a disk, since a commit has to reach one.
struct Site {
    directory: TempDir,
    server: Option<Postgres>,
    made: usize,
}

impl Site {
    fn new(kind: Kind) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut look = Command::new("stat");
        look.args(["--file-system", "--format=%T"]).arg(directory.path());
        let system = shell::output(&mut look)?.trim().to_owned();
        ensure!(
            system != "tmpfs",
            "{} is in memory, where durable writes cost nothing; set TMPDIR to a directory on a disk",
            directory.path().display()
        );
        let server = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => {
                packages::install(packages::Purpose::Tests)?;
                Some(Postgres::start_durable()?)
            }
        };
        println!("   {} on {system} below {}", kind.name(), std::env::temp_dir().display());
        Ok(Self { directory, server, made: 0 })
    }

    /// Runs a part of the program on a new database, which goes afterwards.
    fn measure(&mut self, part: &str, numbers: &[usize]) -> Result<Value> {
        self.made += 1;
        let name = format!("bench{}", self.made);
        let file = self.directory.path().join(&name).join("executions.db");
        std::fs::create_dir(self.directory.path().join(&name))?;
        let database = match &self.server {
            Some(server) => {
                server.create_database(&name)?;
                server.socket_url(&name)
            }
            None => file.display().to_string(),
        };
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let words: Vec<&str> =
            [database.as_str(), part].into_iter().chain(numbers.iter().map(String::as_str)).collect();
        let found = result_of("pabawi-store", "bench_store", &words)?;
        if let Some(server) = &self.server {
            server.query("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"))?;
        }
        std::fs::remove_dir_all(self.directory.path().join(&name))?;
        Ok(found)
    }
}

/// Runs the wanted parts.
pub(super) fn run(options: &Options) -> Result<()> {
    run_parts(PARTS, options)
}

/// The store beside bare tables, in turns; the best of the rounds count.
fn results(options: &Options, kind: Kind) -> Result<Vec<Aim>> {
    let count = (options.rows / 10).max(1);
    println!("\n== {}: {count} durable results of one execution ==", kind.name());
    let mut site = Site::new(kind)?;
    let (mut with, mut without, mut single, mut batched) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    let mut peak = 0.0_f64;
    for round in 1..=options.rounds.max(1) {
        let floor = site.measure("floor", &[count])?;
        let bare = site.measure("bare-results", &[count])?;
        let full = site.measure("results", &[count])?;
        println!("   round {round}: {floor}\n      without entries {bare}\n      with entries {full}");
        single = single.max(number(&floor, "single_per_second")?);
        batched = batched.max(number(&floor, "batched_per_second")?);
        without = without.max(number(&bare, "results_per_second")?);
        with = with.max(number(&full, "results_per_second")?);
        peak = peak.max(number(&full, "peak_bytes")?);
    }
    let mut table = Table::new(&["", "a second", "to one a transaction", "to the bare table"]);
    for (name, rate) in [
        ("results with journal entries", with),
        ("results without", without),
        ("a bare table, one row a transaction", single),
        ("a bare table, 256 rows a transaction", batched),
    ] {
        table.row(vec![
            name.to_owned(),
            format!("{rate:.0}"),
            format!("{:.1}x", rate / single),
            format!("{:.2}x", rate / batched),
        ]);
    }
    println!("\n{}", table.text());
    let name = kind.name();
    Ok(vec![
        Aim::at_least(format!("{name}: results with entries"), with, kind.results_a_second(), "/s"),
        Aim::at_most(format!("{name}: peak memory of writing {count}"), mib(peak), 256.0, "MiB"),
    ])
}

fn history(options: &Options, kind: Kind) -> Result<Vec<Aim>> {
    println!("\n== {}: pages of 50 executions, by the number of results in the history ==", kind.name());
    grown(kind, "history", &sizes(options.rows), 5.0, |question| !question.contains("two pages"))
}

fn journal(options: &Options, kind: Kind) -> Result<Vec<Aim>> {
    println!("\n== {}: pages of 50 journal entries, by the number of entries ==", kind.name());
    let most = options.rows.saturating_mul(5);
    grown(kind, "journal", &sizes(most), 10.0, |question| ["node", "all"].contains(&question))
}

/// A hundredth, a tenth, and all of it.
fn sizes(most: usize) -> [usize; 3] {
    [most / 100, most / 10, most].map(|size| size.max(10))
}

/// Fills a database step by step, shows how long each question took at each size, and judges the largest.
fn grown(
    kind: Kind,
    part: &str,
    sizes: &[usize],
    limit_ms: f64,
    is_judged: impl Fn(&str) -> bool,
) -> Result<Vec<Aim>> {
    let found = Site::new(kind)?.measure(part, sizes)?;
    let steps = found.get("sizes").and_then(Value::as_array).context("sizes are missing")?;
    let last = steps.last().context("no size was measured")?;
    let mut head = vec!["median / p99 ms".to_owned()];
    for step in steps {
        let (size, seconds) = (number(step, "size")?, number(step, "filled_in_seconds")?);
        println!("   up to {size} in {seconds:.1} s");
        head.push(format!("at {size}"));
    }
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut table = Table::new(&head);
    let mut aims = Vec::new();
    let questions = last.get("questions").and_then(Value::as_object).context("questions are missing")?;
    for (question, at_last) in questions {
        let mut row = vec![question.clone()];
        for step in steps {
            let times = step.get("questions").and_then(|questions| questions.get(question));
            let times = times.with_context(|| format!("{question} is missing"))?;
            row.push(format!("{:.2} / {:.2}", number(times, "median_ms")?, number(times, "p99_ms")?));
        }
        table.row(row);
        if is_judged(question) {
            for (name, word) in [("median_ms", "median"), ("p99_ms", "p99")] {
                let what = format!("{}: {part} by {question}, {word}", kind.name());
                aims.push(Aim::at_most(what, number(at_last, name)?, limit_ms, "ms"));
            }
        }
    }
    println!("\n{}   peak memory {:.0} MiB", table.text(), mib(number(&found, "peak_bytes")?));
    Ok(aims)
}

fn disk(_options: &Options) -> Result<Vec<Aim>> {
    println!("\n== SQLite: 10,000 equal outputs of 100 KiB ==");
    let found = Site::new(Kind::Sqlite)?.measure("equal", &[10_000, 100 * 1024])?;
    let (bytes, targets) = (number(&found, "bytes")?, number(&found, "targets_bytes")?);
    println!("   {bytes} bytes, of which the 10,000 targets took {targets} before they had any result");
    let what = "the whole file with 10,000 equal outputs of 100 KiB";
    Ok(vec![Aim::at_most(what, mib(bytes), 2.0, "MiB")])
}
