//! SFTP as an end of a copy, over a blocking connection of its own.
//!
//! Main type: [`SftpEnd`]. `ssh2`'s SFTP types need blocking mode, so all of this runs where blocking is allowed.
//! It must not touch a connection that a driver task uses.

mod digest;
mod end;
mod patience;
mod posix_rename;

pub(crate) use end::SftpEnd;

#[cfg(test)]
mod tests;
