//! Which input moves the answer most: one at a time, from the low to the high end of what is stated.
//!
//! Invariant: a bar's ends are the whole model worked out again with that one input replaced, no slope
//! and no shortcut; an input that the scenario hasn't got is refused, not ignored. Guarded by a scenario
//! worked by hand and by a property.

use super::{Blend, Load, OwnRates};
use crate::hardware::{Owned, OwnedError};
use crate::hint::{Fault, Hint};
use crate::units::{Estimate, Ratio, Seconds, Usd, UsdPerHour, UsdPerKwh, UsdPerMtok};
use serde::Serialize;

/// What the machine's hour costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HourPrice {
    /// It is rented.
    Rented(UsdPerHour),
    /// It is owned.
    Owned(Owned),
}

impl HourPrice {
    /// By the hour.
    ///
    /// # Errors
    /// Where an owned machine's figures can't be.
    pub fn usd_per_hour(&self) -> Result<UsdPerHour, OwnedError> {
        match self {
            Self::Rented(price) => Ok(*price),
            Self::Owned(owned) => Ok(owned.price()?.total),
        }
    }
}

/// What a million tokens' cost follows from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scenario {
    /// The machine's hour.
    pub hour: HourPrice,
    /// What tokens of each kind cost at full load on a machine of 1 USD/h.
    pub at_one_dollar: OwnRates,
    /// Speed over that which was measured.
    pub speed: Ratio,
    /// The load.
    pub load: Load,
    /// The mix.
    pub blend: Blend,
}

/// One input at a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "input", content = "value", rename_all = "snake_case")]
pub enum Input {
    /// A rented machine's price.
    Price(UsdPerHour),
    /// Speed over that which was measured.
    Speed(Ratio),
    /// The load.
    Load(Load),
    /// Input tokens for each output token.
    Mix(Ratio),
    /// The share of input that is cached.
    HitRate(Ratio),
    /// An owned machine's electricity.
    Electricity(UsdPerKwh),
    /// An owned machine's purchase.
    Purchase(Usd),
    /// An owned machine's life.
    Life(Seconds),
    /// The building's energy over the machine's.
    Pue(Ratio),
    /// What capital costs a year.
    CostOfCapital(Ratio),
}

impl Input {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Price(_) => "price",
            Self::Speed(_) => "speed",
            Self::Load(_) => "load",
            Self::Mix(_) => "input per output",
            Self::HitRate(_) => "hit rate",
            Self::Electricity(_) => "electricity",
            Self::Purchase(_) => "purchase",
            Self::Life(_) => "life",
            Self::Pue(_) => "pue",
            Self::CostOfCapital(_) => "cost of capital",
        }
    }
}

/// One input's effect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bar {
    /// The input's low end.
    pub low: Input,
    /// Its high end.
    pub high: Input,
    /// The cost at the low end.
    pub at_low: UsdPerMtok,
    /// The cost at the high end.
    pub at_high: UsdPerMtok,
    /// How far the two are apart, never below zero.
    pub swing: UsdPerMtok,
}

/// Why an input can't be varied.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SensitivityError {
    /// A rented machine has no electricity, an owned one no rent.
    #[error("`{input}` is no input of this scenario")]
    NoInput {
        /// Which.
        input: &'static str,
    },
    /// A value that can't be.
    #[error("`{input}` can't be `{value}`")]
    Impossible {
        /// Which.
        input: &'static str,
        /// What was given.
        value: String,
    },
    /// The two ends are of different inputs.
    #[error("`{low}` and `{high}` are not the two ends of one range")]
    TwoInputs {
        /// The low end's.
        low: &'static str,
        /// The high end's.
        high: &'static str,
    },
    /// Cached input has no price of its own, and the mix has some.
    #[error("the mix has cached input, which this run gives no price of its own")]
    CachedUntold,
    /// An owned machine's figures.
    #[error(transparent)]
    Owned(#[from] OwnedError),
}

impl Hint for SensitivityError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoInput { .. } => Some(
                "a rented machine varies in price, an owned one in purchase, life, electricity, pue \
                 and cost of capital; both in speed, load, mix and hit rate"
                    .to_owned(),
            ),
            Self::CachedUntold => Some("measure with prompts that share prefixes".to_owned()),
            Self::Owned(error) => error.hint(),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

impl Scenario {
    /// What a million tokens of the mix cost.
    ///
    /// # Errors
    /// Where an owned machine's figures can't be, or the mix has cached input without a price.
    pub fn cost(&self) -> Result<Estimate<UsdPerMtok>, SensitivityError> {
        let dollars = self.hour.usd_per_hour()? / UsdPerHour(1.0);
        let full = self.at_one_dollar.blended(self.blend).ok_or(SensitivityError::CachedUntold)?;
        Ok(full.map(|price| price * dollars / self.speed / self.load.share()))
    }

