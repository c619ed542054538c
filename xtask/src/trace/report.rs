//! The table of criteria and tests, and what of it is a fault. Main function: [`run`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result, bail};

use super::criteria::{Criterion, cited};
use super::node::node_citations;
use super::scan::{Citation, citations};
use crate::{shell, sources};

/// The requirements that are finished: `R1` for a whole one or `R7.2` for one criterion, one a line.
const DONE: &str = "docs/done-requirements.txt";

/// Prints the table, or with `check` only what is wrong.
pub(crate) fn run(check: bool) -> Result<()> {
    let root = shell::root();
    let mut citations = citations(&sources::rust_files(&root)?);
    citations.extend(node_citations(&sources::node_tests(&root)?));
    let path = root.join(DONE);
    let done = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    if !check {
        print!("{}", table(&citations));
    }
    let faults = faults(&citations, &done);
    if faults.is_empty() {
        let cited: BTreeSet<Criterion> = citations.iter().map(|citation| citation.criterion).collect();
        println!("{} of {} criteria have a test", cited.len(), Criterion::all().count());
        return Ok(());
    }
    bail!("criteria and tests do not fit:\n  {}", faults.join("\n  "))
}

fn table(citations: &[Citation]) -> String {
    let mut tests: BTreeMap<Criterion, Vec<&str>> = BTreeMap::new();
    for citation in citations {
        tests.entry(citation.criterion).or_default().push(&citation.test);
    }
    let mut text = String::new();
    for criterion in Criterion::all() {
        match tests.get(&criterion).map(Vec::as_slice) {
            None | Some([]) => text.push_str(&format!("{criterion:<7} -\n")),
            Some([first, others @ ..]) => {
                text.push_str(&format!("{criterion:<7} {first}\n"));
                for other in others {
                    text.push_str(&format!("{:<7} {other}\n", ""));
                }
            }
        }
    }
    text
}

/// Criteria cited that do not exist, and criteria of finished requirements that no test cites.
fn faults(citations: &[Citation], done: &str) -> Vec<String> {
    let mut faults: Vec<String> = citations
        .iter()
        .filter(|citation| !citation.criterion.exists())
        .map(|citation| format!("{} cites {}, which does not exist", citation.test, citation.criterion))
        .collect();
    for line in done.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if line.is_empty() {
            continue;
        }
        let wanted: Vec<Criterion> = match line.strip_prefix('R').and_then(|number| number.parse::<u8>().ok())
        {
            Some(requirement) => Criterion::all().filter(|known| known.requirement == requirement).collect(),
            None => cited(line).into_iter().filter(|known| known.exists()).collect(),
        };
        if wanted.is_empty() {
            faults.push(format!("{DONE}: `{line}` is no requirement"));
        }
        for criterion in wanted {
            if !citations.iter().any(|citation| citation.criterion == criterion) {
                faults.push(format!("{criterion} is said to be done, and no test cites it"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn citation(requirement: u8, number: u8) -> Citation {
        Citation { criterion: Criterion { requirement, number }, test: "a.rs::test".to_owned() }
    }

    #[test]
    fn what_is_done_needs_a_test_and_what_is_cited_must_exist() {
        let some = [citation(7, 1), citation(7, 2)];
        assert_eq!(faults(&some, "# nothing yet\n\n"), Vec::<String>::new());
        assert_eq!(faults(&some, "R7.1\nR7.2 # both\n"), Vec::<String>::new());
        assert_eq!(faults(&some, "R7.3"), ["R7.3 is said to be done, and no test cites it"]);
        assert_eq!(faults(&some, "R7").len(), 6);
        assert_eq!(faults(&some, "R99\nseven\nR7.99").len(), 3);
        assert_eq!(faults(&[citation(1, 9)], "").len(), 1);
    }

    #[test]
    fn the_table_has_a_row_for_every_criterion() {
        let table = table(&[citation(1, 1), citation(1, 1)]);
        assert_eq!(table.lines().count(), 113);
        assert!(table.starts_with("R1.1    a.rs::test\n        a.rs::test\nR1.2    -\n"), "{table}");
    }
}
