//! `pab config`: what the files say, and what is wrong with them.

use pabawi::StreamKind;
use serde::Serialize;
use serde_json::Value;

use crate::args::{ConfigCommand, Format, GlobalArgs};
use crate::command::listing::List;
use crate::config::{Config, Fault, KEYS, Places, looks_secret, without_password};
use crate::exit::{Exit, Failure};
use crate::text::{Table, escape_for_terminal};
use crate::watch::Sink;

/// What is known of the files when the command begins.
pub(crate) struct Known<'a> {
    /// Where they are looked for.
    pub(crate) places: &'a Places,
    /// What they say.
    pub(crate) config: &'a Config,
    /// What is wrong with them.
    pub(crate) faults: &'a [Fault],
    /// The options of every command that were given, by their long names, with their values.
    pub(crate) given: Vec<(&'static str, String)>,
}

/// A file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FileRow {
    path: String,
    whose: &'static str,
    found: bool,
}

/// A value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ValueRow {
    name: String,
    /// Nothing where only a sentence says what holds.
    value: Value,
    from: &'static str,
    /// File and line, or the variable, or the option.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

/// Shows or checks the files.
///
/// # Errors
/// [`Failure`]; of `check` and `show`, what is wrong with the files.
pub(crate) fn config(
    global: &GlobalArgs,
    command: &ConfigCommand,
    known: &Known<'_>,
) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Path { format } => paths(global, *format, known),
        ConfigCommand::Show { format } => {
            let rows = values(known);
            let exit = List::of_all(&rows, "nothing is configured").write(global, *format, table)?;
            no_faults(known.faults)?;
            Ok(exit)
        }
        ConfigCommand::Check => {
            no_faults(known.faults)?;
            no_faults(&global.plugins.faults())?;
            no_faults(&asked(global.guard.faults())?)?;
            check(global, known)
        }
    }
}

/// Waits for an answer, where there is no runtime yet.
fn asked<T>(answer: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::nothing_ran(format!("start the runtime: {error}")))?;
    Ok(runtime.block_on(answer))
}

/// What is wrong with the files, all of it.
///
/// # Errors
/// [`Failure`] where there is something.
pub(crate) fn no_faults(faults: &[Fault]) -> Result<(), Failure> {
    match faults {
        [] => Ok(()),
        [one] => Err(Failure::usage(format!("configuration: {one}"))),
        several => {
            let lines: Vec<String> = several.iter().map(|fault| format!("\n  {fault}")).collect();
            let text = format!("configuration: {} things are wrong:{}", several.len(), lines.concat());
            Err(Failure::usage(text))
        }
    }
}

fn paths(global: &GlobalArgs, format: Format, known: &Known<'_>) -> Result<Exit, Failure> {
    let Places { user, is_named, system } = known.places;
    let row = |path: &std::path::Path, whose| FileRow {
        path: path.display().to_string(),
        whose,
        found: path.exists(),
    };
    let whose = if *is_named { "PABAWI_CONFIG" } else { "user" };
    let mut rows: Vec<FileRow> = user.iter().map(|path| row(path, whose)).collect();
    rows.push(row(system, "machine"));
    List::of_all(&rows, "").write(global, format, |rows| {
        let mut table = Table::new(&["FILE", "WHOSE", "FOUND"]);
        for row in rows {
            let found = if row.found { "yes" } else { "no" };
            table.row([row.path.clone(), row.whose.to_owned(), found.to_owned()]);
        }
        table
    })
}

fn check(global: &GlobalArgs, known: &Known<'_>) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    let files = &known.config.files;
    let text = match files.as_slice() {
        [] => "there is no configuration file; pab config path shows where one may be".to_owned(),
        files => {
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            format!("nothing is wrong with {}", names.join(" and "))
        }
    };
    sink.line(StreamKind::Stderr, &text);
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write to standard error: {error}")))?;
    Ok(Exit::AllSucceeded)
}

/// Every value that holds: first the defaults of options in their order, then the rest by name.
fn values(known: &Known<'_>) -> Vec<ValueRow> {
    let mut rows: Vec<ValueRow> = KEYS.iter().map(|key| default(known, key)).collect();
    let others = known.config.entries.values();
    rows.extend(others.filter(|entry| !entry.path.starts_with("defaults.") && !entry.value.is_null()).map(
        |entry| ValueRow {
            name: entry.path.clone(),
            value: masked(&entry.path, &entry.written),
            from: "file",
            place: Some(entry.origin.to_string()),
        },
    ));
    rows
}

fn default(known: &Known<'_>, key: &crate::config::Key) -> ValueRow {
    let row = |value: Value, from, place| {
        let value = masked(key.name, &value);
        ValueRow { name: key.name.to_owned(), value, from, place }
    };
    let option = if key.name == "color" { "no-color" } else { key.name };
    if let Some((_, value)) = known.given.iter().find(|(name, _)| *name == option) {
        let value = if key.name == "color" { "never" } else { value };
        return row(value.into(), "option", Some(format!("--{option}")));
    }
    let set = key.env.and_then(|name| Some((name, std::env::var(name).ok()?)));
    if let Some((name, value)) = set {
        return row(value.into(), "environment", Some(name.to_owned()));
    }
    match known.config.entries.get(&format!("defaults.{}", key.name)) {
        Some(entry) => row(entry.written.clone(), "file", Some(entry.origin.to_string())),
        None => row(key.built_in.into(), "default", None),
    }
}

/// A value without the secrets that are written out in it. What stands below the name of a secret is one.
fn masked(path: &str, written: &Value) -> Value {
    match written {
        Value::Null => Value::Null,
        _ if looks_secret(path) => pabawi::REDACTED.into(),
        Value::String(text) => without_password(text).into(),
        Value::Object(map) => {
            let each = map.iter().map(|(key, value)| (key.clone(), masked(&format!("{path}.{key}"), value)));
            Value::Object(each.collect())
        }
        Value::Array(all) => all.iter().map(|value| masked(path, value)).collect(),
        other => other.clone(),
    }
}

fn table(rows: &[ValueRow]) -> Table {
    let mut table = Table::new(&["NAME", "VALUE", "FROM"]);
    for row in rows {
        let value = match &row.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let from = row.place.clone().unwrap_or_else(|| row.from.to_owned());
        table.row([row.name.clone(), escape_for_terminal(value.as_bytes()), from]);
    }
    table
}
