//! Benchmark of warm connections: how many commands a second through the pool, and through a minimal loop over the
//! crate `ssh2` that sends the very same bytes. Main function: [`main`]. It prints one JSON object;
//! `cargo xtask bench fanout` runs both in turns and compares them.
//!
//! Usage: `bench_warm pool SECONDS SSH_CONFIG NODE...`, or
//! `bench_warm bare SECONDS COMMAND_LINE_FILE STDIN_FILE USER KEY ADDRESS...`. One command at a time runs on each
//! node.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::ports::{ActionEnd, ActionEvent, ConnectRequest, Transport};
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let rate = match words.as_slice() {
        ["pool", seconds, config, nodes @ ..] => pool(duration(seconds)?, Path::new(config), nodes)?,
        ["bare", seconds, line, stdin, user, key, addresses @ ..] => {
            let bare = Bare {
                line: std::fs::read_to_string(line)?,
                stdin: std::fs::read(stdin)?,
                user: (*user).to_owned(),
                key: (*key).to_owned(),
            };
            loop_over_ssh2(duration(seconds)?, &Arc::new(bare), addresses)?
        }
        _ => return Err("see the beginning of bench_warm.rs for its arguments".into()),
    };
    println!("{{\"per_second\": {rate:.1}}}");
    Ok(())
}

fn duration(seconds: &str) -> Result<Duration, Failure> {
    Ok(Duration::from_secs_f64(seconds.parse()?))
}

/// One task for each node, all on the transport's pool.
fn pool(time: Duration, config: &Path, nodes: &[&str]) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut settings = SshSettings::default();
        settings.config = Arc::new(SshConfig::load(config)?);
        let transport = Arc::new(SshTransport::new(settings));
        let ready = Arc::new(tokio::sync::Barrier::new(nodes.len()));
        let mut tasks = Vec::new();
        for node in nodes {
            let target = Target::new(NodeId::new(node)?, Endpoint::default());
            let request =
                ConnectRequest { target, timeout: Duration::from_secs(30), host_keys: None, execution: None };
            let (transport, ready) = (Arc::clone(&transport), Arc::clone(&ready));
            tasks.push(tokio::spawn(async move {
                through_pool(&*transport, &request).await?;
                ready.wait().await;
                let (begin, mut count) = (Instant::now(), 0_u32);
                while begin.elapsed() < time {
                    through_pool(&*transport, &request).await?;
                    count += 1;
                }
                Ok::<f64, Failure>(f64::from(count) / begin.elapsed().as_secs_f64())
            }));
        }
        let mut rate = 0.0;
        for task in tasks {
            rate += task.await??;
        }
        let stats = transport.stats();
        if stats.connects != u64::try_from(nodes.len())? {
            return Err(format!("the pool was not warm: {stats:?}").into());
        }
        transport.shutdown().await;
        Ok(rate)
    })
}

async fn through_pool(transport: &dyn Transport, request: &ConnectRequest) -> Result<(), Failure> {
    let session = transport.connect(request).await?;
    let mut running = session.start(Arc::new(Action::Command(CommandAction::new("true")))).await?;
    // Ends with the command.
    loop {
        match running.next().await {
            ActionEvent::Ended(ActionEnd::Exited { code: 0 }) => return Ok(()),
            ActionEvent::Ended(end) => return Err(format!("ended with {end:?}").into()),
            _ => {}
        }
    }
}

/// What the loop over the bare crate sends.
struct Bare {
    line: String,
    stdin: Vec<u8>,
    user: String,
    key: String,
}

/// One blocking connection and one thread for each node.
fn loop_over_ssh2(time: Duration, bare: &Arc<Bare>, addresses: &[&str]) -> Result<f64, Failure> {
    let ready = Arc::new(Barrier::new(addresses.len()));
    let mut threads: Vec<JoinHandle<Result<f64, Failure>>> = Vec::new();
    for address in addresses {
        let (bare, ready, address) = (Arc::clone(bare), Arc::clone(&ready), (*address).to_owned());
        threads.push(std::thread::spawn(move || {
            let mut session = ssh2::Session::new()?;
            let stream = TcpStream::connect(&address)?;
            stream.set_nodelay(true)?;
            session.set_tcp_stream(stream);
            session.handshake()?;
            session.userauth_pubkey_file(&bare.user, None, Path::new(&bare.key), None)?;
            bare.once(&session)?;
            ready.wait();
            let (begin, mut count) = (Instant::now(), 0_u32);
            while begin.elapsed() < time {
                bare.once(&session)?;
                count += 1;
            }
            Ok(f64::from(count) / begin.elapsed().as_secs_f64())
        }));
    }
    let mut rate = 0.0;
    for thread in threads {
        rate += thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(rate)
}

impl Bare {
    fn once(&self, session: &ssh2::Session) -> Result<(), Failure> {
        let mut channel = session.channel_session()?;
        channel.exec(&self.line)?;
        channel.write_all(&self.stdin)?;
        let mut output = Vec::new();
        channel.read_to_end(&mut output)?;
        channel.stderr().read_to_end(&mut output)?;
        channel.close()?;
        channel.wait_close()?;
        match channel.exit_status()? {
            0 => Ok(()),
            status => Err(format!("exit status {status}: {}", String::from_utf8_lossy(&output)).into()),
        }
    }
}
