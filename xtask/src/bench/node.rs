//! The Node package: what crossing into JavaScript costs, and the size of the addon. The parts that are measured in JavaScript
//! stand in `bindings/node/bench`. Main function: [`run`].

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::list::Options;
use super::parts::{Part, run_parts};
use super::programs::number;
use super::report::{Aim, Table};
use crate::{node, shell};

/// One line about it.
pub(super) const ABOUT: &str =
    "the Node package: events and output to JavaScript, the queue, linking, submitting, the addon's size";

const PARTS: &[Part] =
    &[("size", size), ("queue", queue), ("linking", linking), ("submit", submit), ("events", events)];

/// Builds the addon optimised, measures, and builds the one for tests again, so that nothing else is changed by it.
pub(super) fn run(options: &Options) -> Result<()> {
    node::build_release()?;
    let measured = run_parts(PARTS, options);
    node::build()?;
    measured
}

fn size(_: &Options) -> Result<Vec<Aim>> {
    println!("\n== the addon as it is published: optimised, stripped ==");
    let folder = node::place().join("addon");
    let mut addons: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "node") {
            addons.push(path);
        }
    }
    let mut aims = Vec::new();
    for path in addons {
        let mebibytes = std::fs::metadata(&path)?.len() as f64 / (1024.0 * 1024.0);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name}: {mebibytes:.2} MiB");
        aims.push(Aim::at_most(name, mebibytes, 12.0, "MiB"));
    }
    Ok(aims)
}

fn queue(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== ExecutionQueue, 8,000 executions that wait ==");
    let result = measured("queue", options)?;
    let (drain, fill, array) =
        (number(&result, "drainMs")?, number(&result, "fillMs")?, number(&result, "arrayMs")?);
    let mut table = Table::new(&["what", "ms", "ratio"]);
    table.row(vec!["drained".to_owned(), format!("{drain:.1}"), "1.0".to_owned()]);
    table.row(vec!["filled".to_owned(), format!("{fill:.1}"), format!("{:.1}", fill / drain)]);
    let ratio = array / (drain + fill);
    table.row(vec![
        "an array sorted at each call, both".to_owned(),
        format!("{array:.1}"),
        format!("{ratio:.1}x ours"),
    ]);
    println!("\n{}", table.text());
    Ok(vec![Aim::at_most("8,000 waiters are drained", drain, 50.0, "ms")])
}

fn linking(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== NodeLinkingService, 20,000 nodes that three sources have ==");
    let result = measured("linking", options)?;
    let (link, copy) = (number(&result, "linkMs")?, number(&result, "copyMs")?);
    let mut table = Table::new(&["what", "ms", "of a copy as JSON"]);
    table.row(vec!["linked".to_owned(), format!("{link:.1}"), format!("{:.2}", link / copy)]);
    table.row(vec!["copied as JSON".to_owned(), format!("{copy:.1}"), "1.00".to_owned()]);
    println!("\n{}", table.text());
    Ok(vec![Aim::at_most("20,000 nodes of three sources are linked", link, 150.0, "ms")])
}

fn submit(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== submit, 1,000 targets by name ==");
    let result = measured("submit", options)?;
    let (call, most, busy) =
        (number(&result, "callMs")?, number(&result, "callMostMs")?, number(&result, "busyMs")?);
    println!(
        "the call: {call:.2} ms (at most {most:.2}); the thread was busy {busy:.2} ms until the id was there"
    );
    Ok(vec![Aim::at_most("submit takes the thread of JavaScript", busy, 2.0, "ms")])
}

fn events(options: &Options) -> Result<Vec<Aim>> {
    println!("\n== events that are read from the history, and output of two commands as it comes ==");
    let result = measured("events", options)?;
    let parsed = number(&result, "parsedPerSecond")?;
    let each = number(&result, "bytesEach")?;
    println!(
        "an event is {each:.0} bytes of JSON; JSON.parse alone reads {:.0} k/s of them",
        parsed / 1_000.0
    );
    let mut table =
        Table::new(&["what", "k events/s", "of JSON.parse", "MB/s", "late p99 ms", "late most ms"]);
    let part = |name: &str| result.get(name).with_context(|| format!("{name} is not in {result}"));
    for name in ["alone", "output", "both"] {
        let part = part(name)?;
        let events = part.get("events").and_then(Value::as_f64);
        let bytes = part.get("bytes").and_then(Value::as_f64);
        let shown = |value: Option<f64>, by: f64, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{:.digits$}", value / by))
        };
        let title = match name {
            "alone" => "events alone",
            "output" => "output alone",
            _ => "both",
        };
        table.row(vec![
            title.to_owned(),
            shown(events, 1_000.0, 0),
            shown(events, parsed, 2),
            shown(bytes, 1e6, 0),
            format!("{:.2}", number(part, "lagP99")?),
            format!("{:.2}", number(part, "lagMost")?),
        ]);
    }
    println!("\n{}", table.text());
    let both = part("both")?;
    Ok(vec![
        Aim::at_least("events, while output streams", number(both, "events")? / 1_000.0, 300.0, "k/s"),
        Aim::at_least("output, while events are read", number(both, "bytes")? / 1e6, 200.0, "MB/s"),
        Aim::at_most("the event loop is late, p99, meanwhile", number(both, "lagP99")?, 5.0, "ms"),
    ])
}

/// What a part that is measured in JavaScript prints.
fn measured(part: &str, options: &Options) -> Result<Value> {
    let rounds = options.rounds.max(1).to_string();
    let mut program = Command::new("node");
    program.args(["bench/run.mjs", part, &rounds]).current_dir(node::place());
    let printed = shell::output(&mut program)?;
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("bench/run.mjs {part} printed {last:?}"))
}
