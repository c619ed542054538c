//! [`Known`]: the answers to `fact(...)` and `last(...)`, asked for before an expression is evaluated.

use std::collections::HashMap;

use pabawi_domain::condition::{FactCondition, LastCondition};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{TargetError, TargetKnowledge};

use crate::expression::ast::{Expression, Selector};

/// Which nodes meet the conditions of an expression. Empty where nobody was asked; then an expression that has
/// conditions is refused.
#[derive(Debug, Default)]
pub struct Known {
    facts: HashMap<FactCondition, Vec<NodeId>>,
    last: HashMap<LastCondition, Vec<NodeId>>,
}

impl Known {
    /// Asks for every condition of the expression once.
    ///
    /// # Errors
    /// What the knowledge reports.
    pub async fn ask(expression: &Expression, knowledge: &dyn TargetKnowledge) -> Result<Self, TargetError> {
        let mut conditions = Vec::new();
        expression.each_term(&mut |term| {
            if matches!(term.selector, Selector::Fact(_) | Selector::Last(_)) {
                conditions.push(&term.selector);
            }
        });
        let mut known = Self::default();
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
        Ok(known)
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
