//! Why limits make no sense, and why a request is refused.

use super::{Limits, SeqId};
use crate::hint::{Fault, Hint};

/// Why no scheduler can work within these limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A limit is too small.
    #[error("`{name}` is `{value}`, below `{least}`")]
    Below {
        /// Which.
        name: &'static str,
        /// What it is.
        value: u32,
        /// The least that it may be.
        least: u32,
    },
    /// Ranks could overflow.
    #[error("`patience` is `{patience}`, above `{}`", Limits::PATIENCE_MAX)]
    Patience {
        /// What it is.
        patience: u32,
    },
}

impl Hint for LimitsError {
    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

/// Why a request is not accepted. All but [`Refusal::Full`] and [`Refusal::Twice`] are for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As many requests wait as may.
    #[error("the queue is full: {limit} requests wait")]
    Full {
        /// The limit.
        limit: u32,
    },
    /// A request of this number is live.
    #[error("sequence {} is being served already", .0.0)]
    Twice(SeqId),
    /// There is nothing to go on from.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// Nothing is wanted.
    #[error("no output is asked for")]
    NoOutput,
    /// It is longer than a sequence may be.
    #[error(
        "a prompt of {prompt} and an output of {output} tokens exceed the context limit of {limit}"
    )]
    Context {
        /// Prompt tokens.
        prompt: u32,
        /// Output tokens.
        output: u32,
        /// The limit.
        limit: u32,
    },
    /// It would not fit even alone.
    #[error("a prompt of {prompt} and an output of {output} tokens need {need} blocks of {blocks}")]
    Blocks {
        /// Prompt tokens.
        prompt: u32,
        /// Output tokens.
        output: u32,
        /// Blocks that it needs in the end.
        need: u32,
        /// Blocks that there are.
        blocks: u32,
    },
    /// More hashes than the prompt has full blocks.
    #[error("{hashes} block hashes for a prompt with {full} full blocks")]
    Hashes {
        /// How many were given.
        hashes: u32,
        /// How many there can be.
        full: u32,
    },
}

impl Hint for Refusal {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Full { .. } => Some("keep fewer requests in flight".to_owned()),
            Self::Context { .. } => {
                Some("ask for a shorter prompt or fewer output tokens".to_owned())
            }
            Self::Blocks { .. } => Some("give the KV cache more blocks".to_owned()),
            Self::Twice(_) | Self::EmptyPrompt | Self::NoOutput | Self::Hashes { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Full { .. } => Fault::Target,
            Self::Twice(_) | Self::Hashes { .. } => Fault::Internal,
            Self::EmptyPrompt | Self::NoOutput | Self::Context { .. } | Self::Blocks { .. } => {
                Fault::Usage
            }
        }
    }
}
