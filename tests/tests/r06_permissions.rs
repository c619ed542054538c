//! Permissions through the whole framework: a policy that allows parts of a fleet, Pabawi's tables, and a command policy, on
//! this machine as the nodes.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use pabawi::graph::{GraphError, GraphQuery, ResumeOptions, parse_graph};
use pabawi::inventory::{FileInventory, Freshness};
use pabawi::permissions::{CommandPolicy, MatchMode, PabawiTables, Permissions, parse_policy};
use pabawi::ports::TerminateMode;
use pabawi::ssh::SshSettings;
use pabawi::{
    Action, ApplyOptions, Caller, CancelScope, CommandAction, EntryPoint, ErrorCode, ExecutionQuery,
    ExecutionRequest, Framework, FrameworkBuilder, JournalQuery, PluginName, RerunOptions, RerunSelection,
    TargetExpression, TargetQuery,
};
use pabawi_testkit::pabawi_tables::{pabawi_sql, pabawi_tables_file};

const POLICY: &str = r#"
users:
  ann: {roles: [web]}
  bob: {roles: [db]}
  cleo: {roles: [runner]}
  root: {admin: true}
roles:
  web:
    allow:
      - {capability: "*", nodes: "@web"}
      - {capability: task.list, plugin: ssh}
  db:
    allow:
      - {capability: "*", nodes: "@db"}
    deny:
      - {capability: command.execute, nodes: db2}
  runner:
    allow:
      - {capability: command.execute}
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let nodes = "nodes:\n  - {name: web1, transport: local}\n  - {name: web2, transport: local}\n  \
                     - {name: db1, transport: local}\n  - {name: db2, transport: local}\n\
                     groups:\n  web: [web1, web2]\n  db: [db1, db2]\n";
        std::fs::write(directory.path().join("nodes.yaml"), nodes).unwrap();
        Self(directory)
    }

    fn builder(&self) -> FrameworkBuilder {
        Framework::builder()
            .database(self.0.path().join("executions.db"))
            .ssh(SshSettings::default())
            .inventory(FileInventory::inventory_file(self.0.path().join("nodes.yaml"), 0))
    }
}

fn of(user: &str) -> Caller {
    Caller { user: user.to_owned(), entry_point: EntryPoint::Rust }
}

fn command(targets: &str, text: &str) -> ExecutionRequest {
    let mut request =
        ExecutionRequest::new(Action::Command(CommandAction::new(text)), TargetExpression::new(targets));
    request.transport = Some(PluginName::new("local").unwrap());
    request
}

