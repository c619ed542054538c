//! A line for each node, with its time as a bar: [`write`].

use std::io::Write;

use jiff::Timestamp;
use pabawi_domain::phases::micros_between;
use pabawi_domain::record::{ExecutionRecord, TargetRecord};

use super::escape::text;
use super::report::{HtmlReport, Phases};
use super::units::time;
use crate::ReportError;

/// Attempts of one node that are drawn.
const DRAWN: usize = 20;

/// Writes the table of nodes in the order of the plan.
pub(super) fn write(
    out: &mut impl Write,
    report: &HtmlReport,
    record: &ExecutionRecord,
) -> Result<(), ReportError> {
    let scale = Scale::of(report, record);
    out.write_all(
        b"<section id=nodes><h2>Nodes</h2>\n<p id=filter hidden><input id=name placeholder=\"part of a name\" \
aria-label=\"part of a name\"> <select id=outcome aria-label=outcome><option value=\"\">all outcomes</select> \
<span id=count></span></p>\n<table id=list><thead><tr><th>Node<th>Outcome<th>Attempts<th>Began<th>Took\
<th class=t>Time</thead><tbody>\n",
    )?;
    for target in &report.targets {
        row(out, report, target, &scale)?;
    }
    out.write_all(b"</table></section>\n")?;
    Ok(())
}

fn row(
    out: &mut impl Write,
    report: &HtmlReport,
    target: &TargetRecord,
    scale: &Scale,
) -> Result<(), ReportError> {
    let (word, told) = match &target.result {
        Some(result) => (result.word(), result.describe()),
        None => (target.state.as_str(), String::new()),
    };
    let began = target.started_at.map(|at| time(scale.since(at))).unwrap_or_default();
    let took = target.started_at.zip(target.finished_at).map(|(from, to)| time(micros_between(from, to)));
    write!(
        out,
        "<tr data-o={word}><td>{}<td title=\"{}\"><b class=\"o {word}\">{word}</b><td class=n>{}<td class=n>{began}\
<td class=n>{}<td class=t><div class=bar>",
        text(target.target.node.as_str().as_bytes()),
        text(told.as_bytes()),
        target.attempt,
        took.unwrap_or_default(),
    )?;
    let attempts = report.attempts.get(&target.target.node).map(Vec::as_slice).unwrap_or_default();
    for attempt in attempts.iter().take(DRAWN).filter(|attempt| attempt.attempt != target.attempt) {
        let end = attempt.finished_at.unwrap_or(attempt.started_at);
        let outcome = attempt.result.as_ref().map_or("interrupted", |result| result.word());
        let title = format!("attempt {}: {outcome}", attempt.attempt);
        bar(out, scale, attempt.started_at, end, outcome, &title)?;
    }
    if let Some(from) = target.started_at {
        let end = target.finished_at.unwrap_or(scale.end);
        let phases = report.phases.get(&target.target.node).map(describe).unwrap_or_default();
        bar(out, scale, from, end, word, &format!("attempt {}{phases}", target.attempt))?;
    }
    out.write_all(b"</div>\n")?;
    Ok(())
}

fn bar(
    out: &mut impl Write,
    scale: &Scale,
    from: Timestamp,
    to: Timestamp,
    outcome: &str,
    title: &str,
) -> Result<(), ReportError> {
    let (left, width) = (scale.share(scale.since(from)), scale.share(micros_between(from, to)));
    write!(
        out,
        "<i class=\"o {outcome}\" style=\"left:{left:.2}%;width:{width:.2}%\" title=\"{}\"></i>",
        text(title.as_bytes())
    )?;
    Ok(())
}

/// The parts of an attempt in one line.
fn describe(phases: &Phases) -> String {
    let mut parts: Vec<(&str, u64)> = Vec::new();
    if let Some(connect) = &phases.connect {
        parts.extend([
            ("waiting to connect", connect.wait_us),
            ("name", connect.dns_us),
            ("TCP", connect.tcp_us),
            ("key exchange", connect.kex_us),
            ("login", connect.auth_us),
        ]);
    }
    if let Some(run) = &phases.run {
        parts.extend([("start", run.start_us), ("run", run.run_us), ("drain", run.drain_us)]);
    }
    parts.iter().filter(|(_, us)| *us > 0).map(|(name, us)| format!("; {name} {}", time(*us))).collect()
}

/// From the start of the execution to its end.
struct Scale {
    start: Timestamp,
    end: Timestamp,
}

impl Scale {
    fn of(report: &HtmlReport, record: &ExecutionRecord) -> Self {
        let start = record.started_at.unwrap_or(record.submitted_at);
        let times = report.targets.iter().flat_map(|target| [target.started_at, target.finished_at]);
        let last = times.flatten().max().unwrap_or(start);
        Self { start, end: record.finished_at.unwrap_or(last).max(last).max(start) }
    }

    fn since(&self, at: Timestamp) -> u64 {
        micros_between(self.start, at)
    }

    fn share(&self, us: u64) -> f64 {
        let whole = micros_between(self.start, self.end).max(1);
        (us as f64 * 100.0 / whole as f64).min(100.0)
    }
}
