//! A benchmark is made of parts, of which some can be chosen. Main function: [`run_parts`].

use anyhow::{Result, ensure};

use super::list::Options;
use super::report::Aim;

/// A part of a benchmark: its name, and what prints its figures and judges them.
pub(super) type Part = (&'static str, fn(&Options) -> Result<Vec<Aim>>);

/// Runs the wanted parts; at the end stand the aims and whether they were met.
pub(super) fn run_parts(parts: &[Part], options: &Options) -> Result<()> {
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    for wanted in &options.only {
        ensure!(
            names.contains(&wanted.as_str()),
            "there is no part {wanted}; the parts are {}",
            names.join(", ")
        );
    }
    let mut aims = Vec::new();
    for (name, part) in parts {
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
