//! Questions through C: inventory, targets, facts, history, journal, graphs, plans; and who may ask.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use pabawi::json::Call;
use serde_json::json;
use support::{Lab, Program, With};

/// R2.1, R2.7, R2.10, R3.1, R3.4, R4.1, R4.8, R5.5, R5.8, R8.7, R11.1, R11.6, R11.11
#[test]
fn what_is_known_is_told() {
    let lab = Lab::new(3);
    let mut options = lab.options();
    options["inventory"] = json!([lab.fleet.inventory()]);
    assert_eq!(Program::new("queries", With::Nothing).runs([options.to_string()]), "fine\n");
}

const POLICY: &str = "
users:
  carla: {roles: [operator]}
  eve: {roles: [viewer]}
roles:
  operator:
    allow: [{capability: '*'}]
  viewer:
    allow: [{capability: '*.list'}, {capability: '*.show'}, {capability: journal.read}]
";

/// R6.5, R6.6, R10.3
#[test]
fn nobody_may_do_through_c_what_the_policy_does_not_allow() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("policy.yaml"), POLICY).unwrap();
    std::fs::write(path("ssh_config"), "").unwrap();
    let options = json!({
        "database": path("pabawi.db"),
        "ssh": {"config": path("ssh_config")},
        "authorizer": {"policy": path("policy.yaml")},
    });
    let ran = path("ran").display().to_string();
    assert_eq!(Program::new("permissions", With::Nothing).runs([options.to_string(), ran.clone()]), "fine\n");
    assert!(std::fs::exists(ran).unwrap(), "carla may");
}

/// Calls that the program above cannot make: they are about a plan, a run, an entry or an output that nobody could make there, or
/// about the process itself, which asks nobody.
const NOT_ASKED: &[&str] = &[
    "output",
    "plans.get",
    "plans.apply",
    "graphs.get",
    "graphs.wait",
    "graphs.cancel",
    "graphs.resume",
    "journal.editNote",
    "journal.versions",
    "plugins.call",
    "stats",
    "metrics",
    "prometheus",
    "shutdown",
];

/// R6.5: a call that is new has to be asked for by somebody who may do nothing.
#[test]
fn every_call_is_in_the_list_of_those_that_are_denied() {
    let program = include_str!("programs/permissions.c");
    let left_out: Vec<_> = Call::NAMES
        .iter()
        .filter(|name| !program.contains(&format!("\"{name}\"")) && !NOT_ASKED.contains(name))
        .collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}

/// R6.6: without an authorizer nobody may do anything.
#[test]
fn without_an_authorizer_everything_is_denied() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("ssh_config"), "").unwrap();
    let options = json!({"database": path("pabawi.db"), "ssh": {"config": path("ssh_config")}});
    assert_eq!(Program::new("denied", With::Nothing).runs([options.to_string()]), "fine\n");
}
