//! Three prices weighed by a mix: input, cached input, output.
//!
//! Invariant: a blend lies between its prices, and a mix that has cached input has no price where
//! cached input has none. Guarded by `break_even`'s tests.

use super::{Attribution, Load};
use crate::units::{Estimate, ListPrice, Ratio, UsdPerHour, UsdPerMtok};
use serde::Serialize;

/// A mix of kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Blend {
    /// Input tokens, cached or not, for each output token.
    input_per_output: Ratio,
    /// The share of input that is cached.
    hit_rate: Ratio,
}

impl Blend {
    /// A mix; `None` where the first is below zero or endless, or the second no share.
    pub fn new(input_per_output: Ratio, hit_rate: Ratio) -> Option<Self> {
        let (input, hit) = (input_per_output.get(), hit_rate.get());
        let possible = input.is_finite() && input >= 0.0 && (0.0..=1.0).contains(&hit);
        possible.then_some(Self { input_per_output, hit_rate })
    }

    /// Input tokens for each output token.
    pub fn input_per_output(self) -> Ratio {
        self.input_per_output
    }

    /// The share of input that is cached.
    pub fn hit_rate(self) -> Ratio {
        self.hit_rate
    }

    /// The shares of all tokens: uncached, cached, output.
    pub(super) fn shares(self) -> [f64; 3] {
        let (input, hit) = (self.input_per_output.get(), self.hit_rate.get());
        let all = input + 1.0;
        [input * (1.0 - hit) / all, input * hit / all, 1.0 / all]
    }
}

/// Prices of the three kinds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KindRates {
    /// Uncached input.
    pub uncached: UsdPerMtok,
    /// Cached input.
    pub cached: UsdPerMtok,
    /// Output.
    pub output: UsdPerMtok,
}

impl KindRates {
    /// An API's list prices. Without one for cached input, that costs the input price. What writing
    /// into a cache costs is not in it: that is the bill's, request by request.
    pub fn of_list(input: ListPrice, cached: Option<ListPrice>, output: ListPrice) -> Self {
        let (input, output) = (input.estimate(), output.estimate());
        Self { uncached: input, cached: cached.map_or(input, ListPrice::estimate), output }
    }

    /// A million tokens of a mix.
    pub fn blended(&self, blend: Blend) -> UsdPerMtok {
        let [uncached, cached, output] = blend.shares().map(Ratio::of);
        self.uncached * uncached + self.cached * cached + self.output * output
    }
}

/// Prices of the three kinds on an own machine at full load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OwnRates {
    /// Uncached input.
    pub uncached: Estimate<UsdPerMtok>,
    /// Cached input; `None`: nothing told it apart.
    pub cached: Option<Estimate<UsdPerMtok>>,
    /// Output.
    pub output: Estimate<UsdPerMtok>,
}

impl OwnRates {
    /// Of a run's window; `None` where it lacks a price of uncached input or of output.
    pub fn of(attribution: &Attribution, hour: UsdPerHour) -> Option<Self> {
        let prices = attribution.prices(hour, Load::FULL);
        let (uncached, output) = (prices.uncached.at_load?, prices.output.at_load?);
        Some(Self { uncached, cached: prices.cached.at_load, output })
    }

    /// A million tokens of a mix. The ends of its interval are those of the three together, at their
    /// worst at once: rather too wide, since what is charged to one kind is not charged to another.
    /// `None` where the mix has cached input and there is no price for it.
    pub fn blended(&self, blend: Blend) -> Option<Estimate<UsdPerMtok>> {
        let none = Estimate::within(UsdPerMtok(0.0), UsdPerMtok(0.0));
        let cached = match self.cached {
            Some(cached) => cached,
            None if blend.shares()[1] > 0.0 => return None,
            None => none,
        };
        let at = |of: fn(Estimate<UsdPerMtok>) -> Option<UsdPerMtok>| {
            let rates = KindRates {
                uncached: of(self.uncached)?,
                cached: of(cached)?,
                output: of(self.output)?,
            };
            Some(rates.blended(blend))
        };
        let low = at(|price| price.interval.map(|(low, _)| low));
        let high = at(|price| price.interval.map(|(_, high)| high));
        Some(Estimate { value: at(|price| Some(price.value))?, interval: low.zip(high) })
    }
}
