//! Secrets of a task: a parameter of a plugin that tells it wherever it can, given to `pab`.

use std::collections::BTreeSet;
use std::path::Path;

use pabawi_testkit::canary::{Canary, Form};
use pabawi_testkit::postgres::Postgres;
use pabawi_tests::Pab;
use serde_json::json;

use crate::bench::{Bench, FEW, Scenario, Store, home, own_file};
use crate::matrix::{Matrix, Outcome, Way};

const OUTCOMES: [Outcome; 5] =
    [Outcome::Success, Outcome::Failure, Outcome::TimeOut, Outcome::Panic, Outcome::Debug];

/// Runs every task of the plugin, by a `pab` that is given what is needed.
fn run_all(given: &dyn Fn(Pab) -> Pab, mut bench: Bench<'_>) -> Matrix {
    let home = home(&bench.directory);
    for (outcome, task, arguments, exit) in [
        (Outcome::Success, "works", &[][..], 0),
        (Outcome::Failure, "fails", &[], 1),
        (Outcome::Failure, "ends badly", &[], 1),
        (Outcome::Failure, "talks too long", &[], 1),
        (Outcome::TimeOut, "hangs", &["--timeout", "1s"], 1),
        (Outcome::Panic, "panics", &[], 1),
        (Outcome::Panic, "breaks", &[], 1),
        (Outcome::Debug, "works in detail", &["--debug"], 0),
    ] {
        let call = || {
            let pab = Pab::program(Path::new(env!("CARGO_BIN_EXE_pab-with-gossip")), &home);
            given(pab.args(["task", task, "--plugin", "gossip", "--targets", "n1"]).args(arguments))
        };
        bench.run(&Scenario { outcome, name: task, call: &call, exit });
    }
    bench.matrix
}

/// Every way was looked at for each outcome, and what the plugin said is there with its marks: its output in every form, its
/// errors in every form that is whole.
fn is_whole(matrix: &Matrix, ways: &[Way], forms: impl Fn(Outcome, Way) -> BTreeSet<Form>) {
    matrix.is_whole(&OUTCOMES, ways);
    for outcome in OUTCOMES {
        for way in Way::OF_OUTPUT {
            matrix.has(&Form::ALL, &forms(outcome, way), outcome, way);
        }
    }
    for outcome in [Outcome::Failure, Outcome::Panic, Outcome::TimeOut] {
        for way in Way::OF_ERRORS {
            // The journal does not say what became of what was ended.
            if (outcome, way) != (Outcome::TimeOut, Way::Journal) {
                matrix.has(&Form::WHOLE, &forms(outcome, way), outcome, way);
            }
        }
    }
}

fn are_nowhere(store: Store<'_>, ways: &[Way]) {
    let folder = tempfile::Builder::new().prefix("canary-").tempdir().unwrap();
    let directory = folder.path().to_owned();
    let canary = Canary::new("parameter");
    let file = own_file(&directory, "parameter", &canary.text);
    let secret = format!("/login/password=@{}", file.display());
    let given = |call: Pab| call.args(["--params", r#"{"login": {}}"#, "--secret-param", &secret]);
    let (canaries, matrix) = (vec![canary.clone()], Matrix::default());
    let bench =
        Bench { directory, store, formats: FEW, canaries: canaries.clone(), is_control: false, matrix };
    let matrix = run_all(&given, bench);
    matrix.is_clean(&canaries);
    is_whole(&matrix, ways, |outcome, way| matrix.taken_out(outcome, way));
}

/// R5.6, R6.6, R7.4: a parameter that is a secret is nowhere after runs that succeed, fail, take too long, panic and are
/// debugged, whatever the plugin says in its output, its errors, their causes and stacks, its panics and its reports.
#[test]
fn secrets_of_a_task_are_nowhere() {
    are_nowhere(Store::Files, &Way::ALL);
}

/// R5.5, R5.6: the same with a PostgreSQL server.
#[test]
fn secrets_of_a_task_are_nowhere_on_a_server() {
    let server = Postgres::start_talkative().unwrap();
    are_nowhere(Store::Server(&server), &[&Way::ALL[..], &[Way::ServerLog]].concat());
}

/// The control: a parameter that is none is found in the same places.
#[test]
fn what_is_no_secret_of_a_task_is_found() {
    let folder = tempfile::Builder::new().prefix("canary-").tempdir().unwrap();
    let directory = folder.path().to_owned();
    let canary = Canary::new("parameter");
    let parameters = json!({"login": {"password": canary.text}}).to_string();
    let given = |call: Pab| call.env("PAB_GOSSIP_UNTRUSTED", "1").args(["--params", &parameters]);
    let (canaries, matrix) = (vec![canary.clone()], Matrix::default());
    let bench = Bench { directory, store: Store::Files, formats: FEW, canaries, is_control: true, matrix };
    let matrix = run_all(&given, bench);
    is_whole(&matrix, &Way::ALL, |outcome, way| matrix.told(outcome, way, &canary));
    for outcome in OUTCOMES {
        for way in [Way::Processes, Way::TemporaryFiles] {
            matrix.has(&Form::WHOLE, &matrix.told(outcome, way, &canary), outcome, way);
        }
    }
}
