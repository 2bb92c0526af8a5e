//! The record of attempts at tasks: what was asked, what it was found to be, what was billed.
//!
//! One file a model and target, `mtok.attempts/1`, JSONL: a [`Head`], then an [`Attempt`] a line, each
//! written once it is over. So a run that is killed loses what was in flight, and [`Attempts::missing`]
//! says what is left to do.
//!
//! Invariant: it holds no price, and of every attempt all its tries, those that failed and were tried
//! again among them, each with the tokens that the target counted. Guarded by `attempts/tests.rs`,
//! which cuts a record off after each of its bytes.
//!
//! Deliberately absent: files, clocks, prices, and the replies themselves, which belong to who gave
//! them.

mod parse;
#[cfg(test)]
mod tests;

pub use parse::AttemptsError;

use super::{Finish, Model, Usage};
use crate::units::{Ratio, Seconds, Tokens};
use serde::{Deserialize, Serialize};

/// The first line: what was asked of whom, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The form of this record: [`Head::SCHEMA`].
    pub schema: String,
    /// When it began; what was resumed keeps its beginning.
    pub started: jiff::Timestamp,
    /// The version of this program.
    pub mtok: String,
    /// The suite of tasks, by name.
    pub suite: String,
    /// Its version: figures of two versions can't be laid side by side.
    pub suite_version: String,
    /// What the suite's tasks were drawn with.
    pub seed: u64,
    /// The sampler's temperature; 0: the likeliest token each time.
    pub temperature: Ratio,
    /// How often each task is tried.
    pub repeats: u32,
    /// The model.
    pub model: Model,
    /// What ran it: an engine in this process, or a server's address without anything secret.
    pub target: String,
    /// How finely the model's tokenizer cuts a text that all models are given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut: Option<Cut>,
}

impl Head {
    /// The form that this version writes.
    pub const SCHEMA: &str = "mtok.attempts/1";
}

/// A text, and how many tokens a tokenizer makes of it: the plain text, without a chat's template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Which text, by name.
    pub text: String,
    /// Its characters (Unicode scalar values).
    pub characters: u64,
    /// Its tokens.
    pub tokens: Tokens,
}

/// One attempt at one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The task, by its name in the suite.
    pub task: String,
    /// The family of tasks that it is of: `knowledge`.
    pub family: String,
    /// The task that it is a variant of; `None`: it is an original.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variant_of: Option<String>,
    /// Which of the repeats, counted from 1.
    pub repeat: u32,
    /// What was found of the reply.
    pub verdict: Verdict,
    /// The answer that was found in the reply, as the grader read it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<String>,
    /// What was sent, in order: the last is what was graded, those before failed and were tried again.
    pub tries: Vec<Try>,
    /// The prompt's characters, without a chat's template.
    pub prompt_characters: u64,
    /// The reply's characters: what was said, without the reasoning.
    pub reply_characters: u64,
    /// A model that was asked for the verdict; `None`: the grader needed none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub judge: Option<JudgeCall>,
}

/// What an attempt was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The answer is right.
    Solved,
    /// The answer is wrong.
    Wrong,
    /// The reply has no answer in it.
    NoAnswer,
    /// The model, or its provider, would not answer.
    Refused,
    /// The reply was cut off before its answer.
    Truncated,
    /// No try came to an end.
    Failed,
}

impl Verdict {
    /// All of them, the best first.
    pub const ALL: [Self; 6] =
        [Self::Solved, Self::Wrong, Self::NoAnswer, Self::Refused, Self::Truncated, Self::Failed];

    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::Wrong => "wrong",
            Self::NoAnswer => "no answer",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::Failed => "failed",
        }
    }
}

/// One request of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// When it was sent, by the wall clock: decides which of an API's tariffs it is billed at.
    pub at: jiff::Timestamp,
    /// Until it ended.
    pub took: Seconds,
    /// Until its first token; `None`: none came, or nobody looked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_token: Option<Seconds>,
    /// How it ended.
    pub finish: Finish,
    /// The same in the target's own word: `content_filter`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finish_reason: Option<String>,
    /// What the target counted.
    #[serde(flatten)]
    pub usage: Usage,
}

/// A model that was asked whether a reply is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeCall {
    /// Which.
    pub model: String,
    /// When.
    pub at: jiff::Timestamp,
    /// What its target counted.
    #[serde(flatten)]
    pub usage: Usage,
}

impl Attempt {
    /// The try that was graded; every attempt that was read from a record has one.
    pub fn last(&self) -> Option<&Try> {
        self.tries.last()
    }

    /// The tries before it.
    pub fn retried(&self) -> &[Try] {
        self.tries.split_last().map_or(&[], |(_, before)| before)
    }

    /// The completion's tokens, those of reasoning among them; `None`: the target didn't count.
    pub fn completion(&self) -> Option<Tokens> {
        self.last()?.usage.output
    }

    /// The original task: itself, unless it is a variant.
    pub fn problem(&self) -> &str {
        self.variant_of.as_deref().unwrap_or(&self.task)
    }

    /// Its place in the plan.
    pub fn slot(&self) -> Slot {
        Slot { task: self.task.clone(), repeat: self.repeat }
    }
}

/// An attempt that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The task.
    pub task: String,
    /// Which of the repeats, counted from 1.
    pub repeat: u32,
}

impl Slot {
    /// Every task so many times: all of them once, then all of them again, so that a run that is cut
    /// off has something of each.
    pub fn all<'t>(tasks: &'t [&'t str], repeats: u32) -> impl Iterator<Item = Self> + 't {
        (1..=repeats).flat_map(move |repeat| {
            tasks.iter().map(move |task| Self { task: (*task).to_owned(), repeat })
        })
    }
}

/// A record of attempts, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempts {
    /// What was asked of whom.
    pub head: Head,
    /// What came of it, in the order in which it was written.
    pub attempts: Vec<Attempt>,
    /// Bytes of whole lines: who writes on has to cut the file off behind these first.
    pub whole: usize,
    /// Bytes of a last line that was cut off; 0 where none was.
    pub torn: usize,
}

impl Attempts {
    /// What of a plan is not on record, in the plan's order, or failed: an outage that is over is no
    /// answer.
    pub fn missing(&self, plan: impl IntoIterator<Item = Slot>) -> Vec<Slot> {
        let answered = self.attempts.iter().filter(|one| one.verdict != Verdict::Failed);
        let done: std::collections::BTreeSet<(&str, u32)> =
            answered.map(|one| (one.task.as_str(), one.repeat)).collect();
        plan.into_iter().filter(|slot| !done.contains(&(slot.task.as_str(), slot.repeat))).collect()
    }
}
