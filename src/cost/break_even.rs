//! From which load, and from which volume, own tokens are cheaper than an API's.
//!
//! Invariant: whole machines are paid for all hours, an API for tokens only; so more load is never
//! dearer, and what is cheaper *beyond error* is told from what is a tie. Guarded by hand-worked cases
//! and properties below.
//!
//! With `full` the own price at full load, `api` the API's effective price for the same tokens, `C` what
//! a machine delivers in a month at full load and `M` what it costs in one:
//!
//! ```text
//! load = full / api,    volume = M / api = load × C
//! ```
//!
//! Above 100 % there is no such load. On n machines it takes n times the volume. Just above n C one more
//! machine is paid for, at a load of n / (n + 1): from the least n on for which that is enough, every
//! greater volume is cheaper, too.

use super::Load;
use super::blend::{Blend, KindRates};
use crate::units::{
    Estimate, Quantity, Ratio, Seconds, Tokens, TokensPerSecond, UsdPerHour, UsdPerMtok,
};
use serde::Serialize;

/// Which of two is cheaper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cheaper {
    /// The own machine, all its interval.
    Own,
    /// The API, for all of the own machine's interval.
    Api,
    /// The interval holds the API's price: a tie.
    Tie,
    /// The own machine's error isn't known; its value is the lower.
    OwnByValue,
    /// The own machine's error isn't known; its value is not the lower.
    ApiByValue,
}

impl Cheaper {
    /// Of a ratio of the own price to the other's.
    fn of(own_over_api: Estimate<Ratio>) -> Self {
        let one = Ratio::ONE;
        match own_over_api.interval {
            Some((_, high)) if high < one => Self::Own,
            Some((low, _)) if low > one => Self::Api,
            Some(_) => Self::Tie,
            None if own_over_api.value < one => Self::OwnByValue,
            None => Self::ApiByValue,
        }
    }
}

/// Where an own machine and an API cost the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BreakEven {
    /// Own tokens at full load.
    pub full: Estimate<UsdPerMtok>,
    /// The API's for the same work.
    pub api: UsdPerMtok,
    /// The load from which own tokens are cheaper; above 100 %: never at this operating point.
    pub load: Estimate<Ratio>,
    /// What it comes to at full load.
    pub at_full_load: Cheaper,
    /// Tokens a month from which one machine is cheaper; `None`: it can't deliver as many.
    pub volume: Option<Tokens>,
    /// Tokens a month from which every greater volume is cheaper too, on as many whole machines as it
    /// takes; `None`: there is none.
    pub always_from: Option<Tokens>,
    /// What one machine delivers in a month at full load.
    pub capacity: Tokens,
}

impl BreakEven {
    /// Of a machine with a rate at its operating point (all tokens that the API would bill) and an API's
    /// effective price for the same mix. `None` where either costs nothing or the rate is none.
    pub fn of(
        machine: UsdPerHour,
        rate: Estimate<TokensPerSecond>,
        api: UsdPerMtok,
    ) -> Option<Self> {
        let positive = |number: f64| number > 0.0 && number.is_finite();
        if !(positive(machine.0) && positive(rate.value.get()) && positive(api.0)) {
            return None;
        }
        let full = super::cost(machine, rate);
        let load = full.map(|full| full / api);
        let month = |tokens: f64| Tokens(1).scaled(tokens);
        let capacity = rate.value.get() * Seconds::MONTH.get();
        let share = load.value.get();
        let reached = share <= 1.0;
        // The least n with n / (n + 1) >= share; what a division adds must not cost a machine.
        let machines = (share / (1.0 - share) * (1.0 - 1e-9)).ceil().max(1.0);
        Some(Self {
            full,
            api,
            load,
            at_full_load: Cheaper::of(load),
            volume: reached.then(|| month(capacity * share)),
            always_from: (share < 1.0).then(|| month(capacity * machines * share)),
            capacity: month(capacity),
        })
    }
}

/// One point of the surface over load, cache hits and mix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SurfacePoint {
    /// Share of the operating point's rate.
    pub load: Load,
    /// The mix.
    #[serde(flatten)]
    pub blend: Blend,
    /// Own tokens; `None`: cached input has no price of its own, and there is some.
    pub own: Option<Estimate<UsdPerMtok>>,
    /// The API's.
    pub api: UsdPerMtok,
    /// The one over the other; `None` where a price is missing or nothing.
    pub own_over_api: Option<Estimate<Ratio>>,
    /// Which is cheaper.
    pub cheaper: Option<Cheaper>,
}

