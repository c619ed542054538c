//! Starts a throwaway fleet, says where it is, and keeps it until its standard input ends.
//!
//! For trying things by hand (`cargo run -p pabawi-testkit --bin pabawi-fleet -- 20`) and for the test that
//! kills this process and looks what is left. It must leave nothing behind, however it ends.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::process::ExitCode;

use pabawi_testkit::fleet::Fleet;

fn main() -> ExitCode {
    let nodes = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(3);
    match run(nodes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "failed to {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(nodes: usize) -> Result<(), Box<dyn std::error::Error>> {
    let fleet = Fleet::builder().nodes(nodes).start()?;
    let mut out = std::io::stdout();
    writeln!(out, "marker {}", fleet.marker())?;
    writeln!(out, "ssh_config {}", fleet.ssh_config().display())?;
    writeln!(out, "hosts {}", fleet.hosts_file().display())?;
    writeln!(out, "ready: {} nodes; ends with the end of input (Ctrl-D)", fleet.nodes().len())?;
    out.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
