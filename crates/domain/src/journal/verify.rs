//! Whether a node's entries are what was written: [`ChainWalk`] goes along a chain as a store reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chain::CHAIN_START;
use crate::output::ContentHash;

/// Most faults that one look names; more are only counted.
const MOST_FAULTS: usize = 1_000;

/// What a store remembers of the end of a node's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainHead {
    /// The number of the last entry.
    pub seq: u64,
    /// Its hash.
    pub hash: ContentHash,
    /// Entries up to this number are older than chains and have no hash.
    pub unchained: u64,
}

/// Entries in a row that retention has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrunedRange {
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// The hash of the entry before them.
    pub prev: ContentHash,
    /// The hash of the last.
    pub hash: ContentHash,
}

/// An entry as it stands in a store.
#[derive(Debug, Clone)]
pub struct StoredLink {
    /// Its number.
    pub seq: u64,
    /// Its id as it stands there.
    pub id: String,
    /// What it says was the hash of the entry before it.
    pub prev: Option<ContentHash>,
    /// What it says is its hash.
    pub hash: Option<ContentHash>,
    /// What its hash is, after the entry that it says was before it.
    pub computed: ContentHash,
}

/// Something that nobody can have written so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainFault {
    /// The node, as it stands in the store.
    pub node: String,
    /// The number of the entry.
    pub seq: u64,
    /// Its id, where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is wrong.
    #[serde(flatten)]
    pub kind: ChainFaultKind,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "camelCase")]
pub enum ChainFaultKind {
    /// Its content is not what was written.
    Edited,
    /// It and those after it up to `last` are gone, and retention has not removed them.
    Removed {
        /// The number of the last that is gone.
        last: u64,
    },
    /// It does not follow from what is before it: it, or the entry before it, was written by somebody else.
    Unlinked,
    /// It stands where nothing was written: past the end, or among what retention has removed.
    Inserted,
    /// The end of the chain is not what the store remembers of it.
    WrongEnd,
}

impl std::fmt::Display for ChainFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { node, seq, id, kind } = self;
        write!(f, "node {node}: entry {seq}")?;
        if let Some(id) = id {
            write!(f, " ({id})")?;
        }
        match kind {
            ChainFaultKind::Edited => f.write_str(" was edited"),
            ChainFaultKind::Removed { last } if last == seq => f.write_str(" was removed"),
            ChainFaultKind::Removed { last } => write!(f, " and those up to {last} were removed"),
            ChainFaultKind::Unlinked => {
                f.write_str(" does not follow from the entry before it; one of them was replaced")
            }
            ChainFaultKind::Inserted => f.write_str(" was inserted"),
            ChainFaultKind::WrongEnd => {
                f.write_str(" is the last and the chain is recorded to end otherwise")
            }
        }
    }
}

/// What came of a look at the whole journal, or at one node's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalVerification {
    /// Nodes that were looked at.
    pub nodes: u64,
    /// Entries that were looked at.
    pub entries: u64,
    /// Entries that retention has removed, over which the chain still reaches.
    pub pruned: u64,
    /// Entries that are older than chains: nothing can be said about them.
    pub unchained: u64,
    /// What is wrong, at most 1,000 of it.
    pub faults: Vec<ChainFault>,
    /// All that is wrong.
    pub fault_count: u64,
    /// Where one node was asked about: the end of its chain. Noted elsewhere, it tells later whether the end was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<ChainHead>,
}

impl JournalVerification {
    /// Whether everything is as it was written.
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
    }

    /// Something is wrong.
    pub fn fault(&mut self, fault: ChainFault) {
        self.fault_count += 1;
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }
}

/// Goes along one node's chain. Everything it is given has to come from one moment of the store.
#[derive(Debug)]
pub struct ChainWalk<'a> {
    node: &'a str,
    head: Option<ChainHead>,
    /// By their numbers.
    pruned: &'a [PrunedRange],
    next: u64,
    last: ContentHash,
    /// Whether the entry before was good, so that the next one can be held against it.
    is_sure: bool,
}

impl<'a> ChainWalk<'a> {
    /// Begins with a node's first entry. `pruned` is in the order of its numbers.
    pub fn new(
        node: &'a str,
        head: Option<ChainHead>,
        pruned: &'a [PrunedRange],
        told: &mut JournalVerification,
    ) -> Self {
        told.nodes += 1;
        let next = head.map_or(1, |head| head.unchained + 1);
        Self { node, head, pruned, next, last: CHAIN_START, is_sure: true }
    }

    /// The next entry, by its number.
    pub fn step(&mut self, link: &StoredLink, told: &mut JournalVerification) {
        told.entries += 1;
        let fault =
            |kind| ChainFault { node: self.node.to_owned(), seq: link.seq, id: Some(link.id.clone()), kind };
        let Some(head) = self.head else {
            told.fault(fault(ChainFaultKind::Inserted));
            return;
        };
        if link.seq <= head.unchained {
            told.unchained += 1;
            return;
        }
        let hidden = self.pruned.iter().any(|range| range.first <= link.seq && link.seq <= range.last);
        if link.seq > head.seq || link.seq < self.next || hidden {
            told.fault(fault(ChainFaultKind::Inserted));
            return;
        }
        self.reach(link.seq, told);
        let (prev, hash) = (link.prev.unwrap_or(CHAIN_START), link.hash.unwrap_or(CHAIN_START));
        if link.prev.is_none() || link.hash != Some(link.computed) {
            told.fault(ChainFault {
                node: self.node.to_owned(),
                seq: link.seq,
                id: Some(link.id.clone()),
                kind: ChainFaultKind::Edited,
            });
        } else if self.is_sure && prev != self.last {
            told.fault(ChainFault {
                node: self.node.to_owned(),
                seq: link.seq,
                id: Some(link.id.clone()),
                kind: ChainFaultKind::Unlinked,
            });
        }
        // An edited entry still says what its hash was, so that only it is named and not all that follow.
        self.last = hash;
        self.is_sure = link.hash.is_some();
        self.next = link.seq + 1;
    }

