//! What a shell offers while a command line is typed: the scripts of the shells ([`script`]) call `pab __complete`
//! ([`complete`]), which knows the same commands as `pab` itself. It is silent and takes half a second at the most.

mod offer;
mod script;
mod sources;
mod values;
mod walk;
mod words;

pub(crate) use offer::{WORD, complete};
pub(crate) use script::script;
pub(crate) use words::typed;
