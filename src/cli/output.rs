//! The one place that writes results to stdout; a run's export alone is streamed there.

use super::failure::Failure;
use super::raw::Format;
use crate::hint::Fault;
use crate::report::Document;
use serde::Serialize;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;

/// Prints a result: its words and tables, or itself as JSON.
pub(crate) fn print(
    format: Format,
    document: &Document,
    value: &impl Serialize,
) -> Result<(), Failure> {
    text(&match format {
        Format::Table => document.terminal(width()),
        Format::Md => document.markdown(),
        Format::Csv => document.csv(),
        Format::Json => json(value)?,
    })
}

/// A value as JSON, for people to read too.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|json| json + "\n")
        .map_err(|error| Failure::new(Fault::Internal, format!("no JSON: {error}")))
}

/// Prints a text as it is.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that has seen enough (`| head`) is no failure.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Fault::Environment, format!("stdout can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// The terminal's columns; `None` where stdout is no terminal.
fn width() -> Option<u16> {
    std::io::stdout().is_terminal().then(|| comfy_table::Table::new().width()).flatten()
}

/// Makes a file, or says why it can't be made.
pub(crate) fn file(path: &Path) -> Result<BufWriter<fs_err::File>, Failure> {
    let file = fs_err::File::create(path);
    file.map(BufWriter::new).map_err(|error| unwritable(path, &error))
}

/// Writes a text into a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut out = file(path)?;
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("`{}` can't be written: {error}", path.display());
    Failure::new(Fault::Environment, message)
}
