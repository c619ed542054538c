//! Targets by equal output of one stream, and what sets each group apart from the largest one: [`Groups`].

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use pabawi_domain::id::NodeId;
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::record::{OutputRef, TargetRecord};
use similar::{Algorithm, ChangeTag, TextDiff};

use super::escape::text;
use super::outputs::{Outputs, Shown};
use super::report::Fold;
use super::units::{bytes, nodes as count};
use crate::ReportError;

/// Groups that are written out.
const GROUPS: usize = 100;
/// Lines of an output up to which it is compared with the majority's.
const COMPARED: usize = 2000;
/// Lines around a difference.
const AROUND: usize = 3;

/// The groups of one stream, the largest first.
pub(super) struct Groups<'a> {
    stream: StreamKind,
    groups: Vec<Group<'a>>,
    /// The places of those that are written out.
    places: HashMap<ContentHash, usize>,
}

/// What some nodes printed; absent where they printed nothing.
type Group<'a> = (Option<OutputRef>, Vec<&'a NodeId>);

impl<'a> Groups<'a> {
    pub(super) fn of(stream: StreamKind, targets: &'a [TargetRecord]) -> Self {
        let mut found: BTreeMap<Option<_>, Group<'_>> = BTreeMap::new();
        for target in targets.iter().filter(|target| target.attempt > 0) {
            let output = printed(target, stream);
            let group = found.entry(output.map(|output| output.hash)).or_insert_with(|| (output, Vec::new()));
            group.1.push(&target.target.node);
        }
        let mut groups: Vec<Group<'_>> = found.into_values().collect();
        groups.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
        let shown = groups.iter().take(GROUPS).enumerate();
        let places = shown.filter_map(|(place, (output, _))| Some((output.as_ref()?.hash, place))).collect();
        Self { stream, groups, places }
    }

    /// The outputs that are written out.
    pub(super) fn shown(&self) -> impl Iterator<Item = ContentHash> {
        self.places.keys().copied()
    }

    /// Writes where on the page stands what a target printed, where it printed something.
    pub(super) fn link(&self, out: &mut impl Write, target: &TargetRecord) -> Result<(), ReportError> {
        let Some(output) = printed(target, self.stream) else { return Ok(()) };
        let (stream, size) = (self.stream, bytes(output.total_bytes));
        match self.places.get(&output.hash) {
            Some(place) => write!(out, "<a href=\"#{stream}-{place}\">{stream}</a>, {size} ")?,
            None => write!(out, "{stream}, {size} ")?,
        }
        Ok(())
    }

    pub(super) fn write(
        &self,
        out: &mut impl Write,
        outputs: Option<&Outputs>,
        fold: Fold,
    ) -> Result<(), ReportError> {
        let (stream, groups) = (self.stream, &self.groups);
        let printed = groups.iter().filter(|(output, _)| output.is_some()).count();
        if printed == 0 {
            return Ok(());
        }
        writeln!(out, "<section id=\"{stream}\"><h2>{stream}: {}</h2>", variants(printed))?;
        let get = |output: OutputRef| outputs.and_then(|outputs| outputs.get(output.hash));
        // Where most printed nothing, the largest group of those that did tells more than nothing does.
        let first = groups.iter().position(|(output, _)| output.is_some());
        let majority = groups.iter().find_map(|(output, _)| *output).and_then(get);
        for (place, (output, nodes)) in groups.iter().take(GROUPS).enumerate() {
            let owned: Vec<NodeId> = nodes.iter().map(|node| (*node).clone()).collect();
            let names = text(fold(&owned).as_bytes());
            let many = count(nodes.len());
            let Some(output) = *output else {
                writeln!(out, "<h3>{many} printed nothing</h3><p class=nodes>{names}</p>")?;
                continue;
            };
            let size = bytes(output.total_bytes);
            writeln!(out, "<h3 id=\"{stream}-{place}\">{many}, {size}</h3><p class=nodes>{names}</p>")?;
            match get(output) {
                Some(shown) => write_output(out, &shown, majority.as_ref().filter(|_| Some(place) != first))?,
                None => out.write_all(b"<p class=left>it is kept no longer</p>\n")?,
            }
        }
        if groups.len() > GROUPS {
            let nodes = groups.iter().skip(GROUPS).map(|(_, nodes)| nodes.len()).sum();
            let more = groups.len() - GROUPS;
            writeln!(out, "<p class=left>and {more} more, of {}: the export has them</p>", count(nodes))?;
        }
        out.write_all(b"</section>\n")?;
        Ok(())
    }
}

fn printed(target: &TargetRecord, stream: StreamKind) -> Option<OutputRef> {
    match stream {
        StreamKind::Stdout => target.stdout,
        StreamKind::Stderr => target.stderr,
    }
}

fn variants(count: usize) -> String {
    if count == 1 {
        "the same everywhere where there was any".to_owned()
    } else {
        format!("{count} variants")
    }
}

/// An output, or what sets it apart from the majority's.
fn write_output(out: &mut impl Write, shown: &Shown, majority: Option<&Shown>) -> Result<(), ReportError> {
    match majority {
        Some(majority) if is_small(majority) && is_small(shown) => difference(out, majority, shown)?,
        _ => writeln!(out, "<pre>{}</pre>", text(&shown.bytes))?,
    }
    let mut left = Vec::new();
    if shown.not_kept > 0 {
        left.push(format!("{} were not kept", bytes(shown.not_kept)));
    }
    if shown.only_exported > 0 {
        left.push(format!("{} are in the export only", bytes(shown.only_exported)));
    }
    if !left.is_empty() {
        writeln!(out, "<p class=left>{}</p>", left.join(", "))?;
    }
    Ok(())
}

fn is_small(shown: &Shown) -> bool {
    shown.bytes.iter().filter(|byte| **byte == b'\n').count() <= COMPARED
}

/// The lines that differ from the majority's, with some around them.
fn difference(out: &mut impl Write, majority: &Shown, shown: &Shown) -> Result<(), ReportError> {
    let (majority, shown) = (text(&majority.bytes), text(&shown.bytes));
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).diff_lines(&majority, &shown);
    let groups = diff.grouped_ops(AROUND);
    if groups.is_empty() {
        let told = "differs from the largest group in ends of lines, or in what is not shown";
        writeln!(out, "<p class=left>{told}:</p>\n<pre>{shown}</pre>")?;
        return Ok(());
    }
    out.write_all(b"<p class=left>compared with the largest group:</p>\n<pre class=diff>")?;
    for (place, group) in groups.iter().enumerate() {
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
