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
use crate::cost::OtherRuns;
use crate::hint::Fault;
use crate::record::{Header, Run};
use crate::report::{RunList, RunRow, runs_document};
use crate::store::{self, Found};
use std::path::{Path, PathBuf};

/// Lists, shows, compares or exports.
pub(crate) fn run(raw: RawRuns) -> Result<(), Failure> {
    let runs = Home::find()?.runs();
    match raw {
        RawRuns::List { output } => list(&runs, output.format()),
        RawRuns::Show { run, probe, judging, output } => {
            let (judging, format) = (Judging::try_from(judging)?, output.format());
            show(&runs, &run, &probe, judging, format)
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

fn show(
    runs: &Path,
    name: &str,
    probes: &[String],
    judging: Judging,
    format: Format,
) -> Result<(), Failure> {
    let (shown, ladder) = match store::find(runs, name)? {
        Found::Run(folder) => (vec![store::read(&folder)?], false),
        Found::Sweep(folders) => (readable(folders), true),
    };
    let judging = match shown.first() {
        Some(first) if !probes.is_empty() => judging.probed(probe(runs, probes, &first.header)?),
        _ => judging,
    };
    match shown.as_slice() {
        [run] if !ladder => bench::print(run, &judging, format),
        rungs => bench::print_ladder(rungs, &judging, format),
    }
}

/// What runs of these names tell of one that has this head.
fn probe(runs: &Path, names: &[String], judged: &Header) -> Result<OtherRuns, Failure> {
    let mut all: Vec<Run> = Vec::new();
    for name in names {
        match store::find(runs, name).map_err(|error| Failure::of("--probe", &error))? {
            Found::Run(folder) => all.push(store::read(&folder)?),
            Found::Sweep(folders) => all.extend(readable(folders)),
        }
    }
    // One that is named twice tells nothing twice.
    all.sort_by(|a, b| a.header.id.cmp(&b.header.id));
    all.dedup_by(|a, b| a.header.id == b.header.id);
    OtherRuns::of(&all, judged).map_err(|error| Failure::flag("--probe", &error))
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
