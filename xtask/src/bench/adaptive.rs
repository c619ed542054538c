//! Connects to nodes that take few at a time: the limit that adapts beside fixed ones. Main function: [`run`].

use anyhow::{Context as _, Result, ensure};
use pabawi_testkit::fleet::Fleet;

use super::list::Options;
use super::parts::{Part, run_parts};
use super::programs::{number, result_of};
use super::report::{Aim, Table};
use crate::packages;

/// One line about it.
pub(super) const ABOUT: &str = "connects to nodes that take few at a time: adaptive beside fixed limits";

/// The sshd that is crowded takes so many logins at a time (`MaxStartups`): few, and as it comes.
const PARTS: &[Part] =
    &[("few", |options| compare(options, "4:100:4")), ("stock", |options| compare(options, "10:30:100"))];
/// Addresses of it, as many as one sshd can have.
const NODES: usize = 16;
/// Fresh logins, all wanted at once.
const LOGINS: &str = "320";
/// What the adaptive limit is compared with.
const LIMITS: [&str; 7] = ["adaptive", "1", "2", "4", "8", "16", "64"];

/// What one limit's best round came to.
struct Measured {
    wall: f64,
    lost: f64,
    refused: f64,
}

/// Runs every limit in turns against each kind of sshd, and judges the adaptive one by the best of the others.
pub(super) fn run(options: &Options) -> Result<()> {
    packages::install(packages::Purpose::Fleet)?;
    run_parts(PARTS, options)
}

fn compare(options: &Options, startups: &str) -> Result<Vec<Aim>> {
    println!("\n== {LOGINS} logins at once, one sshd with MaxStartups {startups} ==");
    let fleet = Fleet::builder().nodes(NODES).nodes_per_process(NODES).max_startups(startups).start()?;
    let config = fleet.ssh_config().display().to_string();
    let names: Vec<&str> = fleet.nodes().iter().map(|node| node.name.as_str()).collect();
    let mut best: Vec<Option<Measured>> = LIMITS.iter().map(|_| None).collect();
    for round in 1..=options.rounds.max(1) {
        for (limit, best) in LIMITS.iter().zip(&mut best) {
            let arguments = [&[*limit, LOGINS, &config][..], &names].concat();
            let result = result_of("pabawi-transport", "bench_connects", &arguments)?;
            println!("   round {round}: {limit:<8} {result}");
            let wall = number(&result, "wall")?;
            // Lost ones count, whatever the round.
            let lost = number(&result, "lost")? + best.as_ref().map_or(0.0, |best| best.lost);
            let refused = number(&result, "refused")?;
            match best {
                Some(known) if known.wall <= wall => known.lost = lost,
                _ => *best = Some(Measured { wall, lost, refused }),
            }
        }
    }
    let best: Vec<Measured> = best.into_iter().collect::<Option<_>>().context("every limit was measured")?;
    let [adaptive, fixed @ ..] = best.as_slice() else { return Ok(Vec::new()) };
    ensure!(!fixed.is_empty(), "there is something to compare with");
    let mut table = Table::new(&["limit", "wall s", "lost", "refused"]);
    for (limit, measured) in LIMITS.iter().zip(&best) {
        table.row(vec![
            (*limit).to_owned(),
            format!("{:.2}", measured.wall),
            measured.lost.to_string(),
            measured.refused.to_string(),
        ]);
    }
    println!("\n{}", table.text());
    // One that loses connects is no measure.
    let whole = fixed.iter().filter(|measured| measured.lost == 0.0).map(|measured| measured.wall);
    let fastest = whole.fold(f64::INFINITY, f64::min);
    Ok(vec![
        Aim::at_most(
            format!("wall time to the best fixed limit ({startups})"),
            adaptive.wall / fastest,
            1.15,
            "x",
        ),
        Aim::at_most(format!("connects lost ({startups})"), adaptive.lost, 0.0, ""),
    ])
}
