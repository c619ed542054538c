//! A line for each node, with its time as a bar; behind it what it printed and its journal: [`write`].

use std::io::Write;

use jiff::Timestamp;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::phases::micros_between;
use pabawi_domain::record::{ExecutionRecord, TargetRecord};

use super::escape::text;
use super::groups::Groups;
use super::report::{HtmlReport, Phases};
use super::units::time;
use crate::ReportError;

/// Attempts of one node that are drawn.
const DRAWN: usize = 20;

/// Writes the nodes in the order of the plan.
pub(super) fn write(
    out: &mut impl Write,
    report: &HtmlReport,
    record: &ExecutionRecord,
    groups: &[Groups<'_>],
) -> Result<(), ReportError> {
    let scale = Scale::of(report, record);
    let whole = time(scale.whole());
    writeln!(
        out,
        "<section id=nodes><h2>Nodes</h2>\n<p id=filter hidden><input id=name type=search \
placeholder=\"part of a name\" aria-label=\"part of a name\"> <select id=outcome aria-label=outcome>\
<option value=\"\">all outcomes</select> <span id=count></span></p>\n<div id=list><div class=row><span>Node</span>\
<span>Outcome</span><span class=n>Attempts</span><span class=n>Began</span><span class=n>Took</span>\
<span class=axis><span>0</span><span>{whole}</span></span></div>"
    )?;
    for target in &report.targets {
        let (word, told) = match &target.result {
            Some(result) => (result.word(), result.describe()),
            None => (target.state.as_str(), String::new()),
        };
        write!(out, "<details data-o={word}>")?;
        row(out, report, target, &scale, word)?;
        out.write_all(b"<div class=about>")?;
        if !told.is_empty() && target.result != Some(NodeOutcome::Succeeded) {
            write!(out, "<p>{}</p>", text(told.as_bytes()))?;
        }
        if target.stdout.or(target.stderr).is_some() {
            out.write_all(b"<p>")?;
            for of_stream in groups {
                of_stream.link(out, target)?;
            }
            out.write_all(b"</p>")?;
        }
        report.journal.write(out, &target.target.node)?;
        out.write_all(b"</div></details>\n")?;
    }
    out.write_all(b"</div></section>\n")?;
    Ok(())
}

fn row(
    out: &mut impl Write,
    report: &HtmlReport,
    target: &TargetRecord,
    scale: &Scale,
    word: &str,
) -> Result<(), ReportError> {
    let began = target.started_at.map(|at| time(scale.since(at))).unwrap_or_default();
    let took = target.started_at.zip(target.finished_at).map(|(from, to)| time(micros_between(from, to)));
    write!(
        out,
        "<summary class=row><span>{}</span><b class=\"o {word}\">{word}</b><span class=n>{}</span>\
<span class=n>{began}</span><span class=n>{}</span><div class=bar>",
        text(target.target.node.as_str().as_bytes()),
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
    out.write_all(b"</div></summary>")?;
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
    // What began before the execution was recorded as begun is cut there, and still ends where it ended.
    let (left, right) = (scale.share(scale.since(from)), scale.share(scale.since(to)));
    let width = (right - left).max(0.0);
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

    fn whole(&self) -> u64 {
        micros_between(self.start, self.end)
    }

    /// In percent of the whole.
    fn share(&self, us: u64) -> f64 {
        (us as f64 * 100.0 / self.whole().max(1) as f64).min(100.0)
    }
}
