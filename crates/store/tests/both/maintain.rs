//! Looking after a database while no framework is open on it.

use std::os::unix::fs::PermissionsExt as _;

use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore as _, JournalStore as _, StoreError};
use pabawi_store::maintain::{backup, check, info, migrate, pending, vacuum};
use pabawi_store::{Store, StoreOptions};

use crate::journal::entry;
use crate::opened::{forget_the_newest, lose_large_outputs, open, options, restore, tamper};
use crate::records::{all_targets, execution, finished, hash, start, whole, with_output};

const OK: NodeOutcome = NodeOutcome::Succeeded;

async fn filled(store: &Store) -> (pabawi_domain::id::ExecutionId, Vec<u8>) {
    let large = b"0123456789".repeat(150_000);
    let new = execution("cat", 2);
    let id = new.id;
    store.create(new).await.unwrap();
    store.append(&[start(id, "n0", 1), with_output(id, "n0", OK, whole(&large))]).await.unwrap();
    store.append(&[start(id, "n1", 1), with_output(id, "n1", OK, whole(b"small"))]).await.unwrap();
    store.append(&[finished(id, 2)]).await.unwrap();
    (id, large)
}

/// Nothing is wrong with so many outputs.
async fn sound(options: &StoreOptions, outputs: u64) {
    let checked = check(options).await.unwrap();
    assert!(checked.is_sound() && checked.outputs == outputs, "{checked:?}");
}

/// What is in a database is told without changing it, also while others use it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_a_database_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::from(options(dir.path()));
    let store = open(dir.path()).await;
    filled(&store).await;
    let told = info(&options).await.unwrap();
    assert_eq!((told.executions, told.targets, told.outputs, told.processes), (1, 2, 2, 1));
    assert!(told.results == 2 && told.oldest == told.newest && told.oldest.is_some(), "{told:?}");
    assert!(told.large_output_bytes >= 1_500_000 && told.bytes > told.large_output_bytes, "{told:?}");
    assert_eq!(told.schema_version, Some(told.program_version));
    assert!(told.bytes > 1_500_000 && told.database == store.place(), "{told:?}");
    sound(&options, 2).await;
    let done = vacuum(&options).await.unwrap();
    assert!(done.after > 0, "{done:?}");
    assert_eq!(migrate(&options).await.unwrap().from, told.schema_version);
    store.close().await;
    assert_eq!(info(&options).await.unwrap().processes, 0);
}

/// A schema is brought up to date when somebody asks; until then nothing else is done with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_schema_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::from(options(dir.path()));
    open(dir.path()).await.close().await;
    forget_the_newest(dir.path()).await;
    let known = info(&options).await.unwrap();
    assert!(known.schema_version < Some(known.program_version), "{known:?}");
    for refused in [check(&options).await.map(drop), vacuum(&options).await.map(drop)] {
        let Err(StoreError::Unavailable(text)) = refused else { panic!("{refused:?}") };
        assert!(text.contains("pab db migrate"), "{text}");
    }
    let planned = pending(&options).await.unwrap();
    assert_eq!((planned.from, planned.to), (known.schema_version, known.program_version));
    assert_eq!(planned.steps.last().map(|step| step.version), Some(known.program_version));
    assert_eq!(info(&options).await.unwrap().schema_version, known.schema_version, "nothing was changed");
    assert_eq!(migrate(&options).await.unwrap(), planned);
    assert_eq!(pending(&options).await.unwrap().steps, []);
    sound(&options, 0).await;
}

/// What is missing is found, with its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::from(options(dir.path()));
    let store = open(dir.path()).await;
    let (_, large) = filled(&store).await;
    store.close().await;
    lose_large_outputs(dir.path()).await;
    let found = check(&options).await.unwrap().found;
    assert_eq!(found, [format!("the content of output {} has 0 bytes and not 1500000", hash(&large))]);
}

/// R5.5: a copy made while others write is whole, only its owner may read it, and it is brought back with all that is in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_brought_back() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::from(options(dir.path()));
    let store = open(dir.path()).await;
    let (id, large) = filled(&store).await;
    let path = dir.path().join("copy");
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..50 {
                store.create(execution("meanwhile", 3)).await.unwrap();
            }
        }
    });
    let done = backup(&options, &path).await.unwrap();
    writing.await.unwrap();
    assert_eq!((done.path.as_path(), done.bytes), (path.as_path(), std::fs::metadata(&path).unwrap().len()));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = backup(&options, &path).await.unwrap_err();
    assert!(again.to_string().contains("copy"), "{again}");
    store.close().await;
    let (dir, store) = restore(dir.path(), &path).await;
    assert_eq!(all_targets(&store, id).await.len(), 2);
    let chunk = store.output(hash(&large), 1_499_995, 100).await.unwrap().unwrap();
    assert!(chunk.data.0 == large[1_499_995..]);
    store.close().await;
    drop(dir);
}

/// What was changed is found: an output by its hash, an entry of the journal by its chain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::from(options(dir.path()));
    let store = open(dir.path()).await;
    filled(&store).await;
    store.append_journal(&[entry("a", "web1", 1), entry("b", "web1", 2)]).await.unwrap();
    store.close().await;
    let checked = check(&options).await.unwrap();
    assert!(checked.is_sound() && checked.journal_entries >= 2, "{checked:?}");
    tamper(dir.path(), "UPDATE pabawi_exec_outputs SET body = x'00', kept = 1, total = 1 WHERE file = 0")
        .await;
    tamper(dir.path(), "DELETE FROM pabawi_exec_journal WHERE node = 'web1' AND seq = 1").await;
    let found = check(&options).await.unwrap().found;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("is not what was written") && found[1].starts_with("journal: "), "{found:?}");
}
