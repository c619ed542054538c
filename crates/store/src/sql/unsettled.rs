//! Detached commands of which their node may still keep something, though their result is stored.

use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{DetachedName, StoreError};

use super::place::Place;
use crate::codec;
use crate::db::{self, Connection, Pool};

/// The most that are returned.
const MOST: i64 = 10_000;

/// A change of what a node keeps.
#[derive(Debug)]
pub(crate) struct KeptRow {
    pub(crate) name: DetachedName,
    /// Whether the node keeps it from now on, or no longer.
    pub(crate) kept: bool,
}

/// Writes changes in their order within the open transaction. One that is written again changes nothing.
pub(crate) async fn write(rows: &[KeptRow], conn: &mut Connection) -> db::Result<()> {
    // One for each detached command and one for its end, so a statement each is good enough.
    for KeptRow { name, kept } in rows {
        let sql = match kept {
            true => {
                "INSERT INTO pabawi_exec_unsettled (execution, node, attempt) VALUES ($1, $2, $3) \
                 ON CONFLICT (execution, node, attempt) DO NOTHING"
            }
            false => "DELETE FROM pabawi_exec_unsettled WHERE execution = $1 AND node = $2 AND attempt = $3",
        };
        db::query(sql)
            .bind(name.execution.to_string())
            .bind(name.node.as_str())
            .bind(i64::from(name.attempt))
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// What is kept, the newest first.
pub(crate) async fn all(pool: &Pool, place: &Place) -> Result<Vec<DetachedName>, StoreError> {
    let fault = |error| place.sql("read what nodes keep of detached commands", &error);
    let rows =
        db::query("SELECT execution, node, attempt FROM pabawi_exec_unsettled ORDER BY key DESC LIMIT $1")
            .bind(MOST)
            .fetch_all(pool)
            .await
            .map_err(fault)?;
    rows.iter()
        .map(|row| {
            let (execution, node): (&str, &str) =
                (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
            let bad = |what: String| place.corrupt(format!("a detached command: {what}"));
            Ok(DetachedName {
                execution: execution.parse().map_err(|error| bad(format!("{execution}: {error}")))?,
                node: NodeId::new(node).map_err(|error| bad(error.to_string()))?,
                attempt: codec::attempt(row.try_get(2).map_err(fault)?)?,
                may_exist: true,
            })
        })
        .collect()
}
