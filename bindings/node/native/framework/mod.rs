//! The framework object: `pabawi::Framework` behind N-API. Main type: [`handle::NativeFramework`].
//!
//! What crosses is JSON in one shape each way: a call with its parameters in, `{"ok": …}` or `{"err": …}` out. Nothing waits
//! on the thread of JavaScript: calls are tasks of tokio whose promises settle later, and what the framework asks of the host
//! is asked by a message and answered by a call.
//!
//! | file | what it is |
//! |---|---|
//! | `handle` | the class that Node sees |
//! | `running` | calls that run, and how one is given up |
//! | `calls` | every call with what it takes and answers, in one list |
//! | `executions`, `plans`, `graphs`, `knowledge`, `plugins` | what each call does |
//! | `streams` | events, read in batches |
//! | `options`, `open` | the options, and the framework that is made of them |
//! | `failure` | what is told when something fails |
//! | `host` | questions to the host's objects |
//! | `feed` | what the host is told in batches: log records, measurements |
//! | `services` | the host's objects behind the ports |
//! | `schemas` | JSON Schemas of all that crosses |

mod calls;
mod executions;
mod failure;
mod feed;
mod graphs;
mod handle;
mod host;
mod knowledge;
mod open;
mod options;
mod plans;
mod plugins;
mod running;
mod schemas;
mod services;
mod streams;
