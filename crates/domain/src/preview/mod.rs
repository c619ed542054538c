//! What an execution would do, before it does: the preview that is shown ([`ExecutionPreview`]), what its hash stands
//! for ([`PreviewBasis`]), and the plan that is stored and applied later ([`StoredPlan`]).
//!
//! | module | what it holds |
//! |---|---|
//! | `approach` | how a node would be reached, as far as this side knows |
//! | `basis` | everything that decides what would happen |
//! | `change` | what differs between two of them |
//! | `shown` | the preview for people |
//! | `stored` | the plan in the store, and its hash |

mod approach;
mod basis;
mod change;
mod shown;
mod stored;

pub use approach::{Approach, Reach};
pub use basis::{BasisFile, BasisTarget, PreviewBasis};
pub use change::{PlanChange, changes};
pub use shown::{ExecutionPreview, Permission, PreviewLimits, PreviewTarget};
pub use stored::{PlanHash, PlanHead, StoredPlan};
