//! The target expression language. [`Expression::parse`] reads it without looking at any inventory,
//! [`evaluate`] finds its nodes, [`explain`] says what each term selects.
//!
//! | written | selects |
//! |---|---|
//! | `web1`, `web[01-20/2]-[a,b]` | these nodes |
//! | `web*`, `db?.example.org` | nodes of the inventory whose name matches |
//! | `~^web[0-9]+$~` | nodes of the inventory in whose name the regular expression is found |
//! | `@web`, `@rack[1-3]`, `@"a name, with blanks"` | members of the groups and of their children |
//! | `@puppetdb:web` | the group as that source has it |
//! | `all`, `*` | every node of the inventory |
//! | `"name"` | the node of exactly that name |
//! | `fact(os.family=Debian)` | nodes by a fact: `=`, `!=`, `~`, `<`, `<=`, `>`, `>=`, or the path alone |
//! | `last(failed)`, `last(unreachable, 24h)` | nodes by how the last run on them ended |
//! | `ansible("web:&prod")`, `bolt("web*")` | what the other tool would select |
//! | `a,b` | union; each node once, in the order of first appearance |
//! | `a&b` | intersection |
//! | `a!b` | difference |
//! | `a^b` | symmetric difference |
//! | `(a,b)` | an expression as one term |
//!
//! Operators have no precedence and are applied strictly from left to right, as ClusterShell's nodeset(1) does: `a,b!c,d`
//! is `((a,b)!c),d`. Blanks around operators mean nothing.
//!
//! **What selects nothing.** A name or group that nobody knows is an error wherever it stands, as it is most likely
//! mistyped. A glob, a regular expression or a group without members that selects nothing is an error too, except
//! where it is taken away (`all!*-old`): nothing to take away is no reason to refuse. Facts and outcomes change by
//! themselves, so that they may select nothing anywhere.

mod ast;
mod call;
mod error;
mod eval;
mod explain;
pub(crate) mod glob;
mod known;
pub(crate) mod name_regex;
mod own_groups;
mod parse;
mod print;
mod scan;
pub(crate) mod selection;
pub(crate) mod steps;
mod terms;
mod universe;

pub use ast::{Expression, GroupRef, MAX_DEPTH, Operator, Selector, Term};
pub use error::{SyntaxError, SyntaxErrors, SyntaxFault};
pub use eval::{UnknownNames, evaluate, evaluate_with, select};
pub use explain::{Effect, Explanation, MAX_EXPLAINED, NodeExplanation, NodeStep, TermExplanation, explain};
pub use known::Known;
pub use name_regex::{MAX_REGEX_BYTES, NameRegex};
pub use own_groups::OwnGroups;
pub use print::fold_expression;
