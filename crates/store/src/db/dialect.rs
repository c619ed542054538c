//! [`Dialect`]: everything in which the SQL of the databases differs.

use std::fmt::Write as _;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Writes the `number`-th parameter, counted from 1, of a statement with many.
    ///
    /// SQLite finds numbered parameters by a walk over all of them (`sqlite3VListNumToName`), which is quadratic for
    /// thousands; PostgreSQL knows no others.
    pub(crate) fn push_parameter(self, sql: &mut String, number: usize) {
        match self {
            Self::Sqlite => sql.push('?'),
            // Writing to a string cannot fail.
            Self::Postgres => drop(write!(sql, "${number}")),
        }
    }

    /// Whether there is a table of that name, which is an SQL expression.
    pub(crate) fn has_table(self, name: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = {name})")
            }
            Self::Postgres => format!("SELECT to_regclass({name}) IS NOT NULL"),
        }
    }

    /// A table of the numbers that the parameter holds as a JSON list, in column `value`. One parameter however many
    /// there are: SQLite takes 32,766 and PostgreSQL 65,535.
    pub(crate) fn numbers(self, parameter: &str, name: &str) -> String {
        match self {
            Self::Sqlite => format!("json_each({parameter}) AS {name}"),
            Self::Postgres => format!(
                "(SELECT x.value::bigint AS value FROM json_array_elements_text({parameter}::json) AS x (value)) AS {name}"
            ),
        }
    }

    /// As [`Dialect::numbers`], of texts.
    pub(crate) fn texts(self, parameter: &str, name: &str) -> String {
        match self {
            Self::Sqlite => format!("json_each({parameter}) AS {name}"),
            Self::Postgres => format!("json_array_elements_text({parameter}::json) AS {name} (value)"),
        }
    }

    /// As [`Dialect::texts`], with the place of each in column `place`, from 0.
    pub(crate) fn texts_in_order(self, parameter: &str, name: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("(SELECT x.key AS place, x.value FROM json_each({parameter}) AS x) AS {name}")
            }
            Self::Postgres => format!(
                "(SELECT x.number - 1 AS place, x.value FROM \
                 json_array_elements_text({parameter}::json) WITH ORDINALITY AS x (value, number)) AS {name}"
            ),
        }
    }

    /// Joins a table by looking up a row of it for each row before it, and never the other way round, however few rows the
    /// planner expects there. The condition still has to stand in WHERE.
    ///
    /// SQLite keeps the order of tables with CROSS JOIN between them. PostgreSQL does not pull up a subquery with OFFSET
    /// (`is_simple_subquery` in its `prepjointree.c`), and one that names a column from outside can only be run for each.
    pub(crate) fn looked_up(self, table: &str, column: &str, value: &str, name: &str) -> String {
        match self {
            Self::Sqlite => format!("CROSS JOIN {table} AS {name}"),
            Self::Postgres => format!(
                "CROSS JOIN LATERAL (SELECT * FROM {table} AS looked_up WHERE looked_up.{column} = {value} OFFSET 0) AS {name}"
            ),
        }
    }

    /// The texts of a group with commas between them, in the order of another column; absent where there is none.
    pub(crate) fn joined(self, text: &str, order: &str) -> String {
        match self {
            Self::Sqlite => format!("group_concat({text}, ',' ORDER BY {order})"),
            Self::Postgres => format!("string_agg({text}, ',' ORDER BY {order})"),
        }
    }

    /// Where `part` begins in `text`, both of them text or both of them bytes, counted from 1; 0 when it is not there. No
    /// character is special.
    pub(crate) fn find(self, text: &str, part: &str) -> String {
        match self {
            Self::Sqlite => format!("instr({text}, {part})"),
            Self::Postgres => format!("position({part} IN {text})"),
        }
    }

    /// A column that SQLite's planner shall not look for an index of
    /// (<https://www.sqlite.org/optoverview.html>, section 2.1). PostgreSQL knows how common a value is.
    pub(crate) fn without_index(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("+{column}"),
            Self::Postgres => column.to_owned(),
        }
    }

    /// What is looked for by [`Dialect::has_words`]: words that begin so, all of them. Words hold letters and digits only, so
    /// that nothing in them means anything to SQLite's FTS5 or PostgreSQL's `tsquery`.
    pub(crate) fn beginnings(self, words: &[String]) -> String {
        let (quote, mark, and) = match self {
            Self::Sqlite => ('"', "*", " AND "),
            Self::Postgres => ('\'', ":*", " & "),
        };
        let each: Vec<String> = words.iter().map(|word| format!("{quote}{word}{quote}{mark}")).collect();
        each.join(and)
    }

    /// Whether a row of the table of words has those that the parameter asks for.
    pub(crate) fn has_words(self, table: &str, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("{table} MATCH {parameter}"),
            Self::Postgres => format!("found @@ {parameter}::tsquery"),
        }
    }

    /// The entries of the JSON object in a column, as a table `e`: its `key`, and its value by
    /// [`Dialect::entry_value`].
    ///
    /// PostgreSQL's JSON functions refuse an object in which the character U+0000 stands anywhere, written `\u0000`
    /// (<https://www.postgresql.org/docs/current/datatype-json.html>). Such an object has no entries here, and
    /// [`Dialect::without_entries`] finds it.
    pub(crate) fn entries(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("json_each({column}) AS e"),
            Self::Postgres => format!(
                "json_each((CASE WHEN strpos({column}, '\\u0000') > 0 THEN '{{}}' ELSE {column} END)::json) AS e"
            ),
        }
    }

    /// The value of an entry as JSON text.
    pub(crate) fn entry_value(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "CASE e.type WHEN 'object' THEN e.value WHEN 'array' THEN e.value WHEN 'true' THEN 'true' \
                 WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' ELSE json_quote(e.value) END"
            }
            Self::Postgres => "e.value::text",
        }
    }

    /// Whether the object in a column is one whose entries [`Dialect::entries`] cannot give; absent where there is no such
    /// object.
    pub(crate) fn without_entries(self, column: &str) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(format!("strpos({column}, '\\u0000') > 0")),
        }
    }
}
