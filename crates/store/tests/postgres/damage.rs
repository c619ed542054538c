//! A server whose pages were damaged on the disk.

use std::fs;
use std::path::PathBuf;

use pabawi_domain::journal::JournalQuery;
use pabawi_domain::ports::{
    BreakerStore as _, ExecutionStore as _, FactStore as _, GraphStore as _, JournalStore as _,
    PlanStore as _, StoreError,
};
use pabawi_domain::record::{ExecutionQuery, TargetQuery};
use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use pabawi_testkit::postgres::{End, Postgres};

use crate::everything::{self, plan};
use crate::records::{execution, hash, node};

/// Bytes of a page.
const PAGE: usize = 8192;

/// What can be asked of a store.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Executions,
    Targets,
    Attempts,
    Events,
    Output,
    Large,
    Graphs,
    Tasks,
    Plan,
    Breakers,
    Facts,
    Journal,
    Unsettled,
    Create,
    Open,
}

impl Ask {
    async fn of(self, store: &PostgresStore, options: &PostgresOptions) -> Result<(), StoreError> {
        let (id, run) = (everything::id(1), everything::id(3));
        match self {
            Self::Executions => store.executions(&ExecutionQuery::default()).await.map(drop),
            Self::Targets => store.targets(id, &TargetQuery::default()).await.map(drop),
            Self::Attempts => store.attempts(id, None).await.map(drop),
            Self::Events => store.events(id, 1, 10).await.map(drop),
            Self::Output => store.output(hash(everything::UP), 0, 10).await.map(drop),
            Self::Large => store.output(everything::large().1, 0, 10).await.map(drop),
            Self::Graphs => store.graph_run(run).await.map(drop),
            Self::Tasks => store.graph_tasks(run).await.map(drop),
            Self::Plan => store.plan(plan().hash).await.map(drop),
            Self::Breakers => store.breakers(0).await.map(drop),
            Self::Facts => store.facts_of(&[node("n0")]).await.map(drop),
            Self::Journal => store.journal(&JournalQuery::default()).await.map(drop),
            Self::Unsettled => store.unsettled().await.map(drop),
            Self::Open => PostgresStore::open(options.clone()).await.map(drop),
            Self::Create => store.create(execution("true", 1)).await.map(drop),
        }
    }
}

const INDEX: &str = "pabawi_exec_executions_id_key";
/// What is damaged, by which question it is met.
const DAMAGED: [(&str, Ask); 16] = [
    ("pabawi_exec_executions", Ask::Executions),
    (INDEX, Ask::Targets),
    ("pabawi_exec_targets", Ask::Targets),
    ("pabawi_exec_attempts", Ask::Attempts),
    ("pabawi_exec_segments", Ask::Events),
    ("pabawi_exec_outputs", Ask::Output),
    ("pabawi_exec_pieces", Ask::Large),
    ("pabawi_exec_graph_runs", Ask::Graphs),
    ("pabawi_exec_graph_tasks", Ask::Tasks),
    ("pabawi_exec_plans", Ask::Plan),
    ("pabawi_exec_breakers", Ask::Breakers),
    ("pabawi_exec_facts", Ask::Facts),
    ("pabawi_exec_journal", Ask::Journal),
    ("pabawi_exec_unsettled", Ask::Unsettled),
    ("pabawi_exec_executions", Ask::Create),
    ("pabawi_exec_migrations", Ask::Open),
];

/// A file of a stopped server, some of whose bytes are others, and what they were.
struct Damage {
    path: PathBuf,
    before: Vec<u8>,
}

impl Damage {
    /// Changes one byte of each page.
    fn to(path: PathBuf) -> Self {
        let before = fs::read(&path).unwrap();
        assert!(!before.is_empty() && before.len().is_multiple_of(PAGE), "{}", path.display());
        let mut after = before.clone();
        after.iter_mut().skip(PAGE / 2).step_by(PAGE).for_each(|byte| *byte ^= 0x10);
        fs::write(&path, after).unwrap();
        Self { path, before }
    }

    fn repair(self) {
        fs::write(self.path, self.before).unwrap();
    }
}

/// R5.5, bad input: damaged pages of any table are told as such, with the database and what to do; nothing is answered as if it
/// were not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_pages_are_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let mut server = Postgres::start_fragile(&dir.path().join("wal")).unwrap();
    server.create_database("pabawi").unwrap();
    let options = PostgresOptions::new(&server.url("pabawi"));
    let store = PostgresStore::open(options.clone()).await.unwrap();
    everything::write(&store).await;

    let file = |server: &Postgres, relation: &str| {
        let sql = format!("SELECT pg_relation_filepath('{relation}')");
        server.data().join(server.query("pabawi", &sql).unwrap().trim())
    };
    let is_told = |error: &StoreError| {
        assert!(matches!(error, StoreError::Corrupt(_)) && !error.is_retryable(), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains(store.place()) && text.contains("restore the database from a backup"),
            "{text}"
        );
    };
    for (_, ask) in DAMAGED.iter().filter(|(_, ask)| !matches!(ask, Ask::Create | Ask::Open)) {
        ask.of(&store, &options).await.unwrap_or_else(|error| panic!("{ask:?} before: {error}"));
    }
    let mut last: Option<Damage> = None;
    for (relation, ask) in DAMAGED {
        let path = file(&server, relation);
        server.stop(End::Fast);
        if let Some(last) = last.take() {
            last.repair();
        }
        last = Some(Damage::to(path));
        server.start_again().unwrap();
        match ask.of(&store, &options).await {
            Err(error) => is_told(&error),
            Ok(()) => panic!("{ask:?} does not see the damage of {relation}"),
        }
        // A look at the whole reads all rows. It names the table where it comes to tables.
        if relation != INDEX {
            let checked = pabawi_store::maintain::check(&options.clone().into()).await.unwrap();
            let is_named = checked.found.iter().any(|found| found.contains(relation));
            assert!(is_named || matches!(ask, Ask::Open) && !checked.is_sound(), "{relation}: {checked:?}");
        }
    }
    server.stop(End::Fast);
    last.unwrap().repair();
    server.start_again().unwrap();
    // It was the damage, and nothing else.
    store.close().await;
    let store = PostgresStore::open(options).await.unwrap();
    everything::check(&store, true).await;
    store.close().await;
}
