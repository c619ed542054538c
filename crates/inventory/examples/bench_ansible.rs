//! Benchmark of reading an Ansible inventory in INI form. Main function: [`main`]. It prints one JSON object;
//! `cargo xtask bench inventory` runs it beside `ansible-inventory` and judges it.
//!
//! Usage: `bench_ansible FILE`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::time::Instant;

use pabawi_domain::ports::InventorySource as _;
use pabawi_inventory::Inventory;
use pabawi_inventory::export::to_ansible;
use pabawi_inventory::source::AnsibleInventory;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a file")?;
    let begin = Instant::now();
    let snapshot = AnsibleInventory::new(path, 0).fetch().await?;
    let read_ms = begin.elapsed().as_secs_f64() * 1000.0;
    let hosts = snapshot.nodes.len();
    let inventory = Inventory::merge([("ansible".to_owned(), 0, snapshot)]);
    // What the other one does is reading and writing.
    let written = serde_json::to_string_pretty(&to_ansible(&inventory))?;
    println!(
        "{}",
        serde_json::json!({
            "hosts": hosts,
            "read_ms": read_ms,
            "list_ms": begin.elapsed().as_secs_f64() * 1000.0,
            "bytes": written.len(),
        })
    );
    Ok(())
}
