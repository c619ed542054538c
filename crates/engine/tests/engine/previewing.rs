//! What an execution would do, without doing it, and what becomes of it when it is done later.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::{Action, EnvValue, RunAs, RunAsMethod, ScriptAction, StdinSource, UploadAction};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::output::OutputData;
use pabawi_domain::ports::{
    AuthorizationQuery, Authorizer, ExecutionStore as _, PlanStore as _, TargetError, TargetResolver,
};
use pabawi_domain::preview::{ExecutionPreview, Permission, PlanChange, PlanHash};
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::resilience::RetryPolicy;
use pabawi_domain::rollout::{Canary, HealthCheck, Mode, Rolling, Share};
use pabawi_domain::secret::Secret;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_domain::validation::ValidationError;
use pabawi_engine::{AllowAll, ApplyOptions, Engine, EngineLimits, PlanError, RerunSecrets};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use proptest::prelude::*;

use super::support::{Answer, Policy, ann, command, node};

/// An inventory that changes: every expression selects all of it, but a name in it only that node.
#[derive(Clone, Default)]
struct Inventory(Arc<Mutex<Vec<Target>>>);

impl Inventory {
    fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let new = Self::default();
        new.set(names.into_iter().map(target));
        new
    }

    fn set(&self, targets: impl IntoIterator<Item = Target>) {
        *self.0.lock().unwrap() = targets.into_iter().collect();
    }

    fn get(&self) -> Vec<Target> {
        self.0.lock().unwrap().clone()
    }
}

fn target(name: &str) -> Target {
    Target { node: node(name), endpoint: Endpoint::default() }
}

#[async_trait]
impl TargetResolver for Inventory {
    async fn resolve(&self, expression: &TargetExpression) -> Result<Vec<Target>, TargetError> {
        let wanted = expression.as_str();
        let found = self.get().into_iter().filter(|one| wanted == "all" || one.node.as_str() == wanted);
        let found: Vec<Target> = found.collect();
        if found.is_empty() {
            return Err(ValidationError::of("targets", format!("{wanted} is in no inventory")).into());
        }
        Ok(found)
    }
}

struct Bench {
    engine: Engine,
    inventory: Inventory,
    store: Arc<MemoryStore>,
    transport: ScriptedTransport,
    clock: Arc<ManualClock>,
}

impl Bench {
    async fn new(names: &[&str]) -> Self {
        Self::judged_by(names, Arc::new(AllowAll)).await
    }

    async fn judged_by(names: &[&str], authorizer: Arc<dyn Authorizer>) -> Self {
        let inventory = Inventory::of(names.iter().copied());
        Self::on(inventory, ScriptedTransport::new(), authorizer, EngineLimits::default()).await
    }

    async fn on(
        inventory: Inventory,
        transport: ScriptedTransport,
        authorizer: Arc<dyn Authorizer>,
        limits: EngineLimits,
    ) -> Self {
        let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::default()));
        let engine = Engine::builder()
            .store(store.clone())
            .journal(store.clone())
            .breakers(store.clone())
            .plans(store.clone())
            .transport(Arc::new(transport.clone()))
            .transport(Arc::new(ScriptedTransport::new().named("other")))
            .resolver(Arc::new(inventory.clone()))
            .authorizer(authorizer)
            .clock(clock.clone())
            .limits(limits)
            .build()
            .await
            .unwrap();
        Self { engine, inventory, store, transport, clock }
    }

    async fn plan(&self, request: ExecutionRequest) -> ExecutionPreview {
        self.engine.preview(ann(), request, serde_json::Value::Null).await.unwrap()
    }

    async fn hash(&self, request: &ExecutionRequest) -> PlanHash {
        self.plan(request.clone()).await.hash
    }

    async fn apply(&self, hash: PlanHash) -> Result<pabawi_domain::id::ExecutionId, PlanError> {
        self.engine.apply(ann(), hash, ApplyOptions::default()).await
    }

    async fn changes(&self, hash: PlanHash) -> Vec<PlanChange> {
        match self.apply(hash).await.unwrap_err() {
            PlanError::Changed { changes, .. } => changes,
            other => panic!("{other}"),
        }
    }

    /// Nothing was recorded, connected or started.
    async fn assert_untouched(&self) {
        assert!(self.transport.started().is_empty());
        for target in self.inventory.get() {
            assert_eq!(self.transport.counts(&target.node).connects, 0);
        }
        assert!(self.store.executions(&ExecutionQuery::default()).await.unwrap().items.is_empty());
    }
}

fn rolling(waves: &[Share]) -> ExecutionRequest {
    let mut request = command("all");
    request.rollout.mode = Mode::Rolling(Rolling { waves: waves.to_vec(), pause_ms: 0, health_check: None });
    request
}

