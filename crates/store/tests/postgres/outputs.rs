//! Large outputs: in pieces in the database, once, and what a dead process has left of them.

use bytes::Bytes;
use pabawi_domain::journal::ExecutionLimit;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, KeptOutput, OutputData};
use pabawi_domain::ports::{ExecutionStore as _, RetentionStore as _, StoreError};
use pabawi_domain::record::NewExecution;

use crate::opened::{abandon, open, sql};
use crate::records::{all_targets, at, execution, finished, hash, start, whole, with_output};

const OK: NodeOutcome = NodeOutcome::Succeeded;

fn bytes(seed: u8, count: usize) -> Vec<u8> {
    (0..count).map(|at| seed.wrapping_add(u8::try_from(at % 251).unwrap())).collect()
}

/// R5.10: any part of a large output is read, also over the borders of pieces, and ten nodes take the space of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_part_of_a_large_output_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let large = bytes(7, 2_000_000);
    let new = execution("cat", 10);
    store.create(new.clone()).await.unwrap();
    for number in 0..10 {
        store.append(&[with_output(new.id, &format!("n{number}"), OK, whole(&large))]).await.unwrap();
    }
    assert_eq!(sql(dir.path(), "SELECT count(*), sum(length(body)) FROM pabawi_exec_pieces"), "4|2000000\n");
    for (offset, most) in [
        (0, 10),
        (524_287, 2),
        (524_288, 1),
        (500_000, 1_100_000),
        (1_999_999, 10),
        (2_000_000, 5),
        (9_000_000, 5),
    ] {
        let chunk = store.output(hash(&large), offset, most).await.unwrap().unwrap();
        let from = usize::try_from(offset).unwrap().min(large.len());
        let to = (from + usize::try_from(most).unwrap()).min(large.len());
        assert!(chunk.data.0 == large[from..to], "{offset} {most}");
    }
    sql(dir.path(), "DELETE FROM pabawi_exec_pieces WHERE position = 2");
    assert_eq!(store.output(hash(&large), 0, 10).await.unwrap().unwrap().data.0.len(), 10);
    let error = store.output(hash(&large), 1_000_000, 1_000_000).await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt(text) if text.contains("piece")), "{error}");
}

/// R5.10, R5.11: the whole takes the place of head and tail; a file that is not what was announced is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_takes_the_place_of_its_head_and_tail() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let large = bytes(3, 3_000_000);
    let new = execution("cat", 3);
    store.create(new.clone()).await.unwrap();
    let part = |from: usize, to: usize| OutputData(Bytes::copy_from_slice(&large[from..to]));
    let shortened = CapturedOutput {
        hash: hash(&large),
        total_bytes: 3_000_000,
        kept: KeptOutput::HeadTail { head: part(0, 1_500_000), tail: part(2_999_900, 3_000_000) },
    };
    store.append(&[with_output(new.id, "n0", OK, Some(shortened))]).await.unwrap();
    let chunk = store.output(hash(&large), 1_499_999, 10).await.unwrap().unwrap();
    assert_eq!(chunk.omission.map(|hole| (hole.at, hole.bytes)), Some((1_500_000, 1_499_900)));
    assert!(
        chunk.data.0[..1] == large[1_499_999..1_500_000] && chunk.data.0[1..] == large[2_999_900..2_999_909]
    );

    let spilled = |path: &std::path::Path, total_bytes| {
        Some(CapturedOutput {
            hash: hash(&large),
            total_bytes,
            kept: KeptOutput::Spilled { path: path.to_owned() },
        })
    };
    let path = dir.path().join("spilled");
    std::fs::write(&path, &large[..2_999_999]).unwrap();
    let error = store.append(&[with_output(new.id, "n1", OK, spilled(&path, 3_000_000))]).await.unwrap_err();
    assert!(error.to_string().contains("2999999") && path.exists(), "{error}");
    std::fs::write(&path, &large).unwrap();
    for _ in 0..2 {
        // The second time the file is gone, and that is no fault.
        store.append(&[with_output(new.id, "n1", OK, spilled(&path, 3_000_000))]).await.unwrap();
        assert!(!path.exists());
    }
    let chunk = store.output(hash(&large), 2_999_990, 100).await.unwrap().unwrap();
    assert!(chunk.omission.is_none() && chunk.data.0 == large[2_999_990..]);
    assert_eq!(all_targets(&store, new.id).await[0].stdout.unwrap().omitted_bytes, 0);
}

/// What a process has brought into the database before it died, and nothing points to, goes; the rest stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leftovers_go_when_their_process_is_dead() {
    let dir = tempfile::tempdir().unwrap();
    let (store, living) = (open(dir.path()).await, open(dir.path()).await);
    let kept = bytes(1, 1_200_000);
    let new = execution("cat", 1);
    store.create(new.clone()).await.unwrap();
    store.append(&[start(new.id, "n0", 1), with_output(new.id, "n0", OK, whole(&kept))]).await.unwrap();
    store.append(&[finished(new.id, 1)]).await.unwrap();
    let count = || sql(dir.path(), "SELECT count(*) FROM pabawi_exec_large");
    // As a process leaves it that dies between the pieces and the row.
    let left = |by: &str| {
        format!(
            "INSERT INTO pabawi_exec_large SELECT decode(md5(random()::text), 'hex'), 1, 3, id, 0 FROM ({by}) AS w"
        )
    };
    sql(dir.path(), &left("SELECT id FROM pabawi_exec_owners"));
    assert_eq!(count(), "3\n");
    abandon(store, dir.path()).await;
    // A dead one that has left something open is forgotten with that; this one has not.
    sql(dir.path(), "INSERT INTO pabawi_exec_owners VALUES ('gone', 1, 1, 0, 1000, 'h', '', 0)");
    let third = open(dir.path()).await;
    assert_eq!(count(), "2\n", "what the living one is about to point to stays");
    let chunk = third.output(hash(&kept), 0, 2_000_000).await.unwrap().unwrap();
    assert!(chunk.data.0 == kept);
    living.close().await;
}

/// R11.13: what retention removes takes its pieces with it, unless somebody is about to point to them again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_outputs_take_their_pieces_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for seed in [1, 2] {
        let new = NewExecution { submitted_at: at(i64::from(seed)), ..execution("cat", 1) };
        store.create(new.clone()).await.unwrap();
        let large = bytes(seed, 1_200_000);
        store.append(&[start(new.id, "n0", 1), with_output(new.id, "n0", OK, whole(&large))]).await.unwrap();
        store.append(&[finished(new.id, 1)]).await.unwrap();
        if seed == 1 {
            sql(dir.path(), "UPDATE pabawi_exec_large SET used_at = used_at - 7200000");
        }
    }
    let all = ExecutionLimit { keep: Some(0), ..ExecutionLimit::default() };
    let cuts = store.execution_cuts(&[all]).await.unwrap();
    let mut from = None;
    while let Some(next) = store.prune_executions(&cuts, from, 10).await.unwrap().next {
        from = Some(next);
    }
    assert_eq!(sql(dir.path(), "SELECT count(*) FROM pabawi_exec_outputs"), "0\n");
    let left = "SELECT count(*), count(DISTINCT hash) FROM pabawi_exec_pieces";
    assert_eq!(sql(dir.path(), left), "3|1\n", "the second was used just now");
}
