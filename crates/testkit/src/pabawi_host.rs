//! The database of a host application as it is in Pabawi: a SQLite file that another program has open. Main type: [`PabawiHost`],
//! for the port [`HostDatabase`]; the program is Python, which has an SQLite of its own.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pabawi_domain::ports::{HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue};
use serde_json::{Value, json};

use crate::pabawi_history::pabawi_history;
use crate::pabawi_tables::{pabawi_sql, pabawi_tables_file};

/// A line of JSON in for each statement, a line out.
const PROGRAM: &str = r#"
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA foreign_keys = ON")
for line in sys.stdin:
    asked = json.loads(line)
    try:
        done = db.execute(asked["sql"], asked["parameters"])
        names = [column[0] for column in done.description or []]
        told = {"rows": [dict(zip(names, row)) for row in done.fetchall()], "changes": max(done.rowcount, 0)}
    except sqlite3.Error as error:
        told = {"error": str(error)}
    print(json.dumps(told), flush=True)
"#;

/// A SQLite file with Pabawi's tables and users, which a program has open until this is dropped.
#[derive(Debug)]
pub struct PabawiHost(Arc<Mutex<Program>>);

#[derive(Debug)]
struct Program {
    child: Child,
    statements: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl PabawiHost {
    /// Makes the file.
    ///
    /// # Errors
    /// Python cannot be run.
    pub fn start(path: &Path) -> io::Result<Self> {
        pabawi_tables_file(path)?;
        pabawi_sql(path, pabawi_history())?;
        let mut command = Command::new("python3");
        command.args(["-c", PROGRAM]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(statements), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no standard streams"));
        };
        let answers = BufReader::new(answers);
        Ok(Self(Arc::new(Mutex::new(Program { child, statements, answers }))))
    }

    async fn ask(&self, sql: &str, parameters: &[HostValue]) -> Result<Value, HostDatabaseError> {
        let program = Arc::clone(&self.0);
        let line = format!("{}\n", json!({"sql": sql, "parameters": parameters}));
        let asked = tokio::task::spawn_blocking(move || {
            let mut program = program.lock().unwrap_or_else(PoisonError::into_inner);
            program.statements.write_all(line.as_bytes())?;
            let mut answer = String::new();
            program.answers.read_line(&mut answer)?;
            io::Result::Ok(serde_json::from_str::<Value>(&answer)?)
        });
        let gone = |error: &dyn std::fmt::Display| HostDatabaseError::Unavailable(error.to_string());
        let answer = asked.await.map_err(|error| gone(&error))?.map_err(|error| gone(&error))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(HostDatabaseError::Refused(error.to_owned())),
            None => Ok(answer),
        }
    }
}

#[async_trait]
impl HostDatabase for PabawiHost {
    fn dialect(&self) -> HostDialect {
        HostDialect::Sqlite
    }

    async fn query(&self, sql: &str, parameters: &[HostValue]) -> Result<Vec<HostRow>, HostDatabaseError> {
        let rows = self.ask(sql, parameters).await?.get("rows").cloned().unwrap_or_default();
        serde_json::from_value(rows).map_err(|error| HostDatabaseError::Refused(error.to_string()))
    }

    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, HostDatabaseError> {
        Ok(self.ask(sql, parameters).await?.get("changes").and_then(Value::as_u64).unwrap_or_default())
    }
}