    /// The same with one input replaced.
    ///
    /// # Errors
    /// Where the scenario hasn't got this input, or it can't have this value.
    pub fn with(mut self, input: Input) -> Result<Self, SensitivityError> {
        let name = input.word();
        let impossible = |value: String| SensitivityError::Impossible { input: name, value };
        match input {
            Input::Speed(speed) if speed.get() > 0.0 && speed.get().is_finite() => {
                self.speed = speed;
            }
            Input::Speed(speed) => return Err(impossible(speed.to_string())),
            Input::Load(load) => self.load = load,
            Input::Mix(mix) => {
                let blend = Blend::new(mix, self.blend.hit_rate());
                self.blend = blend.ok_or_else(|| impossible(mix.get().to_string()))?;
            }
            Input::HitRate(hit) => {
                let blend = Blend::new(self.blend.input_per_output(), hit);
                self.blend = blend.ok_or_else(|| impossible(hit.to_string()))?;
            }
            Input::Price(price) => match &mut self.hour {
                HourPrice::Rented(of) if price.0 > 0.0 && price.0.is_finite() => *of = price,
                HourPrice::Rented(_) => return Err(impossible(price.to_string())),
                HourPrice::Owned(_) => return Err(SensitivityError::NoInput { input: name }),
            },
            Input::Electricity(_)
            | Input::Purchase(_)
            | Input::Life(_)
            | Input::Pue(_)
            | Input::CostOfCapital(_) => match &mut self.hour {
                HourPrice::Owned(owned) => set(owned, input),
                HourPrice::Rented(_) => return Err(SensitivityError::NoInput { input: name }),
            },
        }
        Ok(self)
    }
}

/// Sets an owned machine's own inputs; whether they can be is seen when its price is worked out.
fn set(owned: &mut Owned, input: Input) {
    match input {
        Input::Electricity(price) => owned.electricity = price,
        Input::Purchase(price) => owned.purchase = price,
        Input::Life(life) => owned.life = life,
        Input::Pue(pue) => owned.pue = pue,
        Input::CostOfCapital(rate) => owned.cost_of_capital = rate,
        Input::Price(_) | Input::Speed(_) | Input::Load(_) | Input::Mix(_) | Input::HitRate(_) => {}
    }
}

