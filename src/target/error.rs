//! Why a target refuses a request.

use super::http::HttpError;
use crate::engine::sampler::SamplerError;
use crate::engine::stop::StopError;
use crate::hint::{Fault, Hint};
use crate::record::RequestId;
use crate::schedule::{LimitsError, Refusal};
use crate::units::Tokens;

/// Why a target refuses a request, or can't be started.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// As many requests wait as may.
    #[error("the queue is full: {limit} requests wait")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The target has ended.
    #[error("the target has stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// A request of this number is waiting or running.
    #[error("request {} is being served already", .0.0)]
    Twice(RequestId),
    /// An engine in this process takes token ids alone.
    #[error("the prompt is text, and an engine takes token ids")]
    NoIds,
    /// There is nothing to go on from.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// It can never fit.
    #[error("a prompt of {prompt} and an output of {output} exceed the context limit of {limit}")]
    Long {
        /// Prompt tokens.
        prompt: Tokens,
        /// Output tokens asked for.
        output: Tokens,
        /// What the engine can hold.
        limit: Tokens,
    },
    /// A token of the prompt is unknown.
    #[error("token `{id}` of the prompt is outside the vocabulary of {vocabulary}")]
    Token {
        /// The token.
        id: u32,
        /// How many the vocabulary has.
        vocabulary: usize,
    },
    /// Stop strings can't be found without text.
    #[error("stop strings were given, but no text is made")]
    NoText,
    /// The sampler's parameters are wrong.
    #[error("{0}")]
    Sampler(#[from] SamplerError),
    /// The stop rules are wrong.
    #[error("{0}")]
    Stop(#[from] StopError),
    /// The scheduler refuses it for another reason: the KV cache is too small for it.
    #[error("{0}")]
    Refused(Refusal),
    /// The scheduler can't work with what the engine can hold.
    #[error("{0}")]
    Limits(#[from] LimitsError),
    /// A server can't be asked for it.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The engine's thread can't be started.
    #[error("the engine's thread can't be started: {0}")]
    Thread(std::io::Error),
}

impl Hint for TargetError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Full { .. } => Some("keep fewer requests in flight".into()),
            Self::Long { .. } => Some("ask for a shorter prompt or fewer output tokens".into()),
            Self::Refused(refusal) => refusal.hint(),
            Self::Limits(error) => error.hint(),
            Self::Sampler(error) => error.hint(),
            Self::Stop(error) => error.hint(),
            Self::Http(error) => error.hint(),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Full { .. } | Self::Stopped { .. } => Fault::Target,
            Self::Twice(_) | Self::NoIds | Self::NoText => Fault::Internal,
            Self::EmptyPrompt | Self::Long { .. } | Self::Token { .. } => Fault::Usage,
            Self::Refused(refusal) => refusal.fault(),
            Self::Limits(error) => error.fault(),
            Self::Sampler(error) => error.fault(),
            Self::Stop(error) => error.fault(),
            Self::Http(error) => error.fault(),
            Self::Thread(_) => Fault::Environment,
        }
    }
}
