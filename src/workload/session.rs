//! What a plan is made of: sessions, their turns, and drafts of prompts.

use crate::record::RequestId;
use crate::units::{Seconds, Tokens};
use std::sync::Arc;

/// A conversation, or a single request: its turns follow one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its number, from 0.
    pub number: u32,
    /// When it is due, since the first one could be; `None`: as soon as there is a place for it.
    pub due: Option<Seconds>,
    /// At least one.
    pub turns: Vec<Turn>,
}

/// One request of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its number within the plan.
    pub id: RequestId,
    /// What is sent, after what was said before in this session.
    pub draft: Draft,
    /// Prompt tokens, of the draft alone.
    pub prompt: Tokens,
    /// Output tokens; exactly so many, or at most.
    pub output: Tokens,
    /// How long the user thinks before, after the answer to the turn before.
    pub think: Seconds,
    /// What the sampler is drawn from.
    pub seed: u64,
}

/// What a prompt is to be made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Draft {
    /// Natural text of ours.
    Prose(Vec<Segment>),
    /// Random token ids: fast to make, and unlike anything that a model was made for. Unsuitable for
    /// mixtures of experts and for speculative decoding, whose speed depends on the text.
    RandomIds(Vec<Segment>),
    /// Messages of a dataset.
    Messages(Arc<[Message]>),
}

/// A stretch of a prompt. The same seed gives the same text: prompts whose first segments are alike
/// share a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// What it is drawn from.
    pub seed: u64,
    /// Its length.
    pub tokens: Tokens,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, `tool`.
    pub role: String,
    /// What is said.
    pub content: String,
}
