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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::Book;
    use jiff::civil::date;
    use proptest::prelude::*;

    const DAY: Date = date(2026, 11, 22);

    fn mix(input: u64, cached: u64, output: u64) -> Mix {
        Mix::new(Tokens(input), Tokens(cached), Tokens(output)).unwrap()
    }

    #[track_caller]
    fn blended(id: &str, mix: Mix, want: f64) {
        let book = Book::embedded().unwrap();
        let UsdPerMtok(got) = book.get(id).unwrap().blended(mix, DAY).unwrap();
        assert!((got - want).abs() < 1e-12, "{id} at {mix:?}: {got} ≠ {want}");
    }

    #[test]
    fn a_mix_weighs_the_prices() {
        // gpt-oss-20b at Groq: input 0.075, cached 0.0375, output 0.30.
        let groq = "groq/openai/gpt-oss-20b";
        blended(groq, mix(1, 0, 0), 0.075);
        blended(groq, mix(0, 0, 7), 0.3);
        blended(groq, mix(3, 0, 1), 0.131_25); // (0.225 + 0.30) / 4
        blended(groq, mix(1, 2, 1), 0.112_5); // (0.075 + 0.075 + 0.30) / 4
        // 512 in, 256 out, as a thousand requests: the same mix, the same price.
        blended(groq, mix(512, 0, 256), 0.15); // (2 × 0.075 + 0.30) / 3
        blended(groq, mix(512_000, 0, 256_000), 0.15);
    }

    #[test]
    fn without_a_price_for_the_cache_cached_tokens_cost_the_input_price() {
        // Llama 3.1 8B at Groq: input 0.05, output 0.08, nothing for cached input.
        blended("groq/llama-3.1-8b-instant", mix(0, 9, 0), 0.05);
        blended("groq/llama-3.1-8b-instant", mix(1, 1, 1), 0.06);
    }

    #[test]
    fn no_tokens_have_no_mix() {
        assert_eq!(Mix::new(Tokens(0), Tokens(0), Tokens(0)), None);
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        blended("openai/gpt-6.1-sol", mix(u64::MAX, u64::MAX, u64::MAX), 12.1 / 3.0);
    }

    #[test]
    fn the_cut_of_2025_09_29_is_two_tariffs() {
        let text = include_str!("../../tests/fixtures/prices/deepseek-cut.jsonl");
        let book = Book::parse("deepseek-cut.jsonl", text).unwrap();
        let entry = &book.find("deepseek-chat").unwrap()[0];
        let figures = |day: Date| {
            let Figures { input, cached_input, output } = entry.figures(day).unwrap();
            [cached_input.unwrap(), input, output].map(|price| price.0.to_string())
        };
        assert_eq!(figures(date(2025, 9, 28)), ["0.07", "0.56", "1.68"]);
        assert_eq!(figures(date(2025, 9, 29)), ["0.028", "0.28", "0.42"]);
        // The book begins on 5 September 2025.
        assert_eq!(entry.figures(date(2025, 9, 4)), None);
        let at = |at: &str| entry.tariff_at(at.parse().unwrap()).unwrap().from.unwrap().to_string();
        assert_eq!(at("2025-09-28T23:59:59.999Z"), "2025-09-05T16:00:00Z");
        assert_eq!(at("2025-09-29T00:00:00Z"), "2025-09-29T00:00:00Z");
    }

    #[test]
    fn an_end_is_the_first_day_without() {
        let mut entry = Book::embedded().unwrap().entries()[0].clone();
        entry.ends = Some(date(2026, 11, 23));
        assert!(entry.is_sold(DAY) && !entry.is_sold(date(2026, 11, 23)));
        (entry.ends, entry.ending) = (None, Some(Ending::Removed));
        assert!(!entry.is_sold(DAY));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_blend_lies_between_its_prices(
            input in 0_u64..1_000_000, cached in 0_u64..1_000_000, output in 1_u64..1_000_000,
        ) {
            for entry in Book::embedded().unwrap().entries() {
                let Some(Figures { input: i, cached_input: c, output: o }) = entry.figures(DAY) else {
                    continue;
                };
                let prices = [i, c.unwrap_or(i), o].map(|price| price.estimate().0);
                let (low, high) = (prices.iter().copied().fold(f64::MAX, f64::min),
                    prices.iter().copied().fold(0.0, f64::max));
                let UsdPerMtok(got) = entry.blended(mix(input, cached, output), DAY).unwrap();
                prop_assert!(low - 1e-9 <= got && got <= high + 1e-9, "{}: {low} {got} {high}", entry.id);
            }
        }
    }
}
