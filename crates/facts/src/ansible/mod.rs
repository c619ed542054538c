//! The provider `ansible`: what Ansible's module `setup` says, under Facter's names.
//!
//! | module | what it holds |
//! |---|---|
//! | `provider` | [`AnsibleFacts`]: one run of `ansible` for many nodes |
//! | `output` | what `ansible` prints, node by node |
//! | `names` | [`from_ansible`]: from Ansible's names to the common ones |

mod names;
mod output;
mod provider;

pub use names::from_ansible;
pub use provider::AnsibleFacts;
