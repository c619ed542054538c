//! [`fold`]: from names to the fewest patterns that this notation has for them.
//!
//! Names that differ only in their numbers are blocks of one point each in a space with one dimension per
//! number. Blocks that agree in all dimensions but one are joined, dimension by dimension from the last
//! number to the first. Every step sorts once, so the whole is O(d * n log n), also for names without any
//! order in them.

use std::collections::{BTreeSet, HashMap, HashSet};

use pabawi_domain::id::NodeId;

use crate::nodeset::item::{MAX_DIGITS, is_padded, write_padded};

/// Numbers of a name that can vary; numbers further left are taken as text.
const MAX_DIMENSIONS: usize = 4;

/// Numbers that follow each other, both ends included.
type Run = (u64, u64);

/// The patterns joined by commas: `web[01-20],db1`. [`super::expand`] gives the same set of names back.
pub fn fold<'a>(names: impl IntoIterator<Item = &'a NodeId>) -> String {
    fold_terms(names).join(",")
}

/// The patterns, in the order in which their first names appear.
pub fn fold_terms<'a>(names: impl IntoIterator<Item = &'a NodeId>) -> Vec<String> {
    let mut terms: Vec<(usize, String)> = Vec::new();
    for family in families(names) {
        family.fold_into(&mut terms);
    }
    terms.sort_unstable_by_key(|(first, _)| *first);
    terms.into_iter().map(|(_, term)| term).collect()
}

/// Names with the same text between their numbers.
struct Family {
    /// The text around the numbers: one piece more than there are dimensions.
    texts: Vec<String>,
    members: Vec<Member>,
}

/// One name: its place in the input and its numbers, the unused places 0.
struct Member {
    at: usize,
    numbers: [u64; MAX_DIMENSIONS],
    digits: [Digits; MAX_DIMENSIONS],
}

/// How a number was written.
#[derive(Clone, Copy, Default)]
struct Digits {
    length: usize,
    padded: bool,
}

/// A product of number sets, and the place of its first name. An unused axis is the number 0.
#[derive(Clone, Copy)]
struct Block {
    at: usize,
    axes: [Axis; MAX_DIMENSIONS],
}

/// One number, or a set of numbers by its place in [`Sets`]. Equal axes are equal sets, so that blocks can be
/// compared without looking into the sets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Axis {
    One(u64),
    Set(usize),
}

/// The sets of numbers, each once.
#[derive(Default)]
struct Sets {
    list: Vec<Vec<Run>>,
    index: HashMap<Vec<Run>, usize>,
}

fn families<'a>(names: impl IntoIterator<Item = &'a NodeId>) -> Vec<Family> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut by_template: HashMap<String, usize> = HashMap::new();
    let mut families: Vec<Family> = Vec::new();
    for (at, name) in names.into_iter().enumerate() {
        let name = name.as_str();
        if !seen.insert(name) {
            continue;
        }
        let (template, member) = take_apart(name, at);
        let index = *by_template.entry(template).or_insert_with_key(|template| {
            families.push(Family {
                texts: template.split('\0').map(str::to_owned).collect(),
                members: Vec::new(),
            });
            families.len() - 1
        });
        if let Some(family) = families.get_mut(index) {
            family.members.push(member);
        }
    }
    families
}

/// The name with NUL, which no name holds, in place of each number that may vary.
fn take_apart(name: &str, at: usize) -> (String, Member) {
    let runs: Vec<(usize, usize)> = digit_runs(name);
    let kept = runs.len().saturating_sub(MAX_DIMENSIONS);
    let mut template = String::with_capacity(name.len());
    let mut member = Member { at, numbers: [0; MAX_DIMENSIONS], digits: [Digits::default(); MAX_DIMENSIONS] };
    let mut copied = 0;
    let places = member.numbers.iter_mut().zip(member.digits.iter_mut());
    for (&(start, end), (number, digits)) in runs.iter().skip(kept).zip(places) {
        let text = name.get(start..end).unwrap_or_default();
        *number = text.parse().unwrap_or_default();
        *digits = Digits { length: text.len(), padded: is_padded(text) };
        template.push_str(name.get(copied..start).unwrap_or_default());
        template.push('\0');
        copied = end;
    }
    template.push_str(name.get(copied..).unwrap_or_default());
    (template, member)
}

