//! What differs between what was planned and what would happen now: [`PlanChange`], found by [`changes`].

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::NodeId;
use crate::preview::{BasisFile, BasisTarget, PreviewBasis};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum PlanChange {
    /// The request can no longer be resolved or planned.
    NoLongerValid {
        /// The field, in the caller's names.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// Nodes that were not planned.
    NodesAdded {
        /// Which.
        nodes: Vec<NodeId>,
    },
    /// Nodes that were planned and are not selected any more.
    NodesGone {
        /// Which.
        nodes: Vec<NodeId>,
    },
    /// A node would be reached in another way.
    EndpointChanged {
        /// The node.
        node: NodeId,
        /// How it was to be reached.
        before: String,
        /// How it would be reached now.
        after: String,
    },
    /// Nodes that stand in another wave, or at another place where one follows the other.
    WavesChanged {
        /// Which.
        nodes: Vec<NodeId>,
    },
    /// A content that would be brought to the nodes is another one.
    FileChanged {
        /// What it is.
        what: String,
    },
    /// The request itself is another one.
    RequestChanged {
        /// Fields that differ, in the caller's names.
        fields: Vec<String>,
    },
    /// The caller may not do this there.
    Denied {
        /// Where.
        nodes: Vec<NodeId>,
        /// Why.
        reason: String,
    },
    /// The plan was made by another version, which understands requests in another way.
    OtherVersion,
}

impl fmt::Display for PlanChange {
    /// One fragment for logs; surfaces that can fold node names show more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLongerValid { field, message } => write!(f, "{field}: {message}"),
            Self::NodesAdded { nodes } => write!(f, "{} nodes added", nodes.len()),
            Self::NodesGone { nodes } => write!(f, "{} nodes gone", nodes.len()),
            Self::EndpointChanged { node, before, after } => {
                write!(f, "{node} would be reached as {after}, planned was {before}")
            }
            Self::WavesChanged { nodes } => write!(f, "{} nodes have another place", nodes.len()),
            Self::FileChanged { what } => write!(f, "{what} has changed"),
            Self::RequestChanged { fields } => write!(f, "the request differs in {}", fields.join(", ")),
            Self::Denied { nodes, reason } => write!(f, "denied on {} nodes: {reason}", nodes.len()),
            Self::OtherVersion => f.write_str("the plan was made by another version"),
        }
    }
}

/// What differs, the nodes first. Empty exactly where nothing does.
pub fn changes(planned: &PreviewBasis, now: &PreviewBasis) -> Vec<PlanChange> {
    let mut found = Vec::new();
    if planned.format != now.format {
        return vec![PlanChange::OtherVersion];
    }
    let before: BTreeMap<&NodeId, &BasisTarget> = planned.targets.iter().map(|t| (&t.node, t)).collect();
    let after: BTreeMap<&NodeId, &BasisTarget> = now.targets.iter().map(|t| (&t.node, t)).collect();
    let only_in = |this: &BTreeMap<&NodeId, &BasisTarget>, other: &BTreeMap<&NodeId, &BasisTarget>| {
        let nodes = this.keys().filter(|node| !other.contains_key(*node));
        nodes.map(|node| NodeId::clone(node)).collect::<Vec<_>>()
    };
    let (added, gone) = (only_in(&after, &before), only_in(&before, &after));
    if !added.is_empty() {
        found.push(PlanChange::NodesAdded { nodes: added });
    }
    if !gone.is_empty() {
        found.push(PlanChange::NodesGone { nodes: gone });
    }
    let mut moved = Vec::new();
    for (node, before) in &before {
        let Some(after) = after.get(node) else { continue };
        if (&before.transport, &before.endpoint, &before.reach)
            != (&after.transport, &after.endpoint, &after.reach)
        {
            let (before, after) = ways(before, after);
            found.push(PlanChange::EndpointChanged { node: NodeId::clone(node), before, after });
        }
        if before.place != after.place {
            moved.push(NodeId::clone(node));
        }
    }
    if !moved.is_empty() {
        found.push(PlanChange::WavesChanged { nodes: moved });
    }
    let (before, after) = (contents(planned), contents(now));
    for what in before.keys().chain(after.keys().filter(|what| !before.contains_key(*what))) {
        if before.get(what) != after.get(what) {
            found.push(PlanChange::FileChanged { what: String::from(*what) });
        }
    }
    if planned.request != now.request {
        let json = |basis: &PreviewBasis| serde_json::to_value(&basis.request).unwrap_or_default();
        let mut fields = Vec::new();
        differing(&json(planned), &json(now), "", &mut fields);
        fields.sort();
        found.push(PlanChange::RequestChanged { fields });
    }
    found
}

