//! From options to a [`Rollout`] and a [`RetryPolicy`]. Nothing is checked that the domain checks.

use pabawi::inventory::Inventory;
use pabawi::{
    Action, BreakerPolicy, Canary, CommandAction, EngineLimits, Growth, HealthCheck, Mode, RetryPolicy,
    Rolling, Rollout, Stragglers, TargetExpression,
};

use crate::args::{BreakerArgs, GrowthArg, RetryArgs, RolloutArgs};
use crate::exit::Failure;
use crate::request::millis;

/// In which order the nodes are taken.
pub(crate) fn rollout(args: &RolloutArgs) -> Rollout {
    let mode = if args.sequential {
        // It stops as --max-failures and --fail-fast say.
        Mode::Sequential { stop_at_failure: false }
    } else if args.waves.is_empty() {
        Mode::Parallel
    } else {
        let health_check = args.health_check.as_ref().map(|command| HealthCheck {
            action: Box::new(Action::Command(CommandAction::new(command))),
            targets: args.health_check_on.as_deref().map(TargetExpression::new),
            timeout_ms: args.health_check_timeout.map(millis),
        });
        let pause_ms = args.wave_pause.map(millis).unwrap_or_default();
        Mode::Rolling(Rolling { waves: args.waves.clone(), pause_ms, health_check })
    };
    Rollout {
        mode,
        max_failures: args.max_failures,
        fail_fast: args.fail_fast,
        canary: args.canary.map(|share| Canary { share, seed: args.seed }),
        stragglers: args.stragglers.map(Stragglers::new),
    }
}

/// When a node is tried again.
pub(crate) fn retry(args: &RetryArgs) -> Option<RetryPolicy> {
    let retries = args.retries.filter(|retries| *retries > 0)?;
    let mut policy = RetryPolicy::new(retries.saturating_add(1));
    let backoff = &mut policy.backoff;
    backoff.growth = match args.retry_growth {
        GrowthArg::Constant => Growth::Constant,
        GrowthArg::Linear => Growth::Linear,
        GrowthArg::Exponential => Growth::Exponential,
    };
    backoff.initial_ms = args.retry_wait.map_or(backoff.initial_ms, millis);
    // A first wait that is longer than the usual longest one was meant.
    backoff.max_ms = args.retry_max_wait.map_or(backoff.max_ms.max(backoff.initial_ms), millis);
    policy.on = args.retry_on.iter().cloned().collect();
    policy.deadline_ms = args.retry_deadline.map(millis);
    policy.idempotent = args.idempotent;
    Some(policy)
}

/// The limits of an engine that runs something.
pub(crate) fn limits(args: &BreakerArgs) -> EngineLimits {
    let policy = |failures, probes| BreakerPolicy {
        failures,
        window_ms: 600_000,
        open_ms: 60_000,
        probes,
        ..BreakerPolicy::default()
    };
    EngineLimits {
        node_breaker: args.node_breaker.map(|failures| policy(failures, 1)),
        // More than one, since a node may be down while its group is not.
        group_breaker: args.group_breaker.map(|failures| policy(failures, 3)),
        breaker_groups: args.breaker_groups.iter().cloned().collect(),
        ..EngineLimits::default()
    }
}

/// Whether there are the groups before which breakers are to stand.
///
/// # Errors
/// A group that the inventory does not have, or an inventory without any: nothing would be refused, and nobody told.
pub(crate) fn check_groups(args: &BreakerArgs, inventory: &Inventory) -> Result<(), Failure> {
    if args.group_breaker.is_some() && inventory.groups().is_empty() {
        return Err(Failure::usage("--group-breaker: there are no groups; give an inventory that has some"));
    }
    match args.breaker_groups.iter().find(|group| inventory.group(group.as_str()).is_none()) {
        Some(unknown) => {
            let text = format!("--breaker-groups: unknown group {unknown}: it is in no source");
            Err(Failure::usage(text))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pabawi::Share;

    use super::*;

    #[test]
    fn no_option_asks_for_nothing() {
        assert!(rollout(&RolloutArgs::default()).is_default());
        assert_eq!(retry(&RetryArgs::default()), None);
        assert_eq!(retry(&RetryArgs { retries: Some(0), ..RetryArgs::default() }), None);
    }

    #[test]
    fn waves_and_their_check_belong_together() {
        let args = RolloutArgs {
            waves: vec![Share::Count(1), Share::Percent(20.0)],
            wave_pause: Some(Duration::from_secs(30)),
            health_check: Some("true".into()),
            ..RolloutArgs::default()
        };
        let Mode::Rolling(rolling) = rollout(&args).mode else { panic!("waves") };
        assert_eq!((rolling.waves.len(), rolling.pause_ms), (2, 30_000));
        assert_eq!(rolling.health_check.unwrap().action.text(), "true");
    }

    #[test]
    fn retries_are_attempts_after_the_first() {
        let args =
            RetryArgs { retries: Some(3), retry_wait: Some(Duration::from_secs(90)), ..RetryArgs::default() };
        let policy = retry(&args).unwrap();
        assert_eq!((policy.attempts, policy.backoff.initial_ms, policy.backoff.max_ms), (4, 90_000, 90_000));
    }
}
