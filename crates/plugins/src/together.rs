//! Waiting for tasks that work beside each other: [`all`].

use tokio::task::JoinSet;

/// What the tasks gave, in the order in which they ended. A panic of one goes on here; one that was aborted is left
/// out, which is what becomes of all of them when their runtime ends while this waits.
pub(crate) async fn all<T: 'static>(mut tasks: JoinSet<T>) -> Vec<T> {
    let mut given = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(value) => given.push(value),
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_aborted_is_left_out() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { 1 });
        tasks.spawn(std::future::pending()).abort();
        assert_eq!(all(tasks).await, [1]);
    }

    #[tokio::test]
    #[should_panic(expected = "of a task")]
    async fn a_panic_goes_on() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("of a task") });
        all::<()>(tasks).await;
    }
}
