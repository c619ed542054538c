//! Copying files and directories between two ends, each of which is this machine or a node.
//!
//! Main functions: [`upload`] and [`download`], which do the work and block, and [`start`], which makes a running
//! action of it. An [`End`] knows how to read and write at one place: [`LocalEnd`] here, SFTP in `ssh`.
//!
//! What is kept: every file arrives under a temporary name beside its own, is compared by SHA-256 and then
//! renamed, so under its own name it is whole or not there. A symbolic link inside a copied directory is copied
//! as a link, its text unchanged, and never followed, at either end; only the path that the caller named may be
//! a link itself. Devices, sockets and pipes cannot be copied. Set-user-id and set-group-id bits are not taken
//! over from a source.

mod end;
mod fault;
mod job;
mod local_end;
mod tree;

pub(crate) use end::{Digest, Digests, End, Entry, EntryKind, Side, Sink};
pub(crate) use fault::CopyFault;
pub(crate) use job::{Job, start};
pub(crate) use local_end::LocalEnd;
pub(crate) use tree::{download, upload};
