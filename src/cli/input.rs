//! Texts that users name: read whole, and named where they can't be.

use super::failure::Failure;
use crate::hint::Fault;
use std::path::Path;

/// A file's text. The system's words name the file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs_err::read_to_string(path).map_err(|error| Failure::new(Fault::Input, error.to_string()))
}
