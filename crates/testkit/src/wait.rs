//! Waiting for a condition with a deadline, so that no test sleeps and hopes.
//!
//! Main functions: [`until`] for threads and [`until_async`] for tasks. They poll; they must not be used to
//! measure how long something took.

use std::time::{Duration, Instant};

/// Time between two looks at a condition.
const POLL: Duration = Duration::from_millis(10);

/// A condition did not become true before its deadline.
#[derive(Debug, thiserror::Error)]
#[error("wait for {what}: not so after {waited:?}")]
pub struct TimedOut {
    what: String,
    waited: Duration,
}

/// Blocks the thread until `condition` holds or `limit` has passed.
///
/// # Errors
/// [`TimedOut`], naming `what`, when the condition never held.
pub fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) -> Result<(), TimedOut> {
    let start = Instant::now();
    loop {
        if condition() {
            return Ok(());
        }
        if start.elapsed() >= limit {
            return Err(TimedOut { what: what.to_owned(), waited: limit });
        }
        std::thread::sleep(POLL);
    }
}

/// Waits in a task until `condition` holds or `limit` has passed, in tokio's time.
///
/// # Errors
/// [`TimedOut`], naming `what`, when the condition never held.
pub async fn until_async(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> bool,
) -> Result<(), TimedOut> {
    let start = tokio::time::Instant::now();
    loop {
        if condition() {
            return Ok(());
        }
        if start.elapsed() >= limit {
            return Err(TimedOut { what: what.to_owned(), waited: limit });
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_ends_the_wait() {
        let mut looks = 0;
        until("third look", Duration::from_secs(5), || {
            looks += 1;
            looks == 3
        })
        .expect("comes true");
        assert_eq!(looks, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_condition_that_never_holds_is_an_error_that_names_it() {
        let error = until_async("the moon", Duration::from_secs(2), || false).await.expect_err("never");
        assert_eq!(error.to_string(), "wait for the moon: not so after 2s");
    }
}