/// Start and end of each number of the name that a range can hold.
fn digit_runs(name: &str) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = None;
    for (at, byte) in name.bytes().chain(std::iter::once(b' ')).enumerate() {
        match (byte.is_ascii_digit(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                if at - from <= MAX_DIGITS {
                    runs.push((from, at));
                }
                start = None;
            }
            _ => {}
        }
    }
    runs
}

impl Family {
    fn dimensions(&self) -> usize {
        self.texts.len().saturating_sub(1).min(MAX_DIMENSIONS)
    }

    fn fold_into(self, terms: &mut Vec<(usize, String)>) {
        let mut by_widths: HashMap<[usize; MAX_DIMENSIONS], Vec<Block>> = HashMap::new();
        for (member, widths) in self.members.iter().zip(self.widths()) {
            let block = Block { at: member.at, axes: member.numbers.map(Axis::One) };
            by_widths.entry(widths).or_default().push(block);
        }
        for (widths, mut blocks) in by_widths {
            let mut sets = Sets::default();
            for axis in (0..self.dimensions()).rev() {
                blocks = join_along(blocks, axis, &mut sets);
            }
            for block in blocks {
                terms.push((block.at, self.write(&block, &widths, &sets)));
            }
        }
    }

    /// With how many digits each number of each member is padded. A number without leading zeros fits any
    /// width up to its own length, so it goes with the widest padded one among its kin: `10` stands with
    /// `09`, and by itself where there is no such.
    fn widths(&self) -> Vec<[usize; MAX_DIMENSIONS]> {
        let mut padded: [BTreeSet<usize>; MAX_DIMENSIONS] = Default::default();
        for member in &self.members {
            for (widths, digits) in padded.iter_mut().zip(&member.digits) {
                if digits.padded {
                    widths.insert(digits.length);
                }
            }
        }
        let width = |digits: &Digits, padded: &BTreeSet<usize>| {
            if digits.padded {
                digits.length
            } else {
                padded.range(..=digits.length).next_back().copied().unwrap_or(0)
            }
        };
        self.members
            .iter()
            .map(|member| {
                let mut widths = [0; MAX_DIMENSIONS];
                for ((slot, digits), padded) in widths.iter_mut().zip(&member.digits).zip(&padded) {
                    *slot = width(digits, padded);
                }
                widths
            })
            .collect()
    }

    fn write(&self, block: &Block, widths: &[usize; MAX_DIMENSIONS], sets: &Sets) -> String {
        let mut out = String::new();
        let mut texts = self.texts.iter();
        if let Some(text) = texts.next() {
            out.push_str(text);
        }
        for ((text, axis), width) in texts.zip(&block.axes).zip(widths) {
            write_runs(&sets.runs(*axis), *width, &mut out);
            out.push_str(text);
        }
        out
    }
}

impl Sets {
    fn runs(&self, axis: Axis) -> Vec<Run> {
        match axis {
            Axis::One(number) => vec![(number, number)],
            Axis::Set(at) => self.list.get(at).cloned().unwrap_or_default(),
        }
    }

    fn intern(&mut self, runs: Vec<Run>) -> Axis {
        let at = *self.index.entry(runs).or_insert_with_key(|runs| {
            self.list.push(runs.clone());
            self.list.len() - 1
        });
        Axis::Set(at)
    }
}

fn write_runs(runs: &[Run], width: usize, out: &mut String) {
    if let [(first, last)] = runs
        && first == last
    {
        return write_padded(*first, width, out);
    }
    out.push('[');
    for (index, (first, last)) in runs.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_padded(*first, width, out);
        if last > first {
            out.push('-');
            write_padded(*last, width, out);
        }
    }
    out.push(']');
}

/// Joins blocks that are the same but for one axis.
fn join_along(mut blocks: Vec<Block>, axis: usize, sets: &mut Sets) -> Vec<Block> {
    let others = |block: &Block| {
        let mut axes = block.axes;
        if let Some(axis) = axes.get_mut(axis) {
            *axis = Axis::One(0);
        }
        axes
    };
    blocks.sort_unstable_by_key(others);
    let mut joined = Vec::new();
    for kin in blocks.chunk_by(|a, b| others(a) == others(b)) {
        let Some(mut block) = kin.first().copied() else { continue };
        if kin.len() > 1 {
            let runs = kin.iter().filter_map(|block| block.axes.get(axis)).flat_map(|a| sets.runs(*a));
            let runs = join_runs(runs.collect());
            block.at = kin.iter().map(|block| block.at).min().unwrap_or(block.at);
            if let Some(slot) = block.axes.get_mut(axis) {
                *slot = sets.intern(runs);
            }
        }
        joined.push(block);
    }
    joined
}

