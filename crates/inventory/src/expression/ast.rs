//! [`Expression`]: what a target expression says, before any inventory is looked at.

use crate::nodeset::Pattern;

/// Terms joined by operators, evaluated from left to right without precedence, as ClusterShell does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// The first term.
    pub first: Term,
    /// The terms after it, each with the operator before it.
    pub rest: Vec<(Operator, Term)>,
}

/// How a term changes what was selected before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operator {
    /// `,`: the nodes of both.
    Union,
}

/// One term and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Its first character, counted from 1.
    pub column: usize,
    /// What it selects.
    pub selector: Selector,
}

/// What a term selects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// Nodes by name; the pattern holds no `*` and no `?`.
    Names(Pattern),
    /// A destination `[user@][address]:port` whose address stands in brackets.
    Destination(String),
    /// Nodes of the inventory whose name matches one of the pattern's names as a glob.
    Glob(Pattern),
    /// Members of groups; the names may be globs.
    Groups(Pattern),
    /// Members of the group of exactly that name.
    GroupNamed(String),
    /// Every node of the inventory.
    All,
}
