//! `mtok runs diff`: two runs, or two ladders, beside each other.

use super::readable;
use crate::cli::checked::Judging;
use crate::cli::failure::Failure;
use crate::cli::raw::Format;
use crate::cli::{bench, output};
use crate::cost::{Differences, Judgement};
use crate::report::differences_document;
use crate::store::{self, Found};
use std::path::Path;

/// Judges both under the same assumptions and prints what differs.
pub(super) fn run(
    runs: &Path,
    names: [&str; 2],
    price: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let judging = Judging::at_price(price)?;
    let judged = |name: &str| -> Result<(Vec<Judgement>, bool), Failure> {
        match store::find(runs, name)? {
            Found::Run(folder) => Ok((bench::judged(&[store::read(&folder)?], &judging)?, false)),
            Found::Sweep(folders) => Ok((bench::judged(&readable(folders), &judging)?, true)),
        }
    };
    let [(a, a_sweep), (b, b_sweep)] = [judged(names[0])?, judged(names[1])?];
    let differences = match (a.as_slice(), b.as_slice()) {
        // Two runs are what was asked for, whatever their loads.
        ([a], [b]) if !a_sweep && !b_sweep => Differences::of_runs(a, b),
        (a, b) => Differences::of_sweeps(a, b),
    };
    output::print(format, &differences_document(&differences), &differences)
}
