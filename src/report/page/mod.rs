//! `--report run.html`: a judgement as one page that needs nothing else.
//!
//! Invariant: the page asks for nothing. No script, no font, no picture from elsewhere; its policy
//! forbids the browser even to try, so it can be mailed, archived and opened offline. Every figure on
//! it is the judgement's, to the digits that the terminal has; beside each plot stands its table, for
//! those who can't see it or want the numbers. Guarded by `tests.rs` and, in a browser, by
//! `tests/page.rs`.
//!
//! Names (of models, servers, failures) come from outside: the template escapes all text, and plots
//! escape their own.

mod charts;
mod compare;
mod over_time;
mod spreads;
mod tasks;
#[cfg(test)]
mod tests;
mod words;

use super::Table;
use crate::compare::Sheet;
use crate::cost::{Judgement, Ladder};
use crate::hint::{Fault, Hint};
use crate::record::{Arrivals, Run};
use crate::tasks::TaskTable;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, HtmlEscape};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// How many shades the ramp of the page's colours has.
const RAMP: usize = 6;

/// Why a page could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the page can't be made: {0}")]
pub struct PageError(#[from] minijinja::Error);

impl Hint for PageError {
    fn fault(&self) -> Fault {
        Fault::Internal
    }
}

/// What the template is given.
#[derive(Debug, Serialize)]
struct Page {
    title: String,
    lead: Vec<String>,
    tiles: Vec<Tile>,
    verdict: Verdict,
    sections: Vec<Section>,
    provenance: Table,
    again: String,
    made_by: String,
}

/// A figure at the top.
#[derive(Debug, Serialize)]
struct Tile {
    name: String,
    value: String,
    unit: String,
}

/// Whether the figures can be trusted.
#[derive(Debug, Serialize)]
struct Verdict {
    class: &'static str,
    word: String,
    reasons: Vec<Reason>,
}

/// What speaks against them.
#[derive(Debug, Serialize)]
struct Reason {
    what: String,
    advice: Option<String>,
}

/// A part of the page.
#[derive(Debug, Serialize)]
struct Section {
    id: Cow<'static, str>,
    title: Cow<'static, str>,
    words: Vec<String>,
    figures: Vec<Figure>,
    tables: Vec<Table>,
}

/// A plot and the figures that it is drawn of.
#[derive(Debug, Serialize)]
struct Figure {
    title: String,
    svg: String,
    caption: String,
    table: Option<Table>,
}

/// One run of the page.
struct Rung<'a> {
    /// Its load, shortly: `4`, `2.5/s`.
    name: String,
    /// Its colour: of a ramp, from the least load to the most.
    class: String,
    judgement: &'a Judgement,
    run: &'a Run,
    /// It is the operating point.
    chosen: bool,
}

/// The page of a run.
///
/// # Errors
/// Where the template is at odds with what it is given: a defect.
pub fn run_page(judgement: &Judgement, run: &Run) -> Result<String, PageError> {
    let rungs = [Rung {
        name: short_load(&judgement.run.workload.arrivals),
        class: "s1".to_owned(),
        judgement,
        run,
        chosen: true,
    }];
    rendered(&words::page_of_run(&rungs))
}

/// The page of models at tasks.
///
/// # Errors
/// Where the template is at odds with what it is given: a defect.
pub fn tasks_page(table: &TaskTable) -> Result<String, PageError> {
    rendered(&tasks::page(table))
}

/// The page of a ladder: its judgement, and the judgement and the record of each rung.
///
/// # Errors
/// Where the template is at odds with what it is given: a defect.
pub fn ladder_page(ladder: &Ladder, rungs: &[(Judgement, &Run)]) -> Result<String, PageError> {
    let point = ladder.point.as_ref().map(|point| point.run.id.as_str());
    let mut ordered: Vec<_> = rungs.iter().collect();
    ordered.sort_by(|(a, _), (b, _)| {
        weight(&a.run.workload.arrivals).total_cmp(&weight(&b.run.workload.arrivals))
    });
    let last = ordered.len().saturating_sub(1).max(1);
    let rungs: Vec<Rung> = ordered
        .into_iter()
        .enumerate()
        .map(|(index, (judgement, run))| Rung {
            name: short_load(&judgement.run.workload.arrivals),
            class: format!("r{}", index * (RAMP - 1) / last),
            judgement,
            run,
            chosen: point == Some(judgement.run.id.as_str()),
        })
        .collect();
    rendered(&words::page_of_ladder(ladder, &rungs))
}

/// The page of a comparison.
///
/// # Errors
/// Where the template is at odds with what it is given: a defect.
pub fn compare_page(sheet: &Sheet) -> Result<String, PageError> {
    rendered(&compare::page(sheet))
}

/// How heavy a load is, to put loads of one kind in order.
fn weight(arrivals: &Arrivals) -> f64 {
    match arrivals {
        Arrivals::Closed { in_flight } => f64::from(*in_flight),
        open => open.rate().map_or(0.0, |rate| rate.0),
    }
}

fn short_load(arrivals: &Arrivals) -> String {
    match arrivals {
        Arrivals::Closed { in_flight } => in_flight.to_string(),
        open => open.rate().map_or_else(String::new, |rate| {
            format!("{}/s", super::figure::significant(rate.0, 3))
        }),
    }
}

fn rendered(page: &Page) -> Result<String, PageError> {
    let mut environment = Environment::new();
    environment.add_filter("code", code);
    environment.add_template("page.html", TEMPLATE)?;
    let context = minijinja::context! { page => Value::from(Serde(page)), style => Value::from_safe_string(STYLE.to_owned()) };
    Ok(environment.get_template("page.html")?.render(context)?)
}

/// Words in which backticks mean what is typed.
fn code(text: &str) -> Value {
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        // Writing into memory can't fail.
        let _ = if index % 2 == 0 {
            write!(out, "{}", HtmlEscape(part))
        } else {
            write!(out, "<code>{}</code>", HtmlEscape(part))
        };
    }
    Value::from_safe_string(out)
}
