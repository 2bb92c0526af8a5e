//! Tokens of a request, by kind, and how APIs report them.
//!
//! Invariant: the kinds don't overlap; the prompt is the sum of the input's kinds. An API's counts
//! do overlap, each API's in its own way: they come in through [`Usage::reported`] alone. Guarded by
//! the tests here.

use crate::hint::{Fault, Hint};
use crate::prices::rates::TokenKind;
use crate::units::Tokens;

const KINDS: usize = TokenKind::ALL.len();

/// Tokens by kind; the kinds don't overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage([u64; KINDS]);

impl Usage {
    /// With this many tokens of a kind.
    #[must_use]
    pub fn with(mut self, kind: TokenKind, tokens: Tokens) -> Self {
        self.0[kind as usize] = tokens.0;
        self
    }

    /// The tokens of a kind.
    pub fn get(&self, kind: TokenKind) -> Tokens {
        Tokens(self.0[kind as usize])
    }

    /// The kinds that there are tokens of.
    pub fn iter(&self) -> impl Iterator<Item = (TokenKind, Tokens)> + '_ {
        TokenKind::ALL
            .into_iter()
            .map(|kind| (kind, self.get(kind)))
            .filter(|(_, tokens)| *tokens > Tokens(0))
    }

    /// The prompt: every kind of input, cached or not. A tier's length counts it.
    pub fn prompt(&self) -> Tokens {
        self.iter().filter(|(kind, _)| is_input(*kind)).map(|(_, tokens)| tokens).sum()
    }

    /// Every kind of output.
    pub fn output(&self) -> Tokens {
        self.iter().filter(|(kind, _)| !is_input(*kind)).map(|(_, tokens)| tokens).sum()
    }

    /// All tokens.
    pub fn total(&self) -> Tokens {
        self.prompt() + self.output()
    }
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (one, more) in self.0.iter_mut().zip(other.0) {
            *one = one.saturating_add(more);
        }
        self
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |sum, one| sum + one)
    }
}

/// Whether a kind is part of the prompt: what it stands for in the end is input.
pub(in crate::prices) fn is_input(kind: TokenKind) -> bool {
    let mut at = kind;
    while let Some(next) = at.stands_for() {
        at = next;
    }
    at == TokenKind::Input
}

/// What an API's counts of input and output contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counting {
    /// Whether its input contains the tokens read from and written to the cache: `OpenAI`'s does,
    /// Anthropic's doesn't.
    pub input_includes_cached: bool,
    /// Whether its output contains the reasoning: `OpenAI`'s does, Google's doesn't.
    pub output_includes_reasoning: bool,
}

impl Counting {
    /// Everything is in the two totals.
    pub const INCLUSIVE: Self =
        Self { input_includes_cached: true, output_includes_reasoning: true };

    /// Anthropic's: the cache stands beside the input.
    pub const CACHE_BESIDE: Self =
        Self { input_includes_cached: false, output_includes_reasoning: true };
}

/// A request's counts as an API, a log or an export reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reported {
    /// Its input.
    pub input: Tokens,
    /// Read from the cache.
    pub cached: Tokens,
    /// Written to the cache at its ordinary lifetime.
    pub cache_write: Tokens,
    /// Written to the cache for an hour.
    pub cache_write_1h: Tokens,
    /// Audio in the input; always part of it, and never cached here.
    pub input_audio: Tokens,
    /// Images in the input; the same.
    pub input_image: Tokens,
    /// Its output.
    pub output: Tokens,
    /// Reasoning.
    pub reasoning: Tokens,
    /// Audio in the output; always part of it.
    pub output_audio: Tokens,
    /// Images in the output; the same.
    pub output_image: Tokens,
}

/// Counts that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The parts are more than the whole they are said to be part of.
    #[error("`{whole}` is {tokens}, and its parts are {parts}")]
    Parts {
        /// `input` or `output`.
        whole: &'static str,
        /// Its tokens.
        tokens: Tokens,
        /// The tokens of its parts.
        parts: Tokens,
    },
}

