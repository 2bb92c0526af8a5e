//! `mtok runs profile`: the step times of a run, as a plan takes them.

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::plan::Profile;
use std::path::Path;

/// Fits a run's steps and writes the profile.
pub(super) fn run(runs: &Path, name: &str, out: Option<&Path>) -> Result<(), Failure> {
    let profile = Profile::of_run(&super::single(runs, name)?)?;
    let text = output::json(&profile)?;
    match out {
        Some(path) => output::write(path, &text),
        None => output::text(&text),
    }
}
