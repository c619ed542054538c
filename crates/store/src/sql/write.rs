//! Writes a [`Plan`]: one statement for many rows of each table.

use std::collections::{BTreeSet, HashMap};

use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use super::journal;
use super::live::Live;
use super::output_rows::{KnownOutputs, write_outputs};
use super::place::Place;
use super::plan::{Plan, TargetRow};
use super::unsettled;
use crate::codec;
use crate::db::{self, Connection, Dialect, Step, Steps, bulk, run_steps};

/// What a written plan leaves to be remembered once it is committed.
pub(crate) type NewlyKnown = HashMap<ContentHash, super::output_rows::KnownOutput>;

/// Writes what has happened within the open transaction. [`write_told`] has to follow.
pub(crate) async fn write_results(
    plan: &Plan,
    known: &KnownOutputs,
    conn: &mut Connection,
    place: &Place,
) -> Result<NewlyKnown, StoreError> {
    let (ids, newly_known) = write_outputs(&plan.outputs, known, conn, place).await?;
    let steps = results(plan, &ids, conn.dialect());
    run_steps(steps, conn).await.map_err(|(doing, fault)| place.sql(doing, &fault))?;
    let kept = unsettled::write(&plan.kept, conn).await;
    kept.map_err(|error| place.sql("write what nodes keep of detached commands", &error))?;
    Ok(newly_known)
}

/// Writes what is told of it, and how executions stand.
pub(crate) async fn write_told(
    plan: &Plan,
    live: &mut Live,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let segments = segments(plan, conn.dialect());
    journal::append(&plan.journal, segments, conn, place).await?;
    write_executions(plan, live, conn, place).await
}

fn results<'s>(plan: &'s Plan, ids: &'s [i64], dialect: Dialect) -> Steps<'s> {
    let results = attempts(plan, dialect).chain(targets(plan, ids, dialect));
    Box::new(results.chain(uses(plan, ids, dialect)))
}

fn targets<'s>(plan: &'s Plan, ids: &'s [i64], dialect: Dialect) -> impl Iterator<Item = Step> + 's {
    let id = |at: Option<usize>| at.and_then(|at| ids.get(at)).copied();
    bulk::chunks(&plan.targets).map(move |chunk| {
        let sql = bulk::values(
            dialect,
            "UPDATE pabawi_exec_targets AS t SET state = v.column3, attempt = v.column4, \
             started_at = v.column5, finished_at = v.column6, stdout = v.column7, stderr = v.column8, \
             outcome = v.column9, detail = v.column10 FROM (VALUES ",
            10,
            chunk.len(),
            ") AS v WHERE t.execution = v.column1 AND t.position = v.column2",
        );
        let mut query = db::query(sql);
        for row in chunk {
            query = query
                .bind(row.execution)
                .bind(row.position)
                .bind(codec::state_code(row.state))
                .bind(row.attempt)
                .bind(row.started_at)
                .bind(row.finished_at)
                .bind(id(row.stdout))
                .bind(id(row.stderr))
                .bind(row.word)
                .bind(row.detail.clone());
        }
        ("write results", query)
    })
}

/// Which executions have which outputs: each pair once, however many targets it is about.
fn uses(plan: &Plan, ids: &[i64], dialect: Dialect) -> std::vec::IntoIter<Step> {
    let outputs = |row: &TargetRow| [row.stdout, row.stderr].map(|at| Some((*ids.get(at?)?, row.execution)));
    let uses: BTreeSet<(i64, i64)> = plan.targets.iter().flat_map(outputs).flatten().collect();
    let uses: Vec<(i64, i64)> = uses.into_iter().collect();
    let statement = |chunk: &[(i64, i64)]| {
        let sql = bulk::values(
            dialect,
            "INSERT INTO pabawi_exec_output_uses (output, execution) VALUES ",
            2,
            chunk.len(),
            " ON CONFLICT (output, execution) DO NOTHING",
        );
        let mut query = db::query(sql);
        for (output, execution) in chunk {
            query = query.bind(*output).bind(*execution);
        }
        ("write who has which output", query)
    };
    bulk::chunks(&uses).map(statement).collect::<Vec<Step>>().into_iter()
}

