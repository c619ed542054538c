//! How results are shown. Main types: [`Table`] and [`Aim`]. They print; they measure nothing.

use std::fmt::Display;

/// A table with a column of names and columns of numbers.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The text: names to the left, numbers to the right.
    pub(super) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                text.push_str(gap);
                text.push_str(&if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                });
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }
}

/// Something to be reached, and what was.
#[derive(Debug)]
pub(super) struct Aim {
    what: String,
    measured: f64,
    limit: f64,
    unit: &'static str,
    at_most: bool,
}

impl Aim {
    /// Smaller is better.
    pub(super) fn at_most(what: impl Display, measured: f64, limit: f64, unit: &'static str) -> Self {
        Self { what: what.to_string(), measured, limit, unit, at_most: true }
    }

    /// Larger is better.
    pub(super) fn at_least(what: impl Display, measured: f64, limit: f64, unit: &'static str) -> Self {
        Self { what: what.to_string(), measured, limit, unit, at_most: false }
    }

    pub(super) fn is_met(&self) -> bool {
        if self.at_most { self.measured <= self.limit } else { self.measured >= self.limit }
    }

    /// One line.
    pub(super) fn text(&self) -> String {
        let Self { what, measured, limit, unit, .. } = self;
        let (verdict, bound) =
            (if self.is_met() { "ok  " } else { "MISS" }, if self.at_most { "at most" } else { "at least" });
        format!("{verdict} {what}: {measured:.2} {unit} (aim: {bound} {limit} {unit})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["tool", "ms"]);
        table.row(vec!["pab".to_owned(), "0.9".to_owned()]);
        table.row(vec!["xargs ssh".to_owned(), "12.25".to_owned()]);
        assert_eq!(table.text(), "tool          ms\npab          0.9\nxargs ssh  12.25\n");
    }

    #[test]
    fn an_aim_knows_its_direction() {
        assert!(Aim::at_most("x", 1.0, 1.5, "ms").is_met());
        assert!(!Aim::at_least("x", 1.0, 1.5, "/s").is_met());
        assert_eq!(Aim::at_most("x", 2.0, 1.5, "ms").text(), "MISS x: 2.00 ms (aim: at most 1.5 ms)");
    }
}
