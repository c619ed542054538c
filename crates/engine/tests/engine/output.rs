//! What is kept of outputs, and which output events are stored.

use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::EventKind;
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::record::OutputRef;
use pabawi_engine::EngineLimits;
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use sha2::{Digest, Sha256};

use super::support::{Rig, ann, command, node};

fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

async fn read(rig: &Rig, output: OutputRef) -> Vec<u8> {
    let chunk = rig.engine.output(&ann(), output.hash, 0, u32::MAX).await.unwrap().unwrap();
    chunk.data.0.to_vec()
}

/// R1.4, R5.11: short output is kept whole and byte for byte, the streams apart; empty streams are absent.
#[tokio::test(start_paused = true)]
async fn short_output_is_kept_whole() {
    let bytes: Vec<u8> = (0..=255).collect();
    let script = NodeScript::new().stdout(bytes.clone()).stderr("warning\n");
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), script)).await;
    let id = rig.execute(command("a,b")).await.record.id;
    let target = rig.stored(id, "a").await;
    let stdout = target.stdout.unwrap();
    assert_eq!((stdout.hash, stdout.total_bytes, stdout.omitted_bytes), (hash(&bytes), 256, 0));
    assert_eq!(read(&rig, stdout).await, bytes);
    assert_eq!(read(&rig, target.stderr.unwrap()).await, b"warning\n");
    let silent = rig.stored(id, "b").await;
    assert_eq!((silent.stdout, silent.stderr), (None, None));
    let finished = rig.events(id).await.rest().await;
    assert!(finished.iter().any(|event| matches!(&event.kind,
        EventKind::NodeFinished { node, stdout: Some(found), .. } if node.as_str() == "a" && *found == hash(&bytes))));
    let groups = rig.engine.output_groups(&ann(), id, StreamKind::Stdout).await.unwrap();
    assert_eq!(groups.len(), 2);
}

/// R5.11: of long output the first and the last part are kept; the hash is that of all of it.
#[tokio::test(start_paused = true)]
async fn long_output_keeps_head_and_tail() {
    let limits = EngineLimits { output_head_bytes: 10, output_tail_bytes: 5, ..EngineLimits::default() };
    let script = (0..100).fold(NodeScript::new(), |script, line| script.stdout(format!("line {line:02}\n")));
    let whole: String = (0..100).map(|line| format!("line {line:02}\n")).collect();
    let rig = Rig::with(ScriptedTransport::new().default_script(script), limits).await;
    let id = rig.execute(command("a")).await.record.id;
    let stdout = rig.stored(id, "a").await.stdout.unwrap();
    assert_eq!((stdout.hash, stdout.total_bytes), (hash(whole.as_bytes()), 800));
    assert_eq!(stdout.omitted_bytes, 785);
    assert_eq!(read(&rig, stdout).await, b"line 00\nlie 99\n");
}

/// R5.10, R5.12: with debug mode every byte is kept, past a limit in a file that the store takes over.
#[tokio::test(start_paused = true)]
async fn debug_mode_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let spill_dir = dir.path().join("spill");
    let limits = EngineLimits {
        output_head_bytes: 10,
        output_tail_bytes: 10,
        debug_memory_bytes: 100_000,
        spill_dir: spill_dir.clone(),
        ..EngineLimits::default()
    };
    let piece: Vec<u8> = (0..=255).cycle().take(30_000).collect();
    let transport = ScriptedTransport::new()
        .node(&node("big"), NodeScript::new().prints(StreamKind::Stdout, piece.clone(), 100))
        .node(&node("small"), NodeScript::new().prints(StreamKind::Stdout, piece.clone(), 3))
        .node(&node("hung"), NodeScript::new().prints(StreamKind::Stderr, piece.clone(), 50).hangs());
    let rig = Rig::with(transport, limits).await;
    let mut request = command("big,small,hung");
    request.debug = true;
    request.timeouts.node_ms = Some(60_000);
    let id = rig.execute(request).await.record.id;
    for (name, pieces) in [("big", 100), ("small", 3)] {
        let stdout = rig.stored(id, name).await.stdout.unwrap();
        assert_eq!(stdout.omitted_bytes, 0);
        assert!(read(&rig, stdout).await == piece.repeat(pieces), "{name}");
    }
    assert!(read(&rig, rig.stored(id, "hung").await.stderr.unwrap()).await == piece.repeat(50));
    assert_eq!(std::fs::read_dir(&spill_dir).unwrap().count(), 0, "every file was taken over");
}

#[tokio::test(start_paused = true)]
async fn debug_mode_needs_a_directory_that_can_be_written() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let limits = EngineLimits { spill_dir: file.path().to_owned(), ..EngineLimits::default() };
    let rig = Rig::with(ScriptedTransport::new(), limits).await;
    let mut request = command("a");
    request.debug = true;
    let error = rig.engine.submit(ann(), request).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Validation);
    assert!(error.to_string().contains("debug"), "{error}");
}

/// Output events past the limit are seen live and not stored; the limit is exact.
#[tokio::test(start_paused = true)]
async fn stored_output_events_have_a_limit() {
    let limits = EngineLimits { stored_output_event_bytes: 100, ..EngineLimits::default() };
    let script = NodeScript::new()
        .prints(StreamKind::Stdout, vec![b'x'; 70], 3)
        .stderr("err")
        .waits(Duration::from_millis(1));
    let rig = Rig::with(ScriptedTransport::new().default_script(script), limits).await;
    let id = rig.submit(command("a")).await;
    let live = rig.events(id).await.rest().await;
    let pieces: Vec<u64> = live
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Output { stream: StreamKind::Stdout, data, .. } => Some(data.0.len() as u64),
            _ => None,
        })
        .collect();
    assert_eq!(pieces, [70, 30, 40, 70]);
    let stored = rig.store.stored_events(id);
    let bytes: u64 = stored
        .iter()
        .map(|event| match &event.kind {
            EventKind::Output { data, .. } => data.0.len() as u64,
            _ => 0,
        })
        .sum();
    assert_eq!(bytes, 100 + 3);
    assert_eq!(rig.stored(id, "a").await.stdout.unwrap().total_bytes, 210);
}
