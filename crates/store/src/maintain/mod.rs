//! Looking after a database while no framework is open on it: what is in it, whether it is sound, bringing its schema up to
//! date, a copy of it, and giving back room. Only [`migrate`] changes what is stored.

mod backup;
mod check;
mod contents;
mod info;
mod target;
mod upkeep;

pub use backup::{Backup, backup};
pub use check::{Checked, check};
pub use info::{DatabaseInfo, DatabaseKind, info};
pub use upkeep::{Migrated, Migration, Vacuumed, migrate, pending, vacuum};
