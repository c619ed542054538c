//! Requirement 8.6: nodes that print more than there is memory for are held, and nothing is lost.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use pabawi_tests::{Lab, data_of, own_memory, python, result_of, sha256, unique};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Nodes that print at the same time.
const NODES: usize = 6;
/// What each of them prints, in bytes.
const FLOOD: u64 = 32 * 1024 * 1024;
/// Memory for output, as the option says it.
const BUDGET: &str = "4M";
/// Most memory that `pab` may need for all of it: the budget, what the transport holds of six nodes that are not read,
/// and what it needs besides.
const MEMORY: u64 = 40 * 1024 * 1024;

/// R8.6, R5.10
#[test]
fn floods_of_many_nodes_pass_through_a_small_memory_and_every_byte_arrives() {
    let lab = Lab::new(NODES);
    let number = unique();
    // Every line differs, and so does every node, so that a piece that is lost, doubled or moved changes a hash.
    let command =
        format!("set -- $SSH_CONNECTION; seq -f \"%.0f $3 {number}\" 1 100000000 | head -c {FLOOD}");
    let mut running = lab
        .run_events("web[01-06]", &command)
        .args(["--debug", "--output-memory", BUDGET])
        .limit(Duration::from_secs(240))
        .spawn();
    let (mut hashes, mut events) = (BTreeMap::<String, (u64, Sha256)>::new(), Vec::<Value>::new());
    let mut peak = 0;
    while let Some(event) = running.event() {
        if event["type"] == "output" {
            let node = event["node"].as_str().unwrap().to_owned();
            let (offset, hash) = hashes.entry(node).or_default();
            assert_eq!(event["offset"], *offset, "pieces follow each other");
            let data = data_of(&event["data"]);
            *offset += data.len() as u64;
            hash.update(&data);
            peak = peak.max(own_memory(running.pid()).unwrap_or(0));
        } else {
            events.push(event);
        }
    }
    let ran = running.end();
    assert_eq!(ran.code(), Some(0), "{ran}");
    assert!(peak < MEMORY, "{peak} bytes were needed");
    let held = events.iter().find(|event| event["type"] == "backpressure").expect("it was told");
    assert_eq!((&held["on"], &held["limitBytes"]), (&true.into(), &(4 * 1024 * 1024).into()));
    assert_eq!(hashes.len(), NODES);
    let mut seen: Vec<String> = Vec::new();
    for (node, (bytes, hash)) in hashes {
        assert_eq!(bytes, FLOOD, "{node}");
        assert_eq!(result_of(&events, &node).unwrap()["outcome"], "succeeded", "{node}");
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let finished =
            events.iter().find(|event| event["type"] == "nodeFinished" && event["node"] == node.as_str());
        assert_eq!(finished.unwrap()["stdout"], hash.as_str(), "{node}: what was seen is what was hashed");
        seen.push(hash);
    }
    seen.sort();
    assert_ne!(seen[0], sha256(b""));
    // And what was kept is the same again.
    let kept = python(
        "import hashlib,os,sys\nd=sys.argv[1]+'.outputs'\nprint(' '.join(sorted(hashlib.sha256(open(os.path.join(r,f),'rb').read()).hexdigest() for r,_,fs in os.walk(d) for f in fs)))",
        &lab.database(),
    );
    assert_eq!(kept, seen.join(" "), "debug mode keeps it whole");
}
