//! The files themselves: who may read them, what is in them, and files that are not ours or not whole.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pabawi_domain::action::{Action, CommandAction, EnvValue, RunAs, RunAsMethod};
use pabawi_domain::ports::{ExecutionStore, StoreError};
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::secret::Secret;
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use sqlx::{ConnectOptions, Connection};

use crate::records::{events, execution, node, open};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every file below a directory with its content.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.display().to_string(), Vec::new());
            found.extend(contents(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

async fn refused(path: &Path) -> StoreError {
    let error = SqliteStore::open(SqliteOptions::new(path)).await.unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    error
}

async fn raw(path: &Path) -> sqlx::SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

/// Decision 5: nobody but the owner may read any of it, whatever the umask lets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_may_read_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a").join("b").join("store.db");
    let store = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
    store.create(execution("true", 1)).await.unwrap();
    store.executions(&ExecutionQuery::default()).await.unwrap();
    for dir in [path.parent().unwrap().parent().unwrap(), path.parent().unwrap()] {
        assert_eq!(mode(dir), 0o700, "{}", dir.display());
    }
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
    assert!(path.with_file_name("store.db-wal").exists());
    store.close().await;
    assert!(!path.with_file_name("store.db-wal").exists(), "SQLite has tidied up");
    assert_eq!(fs::read_dir(path.with_file_name("store.db.owners")).unwrap().count(), 1, "only `open`");

    // An empty file that somebody has made is ours as well.
    let touched = dir.path().join("touched.db");
    fs::write(&touched, b"").unwrap();
    fs::set_permissions(&touched, fs::Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open(SqliteOptions::new(&touched)).await.unwrap().close().await;
    assert_eq!(mode(&touched), 0o600);
}

/// Decision 11: even when the caller forgot to take them out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_reaches_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut new = execution("true", 1);
    let mut command = CommandAction::new("echo in-the-clear");
    command.process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new("canary-env") });
    command.process.run_as = Some(RunAs {
        user: "root".into(),
        method: RunAsMethod::Sudo,
        password: Some(Secret::new("canary-sudo")),
    });
    new.request.action = Action::Command(command);
    new.targets[0].endpoint.password = Some(Secret::new("canary-login"));
    let id = new.id;
    store.create(new).await.unwrap();
    store.append(&[events(id, 1..=3)]).await.unwrap();
    let look = |when: &str| {
        let files = contents(dir.path());
        let holds = |needle: &[u8]| {
            files.iter().find(|(_, bytes)| bytes.windows(needle.len()).any(|part| part == needle))
        };
        assert!(holds(b"in-the-clear").is_some(), "the search works, {when}");
        assert_eq!(holds(b"canary").map(|(name, _)| name), None, "{when}");
    };
    look("while it is open");
    store.close().await;
    look("when it is closed");
}

/// Bad input: a database made by a newer version is left exactly as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    open(dir.path()).await.close().await;
    let mut conn = raw(&path).await;
    sqlx::query(
        "INSERT INTO pabawi_exec_migrations (version, description, success, checksum, execution_time) \
         VALUES (999, 'of the future', TRUE, x'00', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    fs::remove_dir_all(dir.path().join("store.db.owners")).unwrap();
    fs::remove_dir_all(dir.path().join("store.db.outputs")).unwrap();
    let before = contents(dir.path());
    let error = refused(&path).await;
    assert!(matches!(error, StoreError::TooNew(_)), "{error:?}");
    assert!(error.to_string().contains("999") && error.to_string().contains("newer program"), "{error}");
    assert!(contents(dir.path()) == before, "nothing was changed and nothing made");
}

/// Bad input: what is no database, or half of one, is refused and kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_half_a_database_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let garbage = dir.path().join("garbage.db");
    fs::write(&garbage, "this is no database, it is a text ".repeat(1000)).unwrap();
    let before = fs::read(&garbage).unwrap();
    let error = refused(&garbage).await;
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    assert!(error.to_string().contains("backup"), "{error}");
    assert!(fs::read(&garbage).unwrap() == before);

    let store = open(dir.path()).await;
    store.create(execution("true", 5_000)).await.unwrap();
    store.close().await;
    let whole = fs::read(dir.path().join("store.db")).unwrap();
    // SQLite has no checksums: it notices missing pages, not a missing byte.
    for keep in [100, 4096, whole.len() / 2, whole.len() - 4096] {
        let path = dir.path().join(format!("half-{keep}.db"));
        fs::write(&path, &whole[..keep]).unwrap();
        let error = refused(&path).await;
        assert!(matches!(error, StoreError::Corrupt(_)), "{keep}: {error:?}");
    }
    let folder = dir.path().join("folder.db");
    fs::create_dir(&folder).unwrap();
    refused(&folder).await;
}

/// Damage in the middle of a file is an error of the question that meets it, and no panic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_the_middle_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = open(dir.path()).await;
    let new = execution("true", 20_000);
    store.create(new.clone()).await.unwrap();
    store.close().await;
    let mut bytes = fs::read(&path).unwrap();
    let from = bytes.len() / 3;
    bytes[from..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let damaged = match SqliteStore::open(SqliteOptions::new(&path)).await {
        Err(error) => error,
        Ok(store) => store
            .output_groups(new.id, pabawi_domain::output::StreamKind::Stdout)
            .await
            .err()
            .unwrap_or_else(|| panic!("two thirds of the file are gone and nobody noticed")),
    };
    assert!(matches!(damaged, StoreError::Corrupt(_)), "{damaged:?}");
}

/// A store that has been there before opens with everything in it, and its settings are what durability needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_opens_again_with_everything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let new = execution("true", 3);
    for _ in 0..3 {
        let store = open(dir.path()).await;
        store.create(new.clone()).await.unwrap();
        let found = store.execution(new.id).await.unwrap().unwrap();
        assert_eq!((found.request, found.progress.queued), (new.request.clone(), 3));
        let mine = ExecutionQuery { target: Some(node("n2")), ..ExecutionQuery::default() };
        assert_eq!(store.executions(&mine).await.unwrap().items.len(), 1);
        store.close().await;
    }
    let mut conn = raw(&dir.path().join("store.db")).await;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut conn).await.unwrap();
    assert_eq!(mode, "wal");
}
