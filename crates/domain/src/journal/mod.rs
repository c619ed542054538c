//! The node journal: what happened to one node, in the order of time.
//!
//! | file | what it is |
//! |---|---|
//! | `entry` | [`NewJournalEntry`] and [`JournalEntry`], and how they are kept within bounds |
//! | `entry_id` | [`EntryId`] |
//! | `level` | [`JournalLevel`] and what is asked of whoever decides by it |
//! | `query` | [`JournalQuery`] |
//! | `words` | what a search finds entries by |
//! | `chain` | the hash that binds an entry to the one before it |
//! | `verify` | whether a node's entries are what was written |
//! | `retention` | what may be forgotten |

mod chain;
mod entry;
mod entry_id;
mod level;
mod query;
mod retention;
mod verify;
mod words;

pub use chain::{CHAIN_START, LinkContent};
pub use entry::{
    JournalEntry, MOST_ACTION, MOST_DETAILS, MOST_SUMMARY, NewJournalEntry, check_event_type, event,
};
pub use entry_id::EntryId;
pub use level::{JournalLevel, JournalMatter, JournalWeight, Journalling};
pub use query::JournalQuery;
pub use retention::{
    ExecutionCut, ExecutionLimit, JournalCut, JournalLimit, OutputCut, OutputPlace, PrunedExecutions,
    PrunedJournal, PrunedOutputs,
};
pub use verify::{
    ChainFault, ChainFaultKind, ChainHead, ChainWalk, JournalVerification, PrunedRange, StoredLink,
};
pub use words::{MOST_WORDS, words};
