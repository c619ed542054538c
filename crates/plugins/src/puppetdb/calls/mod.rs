//! Answers to calls of the plugin: [`answer()`].
//!
//! | file | what it is |
//! |---|---|
//! | `answer` | which of these answers what |
//! | `refused` | why a call has no answer |
//! | `parameters` | what all lists have in common: nodes, times, limits |
//! | `conditions` | PuppetDB's query language out of typed values |
//! | `cursor` | the place where the next page begins |
//! | `newest` | one page of a list, the newest first |
//! | `lists` | nodes, and facts of nodes |
//! | `reports` | reports of runs, and one of them with all that is in it |
//! | `events` | what happened to resources |
//! | `catalog` | the catalog of a node |
//! | `query` | a query of the caller's own |

mod answer;
mod catalog;
mod conditions;
mod cursor;
mod events;
mod lists;
mod newest;
mod parameters;
mod query;
mod refused;
mod reports;

pub(super) use self::answer::answer;
pub(super) use self::events::EVENT_STATUSES;
pub(super) use self::newest::{DEFAULT_LIMIT, MAX_LIMIT};
pub(super) use self::query::MAX_ROWS;
pub(super) use self::reports::REPORT_STATUSES;
