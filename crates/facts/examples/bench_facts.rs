//! Benchmark of facts without nodes and without a disk: providers that are made up say something about every node, and it
//! is collected, merged, read from the cache and explained. Main function: [`main`]. It prints one JSON object;
//! `cargo xtask bench inventory` runs and judges it.
//!
//! Usage: `bench_facts [NODES]`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{Clock, FactProvider, FactProviderError, NodeFacts};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_facts::{Facts, Freshness, KnownFacts, ProviderOptions};
use pabawi_testkit::memory_facts::MemoryFacts;
use serde_json::{Value, json};

/// Reads of one node's facts.
const READS: u32 = 200_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).as_deref().unwrap_or("10000").parse()?;
    let nodes =
        (0..count).map(|number| NodeId::new(format!("node{number:05}"))).collect::<Result<Vec<_>, _>>()?;
    let known = KnownFacts::new(Arc::new(MemoryFacts::default()));
    let mut builder = Facts::builder(known, Arc::new(SystemTime));
    for (name, priority) in [("first", 2), ("second", 1)] {
        builder = builder.provider(Arc::new(Made { name, priority }), ProviderOptions::default())?;
    }
    let facts = builder.cache_bytes(2 << 30).build();
    let caller = Caller { user: "bench".to_owned(), entry_point: EntryPoint::Rust };

    let begin = Instant::now();
    let all = facts.facts(&caller, &nodes, Freshness::Cached).await;
    let collect_ms = begin.elapsed().as_secs_f64() * 1e3;
    let complete = all.iter().filter(|one| one.facts().len() > 5 && one.layers().len() == 2).count();
    if complete != count {
        return Err(format!("{complete} of {count} nodes have all facts").into());
    }

    let begin = Instant::now();
    // Nothing is evicted below the limit that is set here, so a copy would be a fault.
    let again = facts.facts(&caller, &nodes, Freshness::Cached).await;
    let batch_us = begin.elapsed().as_secs_f64() * 1e6 / count as f64;
    if !all.iter().zip(&again).all(|(one, other)| Arc::ptr_eq(one, other)) {
        return Err("a cached answer was made anew".into());
    }

    let one = nodes.get(..1).unwrap_or_default();
    let begin = Instant::now();
    for _ in 0..READS {
        black_box(facts.facts(&caller, one, Freshness::Cached).await);
    }
    let read_us = begin.elapsed().as_secs_f64() * 1e6 / f64::from(READS);
    let result = json!({
        "nodes": count,
        "collect_ms": collect_ms,
        "batch_us": batch_us,
        "read_us": read_us,
        "cache_bytes": facts.cached_bytes().await,
    });
    println!("{result}");
    Ok(())
}

struct SystemTime;

impl Clock for SystemTime {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

/// Says about as much of a node as the provider `ssh` does.
struct Made {
    name: &'static str,
    priority: i32,
}

#[async_trait]
impl FactProvider for Made {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn collect(&self, _: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let answer = |node: &NodeId| {
            let Value::Object(facts) = facts_of(node.as_str(), self.name) else {
                return Err(none(self.name, node));
            };
            let gathered_at = jiff::Timestamp::now();
            Ok(NodeFacts { node: node.clone(), facts, raw: None, warnings: Vec::new(), gathered_at })
        };
        nodes.iter().map(answer).collect()
    }
}

fn none(provider: &str, node: &NodeId) -> FactProviderError {
    let code = pabawi_domain::error::ErrorCode::Internal;
    let error = pabawi_domain::error::NodeError::new(node.clone(), code, "no mapping");
    FactProviderError { provider: provider.to_owned(), error }
}

fn facts_of(node: &str, provider: &str) -> Value {
    let interface = json!({"ip": "192.0.2.2", "netmask": "255.255.255.0", "network": "192.0.2.0", "mtu": 1500,
        "mac": "02:fc:00:00:00:01", "operational_state": "up",
        "bindings": [{"address": "192.0.2.2", "netmask": "255.255.255.0", "network": "192.0.2.0"}]});
    let pool = json!({"total_bytes": 8_343_674_880_u64, "total": "7.77 GiB", "available_bytes": 4_194_304,
        "available": "4.00 MiB", "used_bytes": 8_339_480_576_u64, "used": "7.77 GiB", "capacity": "99.95%"});
    let mount = json!({"device": "/dev/vda1", "filesystem": "ext4", "options": ["rw", "relatime"], "size_bytes": 1024,
        "size": "1.00 KiB", "used_bytes": 512, "used": "512 bytes", "capacity": "50.00%"});
    json!({
        "os": {"name": "Debian", "family": "Debian", "hardware": "x86_64", "architecture": "amd64",
            "release": {"full": "12.7", "major": "12", "minor": "7"},
            "distro": {"id": "Debian", "codename": "bookworm", "description": "Debian GNU/Linux 12 (bookworm)"}},
        "kernel": "Linux", "kernelrelease": "6.1.0-25-amd64", "kernelversion": "6.1.0",
        "networking": {"hostname": node, "fqdn": format!("{node}.example.org"), "ip": "192.0.2.2", "primary": "eth0",
            "interfaces": {"lo": interface, "eth0": interface, "eth1": interface}},
        "processors": {"count": 8, "models": vec!["AMD EPYC"; 8], "physicalcount": 1},
        "memory": {"system": pool, "swap": pool},
        "mountpoints": {"/": mount, "/boot": mount, "/home": mount},
        "system_uptime": {"seconds": 90_000, "hours": 25, "days": 1, "uptime": "1 day"},
        "timezone": "UTC", "virtual": "kvm", "is_virtual": true, "said_by": provider,
    })
}
