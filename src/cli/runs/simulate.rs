//! `mtok runs simulate`: whether step times tell what happened in other runs.

use super::readable;
use crate::cli::checked::Machine;
use crate::cli::failure::Failure;
use crate::cli::raw::Format;
use crate::cli::{output, plan};
use crate::plan::replay;
use crate::record::Run;
use crate::report::{SimulationReport, simulation_document};
use crate::store::{self, Found};
use std::path::Path;
use std::sync::Arc;

/// Simulates what each run was asked to do, and prints it beside what was measured.
pub(super) fn run(
    runs: &Path,
    names: &[String],
    machine: &Machine,
    format: Format,
) -> Result<(), Failure> {
    let (profile, _) = plan::profile(&machine.steps)?;
    let mut all: Vec<Run> = Vec::new();
    for name in names {
        match store::find(runs, name)? {
            Found::Run(folder) => all.push(store::read(&folder)?),
            Found::Sweep(folders) => all.extend(readable(folders)),
        }
    }
    let each: Vec<&Run> = all.iter().collect();
    let report = SimulationReport {
        schema: "mtok.simulation/1",
        runs: all.iter().map(|run| run.header.id.clone()).collect(),
        serving: machine.serving,
        replayed: replay(&profile, machine.serving, &each, |_| Arc::default())?,
    };
    output::print(format, &simulation_document(&report), &report)
}
