//! Circuit breakers that are not closed or have seen failures lately.

use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus, Component};
use pabawi_domain::ports::StoreError;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::place::Place;
use crate::codec;

/// Writes breakers within the open transaction; one that is closed and has seen no failure lately is forgotten.
pub(crate) async fn save(
    breakers: &[BreakerRecord],
    conn: &mut SqliteConnection,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = |error| place.sql("write circuit breakers", &error);
    // They change seldom and few at a time, so a statement each is good enough.
    for BreakerRecord { status: breaker, recent } in breakers {
        sqlx::query("DELETE FROM pabawi_exec_breakers WHERE component = $1")
            .bind(breaker.component.to_string())
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
        if breaker.state == BreakerState::Closed && breaker.failures == 0 {
            continue;
        }
        let recent = if recent.is_empty() { None } else { Some(codec::to_json(recent, "recent requests")?) };
        sqlx::query(
            "INSERT INTO pabawi_exec_breakers (component, state, since, failures, next_probe_at, recent) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(breaker.component.to_string())
        .bind(breaker.state.as_str())
        .bind(codec::nanos(breaker.since))
        .bind(i64::from(breaker.failures))
        .bind(breaker.next_probe_at.map(codec::nanos))
        .bind(recent)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
    }
    Ok(())
}

/// The breakers that are remembered, by component.
pub(crate) async fn all(pool: &SqlitePool, place: &Place) -> Result<Vec<BreakerRecord>, StoreError> {
    let fault = |error| place.sql("read circuit breakers", &error);
    let rows = sqlx::query(
        "SELECT component, state, since, failures, next_probe_at, recent FROM pabawi_exec_breakers \
         ORDER BY component",
    )
    .fetch_all(pool)
    .await
    .map_err(fault)?;
    rows.iter()
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
        .collect()
}
