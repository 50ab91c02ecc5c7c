//! Rows and columns: drawn on a terminal, plain on a pipe.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table as Drawn};

/// A table of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|h| (*h).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// For eyes: at most as wide as the terminal, long cells wrapped.
    pub(super) fn drawn(&self, width: u16) -> String {
        let mut table = Drawn::new();
        table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        table.set_header(&self.header).add_rows(&self.rows);
        format!("{table}\n")
    }

    /// For programs: columns two blanks apart, no borders, nothing cut or wrapped.
    pub fn plain(&self) -> String {
        let lines = || std::iter::once(&self.header).chain(&self.rows);
        let width = |column: usize| lines().filter_map(|l| l.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let mut text = String::new();
        for line in lines() {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_pipe_a_table_is_its_cells_alone() {
        let mut table = Table::new(&["HOST", "TARGET"]);
        table.row(vec!["shop.test".to_owned(), "web".to_owned()]);
        table.row(vec!["*".to_owned(), "a-very-long-name".repeat(20)]);
        let long = "a-very-long-name".repeat(20);
        assert_eq!(table.plain(), format!("HOST       TARGET\nshop.test  web\n*          {long}\n"));
    }
}
