//! What kinds of token have a price, and a price for each.
//!
//! Invariant: a price that a book doesn't give is absent, never zero; a price of zero is one that
//! the book gives. Every price is an exact decimal in USD per million tokens, read from its own
//! digits. Guarded by the tests here and in `book`.

use crate::units::ListPrice;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeMap;

/// A kind of token that a provider may charge for at its own price.
///
/// The kinds don't overlap: cached text is not input, reasoning is not output. Where a tariff lists
/// no price for a kind, [`TokenKind::stands_for`] says which kind's price it is charged at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Prompt tokens that were computed.
    Input,
    /// Prompt tokens read from the provider's cache.
    CachedInput,
    /// The same where the caller marked what to cache, if that has a price of its own.
    CachedInputExplicit,
    /// Prompt tokens written into the cache at the provider's ordinary lifetime (Anthropic: 5
    /// minutes).
    CacheWrite,
    /// Prompt tokens written into the cache for an hour.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    /// Prompt tokens written into the cache for more than 12 hours.
    #[serde(rename = "cache_write_12h")]
    CacheWrite12h,
    /// Answer tokens.
    Output,
    /// Tokens of thought that are not shown.
    Reasoning,
    /// Tokens of citations, where they are counted apart.
    Citation,
    /// Audio in the prompt.
    InputAudio,
    /// Audio in the prompt, read from the cache.
    CachedAudio,
    /// Audio in the prompt, written into the cache.
    CacheWriteAudio,
    /// Audio in the answer.
    OutputAudio,
    /// Images in the prompt.
    InputImage,
    /// Images in the prompt, read from the cache.
    CachedImage,
    /// Images in the answer.
    OutputImage,
    /// Video in the prompt.
    InputVideo,
    /// Video in the answer.
    OutputVideo,
}

impl TokenKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 18] = [
        Self::Input,
        Self::CachedInput,
        Self::CachedInputExplicit,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::CacheWrite12h,
        Self::Output,
        Self::Reasoning,
        Self::Citation,
        Self::InputAudio,
        Self::CachedAudio,
        Self::CacheWriteAudio,
        Self::OutputAudio,
        Self::InputImage,
        Self::CachedImage,
        Self::OutputImage,
        Self::InputVideo,
        Self::OutputVideo,
    ];

    /// What the kind is called in a book and in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CachedInput => "cached_input",
            Self::CachedInputExplicit => "cached_input_explicit",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::CacheWrite12h => "cache_write_12h",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::Citation => "citation",
            Self::InputAudio => "input_audio",
            Self::CachedAudio => "cached_audio",
            Self::CacheWriteAudio => "cache_write_audio",
            Self::OutputAudio => "output_audio",
            Self::InputImage => "input_image",
            Self::CachedImage => "cached_image",
            Self::OutputImage => "output_image",
            Self::InputVideo => "input_video",
            Self::OutputVideo => "output_video",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind at whose price this one is charged where it has none: providers that quote no price
    /// for a part charge it as the whole it is part of. `None`: it has no stand-in.
    pub fn stands_for(self) -> Option<Self> {
        match self {
            Self::Input | Self::Output => None,
            Self::CachedInput
            | Self::CacheWrite
            | Self::InputAudio
            | Self::InputImage
            | Self::InputVideo => Some(Self::Input),
            Self::CachedInputExplicit => Some(Self::CachedInput),
            Self::CacheWrite1h => Some(Self::CacheWrite),
            Self::CacheWrite12h => Some(Self::CacheWrite1h),
            Self::CachedAudio | Self::CacheWriteAudio => Some(Self::InputAudio),
            Self::CachedImage => Some(Self::InputImage),
            Self::Reasoning
            | Self::Citation
            | Self::OutputAudio
            | Self::OutputImage
            | Self::OutputVideo => Some(Self::Output),
        }
    }
}

impl std::fmt::Display for TokenKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Prices by kind of token; kinds without a price are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates(BTreeMap<TokenKind, ListPrice>);

