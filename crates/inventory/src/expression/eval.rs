//! From [`Expression`] to targets: [`evaluate`] looks the names up in an [`Inventory`]. Operators work on numbers of
//! nodes; a node itself is only looked at when the result is known. What single terms select stands in `terms.rs`.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use pabawi_domain::id::NodeId;
use pabawi_domain::node::Target;
use pabawi_domain::validation::ValidationError;

use crate::Inventory;
use crate::expression::ast::{Expression, Operator, Term};
use crate::expression::known::Known;
use crate::expression::selection::Selection;
use crate::expression::steps::{Steps, TooMuchWork};
use crate::expression::universe::Universe;
use crate::nodeset::MAX_NODES;

/// At most so many errors are told.
pub(super) const MAX_ERRORS: usize = 20;

/// What a name means that is in no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownNames {
    /// It is an error.
    Refused,
    /// It is a node, reached under that name or as the destination that it spells.
    AreNodes,
    /// It means no node: for conditions, see [`select`].
    AreNothing,
}

/// The targets of an expression that asks for nothing beyond the inventory, each node once, in the order of first
/// appearance.
///
/// # Errors
/// As for [`evaluate_with`]; `fact(...)` and `last(...)` are refused.
pub fn evaluate(
    expression: &Expression,
    inventory: &Inventory,
    unknown: UnknownNames,
) -> Result<Vec<Target>, ValidationError> {
    evaluate_with(expression, inventory, unknown, &Known::default())
}

/// The targets of an expression, each node once, in the order of first appearance. There may be none.
///
/// # Errors
/// [`ValidationError`] on the field `targets`, with every unknown node and group, every glob and group that
/// selects nothing where that is an error, every name that is not allowed, and what takes too long.
pub fn evaluate_with(
    expression: &Expression,
    inventory: &Inventory,
    unknown: UnknownNames,
    known: &Known,
) -> Result<Vec<Target>, ValidationError> {
    let mut evaluation = Evaluation::new(inventory, unknown, known);
    let mut selection = Selection::default();
    evaluation.expression(expression, Nothing::IsRefused, &mut selection);
    evaluation.errors.into_result()?;
    Ok(evaluation.universe.targets(selection.iter()))
}

/// The ids of the nodes of the inventory that an expression means as a condition: names that are in no source mean nothing,
/// and that nothing is selected is no fault.
///
/// # Errors
/// [`ValidationError`] on the field `targets`, with every group that does not exist and what takes too long.
pub fn select(
    expression: &Expression,
    inventory: &Inventory,
    known: &Known,
) -> Result<HashSet<NodeId>, ValidationError> {
    let mut evaluation = Evaluation::new(inventory, UnknownNames::AreNothing, known);
    let mut selection = Selection::default();
    evaluation.expression(expression, Nothing::IsFine, &mut selection);
    evaluation.errors.into_result()?;
    Ok(selection.iter().filter_map(|number| evaluation.universe.id(number)).cloned().collect())
}

/// What becomes of a glob, a regular expression or a group that selects nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nothing {
    /// It is an error.
    IsRefused,
    /// It is taken away, so nothing is missing.
    IsFine,
}

impl Nothing {
    /// What holds for a term behind this operator.
    pub(super) fn behind(self, operator: Option<Operator>) -> Self {
        if operator == Some(Operator::Difference) { Self::IsFine } else { self }
    }
}

pub(super) struct Evaluation<'a> {
    pub(super) universe: Universe<'a>,
    pub(super) unknown: UnknownNames,
    pub(super) known: &'a Known,
    pub(super) steps: Steps,
    /// How many names may still be made of ranges.
    pub(super) names_left: u64,
    pub(super) errors: ValidationError,
    /// What own groups select that have been named.
    pub(super) own: HashMap<String, Rc<[u32]>>,
    /// Selections that are not in use, so that memory for a large inventory is taken once.
    spare: Vec<Selection>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(inventory: &'a Inventory, unknown: UnknownNames, known: &'a Known) -> Self {
        Self {
            universe: Universe::new(inventory),
            unknown,
            known,
            steps: Steps::new(),
            names_left: MAX_NODES,
            errors: ValidationError::default(),
            own: HashMap::new(),
            spare: Vec::new(),
        }
    }

    /// Writes what the expression selects into `result`, which is empty.
    pub(super) fn expression(&mut self, expression: &Expression, nothing: Nothing, result: &mut Selection) {
        for (operator, term) in expression.terms() {
            if self.errors.fields.len() >= MAX_ERRORS || self.steps.is_stopped() {
                return;
            }
            let nothing = nothing.behind(operator);
            match operator {
                None | Some(Operator::Union) => self.term(term, nothing, result),
                Some(operator) => {
                    let mut right = self.empty();
                    self.term(term, nothing, &mut right);
                    self.combine(operator, term, result, &right);
                    self.give_back(right);
                }
            }
        }
    }

    /// Applies an operator to what stands left and right of it.
    pub(super) fn combine(
        &mut self,
        operator: Operator,
        term: &Term,
        left: &mut Selection,
        right: &Selection,
    ) {
        let steps = if operator == Operator::Intersection { left.len() } else { right.len() };
        if !self.takes(term, steps) {
            return;
        }
        match operator {
            Operator::Union => left.extend(right.iter()),
            Operator::Intersection => left.retain(|node| right.contains(node)),
            Operator::Difference => right.iter().for_each(|node| {
                left.remove(node);
            }),
            Operator::SymmetricDifference => right.iter().for_each(|node| {
                if !left.remove(node) {
                    left.add(node);
                }
            }),
        }
    }

    /// An empty selection, to be given back.
    pub(super) fn empty(&mut self) -> Selection {
        self.spare.pop().unwrap_or_default()
    }

    pub(super) fn give_back(&mut self, mut selection: Selection) {
        selection.clear();
        self.spare.push(selection);
    }

    /// Takes steps. `false`, with an error, when there are not as many left; then nothing more is evaluated.
    pub(super) fn takes(&mut self, term: &Term, steps: usize) -> bool {
        match self.steps.take(steps) {
            Ok(()) => true,
            Err(TooMuchWork) => {
                self.error(term, TooMuchWork.to_string());
                self.steps.stop();
                false
            }
        }
    }

    pub(super) fn error(&mut self, term: &Term, message: String) {
        if self.errors.fields.len() < MAX_ERRORS && !self.steps.is_stopped() {
            self.errors.push("targets", format!("{message} (at column {})", term.column));
        }
    }
}

#[cfg(test)]
#[path = "eval_tests.rs"]
mod tests;
