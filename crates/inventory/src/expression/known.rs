//! [`Known`]: what an expression may use beyond the inventory: own groups, and the answers to `fact(...)` and
//! `last(...)`, which are asked for before it is evaluated.

use std::collections::HashMap;
use std::sync::Arc;

use pabawi_domain::condition::{FactCondition, LastCondition};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{TargetError, TargetKnowledge};

use crate::expression::ast::{Expression, Selector};
use crate::expression::own_groups::OwnGroups;

/// Which nodes meet the conditions of an expression. Empty where nobody was asked; then an expression that has
/// conditions is refused.
#[derive(Debug, Default)]
pub struct Known {
    facts: HashMap<FactCondition, Vec<NodeId>>,
    last: HashMap<LastCondition, Vec<NodeId>>,
    groups: Arc<OwnGroups>,
}

impl Known {
    /// These groups, and nothing else.
    pub fn of_groups(groups: Arc<OwnGroups>) -> Self {
        Self { groups, ..Self::default() }
    }

    /// Asks for every condition of the expression, and of the own groups that it is made of, once.
    ///
    /// # Errors
    /// What the knowledge reports.
    pub async fn ask(
        mut self,
        expression: &Expression,
        knowledge: &dyn TargetKnowledge,
    ) -> Result<Self, TargetError> {
        let groups = Arc::clone(&self.groups);
        let mut conditions = Vec::new();
        for expression in groups.reached(expression) {
            expression.each_term(&mut |term| {
                if matches!(term.selector, Selector::Fact(_) | Selector::Last(_)) {
                    conditions.push(&term.selector);
                }
            });
        }
        let known = &mut self;
        // The parser reads at most a hundred of them.
        for condition in conditions {
            match condition {
                Selector::Fact(fact) if !known.facts.contains_key(fact) => {
                    known.facts.insert(fact.clone(), knowledge.by_fact(fact).await?);
                }
                Selector::Last(last) if !known.last.contains_key(last) => {
                    known.last.insert(last.clone(), knowledge.by_last(last).await?);
                }
                _ => {}
            }
        }
        Ok(self)
    }

    /// Own groups.
    pub(super) fn groups(&self) -> &OwnGroups {
        &self.groups
    }

    /// The nodes of a fact, when it was asked for.
    pub(super) fn by_fact(&self, condition: &FactCondition) -> Option<&[NodeId]> {
        self.facts.get(condition).map(Vec::as_slice)
    }

    /// The nodes of an outcome, when it was asked for.
    pub(super) fn by_last(&self, condition: &LastCondition) -> Option<&[NodeId]> {
        self.last.get(condition).map(Vec::as_slice)
    }
}
