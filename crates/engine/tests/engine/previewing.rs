//! What an execution would do, without doing it, and what the hash of a plan stands for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, RunAs, RunAsMethod, StdinSource};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::output::OutputData;
use pabawi_domain::ports::AuthorizationQuery;
use pabawi_domain::preview::{Permission, PlanChange};
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::resilience::RetryPolicy;
use pabawi_domain::rollout::{Canary, HealthCheck, Mode, Rolling, Share};
use pabawi_engine::{AllowAll, EngineLimits};
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use proptest::prelude::*;

use super::planning_bench::{Bench, Inventory, nodes, rolling, target};
use super::support::{Answer, Policy, ann, command, node};

#[tokio::test(start_paused = true)]
async fn a_plan_tells_what_would_happen_and_touches_nothing() {
    let bench = Bench::new(&["c", "a", "b"]).await;
    let far = Endpoint {
        transport: Some(PluginName::new("other").unwrap()),
        host: Some("10.0.0.1".into()),
        port: Some(2222),
        user: Some("ops".into()),
        ..Endpoint::default()
    };
    let mut targets = bench.inventory.get();
    targets[0].endpoint = far;
    bench.inventory.set(targets);
    let mut request = rolling(&[Share::Count(1), Share::Count(5)]);
    request.rollout.max_failures = Some(Share::Percent(50.0));
    request.retry = Some(RetryPolicy::new(3));
    request.timeouts.node_ms = Some(7_000);
    request.concurrency = Some(2);
    request.action.process_mut().unwrap().run_as =
        Some(RunAs { user: "root".into(), method: RunAsMethod::Sudo, password: None });
    let plan = bench.plan(request).await;
    bench.assert_untouched().await;
    assert_eq!(plan.waves, [1, 2]);
    let rows: Vec<_> = plan
        .targets
        .iter()
        .map(|one| (one.node.as_str(), one.transport.as_str(), one.reach.to_string(), one.wave))
        .collect();
    let unknown = || "this name".to_owned();
    assert_eq!(
        rows,
        [
            ("c", "other", "ops@10.0.0.1:2222".to_owned(), Some(1)),
            ("a", "ssh", unknown(), Some(2)),
            ("b", "ssh", unknown(), Some(2)),
        ]
    );
    assert!(plan.targets.iter().all(|one| one.run_as.as_deref() == Some("root")));
    assert!(plan.targets.iter().all(|one| one.permission == Permission::Allowed));
    let limits = plan.limits;
    assert_eq!((limits.concurrency, limits.attempts, limits.tolerated_failures), (2, 3, Some(1)));
    assert_eq!((limits.connect_ms, limits.node_ms), (10_000, Some(7_000)));
    assert_eq!(plan.expires_at.duration_since(plan.created_at).as_hours(), 7 * 24);
}

/// R6.6
#[tokio::test(start_paused = true)]
async fn denied_nodes_are_shown_and_only_an_attempt_is_journalled() {
    let policy = Policy(|query: &AuthorizationQuery<'_>| match query.nodes {
        [one] if one.as_str() == "b" => Answer::Deny,
        [one] if one.as_str() == "c" => Answer::Hang,
        _ => Answer::Allow,
    });
    let bench = Bench::judged_by(&["a", "b", "c"], Arc::new(policy)).await;
    let plan = bench.plan(command("all")).await;
    let reasons: Vec<_> = plan
        .targets
        .iter()
        .map(|one| match &one.permission {
            Permission::Allowed => "allowed",
            Permission::Denied { reason } => reason.as_str(),
        })
        .collect();
    assert_eq!(reasons, ["allowed", "not yours", "authorizer did not answer within 5000 ms"]);
    assert_eq!(plan.denied, None);
    assert!(bench.store.journal_entries().is_empty());
    let changes = bench.changes(plan.hash).await;
    let denied = PlanChange::Denied { nodes: nodes(&["b"]), reason: "not yours".into() };
    assert!(changes.len() == 2 && changes.contains(&denied), "{changes:?}");
    bench.assert_untouched().await;
    bench.engine.shutdown(Duration::from_secs(1)).await;
    let journalled: Vec<_> = bench.store.journal_entries().into_iter().map(|one| one.entry.node).collect();
    assert_eq!(journalled, nodes(&["b", "c"]));
}

