//! Targets by equal output of one stream, and what sets each group apart from the largest: [`write`].

use std::collections::BTreeMap;
use std::io::Write;

use pabawi_domain::id::NodeId;
use pabawi_domain::output::StreamKind;
use pabawi_domain::record::{OutputRef, TargetRecord};
use similar::{Algorithm, ChangeTag, TextDiff};

use super::escape::text;
use super::outputs::{Outputs, Shown};
use super::report::Fold;
use super::units::bytes;
use crate::ReportError;

/// Groups that are written out.
const GROUPS: usize = 100;
/// Lines of an output up to which it is compared with the majority's.
const COMPARED: usize = 2000;
/// Lines around a difference.
const AROUND: usize = 3;

/// Writes the groups of one stream, the largest first.
pub(super) fn write(
    out: &mut impl Write,
    stream: StreamKind,
    targets: &[TargetRecord],
    outputs: &Outputs,
    fold: Fold,
) -> Result<(), ReportError> {
    let groups = groups(stream, targets);
    let printed = groups.iter().filter(|(output, _)| output.is_some()).count();
    if printed == 0 {
        return Ok(());
    }
    writeln!(out, "<section id=\"{stream}\"><h2>{stream}: {}</h2>", variants(printed))?;
    let majority = groups.first().and_then(|(output, _)| *output);
    for (output, nodes) in groups.iter().take(GROUPS) {
        group(out, *output, nodes, majority, outputs, fold)?;
    }
    if groups.len() > GROUPS {
        writeln!(out, "<p>and {} more</p>", groups.len() - GROUPS)?;
    }
    out.write_all(b"</section>\n")?;
    Ok(())
}

fn variants(count: usize) -> String {
    if count == 1 {
        "the same everywhere where there was any".to_owned()
    } else {
        format!("{count} variants")
    }
}

/// One group: which nodes, and what they printed.
type Group<'a> = (Option<OutputRef>, Vec<&'a NodeId>);

fn groups(stream: StreamKind, targets: &[TargetRecord]) -> Vec<Group<'_>> {
    let mut found: BTreeMap<Option<_>, Group<'_>> = BTreeMap::new();
    for target in targets.iter().filter(|target| target.attempt > 0) {
        let output = match stream {
            StreamKind::Stdout => target.stdout,
            StreamKind::Stderr => target.stderr,
        };
        let group = found.entry(output.map(|output| output.hash)).or_insert_with(|| (output, Vec::new()));
        group.1.push(&target.target.node);
    }
    let mut groups: Vec<Group<'_>> = found.into_values().collect();
    groups.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    groups
}

fn group(
    out: &mut impl Write,
    output: Option<OutputRef>,
    nodes: &[&NodeId],
    majority: Option<OutputRef>,
    outputs: &Outputs,
    fold: Fold,
) -> Result<(), ReportError> {
    let owned: Vec<NodeId> = nodes.iter().map(|node| (*node).clone()).collect();
    let names = text(fold(&owned).as_bytes());
    let Some(output) = output else {
        writeln!(out, "<h3>{} nodes printed nothing</h3><p class=nodes>{names}</p>", nodes.len())?;
        return Ok(());
    };
    writeln!(
        out,
        "<h3>{} node{}, {}</h3><p class=nodes>{names}</p>",
        nodes.len(),
        if nodes.len() == 1 { "" } else { "s" },
        bytes(output.total_bytes)
    )?;
    let Some(shown) = outputs.get(output.hash) else {
        out.write_all(b"<p class=left>left out of this page: there are too many outputs</p>\n")?;
        return Ok(());
    };
    match majority.filter(|majority| majority.hash != output.hash).and_then(|one| outputs.get(one.hash)) {
        Some(other) if is_small(other) && is_small(shown) => difference(out, other, shown)?,
        _ => writeln!(out, "<pre>{}</pre>", text(&shown.bytes))?,
    }
    if shown.missing > 0 {
        writeln!(out, "<p class=left>{} of it are not shown here</p>", bytes(shown.missing))?;
    }
    Ok(())
}

fn is_small(shown: &Shown) -> bool {
    shown.bytes.iter().filter(|byte| **byte == b'\n').count() <= COMPARED
}

/// The lines that differ from the majority's, with some around them.
fn difference(out: &mut impl Write, majority: &Shown, shown: &Shown) -> Result<(), ReportError> {
    out.write_all(b"<p class=left>compared with the majority:</p>\n<pre class=diff>")?;
    let (majority, shown) = (text(&majority.bytes), text(&shown.bytes));
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).diff_lines(&majority, &shown);
    for (place, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if place > 0 {
            out.write_all(b"<span class=skip>...</span>\n")?;
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (tag, sign) = match change.tag() {
                ChangeTag::Delete => ("del", "-"),
                ChangeTag::Insert => ("ins", "+"),
                ChangeTag::Equal => ("span", " "),
            };
            let line = change.value();
            let line = line.strip_suffix('\n').unwrap_or(line);
            writeln!(out, "<{tag}>{sign}{line}</{tag}>")?;
        }
    }
    out.write_all(b"</pre>\n")?;
    Ok(())
}
