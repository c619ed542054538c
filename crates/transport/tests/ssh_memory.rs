//! What connections and output cost, and that nothing of it stays. The only test of its process: it looks at the
//! memory and the descriptors of the whole.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::time::Duration;

use pabawi_domain::action::ProcessOptions;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::{ActionEnd, ActionEvent, Transport};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use pabawi_transport::SshTransport;
use ssh_support::{LIMIT, command, connect, run, settings, start, target, within};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Resident memory of this process now and at its highest, in bytes.
fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// R8.5, R8.6: connections that end in any way leave neither memory nor descriptors, and 256 MiB for a slow reader
/// cost a window and a queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_and_little_is_needed() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let mut limits = settings(&fleet);
    limits.pool.idle_timeout = Duration::from_millis(1);
    let transport = SshTransport::new(limits.clone());
    let mut unknown = limits;
    unknown.known_hosts = Some(vec![fleet.directory().join("nobody")]);
    let refusing = SshTransport::new(unknown);
    let mut behind = target(&fleet, 1);
    behind.endpoint.jump = Some(vec![fleet.node(0).unwrap().name.clone()]);

    let mut before = (0, 0);
    for round in 0..100 {
        if round == 40 {
            before = (descriptors(), memory().0);
        }
        match round % 5 {
            // Refused after the key exchange.
            0 => {
                let error = connect(&refusing, &target(&fleet, 0)).await.err().unwrap();
                assert_eq!(error.error.code, ErrorCode::HostKeyUnknown);
            }
            // Dropped while the command runs.
            1 => {
                let action = command("echo up; sleep 63", ProcessOptions::default());
                let mut running = start(&transport, &target(&fleet, 0), action).await.unwrap();
                within("output", running.next()).await;
            }
            // Used, and closed by the pool.
            2 => assert_eq!(
                run(&transport, &target(&fleet, 0), "head -c 300000 /dev/zero").await.out.len(),
                300_000
            ),
            // Through a jump host.
            3 => assert_eq!(run(&transport, &behind, "echo hi").await.text(), "hi\n"),
            // Cut while the command runs.
            _ => {
                let action = command("echo up; sleep 63", ProcessOptions::default());
                let mut running = start(&transport, &target(&fleet, 0), action).await.unwrap();
                within("output", running.next()).await;
                fleet.cut_links(0).unwrap();
                while !matches!(within("the end", running.next()).await, ActionEvent::Ended(_)) {}
            }
        }
    }
    let closed = || transport.stats().open == 0 && descriptors() <= before.0 + 2;
    let result = wait::until_async("everything to be closed", LIMIT, closed).await;
    assert!(result.is_ok(), "{:?}, {} descriptors, before {}", transport.stats(), descriptors(), before.0);
    // A leaked session costs 83 KB; 60 rounds would show as 5 MB.
    let grown = memory().0.saturating_sub(before.1);
    assert!(grown < 2_500_000, "grew by {grown} bytes");

    // A slow reader of much output.
    let low = memory().0;
    let action = command("head -c 268435456 /dev/zero", ProcessOptions::default());
    let mut running = start(&transport, &target(&fleet, 0), action).await.unwrap();
    let mut seen = 0_usize;
    let mut events = 0_u32;
    let end = loop {
        match within("output", running.next()).await {
            ActionEvent::Output { data, .. } => {
                seen += data.len();
                events += 1;
                if events.is_multiple_of(256) {
                    // Slower than the node, now and then.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            ActionEvent::Ended(end) => break end,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(end, ActionEnd::Exited { code: 0 }), "{end:?}");
    assert_eq!(seen, 268_435_456);
    let used = memory().1.saturating_sub(low);
    assert!(used < 16 * 1024 * 1024, "used {used} bytes beyond the {low} before");
}