fn contents(basis: &PreviewBasis) -> BTreeMap<&str, &BasisFile> {
    basis.files.iter().map(|file| (file.what.as_str(), file)).collect()
}

/// Both ways in words that differ.
fn ways(before: &BasisTarget, after: &BasisTarget) -> (String, String) {
    let words = |target: &BasisTarget| format!("{} {}", target.transport.as_str(), target.reach);
    let (short, other) = (words(before), words(after));
    if short != other {
        return (short, other);
    }
    // What a way is not written with: key files, a password that came or went, the alias by which it is looked up.
    let whole = |target: &BasisTarget| serde_json::to_string(&target.endpoint).unwrap_or_default();
    (whole(before), whole(after))
}

/// The paths of fields that differ. As deep as the request's type, which is a few levels.
fn differing(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        found.push(path.to_owned());
        return;
    };
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let none = Value::Null;
        differing(old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none), &path, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, CommandAction};
    use crate::id::PluginName;
    use crate::node::{Endpoint, TargetExpression};
    use crate::output::ContentHash;
    use crate::preview::Reach;
    use crate::request::ExecutionRequest;

    fn basis(nodes: &[&str]) -> PreviewBasis {
        let targets = nodes
            .iter()
            .map(|name| BasisTarget {
                node: NodeId::new(name).unwrap(),
                transport: PluginName::new("ssh").unwrap(),
                endpoint: Endpoint::default(),
                reach: Reach { host: Some((*name).to_owned()), ..Reach::default() },
                place: Some(1),
            })
            .collect();
        let file =
            BasisFile { what: "script a.sh".into(), bytes: 3, mode: None, sha256: ContentHash([1; 32]) };
        PreviewBasis {
            format: PreviewBasis::FORMAT,
            request: ExecutionRequest::new(
                Action::Command(CommandAction::new("true")),
                TargetExpression::new(""),
            ),
            targets,
            files: vec![file],
        }
    }

    #[test]
    fn equal_plans_do_not_differ() {
        assert_eq!(changes(&basis(&["a", "b"]), &basis(&["a", "b"])), []);
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let mut now = basis(&["b", "c", "d"]);
        now.targets[0].reach.port = Some(2222);
        now.targets[1].place = Some(2);
        now.files[0].sha256 = ContentHash([2; 32]);
        now.request.concurrency = Some(3);
        now.request.timeouts.node_ms = Some(5);
        let found = changes(&basis(&["a", "b", "c"]), &now);
        let nodes = |name: &str| vec![NodeId::new(name).unwrap()];
        let fields = ["concurrency".to_owned(), "timeouts.nodeMs".to_owned()].to_vec();
        let expected = [
            PlanChange::NodesAdded { nodes: nodes("d") },
            PlanChange::NodesGone { nodes: nodes("a") },
            PlanChange::EndpointChanged {
                node: NodeId::new("b").unwrap(),
                before: "ssh b".into(),
                after: "ssh b:2222".into(),
            },
            PlanChange::WavesChanged { nodes: nodes("c") },
            PlanChange::FileChanged { what: "script a.sh".into() },
            PlanChange::RequestChanged { fields },
        ];
        assert_eq!(found, expected);
        now.format += 1;
        assert_eq!(changes(&basis(&["a"]), &now), [PlanChange::OtherVersion]);
    }

    #[test]
    fn a_way_that_is_written_alike_still_differs() {
        let mut now = basis(&["a"]);
        now.targets[0].endpoint.identity_files = vec!["/k".into()];
        let found = changes(&basis(&["a"]), &now);
        let [PlanChange::EndpointChanged { before, after, .. }] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert!(before != after && after.contains("/k"), "{before} {after}");
    }
}
