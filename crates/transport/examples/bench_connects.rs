//! Benchmark of connects to nodes that take few at a time: so many fresh logins, all wanted at once, under a limit that
//! adapts or a fixed one. Main function: [`main`]. It prints one JSON object; `cargo xtask bench adaptive` compares
//! several.
//!
//! Usage: `bench_connects adaptive|LIMIT LOGINS SSH_CONFIG NODE...`. The logins are spread over the nodes.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::ports::{ConnectRequest, Transport};
use pabawi_domain::secret::Secret;
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [limit, logins, config, nodes @ ..] = words.as_slice() else {
        return Err("see the beginning of bench_connects.rs for its arguments".into());
    };
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(Path::new(config))?);
    settings.pool.max_idle = 0;
    if *limit != "adaptive" {
        settings.pool.adaptive_connects = false;
        settings.pool.max_connecting = limit.parse()?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(SshTransport::new(settings), logins.parse()?, nodes))
}

async fn measure(transport: SshTransport, logins: usize, nodes: &[&str]) -> Result<(), Failure> {
    let transport = Arc::new(transport);
    let began = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for (number, node) in (0..logins).zip(nodes.iter().cycle()) {
        // A password that is never needed makes each a connection of its own.
        let endpoint = Endpoint { password: Some(Secret::new(number.to_string())), ..Endpoint::default() };
        let target = Target::new(NodeId::new(node)?, endpoint);
        let request =
            ConnectRequest { target, timeout: Duration::from_secs(10), host_keys: None, execution: None };
        let transport = Arc::clone(&transport);
        set.spawn(async move { transport.connect(&request).await.is_ok() });
    }
    let mut lost = 0;
    while let Some(made) = set.join_next().await {
        lost += u32::from(!made?);
    }
    let stats = transport.stats();
    println!(
        "{{\"wall\": {:.3}, \"lost\": {lost}, \"refused\": {}, \"limit\": {}}}",
        began.elapsed().as_secs_f64(),
        stats.overloads,
        stats.connect_limit
    );
    Ok(())
}