impl Hint for UsageError {
    fn hint(&self) -> Option<String> {
        let Self::Parts { whole, .. } = self;
        (*whole == "input").then(|| {
            "this API counts cached tokens beside its input, and was read as if within".to_owned()
        })
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}

impl Usage {
    /// An API's counts, taken apart.
    ///
    /// # Errors
    /// Where the parts are more than the whole.
    pub fn reported(counts: &Reported, counting: Counting) -> Result<Self, UsageError> {
        let Reported { cached, cache_write, cache_write_1h, reasoning, .. } = *counts;
        let cache = cached + cache_write + cache_write_1h;
        let within = |included: bool, part: Tokens| if included { part } else { Tokens(0) };
        let input = rest(
            "input",
            counts.input,
            within(counting.input_includes_cached, cache) + counts.input_audio + counts.input_image,
        )?;
        let output = rest(
            "output",
            counts.output,
            within(counting.output_includes_reasoning, reasoning)
                + counts.output_audio
                + counts.output_image,
        )?;
        Ok(Self::default()
            .with(TokenKind::Input, input)
            .with(TokenKind::CachedInput, cached)
            .with(TokenKind::CacheWrite, cache_write)
            .with(TokenKind::CacheWrite1h, cache_write_1h)
            .with(TokenKind::InputAudio, counts.input_audio)
            .with(TokenKind::InputImage, counts.input_image)
            .with(TokenKind::Output, output)
            .with(TokenKind::Reasoning, reasoning)
            .with(TokenKind::OutputAudio, counts.output_audio)
            .with(TokenKind::OutputImage, counts.output_image))
    }
}

fn rest(whole: &'static str, tokens: Tokens, parts: Tokens) -> Result<Tokens, UsageError> {
    let left = tokens.0.checked_sub(parts.0);
    left.map(Tokens).ok_or(UsageError::Parts { whole, tokens, parts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind::{CacheWrite, CachedInput, Input, Output, OutputAudio, Reasoning};

    #[test]
    fn one_request_as_two_apis_report_it() {
        // 1,000 in the prompt: 600 read, 100 written. 50 out, 30 of them thought.
        let openai = Reported {
            input: Tokens(1_000),
            cached: Tokens(600),
            cache_write: Tokens(100),
            output: Tokens(50),
            reasoning: Tokens(30),
            ..Reported::default()
        };
        let anthropic = Reported { input: Tokens(300), ..openai };
        let usage = Usage::reported(&openai, Counting::INCLUSIVE).unwrap();
        assert_eq!(usage, Usage::reported(&anthropic, Counting::CACHE_BESIDE).unwrap());
        let google = Counting { output_includes_reasoning: false, ..Counting::INCLUSIVE };
        let beside = Reported { output: Tokens(20), ..openai };
        assert_eq!(usage, Usage::reported(&beside, google).unwrap());
        let counts = [Input, CachedInput, CacheWrite, Output, Reasoning, OutputAudio];
        assert_eq!(counts.map(|kind| usage.get(kind).0), [300, 600, 100, 20, 30, 0]);
        let sums = (usage.prompt(), usage.output(), usage.total());
        assert_eq!(sums, (Tokens(1_000), Tokens(50), Tokens(1_050)));
    }

    #[test]
    fn parts_are_not_more_than_the_whole() {
        let counts = Reported { input: Tokens(300), cached: Tokens(600), ..Reported::default() };
        let error = Usage::reported(&counts, Counting::INCLUSIVE).unwrap_err();
        assert_eq!(error.to_string(), "`input` is 300 tok, and its parts are 600 tok");
        assert!(error.hint().is_some());
        let counts = Reported { output: Tokens(1), output_audio: Tokens(2), ..Reported::default() };
        let error = Usage::reported(&counts, Counting::INCLUSIVE).unwrap_err();
        assert_eq!(error.to_string(), "`output` is 1 tok, and its parts are 2 tok");
    }

    #[test]
    fn every_kind_is_of_one_side() {
        for kind in TokenKind::ALL {
            let usage = Usage::default().with(kind, Tokens(7));
            assert_eq!(usage.total(), Tokens(7), "{kind}");
            assert_eq!(
                is_input(kind),
                !kind.name().contains("output")
                    && !["reasoning", "citation"].contains(&kind.name()),
                "{kind}"
            );
        }
    }
}
