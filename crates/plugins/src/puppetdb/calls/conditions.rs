//! [`Conditions`]: PuppetDB's query language (AST, version 4) out of typed values. A value is a value in there, whatever it
//! holds: none can become a part of the query.

use jiff::Timestamp;
use serde_json::{Value, json};

/// What rows have to meet, all of it.
#[derive(Debug, Default)]
pub(super) struct Conditions(Vec<Value>);

impl Conditions {
    /// The field has this value; nothing is asked without one.
    pub(super) fn equals(&mut self, field: &'static str, value: Option<&str>) {
        self.0.extend(value.map(|value| json!(["=", field, value])));
    }

    /// The field has one of these values; nothing is asked without any.
    pub(super) fn one_of(&mut self, field: &'static str, values: &[&str]) {
        if !values.is_empty() {
            self.0.push(json!(["in", field, ["array", values]]));
        }
    }

    /// The field is this time or later.
    pub(super) fn since(&mut self, field: &'static str, at: Option<Timestamp>) {
        self.0.extend(at.map(|at| json!([">=", field, at])));
    }

    /// The field is before this time.
    pub(super) fn before(&mut self, field: &'static str, at: Option<Timestamp>) {
        self.0.extend(at.map(|at| json!(["<", field, at])));
    }

    /// The query for these columns.
    pub(super) fn query(&self, columns: &[&str]) -> Value {
        match self.0.as_slice() {
            [] => json!(["extract", columns]),
            [one] => json!(["extract", columns, one]),
            all => {
                let mut and = vec![json!("and")];
                and.extend_from_slice(all);
                json!(["extract", columns, and])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_values() {
        let mut conditions = Conditions::default();
        assert_eq!(conditions.query(&["hash"]), json!(["extract", ["hash"]]));
        conditions.equals("environment", None);
        conditions.one_of("status", &[]);
        conditions.since("start_time", None);
        let hostile = "x\"]], [\"=\", \"certname\", \"y";
        conditions.equals("environment", Some(hostile));
        assert_eq!(conditions.query(&["hash"]), json!(["extract", ["hash"], ["=", "environment", hostile]]));
        conditions.one_of("certname", &["a", "b"]);
        conditions.before("start_time", Some("2026-03-01T12:00:00Z".parse().unwrap()));
        let expected = json!([
            "and",
            ["=", "environment", hostile],
            ["in", "certname", ["array", ["a", "b"]]],
            ["<", "start_time", "2026-03-01T12:00:00Z"]
        ]);
        assert_eq!(conditions.query(&["hash"])[2], expected);
    }
}
