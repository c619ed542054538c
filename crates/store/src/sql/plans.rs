//! Plans that were shown and may be applied later.

use jiff::Timestamp;
use pabawi_domain::ports::StoreError;
use pabawi_domain::preview::{PlanHash, PlanHead, StoredPlan};

use super::place::Place;
use crate::codec;
use crate::db::{self, Connection, Pool, Row};

/// Writes a plan within the open transaction, in place of one of the same hash.
pub(crate) async fn save(plan: &StoredPlan, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    db::query(
        "INSERT INTO pabawi_exec_plans (hash, created_at, expires_at, plan) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (hash) DO UPDATE SET created_at = excluded.created_at, expires_at = excluded.expires_at, \
         plan = excluded.plan",
    )
    .bind(plan.hash.to_string())
    .bind(codec::nanos(plan.created_at))
    .bind(codec::nanos(plan.expires_at))
    .bind(codec::to_json(plan, "a plan")?)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(|error| place.sql("write a plan", &error))
}

/// Removes plans within the open transaction.
pub(crate) async fn forget(
    expired_before: Timestamp,
    conn: &mut Connection,
    place: &Place,
) -> Result<u64, StoreError> {
    db::query("DELETE FROM pabawi_exec_plans WHERE expires_at < $1")
        .bind(codec::nanos(expired_before))
        .execute(conn)
        .await
        .map_err(|error| place.sql("forget old plans", &error))
}

/// The plan of that hash.
pub(crate) async fn one(
    hash: PlanHash,
    pool: &Pool,
    place: &Place,
) -> Result<Option<StoredPlan>, StoreError> {
    let fault = |error| place.sql("read a plan", &error);
    let row = db::query("SELECT plan FROM pabawi_exec_plans WHERE hash = $1")
        .bind(hash.to_string())
        .fetch_optional(pool)
        .await
        .map_err(fault)?;
    row.map(|row| codec::from_json(row.try_get(0).map_err(fault)?, "a plan")).transpose()
}

/// Plans whose hash begins so, newest first.
pub(crate) async fn heads(
    beginning: &str,
    limit: u32,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<PlanHead>, StoreError> {
    let rows = db::query(
        "SELECT hash, created_at, expires_at FROM pabawi_exec_plans WHERE substr(hash, 1, length($1)) = $1 \
         ORDER BY created_at DESC, hash LIMIT $2",
    )
    .bind(beginning)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    .map_err(|error| place.sql("list plans", &error))?;
    rows.iter().map(|row| head(row, place)).collect()
}

fn head(row: &Row, place: &Place) -> Result<PlanHead, StoreError> {
    let fault = |error| place.sql("list plans", &error);
    let hash: &str = row.try_get(0).map_err(fault)?;
    Ok(PlanHead {
        hash: hash.parse().map_err(|error| place.corrupt(format!("a plan: {error}")))?,
        created_at: codec::timestamp(row.try_get(1).map_err(fault)?),
        expires_at: codec::timestamp(row.try_get(2).map_err(fault)?),
    })
}
