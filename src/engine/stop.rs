//! When a sequence ends: its length, stop tokens, stop strings.
//!
//! A stop string is found wherever tokens cut it. Text is held back only while it could still become
//! one, and what is passed on never holds one. The match that ends first counts, and of those that
//! end together the longest, so the outcome depends on the text alone, not on how tokens cut it.
//! Guarded by a property test against a search of the whole text after the fact.
//!
//! The first `min_tokens - 1` tokens are exempt from every stop: a stop token among them is a token
//! like any other, and their text is passed on unsearched.

use crate::hint::{Fault, Hint};
use crate::record::Finish;
use crate::units::Tokens;

/// The most stop strings of a request.
const STRINGS_MAX: usize = 64;
/// The longest stop string, in bytes: what may be held back of a stream.
const STRING_BYTES_MAX: usize = 1_024;

/// When a request wants to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopRules {
    /// The most output tokens.
    pub max_tokens: Tokens,
    /// No stop before this many.
    pub min_tokens: Tokens,
    /// Tokens that end it, besides the model's own.
    pub tokens: Vec<u32>,
    /// Strings that end it; they are not passed on.
    pub strings: Vec<String>,
    /// The model's own end tokens don't end it: for outputs of a stated length.
    pub ignore_eos: bool,
}

impl StopRules {
    /// Exactly this many tokens, whatever they are.
    pub fn exactly(tokens: Tokens) -> Self {
        Self { ignore_eos: true, ..Self::at_most(tokens) }
    }

    /// Until the model ends, or this many tokens.
    pub fn at_most(tokens: Tokens) -> Self {
        Self {
            max_tokens: tokens,
            min_tokens: Tokens(0),
            tokens: Vec::new(),
            strings: Vec::new(),
            ignore_eos: false,
        }
    }
}

/// Stop rules that make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopError {
    /// No token was asked for.
    #[error("`max_tokens` is `0`")]
    NoTokens,
    /// More tokens are demanded than allowed.
    #[error("`min_tokens` is `{}`, above `max_tokens`, `{}`", min.0, max.0)]
    MinAboveMax {
        /// Demanded.
        min: Tokens,
        /// Allowed.
        max: Tokens,
    },
    /// A stop string is empty: it would end everything at once.
    #[error("stop string {index} is empty")]
    Empty {
        /// Which, counted from 0.
        index: usize,
    },
    /// A stop string is longer than we hold text back.
    #[error("stop string {index} has {bytes} bytes, more than {STRING_BYTES_MAX}")]
    Long {
        /// Which, counted from 0.
        index: usize,
        /// How long it is.
        bytes: usize,
    },
    /// Too many stop strings.
    #[error("{0} stop strings, more than {STRINGS_MAX}")]
    Many(usize),
}

impl Hint for StopError {
    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

/// Watches one sequence for its end.
///
/// For each token call [`Stop::token`], then [`Stop::text`] if text is wanted; once either says that
/// the sequence is over, [`Stop::end`] gives the text that was held back.
#[derive(Debug)]
pub struct Stop {
    max_tokens: u64,
    min_tokens: u64,
    tokens: Vec<u32>,
    seen: u64,
    strings: StopStrings,
}

impl Stop {
    /// Watches by `rules`; `eos` are the model's own end tokens.
    ///
    /// # Errors
    /// Where the rules make no sense.
    pub fn new(rules: StopRules, eos: &[u32]) -> Result<Self, StopError> {
        let StopRules { max_tokens: max, min_tokens: min, mut tokens, strings, ignore_eos } = rules;
        if max.0 == 0 {
            return Err(StopError::NoTokens);
        }
        if min > max {
            return Err(StopError::MinAboveMax { min, max });
        }
        if strings.len() > STRINGS_MAX {
            return Err(StopError::Many(strings.len()));
        }
        for (index, string) in strings.iter().enumerate() {
            match string.len() {
                0 => return Err(StopError::Empty { index }),
                bytes if bytes > STRING_BYTES_MAX => return Err(StopError::Long { index, bytes }),
                _ => {}
            }
        }
        if !ignore_eos {
            tokens.extend_from_slice(eos);
        }
        let strings = StopStrings { strings, held: String::new(), found: false };
        Ok(Self { max_tokens: max.0, min_tokens: min.0, tokens, seen: 0, strings })
    }

    /// Counts a token: whether it ends the sequence by itself or by its number.
    pub fn token(&mut self, id: u32) -> Option<Finish> {
        self.seen += 1;
        if self.seen >= self.min_tokens && self.tokens.contains(&id) {
            Some(Finish::Stop)
        } else {
            (self.seen >= self.max_tokens).then_some(Finish::Length)
        }
    }

    /// Takes the text of the token just counted; returns what may be passed on, and whether a stop
    /// string ends the sequence.
    pub fn text(&mut self, piece: &str) -> (String, bool) {
        if self.seen < self.min_tokens {
            return (piece.to_owned(), false);
        }
        let out = self.strings.push(piece);
        (out, self.strings.found)
    }

    /// Nothing follows but `tail`: the rest of the text. Empty after a stop string.
    pub fn end(&mut self, tail: &str) -> String {
        let mut out = self.strings.push(tail);
        if !self.strings.found {
            out += &std::mem::take(&mut self.strings.held);
        }
        out
    }
}

/// Finds stop strings in a stream of text.
#[derive(Debug)]
struct StopStrings {
    strings: Vec<String>,
    /// The longest end of the text so far that a stop string could begin with, and no more.
    held: String,
    found: bool,
}

impl StopStrings {
    /// Takes text; returns what may be passed on.
    fn push(&mut self, piece: &str) -> String {
        if self.found {
            return String::new();
        }
        self.held += piece;
        // Any match ends in `piece`, so it begins in `piece` or in what was held.
        let first = self.strings.iter().filter_map(|stop| {
            let start = self.held.find(stop.as_str())?;
            Some((start + stop.len(), start))
        });
        let keep = if let Some((_, start)) = first.min() {
            self.found = true;
            start
        } else {
            let could_begin = |rest: &str| self.strings.iter().any(|stop| stop.starts_with(rest));
            let mut starts = self.held.char_indices().map(|(start, _)| start);
            starts.find(|&start| could_begin(&self.held[start..])).unwrap_or(self.held.len())
        };
        let rest = self.held.split_off(keep);
        std::mem::replace(&mut self.held, rest)
    }
}

#[cfg(test)]
mod tests;
