//! Files that a process that died left in the directory for complete output. Main function:
//! [`remove_left_spills`]. It removes nothing of an execution that may still run, nor what is not ours.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{ExecutionStore, StoreError};

/// Length of an execution id, with which the names of our files begin.
const ID_LENGTH: usize = 36;
/// At most so many files are looked at; the rest is for the next start.
const MAX_FILES: usize = 10_000;

/// Removes the files of executions that have ended: who ends an execution in order leaves none, so their process
/// died. A file that cannot be removed is told to the log.
///
/// # Errors
/// [`StoreError`] when the store cannot be asked.
pub(crate) async fn remove_left_spills(dir: &Path, store: &dyn ExecutionStore) -> Result<(), StoreError> {
    let dir = dir.to_owned();
    let found = tokio::task::spawn_blocking(move || files_by_execution(&dir)).await.unwrap_or_default();
    for (id, files) in found {
        // An execution that this store does not know belongs to a store that shares the directory.
        if !store.execution(id).await?.is_some_and(|record| record.status.is_final()) {
            continue;
        }
        // A panic there is one of the standard library's; the files are for the next start then.
        let _ = tokio::task::spawn_blocking(move || remove(id, &files)).await;
    }
    Ok(())
}

fn files_by_execution(dir: &Path) -> BTreeMap<ExecutionId, Vec<PathBuf>> {
    let mut found: BTreeMap<ExecutionId, Vec<PathBuf>> = BTreeMap::new();
    // Most often there is no such directory.
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for entry in entries.flatten().take(MAX_FILES) {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| {
            let (id, rest) = name.split_at_checked(ID_LENGTH)?;
            rest.starts_with('-').then(|| id.parse().ok())?
        });
        if let Some(id) = id {
            found.entry(id).or_default().push(entry.path());
        }
    }
    found
}

fn remove(id: ExecutionId, files: &[PathBuf]) {
    for path in files {
        match std::fs::remove_file(path) {
            Ok(()) => tracing::info!(execution_id = %id, path = %path.display(),
                "removed output that a process that died had not stored"),
            // Somebody else who started now was quicker.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(execution_id = %id, path = %path.display(), %error,
                "output that a process that died had not stored cannot be removed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pabawi_domain::action::{Action, CommandAction};
    use pabawi_domain::node::TargetExpression;
    use pabawi_domain::record::NewExecution;
    use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
    use pabawi_testkit::memory_store::MemoryStore;

    use std::collections::BTreeSet;

    use super::*;

    async fn create(store: &MemoryStore, id: ExecutionId) {
        let action = Action::Command(CommandAction::new("true"));
        let execution = NewExecution {
            id,
            caller: Caller { user: "ops".into(), entry_point: EntryPoint::Rust },
            request: ExecutionRequest::new(action, TargetExpression::new("a")),
            targets: Vec::new(),
            plugins: BTreeSet::new(),
            submitted_at: Timestamp::UNIX_EPOCH,
        };
        store.create(execution).await.unwrap();
    }

    #[tokio::test]
    async fn only_files_of_executions_that_have_ended_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let [dead, live, foreign] = [1, 2, 3].map(|at| ExecutionId::from_parts(at, [7; 10]));
        let store = MemoryStore::new();
        create(&store, dead).await;
        store.orphan_all();
        assert_eq!(store.recover(Timestamp::UNIX_EPOCH).await.unwrap(), [dead]);
        create(&store, live).await;
        let write = |name: String| std::fs::write(dir.path().join(name), "x").unwrap();
        for id in [dead, live, foreign] {
            write(format!("{id}-0.stdout"));
            write(format!("{id}-12.stderr"));
        }
        write(format!("{dead}.notes"));
        write("letter".to_owned());

        remove_left_spills(dir.path(), &store).await.unwrap();
        let mut left: Vec<String> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = vec!["letter".to_owned(), format!("{dead}.notes")];
        for id in [live, foreign] {
            expected.extend([format!("{id}-0.stdout"), format!("{id}-12.stderr")]);
        }
        expected.sort();
        assert_eq!(left, expected);
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_holds_nothing() {
        remove_left_spills(Path::new("/no/such/directory"), &MemoryStore::new()).await.unwrap();
    }
}
