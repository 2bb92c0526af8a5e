//! `mtok runs`: what was measured, and judging it again.

use super::failure::Failure;
use super::home::Home;
use super::raw::{Format, RawRuns};
use super::{bench, checked, output};
use crate::report::{RunList, RunRow, runs_document};
use crate::store;

/// Lists or shows.
pub(crate) fn run(raw: RawRuns) -> Result<(), Failure> {
    let runs = Home::find()?.runs();
    match raw {
        RawRuns::List { output } => list(&runs, output.format()),
        RawRuns::Show { run, price, load, output } => {
            let price = checked::price(price.as_deref())?;
            let loads = checked::loads(&load)?;
            let found = store::read(&store::find(&runs, &run)?)?;
            bench::print(&found, price, &loads, output.format())
        }
    }
}

fn list(runs: &std::path::Path, format: Format) -> Result<(), Failure> {
    let mut list = RunList { schema: "mtok.runs/1", runs: Vec::new() };
    for folder in store::list(runs)? {
        match store::read(&folder) {
            Ok(run) => list.runs.push(RunRow::of(&run)),
            // One damaged record must not hide the others.
            Err(error) => eprintln!("{}", Failure::from(error)),
        }
    }
    output::print(format, &runs_document(&list), &list)
}
