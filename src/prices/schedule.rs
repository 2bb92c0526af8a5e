//! Prices by the length of the prompt: a base and the tiers above it.
//!
//! Invariant: tiers ascend, and a tier lists only what changes: what it doesn't list is charged as
//! in the tier below. A tier begins *above* its length: a prompt of exactly that many tokens is
//! still below. Guarded by the tests here; that tiers ascend, by `book`.

use super::rates::Rates;
use crate::units::{ListUsd, Tokens};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What of a request is charged at a tier's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tiering {
    /// The whole request, every kind of token of it: what nearly all providers do.
    #[default]
    Cliff,
    /// Only the tokens beyond the tier's length.
    Marginal,
}

impl Tiering {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_cliff(&self) -> bool {
        *self == Self::Cliff
    }
}

/// What changes for prompts longer than this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Prompt tokens (cached ones included) from which on the tier holds, itself excluded.
    pub above: Tokens,
    /// What changes.
    pub rates: Rates,
}

/// A base and its tiers; what is charged once the day, the hour and the service are settled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Prices per million tokens.
    #[serde(default, skip_serializing_if = "Rates::is_empty")]
    pub rates: Rates,
    /// What changes with the prompt's length, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// What of a request a tier's prices hold for.
    #[serde(default, skip_serializing_if = "Tiering::is_cliff")]
    pub tiering: Tiering,
    /// A fee for each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_request: Option<ListUsd>,
    /// What isn't priced per token, in USD by unit (`image`, `second of audio`, `web search`):
    /// kept, and never turned into a price per token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub per_unit: BTreeMap<String, ListUsd>,
}

/// All prices of one stretch of prompt lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// The stretch begins above this many prompt tokens; `None`: at the first.
    pub above: Option<Tokens>,
    /// The prices, those inherited from below included.
    pub rates: Rates,
}

impl Band {
    /// Whether a prompt of this length reaches into it.
    pub(super) fn reached(&self, prompt: Tokens) -> bool {
        self.above.is_none_or(|above| prompt > above)
    }
}

impl Schedule {
    /// Every stretch of prompt lengths with its prices in full, ascending; the base first.
    pub fn bands(&self) -> Vec<Band> {
        let mut bands = vec![Band { above: None, rates: self.rates.clone() }];
        let mut rates = self.rates.clone();
        for tier in &self.tiers {
            rates = rates.overlaid(&tier.rates);
            bands.push(Band { above: Some(tier.above), rates: rates.clone() });
        }
        bands
    }

    /// Whether it charges for nothing at all.
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty()
            && self.tiers.is_empty()
            && self.per_request.is_none()
            && self.per_unit.is_empty()
    }

    /// This schedule with another's prices in their place, kind by kind: a kind that `over` lists,
    /// in its base or in a tier, is charged as `over` says at every length; the others as before.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        let lists = |kind| {
            over.rates.get(kind).is_some() || over.tiers.iter().any(|t| t.rates.get(kind).is_some())
        };
        let own = |rates: &Rates| -> Rates { rates.iter().filter(|(k, _)| !lists(*k)).collect() };
        let mut tiers: BTreeMap<Tokens, Rates> =
            self.tiers.iter().map(|tier| (tier.above, own(&tier.rates))).collect();
        for tier in &over.tiers {
            let both = tiers.get(&tier.above).cloned().unwrap_or_default().overlaid(&tier.rates);
            tiers.insert(tier.above, both);
        }
        let mut per_unit = self.per_unit.clone();
        per_unit.extend(over.per_unit.clone());
        Self {
            // A kind that `over` lists in tiers alone keeps its own base below them.
            rates: self.rates.overlaid(&over.rates),
            tiers: tiers
                .into_iter()
                .filter(|(_, rates)| !rates.is_empty())
                .map(|(above, rates)| Tier { above, rates })
                .collect(),
            tiering: if over.tiers.is_empty() { self.tiering } else { over.tiering },
            per_request: over.per_request.or(self.per_request),
            per_unit,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::rates::TokenKind;
    use super::*;
    use crate::units::ListPrice;

    /// The stretch that a prompt of this length ends in.
    pub(in crate::prices) fn band(schedule: &Schedule, prompt: u64) -> Band {
        let mut bands = schedule.bands();
        bands.retain(|band| band.reached(Tokens(prompt)));
        bands.pop().unwrap()
    }

    fn rates(list: &[(TokenKind, &str)]) -> Rates {
        list.iter().map(|(kind, text)| (*kind, ListPrice(text.parse().unwrap()))).collect()
    }

    /// Claude Sonnet 4's: dearer above 200,000; the price of writing for an hour has no tier.
    fn sonnet() -> Schedule {
        use TokenKind::{CacheWrite1h, Input, Output};
        Schedule {
            rates: rates(&[(Input, "3"), (Output, "15"), (CacheWrite1h, "6")]),
            tiers: vec![
                Tier { above: Tokens(200_000), rates: rates(&[(Input, "6"), (Output, "22.5")]) },
                Tier { above: Tokens(500_000), rates: rates(&[(Input, "9")]) },
            ],
            ..Schedule::default()
        }
    }

    #[track_caller]
    fn check(schedule: &Schedule, prompt: u64, kind: TokenKind, want: &str) {
        let got = band(schedule, prompt).rates.get(kind);
        assert_eq!(got, Some(ListPrice(want.parse().unwrap())), "{kind} at {prompt}");
    }

    #[test]
    fn a_tier_begins_above_its_length_and_inherits_what_it_does_not_list() {
        let schedule = sonnet();
        check(&schedule, 0, TokenKind::Input, "3");
        check(&schedule, 200_000, TokenKind::Input, "3");
        check(&schedule, 200_001, TokenKind::Input, "6");
        check(&schedule, 200_001, TokenKind::CacheWrite1h, "6");
        check(&schedule, u64::MAX, TokenKind::Input, "9");
        check(&schedule, u64::MAX, TokenKind::Output, "22.5");
        let bands = schedule.bands();
        assert_eq!(bands.len(), 3);
        for (length, want) in [200_000, 500_000, u64::MAX].into_iter().zip(bands) {
            assert_eq!(band(&schedule, length), want);
        }
    }

    #[test]
    fn what_is_laid_over_decides_the_kinds_that_it_lists() {
        use TokenKind::{Input, Output};
        let batch = Schedule { rates: rates(&[(Input, "1.5")]), ..Schedule::default() };
        let both = sonnet().overlaid(&batch);
        // Input at the batch price at every length: it lists no tier. Output as ever.
        check(&both, 1, Input, "1.5");
        check(&both, 300_000, Input, "1.5");
        check(&both, 300_000, Output, "22.5");
        check(&both, 1, Output, "15");
        let tiered = Schedule {
            tiers: vec![Tier { above: Tokens(200_000), rates: rates(&[(Output, "11.25")]) }],
            ..batch
        };
        let both = sonnet().overlaid(&tiered);
        check(&both, 1, Output, "15");
        check(&both, 300_000, Output, "11.25");
        assert_eq!(sonnet().overlaid(&Schedule::default()), sonnet());
    }
}
