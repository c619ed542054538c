//! A journal service of a host application, such as Pabawi's; see
//! [`FrameworkBuilder::host_journal`](crate::FrameworkBuilder::host_journal). Options and health are those of a
//! [mirror](crate::host_database).

pub use pabawi_domain::ports::{HostEntry, HostJournal, HostJournalError};
