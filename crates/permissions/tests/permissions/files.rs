//! Faults of policy files: all at once, each with its place.

use pabawi_permissions::Policy;

fn faults(text: &str) -> Vec<String> {
    let check = |nodes: &str| if nodes.contains('(') { Err("a bracket is open".to_owned()) } else { Ok(()) };
    let error = Policy::parse("policy.yaml", text, &check).unwrap_err();
    assert!(error.to_string().starts_with("policy.yaml: "), "{error}");
    error.problems.iter().map(ToString::to_string).collect()
}

/// R9.6: every bad field is told at once, with its line and its name.
#[test]
fn every_fault_is_told_with_its_place() {
    let told = faults(
        r#"
users:
  ann: {roles: [nobody], groups: [], active: "yes", password: x}
groups:
  web: {roles: [r, gone]}
roles:
  r:
    allow:
      - {capability: everything, nodes: "@web & ("}
      - {plugin: ssh}
      - {capability: "*", unless: {time: {zone: UTC}}}
      - {capability: "*", time: {days: [mon, someday], from: 8, to: "25:00"}}
    deny:
      - {capability: "*", unless: {}}
      - {capability: "*", time: {from: "08:00", to: "08:00", zone: Mars/Olympus}}
      - {capability: "*", time: {from: "08:00", to: "08:00", zone: "+01:00"}}
deny:
  - {capability: "*", users: []}
  - just a text
mapping:
  - {capability: command.execute, permission: everything}
  - {plugin: ssh}
policies: {}
"#,
    );
    for wanted in [
        "users.ann.roles: there is no role nobody in this policy",
        "users.ann.active: must be true or false",
        "users.ann.password: unknown key",
        "groups.web.roles: there is no role gone in this policy",
        "roles.r.allow[0].capability: \"everything\" is no capability",
        "roles.r.allow[0].nodes: is no target expression: a bracket is open",
        "roles.r.allow[1].capability: is missing",
        "roles.r.allow[2].unless: unknown key",
        "roles.r.allow[3].time.days: \"someday\" is no day",
        "roles.r.allow[3].time.from: \"8\" is no time of day",
        "roles.r.allow[3].time.to: \"25:00\" is no time of day",
        "roles.r.allow[3].time.zone: is missing",
        "roles.r.deny[0].unless: must have nodes, a time, or both",
        "roles.r.deny[1].time.zone: \"Mars/Olympus\" is no time zone",
        "roles.r.deny[2].time.to: is the same as from",
        "deny[0].users: names nobody",
        "deny[1]: must be a mapping",
        "mapping[0].permission: \"everything\" is no permission",
        "mapping[1].capability: is missing",
        "mapping[1].permission: is missing",
        "policies: unknown key",
    ] {
        let found = told.iter().filter(|one| one.contains(&format!(": {wanted}")));
        assert_eq!(found.count(), 1, "{wanted} in {told:#?}");
    }
    assert!(told.iter().all(|one| one.starts_with("line ")), "{told:#?}");
    // `deny[1]` is no mapping and has no capability.
    assert_eq!(told.len(), 22, "{told:#?}");
}

#[test]
fn what_is_no_document_is_refused_with_its_line() {
    let told = faults("roles: {a: [}\n");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("line "), "{told:?}");
    assert_eq!(faults("roles: {a: {}, a: {}}").len(), 1);
    assert!(faults("- a\n").iter().any(|one| one.contains("must be a mapping")));
}

#[test]
fn an_empty_policy_is_one_that_allows_nothing() {
    for text in ["", "{}", "roles:\n", "\u{feff}users: {}"] {
        Policy::parse("p", text, &|_| Ok(())).unwrap();
    }
}
