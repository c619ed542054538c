//! YAML and JSON that people write, read so that every fault can be told at once and with its place: [`Tree`],
//! [`Problem`]. What the values mean is the business of whoever reads them.

mod problem;
mod tree;

pub use problem::Problem;
pub use tree::{Data, DocumentLimits, Key, Tree, parse};
