//! What permissions decide, through the port `Authorizer` alone.

mod by_policy;
mod by_tables;
mod files;
mod support;
