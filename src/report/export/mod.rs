//! `mtok runs export`: a run for other programs.
//!
//! Invariant: nothing is lost or made up on the way. The columns of a request are one list
//! ([`column::COLUMNS`]), so that CSV, JSON, JSONL and Parquet can't differ; a name ends in its unit
//! (`_s` seconds, `_tok` tokens); what a request doesn't have is null, or an empty cell, never 0; and no
//! export holds a price. Guarded by round trips in `tests.rs`.

mod column;
mod llm_d;
mod parquet;
#[cfg(test)]
mod tests;

pub use llm_d::llm_d;
pub use parquet::parquet;

use crate::hint::{Fault, Hint};
use crate::record::{Header, Run};
use crate::summary::{HistogramError, Summary, histograms, summarize};
use column::{COLUMNS, Row};
use serde::Serialize;
use serde_json::{Map, Value};
use std::io::Write;

/// Why a run can't be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What was to take it can't be written.
    #[error("the export can't be written: {0}")]
    Write(#[from] std::io::Error),
    /// The same, of CSV.
    #[error("the export can't be written: {0}")]
    Csv(#[from] csv::Error),
    /// The same, of JSON.
    #[error("the export can't be written: {0}")]
    Json(#[from] serde_json::Error),
    /// The same, of Parquet.
    #[error("the export can't be written: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// The run's latencies make no histogram.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// Nothing was measured: there is nothing to count.
    #[error("nothing of this run was measured: it ended in its warm-up")]
    Unmeasured,
}

impl Hint for ExportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Histogram(error) => error.hint(),
            Self::Unmeasured => Some("`--format json` writes what there is of it".to_owned()),
            _ => Some("look for space and rights where `--out` is".to_owned()),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Histogram(error) => error.fault(),
            Self::Unmeasured => Fault::Input,
            _ => Fault::Environment,
        }
    }
}

/// A run as one document.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    schema: &'static str,
    run: &'a Header,
    summary: Summary,
    requests: Vec<Map<String, Value>>,
}

/// A run as one JSON document: its head, its summary, a request each.
///
/// # Errors
/// Where it can't be written.
pub fn json(run: &Run, mut out: impl Write) -> Result<(), ExportError> {
    let requests = rows(run).map(|row| row.object()).collect();
    let whole =
        Whole { schema: "mtok.export/1", run: &run.header, summary: summarize(run), requests };
    serde_json::to_writer_pretty(&mut out, &whole)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// The requests of a run as JSONL: one a line.
///
/// # Errors
/// Where they can't be written.
pub fn jsonl(run: &Run, mut out: impl Write) -> Result<(), ExportError> {
    for row in rows(run) {
        serde_json::to_writer(&mut out, &row.object())?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// The requests of a run as CSV: one a line, without the times of their chunks.
///
/// # Errors
/// Where they can't be written.
pub fn csv(run: &Run, out: impl Write) -> Result<(), ExportError> {
    let columns: Vec<_> = COLUMNS.iter().filter(|column| !column.is_list()).collect();
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| column.name))?;
    for row in rows(run) {
        writer.write_record(columns.iter().map(|column| column.text(&row)))?;
    }
    Ok(writer.flush()?)
}

/// The latencies of a run as `HdrHistogram`s, in an interval log.
///
/// # Errors
/// Where nothing was measured; where it can't be written.
pub fn hdr(run: &Run, mut out: impl Write) -> Result<(), ExportError> {
    let window = summarize(run).window.ok_or(ExportError::Unmeasured)?;
    out.write_all(&histograms(run)?.interval_log(window)?)?;
    Ok(out.flush()?)
}

fn rows(run: &Run) -> impl Iterator<Item = Row<'_>> {
    let measured = run.measured();
    run.requests.iter().map(move |request| Row::of(request, measured))
}
