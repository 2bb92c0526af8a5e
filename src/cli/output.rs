//! The one place that writes results to stdout.

use super::failure::Failure;
use super::raw::Format;
use crate::hint::Fault;
use crate::report::Document;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};

/// Prints a result: its words and tables, or itself as JSON.
pub(crate) fn print(
    format: Format,
    document: &Document,
    value: &impl Serialize,
) -> Result<(), Failure> {
    let text = match format {
        Format::Table => document.terminal(width()),
        Format::Md => document.markdown(),
        Format::Csv => document.csv(),
        Format::Json => serde_json::to_string_pretty(value)
            .map(|json| json + "\n")
            .map_err(|error| Failure::new(Fault::Internal, format!("no JSON: {error}")))?,
    };
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
