//! From the sections of the script to facts under the names that Facter 4 documents
//! (<https://www.puppet.com/docs/puppet/8/core_facts.html>), and those of ours under `pabawi`. Main function: [`facts`].
//!
//! Each file looks at its own sections; what it does not find it leaves out.

mod addresses;
mod all;
mod disks;
#[cfg(test)]
mod facts_of;
mod machine;
mod memory;
mod mounts;
mod network;
mod os;
mod processors;
mod system;

pub(super) use all::facts;
#[cfg(test)]
use facts_of::facts_of;
