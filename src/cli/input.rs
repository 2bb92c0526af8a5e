//! Texts that users name: read whole, and named where they can't be.

use super::failure::Failure;
use crate::hint::Fault;
use std::path::Path;

/// A file's text. The system's words name the file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let text = fs_err::read_to_string(path)
        .map_err(|error| Failure::new(Fault::Input, error.to_string()))?;
    // What some editors put at a text's beginning, the byte order mark, says nothing.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
