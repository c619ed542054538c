//! Policy files: users, groups and roles with rules that allow and deny. [`Policy`].

mod file;
mod judge;
mod model;
mod rule;
mod time_window;

pub use file::PolicyError;
pub use model::Policy;

pub(crate) use judge::{Question, Verdict};
