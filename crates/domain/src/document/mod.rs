//! YAML and JSON that people write, read so that every fault can be told at once and with its place: [`Tree`],
//! [`Problem`], [`Reader`]. What the values mean is the business of whoever reads them.

mod problem;
mod reader;
mod tree;

pub use problem::Problem;
pub use reader::{Reader, join};
pub use tree::{Data, DocumentLimits, Key, Tree, parse};
