//! The benchmark of the main job: one command on many nodes. Main function: [`run`].

use anyhow::Result;

use super::list::Options;
use super::parts::{Part, run_parts};
use super::{cold, reader, scripted, warm};
use crate::packages;

/// One line about it.
pub(super) const ABOUT: &str = "one command on many nodes: CPU, time and memory, beside other tools";

const PARTS: &[Part] = &[
    ("cold", cold::compare),
    ("memory", cold::memory),
    ("warm", warm::run),
    ("reader", reader::run),
    ("scripted", scripted::run),
];

/// Runs the wanted parts.
pub(super) fn run(options: &Options) -> Result<()> {
    packages::install(packages::Purpose::Fleet)?;
    run_parts(PARTS, options)
}
