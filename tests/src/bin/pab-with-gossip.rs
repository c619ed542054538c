//! `pab` with a plugin compiled in that tells what it was trusted with, for tests of what must not be told. Where
//! `PAB_GOSSIP_UNTRUSTED` is set, it is trusted with no secrets.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use pabawi_cli::Program;
use pabawi_tests::gossip::Gossip;
use serde_json::json;

fn main() -> ExitCode {
    let is_trusted = std::env::var_os("PAB_GOSSIP_UNTRUSTED").is_none();
    let gossip = if is_trusted { Gossip::trusted() } else { Gossip::untrusted() };
    Program::new().plugin(gossip, json!({})).run()
}
