//! Errors carry facts; hints carry advice; faults carry the exit code.
//!
//! Every error enum of the crate implements [`Hint`]. Its `Display` says what was found (lower case,
//! no full stop, values in backticks, naming file, field and value); [`Hint::hint`] says the way out;
//! [`Hint::fault`] says whose it is, which is all that the shell needs to choose an exit code.

use std::process::ExitCode;

/// Whose fault a failure is; the program's exit code follows from it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A defect of this program: exit code 1.
    Internal,
    /// A flag or an argument is wrong: exit code 2.
    Usage,
    /// A file or a record that was read is wrong: exit code 3.
    Input,
    /// The machine lacks something (no GPU, no network, no space): exit code 4.
    Environment,
    /// What was measured failed (an engine, a server): exit code 5.
    Target,
    /// The user stopped the run; what was measured is on disk: exit code 130.
    Interrupted,
}

impl Fault {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Environment => 4,
            Self::Target => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Fault> for ExitCode {
    fn from(fault: Fault) -> Self {
        Self::from(fault.code())
    }
}

/// What an error adds to its facts: advice, and whose fault it is.
pub trait Hint: std::error::Error {
    /// The way out, as one sentence or a command to run; printed after a blank line, behind `hint:`.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Whose fault this is.
    fn fault(&self) -> Fault;
}
