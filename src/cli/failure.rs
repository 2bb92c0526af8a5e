//! How a command fails: what was found, the way out, whose fault it is.

use crate::hint::{Fault, Hint};
use std::fmt::Write as _;

/// A command's failure, ready to be shown.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    fault: Fault,
}

impl Failure {
    /// A failure of whom it is, in words.
    pub(crate) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, fault }
    }

    /// With advice.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A flag's value that isn't what the flag takes.
    pub(crate) fn flag(flag: &str, error: &impl Hint) -> Self {
        let message = format!("`{flag}`: {error}");
        Self { message, hint: error.hint(), fault: Fault::Usage }
    }

    /// An error that doesn't know which file it was found in.
    pub(crate) fn of(file: &str, error: &impl Hint) -> Self {
        let message = format!("`{file}`: {error}");
        Self { message, hint: error.hint(), fault: error.fault() }
    }

    /// What was found.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whose fault it is.
    pub(crate) fn fault(&self) -> Fault {
        self.fault
    }
}

impl<E: Hint> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        // The causes that the message doesn't already tell.
        let mut cause = error.source();
        while let Some(inner) = cause {
            let words = inner.to_string();
            if !message.contains(&words) {
                let _ = write!(message, ": {words}");
            }
            cause = inner.source();
        }
        Self { message, hint: error.hint(), fault: error.fault() }
    }
}

/// Facts, a blank line, advice.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
