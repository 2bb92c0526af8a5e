//! One problem as it is put to a model.
//!
//! Invariant: an instance holds all that asking and grading take; the same instance asked as a chat
//! and by examples has the same grader. Guarded by `tests`.

use super::grade::{Grader, Reply, Verdict};
use crate::units::Tokens;
use serde::{Deserialize, Serialize};

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system` or `user`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// Which of a pair an instance is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// The problem as it is known, or one without a variant.
    Base,
    /// The same with what matters changed.
    Variant {
        /// The instance that it is matched with.
        of: String,
    },
}

/// How an instance is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// By messages.
    Chat,
    /// By examples that a base model goes on from.
    FewShot,
}

/// A prompt of examples, for models that were never taught to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FewShot {
    /// The examples, the question, and the beginning of its answer.
    pub text: String,
    /// Where the answer ends: texts at which to stop.
    pub stop: Vec<String>,
}

/// A problem with its numbers drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// `family/problem`, with `+variant` for a variant and `#2` for a second draw.
    pub id: String,
    /// Its family.
    pub family: String,
    /// Which of a pair it is.
    pub kind: Kind,
    /// What is asked: a system message, where there is one, and a user's.
    pub messages: Vec<Message>,
    /// The same for a base model, where its family has examples.
    pub few_shot: Option<FewShot>,
    /// What solves it.
    pub grader: Grader,
    /// The most output that it should take, reasoning included.
    pub max_output: Tokens,
    /// Where it is from: `own`, or a file.
    pub source: String,
    /// Under which terms, where that is known.
    pub licence: Option<String>,
}

impl Instance {
    /// The verdict on a reply, `cut` if it ended because no more tokens were allowed. Behind
    /// examples the answer is the first line with something in it, however the model goes on.
    pub fn grade(&self, form: Form, text: &str, cut: bool) -> Verdict {
        match form {
            Form::Chat => self.grader.grade(Reply { text, cut }),
            Form::FewShot => {
                let begun = text.trim_start();
                let (line, cut) = match begun.split_once('\n') {
                    Some((line, _)) => (line, false),
                    None => (begun, cut),
                };
                // What follows "Answer:" in the prompt is announced by it.
                let announced =
                    !matches!(self.grader, Grader::Text(_) | Grader::Json(_) | Grader::Pattern(_));
                let line = line.trim_end();
                if announced && !line.is_empty() {
                    let end = if cut { "" } else { "\n" };
                    return self.grader.grade(Reply { text: &format!("Answer: {line}{end}"), cut });
                }
                self.grader.grade(Reply { text: line, cut })
            }
        }
    }
}