/// R6.6
#[tokio::test(start_paused = true)]
async fn an_authorizer_that_never_answers_about_nodes_does_not_hold_a_plan_for_ever() {
    let names: Vec<String> = (0..1_000).map(|number| format!("n{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let policy = Policy(|query: &AuthorizationQuery<'_>| match query.nodes {
        [_] => Answer::Hang,
        _ => Answer::Allow,
    });
    let bench = Bench::judged_by(&names, Arc::new(policy)).await;
    let begin = tokio::time::Instant::now();
    let plan = bench.plan(command("all")).await;
    assert!(begin.elapsed() <= Duration::from_secs(66), "{:?}", begin.elapsed());
    assert!(plan.targets.iter().all(|one| one.permission != Permission::Allowed));
}

/// R6.5, R6.6
#[tokio::test(start_paused = true)]
async fn making_and_reading_plans_needs_permission() {
    let policy = Policy(
        |query: &AuthorizationQuery<'_>| {
            if query.capability.starts_with("plans.") { Answer::Deny } else { Answer::Allow }
        },
    );
    let bench = Bench::judged_by(&["a"], Arc::new(policy)).await;
    let error = bench.engine.preview(ann(), command("all"), serde_json::Value::Null).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Denied);
    assert_eq!(bench.engine.plans(&ann(), "", 1).await.unwrap_err().code(), ErrorCode::Denied);
    let hash = "00".repeat(32).parse().unwrap();
    assert_eq!(bench.apply(hash).await.unwrap_err().code(), ErrorCode::Denied);
}

#[tokio::test(start_paused = true)]
async fn breakers_of_the_nodes_are_shown_and_do_not_count() {
    let failing = NodeScript::new().connect_fails(ErrorCode::ConnectionRefused);
    let transport = ScriptedTransport::new().node(&node("a"), failing.clone()).node(&node("z"), failing);
    let limits = EngineLimits {
        node_breaker: Some(pabawi_domain::resilience::BreakerPolicy { failures: 1, ..Default::default() }),
        ..EngineLimits::default()
    };
    let inventory = Inventory::of(["a", "b", "z"]);
    let bench = Bench::on(inventory, transport, Arc::new(AllowAll), limits).await;
    let before = bench.plan(command("a")).await;
    assert!(before.breakers.is_empty());
    for name in ["a", "z"] {
        bench.engine.execute(ann(), command(name)).await.unwrap();
    }
    let after = bench.plan(command("a")).await;
    let shown: Vec<_> = after.breakers.iter().map(|one| one.component.to_string()).collect();
    assert_eq!((shown, after.hash), (vec!["node:a".to_owned()], before.hash));
}

#[tokio::test(start_paused = true)]
async fn what_would_not_be_accepted_is_not_planned() {
    let bench = Bench::new(&["a"]).await;
    let mut keyed = command("all");
    keyed.idempotency_key = Some(pabawi_domain::id::IdempotencyKey::new("k").unwrap());
    let mut elsewhere = command("all");
    elsewhere.transport = Some(PluginName::new("pigeon").unwrap());
    for (request, field) in [(keyed, "idempotencyKey"), (elsewhere, "transport"), (command("x"), "targets")] {
        let error = bench.engine.preview(ann(), request, serde_json::Value::Null).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Validation);
        assert!(error.to_string().contains(field), "{error}");
    }
    assert!(bench.engine.plans(&ann(), "", 10).await.unwrap().is_empty());
    let limits = EngineLimits { plan_targets: 2, ..EngineLimits::default() };
    let many = Inventory::of(["a", "b", "c"]);
    let bench = Bench::on(many, ScriptedTransport::new(), Arc::new(AllowAll), limits).await;
    let error = bench.engine.preview(ann(), command("all"), serde_json::Value::Null).await.unwrap_err();
    assert!(error.to_string().contains("at most 2"), "{error}");
}

