//! Runs `pab` with secrets, asks it about each execution by its id, and gathers what comes out in a [`Matrix`]: [`Bench`].

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pabawi_testkit::canary::{Canary, Lookout, said};
use pabawi_testkit::postgres::Postgres;
use pabawi_tests::{Pab, python};
use serde_json::Value;

use crate::matrix::{Matrix, Outcome, Way};

/// In the names of folders that hold the tester's own secrets.
pub(crate) const OWN: &str = "testers-own";
const LIMIT: Duration = Duration::from_secs(60);
/// In which form results are written and in which the log: where one run has to do, and one for each form.
pub(crate) const FEW: &[(&str, &str)] = &[("json", "json"), ("table", "text")];
pub(crate) const EVERY: &[(&str, &str)] =
    &[("json", "json"), ("table", "text"), ("ndjson", "json"), ("yaml", "text")];

/// Everything in a SQLite file, one value a line, bytes as they are.
const ALL_OF_SQLITE: &str = r#"
import sqlite3, sys
database = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)
database.text_factory = bytes
tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
for (name,) in database.execute(tables).fetchall():
    for row in database.execute(f'SELECT * FROM "{name.decode()}"'):
        for value in row:
            print(value.decode('utf-8', 'replace') if isinstance(value, bytes) else value)
"#;

/// Where executions are remembered.
#[derive(Clone, Copy)]
pub(crate) enum Store<'a> {
    /// A file for each scenario.
    Files,
    /// A database for each scenario.
    Server(&'a Postgres),
}

/// A call of `pab` that is made, and how it ends.
pub(crate) struct Scenario<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) name: &'a str,
    /// Without its results' form and what is said of its log.
    pub(crate) call: &'a dyn Fn() -> Pab,
    pub(crate) exit: i32,
}

/// What is given to `pab`, and what has come out so far.
pub(crate) struct Bench<'a> {
    pub(crate) directory: PathBuf,
    pub(crate) store: Store<'a>,
    pub(crate) formats: &'a [(&'a str, &'a str)],
    /// What is looked for.
    pub(crate) canaries: Vec<Canary>,
    /// Where the first of them is no secret: the tester tells it besides where `pab` has no reason to.
    pub(crate) is_control: bool,
    pub(crate) matrix: Matrix,
}

impl Bench<'_> {
    /// Runs a scenario in all forms, asks all about it, and looks at what is there meanwhile.
    pub(crate) fn run(&mut self, scenario: &Scenario<'_>) {
        let Scenario { outcome, name, .. } = *scenario;
        let temporary = self.directory.join("tmp");
        std::fs::create_dir_all(&temporary).unwrap();
        let logged = self.server_log().len();
        // The database is a place of its own.
        let looking = Lookout::start(vec![self.directory.clone()], &[OWN, ".db"], &self.canaries);
        let planted = self.is_control.then(|| Planted::new(&temporary, &self.canaries[0]));
        if let Store::Server(server) = self.store {
            server.create_database(&database(name)).unwrap();
        }
        // Debugging keeps so much that two forms are enough.
        let formats = if outcome == Outcome::Debug { FEW } else { self.formats };
        for (format, log) in formats.iter().copied() {
            self.one(scenario, format, log);
        }
        for (place, bytes) in looking.seen() {
            let way = if place == "ps" { Way::Processes } else { Way::TemporaryFiles };
            self.matrix.add(outcome, way, &bytes);
        }
        drop(planted);
        let log = self.server_log().split_off(logged);
        self.matrix.add(outcome, Way::ServerLog, &unhexed(log));
        self.add_database(outcome, name);
    }

    fn one(&mut self, scenario: &Scenario<'_>, format: &str, log: &str) {
        let Scenario { outcome, name, call, exit } = *scenario;
        let way_of_log = if log == "json" { Way::LogJson } else { Way::LogText };
        let logging = ["--log-level", "trace", "--log-format", log];
        let tag = format!("as-{format}");
        let metrics = self.directory.join("metrics.prom");
        let call = self.remembered(call(), name).args(["--format", format, "--tag", &tag]);
        let call = call.args(logging).args(["--correlation-id", "canary-test"]);
        let ran = call.args(["--metrics-file".as_ref(), metrics.as_os_str()]).limit(LIMIT).ran();
        assert_eq!(ran.code(), Some(exit), "{name} as {format}: {ran}");
        self.matrix.add(outcome, Way::Output, &[ran.stdout.as_slice(), &ran.stderr].concat());
        self.matrix.add(outcome, way_of_log, &ran.stderr);
        self.matrix.add(outcome, Way::Metrics, &std::fs::read(&metrics).unwrap());

        let listed = self.asked(name, &["executions", "list", "--tag", &tag, "--format", "ndjson"]).events();
        assert_eq!(listed.len(), 1, "{listed:?}");
        let id = listed[0]["id"].as_str().unwrap();
        for (way, words, has_format) in [
            (Way::History, &["executions", "list", "--tag", &tag][..], true),
            (Way::Record, &["executions", "show", id], true),
            (Way::Events, &["executions", "events", id], false),
            (Way::Slow, &["executions", "explain-slow", id], true),
            (Way::Journal, &["journal", "list", "--execution", id], true),
            (Way::Export, &["executions", "export", id], false),
            (Way::Report, &["executions", "report", id, "--html"], false),
        ] {
            let form: &[&str] = if has_format { &["--format", format] } else { &[] };
            let ran = self.asked(name, &[words, form, &logging].concat());
            self.matrix.add(outcome, way, &ran.stdout);
            self.matrix.add(outcome, way_of_log, &ran.stderr);
            match way {
                Way::Events => self.matrix.add(outcome, way, pieces(&ran.events()).as_bytes()),
                Way::Export => {
                    let mut errors = Vec::new();
                    collect_errors(&ran.json(), &mut errors);
                    self.matrix.add(outcome, Way::Errors, Value::from(errors).to_string().as_bytes());
                }
                _ => {}
            }
        }
        // What the node wrote to its standard error comes to that of `pab`.
        let ran = self.asked(name, &["executions", "output", id]);
        self.matrix.add(outcome, Way::StoredOutput, &[ran.stdout, ran.stderr].concat());
    }

    fn asked(&self, name: &str, words: &[&str]) -> pabawi_tests::Ran {
        self.remembered(Pab::new(&home(&self.directory)), name).args(words).succeeds()
    }

    /// A call that uses the scenario's database.
    fn remembered(&self, call: Pab, name: &str) -> Pab {
        let call = call.env("TMPDIR", self.directory.join("tmp"));
        match self.store {
            Store::Files => call.env("PABAWI_DB", self.file(name)),
            Store::Server(server) => {
                let (user, address, database) = (server.user(), server.address(), database(name));
                let url = format!("postgres://{user}@{address}/{database}");
                call.env("PABAWI_DB", url).env("PGPASSWORD", server.password())
            }
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{}.db", database(name)))
    }

    fn server_log(&self) -> Vec<u8> {
        match self.store {
            Store::Files => Vec::new(),
            Store::Server(server) => server.log().unwrap(),
        }
    }

    /// Adds everything that is remembered of a scenario, as it is stored and as the database tells it.
    fn add_database(&mut self, outcome: Outcome, name: &str) {
        match self.store {
            Store::Files => {
                let all = python(ALL_OF_SQLITE, &self.file(name));
                self.matrix.add(outcome, Way::Database, all.as_bytes());
                let file = self.file(name).file_name().unwrap().to_string_lossy().into_owned();
                for entry in self.directory.read_dir().unwrap().flatten() {
                    // The file itself, its journal, and what stands beside it.
                    if entry.file_name().to_string_lossy().starts_with(&file) {
                        add_files(&entry.path(), &mut |bytes| self.matrix.add(outcome, Way::Database, bytes));
                    }
                }
            }
            Store::Server(server) => {
                let dump = server.dump(&database(name)).unwrap();
                self.matrix.add(outcome, Way::Database, &unhexed(dump.into_bytes()));
            }
        }
    }
}

