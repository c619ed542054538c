//! The benchmark of the main job: one command on many nodes. Main function: [`run`].
//!
//! Each part prints its figures; at the end stand the aims and whether they were met.

use anyhow::{Result, ensure};

use super::list::Options;
use super::report::Aim;
use super::{cold, reader, scripted, warm};
use crate::packages;

/// One line about it.
pub(super) const ABOUT: &str = "one command on many nodes: CPU, time and memory, beside other tools";

/// A part of the benchmark.
type Part = fn(&Options) -> Result<Vec<Aim>>;

const PARTS: &[(&str, Part)] = &[
    ("cold", cold::compare),
    ("memory", cold::memory),
    ("warm", warm::run),
    ("reader", reader::run),
    ("scripted", scripted::run),
];

/// Runs the wanted parts.
pub(super) fn run(options: &Options) -> Result<()> {
    let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
    for wanted in &options.only {
        ensure!(
            names.contains(&wanted.as_str()),
            "there is no part {wanted}; the parts are {}",
            names.join(", ")
        );
    }
    packages::install(packages::Purpose::Fleet)?;
    let mut aims = Vec::new();
    for (name, part) in PARTS {
        if options.wants(name) {
            aims.extend(part(options)?);
        }
    }
    println!("\n== aims ==");
    for aim in &aims {
        println!("{}", aim.text());
    }
    let missed = aims.iter().filter(|aim| !aim.is_met()).count();
    println!("{} of {} aims met", aims.len() - missed, aims.len());
    Ok(())
}
