//! One model at one provider: what it is, what it charges and charged, and who says so.
//!
//! Invariant: an entry's tariffs don't overlap and are in the order of time, so at any instant at
//! most one is in force. What a book doesn't say of a model is `None`. Guarded by `check`'s tests.

use super::mix::Mix;
use super::rates::TokenKind;
use super::tariff::{Source, Tariff};
use crate::units::{ListPrice, Tokens, UsdPerMtok};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// The three standard prices that a model is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Input that is not in the provider's cache.
    pub input: ListPrice,
    /// Input read from the provider's cache; `None` where the book gives no such price.
    pub cached_input: Option<ListPrice>,
    /// Output, reasoning included.
    pub output: ListPrice,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Answers messages.
    Chat,
    /// Continues a text.
    Completion,
    /// Turns text into a vector.
    Embedding,
    /// Orders texts by a question.
    Rerank,
    /// Makes or changes images.
    Image,
    /// Makes videos.
    Video,
    /// Turns speech into text.
    Transcription,
    /// Turns text into speech.
    Speech,
    /// Talks.
    Realtime,
    /// Reads documents.
    Document,
    /// Searches.
    Search,
    /// Judges texts.
    Moderation,
    /// Something else.
    Other,
}

/// What the provider says of a model's end, where it gives no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It will end.
    Deprecated,
    /// It has ended.
    Removed,
}

/// How a vendor of closed models sells one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// The cheap and fast one.
    Small,
    /// The capable one.
    Large,
}

/// A second book that has the model, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherSource {
    /// The book.
    pub source: Source,
    /// What it says of the standard prices, kind by kind, where that differs.
    #[serde(default, skip_serializing_if = "super::Rates::is_empty")]
    pub differs: super::Rates,
}

/// One model at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Provider and model, unique in the book: `groq/llama-3.1-8b-instant`.
    pub id: String,
    /// Who sells it.
    pub provider: String,
    /// What the provider's API calls the model.
    pub model: String,
    /// What people call it.
    pub name: String,
    /// Other names that a request may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// What it is, whoever sells it: `llama-3.1-8b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Whether the weights can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_weights: Option<bool>,
    /// All its parameters, as the model card rounds them; `None` where that isn't published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Parameters that work on one token, of a mixture of experts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_parameters: Option<u64>,
    /// How a closed model is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The longest context the provider takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Tokens>,
    /// The longest answer it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output: Option<Tokens>,
    /// The tokenizer's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// The day on which it ends or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Date>,
    /// That it ends or ended, where no day is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// What must be said beside the prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it charges and charged, in the order of time; never empty.
    pub tariffs: Vec<Tariff>,
    /// Other books that have the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherSource>,
}

impl Entry {
    /// The tariff in force at an instant.
    pub fn tariff_at(&self, at: Timestamp) -> Option<&Tariff> {
        self.tariffs.iter().find(|tariff| tariff.holds(at))
    }

    /// The tariff in force as a day ends, UTC.
    pub fn tariff_on(&self, day: Date) -> Option<&Tariff> {
        let next = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        self.tariff_at(next - jiff::SignedDuration::from_nanos(1))
    }

    /// The standard prices of a day: the base, whatever the hour or the prompt's length.
    ///
    /// `None` where none is in force, or where input or output has no price per token.
    pub fn figures(&self, day: Date) -> Option<Figures> {
        let rates = &self.tariff_on(day)?.schedule.rates;
        Some(Figures {
            input: rates.get(TokenKind::Input)?,
            cached_input: rates.get(TokenKind::CachedInput),
            output: rates.get(TokenKind::Output)?,
        })
    }

    /// The longest prompt that [`Entry::figures`] hold for; a longer one costs something else.
    pub fn prompt_tokens_max(&self, day: Date) -> Option<Tokens> {
        self.tariff_on(day)?.schedule.tiers.first().map(|tier| tier.above)
    }

    /// Whether it is sold on a day, as far as the book knows.
    pub fn is_sold(&self, day: Date) -> bool {
        self.ends.is_none_or(|end| day < end) && self.ending != Some(Ending::Removed)
    }

    /// What a million tokens cost at a workload's own mix: the mean of the day's prices, weighed by
    /// its tokens. Cached tokens cost the input price where there is none for them.
    ///
    /// Decimal arithmetic throughout; only the result becomes an estimate. Not counted: writing
    /// into a cache, and the surcharge on prompts beyond [`Entry::prompt_tokens_max`].
    pub fn blended(&self, mix: Mix, day: Date) -> Option<UsdPerMtok> {
        Some(self.figures(day)?.blended(mix))
    }
}

impl Figures {
    fn blended(self, mix: Mix) -> UsdPerMtok {
        let Self { input, cached_input, output } = self;
        let parts = [
            (input, mix.input()),
            (cached_input.unwrap_or(input), mix.cached_input()),
            (output, mix.output()),
        ];
        // Three 64-bit counts and prices of at most 100,000 stay far inside a Decimal's 96 bits,
        // and a mix is never empty.
        let tokens: Decimal = parts.iter().map(|(_, tokens)| Decimal::from(tokens.0)).sum();
        let cost: Decimal =
            parts.iter().map(|(price, tokens)| price.0 * Decimal::from(tokens.0)).sum();
        UsdPerMtok((cost / tokens).to_f64().unwrap_or(f64::MAX))
    }
}
