//! What the journal of a run is made of: one event a line.

use super::reading::{Gap, Reading};
use super::{Moment, Span};
use crate::units::{Seconds, Tokens};
use serde::{Deserialize, Serialize};

/// A request's number within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u32);

/// One line of the journal.
///
/// Lines are in the order in which they were written, which is nearly but not exactly that of their
/// moments: a token's line may be written after a reading taken later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run enters a phase.
    Phase {
        /// When.
        at: Moment,
        /// Which.
        phase: Phase,
    },
    /// A request was sent.
    Sent {
        /// Its number.
        id: RequestId,
        /// When it was to be sent; latency counts from here.
        due: Moment,
        /// When it was sent.
        at: Moment,
        /// Until when it had to wait for a place in flight, where it was due before: the rest of
        /// `at - due` is the generator's own lateness.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        held: Option<Moment>,
        /// Its part in a conversation; `None`: it stands alone.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        turn: Option<Turn>,
        /// Prompt tokens, by our count.
        prompt: Tokens,
        /// Output tokens asked for.
        planned: Tokens,
    },
    /// A request was due, and the run ended before it could be sent.
    Unsent {
        /// Its number.
        id: RequestId,
        /// When it was to be sent.
        due: Moment,
    },
    /// Output came, in chunks: of an engine in this process a token each, of a server as it is.
    Tokens {
        /// Whose.
        id: RequestId,
        /// When each chunk came, in order.
        at: Vec<Moment>,
        /// How many tokens each holds, where the target says so: as many numbers as moments.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        counts: Option<Vec<u32>>,
    },
    /// A request ended.
    Done {
        /// Whose.
        id: RequestId,
        /// When.
        at: Moment,
        /// How.
        finish: Finish,
        /// What the target counted.
        #[serde(flatten)]
        usage: Usage,
    },
    /// The engine took a step.
    Step(Step),
    /// The machine was read.
    Reading(Box<Reading>),
    /// The machine could not be read for a while.
    Gap(Gap),
    /// The run is over. A journal without this line is that of a killed run.
    End {
        /// When.
        at: Moment,
        /// How.
        outcome: Outcome,
    },
}

/// What a part of a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Caches and clocks settle; nothing of it is counted.
    WarmUp,
    /// What is measured.
    Measure,
    /// Requests are still sent, as load for those that were due before. Not counted.
    CoolDown,
    /// No more requests are sent; those in flight end. Not counted.
    Drain,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It has the tokens that were asked for.
    Length,
    /// A stop token or a stop string came.
    Stop,
    /// We gave it up.
    Cancelled,
    /// It failed.
    Failed(Failure),
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The HTTP status, where there was an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// How long to wait before the next request, where the target says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<Seconds>,
    /// The reason, as the target gave it.
    pub reason: String,
}

impl Failure {
    /// A failure without an HTTP answer.
    pub fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { kind, status: None, retry_after: None, reason: reason.into() }
    }
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The engine in this process failed.
    Engine,
    /// No connection.
    Connect,
    /// Nothing came for too long.
    TimeOut,
    /// The server takes no more requests for now: 429.
    RateLimited,
    /// The server refuses the request: another 4xx.
    Refused,
    /// The server failed: 5xx.
    Server,
    /// The answer broke off before its end.
    BrokenStream,
    /// The answer is none that this API gives.
    Malformed,
}

impl FailureKind {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Engine => "engine failed",
            Self::Connect => "no connection",
            Self::TimeOut => "time-out",
            Self::RateLimited => "rate limited",
            Self::Refused => "refused",
            Self::Server => "server error",
            Self::BrokenStream => "broken stream",
            Self::Malformed => "malformed answer",
        }
    }
}

/// What a target counted of a request. A count that it doesn't give is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt: Option<Tokens>,
    /// Of these, tokens that a prefix cache had.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cached: Option<Tokens>,
    /// Output tokens, those of reasoning among them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output: Option<Tokens>,
    /// Of these, tokens of reasoning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reasoning: Option<Tokens>,
    /// Output tokens by a tokenizer of our own, from the text. It only checks `output`: text doesn't
    /// tell how it was cut into tokens.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recounted: Option<Tokens>,
}

/// A request's part in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The conversation's number.
    pub conversation: u32,
    /// Which of its turns this is, counted from 1.
    pub index: u32,
    /// How many it has.
    pub of: u32,
}

/// One step of an engine: COST_MODEL.md section 3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When it ran.
    #[serde(flatten)]
    pub span: Span,
    /// Uncached prompt tokens in it, `p_i`.
    pub prefill: Tokens,
    /// Sequences that each got a token from decoding, `d_i`.
    pub decode: u32,
    /// The contexts that its tokens attended to, summed: `a_i + k_i`.
    pub context: Tokens,
    /// The part of it that prompt tokens attended to, `a_i`; `None`: nobody told. A step of one kind
    /// needs no telling.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prefill_context: Option<Tokens>,
    /// The part of that which was cached: `ac_i`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cached_context: Option<Tokens>,
}

impl Step {
    /// How long it took.
    pub fn length(&self) -> Seconds {
        self.span.length()
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As planned.
    Complete,
    /// The user stopped it.
    Interrupted,
    /// The target fell ever further behind an open loop, and the run was stopped.
    Saturated,
    /// The target or the machine failed; the reason.
    Failed(String),
}