/// A change of one thing that decides what would happen.
fn change(which: usize, request: &mut ExecutionRequest, targets: &mut Vec<Target>) {
    let process = |request: &mut ExecutionRequest, change: &dyn Fn(&mut _)| {
        change(request.action.process_mut().unwrap());
    };
    let endpoint = |targets: &mut Vec<Target>, change: &dyn Fn(&mut Endpoint)| {
        change(&mut targets[0].endpoint);
    };
    match which {
        0 => targets.push(target("new")),
        1 => drop(targets.remove(0)),
        2 => endpoint(targets, &|endpoint| endpoint.host = Some("elsewhere".into())),
        3 => endpoint(targets, &|endpoint| endpoint.port = Some(23)),
        4 => endpoint(targets, &|endpoint| endpoint.user = Some("eve".into())),
        5 => endpoint(targets, &|endpoint| endpoint.jump = Some(vec!["gate".into()])),
        6 => endpoint(targets, &|endpoint| endpoint.identity_files = vec!["/k".into()]),
        7 => endpoint(targets, &|endpoint| endpoint.transport = Some(PluginName::new("other").unwrap())),
        8 => request.transport = Some(PluginName::new("other").unwrap()),
        9 => request.concurrency = Some(3),
        10 => request.timeouts.node_ms = Some(77),
        11 => request.retry = Some(RetryPolicy::new(2)),
        12 => request.rollout.fail_fast = !request.rollout.fail_fast,
        13 => process(request, &|process: &mut pabawi_domain::action::ProcessOptions| {
            process.env.insert("A".into(), "b".into());
        }),
        14 => process(request, &|process: &mut pabawi_domain::action::ProcessOptions| {
            process.run_as = Some(RunAs { user: "root".into(), method: RunAsMethod::Su, password: None });
        }),
        15 => process(request, &|process: &mut pabawi_domain::action::ProcessOptions| {
            process.stdin = Some(StdinSource::Bytes(OutputData::from(b"x".to_vec())));
        }),
        16 => request.action = Action::Command(pabawi_domain::action::CommandAction::new("reboot")),
        17 => {
            let action = request.action.clone();
            let health_check =
                Some(HealthCheck { action: Box::new(action), targets: None, timeout_ms: None });
            let waves = vec![Share::Count(9)];
            request.rollout.mode = Mode::Rolling(Rolling { waves, pause_ms: 3, health_check });
        }
        18 => request.rollout.canary = Some(Canary { share: Share::Count(1), seed: Some(4) }),
        _ => request.host_keys = Some(pabawi_domain::host_key::HostKeyPolicy::Off),
    }
}

const CHANGES: usize = 20;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The order of the inventory makes no difference where the rollout has none; everything that matters does.
    #[test]
    fn the_hash_stands_for_what_would_happen(
        order in Just((0..7).collect::<Vec<usize>>()).prop_shuffle(),
        which in 0..CHANGES,
        ids in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let bench = Bench::new(&[]).await;
            let names = |number: &usize| target(&format!("n{number}"));
            bench.inventory.set((0..7).collect::<Vec<usize>>().iter().map(names));
            let mut request = command("all");
            let hash = bench.hash(&request).await;
            bench.inventory.set(order.iter().map(names));
            if ids {
                request.correlation_id = Some(pabawi_domain::id::CorrelationId::new("c").unwrap());
            }
            bench.clock.advance(Duration::from_secs(5));
            assert_eq!(bench.hash(&request).await, hash);
            let mut targets = bench.inventory.get();
            change(which, &mut request, &mut targets);
            bench.inventory.set(targets);
            assert_ne!(bench.hash(&request).await, hash, "change {which}");
            bench.assert_untouched().await;
        });
    }

    /// Where it has one, the order is part of the plan.
    #[test]
    fn the_order_counts_where_nodes_follow_each_other(
        order in Just((0..5).collect::<Vec<usize>>()).prop_shuffle(),
        in_waves in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let bench = Bench::new(&["n0", "n1", "n2", "n3", "n4"]).await;
            let mut request = rolling(&[Share::Count(2), Share::Count(3)]);
            if !in_waves {
                request.rollout.mode = Mode::Sequential { stop_at_failure: false };
            }
            let hash = bench.hash(&request).await;
            bench.inventory.set(order.iter().map(|number| target(&format!("n{number}"))));
            let first: BTreeSet<usize> = order.iter().take(2).copied().collect();
            let same = if in_waves { first == [0, 1].into() } else { order == [0, 1, 2, 3, 4] };
            assert_eq!(bench.hash(&request).await == hash, same);
        });
    }
}
