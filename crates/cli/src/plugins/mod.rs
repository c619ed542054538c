//! The plugins of a call of `pab`: those of the configuration, those that are compiled in, and the ways to nodes that are always
//! there. [`Plugins`] knows what they are and can do without opening anything; the table of kinds is [`kinds`].

mod described;
mod kinds;
mod program;
mod set;

pub(crate) use described::Described;
pub(crate) use set::Plugins;
