//! `cargo xtask`: set-up, demo, tests, checks and benchmarks of this project.
//!
//! Main type: [`Task`], the command line. It only starts other programs and reads files of the workspace; it is
//! no part of what is shipped.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to the person who runs it"
)]

mod ansible;
mod bench;
mod demo;
mod dist;
mod header;
mod layers;
mod node;
mod packages;
mod shell;
mod sources;
mod tidy;
mod trace;
mod verify;

use std::process::ExitCode;

use clap::Parser;

/// Set-up, demo, tests, checks and benchmarks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Install what the build and the tests need, by apt, where it is missing
    Setup,
    /// Build the Node package: the addon and its TypeScript half
    Node,
    /// Make the header of the C library of its sources
    Header {
        /// Only look whether it is current
        #[arg(long)]
        check: bool,
    },
    /// Build and install what programs of others need
    Dist {
        #[command(subcommand)]
        what: dist::What,
    },
    /// Run a command on 20 real nodes, one failing and one hanging; leaves nothing running
    Demo,
    /// Set up, then run every check and every test
    Test,
    /// As `test`, in a fresh clone of the committed state
    Ci,
    /// Check which crate may depend on which, and the shape of the source files
    Layers,
    /// Show which test stands for which acceptance criterion
    Trace {
        /// Fail when a criterion of a finished requirement has no test
        #[arg(long)]
        check: bool,
    },
    /// Run a benchmark, or list them
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Setup => packages::install(packages::Purpose::Tests)
            .and_then(|()| ansible::install())
            .and_then(|_| node::install()),
        Task::Node => node::build(),
        Task::Header { check: true } => header::check(),
        Task::Header { check: false } => header::write(),
        Task::Dist { what } => dist::run(what),
        Task::Demo => demo::run(),
        Task::Test => verify::test(),
        Task::Ci => verify::clean_checkout(),
        Task::Layers => verify::layers(),
        Task::Trace { check } => trace::run(check),
        Task::Bench(options) => bench::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
