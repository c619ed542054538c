//! Rules of a policy file: deny goes before allow, nodes and times are conditions, and doubt denies.

use std::sync::atomic::Ordering;

use pabawi_domain::ports::Authorizer as _;

use super::support::Rig;

const ROLES: &str = r#"
users:
  ann: {roles: [operator]}
  bob: {groups: [web-team]}
  eve: {roles: [operator], active: false}
  root: {admin: true}
groups:
  web-team: {roles: [web]}
roles:
  operator:
    allow:
      - {capability: "*"}
    deny:
      - {capability: command.execute, nodes: "@prod"}
  web:
    allow:
      - {capability: command.execute, plugin: ssh, nodes: "@web"}
      - {capability: "*.list", nodes: "@web"}
      - {capability: command.execute, plugin: ssh, nodes: "db1"}
deny:
  - {capability: plugins.reload}
"#;

/// R6.5, R6.6: a rule that denies goes before all that allow, whosever it is.
#[tokio::test]
async fn deny_goes_before_allow() {
    let rig = Rig::of_policy(ROLES);
    assert!(rig.allows("ann", "command.execute", "ssh", &["web2"]).await);
    assert!(rig.allows("ann", "task.execute", "bolt", &["web1"]).await);
    let reason = rig.denied("ann", "command.execute", "ssh", &["web2", "db1"]).await.unwrap();
    assert_eq!(reason, "the rule roles.operator.deny[0] denies command.execute on db1");
    for user in ["ann", "root"] {
        let reason = rig.denied(user, "plugins.reload", "bolt", &[]).await.unwrap();
        assert_eq!(reason, "the rule deny[0] denies plugins.reload");
    }
    assert!(rig.allows("root", "command.execute", "ssh", &["db1"]).await);
}

#[tokio::test]
async fn who_is_unknown_or_inactive_or_in_no_role_may_do_nothing() {
    let rig = Rig::of_policy(ROLES);
    let said = rig.denied("mallory", "executions.list", "", &[]).await.unwrap();
    assert_eq!(said, "the policy knows no user mallory");
    assert_eq!(rig.denied("eve", "executions.list", "", &[]).await.unwrap(), "the user eve is not active");
    assert!(!rig.allows("bob", "task.execute", "bolt", &["web1"]).await);
    assert!(!rig.allows("", "executions.list", "", &[]).await);
}

/// Each node has to be in some rule; a name that the inventory does not know is in none.
#[tokio::test]
async fn nodes_are_allowed_by_the_rules_they_are_in() {
    let rig = Rig::of_policy(ROLES);
    assert!(rig.allows("bob", "command.execute", "ssh", &["web1", "web2", "db1"]).await);
    assert!(!rig.allows("bob", "command.execute", "bolt", &["web1"]).await);
    let reason = rig.denied("bob", "command.execute", "ssh", &["web1", "10.0.0.1"]).await.unwrap();
    assert_eq!(reason, "no rule allows command.execute by ssh on 10.0.0.1");
    assert!(rig.authorizer.looks_at_nodes());
    assert!(!Rig::of_policy("roles: {a: {allow: [{capability: '*'}]}}").authorizer.looks_at_nodes());
}

/// A name that the inventory does not know may be another name of a node that a rule protects.
#[tokio::test]
async fn a_rule_that_denies_holds_for_names_that_nobody_knows() {
    let rig = Rig::of_policy(ROLES);
    let reason = rig.denied("ann", "command.execute", "ssh", &["10.0.0.1"]).await.unwrap();
    assert!(reason.contains("roles.operator.deny[0]"), "{reason}");
}

/// A list is filtered entry by entry, so whoever may see some entries may ask for it; nothing else is given by it.
#[tokio::test]
async fn a_rule_about_nodes_gives_the_list_and_not_what_concerns_no_node() {
    let rig = Rig::of_policy(ROLES);
    for list in ["executions.list", "inventory.list", "plugins.list"] {
        assert!(rig.allows("bob", list, "", &[]).await, "{list}");
    }
    assert!(!rig.allows("bob", "reports.list", "", &[]).await);
    assert!(!rig.allows("bob", "command.execute", "ssh", &[]).await);
}

#[tokio::test]
async fn doubt_denies() {
    let rig = Rig::of_policy(ROLES);
    rig.nodes.is_down.store(true, Ordering::SeqCst);
    let reason = rig.denied("bob", "command.execute", "ssh", &["web1"]).await.unwrap();
    assert!(reason.contains("rules that cannot be told") && reason.contains("site: is down"), "{reason}");
    let reason = rig.denied("ann", "command.execute", "ssh", &["web2"]).await.unwrap();
    assert!(reason.contains("its nodes cannot be told"), "{reason}");
    assert!(rig.allows("ann", "task.execute", "bolt", &["web1"]).await);
}

/// A thousand runs that start ask the inventory once for each expression.
#[tokio::test]
async fn the_inventory_is_asked_once_in_a_moment() {
    let rig = Rig::of_policy(ROLES);
    for _ in 0..1_000 {
        assert!(rig.allows("bob", "command.execute", "ssh", &["web1"]).await);
    }
    // Where the machine is very slow, a second moment may have begun.
    assert!(rig.nodes.asked.load(Ordering::SeqCst) <= 4);
}

/// Conditions on time, in a zone, and exceptions of rules that deny.
#[tokio::test]
async fn times_are_conditions() {
    let rig = Rig::of_policy(
        r#"
users: {ann: {roles: [r]}}
roles:
  r:
    allow:
      - {capability: task.execute, time: {days: [mon-fri], from: "08:00", to: "18:00", zone: Europe/Rome}}
      - {capability: command.execute}
deny:
  - capability: command.*
    roles: [r]
    nodes: "@prod"
    unless: {nodes: db1, time: {days: sat, zone: UTC}}
"#,
    );
    rig.clock.set("2026-01-05T07:00:00Z".parse().unwrap());
    assert!(rig.allows("ann", "task.execute", "bolt", &["web1"]).await);
    rig.clock.set("2026-01-05T17:00:00Z".parse().unwrap());
    let reason = rig.denied("ann", "task.execute", "bolt", &["web1"]).await.unwrap();
    assert_eq!(reason, "no rule allows task.execute by bolt on web1 at this time");
    let reason = rig.denied("ann", "command.execute", "ssh", &["db1"]).await.unwrap();
    assert_eq!(reason, "the rule deny[0] denies command.execute on db1 at this time");
    rig.clock.set("2026-01-10T12:00:00Z".parse().unwrap());
    assert!(rig.allows("ann", "command.execute", "ssh", &["db1", "web2"]).await);
    let reason = rig.denied("ann", "command.execute", "ssh", &["db1", "web1"]).await.unwrap();
    assert_eq!(reason, "the rule deny[0] denies command.execute on web1");
}
