//! What can go wrong while a fleet is started or used. Main type: [`FleetError`]. It only describes.

use std::path::PathBuf;

/// Why a fleet or another service of a test could not be started, or a part of it not be handled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// A program that the fleet is made of is not installed.
    #[error("find {program}: not installed; install it with: apt-get install -y {package}")]
    Missing {
        /// Name or path of the program.
        program: String,
        /// Debian package that has it.
        package: &'static str,
    },
    /// A file or directory could not be read or written.
    #[error("use {path}: {source}")]
    File {
        /// What was to be read or written.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("run {program}: {message}")]
    Program {
        /// What was run.
        program: String,
        /// Its exit and what it said.
        message: String,
    },
    /// An `sshd` ended, or did not listen in time.
    #[error("start sshd for {node}: {reason}; its log says:\n{log}")]
    NotListening {
        /// First node of that process.
        node: String,
        /// Ended, or too slow.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// A service ended, or was not ready in time.
    #[error("start {program}: {reason}; its log says:\n{log}")]
    NotReady {
        /// Name of the program.
        program: &'static str,
        /// Ended, or too slow.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// No free addresses were found in several tries.
    #[error("find {count} free loopback addresses")]
    NoAddresses {
        /// How many nodes were wanted.
        count: usize,
    },
    /// The fleet was asked for something it cannot be.
    #[error("build the fleet: {0}")]
    Invalid(String),
    /// There is no node with this number.
    #[error("find node {0} of the fleet")]
    NoSuchNode(usize),
    /// The guard process did not answer.
    #[error("talk to the fleet's guard: {0}")]
    Guard(String),
    /// Something needs root and the test does not run as root.
    #[error("{0}: needs root; run the tests as root (or in a container)")]
    NeedsRoot(&'static str),
    /// A condition did not come true in time.
    #[error(transparent)]
    Wait(#[from] crate::wait::TimedOut),
}

impl FleetError {
    /// For `map_err` on file operations.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
