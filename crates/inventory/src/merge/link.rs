//! [`Links`]: which entries of which sources are the same node.

use foldhash::{HashMap, HashSet};
use pabawi_domain::node::Node;
use std::borrow::Cow;

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
    /// The node of each entry, the entries in the order of the sources.
    pub(super) node_of: Vec<u32>,
    /// Identifiers that several entries of one source claim, so that they name none of them.
    pub(super) warnings: Vec<String>,
    names: Names<'a>,
}

impl Linked<'_> {
    /// The node that a name means: first as an id as it is written, then as any identifier.
    pub(super) fn node_named(&self, name: &str) -> Option<u32> {
        let Names { odd_ids, slots, claims } = &self.names;
        let entry = odd_ids.get(name).copied().or_else(|| {
            let slot = slots.get(name).or_else(|| slots.get(name.to_ascii_lowercase().as_str()))?;
            claims.get(*slot as usize)?.first
        })?;
        self.node_of.get(entry as usize).copied()
    }
}

/// Who claims which identifier.
#[derive(Default)]
struct Names<'a> {
    /// Ids that are not their own identifier, because of their case or because they mean this machine. Ids are one name
    /// space over all sources, whatever they look like.
    odd_ids: HashMap<&'a str, u32>,
    /// Where in `claims` an identifier stands.
    slots: HashMap<Cow<'a, str>, u32>,
    claims: Vec<Claims>,
}

/// The claims on one identifier.
struct Claims {
    /// The entry of the first source with a good claim.
    first: Option<u32>,
    /// The last source that claims it, and within it the best claim.
    part: u32,
    claim: Claim,
    entry: u32,
    /// Other entries of that source claim it with the same right.
    is_shared: bool,
}

/// At most so many ambiguous identifiers of a source are told.
const MAX_WARNINGS: usize = 5;

/// Finds the entries that share an identifier, also by way of others (R3.8). The sources come in the order of the
/// merge. An identifier that two entries of one source claim with the same right links neither.
pub(super) fn link(parts: &[SourceData]) -> Linked<'_> {
    let most: usize = parts.iter().map(|data| data.snapshot.nodes.len()).sum();
    let mut names = Names::default();
    let mut warnings = Vec::new();
    let mut sets = Sets::default();
    let mut entries = Vec::with_capacity(most);
    let mut touched = Vec::new();
    for (part, data) in (0u32..).zip(parts) {
        touched.clear();
        for (at, node) in (0u32..).zip(&data.snapshot.nodes) {
            let entry = sets.add();
            entries.push(Entry { part, node: at });
            let mut is_odd = true;
            for (claim, name) in identifiers(node) {
                is_odd &= claim != Claim::ExactId;
                let next = u32::try_from(names.claims.len()).unwrap_or(u32::MAX);
                let slot = *names.slots.entry(name).or_insert(next);
                match names.claims.get_mut(slot as usize) {
                    None => {
                        names.claims.push(Claims { first: None, part, claim, entry, is_shared: false });
                        touched.push(slot);
                    }
                    Some(known) if known.part != part => {
                        *known = Claims { first: known.first, part, claim, entry, is_shared: false };
                        touched.push(slot);
                    }
                    Some(known) if claim == Claim::ExactId && known.claim == claim => {
                        sets.join(known.entry, entry);
                    }
                    Some(known) => known.also(claim, entry),
                }
            }
            if is_odd {
                sets.join(entry, *names.odd_ids.entry(node.id.as_str()).or_insert(entry));
            }
        }
        let mut shared = HashSet::default();
        for slot in &touched {
            let Some(known) = names.claims.get_mut(*slot as usize) else { continue };
            match known.first {
                _ if known.is_shared => {
                    shared.insert(*slot);
                }
                Some(first) => sets.join(known.entry, first),
                None => known.first = Some(known.entry),
            }
        }
        warn(&data.name, &shared, &names.slots, &mut warnings);
    }
    let (links, node_of) = group(entries, &mut sets);
    Linked { links, node_of, warnings, names }
}

fn warn(source: &str, shared: &HashSet<u32>, slots: &HashMap<Cow<'_, str>, u32>, warnings: &mut Vec<String>) {
    if shared.is_empty() {
        return;
    }
    let mut names: Vec<&str> =
        slots.iter().filter(|(_, slot)| shared.contains(slot)).map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    for name in names.iter().take(MAX_WARNINGS) {
        warnings.push(format!("{source}: several nodes are {name}, so it links none of them"));
    }
    if names.len() > MAX_WARNINGS {
        let more = names.len() - MAX_WARNINGS;
        warnings.push(format!("{source}: and {more} more names that several nodes have"));
    }
}

impl Claims {
    fn also(&mut self, claim: Claim, entry: u32) {
        if entry == self.entry {
            self.claim = self.claim.max(claim);
        } else if claim > self.claim {
            (self.claim, self.entry, self.is_shared) = (claim, entry, false);
        } else if claim == self.claim {
            self.is_shared = true;
        }
    }
}

/// Puts the entries of each set beside each other; also tells the node of each entry.
fn group(entries: Vec<Entry>, sets: &mut Sets) -> (Links, Vec<u32>) {
    let mut node_of_root: Vec<Option<u32>> = vec![None; entries.len()];
    let mut sizes: Vec<u32> = Vec::new();
    let mut node_of = Vec::with_capacity(entries.len());
    for entry in 0..sets.len() {
        let next = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
        let Some(known) = node_of_root.get_mut(sets.root(entry) as usize) else { continue };
        let node = *known.get_or_insert(next);
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
