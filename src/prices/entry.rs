//! One model at one provider: what it charges, and who says so.

use super::mix::Mix;
use super::tariff::Source;
use crate::units::{ListPrice, Tokens, UsdPerMtok};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;

/// The prices of a model, in USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Input that is not in the provider's cache.
    pub input: ListPrice,
    /// Input read from the provider's cache; `None` where the book gives no such price.
    pub cached_input: Option<ListPrice>,
    /// Output, reasoning included.
    pub output: ListPrice,
}

/// A second book that has the model, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSource {
    /// The book.
    pub source: Source,
    /// What it says, where that differs.
    pub differs: Option<Figures>,
}

/// How a vendor of closed models sells one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// The cheap and fast one.
    Small,
    /// The capable one.
    Large,
}

/// One model at one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Provider and model, unique in the book: `groq/llama-3.1-8b-instant`.
    pub id: String,
    /// Who sells it.
    pub provider: String,
    /// What the provider's API calls the model.
    pub model: String,
    /// What people call it.
    pub name: String,
    /// What it is, whoever sells it: `llama-3.1-8b`.
    pub family: String,
    /// Whether the weights can be had.
    pub open_weights: bool,
    /// All its parameters, as the model card rounds them; `None` where that isn't published.
    pub parameters: Option<u64>,
    /// Parameters that work on one token, of a mixture of experts.
    pub active_parameters: Option<u64>,
    /// How a closed model is sold.
    pub size: Option<Size>,
    /// The longest context the provider takes.
    pub context: Option<Tokens>,
    /// What it charges.
    pub figures: Figures,
    /// Whether the API's count of input tokens includes the cached ones, as OpenAI's does and
    /// Anthropic's doesn't. `None` where no price for cached input is given.
    pub input_includes_cached: Option<bool>,
    /// The longest prompt that the figures hold for; a longer one costs more.
    pub prompt_tokens_max: Option<Tokens>,
    /// What must be said beside the figures.
    pub note: Option<String>,
    /// The book that the figures are from.
    pub source: Source,
    /// Other books that have the model.
    pub others: Vec<OtherSource>,
}

impl Entry {
    /// The day of the figures.
    pub fn date(&self) -> Date {
        self.source.date
    }

    /// What a million tokens cost at a workload's own mix: the mean of the prices, weighed by its
    /// tokens. Cached tokens cost the input price where there is none for them.
    ///
    /// Decimal arithmetic throughout; only the result becomes an estimate. Not counted: writing
    /// into a cache, and the surcharge on prompts beyond [`Entry::prompt_tokens_max`].
    pub fn blended(&self, mix: Mix) -> UsdPerMtok {
        let Figures { input, cached_input, output } = self.figures;
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
    use proptest::prelude::*;

    fn mix(input: u64, cached: u64, output: u64) -> Mix {
        Mix::new(Tokens(input), Tokens(cached), Tokens(output)).unwrap()
    }

    #[track_caller]
    fn blended(id: &str, mix: Mix, want: f64) {
        let book = Book::embedded().unwrap();
        let UsdPerMtok(got) = book.get(id).unwrap().blended(mix);
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

    proptest! {
        #[test]
        fn a_blend_lies_between_its_prices(
            input in 0_u64..1_000_000, cached in 0_u64..1_000_000, output in 1_u64..1_000_000,
        ) {
            for entry in Book::embedded().unwrap().entries() {
                let Figures { input: i, cached_input: c, output: o } = entry.figures;
                let prices = [i, c.unwrap_or(i), o].map(|price| price.estimate().0);
                let (low, high) = (prices.iter().copied().fold(f64::MAX, f64::min),
                    prices.iter().copied().fold(0.0, f64::max));
                let UsdPerMtok(got) = entry.blended(mix(input, cached, output));
                prop_assert!(low - 1e-12 <= got && got <= high + 1e-12, "{}: {low} {got} {high}", entry.id);
            }
        }
    }
}
