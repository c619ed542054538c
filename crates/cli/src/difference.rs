//! What keeps a plan from being applied, in lines for people: [`describe`].

use pabawi::inventory::fold;
use pabawi::{PlanChange, PlanHash};

use crate::option_names::option_of;
use crate::text::escape_for_terminal;

/// Differences that are written out.
const SHOWN: usize = 20;

/// Every difference on a line of its own.
pub(crate) fn describe(hash: PlanHash, changes: &[PlanChange]) -> String {
    let mut text = format!("plan {hash} no longer holds; nothing was started:");
    for change in changes.iter().take(SHOWN) {
        text.push_str("\n  ");
        text.push_str(&escape_for_terminal(line(change).as_bytes()));
    }
    if changes.len() > SHOWN {
        text.push_str(&format!("\n  and {} more differences", changes.len() - SHOWN));
    }
    text.push_str("\nmake a new plan with pab plan, and look at it");
    text
}

fn line(change: &PlanChange) -> String {
    match change {
        PlanChange::NoLongerValid { field, message } => match option_of(field) {
            Some(option) => format!("{option} ({field}): {message}"),
            None => format!("{field}: {message}"),
        },
        PlanChange::NodesAdded { nodes } => format!("nodes added: {}", fold(nodes)),
        PlanChange::NodesGone { nodes } => format!("nodes gone: {}", fold(nodes)),
        PlanChange::WavesChanged { nodes } => format!("in another wave or place: {}", fold(nodes)),
        PlanChange::Denied { nodes, reason } => format!("permission now denied: {}: {reason}", fold(nodes)),
        PlanChange::RequestChanged { fields } => {
            let named = |field: &String| match option_of(field) {
                Some(option) => format!("{option} ({field})"),
                None => field.clone(),
            };
            format!("the request has changed: {}", fields.iter().map(named).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use pabawi::{ContentHash, NodeId};

    use super::*;

    #[test]
    fn differences_are_told_in_lines_with_folded_names() {
        let nodes = |names: &[&str]| names.iter().map(|name| NodeId::new(name).unwrap()).collect();
        let changes = [
            PlanChange::NodesAdded { nodes: nodes(&["web01", "web02"]) },
            PlanChange::Denied { nodes: nodes(&["db"]), reason: "not\x1byours".into() },
            PlanChange::NoLongerValid { field: "action.source".into(), message: "is gone".into() },
            PlanChange::RequestChanged { fields: vec!["concurrency".into()] },
        ];
        let text = describe(PlanHash(ContentHash([0xab; 32])), &changes);
        for line in [
            "\n  nodes added: web[01-02]\n",
            "\n  permission now denied: db: not\\x1byours\n",
            "\n  SOURCE (action.source): is gone\n",
            "\n  the request has changed: --concurrency (concurrency)\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
        let many = vec![PlanChange::FileChanged { what: "x".into() }; SHOWN + 3];
        assert!(describe(PlanHash(ContentHash([0; 32])), &many).contains("and 3 more differences"));
    }
}