/// The surface: a row for each load and blend, in the order given. `own` is what a mix costs on the own
/// machine at full load, as [`OwnRates::blended`](super::OwnRates::blended) tells it.
///
/// That a token of each kind takes the same time at every mix is the attribution's own assumption; far
/// from the mix that was measured it is only that.
pub fn surface(
    own: impl Fn(Blend) -> Option<Estimate<UsdPerMtok>>,
    api: &KindRates,
    loads: &[Load],
    blends: &[Blend],
) -> Vec<SurfacePoint> {
    let point = |load: Load, blend: Blend| {
        let full = own(blend);
        let at_load = full.map(|full| full.map(|price| price / load.share()));
        let api = api.blended(blend);
        let own_over_api =
            at_load.filter(|_| api > UsdPerMtok(0.0)).map(|own| own.map(|price| price / api));
        let cheaper = own_over_api.map(Cheaper::of);
        SurfacePoint { load, blend, own: at_load, api, own_over_api, cheaper }
    };
    loads.iter().flat_map(|load| blends.iter().map(move |blend| point(*load, *blend))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::OwnRates;
    use proptest::prelude::*;

    /// 3.60 USD/h and 1,000 tok/s are 1 USD/Mtok; a month is 2,628 Mtok and 2,628 USD.
    #[track_caller]
    fn check(api: f64, load: f64, volume: Option<u64>, always: Option<u64>, cheaper: Cheaper) {
        let rate = Estimate::within(TokensPerSecond(1_000.0), TokensPerSecond(100.0));
        let found = BreakEven::of(UsdPerHour(3.6), rate, UsdPerMtok(api)).unwrap();
        assert!((found.load.value.get() - load).abs() < 1e-9, "{found:?}");
        let tokens = |mtok: Option<u64>| mtok.map(|mtok| Tokens(mtok * 1_000_000));
        assert_eq!((found.volume, found.always_from), (tokens(volume), tokens(always)), "{api}");
        assert_eq!((found.capacity, found.at_full_load), (Tokens(2_628_000_000), cheaper));
    }

    #[test]
    fn from_a_load_and_a_volume_on() {
        check(4.0, 0.25, Some(657), Some(657), Cheaper::Own);
        check(2.0, 0.5, Some(1_314), Some(1_314), Cheaper::Own);
        // 80 %: one machine from 2,102.4 M on; just above its capacity two at 50 % are dearer. Four are
        // cheaper from 4 × 2,102.4 M on, and just above theirs five are at 80 %.
        let rate = Estimate::bare(TokensPerSecond(1_000.0));
        let found = BreakEven::of(UsdPerHour(3.6), rate, UsdPerMtok(1.25)).unwrap();
        assert_eq!(found.volume, Some(Tokens(2_102_400_000)));
        assert_eq!(found.always_from, Some(Tokens(4 * 2_102_400_000)));
        assert_eq!(found.at_full_load, Cheaper::OwnByValue);
        // 1/1.1 = 0.909 to 1/0.9 = 1.111 USD/Mtok.
        check(0.8, 1.25, None, None, Cheaper::Api);
        check(1.0, 1.0, Some(2_628), None, Cheaper::Tie);
    }

    #[test]
    fn nothing_is_no_break_even() {
        let rate = Estimate::bare(TokensPerSecond(1.0));
        assert_eq!(BreakEven::of(UsdPerHour(0.0), rate, UsdPerMtok(1.0)), None);
        assert_eq!(BreakEven::of(UsdPerHour(1.0), rate, UsdPerMtok(0.0)), None);
        let none = Estimate::bare(TokensPerSecond(0.0));
        assert_eq!(BreakEven::of(UsdPerHour(1.0), none, UsdPerMtok(1.0)), None);
    }

    /// Own 1, 0.2 and 4 USD/Mtok, ± 10 %; the API 2, 0.5 and 8. Three of input to one of output, half
    /// of the input cached: own (1.5 + 0.3 + 4) / 4 = 1.45, the API's (3 + 0.75 + 8) / 4 = 2.9375.
    #[test]
    fn a_surface_by_hand() {
        let own = |price: f64| Estimate::within(UsdPerMtok(price), UsdPerMtok(price / 10.0));
        let rates = OwnRates { uncached: own(1.0), cached: Some(own(0.2)), output: own(4.0) };
        let price = |text: &str| text.parse().unwrap();
        let api = KindRates::of_list(price("2/Mtok"), Some(price("0.5/Mtok")), price("8/Mtok"));
        let share = |percent| Load::new(Ratio::percent(percent)).unwrap();
        let half = Blend::new(Ratio::of(3.0), Ratio::percent(50.0)).unwrap();
        let none = Blend::new(Ratio::of(3.0), Ratio::of(0.0)).unwrap();
        let loads = [share(100.0), share(50.0), share(25.0)];
        let rows = surface(|blend| rates.blended(blend), &api, &loads, &[half, none]);
        assert_eq!(rows.len(), 6);
        let prices: Vec<_> = rows.iter().map(|row| (row.own.unwrap().value.0, row.api.0)).collect();
        for (got, want) in prices.iter().zip([1.45, 1.75, 2.9, 3.5, 5.8, 7.0]) {
            assert!((got.0 - want).abs() < 1e-9, "{prices:?}");
        }
        assert!((prices[0].1 - 2.9375).abs() < 1e-9 && (prices[1].1 - 3.5).abs() < 1e-9);
        let cheaper: Vec<_> = rows.iter().map(|row| row.cheaper.unwrap()).collect();
        let (own, tie, api_is) = (Cheaper::Own, Cheaper::Tie, Cheaper::Api);
        assert_eq!(cheaper, [own, own, tie, tie, api_is, api_is]);
        // Without a price for cached input there is none for a mix that has some.
        let untold = OwnRates { cached: None, ..rates };
        let rows = surface(|blend| untold.blended(blend), &api, &loads[..1], &[half, none]);
        assert_eq!((rows[0].own, rows[0].cheaper), (None, None));
        assert!(rows[1].own.is_some());
    }

    proptest! {
        /// At every volume from which it is said to be always cheaper, whole machines are.
        #[test]
        fn always_is_always(rate in 1.0..1e4f64, hour in 0.1..50.0f64, api in 0.01..50.0f64, more in 1.0..9.0f64) {
            let rate = Estimate::bare(TokensPerSecond(rate));
            let found = BreakEven::of(UsdPerHour(hour), rate, UsdPerMtok(api)).unwrap();
            if let Some(from) = found.always_from.filter(|from| from.0 > 1_000) {
                let volume = from.get() * more;
                let machines = (volume / found.capacity.get() - 1e-6).ceil();
                let own = machines * (UsdPerHour(hour) * Seconds::MONTH).0;
                prop_assert!(own <= volume / 1e6 * api * (1.0 + 1e-3), "{:?} {}", found, volume);
            }
        }

        #[test]
        fn more_load_is_never_dearer_and_the_ratio_says_who_is(
            prices in prop::array::uniform6(0.01..50.0f64), low in 0.01..0.99f64,
            mix in 0.0..100.0f64, hit in 0.0..1.0f64,
        ) {
            let [a, b, c, d, e, f] = prices;
            let own = |price| Estimate::bare(UsdPerMtok(price));
            let rates = OwnRates { uncached: own(a), cached: Some(own(b)), output: own(c) };
            let api = KindRates {
                uncached: UsdPerMtok(d), cached: UsdPerMtok(e), output: UsdPerMtok(f),
            };
            let loads = [Load::new(Ratio::of(low)).unwrap(), Load::FULL];
            let blend = Blend::new(Ratio::of(mix), Ratio::of(hit)).unwrap();
            let rows = surface(|blend| rates.blended(blend), &api, &loads, &[blend]);
            let price = |row: &SurfacePoint| row.own.unwrap().value;
            prop_assert!(price(&rows[1]) <= price(&rows[0]));
            for row in &rows {
                let own = price(row) < row.api;
                prop_assert_eq!(row.cheaper == Some(Cheaper::OwnByValue), own);
            }
            // A blend lies between its prices.
            let all = [d, e, f];
            let (least, most) = (all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(0.0, f64::max));
            prop_assert!(least * (1.0 - 1e-12) <= rows[0].api.0 && rows[0].api.0 <= most * (1.0 + 1e-12));
        }
    }
}
