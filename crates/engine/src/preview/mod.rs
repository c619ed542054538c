//! What an execution would do, without doing it. A preview goes through the same stages as a submission and stops
//! before anything is recorded; what it saw is stored as a plan. To apply a plan is to look again, to refuse when
//! something differs, and otherwise to go on with the remaining stages.
//!
//! | module | what it holds |
//! |---|---|
//! | `look` | validate, resolve, authorize, plan, and no further |
//! | `basis` | from what was seen to what the hash is taken over |
//! | `contents` | hashes of what would be brought to the nodes |
//! | `make` | the preview, and the stored plan |
//! | `apply` | a stored plan becomes an execution |

mod apply;
mod basis;
mod contents;
mod error;
mod look;
mod make;

pub use apply::ApplyOptions;
pub use error::PlanError;
