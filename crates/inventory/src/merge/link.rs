//! [`Links`]: which entries of which sources are the same node.

use std::borrow::Cow;
use std::collections::HashMap;

use pabawi_domain::node::Node;

use super::data::SourceData;
use super::identifiers::{Claim, identifiers};

/// One entry of one source: the source's place in the order of the merge, and the entry's place in its snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) part: u32,
    pub(crate) node: u32,
}

/// Entries that are the same node, in the order of the merge; the nodes in the order of their first entries.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// All entries, those of one node beside each other.
    entries: Vec<Entry>,
    /// Where the entries of each node begin.
    starts: Vec<u32>,
}

impl Links {
    /// The entries of the node at that place.
    pub(crate) fn entries_of(&self, node: usize) -> &[Entry] {
        let start = self.starts.get(node).map_or(self.entries.len(), |start| *start as usize);
        let end = self.starts.get(node + 1).map_or(self.entries.len(), |end| *end as usize);
        self.entries.get(start..end).unwrap_or_default()
    }

    /// How many nodes have entries.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }
}

/// What [`link`] found.
pub(super) struct Linked<'a> {
    pub(super) links: Links,
    /// The node that an identifier names.
    pub(super) nodes: HashMap<Cow<'a, str>, u32>,
    /// Identifiers that several entries of one source claim, so that they name none of them.
    pub(super) warnings: Vec<String>,
}

/// At most so many ambiguous identifiers of a source are told.
const MAX_WARNINGS: usize = 5;

/// Finds the entries that share an identifier, also by way of others (R3.8). The sources come in the order of the
/// merge. An identifier that two entries of one source claim with the same right links neither.
pub(super) fn link(parts: &[SourceData]) -> Linked<'_> {
    let mut warnings = Vec::new();
    let mut sets = Sets::default();
    let mut owners: HashMap<Cow<'_, str>, u32> = HashMap::new();
    // Ids are one name space over all sources, whatever they look like.
    let mut ids: HashMap<&str, u32> = HashMap::new();
    let mut entries = Vec::new();
    for (part, data) in (0u32..).zip(parts) {
        let mut claims: HashMap<Cow<'_, str>, Claimed> = HashMap::with_capacity(data.snapshot.nodes.len());
        for (at, node) in (0u32..).zip(&data.snapshot.nodes) {
            let entry = sets.add();
            entries.push(Entry { part, node: at });
            sets.join(entry, *ids.entry(node.id.as_str()).or_insert(entry));
            for (claim, name) in identifiers(node) {
                claims.entry(name).and_modify(|known| known.also(claim, entry)).or_insert(Claimed {
                    claim,
                    entry,
                    is_shared: false,
                });
            }
        }
        let mut shared = Vec::new();
        for (name, claimed) in claims {
            if claimed.is_shared {
                shared.push(name);
                continue;
            }
            match owners.get(&name) {
                Some(owner) => sets.join(claimed.entry, *owner),
                None => {
                    owners.insert(name, claimed.entry);
                }
            }
        }
        shared.sort_unstable();
        for name in shared.iter().take(MAX_WARNINGS) {
            warnings.push(format!("{}: several nodes are {name}, so it links none of them", data.name));
        }
        if shared.len() > MAX_WARNINGS {
            let more = shared.len() - MAX_WARNINGS;
            warnings.push(format!("{}: and {more} more names that several nodes have", data.name));
        }
    }
    let (links, node_of) = group(entries, &mut sets);
    let node = |entry: u32| node_of.get(entry as usize).copied().unwrap_or_default();
    let mut nodes: HashMap<Cow<'_, str>, u32> =
        owners.into_iter().map(|(name, entry)| (name, node(entry))).collect();
    // What is written exactly as an id is that node before it is anything else.
    nodes.extend(ids.into_iter().map(|(id, entry)| (Cow::Borrowed(id), node(entry))));
    Linked { links, nodes, warnings }
}

/// Who claims an identifier within one source.
struct Claimed {
    claim: Claim,
    entry: u32,
    is_shared: bool,
}

impl Claimed {
    fn also(&mut self, claim: Claim, entry: u32) {
        if entry == self.entry {
            self.claim = self.claim.max(claim);
        } else if claim > self.claim {
            *self = Self { claim, entry, is_shared: false };
        } else if claim == self.claim {
            self.is_shared = true;
        }
    }
}

/// Puts the entries of each set beside each other; also tells the node of each entry.
fn group(entries: Vec<Entry>, sets: &mut Sets) -> (Links, Vec<u32>) {
    let mut node_of_root: HashMap<u32, u32> = HashMap::new();
    let mut sizes: Vec<u32> = Vec::new();
    let mut node_of = Vec::with_capacity(entries.len());
    for entry in 0..sets.len() {
        let root = sets.root(entry);
        let next = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
        let node = *node_of_root.entry(root).or_insert(next);
        match sizes.get_mut(node as usize) {
            Some(size) => *size += 1,
            None => sizes.push(1),
        }
        node_of.push(node);
    }
    let mut starts = Vec::with_capacity(sizes.len());
    let mut next = 0;
    for size in sizes {
        starts.push(next);
        next += size;
    }
    let mut free = starts.clone();
    let mut grouped = vec![Entry { part: 0, node: 0 }; entries.len()];
    for (entry, node) in entries.into_iter().zip(&node_of) {
        if let Some(at) = free.get_mut(*node as usize) {
            if let Some(slot) = grouped.get_mut(*at as usize) {
                *slot = entry;
            }
            *at += 1;
        }
    }
    (Links { entries: grouped, starts }, node_of)
}

/// Disjoint sets with path halving; the root of a set is its first member.
#[derive(Default)]
struct Sets {
    parents: Vec<u32>,
}

impl Sets {
    fn len(&self) -> u32 {
        u32::try_from(self.parents.len()).unwrap_or(u32::MAX)
    }

    fn add(&mut self) -> u32 {
        let entry = self.len();
        self.parents.push(entry);
        entry
    }

    fn root(&mut self, mut entry: u32) -> u32 {
        // Parents have smaller numbers, so each turn comes closer to the root.
        while let Some(parent) = self.parents.get(entry as usize).copied()
            && parent != entry
        {
            let above = self.parents.get(parent as usize).copied().unwrap_or(parent);
            if let Some(slot) = self.parents.get_mut(entry as usize) {
                *slot = above;
            }
            entry = above;
        }
        entry
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        let (first, second) = (one.min(other), one.max(other));
        if let Some(parent) = self.parents.get_mut(second as usize) {
            *parent = first;
        }
    }
}

/// The entry's node.
pub(crate) fn entry_of(parts: &[SourceData], entry: Entry) -> Option<(&SourceData, &Node)> {
    let data = parts.get(entry.part as usize)?;
    Some((data, data.snapshot.nodes.get(entry.node as usize)?))
}