fn attempts(plan: &Plan, dialect: Dialect) -> impl Iterator<Item = Step> {
    bulk::chunks(&plan.attempts).map(move |chunk| {
        let sql = bulk::values(
            dialect,
            "INSERT INTO pabawi_exec_attempts (execution, position, attempt, started_at, finished_at, outcome, \
             detail) VALUES ",
            7,
            chunk.len(),
            " ON CONFLICT (execution, position, attempt) DO NOTHING",
        );
        let mut query = db::query(sql);
        for row in chunk {
            query = query
                .bind(row.execution)
                .bind(row.position)
                .bind(row.attempt)
                .bind(row.started_at)
                .bind(row.finished_at)
                .bind(row.word)
                .bind(row.detail.clone());
        }
        ("write attempts", query)
    })
}

/// A segment that is stored already, alone or as a part of another, is left out: the same call may have come
/// before.
fn segments(plan: &Plan, dialect: Dialect) -> Steps<'_> {
    Box::new(bulk::chunks(&plan.segments).map(move |chunk| {
        let sql = bulk::values(
            dialect,
            "INSERT INTO pabawi_exec_segments (execution, last_seq, first_seq, body) \
             SELECT v.column1, v.column2, v.column3, v.column4 FROM (VALUES ",
            4,
            chunk.len(),
            ") AS v WHERE NOT EXISTS (SELECT 1 FROM pabawi_exec_segments AS s \
             WHERE s.execution = v.column1 AND s.last_seq >= v.column2 AND s.first_seq <= v.column3)",
        );
        let mut query = db::query(sql);
        for row in chunk {
            query =
                query.bind(row.execution).bind(row.last_seq).bind(row.first_seq).bind(row.body.as_slice());
        }
        ("write events", query)
    }))
}

async fn write_executions(
    plan: &Plan,
    live: &mut Live,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = |error| place.sql("write an execution", &error);
    for chunk in bulk::chunks(&plan.executions) {
        // An execution that has ended keeps its status, whatever a repeated call says of its start.
        let sql = bulk::values(
            conn.dialect(),
            "UPDATE pabawi_exec_executions AS e SET \
             status = coalesce(v.column2, CASE WHEN v.column3 IS NOT NULL AND e.status = 'queued' \
             THEN 'running' ELSE e.status END), \
             started_at = coalesce(e.started_at, v.column3), \
             finished_at = coalesce(v.column4, e.finished_at), \
             summary = coalesce(v.column5, e.summary), \
             progress = coalesce(v.column6, e.progress) FROM (VALUES ",
            6,
            chunk.len(),
            ") AS v WHERE e.key = v.column1",
        );
        let mut query = db::query(sql);
        for row in chunk {
            let progress = match live.get_mut(row.id) {
                Some(execution) if row.counts => Some(codec::to_json(&execution.progress, "the counts")?),
                _ => None,
            };
            query = query
                .bind(row.key)
                .bind(row.status)
                .bind(row.started_at)
                .bind(row.finished_at)
                .bind(row.summary.clone())
                .bind(progress);
        }
        query.execute(&mut *conn).await.map_err(fault)?;
    }
    let over: Vec<i64> =
        plan.executions.iter().filter(|row| row.finished_at.is_some()).map(|row| row.key).collect();
    drop_cancel_requests(&over, conn).await.map_err(fault)
}

/// Words left for executions that are over reach nobody.
pub(crate) async fn drop_cancel_requests(over: &[i64], conn: &mut Connection) -> db::Result<()> {
    if over.is_empty() {
        return Ok(());
    }
    // Hardly ever is there one.
    let any = db::query("SELECT 1 FROM pabawi_exec_cancel_requests LIMIT 1").fetch_optional(&mut *conn);
    if any.await?.is_none() {
        return Ok(());
    }
    for key in over {
        db::query("DELETE FROM pabawi_exec_cancel_requests WHERE execution = $1")
            .bind(*key)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
