//! The mirror of executions and journal in the tables of a host application, Pabawi; see
//! [`FrameworkBuilder::host_database`](crate::FrameworkBuilder::host_database).

pub use pabawi_domain::ports::{HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue};
pub use pabawi_store::host::{
    MIGRATION_NAME, MirrorHealth, MirrorOptions, MirrorState, POSTGRES_MIGRATION, SQLITE_MIGRATION,
};
