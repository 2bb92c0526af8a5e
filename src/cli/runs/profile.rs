//! `mtok runs profile`: the step times of a run, as a plan takes them.

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::hint::Fault;
use crate::plan::Profile;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

/// Fits a run's steps and writes the profile.
pub(super) fn run(runs: &Path, name: &str, out: Option<&Path>) -> Result<(), Failure> {
    let profile = Profile::of_run(&super::single(runs, name)?)?;
    let text = serde_json::to_string_pretty(&profile)
        .map_err(|error| Failure::new(Fault::Internal, format!("no JSON: {error}")))?;
    let text = text + "\n";
    if let Some(path) = out {
        return output::write(path, &text);
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let message = format!("stdout can't be written: {error}");
            Err(Failure::new(Fault::Environment, message))
        }
        _ => Ok(()),
    }
}
