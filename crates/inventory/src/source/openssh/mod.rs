//! Hosts of OpenSSH client configurations: [`OpensshInventory`].
//!
//! `lines` splits a line into keyword and arguments, `include` finds the files of an `Include`.

mod include;
mod inventory;
mod lines;
#[cfg(test)]
mod tests;

pub use inventory::OpensshInventory;