/// R6.5, R6.6, R10.3: a policy gives people their part of the fleet, and no list shows them more.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_gives_everybody_their_part_of_the_fleet() {
    let place = Place::new();
    let permissions = || Permissions::of_policy(parse_policy("policy.yaml", POLICY).unwrap());
    let framework = place.builder().permissions(permissions()).open().await.unwrap();
    let of_web = framework.execute(of("ann"), command("@web", "true")).await.unwrap().record.id;
    let of_db = framework.execute(of("bob"), command("db1", "true")).await.unwrap().record.id;
    for (user, targets, reason) in [
        ("ann", "@db", "no rule allows command.execute by local on db1, db2"),
        ("ann", "web1,db1", "no rule allows command.execute by local on db1"),
        ("bob", "@db", "denies command.execute on db2"),
        ("eve", "web1", "the policy knows no user eve"),
    ] {
        let error = framework.submit(of(user), command(targets, "true")).await.unwrap_err();
        assert!(error.code() == ErrorCode::Denied && error.to_string().contains(reason), "{error}");
    }
    let listed = async |user: &str| {
        let page = framework.executions(&of(user), &ExecutionQuery::default()).await?;
        Ok::<_, pabawi::EngineError>(page.items.into_iter().map(|record| record.id).collect::<Vec<_>>())
    };
    assert_eq!(listed("ann").await.unwrap(), [of_web]);
    assert_eq!(listed("bob").await.unwrap(), [of_db]);
    assert_eq!(listed("root").await.unwrap(), [of_db, of_web]);
    assert!(listed("eve").await.is_err());
    framework.targets(&of("ann"), of_web, &TargetQuery::default()).await.unwrap();
    assert_eq!(framework.status(&of("ann"), of_db).await.unwrap_err().code(), ErrorCode::Denied);
    let cancelled = framework.cancel(&of("bob"), of_web, CancelScope::All, TerminateMode::Kill).await;
    assert_eq!(cancelled.unwrap_err().code(), ErrorCode::Denied);
    framework.shutdown(Duration::from_secs(5)).await;
    // The denials stand in the journal, for whoever may read of those nodes.
    let framework = place.builder().permissions(permissions()).open().await.unwrap();
    let denied = async |user: &str| {
        let query =
            JournalQuery { event_types: vec!["execution_denied".to_owned()], ..JournalQuery::default() };
        let page = framework.journal(&of(user), &query).await.unwrap();
        let mut nodes: Vec<String> = page.items.iter().map(|entry| entry.entry.node.to_string()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    };
    assert_eq!(denied("ann").await, ["web1"]);
    assert_eq!(denied("bob").await, ["db1", "db2"]);
    assert_eq!(denied("root").await, ["db1", "db2", "web1"]);
    assert!(framework.journal(&of("eve"), &JournalQuery::default()).await.is_err());
    let names = async |user: &str| framework.capabilities_of(&of(user)).await.len();
    assert_eq!((names("ann").await, names("root").await), (0, framework.capabilities().len()));
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R6.5: nobody is shown nodes, groups' members or sources' numbers that are not theirs, in whatever way the inventory is asked.
#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_is_shown_to_everybody_as_far_as_it_is_theirs() {
    let place = Place::new();
    let permissions = Permissions::of_policy(parse_policy("policy.yaml", POLICY).unwrap());
    let framework = place.builder().permissions(permissions).open().await.unwrap();
    let names = |view: &pabawi::inventory::View| {
        let nodes: Vec<String> = view.inventory.nodes().iter().map(|node| node.id.to_string()).collect();
        let of = |group: &str| view.inventory.members(view.inventory.group(group).unwrap()).len();
        (nodes.join(","), of("web"), of("db"), view.reports[0].nodes)
    };
    for (user, expected) in [
        ("ann", ("web1,web2", 2, 0, 2)),
        ("bob", ("db1,db2", 0, 2, 2)),
        ("root", ("web1,web2,db1,db2", 2, 2, 4)),
    ] {
        let (nodes, web, db, told) =
            names(&framework.inventory_for(&of(user), Freshness::Cached).await.unwrap());
        assert_eq!((nodes.as_str(), web, db, told), expected, "{user}");
        let all = framework.resolve_for(&of(user), &TargetExpression::new("all")).await.unwrap();
        let all: Vec<&str> = all.iter().map(|target| target.node.as_str()).collect();
        assert_eq!(all.join(","), expected.0, "{user}");
        let explained = framework.explain_for(&of(user), &TargetExpression::new("all"), &[]).await.unwrap();
        assert_eq!(explained.count, expected.0.split(',').count(), "{user}");
    }
    // What somebody may not see is to them as if it were not there.
    let error = framework.resolve_for(&of("ann"), &TargetExpression::new("db1")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("unknown node db1: in no source") && !text.contains("db2"), "{text}");
    for user in ["cleo", "eve"] {
        let error = framework.inventory_for(&of(user), Freshness::Cached).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Denied);
        assert!(framework.resolve_for(&of(user), &TargetExpression::new("all")).await.is_err());
        assert!(framework.explain_for(&of(user), &TargetExpression::new("all"), &[]).await.is_err());
        assert!(framework.plugins_for(&of(user)).await.is_err());
    }
    assert_eq!(framework.plugins_for(&of("root")).await.unwrap().len(), 2);
    assert_eq!(framework.plugin_health(&of("root"), None).await.unwrap().len(), 2);
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R6.5, R6.6: graphs and plans are asked about with their nodes: a part of the fleet is enough to run one on it, and no list
/// shows others'.
#[tokio::test(flavor = "multi_thread")]
async fn graphs_and_plans_are_theirs_whose_nodes_they_are_about() {
    let place = Place::new();
    let permissions = Permissions::of_policy(parse_policy("policy.yaml", POLICY).unwrap());
    let framework = place.builder().permissions(permissions).open().await.unwrap();
    let graph = |targets: &str| {
        let text = format!(
            "name: of {targets}\ntasks:\n  - {{name: a, targets: '{targets}', action: {{type: command, command: 'true'}}}}\n  \
             - {{name: b, after: [a], targets: '{targets}', action: {{type: command, command: 'true'}}}}\n"
        );
        parse_graph("graph.yaml", text.as_bytes()).unwrap()
    };
    let graphs = framework.graphs();
    let (of_web, _events) = graphs.submit(of("ann"), graph("@web")).await.unwrap();
    let ended = graphs.wait(&of("ann"), of_web).await.unwrap();
    assert_eq!(ended.run.status.as_str(), "completed");
    let (of_db, _events) = graphs.submit(of("root"), graph("db1")).await.unwrap();
    graphs.wait(&of("bob"), of_db).await.unwrap();
    for (user, targets) in [("ann", "@db"), ("ann", "all"), ("eve", "@web"), ("cleo", "@web")] {
        let error = graphs.submit(of(user), graph(targets)).await.err().unwrap();
        assert!(
            matches!(&error, GraphError::Denied { capability, .. } if capability == "graphs.run"),
            "{error}"
        );
    }
    let listed = async |user: &str| {
        let page = graphs.list(&of(user), &GraphQuery::default()).await?;
        Ok::<_, GraphError>(page.items.into_iter().map(|run| run.id).collect::<Vec<_>>())
    };
    assert_eq!(listed("ann").await.unwrap(), [of_web]);
    assert_eq!(listed("bob").await.unwrap(), [of_db]);
    assert_eq!(listed("root").await.unwrap(), [of_db, of_web]);
    assert_eq!(listed("cleo").await.unwrap_err().code(), ErrorCode::Denied);
    for of_others in [
        graphs.status(&of("bob"), of_web).await.err(),
        graphs.graph(&of("bob"), of_web).await.err(),
        graphs.events(&of("bob"), of_web).await.err(),
        graphs.cancel(&of("bob"), of_web, TerminateMode::Kill).await.err(),
        graphs.resume(of("bob"), of_web, ResumeOptions::default()).await.err(),
    ] {
        assert_eq!(of_others.unwrap().code(), ErrorCode::Denied);
    }

    let plan = async |user: &str, targets: &str| {
        framework.preview(of(user), command(targets, "true"), serde_json::Value::Null).await
    };
    let hash = plan("ann", "@web").await.unwrap().hash;
    // A plan shows its maker what is denied, and cannot be applied then.
    let too_much = plan("ann", "web1,db1").await.unwrap();
    assert!(too_much.denied.unwrap().contains("on db1"));
    let applied = framework.apply(of("ann"), too_much.hash, ApplyOptions::default()).await;
    assert_eq!(applied.unwrap_err().code(), ErrorCode::PlanChanged);
    assert_eq!(plan("cleo", "@web").await.unwrap_err().code(), ErrorCode::Denied);
    let heads = async |user: &str| framework.plans(&of(user), "", 10).await.unwrap().len();
    assert_eq!((heads("ann").await, heads("bob").await, heads("root").await), (2, 0, 2));
    assert_eq!(framework.plan(&of("bob"), hash).await.unwrap_err().code(), ErrorCode::Denied);
    let id = framework.apply(of("ann"), hash, ApplyOptions::default()).await.unwrap();
    framework.wait(&of("ann"), id).await.unwrap();
    // And what was run on somebody's nodes they may run again, and others not.
    let again = async |user: &str| {
        framework.rerun(of(user), id, RerunSelection::All, RerunOptions::default()).await.map(drop)
    };
    again("ann").await.unwrap();
    assert_eq!(again("bob").await.unwrap_err().code(), ErrorCode::Denied);
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R10.3: Pabawi's tables decide, and what is taken away there is gone within seconds; a policy denies besides.
#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_pabawi_decide() {
    let place = Place::new();
    let file = place.0.path().join("pabawi.db");
    pabawi_tables_file(&file).unwrap();
    let policy = "deny: [{capability: '*', nodes: db2}]\nmapping: [{capability: command.execute, plugin: local, permission: ssh:execute}]";
    let permissions = Permissions::of_tables(Arc::new(PabawiTables::sqlite(&file)))
        .restricted_by(parse_policy("policy.yaml", policy).unwrap())
        .fresh_for(Duration::from_millis(100));
    let framework = place.builder().permissions(permissions).open().await.unwrap();
    framework.execute(of("omar"), command("web1", "true")).await.unwrap();
    framework.execute(of("id-gina"), command("db1", "true")).await.unwrap();
    for (user, targets, reason) in [
        ("vera", "web1", "the permission ssh:execute is missing"),
        ("omar", "db1,db2", "denies command.execute on db2"),
        ("ines", "web1", "the user ines is not active"),
    ] {
        let error = framework.submit(of(user), command(targets, "true")).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    pabawi_sql(&file, "DELETE FROM user_roles WHERE user_id = 'id-omar'").unwrap();
    let changed = Instant::now();
    // Ends when it is seen, or fails.
    while framework.submit(of("omar"), command("web1", "true")).await.is_ok() {
        assert!(changed.elapsed() < Duration::from_secs(20), "omar may still do it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R6.6, R9.6: no command gets past the policy, also for an administrator.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_policy_holds_for_everybody() {
    let place = Place::new();
    let policy = CommandPolicy {
        allow_all: false,
        whitelist: vec!["uptime".to_owned(), "echo".to_owned()],
        match_mode: MatchMode::Prefix,
        allow_scripts: false,
    };
    let permissions = Permissions::of_policy(parse_policy("policy.yaml", POLICY).unwrap());
    let framework = place.builder().permissions(permissions).command_policy(policy).open().await.unwrap();
    framework.execute(of("root"), command("web1", "echo hello")).await.unwrap();
    let error = framework.submit(of("root"), command("web1", "touch /tmp/never")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::CommandNotAllowed);
    assert!(error.to_string().starts_with("Command not allowed: touch /tmp/never"), "{error}");
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R9.6: what does not fit together, and a policy that is none, are told with the field.
#[tokio::test]
async fn bad_permissions_are_refused() {
    let place = Place::new();
    let both = Permissions::of_policy(parse_policy("p", POLICY).unwrap());
    let error = place.builder().authorizer(pabawi::AllowAll).permissions(both).open().await.err().unwrap();
    assert!(error.to_string().contains("permissions"), "{error}");
    let bad =
        parse_policy("policy.yaml", "roles:\n  a:\n    allow: [{capability: x, nodes: '@('}]").unwrap_err();
    let text = bad.to_string();
    assert!(
        text.contains("roles.a.allow[0].nodes") && text.contains("roles.a.allow[0].capability"),
        "{text}"
    );
}
