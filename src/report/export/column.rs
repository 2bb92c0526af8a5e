//! The columns of a request, once for all forms.

use crate::record::{Finish, Moment, Request, Span};
use crate::summary::RequestFigures;
use crate::units::{Seconds, Tokens};
use serde_json::{Map, Value};

/// A request and what is derived of it.
pub(super) struct Row<'a> {
    request: &'a Request,
    figures: RequestFigures,
    measured: bool,
}

/// A column: its name, which ends in its unit, and where its cells are from.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) of: Of,
}

/// Where cells are from, by their kind.
pub(super) enum Of {
    Whole(fn(&Row) -> Option<u64>),
    Time(fn(&Row) -> Option<Seconds>),
    Flag(fn(&Row) -> bool),
    Word(fn(&Row) -> Option<String>),
    Times(fn(&Row) -> Vec<Seconds>),
    Counts(fn(&Row) -> Vec<u64>),
}

/// All columns, in order. Times are since the run began.
pub(super) const COLUMNS: &[Column] = &[
    column("id", Of::Whole(|row| Some(row.request.id.0.into()))),
    column("measured", Of::Flag(|row| row.measured)),
    column("conversation", Of::Whole(|row| Some(row.request.turn?.conversation.into()))),
    column("turn", Of::Whole(|row| Some(row.request.turn?.index.into()))),
    column("due_s", Of::Time(|row| Some(since_start(row.request.due)))),
    column("held_until_s", Of::Time(|row| row.request.held.map(since_start))),
    column("sent_s", Of::Time(|row| Some(since_start(row.request.sent)))),
    column("done_s", Of::Time(|row| Some(since_start(row.request.done.as_ref()?.at)))),
    column("slip_s", Of::Time(|row| Some(row.figures.slip))),
    column("ttft_s", Of::Time(|row| row.figures.ttft)),
    column("tpot_s", Of::Time(|row| row.figures.tpot)),
    column("e2e_s", Of::Time(|row| row.figures.e2e)),
    column("prompt_tok", Of::Whole(|row| Some(row.request.prompt.0))),
    column("planned_tok", Of::Whole(|row| Some(row.request.planned.0))),
    column("output_tok", Of::Whole(|row| Some(row.figures.output.0))),
    column("cached_tok", Of::Whole(|row| counted(row, |usage| usage.cached))),
    column("reasoning_tok", Of::Whole(|row| counted(row, |usage| usage.reasoning))),
    column("recounted_tok", Of::Whole(|row| counted(row, |usage| usage.recounted))),
    column("chunks", Of::Whole(|row| Some(row.request.chunks.len() as u64))),
    column("finish", Of::Word(finish)),
    column("failure", Of::Word(|row| Some(row.request.failure()?.kind.word().to_owned()))),
    column("http_status", Of::Whole(|row| row.request.failure()?.status.map(u64::from))),
    column("retry_after_s", Of::Time(|row| row.request.failure()?.retry_after)),
    column("reason", Of::Word(|row| Some(row.request.failure()?.reason.clone()))),
    column(
        "chunk_s",
        Of::Times(|row| row.request.chunks.iter().copied().map(since_start).collect()),
    ),
    column(
        "chunk_tok",
        Of::Counts(|row| row.request.counts.iter().copied().map(u64::from).collect()),
    ),
];

const fn column(name: &'static str, of: Of) -> Column {
    Column { name, of }
}

fn since_start(at: Moment) -> Seconds {
    at.since(Moment(0))
}

fn counted(row: &Row, of: fn(&crate::record::Usage) -> Option<Tokens>) -> Option<u64> {
    of(&row.request.done.as_ref()?.usage).map(|tokens| tokens.0)
}

/// How it ended, in a word; nothing where it did not.
fn finish(row: &Row) -> Option<String> {
    let word = match &row.request.done.as_ref()?.finish {
        Finish::Length => "length",
        Finish::Stop => "stop",
        Finish::Cancelled => "cancelled",
        Finish::Failed(_) => "failed",
    };
    Some(word.to_owned())
}

impl<'a> Row<'a> {
    /// Of a request of a run that was measured then.
    pub(super) fn of(request: &'a Request, measured: Option<Span>) -> Self {
        let measured = measured.is_some_and(|span| span.holds(request.due));
        Self { request, figures: RequestFigures::of(request), measured }
    }

    /// As a JSON object.
    pub(super) fn object(&self) -> Map<String, Value> {
        COLUMNS.iter().map(|column| (column.name.to_owned(), column.value(self))).collect()
    }
}

impl Column {
    /// Whether its cells are lists.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.of, Of::Times(_) | Of::Counts(_))
    }

    fn value(&self, row: &Row) -> Value {
        match self.of {
            Of::Whole(of) => of(row).into(),
            Of::Time(of) => of(row).map(|time| time.0).into(),
            Of::Flag(of) => of(row).into(),
            Of::Word(of) => of(row).into(),
            Of::Times(of) => of(row).into_iter().map(|time| time.0).collect(),
            Of::Counts(of) => of(row).into_iter().collect(),
        }
    }

    /// As a cell of CSV: empty where there is nothing.
    pub(super) fn text(&self, row: &Row) -> String {
        match self.value(row) {
            Value::Null => String::new(),
            Value::String(text) => text,
            value => value.to_string(),
        }
    }
}