/// The home folder of a bench in a folder.
pub(crate) fn home(directory: &Path) -> PathBuf {
    let home = directory.join("home");
    std::fs::create_dir_all(&home).unwrap();
    home
}

/// A file with a secret that is given to `pab`.
pub(crate) fn own_file(directory: &Path, name: &str, content: &str) -> PathBuf {
    let folder = directory.join(OWN);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
    file.write_all(content.as_bytes()).unwrap();
    path
}

/// A name that a database may have.
fn database(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_lowercase(), "_")
}

fn add_files(path: &Path, add: &mut dyn FnMut(&[u8])) {
    if path.is_dir() {
        path.read_dir().unwrap().flatten().for_each(|entry| add_files(&entry.path(), add));
    } else {
        add(&std::fs::read(path).unwrap());
    }
}

/// The output of the events, one stream after the other: a secret that is cut over two of them is in neither.
fn pieces(events: &[Value]) -> String {
    let of = |stream: &str| -> String {
        let own = events.iter().filter(|event| event["stream"] == stream);
        own.filter_map(|event| event["data"].as_str()).collect()
    };
    of("stdout") + "\n" + &of("stderr")
}

/// What stands under `error`, wherever it is.
fn collect_errors(value: &Value, errors: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            errors.extend(fields.get("error").cloned());
            fields.values().for_each(|value| collect_errors(value, errors));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_errors(value, errors)),
        _ => {}
    }
}

/// The same with what stands in it in hexadecimal digits, as PostgreSQL shows bytes, once more as it is.
fn unhexed(mut text: Vec<u8>) -> Vec<u8> {
    let mut all = Vec::new();
    for (at, _) in text.windows(2).enumerate().filter(|(_, two)| *two == b"\\x") {
        let digits = text[at + 2..].iter().map_while(|byte| char::from(*byte).to_digit(16));
        let digits: Vec<u8> = digits.map(|digit| u8::try_from(digit).unwrap()).collect();
        all.push(b'\n');
        all.extend(digits.chunks_exact(2).map(|pair| pair[0] * 16 + pair[1]));
    }
    text.append(&mut all);
    text
}

/// A process and a file that tell a text in every form, to see that they are looked at. Both go with it.
struct Planted {
    process: Child,
    file: PathBuf,
}

impl Planted {
    fn new(folder: &Path, canary: &Canary) -> Self {
        let file = folder.join("planted");
        std::fs::write(&file, said(&canary.text)).unwrap();
        let mut process = Command::new("sh");
        process.args(["-c", "read line", "sh", &said(&canary.text)]).stdin(Stdio::piped());
        Self { process: process.spawn().unwrap(), file }
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}
