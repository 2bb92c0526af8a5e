//! Comparisons worked by hand.

mod own;
mod properties;
mod sheets;
mod swings;
mod work;

use super::own::{Own, Told};
use crate::cost::{Blend, MachinePrice, OwnRates};
use crate::prices::Entry;
use crate::units::{Estimate, Ratio, UsdPerHour, UsdPerMtok};

/// A machine whose prices are told so.
fn own(hour: f64, told: Told) -> Own {
    Own {
        name: "a machine".to_owned(),
        family: None,
        parameters: None,
        hour: MachinePrice::given(UsdPerHour(hour)),
        offers: None,
        told,
        cautions: Vec::new(),
    }
}

fn mtok(price: f64) -> Estimate<UsdPerMtok> {
    Estimate::bare(UsdPerMtok(price))
}

/// Prices of kinds on an hour of 1 USD, ± 10 %.
fn kinds(uncached: f64, cached: Option<f64>, output: f64) -> Told {
    let within = |price: f64| Estimate::within(UsdPerMtok(price), UsdPerMtok(price / 10.0));
    Told::Kinds(OwnRates {
        uncached: within(uncached),
        cached: cached.map(within),
        output: within(output),
    })
}

/// 1,000 tok/s, ± 10 %: on 3.60 USD/h 1 USD/Mtok, 2,628 Mtok and 2,628 USD a month.
fn thousand() -> Own {
    use crate::units::TokensPerSecond;
    let rate = Estimate::within(TokensPerSecond(1_000.0), TokensPerSecond(100.0));
    Own::of_rate(UsdPerHour(3.6), rate)
}

fn blend(mix: f64, hit: f64) -> Blend {
    Blend::new(Ratio::of(mix), Ratio::of(hit)).unwrap()
}

/// An entry that asks 1 USD for a million tokens in, 0.1 cached, 4 out.
fn entry(provider: &str, more: &str) -> Entry {
    let text = format!(
        r#"{{"id":"{provider}/m","provider":"{provider}","model":"m","name":"M"{more},"tariffs":
        [{{"schedule":{{"rates":{{"input":"1","cached_input":"0.1","output":"4"}}}},
        "source":{{"book":"b","version":"1","licence":"MIT","date":"2026-01-01","key":"m"}}}}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn near(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-9 * want.abs().max(1e-9), "{got} ≠ {want}");
}
