//! One configuration file as TOML: [`read`] takes its values with their lines, and tells everything that is wrong.

use std::path::Path;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{Entry, Fault, Origin};
use super::expand::expand;
use super::journal;
use super::keys::KEYS;
use super::{guard, plugins};

/// The tables of a file.
const TABLES: [&str; 6] =
    ["defaults", "journal", "retention", "plugins", guard::SECTIONS[0], guard::SECTIONS[1]];
/// Deepest nesting of a value.
const DEEPEST: usize = 32;

/// What is known while a file is read.
pub(super) struct Reading<'a> {
    file: &'a Path,
    text: &'a str,
    variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether it is the file of the machine.
    pub(super) is_machines: bool,
    /// The values that are good.
    pub(super) entries: Vec<Entry>,
    /// What is wrong.
    pub(super) faults: Vec<Fault>,
}

/// The values of a file's text.
pub(super) fn read<'a>(
    file: &'a Path,
    text: &'a str,
    is_machines: bool,
    variable: &'a dyn Fn(&str) -> Option<String>,
) -> Reading<'a> {
    let mut reading = Reading { file, text, variable, is_machines, entries: Vec::new(), faults: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = error.span().map(|span| reading.line(span.start));
        let message = format!("is no TOML: {}", error.message());
        reading.faults.push(Fault { file: file.to_owned(), line, path: String::new(), message });
    }
    if reading.faults.is_empty() {
        for (key, value) in table.get_ref() {
            reading.section(key.get_ref(), key.span().start, value);
        }
    }
    reading
}

impl Reading<'_> {
    fn section(&mut self, name: &str, at: usize, value: &Spanned<DeValue<'_>>) {
        let Some(table) = value.get_ref().as_table() else {
            let known = TABLES.join(", ");
            self.fault(at, name, format!("must be a table; the tables that there are: {known}"));
            return;
        };
        match name {
            "defaults" => {
                for (key, value) in table {
                    self.default(key.get_ref(), key.span().start, value);
                }
            }
            "plugins" => {
                for (plugin, value) in table {
                    plugins::read(self, plugin.get_ref(), plugin.span().start, value);
                }
            }
            "journal" | "retention" => {
                let known: &[&str] = if name == "journal" { &journal::KEYS } else { &journal::KEPT };
                for (key, value) in table {
                    let (key, at) = (key.get_ref(), key.span().start);
                    let path = format!("{name}.{key}");
                    match known.contains(&&**key) {
                        true => self.take(path, at, value),
                        false => self.fault(at, path, unknown(key, known)),
                    }
                }
            }
            _ if guard::SECTIONS.contains(&name) => guard::read(self, name, at, table),
            _ => self.fault(at, name, unknown(name, &TABLES)),
        }
    }

    fn default(&mut self, name: &str, at: usize, value: &Spanned<DeValue<'_>>) {
        let path = format!("defaults.{name}");
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            self.fault(at, path, unknown(name, &known));
            return;
        };
        if let Some((expanded, _)) = self.value(&path, value)
            && let Err(message) = key.kind.check(&expanded)
        {
            self.fault(value.span().start, path, message);
            return;
        }
        self.take(path, at, value);
    }

    /// Keeps that a table is there, which may be empty.
    pub(super) fn mark(&mut self, path: &str, at: usize) {
        let origin = self.origin(at);
        self.entries.push(Entry { path: path.to_owned(), value: Value::Null, written: Value::Null, origin });
    }

    /// Keeps a value whose variables can be put in.
    pub(super) fn take(&mut self, path: String, at: usize, value: &Spanned<DeValue<'_>>) {
        let before = self.faults.len();
        let read = self.value(&path, value);
        if let (Some((value, written)), true) = (read, self.faults.len() == before) {
            let origin = self.origin(at);
            self.entries.push(Entry { path, value, written, origin });
        }
    }

    /// The value as it is written; `None` for one that is no value at all, which [`Reading::value`] tells.
    pub(super) fn written(&self, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        json(value.get_ref(), 0, &mut str::to_owned).ok()
    }

    /// The value with and without its variables put in.
    pub(super) fn value(&mut self, path: &str, value: &Spanned<DeValue<'_>>) -> Option<(Value, Value)> {
        let at = value.span().start;
        let mut faults = Vec::new();
        let variable = self.variable;
        let expanded = json(value.get_ref(), 0, &mut |text| {
            expand(text, variable).unwrap_or_else(|error| {
                faults.push(error);
                text.to_owned()
            })
        });
        let written = json(value.get_ref(), 0, &mut str::to_owned);
        let has_faults = !faults.is_empty();
        for fault in faults {
            self.fault(at, path, fault);
        }
        match (expanded, written) {
            (Ok(expanded), Ok(written)) if !has_faults => Some((expanded, written)),
            (Err(error), _) => {
                self.fault(at, path, error);
                None
            }
            _ => None,
        }
    }

    /// Tells that a value is wrong, once.
    pub(super) fn fault(&mut self, at: usize, path: impl Into<String>, message: impl Into<String>) {
        let fault = Fault::at(&self.origin(at), path, message);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn origin(&self, at: usize) -> Origin {
        Origin { file: self.file.to_owned(), line: self.line(at) }
    }

    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// What is said of a key that nobody knows, with the one that is meant where one is close.
pub(super) fn unknown(name: &str, known: &[&str]) -> String {
    let plain = |text: &str| text.replace('_', "-").to_ascii_lowercase();
    let close = known.iter().find(|key| {
        let (key, name) = (plain(key), plain(name));
        key == name || (name.len() > 3 && (key.starts_with(&name) || name.starts_with(&key)))
    });
    match close {
        Some(close) => format!("unknown key; {close} is meant?"),
        None => format!("unknown key; known are {}", known.join(", ")),
    }
}

fn json(value: &DeValue<'_>, depth: usize, text: &mut dyn FnMut(&str) -> String) -> Result<Value, String> {
    if depth > DEEPEST {
        return Err(format!("is nested more than {DEEPEST} deep"));
    }
    Ok(match value {
        DeValue::String(string) => Value::String(text(string)),
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Integer(integer) => {
            let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
            Value::from(parsed.map_err(|_| format!("{} is too large", integer.as_str()))?)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            Value::Number(number.ok_or_else(|| format!("{} is no number that can be used", float.as_str()))?)
        }
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(all) => {
            let all: Result<Vec<Value>, String> =
                all.iter().map(|value| json(value.get_ref(), depth + 1, text)).collect();
            Value::Array(all?)
        }
        DeValue::Table(table) => {
            let mut map = Map::new();
            for (key, value) in table {
                map.insert(key.get_ref().to_string(), json(value.get_ref(), depth + 1, text)?);
            }
            Value::Object(map)
        }
    })
}