/// A bar for each range, the widest first.
///
/// # Errors
/// Where a range isn't one, or has an end that the scenario can't have.
pub fn tornado(
    scenario: &Scenario,
    ranges: &[(Input, Input)],
) -> Result<Vec<Bar>, SensitivityError> {
    let mut bars = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        if low.word() != high.word() {
            let (low, high) = (low.word(), high.word());
            return Err(SensitivityError::TwoInputs { low, high });
        }
        let at = |input| scenario.with(input)?.cost().map(|cost| cost.value);
        let (at_low, at_high) = (at(*low)?, at(*high)?);
        let swing = UsdPerMtok((at_high - at_low).0.abs());
        bars.push(Bar { low: *low, high: *high, at_low, at_high, swing });
    }
    bars.sort_by(|a, b| b.swing.0.total_cmp(&a.swing.0));
    Ok(bars)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Watts;
    use proptest::prelude::*;

    /// On 1 USD/h 0.5, 0.1 and 2 USD/Mtok. At 2 USD/h, half load, three of input to one of output and
    /// nothing cached: (1.5 + 2) / 4 × 2 / 0.5 = 3.5.
    fn rented() -> Scenario {
        let price = |price| Estimate::bare(UsdPerMtok(price));
        Scenario {
            hour: HourPrice::Rented(UsdPerHour(2.0)),
            at_one_dollar: OwnRates {
                uncached: price(0.5),
                cached: Some(price(0.1)),
                output: price(2.0),
            },
            speed: Ratio::ONE,
            load: load(50.0),
            blend: Blend::new(Ratio::of(3.0), Ratio::of(0.0)).unwrap(),
        }
    }

    /// 17,520 USD over two years are 1 USD/h; 5 kW at 0.10 USD/kWh and a PUE of 1.2 are 0.60, and 0.40
    /// of hosting make 2 USD/h.
    fn owned() -> Owned {
        Owned {
            purchase: Usd(17_520.0),
            resale: Usd(0.0),
            life: "2y".parse().unwrap(),
            power: Watts(5_000.0),
            pue: Ratio::of(1.2),
            electricity: UsdPerKwh(0.1),
            hosting: UsdPerHour(0.4),
            cost_of_capital: Ratio::of(0.0),
        }
    }

    fn load(percent: f64) -> Load {
        Load::new(Ratio::percent(percent)).unwrap()
    }

    #[track_caller]
    fn check(scenario: &Scenario, ranges: &[(Input, Input)], want: &[(&str, f64, f64)]) {
        let cost = scenario.cost().unwrap().value;
        assert!((cost.0 - 3.5).abs() < 1e-9, "{cost}");
        let bars = tornado(scenario, ranges).unwrap();
        let words: Vec<_> = bars.iter().map(|bar| bar.low.word()).collect();
        assert_eq!(words, want.iter().map(|(word, ..)| *word).collect::<Vec<_>>(), "{bars:?}");
        for (bar, (_, low, high)) in bars.iter().zip(want) {
            assert!((bar.at_low.0 - low).abs() < 1e-9 && (bar.at_high.0 - high).abs() < 1e-9);
            assert!((bar.swing.0 - (high - low).abs()).abs() < 1e-9, "{bar:?}");
        }
    }

    /// Load 20 to 100 %: 8.75 to 1.75. Price 1.5 to 3: 2.625 to 5.25. Mix 0 to 9: all output 8, or 6.5
    /// / 10 × 4 = 2.6. Hits 0 to 50 %: 3.5, or (0.75 + 0.15 + 2) / 4 × 4 = 2.9. Speed 80 to 125 %:
    /// 4.375 to 2.8.
    #[test]
    fn the_widest_comes_first() {
        let ranges = [
            (Input::Price(UsdPerHour(1.5)), Input::Price(UsdPerHour(3.0))),
            (Input::HitRate(Ratio::of(0.0)), Input::HitRate(Ratio::percent(50.0))),
            (Input::Speed(Ratio::percent(80.0)), Input::Speed(Ratio::percent(125.0))),
            (Input::Load(load(20.0)), Input::Load(load(100.0))),
            (Input::Mix(Ratio::of(0.0)), Input::Mix(Ratio::of(9.0))),
        ];
        let want = [
            ("load", 8.75, 1.75),
            ("input per output", 8.0, 2.6),
            ("price", 2.625, 5.25),
            ("speed", 4.375, 2.8),
            ("hit rate", 3.5, 2.9),
        ];
        check(&rented(), &ranges, &want);
    }

    /// Of 2 USD/h: electricity at 0.05 and 0.30 leaves 1.7 and makes 3.2; a life of four years leaves
    /// 1.5.
    #[test]
    fn an_owned_machine_has_its_own_inputs() {
        let scenario = Scenario { hour: HourPrice::Owned(owned()), ..rented() };
        let years = |text: &str| Input::Life(text.parse().unwrap());
        let ranges = [
            (years("2y"), years("4y")),
            (Input::Electricity(UsdPerKwh(0.05)), Input::Electricity(UsdPerKwh(0.3))),
        ];
        let want = [("electricity", 2.975, 5.6), ("life", 3.5, 2.625)];
        check(&scenario, &ranges, &want);
    }

    #[track_caller]
    fn refused(scenario: &Scenario, low: Input, high: Input, want: &str) {
        let error = tornado(scenario, &[(low, high)]).unwrap_err();
        assert!(error.to_string().starts_with(want), "{error}");
    }

    #[test]
    fn what_is_no_input_is_refused() {
        let electricity = Input::Electricity(UsdPerKwh(0.1));
        refused(&rented(), electricity, electricity, "`electricity` is no input");
        let scenario = Scenario { hour: HourPrice::Owned(owned()), ..rented() };
        let price = Input::Price(UsdPerHour(1.0));
        refused(&scenario, price, price, "`price` is no input");
        refused(&scenario, Input::Pue(Ratio::of(0.5)), Input::Pue(Ratio::ONE), "`pue`: `0.5`");
        let hits = Input::HitRate(Ratio::percent(120.0));
        refused(&rented(), hits, hits, "`hit rate` can't be `120%`");
        refused(&rented(), price, hits, "`price` and `hit rate` are not the two ends");
        let speed = Input::Speed(Ratio::of(0.0));
        refused(&rented(), speed, speed, "`speed` can't be `0%`");
        let untold = OwnRates { cached: None, ..rented().at_one_dollar };
        let untold = Scenario { at_one_dollar: untold, ..rented() };
        let some = Input::HitRate(Ratio::percent(20.0));
        refused(&untold, some, some, "the mix has cached input");
    }

    proptest! {
        #[test]
        fn a_cheaper_hour_is_never_a_dearer_token_and_more_load_never_dearer(
            price in 0.01..100.0f64, more in 0.0..100.0f64, low in 0.01..0.99f64,
            mix in 0.0..100.0f64, hit in 0.0..1.0f64,
        ) {
            let blend = Blend::new(Ratio::of(mix), Ratio::of(hit)).unwrap();
            let scenario = Scenario { blend, ..rented() };
            let at = |input| scenario.with(input).unwrap().cost().unwrap().value;
            let hour = |price| Input::Price(UsdPerHour(price));
            prop_assert!(at(hour(price)) <= at(hour(price + more)));
            let share = |share| Input::Load(Load::new(Ratio::of(share)).unwrap());
            prop_assert!(at(share(1.0)) <= at(share(low)));
        }
    }
}
