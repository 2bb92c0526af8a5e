//! Why nothing can be planned.

use super::PerHour;
use crate::hint::{Fault, Hint};
use crate::schedule::LimitsError;
use crate::units::{Ratio, Seconds};

/// Why nothing can be planned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A coefficient is no time.
    #[error(
        "`{term}` of {regime} steps in profile `{profile}` is `{value}`: not a time from 0 to 1000 s"
    )]
    Coefficient {
        /// Whose.
        profile: String,
        /// Of which steps.
        regime: &'static str,
        /// Which, as the profile's own text calls it.
        term: &'static str,
        /// What it is.
        value: Seconds,
    },
    /// A profile in which steps take no time.
    #[error("profile `{profile}` gives {regime} steps no time")]
    Timeless {
        /// Whose.
        profile: String,
        /// Which steps.
        regime: &'static str,
    },
    /// Steps of decoding alone were not measured, and nothing can stand in for them.
    #[error("the run has too few steps of decoding alone to be fitted")]
    NoDecode,
    /// The scheduler can't work within such limits.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// Nothing is asked for.
    #[error("no request fits the machine: {refused} of {requests} can never be served")]
    NothingFits {
        /// How many were asked for.
        requests: u64,
        /// How many don't fit.
        refused: u64,
    },
    /// There are no requests.
    #[error("the traffic has no requests")]
    NoTraffic,
    /// Even a machine that does nothing else is too slow.
    #[error("a request that is alone on the machine misses the objectives: {missed}")]
    Unreachable {
        /// The objectives that it misses, with what was found.
        missed: String,
    },
    /// The objectives are missed with as many machines as may be.
    #[error("the objectives are missed with {machines} machines: {missed}")]
    TooFew {
        /// So many.
        machines: u32,
        /// The objectives that they miss, with what was found.
        missed: String,
    },
    /// A share that can't be one.
    #[error("`{what}` is `{value}`, not a share from 0 to 100%")]
    Share {
        /// Of what.
        what: &'static str,
        /// What it is.
        value: Ratio,
    },
    /// A node is taken away too often, or less than never.
    #[error("`{value}` interruptions are not from 0 to {most}")]
    Interruptions {
        /// So often.
        value: PerHour,
        /// The most.
        most: PerHour,
    },
    /// A length of time or a number that must be above 0.
    #[error("`{what}` is not above 0")]
    NotPositive {
        /// Which.
        what: &'static str,
    },
    /// Too many windows.
    #[error("windows of {window} cut {length} into more than {most}")]
    Windows {
        /// How long a window is.
        window: Seconds,
        /// What they cut.
        length: Seconds,
        /// The most windows.
        most: u32,
    },
    /// The least is more than the most.
    #[error("at least {least} and at most {most} machines are asked for")]
    Range {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// A run without what is compared.
    #[error("the run has {what}")]
    Run {
        /// What is missing.
        what: &'static str,
    },
}

impl Hint for PlanError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Coefficient { .. } | Self::Timeless { .. } => {
                    "fit the profile again, or write times in seconds"
                }
                Self::NoDecode => "measure longer, with an engine in this process",
                Self::Limits(error) => return error.hint(),
                Self::NothingFits { .. } => "give the machine more memory for its KV cache",
                Self::NoTraffic => "take another part of the trace",
                Self::Unreachable { .. } => {
                    "set an objective above what one request takes alone, or take a faster machine"
                }
                Self::TooFew { .. } => "allow more machines, or set a wider objective",
                Self::Windows { .. } => "take longer windows",
                Self::Share { .. }
                | Self::Interruptions { .. }
                | Self::NotPositive { .. }
                | Self::Range { .. } => return None,
                Self::Run { .. } => "record it with an engine in this process",
            }
            .to_owned(),
        )
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Coefficient { .. }
            | Self::Timeless { .. }
            | Self::NoDecode
            | Self::Run { .. } => Fault::Input,
            Self::Limits(error) => error.fault(),
            Self::NothingFits { .. }
            | Self::NoTraffic
            | Self::Unreachable { .. }
            | Self::TooFew { .. }
            | Self::Share { .. }
            | Self::Windows { .. }
            | Self::Interruptions { .. }
            | Self::NotPositive { .. }
            | Self::Range { .. } => Fault::Usage,
        }
    }
}
