//! Misuse through C: told, never undefined. Everything runs under valgrind and the sanitizers too, which must report nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::json;
use support::{Lab, Program, With};

/// Options of an engine that runs everything on this machine, with a database whose name has a place for a number.
fn options(folder: &std::path::Path, name: &str) -> String {
    let config = folder.join("ssh_config");
    std::fs::write(&config, "").unwrap();
    let options = json!({
        "database": folder.join(name), "ssh": {"config": config}, "authorizer": "allowAll", "workerThreads": 2,
    });
    options.to_string()
}

fn misuses(with: With) {
    let folder = tempfile::tempdir().unwrap();
    let told = Program::new("abuse", with).runs([options(folder.path(), "pabawi.db")]);
    let misuses: u32 = told.trim().parse().unwrap();
    assert!(misuses >= 100, "{misuses}");
}

fn lifetimes(with: With) {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Program::new("lifetimes", with).runs([options(folder.path(), "pabawi-@@.db")]), "fine\n");
}

/// R9.3, R9.4, R9.5, R9.6
#[test]
fn every_misuse_is_told() {
    misuses(With::Nothing);
}

#[test]
fn every_misuse_is_told_under_the_sanitizers() {
    misuses(With::Sanitizers);
}

#[test]
fn every_misuse_is_told_under_valgrind() {
    misuses(With::Valgrind);
}

#[test]
fn things_that_are_freed_while_they_are_used_end_in_order() {
    lifetimes(With::Nothing);
}

#[test]
fn things_that_are_freed_while_they_are_used_end_in_order_under_the_sanitizers() {
    lifetimes(With::Sanitizers);
}

#[test]
fn things_that_are_freed_while_they_are_used_end_in_order_under_valgrind() {
    lifetimes(With::Valgrind);
}

#[test]
fn executions_on_nodes_leave_nothing_to_report() {
    let lab = Lab::new(3);
    for with in [With::Sanitizers, With::Valgrind] {
        assert_eq!(Program::new("execute", with).runs(lab.of_execute()), "fine\n");
    }
}
