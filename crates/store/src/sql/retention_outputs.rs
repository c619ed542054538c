//! Has old executions give up their outputs while they stay: the content of outputs that no other execution has goes, and what
//! their events hold of it. Length and hash stay. An execution that has given up all says so, and is not looked at again.

use pabawi_domain::event::EventKind;
use pabawi_domain::journal::{ExecutionLimit, OutputCut, OutputPlace, PrunedOutputs};
use pabawi_domain::ports::StoreError;

use super::list::id_of;
use super::place::Place;
use super::retention::{DeadOutput, EVENTS, file_of, tell_removed};
use super::retention_cuts::{self, AT_ONCE, Among, Seen, goes, looked_at};
use crate::codec;
use crate::db::{self, Builder, Connection, Pool};
use crate::row::{read_segment, segment_without};

/// Outputs that one step looks at.
const OUTPUTS: i64 = 2_000;
/// Segments of events that are read at once; each has some hundreds of kilobytes.
const SEGMENTS: i64 = 8;

/// What would go.
pub(crate) async fn cut(
    limits: &[ExecutionLimit],
    pool: &Pool,
    place: &Place,
) -> Result<OutputCut, StoreError> {
    let executions = retention_cuts::cuts(limits, Among::WithOutputs, pool, place).await?;
    let mut sql = Builder::new(
        "SELECT count(*), CAST(coalesce(sum(o.kept), 0) AS BIGINT) FROM pabawi_exec_outputs AS o WHERE o.kept > 0 \
         AND NOT EXISTS (SELECT 1 FROM pabawi_exec_output_uses AS u JOIN pabawi_exec_executions AS e \
         ON e.key = u.execution WHERE u.output = o.id AND e.outputs_given_up = 0 AND NOT ",
    );
    goes(&mut sql, &executions);
    sql.push(")");
    let fault = |error| place.sql("look which outputs are old", &error);
    let row = sql.build().fetch_one(pool).await.map_err(fault)?;
    Ok(OutputCut {
        outputs: codec::unsigned(row.try_get(0).map_err(fault)?, "a count")?,
        bytes: codec::unsigned(row.try_get(1).map_err(fault)?, "a count")?,
        executions,
    })
}

/// The place before the first execution behind `from` that gives up its outputs; absent where none does.
pub(crate) async fn next(
    cut: &OutputCut,
    from: Option<OutputPlace>,
    pool: &Pool,
    place: &Place,
) -> Result<Option<OutputPlace>, StoreError> {
    let after = match from {
        None => None,
        Some(OutputPlace::Execution(last)) => Some(last),
        Some(within) => return Ok(Some(within)),
    };
    let next = retention_cuts::next(&cut.executions, after, Among::WithOutputs, pool, place).await?;
    Ok(next.map(OutputPlace::Execution))
}

/// Has executions behind a place give up at most so many outputs within the open transaction.
pub(crate) async fn prune(
    cut: &OutputCut,
    from: OutputPlace,
    at_most: u32,
    conn: &mut Connection,
    place: &Place,
) -> Result<(PrunedOutputs, Vec<DeadOutput>), StoreError> {
    let fault = |error| place.sql("look which outputs are old", &error);
    let mut last = match from {
        OutputPlace::Execution(last) => last,
        OutputPlace::Output { execution, .. } | OutputPlace::Events { execution, .. } => {
            execution.saturating_sub(1)
        }
    };
    let seen = looked_at(&cut.executions, last, Among::WithOutputs, conn).await.map_err(fault)?;
    let is_all = codec::signed(seen.len() as u64) < AT_ONCE;
    let mut step = Step {
        done: PrunedOutputs::default(),
        files: Vec::new(),
        outputs: OUTPUTS,
        removals: u64::from(at_most.max(1)),
        bytes: EVENTS,
    };
    let mut stopped = None;
    for execution in seen {
        if execution.goes {
            // Another process may have done the rest of the one that was begun.
            let begun = Begun::of(from, execution.key).unwrap_or(Begun::Outputs(0));
            stopped = step.give_up(&execution, begun, conn, place).await?.map(|at| at.place(execution.key));
            if stopped.is_some() {
                break;
            }
        }
        last = execution.key;
    }
    step.done.next = stopped.or_else(|| (!is_all).then_some(OutputPlace::Execution(last)));
    if step.done.outputs > 0 {
        tell_removed(conn).await.map_err(fault)?;
    }
    Ok((step.done, step.files))
}

/// Up to where an execution has given up its outputs.
#[derive(Debug, Clone, Copy)]
enum Begun {
    /// Up to this output.
    Outputs(i64),
    /// All outputs, and those in events up to this number.
    Events(i64),
}

impl Begun {
    /// What a place says of this execution.
    fn of(place: OutputPlace, key: i64) -> Option<Self> {
        match place {
            OutputPlace::Output { execution, output } if execution == key => Some(Self::Outputs(output)),
            OutputPlace::Events { execution, seq } if execution == key => Some(Self::Events(seq)),
            _ => None,
        }
    }

    fn place(self, execution: i64) -> OutputPlace {
        match self {
            Self::Outputs(output) => OutputPlace::Output { execution, output },
            Self::Events(seq) => OutputPlace::Events { execution, seq },
        }
    }
}

