//! The store on SQLite: [`SqliteStore`], opened with [`SqliteOptions`].
//!
//! | module | what it holds |
//! |---|---|
//! | `options`, `open`, `schema` | opening a file, its migrations, its permissions |
//! | `owner` | which processes have it open, and which of them are dead |
//! | `store` | the handle and the ports |
//! | `writer` | the one task that writes: group commit |
//! | `live`, `plan`, `write`, `create`, `output_rows` | from writes to rows, and rows to statements |
//! | `graphs`, `graph_orders`, `graph_store` | graph runs and their tasks |
//! | `recover`, `cancel` | executions of dead processes; words between processes |
//! | `read`, `list`, `events`, `last`, `breakers` | questions |
//! | `journal`, `journal_list`, `journal_verify`, `journal_store` | the node journal and its chains |
//! | `journal_prune`, `retention`, `retention_outputs`, `retention_store` | forgetting what is old |
//! | `plans`, `plan_orders` | what was planned and may be applied later |
//! | `facts` | facts of nodes |
//! | `bulk`, `place` | statements over many rows; errors that name the file |
//!
//! Durability: `journal_mode = WAL` with `synchronous = FULL`, so a commit that returned survives `kill -9`
//! and power loss (<https://www.sqlite.org/pragma.html#pragma_synchronous>). The file must be on a local
//! file system, and no other copy of SQLite in the same process may have it open
//! (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).

mod breakers;
mod bulk;
mod cancel;
mod create;
mod events;
mod facts;
mod graph_orders;
mod graph_store;
mod graphs;
mod journal;
mod journal_list;
mod journal_prune;
mod journal_store;
mod journal_verify;
mod last;
mod list;
mod live;
mod open;
mod options;
mod output_rows;
mod owner;
mod place;
mod plan;
mod plan_orders;
mod plans;
mod read;
mod recover;
mod retention;
mod retention_outputs;
mod retention_store;
mod schema;
mod store;
mod unsettled;
mod write;
mod writer;

pub use options::SqliteOptions;
pub use store::SqliteStore;
