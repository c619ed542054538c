//! Secrets of a command: a variable, standard input and the password for sudo, given to `pab`.

use std::collections::BTreeSet;

use pabawi_testkit::canary::{Canary, Form, said};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::postgres::Postgres;
use pabawi_tests::{Lab, Pab};

use crate::bench::{Bench, EVERY, FEW, Scenario, Store, own_file};
use crate::matrix::{Matrix, Outcome, Way};
use crate::telltale;

const OUTCOMES: [Outcome; 4] = [Outcome::Success, Outcome::Failure, Outcome::TimeOut, Outcome::Debug];

/// Runs a command that tells all it knows, so that it ends in every way. `before` stands before it.
fn run_all(lab: &Lab, given: &dyn Fn(Pab) -> Pab, before: &str, mut bench: Bench<'_>) -> Matrix {
    // More than is kept in memory of complete output, so that it goes through a file.
    let long =
        "i=0; while [ $i -lt 33000 ]; do echo \"$i is the number of the secret $TOKEN\"; i=$((i+1)); done";
    for (outcome, name, then, arguments, exit) in [
        (Outcome::Success, "success", "true", &[][..], 0),
        // The shell says what it could not run.
        (
            Outcome::Failure,
            "failure",
            "cd \"/nowhere/$TOKEN\"; exec \"/nowhere/$TOKEN\"",
            &["--retries", "1"],
            1,
        ),
        (Outcome::TimeOut, "time-out", "sleep 60", &["--timeout", "2s"], 1),
        (Outcome::Debug, "debug", long, &["--debug"], 0),
    ] {
        let command = format!("{before}{}", telltale(then));
        let call = || given(lab.run("web01", &command).args(arguments));
        bench.run(&Scenario { outcome, name, call: &call, exit });
    }
    bench.matrix
}

/// Every way was looked at for each outcome, and what the node said is there with its marks, in every form.
fn is_whole(matrix: &Matrix, ways: &[Way], forms: impl Fn(Outcome, Way) -> BTreeSet<Form>) {
    matrix.is_whole(&OUTCOMES, ways);
    for outcome in OUTCOMES {
        for way in Way::OF_OUTPUT {
            matrix.has(&Form::ALL, &forms(outcome, way), outcome, way);
        }
    }
}

fn are_nowhere(store: Store<'_>, formats: &[(&str, &str)], ways: &[Way]) {
    let user = Fleet::password_user().unwrap();
    let lab = Lab::with(Fleet::builder().user(&user.name));
    let rules = format!("{} ALL=(ALL) ALL\nDefaults timestamp_timeout=0", user.name);
    let _rules = lab.fleet().sudo_rules(&rules).unwrap();
    let password = Canary::of("password for sudo", user.password.as_deref().unwrap());
    let (token, input) = (Canary::new("variable"), Canary::new("standard input"));
    let canaries = vec![token.clone(), input.clone(), password.clone()];
    let directory = lab.path("");
    let password_file = own_file(&directory, "password", &password.text);
    let input_file = own_file(&directory, "input", &input.text);
    let given = |call: Pab| {
        call.env("TOKEN", &token.text)
            .args(["--secret-env", "TOKEN", "--run-as", "root"])
            .args(["--run-as-password-file".as_ref(), password_file.as_os_str()])
            .args(["--secret-stdin".as_ref(), input_file.as_os_str()])
    };
    let matrix = Matrix::default();
    let bench = Bench { directory, store, formats, canaries: canaries.clone(), is_control: false, matrix };
    let mut matrix = run_all(&lab, &given, "", bench);
    // A wrong password, a node that is down, and an option that does not exist.
    let wrong = own_file(&lab.path(""), "wrong", &token.text.replace(['\u{e9}', '\n'], ""));
    let ran = lab.run("web01", "true").args(["--run-as", "root", "--log-level", "trace"]);
    let ran = ran.args(["--run-as-password-file".as_ref(), wrong.as_os_str()]).exits(3);
    matrix.add(Outcome::Failure, Way::LogText, &ran.stderr);
    let ran = lab.run("web01", "true").args(["--secret-param", &format!("/p={}", token.text)]).exits(2);
    matrix.add(Outcome::Failure, Way::LogText, &ran.stderr);
    lab.fleet().stop_node(0).unwrap();
    let ran = given(lab.run("web01", "true").args(["--log-level", "trace", "--format", "json"])).exits(3);
    matrix.add(Outcome::Failure, Way::Output, &ran.stdout);
    matrix.add(Outcome::Failure, Way::LogText, &ran.stderr);

    matrix.is_clean(&canaries);
    is_whole(&matrix, ways, |outcome, way| matrix.taken_out(outcome, way));
}

/// R5.1, R5.6, R5.10, R5.11: a secret variable, a secret on standard input and a password for sudo are nowhere after runs that
/// succeed, fail, take too long and are debugged: not in the log at the level trace, in no format of the output, in no event,
/// not in the journal, the history, an error, an export, a page or what is measured, not in the database with its files, in no
/// process list and in no temporary file.
#[test]
fn secrets_of_a_command_are_nowhere() {
    are_nowhere(Store::Files, EVERY, &Way::ALL);
}

/// R5.5, R5.6: the same with a PostgreSQL server, which has them in no table, and in its log in no statement and no parameter.
#[test]
fn secrets_of_a_command_are_nowhere_on_a_server() {
    let server = Postgres::start_talkative().unwrap();
    are_nowhere(Store::Server(&server), FEW, &[&Way::ALL[..], &[Way::ServerLog]].concat());
}

/// What is no secret is found in all places where it comes to be told, in every form.
fn is_found(store: Store<'_>, ways: &[Way]) {
    let lab = Lab::new(1);
    let canary = Canary::new("text");
    let directory = lab.path("");
    let given_file = own_file(&directory, "said", &canary.text);
    let given = |call: Pab| {
        call.args(["--env", &format!("TOKEN={}", canary.text)])
            .args(["--stdin".as_ref(), given_file.as_os_str()])
    };
    let matrix = Matrix::default();
    let canaries = vec![canary.clone()];
    let bench = Bench { directory, store, formats: FEW, canaries, is_control: true, matrix };
    let matrix = run_all(&lab, &given, &format!("# {}\n", said(&canary.text)), bench);
    is_whole(&matrix, ways, |outcome, way| matrix.told(outcome, way, &canary));
    // What the command itself says is told where its output is not; log and journal have the beginning of it. What is measured,
    // and where the time went, tells of nothing that the caller says; of nodes that end by themselves there is no error.
    let untold = [Way::Metrics, Way::Slow, Way::Errors];
    for outcome in OUTCOMES {
        for way in ways.iter().copied().filter(|way| !untold.contains(way)) {
            let is_cut = [Way::LogText, Way::LogJson, Way::Journal].contains(&way);
            let wanted: &[Form] = if is_cut { &[Form::Plain] } else { &Form::WHOLE };
            matrix.has(wanted, &matrix.told(outcome, way, &canary), outcome, way);
        }
    }
}

/// The control of the search in a SQLite file and everywhere else.
#[test]
fn what_is_no_secret_is_found() {
    is_found(Store::Files, &Way::ALL);
}

/// The control of the search in a PostgreSQL server and its log.
#[test]
fn what_is_no_secret_is_found_on_a_server() {
    let server = Postgres::start_talkative().unwrap();
    is_found(Store::Server(&server), &[&Way::ALL[..], &[Way::ServerLog]].concat());
}
