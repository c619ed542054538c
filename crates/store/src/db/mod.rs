//! The few things that the store needs of a database, so that one SQL text and one row code serve all of them.
//!
//! | module | what it holds |
//! |---|---|
//! | `value`, `row` | what goes in and what comes out |
//! | `statement`, `builder`, `bulk` | SQL with its values; SQL that is put together; statements over many rows |
//! | `steps` | statements in a row, made while others run |
//! | `connection` | connections and pools of each database |
//! | `dialect` | everything in which the databases' SQL differs |
//! | `fault` | what a database reports |
//!
//! Parameters are written `$1` in a fixed text, which both databases take. Nothing here knows a table.

mod builder;
pub(crate) mod bulk;
mod connection;
mod dialect;
mod fault;
mod row;
mod statement;
mod steps;
mod value;

pub(crate) use builder::Builder;
pub(crate) use connection::{ANSWER, Connection, Connector, Pool, Snapshot, within};
pub(crate) use dialect::Dialect;
pub(crate) use fault::{Fault, Result};
pub(crate) use row::Row;
pub(crate) use statement::query;
pub(crate) use steps::{Step, Steps, run_steps};
pub(crate) use value::Value;
