//! The border to C: what touches memory of the program, and the exported functions. All `unsafe` code of this crate is here.
//!
//! Each exported function turns its pointers into values of `memory` in one `unsafe` block, whose reason is what the header asks
//! of its callers, and does the rest within `boundary`: safe code, of which no panic gets out.
//!
//! | file | what it is |
//! |---|---|
//! | `boundary` | the one place where panics end and failures become numbers |
//! | `memory` | texts that come in, places that answers are written to |
//! | `bytes`, `id` | what is handed over by value |
//! | `handles` | the kinds of handles, and their tables |
//! | `signals` | what signal the library turns off |
//! | `functions` | functions of the program that are called |
//! | `tables` | tables of functions of the program |
//! | `exports` | the exported functions; their documentation is the header's |

#![allow(unsafe_code, reason = "this is where it belongs")]

mod boundary;
mod bytes;
pub mod exports;
mod functions;
mod handles;
mod id;
mod memory;
mod signals;
mod tables;

pub(crate) use signals::ignore_sigpipe;
