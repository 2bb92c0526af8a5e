//! What moves the own price most: one input at a time, over ranges that are stated.
//!
//! Invariant: a range says where it is from; an input without a range that somebody could state is left
//! out. Each end is the whole price worked out again (`cost::tornado`). Guarded by `tests::swings`.

use super::CompareError;
use super::own::{DOLLAR, Own, Told};
use crate::cost::{Bar, Blend, HourPrice, Input, Load, OwnRates, Scenario, tornado};
use crate::units::{Estimate, Ratio, UsdPerHour, UsdPerMtok};
use serde::Serialize;

/// By how much an hour's price is varied where no book has offers.
const HALF: f64 = 0.5;
/// How many times as much input for each output token, and how many times less.
const MIX: f64 = 3.0;
/// The loads that are tried, in percent.
const LOADS: (f64, f64) = (10.0, 100.0);
/// The shares of cached input that are tried, in percent.
const HITS: (f64, f64) = (0.0, 90.0);

/// An input and what its range does to the price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Swing {
    /// The effect.
    #[serde(flatten)]
    pub bar: Bar,
    /// Where the range is from.
    pub range: String,
}

/// The mixes that are tried; `None`: the work has no input, of which nothing is any number of times.
pub(super) fn mixes(work: Blend) -> Option<(Ratio, Ratio)> {
    let mix = work.input_per_output().get();
    (mix > 0.0).then(|| (Ratio::of(mix / MIX), Ratio::of(mix * MIX)))
}

/// Every input that has a range, the widest effect first.
pub(super) fn swings(own: &Own, work: Blend, load: Load) -> Result<Vec<Swing>, CompareError> {
    let blend = own.blend(work);
    let Some(price) = own.told.at_one_dollar(blend) else { return Ok(Vec::new()) };
    let alike = OwnRates { uncached: price, cached: Some(price), output: price };
    let at_one_dollar = match &own.told {
        Told::Kinds(rates) => *rates,
        Told::Bounds { .. } | Told::Mixes(_) | Told::Flat(_) => alike,
    };
    let hour = HourPrice::Rented(own.hour.usd_per_hour);
    let scenario = Scenario { hour, at_one_dollar, speed: Ratio::ONE, load, blend };
    let mut swings = Vec::new();
    let ranges = [price_range(own), load_range(load), speed_range(price), hit_range(own, blend)];
    for (range, words) in ranges.into_iter().flatten() {
        let bars = tornado(&scenario, &[range])?;
        swings.extend(bars.into_iter().map(|bar| Swing { bar, range: words.clone() }));
    }
    if let Some((low, high)) = mixes(blend) {
        let words = format!("from a third to {MIX} times the work's input for each output token");
        swings.extend(mix_bar(own, &scenario, low, high)?.map(|bar| Swing { bar, range: words }));
    }
    swings.sort_by(|a, b| b.bar.swing.0.total_cmp(&a.bar.swing.0));
    Ok(swings)
}

type Range = ((Input, Input), String);

/// The offers, and the price that was given where that is outside.
fn price_range(own: &Own) -> Option<Range> {
    let hour = own.hour.usd_per_hour;
    let (low, high, words) = if let Some(offers) = &own.offers {
        let words = format!("{} rental offers, {}", offers.count, offers.collected);
        let low = if hour < offers.low { hour } else { offers.low };
        (low, if hour > offers.high { hour } else { offers.high }, words)
    } else {
        let (low, high) = (hour * Ratio::of(HALF), hour / Ratio::of(HALF));
        (low, high, "from half to twice: no book has offers".to_owned())
    };
    let possible = low > UsdPerHour(0.0) && hour > UsdPerHour(0.0);
    possible.then_some(((Input::Price(low), Input::Price(high)), words))
}

fn load_range(load: Load) -> Option<Range> {
    let usual = |percent| Load::new(Ratio::percent(percent)).ok();
    let (low, high) = (usual(LOADS.0)?, usual(LOADS.1)?);
    let low = if load.share() < low.share() { load } else { low };
    Some(((Input::Load(low), Input::Load(high)), "from a tenth, or less, to full".to_owned()))
}

/// A price's interval is its speed's, turned round.
fn speed_range(price: Estimate<UsdPerMtok>) -> Option<Range> {
    let (low, high) = price.interval.filter(|(low, high)| *low > UsdPerMtok(0.0) && low < high)?;
    let speed = |at: UsdPerMtok| Input::Speed(price.value / at);
    Some(((speed(high), speed(low)), "its interval".to_owned()))
}

fn hit_range(own: &Own, blend: Blend) -> Option<Range> {
    let (low, high) = (Ratio::percent(HITS.0), Ratio::percent(HITS.1));
    let high = if blend.hit_rate() > high { blend.hit_rate() } else { high };
    let range = (Input::HitRate(low), Input::HitRate(high));
    own.tells_cached().then(|| (range, "from none to nine tenths, or more".to_owned()))
}

/// The mix's bar: of prices of kinds by the scenario, else by the price at each mix, where it is told.
fn mix_bar(
    own: &Own,
    scenario: &Scenario,
    low: Ratio,
    high: Ratio,
) -> Result<Option<Bar>, CompareError> {
    let range = (Input::Mix(low), Input::Mix(high));
    match &own.told {
        Told::Kinds(_) => Ok(tornado(scenario, &[range])?.pop()),
        Told::Flat(_) => Ok(None),
        Told::Bounds { .. } | Told::Mixes(_) => {
            let dollars = own.hour.usd_per_hour / DOLLAR;
            let at = |mix: Ratio| {
                let blend = Blend::new(mix, scenario.blend.hit_rate())?;
                let price = own.told.at_one_dollar(blend)?.value;
                Some(price * dollars / scenario.load.share())
            };
            let Some((at_low, at_high)) = at(low).zip(at(high)) else { return Ok(None) };
            let swing = UsdPerMtok((at_high - at_low).0.abs());
            Ok(Some(Bar { low: range.0, high: range.1, at_low, at_high, swing }))
        }
    }
}