/// What a step has done, and for how much more it has room.
#[derive(Debug)]
struct Step {
    done: PrunedOutputs,
    files: Vec<DeadOutput>,
    /// Outputs that it may still look at.
    outputs: i64,
    /// Outputs that it may still remove.
    removals: u64,
    /// Bytes of events that it may still go through.
    bytes: i64,
}

impl Step {
    /// Has an execution give up its outputs, and says where that goes on when there was no room for all.
    async fn give_up(
        &mut self,
        execution: &Seen,
        begun: Begun,
        conn: &mut Connection,
        place: &Place,
    ) -> Result<Option<Begun>, StoreError> {
        let seq = match begun {
            Begun::Events(seq) => seq,
            Begun::Outputs(after) => match self.take_outputs(execution.key, after, conn, place).await? {
                Some(last) => return Ok(Some(Begun::Outputs(last))),
                None => 0,
            },
        };
        if let Some(last) = self.strip_events(execution, seq, conn, place).await? {
            return Ok(Some(Begun::Events(last)));
        }
        db::query("UPDATE pabawi_exec_executions SET outputs_given_up = 1 WHERE key = $1")
            .bind(execution.key)
            .execute(conn)
            .await
            .map_err(|error| place.sql("remove old outputs", &error))?;
        Ok(None)
    }

    /// Removes the content of an execution's outputs behind one that nobody else has, and says which was the last one when there are
    /// more.
    async fn take_outputs(
        &mut self,
        key: i64,
        after: i64,
        conn: &mut Connection,
        place: &Place,
    ) -> Result<Option<i64>, StoreError> {
        let fault = |error| place.sql("remove old outputs", &error);
        // The newest of those who have it is the one most likely to keep it.
        let rows = db::query(
            "SELECT o.hash, o.file, o.kept = o.total, o.id, o.kept, o.kept > 0 AND (SELECT 1 \
             FROM pabawi_exec_output_uses AS w JOIN pabawi_exec_executions AS e ON e.key = w.execution \
             WHERE w.output = o.id AND w.execution <> $1 AND e.outputs_given_up = 0 \
             ORDER BY w.execution DESC LIMIT 1) IS NULL \
             FROM pabawi_exec_output_uses AS u JOIN pabawi_exec_outputs AS o ON o.id = u.output \
             WHERE u.execution = $1 AND u.output > $2 ORDER BY u.output LIMIT $3",
        )
        .bind(key)
        .bind(after)
        .bind(self.outputs)
        .fetch_all(&mut *conn)
        .await
        .map_err(fault)?;
        let mut last = after;
        for row in &rows {
            if self.removals == 0 {
                return Ok(Some(last));
            }
            last = row.try_get(3).map_err(fault)?;
            self.outputs -= 1;
            if !row.try_get::<bool>(5).map_err(fault)? {
                continue;
            }
            db::query(
                "UPDATE pabawi_exec_outputs SET kept = 0, head = 0, file = 0, body = NULL WHERE id = $1",
            )
            .bind(last)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
            self.removals -= 1;
            self.done.outputs += 1;
            self.done.bytes += codec::unsigned(row.try_get(4).map_err(fault)?, "an output's length")?;
            self.files.extend(file_of(row, place)?);
        }
        // Where there was no more room to look there may be more.
        Ok((self.outputs == 0).then_some(last))
    }

    /// Takes output out of an execution's events behind a number, and says which was the last one when there are more.
    async fn strip_events(
        &mut self,
        execution: &Seen,
        seq: i64,
        conn: &mut Connection,
        place: &Place,
    ) -> Result<Option<i64>, StoreError> {
        let fault = |error| place.sql("remove old outputs from events", &error);
        if self.bytes <= 0 {
            return Ok(Some(seq));
        }
        let id = id_of(&execution.id, place)?;
        // JSON of an event begins with its number, and its type follows at once or nearly so: this finds them all, and reads some
        // in vain.
        let rows = db::query(format!(
            "SELECT last_seq, CAST(length(body) AS BIGINT), CASE WHEN {} > 0 THEN body END FROM pabawi_exec_segments \
             WHERE execution = $1 AND last_seq > $3 ORDER BY last_seq LIMIT $4",
            conn.dialect().find("body", "$2")
        ))
        .bind(execution.key)
        .bind(&b"\"type\":\"output\""[..])
        .bind(seq)
        .bind(SEGMENTS)
        .fetch_all(&mut *conn)
        .await
        .map_err(fault)?;
        let mut last = seq;
        for row in &rows {
            last = row.try_get(0).map_err(fault)?;
            self.bytes -= row.try_get::<i64>(1).map_err(fault)?;
            let Some(body) = row.try_get::<Option<&[u8]>>(2).map_err(fault)? else { continue };
            let events = read_segment(id, body).map(|event| event.map(|(event, _)| event));
            let events = events.collect::<Result<Vec<_>, StoreError>>()?;
            let body = segment_without(&events, |kind| matches!(kind, EventKind::Output { .. }))?;
            db::query("UPDATE pabawi_exec_segments SET body = $3 WHERE execution = $1 AND last_seq = $2")
                .bind(execution.key)
                .bind(last)
                .bind(body)
                .execute(&mut *conn)
                .await
                .map_err(fault)?;
        }
        Ok((codec::signed(rows.len() as u64) == SEGMENTS).then_some(last))
    }
}
