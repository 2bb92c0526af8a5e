//! What `mtok runs list` prints.

use super::bench::model_name;
use super::figure::{NOTHING, thousands};
use super::{Document, Table};
use crate::record::{Outcome, Run, Sweep};
use crate::summary::RequestFigures;
use crate::units::{Seconds, Tokens};
use serde::Serialize;

/// A run in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRow {
    /// Its name.
    pub id: String,
    /// What ran.
    pub model: String,
    /// On what.
    pub device: String,
    /// How many requests were in flight.
    pub concurrency: Option<u32>,
    /// The sweep that it is a part of; `None`: it was made alone.
    pub sweep: Option<Sweep>,
    /// How long was measured; `None`: the warm-up never ended.
    pub measured: Option<Seconds>,
    /// Output tokens in all, by the target's count where it gave one.
    pub tokens: Tokens,
    /// How it ended; `None`: it was killed.
    pub outcome: Option<Outcome>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunList {
    /// The form of this document: `mtok.runs/1`.
    pub schema: &'static str,
    /// A line each.
    pub runs: Vec<RunRow>,
}

impl RunRow {
    /// The line of a run.
    pub fn of(run: &Run) -> Self {
        let host = &run.header.host;
        Self {
            id: run.header.id.clone(),
            model: model_name(&run.header.model),
            device: host.gpu.clone().unwrap_or_else(|| host.cpu.clone()),
            concurrency: run.header.workload.in_flight(),
            sweep: run.header.sweep.clone(),
            measured: run.measured().map(crate::record::Span::length),
            tokens: run.requests.iter().map(|request| RequestFigures::of(request).output).sum(),
            outcome: run.outcome.clone(),
        }
    }

    fn ending(&self) -> &'static str {
        match &self.outcome {
            Some(Outcome::Complete) => "complete",
            Some(Outcome::Interrupted) => "incomplete: stopped",
            Some(Outcome::Saturated) => "incomplete: over-saturated",
            Some(Outcome::Failed(_)) => "incomplete: failed",
            None => "incomplete: killed",
        }
    }
}

/// All runs, a line each.
pub fn runs_document(list: &RunList) -> Document {
    let mut document = Document::default();
    if list.runs.is_empty() {
        document.words("no runs yet: `mtok bench` makes one");
        return document;
    }
    let columns = ["run", "model", "on", "at once", "measured", "tokens", "", "part of"];
    let mut table = Table::new("", &columns);
    for row in &list.runs {
        let measured = row.measured.map_or_else(|| NOTHING.to_owned(), |time| format!("{time:.0}"));
        table.row([
            row.id.clone(),
            row.model.clone(),
            row.device.clone(),
            row.concurrency.map_or_else(|| NOTHING.to_owned(), |n| n.to_string()),
            measured,
            thousands(row.tokens.0),
            row.ending().to_owned(),
            row.sweep.as_ref().map_or_else(String::new, Sweep::to_string),
        ]);
    }
    document.table(table);
    document
}
