//! Statements over many rows. A round trip to SQLite's thread, or to a server, costs more than a row does, so rows go in
//! chunks of a few fixed sizes; the fixed sizes keep the number of prepared statements small.

use super::dialect::Dialect;

/// Chunk sizes, the largest first; with the powers of two, any number of rows is few chunks.
const SIZES: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/// Cuts rows into chunks of the fixed sizes.
pub(crate) fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rest.len())?;
        let (chunk, after) = rest.split_at_checked(size)?;
        rest = after;
        Some(chunk)
    })
}

/// `before (?, ?, ..), (?, ?, ..) after` for so many rows and columns.
pub(crate) fn values(dialect: Dialect, before: &str, columns: usize, rows: usize, after: &str) -> String {
    let mut sql = String::with_capacity(before.len() + after.len() + rows * (columns * 6 + 3));
    sql.push_str(before);
    let mut number = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                sql.push(',');
            }
            number += 1;
            dialect.push_parameter(&mut sql, number);
        }
        sql.push(')');
    }
    sql.push_str(after);
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_every_row_once_and_have_few_sizes() {
        for count in [0usize, 1, 7, 8, 63, 255, 256, 257, 1000] {
            let rows: Vec<usize> = (0..count).collect();
            let cut: Vec<&[usize]> = chunks(&rows).collect();
            assert_eq!(cut.concat(), rows);
            assert!(cut.iter().all(|chunk| SIZES.contains(&chunk.len())));
        }
    }

    #[test]
    fn values_are_written_row_by_row() {
        assert_eq!(values(Dialect::Sqlite, "a ", 2, 2, " b"), "a (?,?),(?,?) b");
        assert_eq!(values(Dialect::Postgres, "a ", 2, 2, " b"), "a ($1,$2),($3,$4) b");
        assert_eq!(values(Dialect::Sqlite, "", 1, 1, ""), "(?)");
    }
}
