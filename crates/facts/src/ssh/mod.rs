//! The provider `ssh`: facts without an agent, by one script in one round trip.
//!
//! | module | what it holds |
//! |---|---|
//! | `gather.sh` | the script for the node |
//! | `provider` | [`SshFacts`]: the provider |
//! | `sections` | from the script's output to its sections |
//! | `parse` | from sections to facts under Facter's names |
//! | `custom` | facts of the site, from `/etc/pabawi/facts.d` |

mod custom;
mod parse;
mod provider;
mod sections;

pub use provider::SshFacts;
