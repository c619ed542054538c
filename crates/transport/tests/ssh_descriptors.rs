//! Fewer descriptors than connections that are wanted. Alone in its file, since the limit is that of the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use pabawi_domain::ports::Transport;
use pabawi_testkit::fleet::Fleet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use ssh_support::{run, target, transport, within};

/// R8.6: forty nodes through twelve descriptors. Those that find none wait for those that are done, whose idle
/// connections are closed for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausted_descriptors_slow_connects_and_lose_none() {
    const NODES: usize = 40;
    let fleet = Fleet::builder().nodes(NODES).nodes_per_process(16).start().unwrap();
    let transport = transport(&fleet);
    // Keys and known hosts have been read, threads have been made.
    assert_eq!(run(&transport, &target(&fleet, 0), "echo in").await.text(), "in\n");
    let before = getrlimit(Resource::Nofile);
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(open + 12), ..before }).unwrap();
    let mut set = tokio::task::JoinSet::new();
    for node in 0..NODES {
        let (transport, target) = (transport.clone(), target(&fleet, node));
        set.spawn(async move { (node, run(&transport, &target, "echo in").await) });
    }
    let mut failed = Vec::new();
    while let Some(result) = within("the next command", set.join_next()).await {
        let (node, done) = result.unwrap();
        if done.text() != "in\n" {
            failed.push((node, done.end));
        }
    }
    let stats = transport.stats();
    setrlimit(Resource::Nofile, before).unwrap();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(stats.overloads >= 1, "descriptors ran out: {stats:?}");
    // The limit is on the numbers of descriptors, and some below it may have been free.
    assert!(stats.open < u64::try_from(NODES).unwrap(), "not all of them can be open at once: {stats:?}");
}
