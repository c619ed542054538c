//! What went wrong, nodes of the same fault together: [`write`].

use std::collections::BTreeMap;
use std::io::Write;

use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::record::{TargetRecord, TargetState};

use super::escape::text;
use super::report::Fold;
use crate::ReportError;

/// Faults that are written out.
const FAULTS: usize = 200;

/// Writes the faults, that of most nodes first.
pub(super) fn write(out: &mut impl Write, targets: &[TargetRecord], fold: Fold) -> Result<(), ReportError> {
    let mut faults: BTreeMap<(&str, String), Vec<NodeId>> = BTreeMap::new();
    for target in targets {
        if let Some((word, told)) = fault(target) {
            faults.entry((word, told)).or_default().push(target.target.node.clone());
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    let mut faults: Vec<_> = faults.into_iter().collect();
    faults.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    out.write_all(b"<section id=failures><h2>What did not succeed</h2>\n<div class=most><table><thead><tr><th>Nodes<th>What<th>Which</thead>\n")?;
    for ((word, told), nodes) in faults.iter().take(FAULTS) {
        writeln!(
            out,
            "<tr><td class=n>{}<td><b class=\"o {word}\">{word}</b> {}<td><p class=nodes>{}</p>",
            nodes.len(),
            text(told.as_bytes()),
            text(fold(nodes).as_bytes())
        )?;
    }
    out.write_all(b"</table></div>\n")?;
    if faults.len() > FAULTS {
        writeln!(out, "<p class=left>and {} more kinds</p>", faults.len() - FAULTS)?;
    }
    out.write_all(b"</section>\n")?;
    Ok(())
}

/// The word and the sentence of what went wrong, where something did.
fn fault(target: &TargetRecord) -> Option<(&'static str, String)> {
    match (&target.result, target.state) {
        (Some(NodeOutcome::Succeeded), _) => None,
        (Some(result), _) => {
            // The word stands before it already.
            let (word, told) = (result.word(), result.describe());
            let told = told.strip_prefix(word).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&told);
            Some((word, told.to_owned()))
        }
        (None, TargetState::Interrupted) => {
            Some(("interrupted", "the process that ran it died; what it did is not known".to_owned()))
        }
        (None, _) => None,
    }
}
