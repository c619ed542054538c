//! The framework object: `pabawi::Framework` behind N-API. Main type: [`handle::NativeFramework`].
//!
//! What crosses is JSON in one shape each way: a call with its parameters in, its answer or, behind a `!`, its failure out.
//! Nothing waits on the thread of JavaScript: calls are tasks of tokio whose promises settle later, and what the framework
//! asks of the host is asked by a message and answered by a call.
//!
//! | file | what it is |
//! |---|---|
//! | `handle` | the class that Node sees |
//! | `running` | calls that run, and how one is given up |
//! | `answer` | what a call is answered by, as it crosses |
//! | `streams` | events, read in batches |
//! | `opening`, `open` | what a framework is opened with, and the framework that is made of it |
//! | `host` | questions to the host's objects |
//! | `feed` | what the host is told in batches: log records, measurements |
//! | `services` | the host's objects behind the ports |
//!
//! The calls themselves, the options and the shape of failures are the facade's: `pabawi::json`.

mod answer;
mod feed;
mod handle;
mod host;
mod open;
mod opening;
mod running;
mod services;
mod streams;
