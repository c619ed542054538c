//! The target expression language. [`Expression::parse`] reads it without looking at any inventory,
//! [`evaluate`] finds its nodes.
//!
//! | written | selects |
//! |---|---|
//! | `web1`, `web[01-20/2]-[a,b]` | these nodes |
//! | `web*`, `db?.example.org` | nodes of the inventory whose name matches |
//! | `@web`, `@rack[1-3]`, `@"a name, with blanks"` | members of the groups and of their children |
//! | `all`, `*` | every node of the inventory |
//! | `"name"` | the node of exactly that name |
//! | `a,b` | union; each node once, in the order of first appearance |
//!
//! `&`, `!`, `^`, parentheses, `~regex~`, `fact(...)` and `last(...)` are recognised and refused with the
//! column at which they stand.

mod ast;
mod error;
mod eval;
mod glob;
mod parse;

pub use ast::{Expression, Operator, Selector, Term};
pub use error::{SyntaxError, SyntaxErrors, SyntaxFault};
pub use eval::{UnknownNames, evaluate};
