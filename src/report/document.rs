//! A result as words and tables, and its outlets: terminal, Markdown, CSV.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};
use serde::Serialize;
use std::fmt::Write as _;

/// What a command has to say, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Table(Table),
}

/// Spaces at both sides of a cell.
const PADDING: usize = 2;
/// A word that is cut is cut below this length.
const SHORT_WORD: usize = 4;

/// A table: the first column names its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|c| (*c).to_owned()).collect();
        Self { title: title.into(), columns, rows: Vec::new() }
    }

    /// Whether a column holds figures alone, which stand right, so that their digits are in line.
    fn holds_figures(&self, column: usize) -> bool {
        let is_figure = |cell: &String| {
            cell.is_empty()
                || cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '~' | '—'))
        };
        self.rows.iter().filter_map(|row| row.get(column)).all(is_figure)
    }

    /// The least widths of the columns in which no word is broken, where all of them fit; of words too
    /// long for that as much as does. Empty: not even short words fit.
    fn words_whole(&self, width: usize) -> Vec<u16> {
        let longest = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let words = cells.chain(self.columns.get(column)).flat_map(|cell| cell.split(' '));
            words.map(|word| word.chars().count()).max().unwrap_or_default()
        };
        let longest: Vec<usize> = (0..self.columns.len()).map(longest).collect();
        let borders = longest.len() + 1;
        let at_most = |most: usize| longest.iter().map(move |word| (*word).min(most) + PADDING);
        let fits = |most: &usize| at_most(*most).sum::<usize>() + borders <= width;
        let most = (SHORT_WORD..=width).rev().find(fits);
        let widths = most.into_iter().flat_map(at_most);
        widths.map(|width| u16::try_from(width).unwrap_or(u16::MAX)).collect()
    }

    /// Adds a row; cells that it lacks are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) -> &mut Self {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
        self
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Document {
    /// Adds a paragraph.
    pub fn words(&mut self, text: impl Into<String>) -> &mut Self {
        self.parts.push(Part::Words(text.into()));
        self
    }

    /// Adds a table, unless it is empty.
    pub fn table(&mut self, table: Table) -> &mut Self {
        if !table.is_empty() {
            self.parts.push(Part::Table(table));
        }
        self
    }

    /// For a terminal of this many columns; `None`: as wide as it takes.
    pub fn terminal(&self, width: Option<u16>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            if !out.is_empty() {
                out.push('\n');
            }
            match part {
                Part::Words(text) => out.push_str(&wrapped(text, width)),
                Part::Table(table) => out.push_str(&drawn(table, width)),
            }
            out.push('\n');
        }
        out
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        for part in &self.parts {
            if !out.is_empty() {
                out.push('\n');
            }
            match part {
                Part::Words(text) => {
                    let _ = writeln!(out, "{text}");
                }
                Part::Table(table) => markdown_table(&mut out, table),
            }
        }
        out
    }

    /// The tables as CSV: every row behind its table's title, words left out.
    pub fn csv(&self) -> String {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for part in &self.parts {
            let Part::Table(table) = part else { continue };
            // Writing into memory can't fail.
            let head = std::iter::once("table").chain(table.columns.iter().map(String::as_str));
            let _ = writer.write_record(head);
            for row in &table.rows {
                let cells =
                    std::iter::once(table.title.as_str()).chain(row.iter().map(String::as_str));
                let _ = writer.write_record(cells);
            }
        }
        writer
            .into_inner()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

fn drawn(table: &Table, width: Option<u16>) -> String {
    let mut drawing = comfy_table::Table::new();
    drawing.load_style(UTF8_FULL_CONDENSED).set_header(&table.columns);
    if let Some(width) = width {
        drawing.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for row in &table.rows {
        drawing.add_row(row);
    }
    let least = width.map_or_else(Vec::new, |width| table.words_whole(width.into()));
    for (index, least) in least.into_iter().enumerate() {
        if let Some(column) = drawing.column_mut(index) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    for index in (1..table.columns.len()).filter(|index| table.holds_figures(*index)) {
        if let Some(column) = drawing.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if table.title.is_empty() { drawing.to_string() } else { format!("{}\n{drawing}", table.title) }
}

fn markdown_table(out: &mut String, table: &Table) {
    let escaped = |cell: &String| cell.replace('|', "\\|").replace('\n', "<br>");
    let line = |cells: &[String]| cells.iter().map(escaped).collect::<Vec<_>>().join(" | ");
    if !table.title.is_empty() {
        let _ = writeln!(out, "**{}**\n", table.title);
    }
    let rules = vec!["---".to_owned(); table.columns.len()];
    let _ = writeln!(out, "| {} |\n| {} |", line(&table.columns), rules.join(" | "));
    for row in &table.rows {
        let _ = writeln!(out, "| {} |", line(row));
    }
}

/// Breaks lines at spaces; lines that the text breaks itself stay broken.
fn wrapped(text: &str, width: Option<u16>) -> String {
    let Some(width) = width.map(usize::from).filter(|width| *width >= 20) else {
        return text.to_owned();
    };
    let mut out = Vec::new();
    for line in text.lines() {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let mut current = indent.clone();
        for word in line.split_whitespace() {
            let longer = current.chars().count() + 1 + word.chars().count();
            if longer > width && current.len() > indent.len() {
                out.push(std::mem::replace(&mut current, format!("{indent}{word}")));
            } else {
                if current.len() > indent.len() {
                    current.push(' ');
                }
                current.push_str(word);
            }
        }
        out.push(current);
    }
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At any width that holds them, words of a table are whole.
    #[test]
    fn words_are_broken_only_where_they_must_be() {
        let columns = ["name", "memory", "USD/Mtok", "bound by"];
        let mut table = Table::new("", &columns);
        table.row(["a100-sxm-80gb and more words than fit", "80 GiB", "0.25", "arithmetic"]);
        let mut document = Document::default();
        document.table(table);
        for width in 50..70 {
            let drawn = document.terminal(Some(width));
            for word in ["a100-sxm-80gb", "memory", "USD/Mtok", "arithmetic"] {
                assert!(drawn.contains(word), "no `{word}` at {width}:\n{drawn}");
            }
            assert!(drawn.lines().all(|line| line.chars().count() <= width.into()), "{drawn}");
        }
        // 13 + 6 + 8 + 10 and four times two, with five borders, are 50.
        let narrow = document.terminal(Some(40));
        assert!(narrow.contains("memory") && !narrow.contains("a100-sxm-80gb"), "{narrow}");
    }
}
