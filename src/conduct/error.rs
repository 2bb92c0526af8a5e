//! Why a measurement fails.

use crate::engine::EngineError;
use crate::hint::{Fault, Hint};
use crate::load::{DriverError, JournalError};
use crate::model::ModelError;
use crate::record::attempts::AttemptsError;
use crate::store::StoreError;
use crate::target::TargetError;
use crate::target::http::HttpError;
use crate::telemetry::peaks::PeaksError;
use crate::units::Tokens;
use std::path::PathBuf;

/// Why a measurement fails.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The model's file is no model, or none that the engine can run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The engine can't load it, or finds no device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine can't be started.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The run can't be recorded.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The run failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The machine's peaks can't be probed.
    #[error(transparent)]
    Peaks(#[from] PeaksError),
    /// The requests don't fit into the engine's context.
    #[error("a prompt and its output can come to {longest}: more than the {limit} that fit")]
    Context {
        /// The most that a request can come to.
        longest: Tokens,
        /// What fits.
        limit: Tokens,
    },
    /// The server can't be asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A run that a search has to judge can't be read back.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It failed once there was a record of it.
    #[error("{error}")]
    Recorded {
        /// Why.
        error: Box<MeasureError>,
        /// Where what was measured is.
        folder: PathBuf,
    },
    /// A record of attempts is damaged, or of something else.
    #[error("`{}`: {error}", file.display())]
    Attempts {
        /// The record.
        file: PathBuf,
        /// What is wrong with it.
        error: AttemptsError,
    },
    /// A record of attempts can't be written; the error names the file.
    #[error("the record can't be written: {0}")]
    Unwritten(std::io::Error),
    /// Something was asked of an engine before it was opened.
    #[error("the engine is not open")]
    NotOpen,
    /// The system gives no thread to read the machine with.
    #[error("telemetry can't be started: {0}")]
    Telemetry(std::io::Error),
}

impl Hint for MeasureError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Model(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Target(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::Driver(error) => error.hint(),
            Self::Peaks(error) => error.hint(),
            Self::Context { .. } => {
                Some("ask for less: `--prompt-tokens`, `--output-tokens`".to_owned())
            }
            Self::Recorded { error, folder } => {
                let kept = format!(
                    "what was recorded is in `{}`: `mtok runs show last`",
                    folder.display()
                );
                Some(error.hint().map_or_else(|| kept.clone(), |hint| format!("{hint}\n{kept}")))
            }
            Self::Http(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Attempts { error, .. } => error.hint(),
            Self::Telemetry(_) | Self::NotOpen | Self::Unwritten(_) => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Model(error) => error.fault(),
            Self::Engine(error) => error.fault(),
            Self::Target(error) => error.fault(),
            Self::Journal(error) => error.fault(),
            Self::Driver(error) => error.fault(),
            Self::Peaks(error) => error.fault(),
            Self::Context { .. } => Fault::Usage,
            Self::Http(error) => error.fault(),
            Self::Store(error) => error.fault(),
            Self::Recorded { error, .. } => error.fault(),
            Self::Telemetry(_) | Self::Unwritten(_) => Fault::Environment,
            Self::Attempts { error, .. } => error.fault(),
            Self::NotOpen => Fault::Internal,
        }
    }
}
