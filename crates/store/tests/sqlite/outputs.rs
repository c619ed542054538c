//! Outputs: content once, whole before shortened, files beside the database.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, KeptOutput, OutputData, StreamKind};
use pabawi_domain::ports::{ExecutionStore, StoreError};

use crate::records::{all_targets, execution, hash, open, start, whole, with_output};

const OK: NodeOutcome = NodeOutcome::Succeeded;

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(listed) = fs::read_dir(dir) else { return Vec::new() };
    listed
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files_below(&path) } else { vec![path] }
        })
        .collect()
}

/// R5.10, R5.11: the same content from a run with debug mode replaces the head and tail of one without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_output_takes_the_place_of_its_head_and_tail() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    // Small enough for the database, and too large for it.
    for bytes in [vec![b'a'; 5_000], vec![b'b'; 3_000_000]] {
        let new = execution("cat", 4);
        let id = new.id;
        store.create(new).await.unwrap();
        let keep = bytes.len() / 4 * 2 - 500;
        let shortened = CapturedOutput {
            hash: hash(&bytes),
            total_bytes: bytes.len() as u64,
            kept: KeptOutput::HeadTail {
                head: OutputData(Bytes::copy_from_slice(&bytes[..keep])),
                tail: OutputData(Bytes::copy_from_slice(&bytes[bytes.len() - 100..])),
            },
        };
        let omitted = |targets: &[pabawi_domain::record::TargetRecord]| -> Vec<Option<u64>> {
            targets.iter().map(|target| target.stdout.map(|output| output.omitted_bytes)).collect()
        };
        store.append(&[with_output(id, "n0", OK, Some(shortened.clone()))]).await.unwrap();
        let missing = (bytes.len() - keep - 100) as u64;
        assert_eq!(omitted(&all_targets(&store, id).await), [Some(missing), None, None, None]);
        let chunk = store.output(hash(&bytes), keep as u64, 1000).await.unwrap().unwrap();
        assert_eq!(chunk.data.0.len(), 100);
        assert_eq!(chunk.omission.map(|hole| (hole.at, hole.bytes)), Some((keep as u64, missing)));

        store.append(&[with_output(id, "n1", OK, whole(&bytes))]).await.unwrap();
        store.append(&[with_output(id, "n2", OK, Some(shortened.clone()))]).await.unwrap();
        assert_eq!(omitted(&all_targets(&store, id).await), [Some(0), Some(0), Some(0), None]);
        let chunk = store.output(hash(&bytes), bytes.len() as u64 - 10, 1000).await.unwrap().unwrap();
        assert_eq!((chunk.data.0.len(), chunk.omission, chunk.kept_bytes), (10, None, bytes.len() as u64));
        let groups = store.output_groups(id, StreamKind::Stdout).await.unwrap();
        assert_eq!(groups.len(), 1, "the target that is not finished is in no group");
        assert_eq!(groups[0].nodes.len(), 3);
    }
}

/// Ten nodes that print the same large thing take the space of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_equal_outputs_are_one_file_that_only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let bytes = vec![b'z'; 2_000_000];
    let new = execution("cat", 10);
    let id = new.id;
    store.create(new).await.unwrap();
    for number in 0..10 {
        store.append(&[with_output(id, &format!("n{number}"), OK, whole(&bytes))]).await.unwrap();
    }
    let files = files_below(&dir.path().join("store.db.outputs"));
    assert_eq!(files.len(), 1);
    let hex = hash(&bytes).to_string();
    assert!(files[0].ends_with(format!("{}/{hex}", &hex[..2])), "{files:?}");
    assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);

    // One that was cut off is told as such wherever something is missing.
    fs::OpenOptions::new().write(true).open(&files[0]).unwrap().set_len(1_500_000).unwrap();
    assert_eq!(store.output(hash(&bytes), 0, 1_000_000).await.unwrap().unwrap().data.0.len(), 1_000_000);
    for (offset, count) in [(0, 2_000_000), (1_000_000, 1_000_000), (1_999_999, 1)] {
        let error = store.output(hash(&bytes), offset, count).await.unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt(text) if text.contains(&hex)), "{error}");
    }
    fs::remove_file(&files[0]).unwrap();
    let error = store.output(hash(&bytes), 0, 10).await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt(text) if text.contains(&hex)), "{error}");
}

/// A file of a process that died before its commit is removed, and nothing else is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leftover_files_go_when_their_process_is_dead_and_nobody_else_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let outputs = dir.path().join("store.db.outputs");
    let bytes = vec![b'k'; 2_000_000];
    {
        let store = open(dir.path()).await;
        let new = execution("cat", 1);
        let id = new.id;
        store.create(new).await.unwrap();
        store.append(&[start(id, "n0", 1), with_output(id, "n0", OK, whole(&bytes))]).await.unwrap();
        store.append(&[crate::records::finished(id, 1)]).await.unwrap();
        store.close().await;
    }
    let orphan = outputs.join("ab").join("ab".repeat(32));
    let half = outputs.join("ab").join(".new-1234");
    let strange = outputs.join("ab").join("notes.txt");
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    for path in [&orphan, &half, &strange] {
        fs::write(path, b"left").unwrap();
    }
    let dead = dir.path().join("store.db.owners").join(format!("{}.lock", uuid::Uuid::new_v4()));

    open(dir.path()).await.close().await;
    assert!(orphan.exists(), "without a dead process nothing can have been left behind");

    let living = open(dir.path()).await;
    fs::write(&dead, b"").unwrap();
    open(dir.path()).await.close().await;
    assert!(orphan.exists(), "a living process may be about to point to it");
    living.close().await;

    let store = open(dir.path()).await;
    assert!(!orphan.exists() && !half.exists() && !dead.exists());
    assert!(strange.exists(), "it is not ours");
    let chunk = store.output(hash(&bytes), 0, 10).await.unwrap().unwrap();
    assert_eq!(&chunk.data.0[..], b"kkkkkkkkkk", "what is pointed to stays");
}
