//! Circuit breakers: where they stand, by the order in which that was written.

use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus, Component};
use pabawi_domain::ports::{StoreError, StoredBreakers};

use super::place::Place;
use crate::codec;
use crate::db::{self, Connection, Pool};

/// For so long it is remembered that a breaker is closed and has seen no failure, in nanoseconds: a day.
const QUIET_KEPT: i64 = 24 * 60 * 60 * 1_000_000_000;

/// Writes breakers within the open transaction, except where the table knows better.
pub(crate) async fn save(
    breakers: &[BreakerRecord],
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = |error| place.sql("write circuit breakers", &error);
    let mut quiet_since = None;
    // They change seldom and few at a time, so two statements each are good enough.
    for BreakerRecord { status: breaker, recent } in breakers {
        let since = codec::nanos(breaker.since);
        // By this the row gets another version.
        db::query("DELETE FROM pabawi_exec_breakers WHERE component = $1 AND since <= $2")
            .bind(breaker.component.to_string())
            .bind(since)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
        let recent = if recent.is_empty() { None } else { Some(codec::to_json(recent, "recent requests")?) };
        db::query(
            "INSERT INTO pabawi_exec_breakers (component, state, since, failures, next_probe_at, recent) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (component) DO NOTHING",
        )
        .bind(breaker.component.to_string())
        .bind(breaker.state.as_str())
        .bind(since)
        .bind(i64::from(breaker.failures))
        .bind(breaker.next_probe_at.map(codec::nanos))
        .bind(recent)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
        if breaker.state == BreakerState::Closed && breaker.failures == 0 {
            quiet_since = quiet_since.max(Some(since));
        }
    }
    if let Some(since) = quiet_since {
        db::query("DELETE FROM pabawi_exec_breakers WHERE state = 'closed' AND failures = 0 AND since < $1")
            .bind(since.saturating_sub(QUIET_KEPT))
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
    }
    Ok(())
}

/// The breakers that were written after that version.
pub(crate) async fn written_after(
    after: u64,
    pool: &Pool,
    place: &Place,
) -> Result<StoredBreakers, StoreError> {
    let fault = |error| place.sql("read circuit breakers", &error);
    let rows = db::query(
        "SELECT component, state, since, failures, next_probe_at, recent, version FROM pabawi_exec_breakers \
         WHERE version > $1 ORDER BY version",
    )
    .bind(codec::signed(after))
    .fetch_all(pool)
    .await
    .map_err(fault)?;
    let mark = match rows.last() {
        Some(last) => codec::unsigned(last.try_get(6).map_err(fault)?, "a circuit breaker's version")?,
        None => after,
    };
    let records = rows
        .iter()
        .map(|row| {
            let component: &str = row.try_get(0).map_err(fault)?;
            let component: Component =
                component.parse().map_err(|error| place.corrupt(format!("a circuit breaker: {error}")))?;
            let state: &str = row.try_get(1).map_err(fault)?;
            let known = [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen];
            let state = known
                .into_iter()
                .find(|known| known.as_str() == state)
                .ok_or_else(|| place.corrupt(format!("unknown state {state:?} of {component}")))?;
            let failures: i64 = row.try_get(3).map_err(fault)?;
            let next_probe_at: Option<i64> = row.try_get(4).map_err(fault)?;
            let recent: Option<&str> = row.try_get(5).map_err(fault)?;
            let recent = recent.map(|text| codec::from_json(text, "recent requests")).transpose()?;
            let status = BreakerStatus {
                component,
                state,
                since: codec::timestamp(row.try_get(2).map_err(fault)?),
                failures: u32::try_from(failures).unwrap_or(u32::MAX),
                next_probe_at: next_probe_at.map(codec::timestamp),
            };
            Ok(BreakerRecord { status, recent: recent.unwrap_or_default() })
        })
        .collect::<Result<Vec<BreakerRecord>, StoreError>>()?;
    Ok(StoredBreakers { records, mark })
}
