//! A result as words and tables, and its outlets: terminal, Markdown, CSV.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement};
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
