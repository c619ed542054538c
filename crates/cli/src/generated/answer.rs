//! What a plugin answered, for people: [`table_of`]. Other forms of output write the answer as it is.

use serde_json::{Map, Value};

use crate::text::{Table, escape_for_terminal};

/// Columns of a table; what does not fit is left to the other forms of output.
const MOST_COLUMNS: usize = 8;
/// Characters of a cell.
const LONGEST: usize = 60;

/// An answer as it is shown.
pub(super) enum Shown {
    /// Rows, with what stands beside them.
    Rows(Table, Vec<String>),
    /// There is nothing in the list.
    Nothing(Vec<String>),
    /// A text or a number.
    Text(String),
    /// What no table can show.
    Document,
}

/// The rows of an answer: a list, or the list in an object that has little else. `columns` come first where rows have them.
pub(super) fn shown(answer: &Value, columns: &[String]) -> Shown {
    match answer {
        Value::String(text) => Shown::Text(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Shown::Text(answer.to_string()),
        Value::Array(rows) => of_rows(rows, columns, Vec::new()),
        Value::Object(object) => match list_in(object) {
            Some((name, rows)) => of_rows(rows, columns, beside(object, name)),
            None => Shown::Document,
        },
    }
}

/// The list that an object is about: the only one of objects that is not empty, or the first of all.
fn list_in(object: &Map<String, Value>) -> Option<(&str, &[Value])> {
    let lists =
        || object.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_array()?.as_slice())));
    let is_about = |(_, rows): &(&str, &[Value])| rows.iter().any(Value::is_object);
    // What is said beside a list is none.
    let is_list = |(name, _): &(&str, &[Value])| !matches!(*name, "warnings" | "errors");
    let has_more = object.values().any(Value::is_object);
    let mut full = lists().filter(is_list).filter(is_about);
    match (full.next(), full.next()) {
        _ if has_more => None,
        (Some(only), None) => Some(only),
        // Nodes and their groups.
        (Some(_), Some(_)) => lists().find(|(name, _)| *name == "nodes"),
        (None, _) => lists().find(is_list),
    }
}

/// What stands beside the list: warnings, errors, and how to go on.
fn beside(object: &Map<String, Value>, list: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, value) in object.iter().filter(|(name, _)| name.as_str() != list) {
        match (name.as_str(), value) {
            ("warnings" | "errors", Value::Array(all)) => {
                lines.extend(all.iter().map(|one| format!("{}: {}", name.trim_end_matches('s'), cell(one))));
            }
            ("nextCursor", Value::String(cursor)) => lines.push(format!("more with --cursor {cursor}")),
            ("hasMore", Value::Bool(true)) => {
                lines.push("there is more; see --limit and --offset".to_owned())
            }
            _ => {}
        }
    }
    lines
}

fn of_rows(rows: &[Value], first: &[String], beside: Vec<String>) -> Shown {
    if rows.is_empty() {
        return Shown::Nothing(beside);
    }
    let mut columns: Vec<String> = first
        .iter()
        .filter(|name| rows.iter().any(|row| row.get(name.as_str()).is_some()))
        .cloned()
        .collect();
    for row in rows {
        for (name, value) in row.as_object().into_iter().flatten() {
            let is_plain = !value.is_object() && !value.is_array() && !value.is_null();
            if is_plain && columns.len() < MOST_COLUMNS && !columns.contains(name) {
                columns.push(name.clone());
            }
        }
    }
    if columns.is_empty() {
        let mut table = Table::new(&["VALUE"]);
        for row in rows {
            table.row([cell(row)]);
        }
        return Shown::Rows(table, beside);
    }
    let header: Vec<String> = columns.iter().map(|name| name.to_uppercase()).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = Table::new(&header);
    for row in rows {
        table.row(columns.iter().map(|name| row.get(name).map(cell).unwrap_or_default()));
    }
    Shown::Rows(table, beside)
}

/// A value on one line.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut letters = text.chars();
    let mut short: String = letters.by_ref().take(LONGEST).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    escape_for_terminal(short.as_bytes())
}

/// The names of the properties of a row, in the order in which the schema of results tells them, which is a hint at what
/// matters most.
pub(super) fn preferred() -> Vec<String> {
    ["plugin", "name", "id", "node", "certname", "at", "startTime", "status", "hash", "description"]
        .map(str::to_owned)
        .to_vec()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(answer: Value) -> (Vec<String>, Vec<String>) {
        match shown(&answer, &preferred()) {
            Shown::Rows(table, beside) => (table.lines(), beside),
            Shown::Nothing(beside) => (Vec::new(), beside),
            Shown::Text(text) => (vec![text], Vec::new()),
            Shown::Document => (vec!["document".to_owned()], Vec::new()),
        }
    }

    #[test]
    fn a_list_is_a_table_wherever_it_stands() {
        let rows = json!([{"status": "ok", "node": "web1", "deep": {"x": 1}}, {"node": "web2", "more": 5}]);
        let table = ["NODE  STATUS  MORE", "web1  ok", "web2          5"];
        assert_eq!(lines(rows.clone()).0, table);
        let page = json!({"reports": rows, "warnings": ["odd"], "nextCursor": "c1"});
        let (shown, beside) = lines(page);
        assert_eq!(shown, table);
        assert_eq!(beside, ["more with --cursor c1", "warning: odd"]);
        assert_eq!(lines(json!({"nodes": [{"id": "a"}], "groups": [{"name": "g"}]})).0, ["ID", "a"]);
        assert_eq!(lines(json!({"rows": [], "hasMore": false})), (vec![], vec![]));
        assert_eq!(lines(json!(["a", 5])).0, ["VALUE", "a", "5"]);
        assert_eq!(lines(json!("text\u{1b}")).0, ["text\u{1b}"]);
        assert_eq!(lines(json!({"catalog": {"node": "a"}, "resources": [{"x": 1}]})).0, ["document"]);
        assert_eq!(lines(json!([{"x": "\u{1b}[2J"}])).0, ["X", "\\x1b[2J"]);
        assert!(lines(json!([{"x": "a".repeat(100)}])).0[1].ends_with('…'));
    }
}