impl Rates {
    /// The price that is listed for a kind.
    pub fn get(&self, kind: TokenKind) -> Option<ListPrice> {
        self.0.get(&kind).copied()
    }

    /// The price that a kind is charged at: its own, or that of the kind it falls back to.
    pub fn charged(&self, kind: TokenKind) -> Option<ListPrice> {
        let mut at = Some(kind);
        while let Some(kind) = at {
            if let Some(price) = self.get(kind) {
                return Some(price);
            }
            at = kind.stands_for();
        }
        None
    }

    /// Lists a price.
    pub fn set(&mut self, kind: TokenKind, price: ListPrice) {
        self.0.insert(kind, price);
    }

    /// Lists a price, if there is one.
    #[must_use]
    pub fn with(mut self, kind: TokenKind, price: Option<ListPrice>) -> Self {
        if let Some(price) = price {
            self.set(kind, price);
        }
        self
    }

    /// These prices, with those of `over` in their place where it lists any.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        let mut both = self.0.clone();
        both.extend(over.0.iter().map(|(kind, price)| (*kind, *price)));
        Self(both)
    }

    /// Whether no price is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The listed prices, in the order of [`TokenKind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (TokenKind, ListPrice)> + '_ {
        self.0.iter().map(|(kind, price)| (*kind, *price))
    }
}

impl FromIterator<(TokenKind, ListPrice)> for Rates {
    fn from_iter<I: IntoIterator<Item = (TokenKind, ListPrice)>>(prices: I) -> Self {
        Self(prices.into_iter().collect())
    }
}

impl Serialize for Rates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(kind, price)| (kind, price.0.to_string())))
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As texts: a float would have been rounded before anybody could look.
        let texts = BTreeMap::<TokenKind, String>::deserialize(deserializer)?;
        let price = |(kind, text): (TokenKind, String)| match Decimal::from_str_exact(&text) {
            Ok(price) => Ok((kind, ListPrice(price))),
            Err(_) => Err(de::Error::custom(format!("`{kind}`: `{text}` is not a decimal number"))),
        };
        texts.into_iter().map(price).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> ListPrice {
        ListPrice(text.parse().unwrap())
    }

    #[test]
    fn a_kind_is_named_once_and_found_by_its_name() {
        for kind in TokenKind::ALL {
            assert_eq!(TokenKind::named(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert_eq!(TokenKind::named("imput"), None);
    }

    #[test]
    fn a_kind_without_a_price_is_charged_as_the_whole_it_is_part_of() {
        let rates = Rates::default()
            .with(TokenKind::Input, Some(price("3")))
            .with(TokenKind::CacheWrite, Some(price("3.75")))
            .with(TokenKind::Output, None);
        assert_eq!(rates.charged(TokenKind::CachedAudio), Some(price("3")));
        assert_eq!(rates.charged(TokenKind::CacheWrite12h), Some(price("3.75")));
        assert_eq!(rates.charged(TokenKind::CachedInputExplicit), Some(price("3")));
        // Missing is not zero, and output is nobody's part.
        assert_eq!(rates.charged(TokenKind::Reasoning), None);
        assert_eq!(rates.get(TokenKind::CachedInput), None);
    }

    #[test]
    fn prices_are_read_and_written_to_the_digit() {
        let text = r#"{"input":"0.15","output":"0.60"}"#;
        let rates: Rates = serde_json::from_str(text).unwrap();
        assert_eq!(rates.get(TokenKind::Input), Some(price("0.15")));
        assert_eq!(serde_json::to_string(&rates).unwrap(), text);
    }

    #[track_caller]
    fn refused(text: &str, want: &str) {
        let error = serde_json::from_str::<Rates>(text).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn what_is_no_exact_price_is_refused() {
        refused(r#"{"input":0.15}"#, "expected a string");
        refused(r#"{"input":"free"}"#, "`input`: `free` is not a decimal number");
        refused(r#"{"input":"NaN"}"#, "is not a decimal number");
        refused(r#"{"input":"0.12345678901234567890123456789012345"}"#, "is not a decimal number");
        refused(r#"{"imput":"1"}"#, "unknown variant `imput`");
    }
}
