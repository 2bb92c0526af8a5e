//! `mtok runs export`: a run for other programs.

use crate::cli::checked::Judging;
use crate::cli::failure::Failure;
use crate::cli::raw::Form;
use crate::cli::{bench, output};
use crate::hint::Fault;
use crate::record::Run;
use crate::report::export::{self, ExportError};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;

/// Reads a run and writes it in another form.
pub(super) fn run(runs: &Path, name: &str, form: Form, out: Option<&Path>) -> Result<(), Failure> {
    let run = super::single(runs, name)?;
    match out {
        Some(path) => written(&run, form, output::file(path)?),
        None if form == Form::Parquet => {
            let message = "a Parquet file is not for a terminal";
            Err(Failure::new(Fault::Usage, message).hint("name a file with `--out`"))
        }
        None => written(&run, form, BufWriter::new(std::io::stdout())),
    }
}

fn written(run: &Run, form: Form, out: impl Write + Send) -> Result<(), Failure> {
    let done = match form {
        Form::Json => export::json(run, out),
        Form::Jsonl => export::jsonl(run, out),
        Form::Csv => export::csv(run, out),
        Form::Parquet => export::parquet(run, out),
        Form::Hdr => export::hdr(run, out),
        Form::LlmD => {
            let judged = bench::judged(std::slice::from_ref(run), &Judging::at_price(None)?)?;
            judged.first().map_or(Ok(()), |judgement| export::llm_d(judgement, run, out))
        }
    };
    match done {
        Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}
