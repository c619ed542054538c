//! The service: [`Facts`], made by [`FactsBuilder`].
//!
//! | module | what it holds |
//! |---|---|
//! | `builder`, `registry` | providers with their priorities and times |
//! | `facts` | the handle: from cached answers to collected ones |
//! | `entry` | what is known of one node, and how long it holds |
//! | `flight`, `collect` | one collection for all who want the same; many nodes in few calls of a provider |
//! | `answers` | what a provider answered, checked |

mod answers;
mod builder;
mod collect;
mod entry;
mod facts;
mod flight;
mod registry;
#[cfg(test)]
mod tests;

pub use builder::FactsBuilder;
pub use facts::{Facts, Freshness};
pub use registry::{ProviderOptions, RegisterError};
