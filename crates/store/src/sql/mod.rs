//! The store itself, the same on every database: [`Store`].
//!
//! | module | what it holds |
//! |---|---|
//! | `store` | the handle and the ports |
//! | `writer`, `told` | the one task that writes: group commit; what comes to it later |
//! | `presence` | this process among those that have the store open |
//! | `live`, `plan`, `write`, `create`, `output_rows` | from writes to rows, and rows to statements |
//! | `graphs`, `graph_orders`, `graph_store` | graph runs and their tasks |
//! | `recover`, `cancel` | executions of dead processes; words between processes |
//! | `read`, `list`, `events`, `last`, `breakers` | questions |
//! | `journal`, `journal_list`, `journal_verify`, `journal_store` | the node journal and its chains |
//! | `journal_prune`, `retention`, `retention_outputs`, `retention_store` | forgetting what is old |
//! | `limits`, `retention_cuts` | what is old by which limit |
//! | `plans`, `plan_orders` | what was planned and may be applied later |
//! | `facts` | facts of nodes |
//! | `mirrored` | what a host's tables do not have yet |
//! | `migrations` | the version of the schema |
//! | `place` | errors that name the database |
//!
//! What differs between databases stands in [`crate::db`] where it is SQL, and in the modules named after them where it is
//! how a store is opened and who has it open.

mod breakers;
mod cancel;
mod create;
mod events;
#[cfg(test)]
mod explained;
mod facts;
mod graph_orders;
mod graph_store;
mod graphs;
mod journal;
mod journal_list;
mod journal_prune;
mod journal_store;
pub(crate) mod journal_verify;
mod last;
mod limits;
mod list;
pub(crate) mod live;
pub(crate) mod migrations;
pub(crate) mod mirrored;
pub(crate) mod output_rows;
pub(crate) mod place;
mod plan;
mod plan_orders;
mod plans;
pub(crate) mod presence;
mod read;
mod recover;
mod retention;
mod retention_cuts;
mod retention_outputs;
mod retention_store;
pub(crate) mod store;
mod told;
mod unsettled;
mod write;
pub(crate) mod writer;

pub use store::Store;
