//! [`View`]: an inventory, and how the sources did that it is of.

use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::node::Node;

use super::report::{SourceReport, SourceState};
use crate::{Inventory, Provenance};

/// An inventory, and how the sources did that it is of.
#[derive(Debug, Clone)]
pub struct View {
    /// What the sources know.
    pub inventory: Arc<Inventory>,
    /// How each source did, in the order in which they were given.
    pub reports: Vec<SourceReport>,
}

impl View {
    /// Where the fields of a node come from, as of `now`. `None` when there is no such node.
    pub fn explain(&self, name: &str, now: Timestamp) -> Option<Provenance> {
        let fetched_at = |source: &str| self.reports.iter().find(|report| report.name == source)?.fetched_at;
        self.inventory.explain(name, now, &fetched_at)
    }

    /// The same as if no source had told of the nodes that `keep` refuses: also without their numbers in the reports, and
    /// without warnings, which may name them.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&Node) -> bool) -> Self {
        let inventory = Arc::new(self.inventory.only(keep));
        let mut reports = self.reports.clone();
        for report in &mut reports {
            let data = inventory.parts().iter().find(|data| data.name == report.name);
            report.nodes = data.map_or(0, |data| data.snapshot.nodes.len());
            report.warnings.clear();
        }
        Self { inventory, reports }
    }

    /// The sources of which nothing is known: the inventory lacks what they would tell.
    pub fn missing(&self) -> impl Iterator<Item = &SourceReport> {
        self.reports.iter().filter(|report| report.state == SourceState::Unavailable)
    }

    /// What went wrong, one line for each source that failed.
    pub fn problems(&self) -> Vec<String> {
        self.reports
            .iter()
            .filter_map(|report| {
                let error = report.error.as_ref()?;
                Some(match report.age_ms {
                    Some(age) => format!("{}: {error}; used as it was {} s ago", report.name, age / 1000),
                    None => format!("{}: {error}", report.name),
                })
            })
            .collect()
    }
}
