//! Why nothing can be compared.

use crate::cost::SensitivityError;
use crate::estimate::EstimateError;
use crate::hint::{Fault, Hint};
use crate::plan::PlanError;

/// Why nothing can be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The run measured something else than was asked.
    #[error("run `{run}` is void: it has no price")]
    Void {
        /// Its name.
        run: String,
    },
    /// The run has no rate.
    #[error("run `{run}` has no steady time of which a rate could be told")]
    Rateless {
        /// Its name.
        run: String,
    },
    /// Nobody says what the machine costs.
    #[error("nobody says what `{machine}` costs by the hour")]
    Priceless {
        /// The machine.
        machine: String,
    },
    /// Nothing that was estimated fits, or keeps to the limit.
    #[error("no batch of `{model}` on {gpus} × `{gpu}` {why}")]
    NoBatch {
        /// The model.
        model: String,
        /// How many GPUs.
        gpus: u32,
        /// The GPU.
        gpu: String,
        /// `fits`, or what it fails.
        why: &'static str,
    },
    /// A workload without tokens in or out.
    #[error("`{work}`: {requests} requests with {tokens} tokens have no price per token")]
    NothingAsked {
        /// What it is called.
        work: String,
        /// Its requests.
        requests: u64,
        /// Their tokens.
        tokens: u64,
    },
    /// A figure is beyond what can be printed.
    #[error("`{what}` is out of the range that can be printed")]
    OutOfRange {
        /// Which.
        what: &'static str,
    },
    /// The estimate.
    #[error(transparent)]
    Estimate(#[from] EstimateError),
    /// The requests.
    #[error(transparent)]
    Traffic(#[from] PlanError),
    /// An input that can't be varied.
    #[error(transparent)]
    Sensitivity(#[from] SensitivityError),
}

impl Hint for CompareError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Void { run } => {
                Some(format!("`mtok runs show {run}` says what speaks against it; measure again"))
            }
            Self::Rateless { .. } => Some("measure longer: `mtok bench --duration 60s`".to_owned()),
            Self::Priceless { .. } => Some("say it: `--price 2.50/h`".to_owned()),
            Self::NoBatch { .. } => Some(
                "`mtok estimate` says what is missing: more GPUs (`--tp`), fewer bits \
                 (`--precision fp8`), or another limit"
                    .to_owned(),
            ),
            Self::NothingAsked { .. } => Some("take a workload that has some".to_owned()),
            Self::OutOfRange { .. } => None,
            Self::Estimate(error) => error.hint(),
            Self::Traffic(error) => error.hint(),
            Self::Sensitivity(error) => error.hint(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Void { .. } | Self::Rateless { .. } | Self::NothingAsked { .. } => Fault::Input,
            Self::Priceless { .. } | Self::NoBatch { .. } | Self::OutOfRange { .. } => Fault::Usage,
            Self::Estimate(error) => error.fault(),
            Self::Traffic(error) => error.fault(),
            Self::Sensitivity(error) => error.fault(),
        }
    }
}
