//! `mtok runs`: what was measured, and judging it again.

mod diff;
mod export;
mod profile;
mod simulate;

use super::checked::{Judging, Machine};
use super::failure::Failure;
use super::home::Home;
use super::raw::{Format, RawRuns};
use super::{bench, output};
use crate::hint::Fault;
use crate::record::Run;
use crate::report::{RunList, RunRow, runs_document};
use crate::store::{self, Found};
use std::path::{Path, PathBuf};

/// Lists, shows, compares or exports.
pub(crate) fn run(raw: RawRuns) -> Result<(), Failure> {
    let runs = Home::find()?.runs();
    match raw {
        RawRuns::List { output } => list(&runs, output.format()),
        RawRuns::Show { run, judging, output } => {
            let (judging, format) = (Judging::try_from(judging)?, output.format());
            match store::find(&runs, &run)? {
                Found::Run(folder) => bench::print(&store::read(&folder)?, &judging, format),
                Found::Sweep(folders) => bench::print_ladder(&readable(folders), &judging, format),
            }
        }
        RawRuns::Diff { a, b, price, output } => {
            diff::run(&runs, [&a, &b], price.as_deref(), output.format())
        }
        RawRuns::Profile { run, out } => profile::run(&runs, &run, out.as_deref()),
        RawRuns::Simulate(raw) => {
            let machine = Machine::try_from(raw.machine)?;
            simulate::run(&runs, &raw.runs, &machine, raw.output.format())
        }
        RawRuns::Export { run, format, out } => export::run(&runs, &run, format, out.as_deref()),
    }
}

fn list(runs: &Path, format: Format) -> Result<(), Failure> {
    let rows = readable(store::list(runs)?).iter().map(RunRow::of).collect();
    let list = RunList { schema: "mtok.runs/1", runs: rows };
    output::print(format, &runs_document(&list), &list)
}

/// One run of this name: not a ladder, which is several.
pub(crate) fn single(runs: &Path, name: &str) -> Result<Run, Failure> {
    match store::find(runs, name)? {
        Found::Run(folder) => Ok(store::read(&folder)?),
        Found::Sweep(folders) => Err(several(name, &folders)),
    }
}

/// A ladder is several runs, and one is asked for.
fn several(name: &str, folders: &[PathBuf]) -> Failure {
    let names = folders.iter().filter_map(|folder| folder.file_name()?.to_str());
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    let message = format!("`{name}` is a ladder of {} runs, and one is asked for", names.len());
    Failure::new(Fault::Usage, message).hint(format!("name one of them: {}", names.join(", ")))
}

/// The runs that can be read: one damaged record must not hide the others.
fn readable(folders: Vec<PathBuf>) -> Vec<Run> {
    let read = |folder: PathBuf| match store::read(&folder) {
        Ok(run) => Some(run),
        Err(error) => {
            eprintln!("{}", Failure::from(error));
            None
        }
    };
    folders.into_iter().filter_map(read).collect()
}
