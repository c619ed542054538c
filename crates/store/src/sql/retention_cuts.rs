//! Which executions are old by which limit, and the walk over them in the order of their submission.

use std::cmp::Reverse;

use pabawi_domain::journal::{ExecutionCut, ExecutionLimit};
use pabawi_domain::ports::StoreError;

use super::limits::{Limit, by_first, follows, number};
use super::place::Place;
use crate::codec;
use crate::db::{self, Builder, Connection, Pool};

/// Executions that one step looks at.
pub(super) const AT_ONCE: i64 = 100;
/// Of those that are over; the others always stay.
const OVER: &str = "e.status NOT IN ('queued', 'running')";

/// Which executions are walked over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    /// All of them.
    All,
    /// Those that have not given up their outputs.
    WithOutputs,
}

impl Among {
    fn sql(self) -> &'static str {
        match self {
            Self::All => "",
            Self::WithOutputs => " AND e.outputs_given_up = 0",
        }
    }
}

/// An execution that a step looks at.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) key: i64,
    pub(super) id: String,
    /// Whether it goes by one of the cuts.
    pub(super) goes: bool,
}

impl Limit for ExecutionLimit {
    fn rank(&self) -> u8 {
        self.rank()
    }

    fn is_about(&self, sql: &mut Builder, before: &str) {
        sql.push(before).push("(1 = 1");
        if let Some(kind) = self.action_kind {
            sql.push(" AND e.action_kind = ").push_bind(kind.as_str());
        }
        if let Some(plugin) = &self.plugin {
            sql.push(
                " AND EXISTS (SELECT 1 FROM pabawi_exec_plugins AS p WHERE p.execution = e.key AND p.plugin = ",
            );
            sql.push_bind(plugin.as_str()).push(")");
        }
        sql.push(")");
    }
}

