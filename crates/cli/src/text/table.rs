//! [`Table`]: columns for people.

/// Rows with columns of equal width. The last column is never padded and never cut.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A column other than the last is no wider than this; longer cells push the rest of their row.
const MAX_WIDTH: usize = 44;

impl Table {
    /// A table with these column names.
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, the header first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let all = || std::iter::once(&self.header).chain(&self.rows);
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| {
                let lengths = all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
                lengths.filter(|length| *length <= MAX_WIDTH).max().unwrap_or(0)
            })
            .collect();
        all().map(|row| line(row, &widths)).collect()
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        out.push_str(cell);
        if index + 1 < row.len() {
            let missing = width.saturating_sub(cell.chars().count());
            out.extend(std::iter::repeat_n(' ', missing + 2));
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(&["NODE", "OUTCOME", "MESSAGE"]);
        table.row(["web[01-20]".into(), "exited".into(), "exit status 3".into()]);
        table.row(["db".into(), "unreachable".into(), String::new()]);
        assert_eq!(
            table.lines(),
            [
                "NODE        OUTCOME      MESSAGE",
                "web[01-20]  exited       exit status 3",
                "db          unreachable"
            ]
        );
    }
}
