//! Permissions that are not in order let nobody do anything.

use std::os::unix::fs::PermissionsExt as _;

use crate::site::{BY_POLICY, POLICY, Site};

/// Each looks at something or does something.
const CALLS: &[&[&str]] = &[
    &["run", "true", "-t", "web01"],
    &["plan", "run", "true", "-t", "web01"],
    &["executions", "list"],
    &["journal", "list"],
    &["inventory", "list"],
    &["capabilities", "list"],
    &["graph", "list"],
    &["breakers", "list"],
];

fn refused(site: &Site, part: &str) {
    for words in CALLS {
        let ran = site.pab("root", words).exits(2);
        assert!(ran.err().contains(part) && ran.out().is_empty(), "{part} is missing: {ran}");
    }
    let checked = site.pab("root", &["config", "check"]).exits(2);
    assert!(checked.err().contains(part), "{part} is missing: {checked}");
}

/// R6.6, R9.6, R12.10: a policy that is not there, cannot be read, or is none denies everything, and what is told names the key.
#[test]
fn a_policy_that_is_bad_denies_everything() {
    let site = Site::new(BY_POLICY);
    refused(&site, "config.toml:5: permissions.policy: ");
    refused(&site, "policy.yaml cannot be read: No such file");
    std::fs::create_dir(site.0.path("policy.yaml")).unwrap();
    refused(&site, "policy.yaml cannot be read: Is a directory");
    std::fs::remove_dir(site.0.path("policy.yaml")).unwrap();
    for (text, part) in [
        (&b"\xff\xfe\x00garbage"[..], "permissions.policy: "),
        (b"users: [", "policy.yaml:"),
        (b"just words", "policy.yaml:1: "),
        (b"users: {ann: {role: [a]}}", "users.ann.role: "),
        (b"users: {ann: {roles: [a]}}", "users.ann.roles: there is no role a in this policy"),
        (
            b"roles: {a: {allow: [{capability: run}]}}",
            "roles.a.allow[0].capability: \"run\" is no capability",
        ),
        (b"deny: [{capability: '*', nodes: '@('}]", "deny[0].nodes: is no target expression"),
        (
            b"deny: [{capability: '*', time: {days: [never], zone: UTC}}]",
            "deny[0].time.days: \"never\" is no day",
        ),
    ] {
        site.0.write("policy.yaml", text);
        refused(&site, part);
    }
    let policy = site.0.write("policy.yaml", POLICY);
    std::fs::set_permissions(&policy, std::fs::Permissions::from_mode(0o666)).unwrap();
    refused(&site, "policy.yaml: can be changed by everybody; run chmod o-w on it");
    std::fs::set_permissions(&policy, std::fs::Permissions::from_mode(0o644)).unwrap();
    site.configure("[permissions]\npolicy = 'policy.yaml'\n");
    refused(&site, "config.toml:4: permissions.inventory: is missing; rules of the policy name nodes");
    site.configure("[permissions]\npolicy = 'policy.yaml'\ninventory = 'nowhere.yaml'\n");
    refused(&site, "permissions.inventory: ");
    site.configure("[permissions]\npolcy = 'policy.yaml'\n");
    refused(&site, "config.toml:5: permissions.polcy: unknown key");
    assert_eq!(site.connections(), 0);
    site.configure(BY_POLICY);
    site.run("root", "true", "web01");
}

/// R6.6: tables that cannot be asked deny, with the reason.
#[test]
fn tables_that_do_not_answer_deny() {
    let site = Site::new("[permissions]\ndatabase = 'pabawi-web.db'\n");
    let run = ["run", "true", "-t", "web01"];
    site.denied("root", &run, "command.execute", "authorizer failed: ");
    site.0.write("pabawi-web.db", "this is no database, and longer than the header that one has.");
    site.denied("root", &run, "command.execute", "authorizer failed: ");
    site.denied("root", &["executions", "list"], "executions.list", "authorizer failed: ");
    let checked = site.pab("root", &["config", "check"]).exits(2);
    assert!(checked.err().contains("config.toml:5: permissions.database: "), "{checked}");
    assert_eq!(site.connections(), 0);
}
