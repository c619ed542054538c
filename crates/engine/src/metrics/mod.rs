//! Measurements in bounded memory: what there is to be measured ([`families`]), how times are kept ([`histogram`]) and where
//! all of it stands ([`registry`]). Nothing here knows what it measures.

mod families;
mod histogram;
mod parts;
mod registry;

pub use families::{FAMILIES, FamilyInfo};
pub use parts::{MirrorCounts, PartStats, RetentionCounts};

pub(crate) use families::Name;
pub(crate) use registry::Registered;
