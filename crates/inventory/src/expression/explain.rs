//! [`explain`]: what each term of an expression selects, what it does to the result, and which term decides about a
//! node.

use pabawi_domain::id::NodeId;
use pabawi_domain::validation::ValidationError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Inventory;
use crate::expression::ast::{Expression, Operator, Selector, Term};
use crate::expression::eval::{Evaluation, Nothing, UnknownNames};
use crate::expression::known::Known;
use crate::expression::print::fold_expression;
use crate::expression::selection::Selection;
use crate::similar::suggestion;

/// The most terms of an expression that is explained.
pub const MAX_EXPLAINED: usize = 200;
/// Of a larger set only so many nodes are named.
const MAX_NAMED: usize = 100_000;

/// What an expression selects, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The expression as it was understood.
    pub expression: String,
    /// Its terms from left to right.
    pub terms: Vec<TermExplanation>,
    /// How many nodes are selected.
    pub count: usize,
    /// The selected nodes, folded.
    pub nodes: String,
    /// The nodes that were asked about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<NodeExplanation>,
}

/// What one term selects and does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TermExplanation {
    /// The operator before it; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<char>,
    /// The term as it was understood.
    pub term: String,
    /// Its first character, counted from 1.
    pub column: usize,
    /// How many nodes it selects by itself.
    pub count: usize,
    /// These nodes, folded; `…` stands at the end when there are more than can be named.
    pub nodes: String,
    /// How many nodes it brought into the result.
    pub added: usize,
    /// How many nodes it took out of it.
    pub removed: usize,
    /// The terms within its parentheses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<TermExplanation>,
}

/// Why a node is selected, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeExplanation {
    /// The node.
    pub node: NodeId,
    /// Whether the expression selects it.
    pub selected: bool,
    /// What each term does about it, those within parentheses before the term they make up.
    pub steps: Vec<NodeStep>,
}

impl NodeExplanation {
    /// The term that brought it in or took it out in the end; `None` when no term has brought it in.
    pub fn decided_by(&self) -> Option<&NodeStep> {
        self.steps.iter().rev().find(|step| step.depth == 0 && step.effect != Effect::None)
    }
}

/// What a term does about a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStep {
    /// How many parentheses are around the term.
    pub depth: usize,
    /// The operator before it; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<char>,
    /// The term as it was understood.
    pub term: String,
    /// Its first character, counted from 1.
    pub column: usize,
    /// Whether the term selects the node by itself.
    pub selects: bool,
    /// What follows from it.
    pub effect: Effect,
}

/// What a term does to what was selected before it, within its parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// It brings the node in.
    BringsIn,
    /// It takes the node out.
    TakesOut,
    /// It changes nothing.
    None,
}

/// Explains an expression, and what it does about the nodes of these names.
///
/// # Errors
/// As for [`evaluate_with`](crate::expression::evaluate_with); an expression of more than [`MAX_EXPLAINED`] terms, and
/// an asked name that is in no source and that the expression does not speak of.
pub fn explain(
    expression: &Expression,
    inventory: &Inventory,
    unknown: UnknownNames,
    known: &Known,
    asked: &[NodeId],
) -> Result<Explanation, ValidationError> {
    let mut terms = 0usize;
    expression.each_term(&mut |_| terms += 1);
    if terms > MAX_EXPLAINED {
        let message = format!("has {terms} terms; at most {MAX_EXPLAINED} can be explained");
        return Err(ValidationError::of("targets", message));
    }
    let mut evaluation = Evaluation::new(inventory, unknown, known);
    let mut explainer =
        Explainer { evaluation: &mut evaluation, asked, steps: vec![Vec::new(); asked.len()] };
    let mut result = Selection::default();
    let terms = explainer.expression(expression, Nothing::IsRefused, 0, &mut result);
    let steps = explainer.steps;
    let mut explained = Vec::new();
    for (node, steps) in asked.iter().zip(steps) {
        let Some(number) = evaluation.universe.find(node.as_str()) else {
            let hint = suggestion(node.as_str(), inventory.nodes().iter().map(|node| node.id.as_str()));
            evaluation.errors.push("node", format!("unknown node {node}: in no source{hint}"));
            continue;
        };
        explained.push(NodeExplanation { node: node.clone(), selected: result.contains(number), steps });
    }
    let (count, nodes) = (result.len(), evaluation.folded(&result));
    evaluation.errors.into_result()?;
    Ok(Explanation { expression: expression.to_string(), terms, count, nodes, asked: explained })
}