/// What would go of these, for each limit.
pub(super) async fn cuts(
    limits: &[ExecutionLimit],
    among: Among,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<ExecutionCut>, StoreError> {
    let fault = |error| place.sql("look which executions are old", &error);
    let mut cuts = Vec::with_capacity(limits.len());
    for limit in limits {
        let mut mark = limit.before.map(codec::nanos);
        if let Some(keep) = limit.keep {
            // The newest of those that are too many.
            let mut sql = Builder::new(format!("SELECT e.key FROM pabawi_exec_executions AS e WHERE {OVER}"));
            follows(&mut sql, limit, limits);
            sql.push(" ORDER BY e.key DESC LIMIT 1 OFFSET ").push_bind(codec::signed(keep));
            if let Some(row) = sql.build().fetch_optional(pool).await.map_err(fault)? {
                let after = row.try_get::<i64>(0).map_err(fault)?.saturating_add(1);
                mark = Some(mark.map_or(after, |mark| mark.max(after)));
            }
        }
        cuts.push(ExecutionCut { limit: limit.clone(), executions: 0, targets: 0, newest: None, mark });
    }
    let ordered = ordered(&cuts);
    let mut sql = Builder::new("SELECT ");
    number(&mut sql, &ordered);
    sql.push(
        ", count(*), max(e.submitted_at), CAST(sum((SELECT count(*) FROM pabawi_exec_targets AS t \
         WHERE t.execution = e.key)) AS BIGINT) FROM pabawi_exec_executions AS e WHERE ",
    );
    goes(&mut sql, &cuts);
    bounds(&mut sql, &cuts, None, among);
    sql.push(" GROUP BY 1");
    for row in sql.build().fetch_all(pool).await.map_err(fault)? {
        let number = usize::try_from(row.try_get::<i64>(0).map_err(fault)?).ok();
        let Some(cut) = number.and_then(|number| cuts.get_mut(number)) else { continue };
        cut.executions = codec::unsigned(row.try_get(1).map_err(fault)?, "a count")?;
        cut.newest = row.try_get::<Option<i64>>(2).map_err(fault)?.map(codec::timestamp);
        cut.targets = codec::unsigned(row.try_get(3).map_err(fault)?, "a count")?;
    }
    Ok(cuts)
}

/// The place before the first execution behind `from` that goes; absent where none does.
pub(super) async fn next(
    cuts: &[ExecutionCut],
    from: Option<i64>,
    among: Among,
    pool: &Pool,
    place: &Place,
) -> Result<Option<i64>, StoreError> {
    let fault = |error| place.sql("look which executions are old", &error);
    let mut sql = Builder::new("SELECT e.key FROM pabawi_exec_executions AS e WHERE ");
    goes(&mut sql, cuts);
    bounds(&mut sql, cuts, from, among);
    sql.push(" ORDER BY e.key LIMIT 1");
    let row = sql.build().fetch_optional(pool).await.map_err(fault)?;
    let key = row.map(|row| row.try_get::<i64>(0)).transpose().map_err(fault)?;
    Ok(key.map(|key| key.saturating_sub(1)))
}

/// The next executions behind a place, whatever becomes of them; fewer than [`AT_ONCE`] when there are no more.
pub(super) async fn looked_at(
    cuts: &[ExecutionCut],
    from: i64,
    among: Among,
    conn: &mut Connection,
) -> db::Result<Vec<Seen>> {
    let rows = look(cuts, from, among).build().fetch_all(conn).await?;
    let seen = rows.iter().map(|row| {
        Ok(Seen {
            key: row.try_get(0)?,
            id: row.try_get::<&str>(1)?.to_owned(),
            goes: row.try_get::<bool>(2)?,
        })
    });
    seen.collect()
}

fn look(cuts: &[ExecutionCut], from: i64, among: Among) -> Builder {
    let mut sql = Builder::new("SELECT e.key, e.id, ");
    goes(&mut sql, cuts);
    sql.push(" FROM pabawi_exec_executions AS e WHERE 1 = 1");
    bounds(&mut sql, cuts, Some(from), among);
    sql.push(" ORDER BY e.key LIMIT ").push_bind(AT_ONCE);
    sql
}

/// Writes that an execution goes by these cuts.
pub(super) fn goes(sql: &mut Builder, cuts: &[ExecutionCut]) {
    sql.push("(").push(OVER).push(" AND ");
    let is_older = |sql: &mut Builder, number: usize| {
        match cuts.get(number).and_then(|cut| cut.mark) {
            Some(mark) => sql.push("e.key < ").push_bind(mark),
            None => sql.push("1 = 0"),
        };
    };
    by_first(sql, &ordered(cuts), is_older, "1 = 0");
    sql.push(")");
}

/// The limits by what they say, and of those that say as much the one first that keeps longest.
fn ordered(cuts: &[ExecutionCut]) -> Vec<(usize, &ExecutionLimit)> {
    let mut ordered: Vec<(usize, &ExecutionCut)> = cuts.iter().enumerate().collect();
    ordered.sort_by_key(|(_, cut)| (Reverse(cut.limit.rank()), cut.mark));
    ordered.into_iter().map(|(number, cut)| (number, &cut.limit)).collect()
}

/// Writes the part of the table in which executions go.
fn bounds(sql: &mut Builder, cuts: &[ExecutionCut], from: Option<i64>, among: Among) {
    let mark = cuts.iter().filter_map(|cut| cut.mark).max().unwrap_or(i64::MIN);
    sql.push(among.sql()).push(" AND e.key < ").push_bind(mark);
    if let Some(from) = from {
        sql.push(" AND e.key > ").push_bind(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::explained::Explained;
    use pabawi_domain::action::ActionKind;
    use pabawi_domain::id::PluginName;

    /// However many executions stand before, a step begins at its place and reads in the order of their submission; those that have
    /// given up their outputs are not even read.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_step_begins_where_the_last_one_ended() {
        let explained = Explained::new().await;
        let limit = |action_kind, plugin: Option<&str>| ExecutionCut {
            limit: ExecutionLimit {
                action_kind,
                plugin: plugin.and_then(|name| PluginName::new(name).ok()),
                ..ExecutionLimit::default()
            },
            executions: 1,
            targets: 1,
            newest: None,
            mark: Some(9),
        };
        let cuts = [limit(None, None), limit(Some(ActionKind::Task), None), limit(None, Some("bolt"))];
        let plugins = "SEARCH p USING PRIMARY KEY (plugin=? AND execution=?)";
        for (among, search) in [
            (Among::All, "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (
                Among::WithOutputs,
                "SEARCH e USING INDEX pabawi_exec_executions_with_outputs (key>? AND key<?)",
            ),
        ] {
            let plan = explained.steps(look(&cuts, 1, among).sql()).await;
            assert_eq!(plan, [search, "CORRELATED SCALAR SUBQUERY 1", plugins]);
        }
        explained.close().await;
    }
}
