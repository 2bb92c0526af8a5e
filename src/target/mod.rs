//! Anything that answers a request.
//!
//! Invariant: a request that was accepted ends with exactly one [`What::Done`], whatever fails,
//! panics or is cancelled, and nothing follows it; times are stamped by the target through the run's
//! clock, when it had the thing, not when somebody read the channel. Guarded by the tests of
//! [`in_process`] and `tests/http_target.rs`, property tests among them.
//!
//! Deliberately absent: prices, and when to send what (that is `load`'s).

mod error;
pub mod http;
pub mod in_process;

pub use error::TargetError;

use crate::engine::Detokenize;
use crate::engine::logprobs::Logprobs;
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::record::reading::ServerReading;
use crate::record::{Finish, Moment, RequestId, Step, Usage};
use crate::schedule::Priority;
use crate::units::Tokens;
use crate::workload::Message;
use std::sync::mpsc::Sender;

/// Anything that answers a request.
pub trait Target: Send + Sync {
    /// Queues a request; what comes of it is delivered to `to`, in order, beginning with one
    /// [`What::Sent`] and ending with one [`What::Done`]. A receiver that is gone cancels the request.
    ///
    /// # Errors
    /// Where the request can't be served at all, or not now; nothing is delivered then.
    fn submit(&self, request: Request, to: Sender<Delivery>) -> Result<(), TargetError>;

    /// Gives a request up; its `Done` still comes. Unknown and ended requests are ignored.
    fn cancel(&self, id: RequestId);

    /// From now on tells `to` of each step that the engine takes, once, before anything that came
    /// of it is delivered. A target that doesn't know its engine's steps tells none.
    fn steps(&self, to: Sender<Step>) {
        drop(to);
    }

    /// How it stands, where it can say so without being asked over a network.
    fn reading(&self) -> Option<ServerReading> {
        None
    }

    /// What answers: for the head of a run record.
    fn describe(&self) -> String;
}

/// What a request begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Token ids, with whatever the model wants before them.
    Ids(Vec<u32>),
    /// Text to go on from.
    Text(String),
    /// A conversation.
    Messages(Vec<Message>),
}

impl From<Vec<u32>> for Prompt {
    fn from(ids: Vec<u32>) -> Self {
        Self::Ids(ids)
    }
}

/// What is asked of a target.
pub struct Request {
    /// Its number within the run.
    pub id: RequestId,
    /// The prompt.
    pub prompt: Prompt,
    /// Its length as far as the sender knows: exact of ids, else what was planned.
    pub prompt_tokens: Tokens,
    /// How output tokens are chosen.
    pub sampling: SamplerParams,
    /// When it ends.
    pub stop: StopRules,
    /// Turns the output into text, at the beginning of its stream; `None`: no text is wanted from an
    /// engine.
    pub text: Option<Box<dyn Detokenize>>,
    /// Whether the whole answer's text is wanted at its end, from a target that answers in text.
    pub keep_text: bool,
    /// With each token, how likely it was, and as many of the likeliest; `None`: nothing of this.
    pub logprobs: Option<u8>,
    /// How soon it wants to be served.
    pub priority: Priority,
}

impl Request {
    /// A request for tokens alone, like any other.
    pub fn new(id: RequestId, prompt: Vec<u32>, sampling: SamplerParams, stop: StopRules) -> Self {
        let tokens = Tokens(prompt.len() as u64);
        Self::of(id, prompt.into(), tokens, sampling, stop)
    }

    /// The same for any prompt, of so many tokens as far as the sender knows.
    pub fn of(
        id: RequestId,
        prompt: Prompt,
        prompt_tokens: Tokens,
        sampling: SamplerParams,
        stop: StopRules,
    ) -> Self {
        Self {
            id,
            prompt,
            prompt_tokens,
            sampling,
            stop,
            text: None,
            keep_text: false,
            logprobs: None,
            priority: Priority(0),
        }
    }
}

/// Something that came of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Whose.
    pub id: RequestId,
    /// When the target had it.
    pub at: Moment,
    /// What.
    pub what: What,
}

/// What can come of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// It was sent, or accepted by an engine in this process.
    Sent,
    /// Output came, in chunks, since the last delivery; of targets that don't tell tokens.
    Chunks {
        /// When each came, in order.
        at: Vec<Moment>,
        /// How many tokens each holds, where the target says so.
        counts: Option<Vec<u32>>,
    },
    /// An output token.
    Token {
        /// The token. A token that ends the sequence comes too, and counts.
        id: u32,
        /// The text that may be passed on with it, where text is wanted: empty while a character or
        /// what could become a stop string is incomplete. Concatenated, they are the answer.
        text: Option<String>,
        /// How likely it was, where that was asked for.
        logprobs: Option<Box<Logprobs>>,
    },
    /// A part of the prompt was read. A sequence that lost its place is read again from its
    /// beginning, the tokens it has by then included.
    Read {
        /// Tokens read so far.
        tokens: Tokens,
        /// Of these, those that the prefix cache had; told with the first part.
        cached: Tokens,
    },
    /// The end.
    Done {
        /// How.
        finish: Finish,
        /// What the target counted.
        usage: Usage,
        /// What was said, where [`Request::keep_text`] asked for it.
        said: Option<Said>,
    },
}

/// What was said in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// The answer, without reasoning that the target keeps apart.
    pub text: String,
    /// What was said in its place, where the model declined in so many words.
    pub refusal: String,
    /// Why it ended, in the target's own word: `content_filter`.
    pub reason: Option<String>,
}