struct Explainer<'a, 'b> {
    evaluation: &'b mut Evaluation<'a>,
    asked: &'b [NodeId],
    /// For each node asked about.
    steps: Vec<Vec<NodeStep>>,
}

impl Explainer<'_, '_> {
    /// As [`Evaluation::expression`], and says what each term did.
    fn expression(
        &mut self,
        expression: &Expression,
        nothing: Nothing,
        depth: usize,
        result: &mut Selection,
    ) -> Vec<TermExplanation> {
        let mut explained = Vec::new();
        // As deep as parentheses may be nested.
        for (operator, term) in expression.terms() {
            let nothing = nothing.behind(operator);
            let mut right = Selection::default();
            let terms = match &term.selector {
                Selector::Nested(inner) => self.expression(inner, nothing, depth + 1, &mut right),
                _ => {
                    self.evaluation.term(term, nothing, &mut right);
                    Vec::new()
                }
            };
            let before = self.selected(result);
            let before_count = result.len();
            let shared = right.iter().filter(|node| result.contains(*node)).count();
            self.evaluation.combine(operator.unwrap_or(Operator::Union), term, result, &right);
            let (added, removed) = match operator {
                None | Some(Operator::Union) => (right.len() - shared, 0),
                Some(Operator::Intersection) => (0, before_count - shared),
                Some(Operator::Difference) => (0, shared),
                Some(Operator::SymmetricDifference) => (right.len() - shared, shared),
            };
            let after = self.selected(result);
            let selects = self.selected(&right);
            for (index, ((before, after), selects)) in before.into_iter().zip(after).zip(selects).enumerate()
            {
                self.step(index, depth, operator, term, selects, Effect::of(before, after));
            }
            explained.push(TermExplanation {
                operator: operator.map(Operator::sign),
                term: term.to_string(),
                column: term.column,
                count: right.len(),
                nodes: self.evaluation.folded(&right),
                added,
                removed,
                terms,
            });
        }
        explained
    }

    /// Of each node asked about, whether it is selected.
    fn selected(&self, selection: &Selection) -> Vec<bool> {
        let find = |node: &NodeId| self.evaluation.universe.find(node.as_str());
        self.asked.iter().map(|node| find(node).is_some_and(|number| selection.contains(number))).collect()
    }

    fn step(
        &mut self,
        index: usize,
        depth: usize,
        operator: Option<Operator>,
        term: &Term,
        selects: bool,
        effect: Effect,
    ) {
        if let Some(steps) = self.steps.get_mut(index) {
            steps.push(NodeStep {
                depth,
                operator: operator.map(Operator::sign),
                term: term.to_string(),
                column: term.column,
                selects,
                effect,
            });
        }
    }
}

impl Effect {
    fn of(before: bool, after: bool) -> Self {
        match (before, after) {
            (false, true) => Self::BringsIn,
            (true, false) => Self::TakesOut,
            _ => Self::None,
        }
    }
}

impl Evaluation<'_> {
    fn folded(&self, selection: &Selection) -> String {
        let named = selection.iter().take(MAX_NAMED).filter_map(|number| self.universe.id(number));
        let mut text = fold_expression(named);
        if selection.len() > MAX_NAMED {
            text.push_str(",…");
        }
        text
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
