//! Groups of v1.x as ours: [`read`], by the rules by which v1.x checks them.

use std::collections::{BTreeMap, HashMap, HashSet};

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::NodeGroup;
use serde_json::{Map, Value};

use super::fields::{Warnings, kind, text};
use super::inventory::Source;
use super::secrets;

/// What v1.x calls a group whose name has no character that it lets through.
const NAMELESS: &str = "sanitized_group";
/// Most members that a warning lists.
const NAMED: usize = 5;

/// Reads groups. `own` tells the node of a name, where there is one.
pub(super) fn read(
    list: Vec<Value>,
    source: &Source,
    own: impl Fn(&NodeId) -> Option<NodeId>,
    warnings: &mut Warnings,
) -> Vec<NodeGroup> {
    let mut ids = HashSet::new();
    let mut places: HashMap<GroupName, usize> = HashMap::new();
    let mut groups: Vec<NodeGroup> = Vec::new();
    for (index, group) in list.into_iter().enumerate() {
        let at = format!("getGroups[{index}]");
        let (id, group) = match group_of(group, &at, source, &own, warnings) {
            Ok(group) => group,
            Err(why) => {
                warnings.add(|| format!("{why}, so the group is left out"));
                continue;
            }
        };
        if !ids.insert(id.clone()) {
            warnings.add(|| format!("{at}.id: {id:?} is there twice, the first stands"));
            continue;
        }
        match places.get(&group.name).and_then(|place| groups.get_mut(*place)) {
            Some(known) => {
                warnings.add(|| format!("{at}.name: there are two groups {}, they are one", group.name));
                let has: HashSet<NodeId> = known.nodes.iter().cloned().collect();
                known.nodes.extend(group.nodes.into_iter().filter(|node| !has.contains(node)));
            }
            None => {
                places.insert(group.name.clone(), groups.len());
                groups.push(group);
            }
        }
    }
    groups
}

fn group_of(
    group: Value,
    at: &str,
    source: &Source,
    own: &impl Fn(&NodeId) -> Option<NodeId>,
    warnings: &mut Warnings,
) -> Result<(String, NodeGroup), String> {
    let Value::Object(mut fields) = group else {
        return Err(format!("{at}: is {} and no object", kind(&group)));
    };
    let named =
        |field: &str| text(&fields, field).map(str::to_owned).ok_or(format!("{at}.{field}: is no text"));
    let (id, name) = (named("id")?, named("name")?);
    let members = match fields.remove("nodes") {
        Some(Value::Array(members)) => members,
        other => {
            return Err(format!("{at}.nodes: is {} and no array", other.as_ref().map_or("missing", kind)));
        }
    };
    let name = GroupName::new(sanitized(&name)).map_err(|error| format!("{at}.name: {error}"))?;
    let mut nodes = Vec::with_capacity(members.len());
    let mut seen = HashSet::with_capacity(members.len());
    let (mut unknown, mut bad) = (Vec::new(), 0_usize);
    let prefix = format!("{}:", source.own);
    for member in &members {
        let Some(member) = member.as_str().and_then(|member| NodeId::new(member).ok()) else {
            bad += 1;
            continue;
        };
        let without = || member.as_str().strip_prefix(&prefix).and_then(|rest| NodeId::new(rest).ok());
        let node = own(&member).or_else(|| without().and_then(|rest| own(&rest)));
        // As in v1.x, an unknown member stays one.
        let node = node.unwrap_or_else(|| {
            unknown.push(member.clone());
            member
        });
        if seen.insert(node.clone()) {
            nodes.push(node);
        }
    }
    if bad > 0 {
        warnings.add(|| format!("{at}.nodes: {bad} members are left out, since they cannot be nodes"));
    }
    if !unknown.is_empty() {
        let listed: Vec<&str> = unknown.iter().take(NAMED).map(NodeId::as_str).collect();
        let more = if unknown.len() > NAMED { ", ..." } else { "" };
        warnings.add(|| {
            format!("{at}.nodes: {} members are in no inventory: {}{more}", unknown.len(), listed.join(", "))
        });
    }
    let metadata = metadata(fields);
    Ok((id, NodeGroup { name, sources: vec![source.name.clone()], nodes, children: Vec::new(), metadata }))
}

/// What is said of a group. Its `hierarchy` is shown and not followed, as in v1.x.
fn metadata(mut fields: Map<String, Value>) -> BTreeMap<String, Value> {
    let said = match fields.remove("metadata") {
        Some(Value::Object(said)) => said,
        _ => Map::new(),
    };
    for known in ["id", "name", "source", "sources", "linked"] {
        fields.remove(known);
    }
    fields.extend(said);
    secrets::without(fields).into_iter().collect()
}

/// A name of the characters that v1.x lets through.
fn sanitized(name: &str) -> String {
    let is_good = |c: &char| c.is_ascii_alphanumeric() || " _.:/-".contains(*c);
    let name: String = name.chars().filter(is_good).collect();
    match name.trim() {
        "" => NAMELESS.to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn groups(list: Value) -> (Vec<NodeGroup>, Vec<String>) {
        let source = Source { name: "bolt".to_owned(), own: "bolt".to_owned() };
        let own = |name: &NodeId| match name.as_str() {
            "web1" | "alias1" => NodeId::new("web1").ok(),
            "p:2" => NodeId::new("p:2").ok(),
            _ => None,
        };
        let mut warnings = Warnings::default();
        let Value::Array(list) = list else { panic!() };
        let groups = read(list, &source, own, &mut warnings);
        (groups, warnings.finish())
    }

    /// R3.2, R10.8: groups are checked as in v1.x.
    #[test]
    fn groups_are_checked_as_in_v1() {
        let (groups, warnings) = groups(json!([
            {"id": "bolt:web", "name": "web", "source": "bolt", "sources": ["bolt"], "linked": false,
             "nodes": ["bolt:web1", "alias1", "p:2", "bolt:web9", "a b", 5],
             "metadata": {"description": "d", "variables": {"x": 1, "db_password": "hunter2"}, "hierarchy": ["a"]}, "extra": 1},
            {"id": "g2", "name": "<script>alert('xss')</script>malicious-group", "nodes": []},
            {"id": "g3", "name": "\u{fc}", "nodes": []},
            {"id": "g2", "name": "again", "nodes": []},
            {"id": "g4", "name": "web", "nodes": ["p:2", "web1"]},
            {"id": "g5", "nodes": []}, {"name": "x", "nodes": []}, {"id": "g6", "name": "x", "nodes": "web1"}, {"id": "g7", "name": "x"}, null,
            {"id": "g8", "name": "-x", "nodes": []},
        ]));
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["web", "scriptalertxss/scriptmalicious-group", "sanitized_group"]);
        let nodes: Vec<&str> = groups[0].nodes.iter().map(NodeId::as_str).collect();
        assert_eq!(nodes, ["web1", "p:2", "bolt:web9"]);
        assert_eq!(groups[0].metadata["variables"], json!({"x": 1}));
        assert_eq!(
            (&groups[0].metadata["hierarchy"], &groups[0].metadata["extra"]),
            (&json!(["a"]), &json!(1))
        );
        assert!(groups[0].children.is_empty());
        assert_eq!(warnings.len(), 10, "{warnings:#?}");
        for (at, part) in [
            (0, "getGroups[0].nodes: 2 members"),
            (1, "in no inventory: bolt:web9"),
            (2, "getGroups[3].id"),
            (9, "getGroups[10].name"),
        ] {
            assert!(warnings[at].contains(part), "{at} {}", warnings[at]);
        }
    }
}
