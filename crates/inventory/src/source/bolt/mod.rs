//! Inventories of Bolt (version 2), read without Bolt where that is possible: [`BoltInventory`].
//!
//! `read` and `resolve` make a tree of groups and targets out of the file, `merged` tells what is effective for each target by Bolt's
//! rules, `target` turns that into a node; `shown` reads what `bolt inventory show` prints. `extended` adds targets to a file.

mod data;
mod extended;
mod inventory;
mod merged;
mod read;
mod reference;
mod resolve;
mod shown;
mod target;
mod tree;

pub use inventory::BoltInventory;
