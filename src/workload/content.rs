//! What sessions are made of, before any of them is drawn.

use super::dataset::Dataset;
use super::trace::Trace;
use crate::record::Lengths;
use crate::units::{Ratio, Seconds, Tokens};
use std::sync::Arc;

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Requests drawn from the plan's seed.
    Mix(Mix),
    /// A trace's requests, in its order. Arrivals of another kind than the trace's own begin it
    /// again, with other text, when it has ended.
    Trace(Trace),
    /// A dataset's conversations, shuffled, again and again.
    Dataset {
        /// The conversations.
        data: Dataset,
        /// Output tokens where the dataset says none.
        output: Lengths,
        /// How long users think between turns.
        think: Think,
        /// [`Cache::Bust`] puts a line of its own before each conversation's first user message;
        /// [`Cache::Warm`] leaves every text as it is.
        cache: Cache,
    },
}

/// How requests are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// Lengths of prompts and outputs. A prompt's is that of the part that is its own: shared
    /// prefixes come on top, and so do the turns before.
    pub sizes: Sizes,
    /// What prompts are made of.
    pub text: Text,
    /// Whether a prefix cache may find anything but shared prefixes.
    pub cache: Cache,
    /// Shared prefixes, from the root of their tree; none: each prompt is its own.
    pub prefix: Vec<Level>,
    /// How a session goes on after its first request.
    pub conversation: Option<Conversation>,
}

impl Mix {
    /// Natural text, each prompt its own, one request a session.
    pub const fn plain(prompt: Lengths, output: Lengths) -> Self {
        Self {
            sizes: Sizes::Apart { prompt, output },
            text: Text::Prose,
            cache: Cache::Bust,
            prefix: Vec::new(),
            conversation: None,
        }
    }
}

/// Lengths of prompts and outputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Sizes {
    /// Drawn apart from each other.
    Apart {
        /// Prompt tokens.
        prompt: Lengths,
        /// Output tokens.
        output: Lengths,
    },
    /// Drawn together, each pair as likely as another: those of a trace. At least one.
    Joint(Arc<[Pair]>),
}

/// The lengths of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Prompt tokens.
    pub prompt: Tokens,
    /// Output tokens.
    pub output: Tokens,
}

/// What prompts are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Natural text of ours.
    Prose,
    /// Random token ids: [`super::Draft::RandomIds`] says what they are unfit for.
    RandomIds,
}

/// What a prefix cache may find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Nothing but what is shared by plan: what is a prompt's own begins with a nonce of its own. A
    /// shared prefix stands before it, or nothing could find it.
    Bust,
    /// Everything: all prompts are one text, cut to their lengths. Shared prefixes are no others.
    Warm,
}

/// A level of a tree of shared prefixes: its text follows that of the level above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The share that has it, of the sessions that have the level above.
    pub share: Ratio,
    /// Its length.
    pub tokens: Tokens,
    /// How many different ones there are below each of the level above, each as likely as another.
    pub groups: u32,
}

/// How a session goes on after its first request. Each turn's prompt is what was said before and
/// the turn's own text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversation {
    /// How many turns it has.
    pub turns: Turns,
    /// Prompt tokens of each turn after the first, those before not counted.
    pub follow_up: Lengths,
    /// How long the user thinks before each turn after the first.
    pub think: Think,
}

/// How many turns a conversation has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turns {
    /// All the same.
    Fixed(u32),
    /// Each number between, both included, as likely as another.
    Uniform {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// After each turn another, with the same probability every time, up to `max`.
    Geometric {
        /// Their mean number, before its upper end is cut off.
        mean: Ratio,
        /// The most.
        max: u32,
    },
}

impl Turns {
    /// The most.
    pub fn longest(self) -> u32 {
        match self {
            Self::Fixed(turns) => turns.max(1),
            Self::Uniform { min, max } => min.max(max).max(1),
            Self::Geometric { max, .. } => max.max(1),
        }
    }
}

/// How long a user thinks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Think {
    /// Always as long; nothing: at once.
    Fixed(Seconds),
    /// Exponential, of this mean.
    Exponential(Seconds),
}

impl Think {
    /// Not at all.
    pub const NONE: Self = Self::Fixed(Seconds(0.0));
}
