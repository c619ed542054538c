//! Benchmark of the inventory without files and without nodes: five overlapping sources are merged, then read, asked
//! for targets, and folded. Main function: [`main`]. It prints one JSON object; `cargo xtask bench inventory` runs and
//! judges it.
//!
//! Usage: `bench_inventory [NODES]`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::{Node, NodeGroup, TargetExpression};
use pabawi_domain::ports::{InventorySnapshot, InventorySource, InventorySourceError, TargetResolver as _};
use pabawi_inventory::nodeset::fold;
use pabawi_inventory::{Catalog, Freshness, Resolver, SourceSettings};

const SOURCES: usize = 5;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let nodes: usize = std::env::args().nth(1).as_deref().unwrap_or("100000").parse()?;
    let mut sources = Vec::new();
    for source in 0..SOURCES {
        let known =
            Made { name: format!("source{source}"), snapshot: Mutex::new(Some(snapshot(source, nodes)?)) };
        sources.push((Arc::new(known) as Arc<dyn InventorySource>, SourceSettings::default()));
    }
    let catalog = Arc::new(Catalog::new(sources));

    let begin = Instant::now();
    let view = catalog.read(Freshness::Cached).await;
    let merge_ms = ms(begin);
    if view.inventory.nodes().len() != nodes {
        return Err(format!("{} nodes came of {nodes}", view.inventory.nodes().len()).into());
    }
    let begin = Instant::now();
    let cached = catalog.read(Freshness::Cached).await;
    let first = cached.inventory.nodes().first().map(|node| node.id.to_string());
    let cached_ms = ms(begin);

    let resolver = Resolver::over(Arc::clone(&catalog));
    let mut expression_ms = f64::INFINITY;
    for _ in 0..5 {
        let begin = Instant::now();
        let targets = resolver.resolve(&TargetExpression::new(EXPRESSION)).await?;
        expression_ms = expression_ms.min(ms(begin));
        if targets.is_empty() {
            return Err("the expression selects nothing".into());
        }
    }

    let irregular = irregular(nodes)?;
    let mut fold_ms = f64::INFINITY;
    for _ in 0..3 {
        let begin = Instant::now();
        let folded = fold(&irregular);
        fold_ms = fold_ms.min(ms(begin));
        if folded.is_empty() {
            return Err("nothing was folded".into());
        }
    }
    println!(
        "{}",
        serde_json::json!({
            "nodes": nodes,
            "first": first,
            "groups": view.inventory.groups().len(),
            "merge_ms": merge_ms,
            "cached_ms": cached_ms,
            "expression_ms": expression_ms,
            "fold_ms": fold_ms,
            "peak_bytes": peak_bytes(),
        })
    );
    Ok(())
}

/// A group, a glob and a regular expression that every name is held against, a range, an intersection, a difference.
const EXPRESSION: &str = "@site1,(*7.example.org&~^host~),host[00001-00500].example.org!~5\\.example~";

fn ms(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1000.0
}

struct Made {
    name: String,
    /// Given away when it is asked for: a source that has read a file keeps nothing of it.
    snapshot: Mutex<Option<InventorySnapshot>>,
}

#[async_trait]
impl InventorySource for Made {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        0
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).take();
        snapshot.ok_or_else(|| InventorySourceError {
            source_name: self.name.clone(),
            message: "was asked twice".to_owned(),
            retryable: false,
        })
    }
}

/// The first source names every node by its full name; each other one knows four fifths of them, every second of these
/// under a name of its own and only by its address.
fn snapshot(source: usize, nodes: usize) -> Result<InventorySnapshot, Box<dyn Error>> {
    let mut snapshot = InventorySnapshot::default();
    let mut groups: Vec<NodeGroup> = Vec::new();
    for number in 0..nodes {
        if source > 0 && number % SOURCES == source {
            continue;
        }
        let id = if source > 0 && number % 2 == 0 {
            format!("s{source}-{number}")
        } else {
            format!("host{number:05}.example.org")
        };
        let mut node = Node::named(NodeId::new(&id)?);
        node.endpoint.host = Some(format!("10.{}.{}.{}", number / 65_536, number / 256 % 256, number % 256));
        node.endpoint.user = Some("ops".to_owned());
        node.metadata.insert("rack".to_owned(), (number % 40).into());
        node.metadata.insert(format!("key{source}"), format!("value {number}").into());
        let group = number % (nodes / 100).max(1);
        if groups.len() <= group {
            groups.push(NodeGroup {
                name: GroupName::new(format!("site{group}"))?,
                sources: Vec::new(),
                nodes: Vec::new(),
                children: Vec::new(),
                metadata: std::collections::BTreeMap::new(),
            });
        }
        if let Some(group) = groups.get_mut(group) {
            group.nodes.push(node.id.clone());
        }
        snapshot.nodes.push(node);
    }
    snapshot.groups = groups;
    Ok(snapshot)
}

/// Names with numbers in three places that follow no rule.
fn irregular(nodes: usize) -> Result<Vec<NodeId>, Box<dyn Error>> {
    let mut state = 0x9e37_79b9_u64;
    let mut next = || {
        // xorshift64 (Marsaglia, 2003): the same names in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..nodes)
        .map(|_| {
            let (a, b, c) = (next() % 997, next() % 9973, next() % 7);
            Ok(NodeId::new(format!("{}{a}-rack{b}-n{c}", if b % 3 == 0 { "web" } else { "db" }))?)
        })
        .collect()
}

/// Peak resident memory (`VmHWM`, proc_pid_status(5)); 0 where there is none.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
