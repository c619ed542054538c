//! Whether a fact is what somebody wants: [`Condition`], and its text form, which [`parse_condition`] reads.

mod compiled;
mod parse;
mod version;

pub use compiled::{Condition, InvalidCondition};
pub use parse::parse_condition;
