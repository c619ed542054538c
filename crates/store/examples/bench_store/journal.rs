//! How long a page of the journal takes, and how that grows with the number of entries, of ten thousand nodes.

use std::time::Instant;

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::{JournalQuery, event};
use pabawi_domain::ports::{ExecutionStore as _, JournalStore as _};
use pabawi_store::Store;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use crate::{Database, Failure, made, measure};

/// Nodes that have entries.
const NODES: usize = 10_000;
/// Entries of each execution.
const EACH: usize = 1000;
/// Entries in one statement.
const AT_ONCE: usize = 250_000;
/// The time of the first entry, in seconds of the Unix epoch; they come every second.
const FIRST: i64 = 1_700_000_000;

/// Runs a statement on a connection beside the store, with the settings that make it quick.
macro_rules! run {
    ($options:expr, $settings:expr, $statements:expr) => {{
        let mut conn = $options.connect().await?;
        for statement in $settings.into_iter().map(str::to_owned).chain($statements) {
            conn.execute(AssertSqlSafe(statement)).await?;
        }
        conn.close().await?;
    }};
}

pub(crate) async fn grow(database: &Database, sizes: &[usize]) -> Result<Value, Failure> {
    // Makes the tables.
    database.open().await?.close().await;
    let (mut written, mut found) = (0, Vec::new());
    for size in sizes {
        let begin = Instant::now();
        fill(database, written, *size).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let store = database.open().await?;
        let questions = ask(&store, *size).await?;
        store.close().await;
        found.push(json!({"size": size, "filled_in_seconds": seconds, "questions": questions}));
        written = *size;
    }
    Ok(json!({"sizes": found, "peak_bytes": measure::peak_bytes()?}))
}

/// Writes entries as they are after an upgrade from a version without chains: without hashes, and the heads say so. Through
/// the store, which chains them and indexes their words, five million would take longer than anybody waits.
async fn fill(database: &Database, from: usize, to: usize) -> Result<(), Failure> {
    let parts = (from..to).step_by(AT_ONCE).map(|first| (first, to.min(first + AT_ONCE)));
    match database.url() {
        Some(url) => {
            let rows = |(first, end): (usize, usize)| {
                let numbers = format!("FROM generate_series({first}, {}) AS x (n)", end - 1);
                entries("", &numbers, "lpad(to_hex(", "), 12, '0')", "lpad((n % 10000)::text, 6, '0')")
            };
            let last =
                [HEADS.replace("ZERO", "decode(repeat('00', 32), 'hex')"), "VACUUM ANALYZE".to_owned()];
            run!(
                url.parse::<PgConnectOptions>()?,
                ["SET synchronous_commit = off"],
                parts.map(rows).chain(last)
            );
        }
        None => {
            let rows = |(first, end): (usize, usize)| {
                let with = format!(
                    "WITH RECURSIVE x (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM x WHERE n < {})",
                    end - 1
                );
                entries(&with, "FROM x", "printf('%012x', ", ")", "printf('%06d', n % 10000)")
            };
            let settings = ["PRAGMA synchronous = OFF", "PRAGMA cache_size = -400000"];
            let last = [HEADS.replace("ZERO", "zeroblob(32)"), "PRAGMA wal_checkpoint(TRUNCATE)".to_owned()];
            let options =
                SqliteConnectOptions::new().filename(database.name()).journal_mode(SqliteJournalMode::Wal);
            run!(options, settings, parts.map(rows).chain(last));
        }
    }
    Ok(())
}

const HEADS: &str = "INSERT INTO pabawi_exec_journal_heads (node, seq, hash, unchained) \
     SELECT node, max(seq), ZERO, max(seq) FROM pabawi_exec_journal WHERE true GROUP BY node \
     ON CONFLICT (node) DO UPDATE SET seq = excluded.seq, unchained = excluded.unchained";

/// SQL that writes the entries of the numbers `n`; twelve hexadecimal digits of a number stand between `hex` and `digits`.
fn entries(with: &str, from: &str, hex: &str, digits: &str, node: &str) -> String {
    format!(
        "INSERT INTO pabawi_exec_journal (id, at, node, seq, event_type, source, execution_id, user_name, action, \
         result_status, summary, details) {with} SELECT '00000000-0000-8000-8000-' || {hex}n{digits}, \
         ({FIRST} + CAST(n AS BIGINT)) * 1000000000, 'node-' || {node} || '.example.com', n / {NODES} + 1, \
         CASE WHEN n % 1000 = 7 THEN '{rare}' ELSE '{common}' END, 'ssh', \
         '00000000-0000-0000-0000-' || {hex}(n / {EACH}){digits}, 'bench', 'uname -r', 'succeeded', \
         'Command: uname -r - succeeded', \
         '{{\"attempt\":1,\"durationMs\":12,\"entryPoint\":\"rust\",\"kind\":\"command\"}}' {from}",
        rare = event::PUPPET_RUN,
        common = event::COMMAND,
    )
}

fn execution(number: usize) -> ExecutionId {
    uuid::Uuid::from_u128((number / EACH) as u128).into()
}

async fn ask(store: &Store, entries: usize) -> Result<Value, Failure> {
    let all = JournalQuery::default;
    let page = async |query: JournalQuery| Ok::<_, Failure>(store.journal(&query).await?);
    let nodes = |time: usize| Ok::<_, Failure>(vec![made::node(time * 7919 % NODES)?]);
    let questions = [
        measure::asked("node", async |time| page(JournalQuery { nodes: nodes(time)?, ..all() }).await)
            .await?,
        measure::asked("all", async |_| page(all()).await).await?,
        measure::asked("all, two pages", async |_| {
            let first = page(all()).await?;
            page(JournalQuery { cursor: first.next_cursor, ..all() }).await
        })
        .await?,
        measure::asked("all up to a time", async |time| {
            let until = FIRST + i64::try_from(time * 104_729 % entries)?;
            page(JournalQuery { until: Some(Timestamp::from_second(until)?), ..all() }).await
        })
        .await?,
        measure::asked("type", async |_| {
            page(JournalQuery { event_types: vec![event::PUPPET_RUN.into()], ..all() }).await
        })
        .await?,
        measure::asked("execution", async |time| {
            let execution_id = Some(execution(time * 104_729 % entries));
            page(JournalQuery { execution_id, ..all() }).await
        })
        .await?,
    ];
    Ok(Value::Object(questions.into_iter().collect()))
}