fn nodes(names: &[&str]) -> Vec<NodeId> {
    names.iter().copied().map(node).collect()
}

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

#[tokio::test(start_paused = true)]
async fn a_plan_is_applied_once_and_again_only_by_wish() {
    let bench = Bench::new(&["a", "b"]).await;
    let plan = bench.plan(command("all")).await;
    let id = bench.apply(plan.hash).await.unwrap();
    let outcome = bench.engine.wait(&ann(), id).await.unwrap();
    assert_eq!(outcome.summary.status, ExecutionStatus::Completed);
    let again = bench.apply(plan.hash).await.unwrap_err();
    assert!(matches!(again, PlanError::Applied { by, .. } if by == id), "{again}");
    assert_eq!(again.code(), ErrorCode::PlanApplied);
    assert!(again.to_string().contains(&id.to_string()), "{again}");
    assert_eq!(bench.plan(command("all")).await.applied_by, Some(id));
    let options = ApplyOptions { again: true, ..ApplyOptions::default() };
    let other = bench.engine.apply(ann(), plan.hash, options).await.unwrap();
    bench.engine.wait(&ann(), other).await.unwrap();
    assert_ne!(other, id);
    assert_eq!(bench.transport.started().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn of_many_who_apply_at_once_one_starts_an_execution() {
    let bench = Bench::new(&["a"]).await;
    let hash = bench.hash(&command("all")).await;
    let mut applying = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let engine = bench.engine.clone();
        applying.spawn(async move { engine.apply(ann(), hash, ApplyOptions::default()).await });
    }
    let (mut started, mut told) = (Vec::new(), BTreeSet::new());
    for answer in applying.join_all().await {
        match answer {
            Ok(id) => started.push(id),
            Err(PlanError::Applied { by, .. }) => drop(told.insert(by)),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(started.len(), 1);
    assert_eq!(told.into_iter().collect::<Vec<_>>(), started);
    bench.engine.wait(&ann(), started[0]).await.unwrap();
    assert_eq!(bench.transport.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_has_changed_since_is_refused_with_the_difference() {
    let bench = Bench::new(&["a", "b", "c", "d"]).await;
    let hash = bench.hash(&rolling(&[Share::Count(2)])).await;
    let mut moved = target("c");
    moved.endpoint.port = Some(2022);
    bench.inventory.set([target("b"), moved, target("d"), target("e")]);
    let changes = bench.changes(hash).await;
    let expected = [
        PlanChange::NodesAdded { nodes: nodes(&["e"]) },
        PlanChange::NodesGone { nodes: nodes(&["a"]) },
        PlanChange::EndpointChanged {
            node: node("c"),
            before: "ssh this name".into(),
            after: "ssh this name:2022".into(),
        },
        PlanChange::WavesChanged { nodes: nodes(&["c"]) },
    ];
    assert_eq!(changes, expected);
    bench.assert_untouched().await;
    bench.inventory.set(["b", "a", "c", "d"].map(target));
    bench.apply(hash).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_named_and_is_gone_is_a_difference_too() {
    let bench = Bench::new(&["a", "b"]).await;
    let hash = bench.hash(&command("a")).await;
    bench.inventory.set([target("b")]);
    let changes = bench.changes(hash).await;
    let message = "a is in no inventory".to_owned();
    assert_eq!(changes, [PlanChange::NoLongerValid { field: "targets".into(), message }]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_has_changed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (source, input) = (dir.path().join("source"), dir.path().join("input"));
    std::fs::write(&source, "one").unwrap();
    std::fs::write(&input, "one").unwrap();
    let bench = Bench::new(&["a"]).await;
    let upload = Action::Upload(UploadAction {
        source: source.clone(),
        destination: "/tmp/x".into(),
        mode: Some(0o600),
    });
    let upload = bench.hash(&ExecutionRequest::new(upload, TargetExpression::new("all"))).await;
    let mut reads = command("all");
    reads.action.process_mut().unwrap().stdin = Some(StdinSource::File(input.clone()));
    let reads = bench.hash(&reads).await;
    std::fs::write(&source, "two").unwrap();
    std::fs::write(&input, "two").unwrap();
    let what = source.display().to_string();
    assert_eq!(bench.changes(upload).await, [PlanChange::FileChanged { what }]);
    let what = "standard input".to_owned();
    assert_eq!(bench.changes(reads).await, [PlanChange::FileChanged { what }]);
    std::fs::remove_file(&source).unwrap();
    let changes = bench.changes(upload).await;
    assert!(
        matches!(&changes[..], [PlanChange::NoLongerValid { field, .. }] if field == "action.source"),
        "{changes:?}"
    );
    bench.assert_untouched().await;
    std::fs::write(&source, "one").unwrap();
    bench.apply(upload).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_script_is_compared_with_the_one_that_is_there_now() {
    let bench = Bench::new(&["a"]).await;
    let script = |text: &str| {
        let action = Action::Script(ScriptAction {
            name: "deploy.sh".into(),
            content: OutputData::from(text.as_bytes().to_vec()),
            interpreter: None,
            arguments: vec![],
            process: Default::default(),
        });
        ExecutionRequest::new(action, TargetExpression::new("all"))
    };
    let hash = bench.hash(&script("one")).await;
    let now = |text| ApplyOptions { request: Some(script(text)), ..ApplyOptions::default() };
    let error = bench.engine.apply(ann(), hash, now("two")).await.unwrap_err();
    let PlanError::Changed { changes, .. } = &error else { panic!("{error}") };
    assert_eq!(*changes, [PlanChange::FileChanged { what: "script deploy.sh".into() }]);
    assert_eq!(error.code(), ErrorCode::PlanChanged);
    bench.engine.apply(ann(), hash, now("one")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_plan_expires_and_is_forgotten_in_the_end() {
    let bench = Bench::new(&["a"]).await;
    let day = Duration::from_secs(24 * 60 * 60);
    let hash = bench.hash(&command("all")).await;
    bench.clock.advance(day * 7);
    let error = bench.apply(hash).await.unwrap_err();
    assert!(matches!(error, PlanError::Expired { .. }), "{error}");
    bench.clock.advance(day * 7 + day);
    bench.hash(&rolling(&[Share::Count(1)])).await;
    assert!(matches!(bench.apply(hash).await.unwrap_err(), PlanError::NotFound(_)));
    assert_eq!(bench.engine.plans(&ann(), "", 10).await.unwrap().len(), 1);
    bench.assert_untouched().await;
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

/// R6.6: a request that is denied as a whole says so, whatever the nodes say.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_denied_as_a_whole_is_shown_and_not_applied() {
    let policy = Policy(
        |query: &AuthorizationQuery<'_>| {
            if query.nodes.len() > 1 { Answer::Deny } else { Answer::Allow }
        },
    );
    let bench = Bench::judged_by(&["a", "b"], Arc::new(policy)).await;
    let plan = bench.plan(command("all")).await;
    assert_eq!(plan.denied.as_deref(), Some("not yours"));
    let changes = bench.changes(plan.hash).await;
    assert_eq!(changes, [PlanChange::Denied { nodes: nodes(&["a", "b"]), reason: "not yours".into() }]);
}

#[tokio::test(start_paused = true)]
async fn a_canary_of_a_plan_is_the_one_that_is_applied() {
    let names: Vec<String> = (0..40).map(|number| format!("n{number}")).collect();
    let bench = Bench::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut request = command("all");
    request.rollout.canary = Some(Canary { share: Share::Percent(10.0), seed: None });
    let plan = bench.plan(request).await;
    assert_eq!(plan.targets.len(), 4);
    let id = bench.apply(plan.hash).await.unwrap();
    bench.engine.wait(&ann(), id).await.unwrap();
    let planned: BTreeSet<_> = plan.targets.iter().map(|one| one.node.clone()).collect();
    let started: BTreeSet<_> = bench.transport.started().into_iter().map(|(node, _)| node).collect();
    assert_eq!(started, planned);
}

/// R9.5
#[tokio::test(start_paused = true)]
async fn secrets_are_given_again() {
    let bench = Bench::new(&["a"]).await;
    let mut request = command("all");
    let secret = EnvValue::Secret { secret: Secret::new("canary-secret") };
    request.action.process_mut().unwrap().env.insert("TOKEN".into(), secret);
    let hash = bench.hash(&request).await;
    let stored = bench.store.plan(hash).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&stored).unwrap().contains("canary-secret"));
    let error = bench.apply(hash).await.unwrap_err();
    assert!(error.to_string().contains("give it again"), "{error}");
    bench.assert_untouched().await;
    let env = [("TOKEN".to_owned(), Secret::new("other"))].into();
    let secrets = RerunSecrets { env, run_as_password: None };
    let options = ApplyOptions { secrets, ..ApplyOptions::default() };
    let id = bench.engine.apply(ann(), hash, options).await.unwrap();
    bench.engine.wait(&ann(), id).await.unwrap();
    let (_, action) = bench.transport.started().remove(0);
    assert_eq!(action.process().unwrap().env["TOKEN"].expose(), b"other");
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
