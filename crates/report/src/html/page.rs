//! The page: head, sections in their order, style and script. Main function: [`write`].

use std::collections::HashSet;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use pabawi_domain::output::StreamKind;
use pabawi_domain::record::ExecutionRecord;
use sha2::{Digest as _, Sha256};

use super::escape::text;
use super::groups::Groups;
use super::report::HtmlReport;
use super::units::time;
use super::{failures, nodes};
use crate::ReportError;

const STYLE: &str = include_str!("page.css");
/// Filters the table of nodes; without it all of them are shown.
const SCRIPT: &str = include_str!("page.js");

/// Writes the whole page.
pub(super) fn write(
    out: &mut impl Write,
    report: &HtmlReport,
    record: &ExecutionRecord,
) -> Result<(), ReportError> {
    // Content Security Policy Level 3: nothing is loaded, and no other script than this one is run.
    let hash = BASE64.encode(Sha256::digest(SCRIPT.as_bytes()));
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n<meta http-equiv=Content-Security-Policy \
content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; \
base-uri 'none'; form-action 'none'\">\n<meta name=viewport \
content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style></head><body>",
        text(title(record).as_bytes())
    )?;
    head(out, report, record)?;
    failures::write(out, &report.targets, report.fold)?;
    let groups = [StreamKind::Stdout, StreamKind::Stderr].map(|stream| Groups::of(stream, &report.targets));
    for of_stream in &groups {
        of_stream.write(out, report.outputs.as_ref(), report.fold)?;
    }
    nodes::write(out, report, record, &groups)?;
    let targets: HashSet<_> = report.targets.iter().map(|target| &target.target.node).collect();
    report.journal.write_others(out, |node| targets.contains(node))?;
    writeln!(out, "<script>{SCRIPT}</script></body></html>")?;
    Ok(())
}

fn title(record: &ExecutionRecord) -> String {
    format!("{} on {} nodes: {}", record.action_text, record.progress.total, record.status)
}

fn head(out: &mut impl Write, report: &HtmlReport, record: &ExecutionRecord) -> Result<(), ReportError> {
    let status = record.status;
    writeln!(
        out,
        "<header><h1>{}</h1>\n<p><b class=\"o {status}\">{status}</b></p>\n<dl>",
        text(record.action_text.as_bytes())
    )?;
    let mut facts: Vec<(&str, String)> = vec![
        ("Execution", record.id.to_string()),
        ("Asked by", record.caller.user.clone()),
        ("Targets", record.request.targets.as_str().chars().take(2000).collect()),
        ("Submitted", moment(record.submitted_at)),
    ];
    facts.extend(record.started_at.map(|at| ("Started", moment(at))));
    facts.extend(record.finished_at.map(|at| ("Finished", moment(at))));
    if let Some(summary) = &record.summary {
        facts.push(("Took", time(summary.duration_ms.saturating_mul(1000))));
        let outcomes: Vec<String> =
            summary.outcomes.iter().map(|(word, count)| format!("{count} {word}")).collect();
        facts.push(("Outcomes", outcomes.join(", ")));
        if summary.unconfirmed > 0 {
            facts.push(("Not confirmed as ended", format!("{} nodes", summary.unconfirmed)));
        }
    }
    facts.extend(record.request.rerun_of.map(|id| ("Rerun of", id.to_string())));
    if !record.reruns.is_empty() {
        let reruns: Vec<String> = record.reruns.iter().map(ToString::to_string).collect();
        facts.push(("Reruns", reruns.join(", ")));
    }
    if !record.request.tags.is_empty() {
        let tags: Vec<&str> = record.request.tags.iter().map(|tag| tag.as_str()).collect();
        facts.push(("Tags", tags.join(", ")));
    }
    facts.extend(record.request.correlation_id.as_ref().map(|id| ("Correlation id", id.to_string())));
    for (name, value) in facts {
        writeln!(out, "<dt>{name}<dd>{}", text(value.as_bytes()))?;
    }
    for (kind, why) in &report.left_out {
        writeln!(out, "<dt>Left out<dd>{}: {}", text(kind.as_bytes()), text(why.as_bytes()))?;
    }
    out.write_all(b"</dl></header>\n")?;
    Ok(())
}

/// A time in UTC, to the second.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
