//! What can be wrong with a workload's description, its dataset or its trace.
//!
//! Whoever read a file says which one it was; here are the line and what stands in it.

use crate::hint::{Fault, Hint};
use crate::units::{ParseError, Ratio, Seconds, Tokens};

/// A text that describes no lengths, turns, thinking or prefixes.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A quantity in it can't be read.
    #[error(transparent)]
    Quantity(#[from] ParseError),
    /// It isn't built like one.
    #[error("`{text}` is not {what}")]
    Form {
        /// What was expected, with its article.
        what: &'static str,
        /// What was found.
        text: String,
        /// Texts that would have been right.
        examples: &'static str,
    },
    /// A number in it can't be.
    #[error("`{text}`: {problem}")]
    Value {
        /// What was found.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
        /// Texts that would have been right.
        examples: &'static str,
    },
    /// There is no preset of this name.
    #[error("there is no preset `{name}`")]
    Preset {
        /// What was asked for.
        name: String,
        /// The one whose name is nearest, where one is near.
        nearest: Option<&'static str>,
        /// Those that there are.
        all: String,
    },
}

impl Hint for SpecError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Quantity(error) => error.hint(),
            Self::Form { examples, .. } | Self::Value { examples, .. } => {
                Some(format!("write it like {examples}"))
            }
            Self::Preset { nearest: Some(nearest), all, .. } => {
                Some(format!("did you mean `{nearest}`? There are {all}"))
            }
            Self::Preset { nearest: None, all, .. } => Some(format!("there are {all}")),
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

/// A trace that can't be replayed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TraceError {
    /// It is in no form that is known.
    #[error("line 1 is that of no known trace: `{line}`")]
    Unknown {
        /// Its first line.
        line: String,
    },
    /// A line isn't what its form asks for.
    #[error("line {line}: {problem}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What the parser found.
        problem: String,
    },
    /// A field can't be read.
    #[error("line {line}, `{field}`: `{value}` is not {wanted}")]
    Field {
        /// The line, from 1.
        line: u64,
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What should, with its article.
        wanted: &'static str,
    },
    /// The blocks of a prompt don't cover it.
    #[error("line {line}, `hash_ids`: {blocks} blocks of {size} tokens for a prompt of {prompt}")]
    Blocks {
        /// The line, from 1.
        line: u64,
        /// How many blocks there are.
        blocks: usize,
        /// Tokens in each.
        size: u64,
        /// The prompt's length.
        prompt: Tokens,
    },
    /// Shared prefixes are longer than the prompt.
    #[error("line {line}, `prefix`: {shared} in prefixes, in a prompt of {prompt}")]
    Prefix {
        /// The line, from 1.
        line: u64,
        /// The prefixes together.
        shared: Tokens,
        /// The prompt's length.
        prompt: Tokens,
    },
    /// No request is in it, or none with tokens.
    #[error("it has no requests with tokens in and out")]
    Empty,
    /// No request is in the part that was asked for.
    #[error("no request is due from {from} on for {length}; the last one is due at {last:.1}")]
    NoneLeft {
        /// Where the part begins.
        from: Seconds,
        /// How long it is, in words.
        length: String,
        /// When the last request is due.
        last: Seconds,
    },
    /// All requests of the part are too long.
    #[error("no request fits into {most}")]
    TooLong {
        /// What fits.
        most: Tokens,
    },
    /// Time can't be scaled so.
    #[error("a trace can't be replayed at {speed} of its speed")]
    Speed {
        /// What was asked for.
        speed: Ratio,
    },
}

impl Hint for TraceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => Some(
                "known are Azure's CSV (TIMESTAMP,ContextTokens,GeneratedTokens), BurstGPT's CSV \
                 (Timestamp,Model,Request tokens,…), Mooncake's JSON lines (timestamp, \
                 input_length, output_length, hash_ids) and mtok's own (at, prompt, output)"
                    .to_owned(),
            ),
            Self::Speed { .. } => Some("`2` is twice as fast, `50%` half as fast".to_owned()),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoneLeft { .. } | Self::Speed { .. } => Fault::Usage,
            _ => Fault::Input,
        }
    }
}

/// What a reader of JSON found, with its column; the line is ours to say.
pub(super) fn of_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    format!("{problem} at column {}", error.column())
}

/// A dataset that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// It isn't JSON.
    #[error("line {line}: {problem}")]
    Json {
        /// Where, from 1.
        line: usize,
        /// What the parser found.
        problem: String,
    },
    /// An entry has none of the fields that say what to ask.
    #[error("{place}: no `prompt`, `messages` or `conversations`")]
    Nothing {
        /// Which entry, in words.
        place: String,
    },
    /// A field isn't what it should be.
    #[error("{place}, `{field}`: {problem}")]
    Field {
        /// Which entry, in words.
        place: String,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing in it can be asked.
    #[error("it asks nothing: there is no prompt in it")]
    Empty,
    /// All of it is too long.
    #[error("nothing in it fits into {most}")]
    TooLong {
        /// What fits.
        most: Tokens,
    },
}

impl Hint for DatasetError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Json { .. } | Self::Nothing { .. } | Self::Empty => Some(
                "write one object a line: {\"prompt\": \"…\"}, {\"messages\": [{\"role\": \"user\", \
                 \"content\": \"…\"}]} or ShareGPT's {\"conversations\": [{\"from\": \"human\", \
                 \"value\": \"…\"}]}"
                    .to_owned(),
            ),
            Self::Field { .. } | Self::TooLong { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}
