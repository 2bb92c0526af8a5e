//! What a run was asked to do.

use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens};
use serde::{Deserialize, Serialize};

/// What a run was asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// What users call it: a preset's name, or a file's; `None`: it was put together by flags.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// When requests (of conversations: their first turns) are due.
    pub arrivals: Arrivals,
    /// The most requests in flight at once of an open loop; `None`: no limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cap: Option<u32>,
    /// Prompt tokens of each request.
    pub prompt: Lengths,
    /// Output tokens of each request.
    pub output: Lengths,
    /// What the prompts are, in words: their text, what they share, turns.
    pub text: String,
    /// The share of prompt tokens that a prefix cache could have by plan: shared prefixes and the
    /// turns before.
    #[serde(default)]
    pub shared: Ratio,
    /// How long was to be measured.
    pub measure: Seconds,
    /// The seed of prompts, arrivals and sampler.
    pub seed: u64,
    /// How tokens were chosen, in words.
    pub sampling: String,
}

impl Workload {
    /// How much it asks of a target.
    pub fn level(&self) -> Level {
        self.arrivals.level()
    }

    /// Requests in flight at once of a closed loop; `None`: the loop is open.
    pub fn in_flight(&self) -> Option<u32> {
        match self.arrivals {
            Arrivals::Closed { in_flight } => Some(in_flight),
            _ => None,
        }
    }
}

/// When requests are due.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "process", rename_all = "snake_case")]
pub enum Arrivals {
    /// A closed loop: each as soon as another ends.
    Closed {
        /// So many are in flight at once.
        in_flight: u32,
    },
    /// An open loop, evenly spaced.
    Constant {
        /// So often.
        rate: RequestsPerSecond,
    },
    /// An open loop with exponential gaps.
    Poisson {
        /// So often in the mean.
        rate: RequestsPerSecond,
    },
    /// An open loop with gaps of a gamma distribution: burstier than Poisson where `cv` is above 1.
    Gamma {
        /// So often in the mean.
        rate: RequestsPerSecond,
        /// The gaps' standard deviation over their mean.
        cv: Ratio,
    },
    /// An open loop at the times of a trace.
    Trace {
        /// Its requests.
        requests: u32,
        /// The mean rate, with time scaled.
        rate: RequestsPerSecond,
    },
}

impl Arrivals {
    /// How much they ask of a target.
    pub fn level(&self) -> Level {
        match *self {
            Self::Closed { in_flight } => Level::InFlight(in_flight),
            Self::Constant { rate }
            | Self::Poisson { rate }
            | Self::Gamma { rate, .. }
            | Self::Trace { rate, .. } => Level::Rate(rate),
        }
    }

    /// Whether requests wait for others to end, rather than for their time.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// The rate of an open loop.
    pub fn rate(&self) -> Option<RequestsPerSecond> {
        match *self {
            Self::Closed { .. } => None,
            Self::Constant { rate }
            | Self::Poisson { rate }
            | Self::Gamma { rate, .. }
            | Self::Trace { rate, .. } => Some(rate),
        }
    }
}

/// `4 in flight`, `Poisson, 2.5 requests/s`.
impl std::fmt::Display for Arrivals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed { in_flight } => write!(f, "{in_flight} in flight"),
            Self::Constant { rate } => write!(f, "evenly spaced, {rate}"),
            Self::Poisson { rate } => write!(f, "Poisson, {rate}"),
            Self::Gamma { rate, cv } => write!(f, "gamma of CV {}, {rate}", cv.get()),
            Self::Trace { requests, rate } => {
                write!(f, "a trace of {requests} requests, {rate:.2} in the mean")
            }
        }
    }
}

/// How much is asked of a target: what the runs of a sweep differ in.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// So many requests in flight at once.
    InFlight(u32),
    /// Requests so often.
    Rate(RequestsPerSecond),
}

/// `8 at once`, `2.5 requests/s`.
impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InFlight(count) => write!(f, "{count} at once"),
            Self::Rate(rate) => write!(f, "{rate}"),
        }
    }
}

/// How many tokens a request's prompt or output has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "lengths", rename_all = "snake_case")]
pub enum Lengths {
    /// All the same.
    Fixed {
        /// As many.
        tokens: Tokens,
    },
    /// Each number between, both included, as likely as another.
    Uniform {
        /// The fewest.
        min: Tokens,
        /// The most.
        max: Tokens,
    },
    /// The logarithm is normal; drawn again while outside 1 to `max`.
    Lognormal {
        /// Half are shorter.
        median: Tokens,
        /// The logarithm's standard deviation.
        sigma: Ratio,
        /// The most.
        max: Tokens,
    },
    /// Those of a trace or of a dataset.
    Empirical {
        /// Their mean, to the nearest token.
        mean: Tokens,
    },
}

impl Lengths {
    /// The mean, to the nearest token; of a lognormal, before its upper end is cut off.
    pub fn mean(&self) -> Tokens {
        match *self {
            Self::Fixed { tokens } => tokens,
            Self::Uniform { min, max } => Tokens(u64::midpoint(min.0, max.0)),
            Self::Lognormal { median, sigma, .. } => {
                median.scaled((sigma.get() * sigma.get() / 2.0).exp())
            }
            Self::Empirical { mean } => mean,
        }
    }
}

/// `128`, `100 to 200`, `about 800`.
impl std::fmt::Display for Lengths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed { tokens } => write!(f, "{}", tokens.0),
            Self::Uniform { min, max } => write!(f, "{} to {}", min.0, max.0),
            Self::Lognormal { .. } | Self::Empirical { .. } => {
                write!(f, "about {}", self.mean().0)
            }
        }
    }
}