    /// There are no more entries.
    pub fn end(mut self, told: &mut JournalVerification) {
        let Some(head) = self.head else { return };
        self.reach(head.seq + 1, told);
        if self.is_sure && head.seq > head.unchained && self.last != head.hash {
            let kind = ChainFaultKind::WrongEnd;
            told.fault(ChainFault { node: self.node.to_owned(), seq: head.seq, id: None, kind });
        }
    }

    /// Goes on to that number over what was pruned.
    fn reach(&mut self, seq: u64, told: &mut JournalVerification) {
        while self.next < seq {
            let range = self.pruned.iter().find(|range| range.last >= self.next && range.first < seq);
            let gone_until = range.map_or(seq, |range| range.first.max(self.next)) - 1;
            if gone_until >= self.next {
                let kind = ChainFaultKind::Removed { last: gone_until };
                told.fault(ChainFault { node: self.node.to_owned(), seq: self.next, id: None, kind });
                self.is_sure = false;
            }
            match range {
                Some(range) => {
                    if self.is_sure && range.prev != self.last {
                        let kind = ChainFaultKind::Unlinked;
                        told.fault(ChainFault {
                            node: self.node.to_owned(),
                            seq: range.first,
                            id: None,
                            kind,
                        });
                    }
                    told.pruned += range.last.saturating_sub(range.first) + 1;
                    self.last = range.hash;
                    self.is_sure = true;
                    self.next = range.last + 1;
                }
                None => self.next = seq,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn hash(number: u8) -> ContentHash {
        ContentHash([number; 32])
    }

    /// Entry `n` has the hash `n`.
    fn link(seq: u8) -> StoredLink {
        StoredLink {
            seq: u64::from(seq),
            id: format!("id{seq}"),
            prev: Some(hash(seq - 1)),
            hash: Some(hash(seq)),
            computed: hash(seq),
        }
    }

    fn told(links: &[StoredLink], head: Option<u8>, pruned: &[PrunedRange]) -> Vec<String> {
        let head = head.map(|seq| ChainHead { seq: u64::from(seq), hash: hash(seq), unchained: 0 });
        let mut told = JournalVerification::default();
        let mut walk = ChainWalk::new("web1", head, pruned, &mut told);
        for link in links {
            walk.step(link, &mut told);
        }
        walk.end(&mut told);
        assert_eq!(told.fault_count, told.faults.len() as u64);
        told.faults.iter().map(|fault| fault.to_string().replacen("node web1: entry ", "", 1)).collect()
    }

    fn range(first: u8, last: u8) -> PrunedRange {
        PrunedRange { first: first.into(), last: last.into(), prev: hash(first - 1), hash: hash(last) }
    }

    #[test]
    fn what_was_written_is_sound_also_where_some_was_pruned() {
        let all: Vec<_> = (1..=6).map(link).collect();
        assert_eq!(told(&all, Some(6), &[]), Vec::<String>::new());
        assert_eq!(told(&[], Some(6), &[range(1, 6)]), Vec::<String>::new());
        assert_eq!(told(&[link(3), link(6)], Some(6), &[range(1, 2), range(4, 5)]), Vec::<String>::new());
        assert_eq!(told(&[], None, &[]), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_change_is_named_where_it_is() {
        let edited = StoredLink { computed: hash(99), ..link(2) };
        assert_eq!(told(&[link(1), edited, link(3)], Some(3), &[]), ["2 (id2) was edited"]);
        assert_eq!(told(&[link(1), link(3)], Some(3), &[]), ["2 was removed"]);
        assert_eq!(told(&[link(1), link(5)], Some(5), &[]), ["2 and those up to 4 were removed"]);
        assert_eq!(told(&[link(1), link(2)], Some(3), &[]), ["3 was removed"]);
        assert_eq!(told(&[link(1), link(2)], Some(1), &[]), ["2 (id2) was inserted"]);
        assert_eq!(told(&[link(1)], None, &[]), ["1 (id1) was inserted"]);
        assert_eq!(told(&[link(1), link(1), link(2)], Some(2), &[]), ["1 (id1) was inserted"]);
        assert_eq!(told(&[link(1), link(2), link(3)], Some(3), &[range(2, 2)]), ["2 (id2) was inserted"]);
        // Edited, with a hash that fits: the entry after it tells.
        let replaced = StoredLink { hash: Some(hash(77)), computed: hash(77), ..link(2) };
        let text = "3 (id3) does not follow from the entry before it; one of them was replaced";
        assert_eq!(told(&[link(1), replaced.clone(), link(3)], Some(3), &[]), [text]);
        assert_eq!(
            told(&[link(1), replaced], Some(2), &[]),
            ["2 is the last and the chain is recorded to end otherwise"]
        );
        assert_eq!(told(&[link(1), link(4)], Some(4), &[range(3, 3)]), ["2 was removed"]);
    }

    #[test]
    fn entries_older_than_chains_are_counted_and_no_fault() {
        let head = ChainHead { seq: 3, hash: hash(3), unchained: 2 };
        let mut told = JournalVerification::default();
        let mut walk = ChainWalk::new("web1", Some(head), &[], &mut told);
        walk.step(&StoredLink { prev: None, hash: None, ..link(2) }, &mut told);
        walk.step(&StoredLink { prev: Some(CHAIN_START), ..link(3) }, &mut told);
        walk.end(&mut told);
        assert_eq!((told.entries, told.unchained, told.faults), (2, 1, vec![]));
    }
}
