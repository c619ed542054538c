//! Which of several limits a record follows, as SQL: [`Limit`].

use crate::db::Builder;

/// A limit that is about some of the records of a table.
pub(super) trait Limit {
    /// How much it says about the records that it is for.
    fn rank(&self) -> u8;

    /// Writes `before` and then, in parentheses, that it is about a record.
    fn is_about(&self, sql: &mut Builder, before: &str);
}

/// Records that this limit is about and no other one says more of.
pub(super) fn follows<L: Limit>(sql: &mut Builder, limit: &L, all: &[L]) {
    limit.is_about(sql, " AND ");
    for other in all.iter().filter(|other| other.rank() > limit.rank()) {
        other.is_about(sql, " AND NOT ");
    }
}

/// Writes an expression of what holds for a record by the first limit that is about it, by the number of that one.
pub(super) fn by_first<L: Limit>(
    sql: &mut Builder,
    ordered: &[(usize, &L)],
    then: impl Fn(&mut Builder, usize),
    otherwise: &str,
) {
    // A CASE has at least one WHEN.
    if ordered.is_empty() {
        sql.push(otherwise);
        return;
    }
    sql.push("CASE");
    for (number, limit) in ordered {
        limit.is_about(sql, " WHEN ");
        sql.push(" THEN ");
        then(sql, *number);
    }
    sql.push(" ELSE ").push(otherwise).push(" END");
}

/// Writes the number of the first limit that is about a record, or -1.
pub(super) fn number<L: Limit>(sql: &mut Builder, ordered: &[(usize, &L)]) {
    sql.push("CAST(");
    let itself = |sql: &mut Builder, number: usize| {
        sql.push(number.to_string());
    };
    by_first(sql, ordered, itself, "-1");
    sql.push(" AS BIGINT)");
}
