//! One budget over all output that the engine holds in memory (R8.6).
//!
//! ```text
//! read from a node -> capture ------------------------------> result -> stored
//!                  -> on the way to the hub -> batch -> ring of events -> readers
//! ```
//!
//! | file | what |
//! |---|---|
//! | `budget` | the account with its two marks, and the permits for bytes that travel with the output |
//! | `machine` | how much memory this process may use |
//! | `reading` | who may read on above the high mark |
//! | `watchman` | tells log, metrics and executions about it, and has rings of events cut short |
//!
//! Above the high mark a run that has read a piece reads no further, which closes the SSH window, and no node is
//! started. Below the low mark everything goes on. It cannot lock up, because nothing that gives memory back ever waits
//! for the budget: hubs, the store, the files of debug mode and runs that end. And because what a held run keeps can
//! come back only when the run goes on, each execution always has one run that is let on, whatever the others hold.

mod budget;
mod machine;
mod reading;
mod watchman;

pub use budget::MemoryStats;
pub(crate) use budget::{Held, MemoryBudget, PressureReport};
pub(crate) use machine::memory_of_process;
pub(crate) use reading::ReadingGate;
pub(crate) use watchman::Watchman;
