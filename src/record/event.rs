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
        /// When it was sent; the difference is the generator's own lateness.
        at: Moment,
        /// Prompt tokens, by our count.
        prompt: Tokens,
        /// Output tokens asked for.
        planned: Tokens,
    },
    /// Tokens came.
    Tokens {
        /// Whose.
        id: RequestId,
        /// When each came, in order.
        at: Vec<Moment>,
    },
    /// A request ended.
    Done {
        /// Whose.
        id: RequestId,
        /// When.
        at: Moment,
        /// How.
        finish: Finish,
        /// Prompt tokens, by the target's count, where it gives one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        prompt: Option<Tokens>,
        /// Output tokens, by the target's count.
        output: Tokens,
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
    /// No more requests are sent; those in flight end. Not counted.
    Drain,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It has the tokens that were asked for.
    Length,
    /// A stop token or a stop string came.
    Stop,
    /// We gave it up.
    Cancelled,
    /// It failed; the reason, as the target gave it.
    Failed(String),
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
    /// The target or the machine failed; the reason.
    Failed(String),
}
