//! The list of benchmarks, and choosing one. Main type: [`Options`].

use anyhow::{Context as _, Result};

use super::{adaptive, c_library, cli, engine, fanout, inventory, node, store};

/// Which benchmark, and how large.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which one; without it, the list of them
    name: Option<String>,
    /// Only these parts of it
    #[arg(long, value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// Nodes of the cold run
    #[arg(long, default_value_t = 500)]
    pub(super) nodes: usize,
    /// How many of them at once
    #[arg(long, default_value_t = 100)]
    pub(super) concurrency: usize,
    /// Results in the history of the stores; their journals have five times as many entries
    #[arg(long, default_value_t = 1_000_000)]
    pub(super) rows: usize,
    /// How often each tool runs; they take turns
    #[arg(long, default_value_t = 2)]
    pub(super) rounds: usize,
    /// Install the tools to compare with (clush, pssh, ansible) by apt first
    #[arg(long)]
    pub(super) peers: bool,
}

impl Options {
    /// Whether a part is wanted.
    pub(super) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == part)
    }
}

/// One benchmark.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Options) -> Result<()>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "engine", about: engine::ABOUT, run: engine::run },
    Bench { name: "fanout", about: fanout::ABOUT, run: fanout::run },
    Bench { name: "inventory", about: inventory::ABOUT, run: inventory::run },
    Bench { name: "adaptive", about: adaptive::ABOUT, run: adaptive::run },
    Bench { name: "store", about: store::ABOUT, run: store::run },
    Bench { name: "node", about: node::ABOUT, run: node::run },
    Bench { name: "cli", about: cli::ABOUT, run: cli::run },
    Bench { name: "c", about: c_library::ABOUT, run: c_library::run },
];

/// Runs the named benchmark, or lists all.
pub(crate) fn run(options: &Options) -> Result<()> {
    let Some(name) = &options.name else {
        for bench in BENCHES {
            println!("cargo xtask bench {:<10} {}", bench.name, bench.about);
        }
        return Ok(());
    };
    let bench = BENCHES.iter().find(|bench| bench.name == name);
    (bench.with_context(|| format!("no benchmark is named {name}; `cargo xtask bench` lists them"))?.run)(
        options,
    )
}
