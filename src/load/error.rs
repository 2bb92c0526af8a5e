//! Why a run can't be driven to its end.

use super::under_way::SILENCE;
use crate::hint::{Fault, Hint};
use crate::record::{Failure, FailureKind};
use crate::target::TargetError;

/// Why a run can't be driven to its end.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The target refused a request.
    #[error("request {id} was refused: {error}")]
    Refused {
        /// The request's number.
        id: u32,
        /// The target's reason.
        error: TargetError,
    },
    /// The target fails every request.
    #[error("{count} requests in a row failed, the last with: {}: {}", last.kind.word(), last.reason)]
    Failing {
        /// How many.
        count: u32,
        /// The last one's failure.
        last: Failure,
    },
    /// What comes can't be written down any more.
    #[error("the journal can't be written any more")]
    Unrecorded,
    /// The target says nothing.
    #[error("{in_flight} requests are in flight and nothing came for {SILENCE}")]
    Silent {
        /// How many wait.
        in_flight: usize,
    },
    /// The thread that makes requests is gone.
    #[error("the thread that makes requests has ended")]
    NoMaker,
}

impl Hint for DriverError {
    fn hint(&self) -> Option<String> {
        let shorter = "shorter requests tell whether it is their length: `--prompt-tokens`, \
                       `--output-tokens`";
        match self {
            Self::Refused { error, .. } => error.hint(),
            Self::Failing { last, .. } => match last.kind {
                FailureKind::Connect => {
                    Some("is the server running, and is `--target` its address?".to_owned())
                }
                FailureKind::RateLimited => Some("ask for less: `--concurrency 1`".to_owned()),
                FailureKind::Refused if matches!(last.status, Some(401 | 403)) => {
                    Some("give the server's key in `MTOK_TARGET_KEY`".to_owned())
                }
                _ => Some(shorter.to_owned()),
            },
            Self::Silent { .. } => Some(shorter.to_owned()),
            Self::Unrecorded | Self::NoMaker => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Refused { error, .. } => error.fault(),
            Self::Failing { .. } | Self::Silent { .. } => Fault::Target,
            Self::Unrecorded => Fault::Environment,
            Self::NoMaker => Fault::Internal,
        }
    }
}
