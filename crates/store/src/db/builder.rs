//! [`Builder`]: SQL that is put together while its values are collected.

use super::statement::{Statement, query};
use super::value::Value;

/// SQL that is put together. No value ever becomes a part of the text.
#[derive(Debug)]
pub(crate) struct Builder {
    sql: String,
    values: Vec<Value>,
}

impl Builder {
    pub(crate) fn new(beginning: impl Into<String>) -> Self {
        Self { sql: beginning.into(), values: Vec::new() }
    }

    /// Adds a piece of SQL.
    pub(crate) fn push(&mut self, sql: impl AsRef<str>) -> &mut Self {
        self.sql.push_str(sql.as_ref());
        self
    }

    /// Adds a parameter with its value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        let parameter = self.parameter(value);
        self.push(parameter)
    }

    /// Keeps a value and gives its parameter, to be written wherever it is needed.
    pub(crate) fn parameter(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Adds parameters with commas between them.
    pub(crate) fn push_list<T: Into<Value>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.push_bind(value);
        }
        self
    }

    /// The SQL so far.
    #[cfg(test)]
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn build(self) -> Statement {
        query(self.sql).bind_all(self.values)
    }
}
