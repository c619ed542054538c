//! Starts a throwaway PostgreSQL server with one empty database, says its URL, and keeps it until its standard input ends.
//!
//! For the tests of the Node package, and for trying things by hand. It must leave nothing behind, however it ends.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::process::ExitCode;

use pabawi_testkit::postgres::Postgres;

/// The database.
const DATABASE: &str = "pabawi";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "failed to {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let server = Postgres::start()?;
    server.create_database(DATABASE)?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", server.url(DATABASE))?;
    out.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
