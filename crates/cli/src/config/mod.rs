//! The configuration file: where it is ([`Places`]), what may stand in it ([`KEYS`]), what stands in it ([`Config`]) with the
//! place of each value, and what is wrong with it ([`Fault`]). Nothing is opened or asked here.

mod entry;
mod expand;
mod file;
mod guard;
mod journal;
mod keys;
mod load;
mod places;
mod plugins;
mod safety;

pub(crate) use entry::Fault;
#[cfg(test)]
pub(crate) use entry::{Entry, Origin};
pub(crate) use guard::{Database, GuardEntry, PermissionsEntry, Placed};
pub(crate) use journal::JournalConfig;
pub(crate) use keys::{KEYS, Key, Kind};
pub(crate) use load::{Config, load};
pub(crate) use places::Places;
pub(crate) use plugins::PluginEntry;
pub(crate) use safety::{look, looks_secret, without_password};
