//! The host's objects behind the ports of the framework.

mod authorizer;
mod database;
mod fault;
mod journal;
mod log;
mod metrics;
mod v1;

pub(super) use authorizer::{JsAuthorizer, JsPermissions};
pub(super) use database::JsDatabase;
pub(super) use journal::JsJournal;
pub(super) use log::LogFeed;
pub(super) use metrics::JsMetrics;
pub(super) use v1::{JsObject, Listeners};
