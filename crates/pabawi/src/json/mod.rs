//! The framework as JSON, for bindings to other languages: every call by its name with its parameters and its answer as JSON in
//! the same shapes for all of them, and the schemas of these. It decides nothing; whoever asks is told by [`Caller`](crate::Caller)
//! as everywhere.
//!
//! | file | what it is |
//! |---|---|
//! | `calls` | every call with what it takes and answers, in one list |
//! | `executions`, `plans`, `graphs`, `knowledge`, `plugins`, `retention` | what each call does |
//! | `events` | events and documents, read in batches |
//! | `rows` | events as rows: their values without their names |
//! | `documents` | an execution as a document |
//! | `authorization` | questions to an authorizer in another language |
//! | `options`, `builder` | the options that are data, and the builder that is made of them |
//! | `failure` | what is told when something fails |
//! | `schemas` | JSON Schemas of all that crosses |
//! | `text` | values as JSON texts |

pub mod authorization;

mod builder;
mod calls;
mod documents;
mod events;
mod executions;
mod failure;
mod graphs;
mod knowledge;
mod options;
mod plans;
mod plugins;
mod retention;
mod rows;
mod schemas;
mod text;

pub use calls::{Answering, Call};
pub use documents::DocumentRequest;
pub use events::{Batch, EventStream, Events, Wanted};
pub use failure::{Failure, FailureCode, OwnCode};
pub use options::FrameworkOptions;
pub use rows::event_rows;
pub use schemas::schemas;
pub use text::{json, read};
