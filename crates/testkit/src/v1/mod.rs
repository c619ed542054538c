//! An object of Pabawi v1.x that does what a test says, also what no plugin should: [`V1Object`], with a [`V1Conduct`] or a
//! closure for each of its methods. It implements the port [`V1Plugin`](pabawi_domain::ports::V1Plugin), writes down how it
//! was called, and knows no adapter.

mod conduct;
mod object;

pub use conduct::V1Conduct;
pub use object::{V1Call, V1Object, node_result, result_of, success};