fn join_runs(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_unstable();
    let mut joined: Vec<Run> = Vec::new();
    for (first, last) in runs {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;
    use crate::nodeset::expand;

    fn ids(names: &[&str]) -> Vec<NodeId> {
        names.iter().map(|name| NodeId::new(name).unwrap()).collect()
    }

    fn folded(names: &[&str]) -> String {
        fold(&ids(names))
    }

    #[test]
    fn names_fold_into_the_notation_people_write() {
        assert_eq!(folded(&["web1"]), "web1");
        assert_eq!(folded(&["web1", "web2", "web3"]), "web[1-3]");
        assert_eq!(folded(&["web08", "web09", "web10"]), "web[08-10]");
        assert_eq!(folded(&["web3", "web1", "web9"]), "web[1,3,9]");
        assert_eq!(folded(&["web9", "web10", "web05"]), "web9,web[05,10]");
        assert_eq!(folded(&["r1-n1", "r1-n2", "r2-n1", "r2-n2"]), "r[1-2]-n[1-2]");
        assert_eq!(folded(&["db1.x", "a", "db2.x", "b"]), "db[1-2].x,a,b");
        assert_eq!(folded(&["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"]), "10.0.[0-1].[1-2]");
        assert_eq!(folded(&["n0", "n00", "n000"]), "n0,n00,n000");
        assert_eq!(folded(&["x99", "x098", "x100"]), "x99,x[098,100]");
        assert_eq!(folded(&["n12345678901234567890", "n1"]), "n12345678901234567890,n1");
        assert_eq!(folded(&[]), "");
    }

    #[test]
    fn the_order_is_that_of_first_appearance() {
        assert_eq!(folded(&["z2", "b", "a1", "z1", "a2"]), "z[1-2],b,a[1-2]");
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "[a-c]{1,2}(0{0,2}[0-9]{1,2})?(-[ab](0?[0-9]))?",
            1 => "([0-9]{1,3}\\.){3}[0-9]{1,2}",
            1 => "[0-9]{1,22}",
            1 => "[a-z0-9][a-z0-9.:_/@%+~-]{0,12}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn fold_then_expand_is_the_same_set(names in proptest::collection::vec(name(), 0..120)) {
            let ids: Vec<NodeId> = names.iter().map(|name| NodeId::new(name).unwrap()).collect();
            let text = fold(&ids);
            let back: BTreeSet<NodeId> =
                if text.is_empty() { BTreeSet::new() } else { expand(&text).unwrap().into_iter().collect() };
            prop_assert_eq!(back, ids.into_iter().collect::<BTreeSet<_>>(), "{}", text);
        }

        #[test]
        fn folding_what_was_folded_changes_nothing(names in proptest::collection::vec(name(), 1..60)) {
            let ids: Vec<NodeId> = names.iter().map(|name| NodeId::new(name).unwrap()).collect();
            let once = fold_terms(&ids);
            let again = fold_terms(&expand(&once.join(",")).unwrap());
            prop_assert_eq!(once.len(), again.len());
        }

        #[test]
        fn no_name_is_named_twice(names in proptest::collection::vec(name(), 1..60)) {
            let ids: BTreeSet<NodeId> = names.iter().map(|name| NodeId::new(name).unwrap()).collect();
            let mut total = 0;
            for term in fold_terms(&ids) {
                total += expand(&term).unwrap().len();
            }
            prop_assert_eq!(total, ids.len());
        }
    }

    #[test]
    fn a_hundred_thousand_irregular_names_fold_quickly() {
        // A linear congruential generator: irregular, and the same names on every run.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let names: Vec<NodeId> = (0..100_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (a, b, c) = (state >> 60, (state >> 40) & 0xff, (state >> 20) & 0xffff);
                NodeId::new(format!("rack{a}-n{b:03}-{c}.dc{}.example.org", state >> 62)).unwrap()
            })
            .collect();
        let started = Instant::now();
        let terms = fold_terms(&names);
        let took = started.elapsed();
        assert!(!terms.is_empty());
        // Built without optimisation and next to other work the same takes many times as long.
        let most = if cfg!(debug_assertions) { 60_000 } else { 200 };
        assert!(took < Duration::from_millis(most), "took {took:?}");
        let back: BTreeSet<NodeId> = expand(&terms.join(",")).unwrap().into_iter().collect();
        assert_eq!(back, names.into_iter().collect::<BTreeSet<_>>());
    }
}
