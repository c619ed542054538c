//! What was planned is done later, once, and only if it is still that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, EnvValue, ScriptAction, StdinSource, UploadAction};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::output::OutputData;
use pabawi_domain::ports::{AuthorizationQuery, PlanStore as _};
use pabawi_domain::preview::PlanChange;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::rollout::{Canary, Share};
use pabawi_domain::secret::Secret;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{ApplyOptions, PlanError, RerunSecrets};

use super::planning_bench::{Bench, nodes, rolling, target};
use super::support::{Answer, Policy, ann, command, node};

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
    let secrets = RerunSecrets { env, ..RerunSecrets::default() };
    let options = ApplyOptions { secrets, ..ApplyOptions::default() };
    let id = bench.engine.apply(ann(), hash, options).await.unwrap();
    bench.engine.wait(&ann(), id).await.unwrap();
    let (_, action) = bench.transport.started().remove(0);
    assert_eq!(action.process().unwrap().env["TOKEN"].expose(), b"other");
}
