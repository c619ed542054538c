//! Tables of functions: plugins, an authorizer, sources, fact providers and sinks in C.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use support::{Program, With, place};
use tempfile::TempDir;

/// Options of an engine whose nodes are known to functions of the program only.
fn options(folder: &TempDir, more: &Value) -> String {
    let mut options = json!({
        "database": folder.path().join("pabawi.db"), "authorizer": "allowAll", "workerThreads": 2,
    });
    for (name, value) in more.as_object().unwrap() {
        options[name] = value.clone();
    }
    options.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    options.to_string()
}

fn runs(name: &str, more: &Value) {
    runs_with(With::Nothing, name, more);
}

fn runs_with(with: With, name: &str, more: &Value) {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Program::new(name, with).runs([options(&folder, more)]), "fine\n");
}

/// Options for a program with an authorizer of its own, which has so long.
fn without_authorizer() -> Value {
    json!({"authorizer": null, "limits": {"authorizerTimeoutMs": 3_000}})
}

/// Options for a program that is refused commands.
fn of_policy() -> Value {
    json!({"commandPolicy": {"whitelist": ["uptime"]}})
}

/// Nothing that a program does with tables uses memory wrongly or leaves some behind.
fn is_clean(with: With) {
    for name in ["plugin", "sources", "sinks", "wrong_tables"] {
        runs_with(with, name, &json!({}));
    }
    runs_with(with, "policy", &of_policy());
    runs_with(with, "authorizer", &without_authorizer());
}

#[test]
fn nothing_is_left_behind_under_valgrind() {
    is_clean(With::Valgrind);
}

#[test]
fn nothing_is_left_behind_with_the_sanitizers() {
    is_clean(With::Sanitizers);
}

/// R6.1, R6.2, R6.3, R6.7, R7.4, R9.1, R11.1
#[test]
fn a_plugin_in_c_works_also_where_it_answers_late_wrong_too_often_or_never() {
    runs("plugin", &json!({}));
}

/// R9.3, R11.1: nothing is run, and who was denied stands in the journal.
#[test]
fn an_authorizer_in_c_decides_and_one_that_is_silent_denies_in_time() {
    runs("authorizer", &without_authorizer());
}

/// R6.6, R9.6: what a plugin in C says are command lines is held against the policy, as commands are.
#[test]
fn a_command_that_the_policy_refuses_is_run_by_nobody() {
    runs("policy", &of_policy());
}

/// R3.1, R3.3, R4.5, R4.7
#[test]
fn a_source_and_a_fact_provider_in_c_are_used_by_target_expressions() {
    runs("sources", &json!({}));
}

/// R8.7, R10.6
#[test]
fn sinks_in_c_are_told_the_log_and_what_is_measured() {
    runs("sinks", &json!({}));
}

/// R9.6
#[test]
fn tables_that_are_wrong_are_refused_by_the_name_of_what_is_wrong() {
    runs("wrong_tables", &json!({}));
}

/// What stands around the plugin of the documents: an engine with it, and one request.
const AROUND: &str = r#"
int main(int count, char **arguments)
{
    const char *request = "{\"action\":{\"type\":\"task\",\"name\":\"deploy\"},\"targets\":\"web[01-02]\"}";
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_session *session = NULL;
    pabawi_bytes outcome = {0};
    if (count != 2) return 2;
    if (pabawi_config_new(arguments[1], strlen(arguments[1]), &config, NULL) != PABAWI_OK) return 3;
    if (add_deploy(config, NULL) != PABAWI_OK || pabawi_engine_new(config, &engine, NULL) != PABAWI_OK) return 4;
    if (pabawi_session_new(engine, "ops", 3, &session, NULL) != PABAWI_OK) return 5;
    if (pabawi_execute(session, request, strlen(request), &outcome, NULL) != PABAWI_OK) return 6;
    puts(outcome.data);
    pabawi_bytes_free(&outcome);
    pabawi_session_free(session);
    pabawi_engine_free(engine);
    pabawi_config_free(config);
    return 0;
}
"#;

/// The plugin of the documents is compiled as it stands there, and runs.
#[test]
fn the_plugin_of_the_documents_runs() {
    let folder = tempfile::tempdir().unwrap();
    let readme = std::fs::read_to_string(place().join("README.md")).unwrap();
    let mut programs = readme.split("```c\n").skip(1).filter_map(|rest| rest.split("```").next());
    let plugin = programs.find(|program| program.contains("pabawi_config_add_plugin")).unwrap();
    let source = folder.path().join("deploy.c");
    let includes = "#include <pabawi.h>\n#include <stdio.h>\n#include <string.h>\n";
    // Every function has to take user_data and length, whether it needs them or not.
    let unused = "#pragma GCC diagnostic ignored \"-Wunused-parameter\"\n";
    std::fs::write(&source, [includes, unused, plugin, AROUND].concat()).unwrap();
    let told = Program::of(&source, With::Nothing).runs([options(&folder, &json!({}))]);
    assert!(told.contains("\"status\":\"partial\"") && told.contains("\"succeeded\":1"), "{told}");
}
