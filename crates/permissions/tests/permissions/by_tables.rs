//! Pabawi's tables decide, and what they allow a policy may still deny.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pabawi_permissions::Permissions;

use super::support::{Rig, Tables, policy};

fn tables() -> Arc<Tables> {
    let read = ["ssh:read", "bolt:read", "journal:read"];
    let operate = ["ssh:read", "bolt:read", "bolt:execute"];
    Arc::new(Tables::default().with("vera", &read, &["Viewer"]).with("omar", &operate, &["Operator"]).with(
        "nina",
        &[],
        &[],
    ))
}

fn rig(tables: &Arc<Tables>, fresh: Duration) -> Rig {
    Rig::new(Permissions::of_tables(Arc::clone(tables) as _).fresh_for(fresh))
}

/// R10.3: what a user has in Pabawi's tables holds, by id and by name; nothing implies anything else.
#[tokio::test]
async fn tables_decide() {
    let tables = tables();
    let rig = rig(&tables, Duration::from_secs(5));
    for user in ["omar", "id-omar"] {
        assert!(rig.allows(user, "command.execute", "bolt", &["web1"]).await);
        let reason = rig.denied(user, "command.execute", "ssh", &["web1"]).await.unwrap();
        assert_eq!(reason, "the permission ssh:execute is missing, which command.execute on ssh needs");
    }
    assert!(rig.allows("vera", "executions.list", "", &[]).await);
    let reason = rig.denied("vera", "executions.cancel", "", &[]).await.unwrap();
    assert!(
        reason.starts_with("one of the permissions ssh:execute, bolt:execute, ansible:execute"),
        "{reason}"
    );
    assert!(!rig.allows("nina", "executions.list", "", &[]).await);
    assert_eq!(rig.denied("eve", "journal.read", "", &[]).await.unwrap(), "there is no user eve");
    let reason = rig.denied("omar", "things.do", "", &[]).await.unwrap();
    assert_eq!(reason, "only an administrator may do things.do");
}

#[tokio::test]
async fn administrators_may_do_all_and_who_is_not_active_nothing() {
    let tables = tables();
    tables.change("nina", |user| user.is_admin = true);
    tables.change("omar", |user| user.is_active = false);
    let rig = rig(&tables, Duration::from_secs(5));
    assert!(rig.allows("nina", "things.do", "", &[]).await);
    assert!(rig.allows("nina", "command.execute", "local", &["web1"]).await);
    let reason = rig.denied("omar", "command.execute", "bolt", &["web1"]).await.unwrap();
    assert_eq!(reason, "the user omar is not active");
}

/// Whoever may choose a user name must not become somebody else by taking their id for it.
#[tokio::test]
async fn a_name_that_is_the_id_of_somebody_else_is_nobody() {
    let tables = Arc::new(Tables::default().with("omar", &["bolt:execute"], &[]).with("id-omar", &[], &[]));
    let rig = rig(&tables, Duration::from_secs(5));
    let reason = rig.denied("id-omar", "command.execute", "bolt", &[]).await.unwrap();
    assert_eq!(reason, "id-omar is the id of one user and the name of another");
}

/// A failing database denies, and is asked again.
#[tokio::test]
async fn a_database_that_fails_denies_and_is_asked_again() {
    let tables = tables();
    let rig = rig(&tables, Duration::from_secs(5));
    tables.is_down.store(true, Ordering::SeqCst);
    let reason = rig.denied("omar", "command.execute", "bolt", &[]).await.unwrap();
    assert!(reason.contains("the database is down"), "{reason}");
    tables.is_down.store(false, Ordering::SeqCst);
    assert!(rig.allows("omar", "command.execute", "bolt", &[]).await);
}

/// One query for a thousand decisions, and what is taken away is gone within the moment: Pabawi's own cache keeps it for
/// five minutes.
#[tokio::test]
async fn what_is_taken_away_is_gone_within_a_moment() {
    let tables = tables();
    let rig = rig(&tables, Duration::from_millis(300));
    let asked = std::time::Instant::now();
    for _ in 0..1_000 {
        assert!(rig.allows("omar", "command.execute", "bolt", &["web1"]).await);
        assert!(!rig.allows("vera", "command.execute", "bolt", &["web1"]).await);
    }
    let moments = 1 + asked.elapsed().as_millis() as usize / 300;
    assert!(
        tables.asked.load(Ordering::SeqCst) <= 2 * moments,
        "{} questions",
        tables.asked.load(Ordering::SeqCst)
    );
    tables.change("omar", |user| user.permissions.clear());
    tables.change("vera", |user| user.permissions.extend(["bolt:execute".to_owned()]));
    let changed = std::time::Instant::now();
    // Ends when both are seen, or fails after ten seconds.
    while rig.allows("omar", "command.execute", "bolt", &[]).await
        || !rig.allows("vera", "command.execute", "bolt", &[]).await
    {
        assert!(changed.elapsed() < Duration::from_secs(10), "it is still as it was");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_is_remembered_where_that_is_asked_for() {
    let tables = tables();
    let rig = rig(&tables, Duration::ZERO);
    assert!(rig.allows("omar", "command.execute", "bolt", &[]).await);
    tables.change("omar", |user| user.permissions.clear());
    assert!(!rig.allows("omar", "command.execute", "bolt", &[]).await);
}

/// R6.5: a policy restricts what the tables allow, for roles and groups of the tables too, and allows nothing.
#[tokio::test]
async fn a_policy_denies_what_the_tables_allow() {
    let tables = tables();
    let text = r#"
roles:
  Operator:
    deny:
      - {capability: command.execute, nodes: "@prod"}
deny:
  - {capability: "*", users: [vera]}
mapping:
  - {capability: playbook.execute, plugin: ansible, permission: bolt:execute}
"#;
    let rig = Rig::new(Permissions::of_tables(Arc::clone(&tables) as _).restricted_by(policy(text)));
    for user in ["omar", "id-omar"] {
        assert!(rig.allows(user, "command.execute", "bolt", &["web2"]).await);
        assert!(!rig.allows(user, "command.execute", "bolt", &["web1"]).await);
        assert!(!rig.allows(user, "command.execute", "ssh", &["web2"]).await);
        assert!(rig.allows(user, "playbook.execute", "ansible", &["web1"]).await);
    }
    for user in ["vera", "id-vera"] {
        let reason = rig.denied(user, "executions.list", "", &[]).await.unwrap();
        assert_eq!(reason, "the rule deny[0] denies executions.list");
    }
    tables.change("omar", |user| user.members.roles.clear());
    let rig = Rig::new(Permissions::of_tables(Arc::clone(&tables) as _).restricted_by(policy(text)));
    assert!(rig.allows("omar", "command.execute", "bolt", &["web1"]).await);
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused() {
    let (nodes, clock) =
        (Arc::new(super::support::Nodes::default()), pabawi_testkit::clock::ManualClock::default());
    let allows = policy("users: {ann: {admin: true}}");
    let permissions =
        Permissions::of_tables(tables()).restricted_by(allows).fresh_for(Duration::from_secs(61));
    let Err(error) = permissions.authorizer(Arc::clone(&nodes) as _, Arc::new(clock)) else { panic!() };
    let fields: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(fields, ["permissions.freshFor", "permissions.policy"]);
    let mapped = policy("mapping: [{capability: '*', permission: []}]");
    let permissions = Permissions::of_policy(mapped);
    let clock = Arc::new(pabawi_testkit::clock::ManualClock::default());
    assert!(permissions.authorizer(nodes, clock).is_err());
}
