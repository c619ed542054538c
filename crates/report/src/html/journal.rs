//! What the journal says of the execution, by node: [`Journal`].

use std::collections::BTreeMap;
use std::io::Write;

use pabawi_domain::cut::cut;
use pabawi_domain::id::NodeId;
use pabawi_domain::journal::NewJournalEntry;
use serde_json::Value;

use super::escape::text;
use crate::ReportError;

/// Entries of one node that are written out.
const OF_NODE: usize = 50;
/// Bytes of entries past which only the newest one of each node is written out.
const BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a summary, and of details, that are written out: a note of 5,000 characters is mostly whole.
const TEXT: usize = 8 * 1024;
/// Nodes that are no targets and whose entries are written out.
const OTHERS: usize = 200;

/// The newest entries of each node, within bounds.
#[derive(Default)]
pub(super) struct Journal {
    nodes: BTreeMap<NodeId, Told>,
    bytes: usize,
}

/// Entries of one node.
#[derive(Default)]
struct Told {
    /// As they stand on the page, the newest first.
    entries: Vec<String>,
    /// Older ones, which are not there.
    left_out: u64,
}

impl Journal {
    /// Takes the next entry; they come with the newest first. What it says of an action other than `usual` is shown.
    pub(super) fn add(&mut self, entry: &NewJournalEntry, usual: &str) {
        let told = self.nodes.entry(entry.node.clone()).or_default();
        let has_space = self.bytes < BYTES && told.entries.len() < OF_NODE;
        if told.left_out > 0 || !(has_space || told.entries.is_empty()) {
            told.left_out += 1;
            return;
        }
        let shown = shown(entry, usual);
        self.bytes = self.bytes.saturating_add(shown.len());
        told.entries.push(shown);
    }

    /// Writes the entries of one node in the order of time.
    pub(super) fn write(&self, out: &mut impl Write, node: &NodeId) -> Result<(), ReportError> {
        let Some(told) = self.nodes.get(node) else { return Ok(()) };
        out.write_all(b"<ol>")?;
        if told.left_out > 0 {
            writeln!(out, "<li class=left>{} older ones are in the export only", told.left_out)?;
        }
        for entry in told.entries.iter().rev() {
            out.write_all(entry.as_bytes())?;
        }
        out.write_all(b"</ol>")?;
        Ok(())
    }

    /// Writes the entries of nodes that are no targets.
    pub(super) fn write_others(
        &self,
        out: &mut impl Write,
        is_target: impl Fn(&NodeId) -> bool,
    ) -> Result<(), ReportError> {
        let others: Vec<&NodeId> = self.nodes.keys().filter(|node| !is_target(node)).collect();
        if others.is_empty() {
            return Ok(());
        }
        out.write_all(b"<section id=others><h2>Journal of nodes that are no targets</h2>\n")?;
        for node in others.iter().take(OTHERS) {
            writeln!(out, "<h3>{}</h3><div class=about>", text(node.as_str().as_bytes()))?;
            self.write(out, node)?;
            out.write_all(b"</div>\n")?;
        }
        if others.len() > OTHERS {
            let more = others.len() - OTHERS;
            writeln!(out, "<p class=left>those of {more} more nodes are in the export only</p>")?;
        }
        out.write_all(b"</section>\n")?;
        Ok(())
    }
}

/// An entry as it stands on the page.
fn shown(entry: &NewJournalEntry, usual: &str) -> String {
    let NewJournalEntry { event_type, source, at, user, action, result_status, summary, details, .. } = entry;
    let safe = |told: &str| text(told.as_bytes());
    let mut shown = format!("<li><small>{} {}", at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC"), safe(event_type));
    if let Some(user) = user {
        shown.push_str(&format!(" by {}", safe(user)));
    }
    shown.push_str(&format!(" told by {}</small>", safe(source)));
    if let Some(status) = result_status {
        // A word of somebody else is not the name of a style.
        let is_word = status.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let class = if is_word { status.as_str() } else { "" };
        shown.push_str(&format!(" <b class=\"{class}\">{}</b>", safe(status)));
    }
    if action != usual {
        shown.push_str(&format!(" {}", safe(&cut(action.as_str(), TEXT))));
    }
    shown.push_str(&format!("\n{}", safe(&cut(summary.as_str(), TEXT))));
    if !details.is_empty() {
        let details: Vec<String> = details.iter().map(|(name, value)| detail(name, value)).collect();
        shown.push_str(&format!("\n<small>{}</small>", safe(&cut(details.join(", "), TEXT))));
    }
    shown.push('\n');
    shown
}

fn detail(name: &str, value: &Value) -> String {
    match value {
        Value::String(told) => format!("{name}: {told}"),
        value => format!("{name}: {value}"),
    }
}
