//! What the engine has to say to the journal.
//!
//! | file | what it is |
//! |---|---|
//! | `scribe` | entries of an execution, written in the same transaction as what they tell of |
//! | `journaller` | entries that belong to no execution |
//! | `call` | entries of calls of plugins |
//! | `abandoned` | entries of executions whose process has died |
//!
//! What becomes an entry, and of which type, says the port [`JournalRules`](pabawi_domain::ports::JournalRules). Denials and
//! exceptions from host key checks become one whatever it says.

mod abandoned;
mod call;
mod journaller;
mod scribe;

pub(crate) use journaller::Journaller;
pub(crate) use scribe::{About, Ended, Scribe};
