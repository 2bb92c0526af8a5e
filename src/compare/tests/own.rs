//! What a mix costs, by each thing that may tell it.

use super::*;
use crate::compare::AtMix;
use crate::cost::{AttributionBounds, BoundsOfKind, Untold};
use crate::units::{Seconds, Tokens};

/// On 1 USD/h 0.5, 0.1 and 2; three of input to one of output, half of it cached: (0.75 + 0.15 + 2) / 4 =
/// 0.725, on 2 USD/h 1.45. A rate of 10⁶ / 3600 / 0.725.
#[test]
fn prices_of_kinds_are_blended_and_repriced() {
    let machine = own(2.0, kinds(0.5, Some(0.1), 2.0));
    let full = machine.full(blend(3.0, 0.5)).unwrap();
    near(full.value.0, 1.45);
    near(full.interval.unwrap().0.0, 1.305);
    near(machine.rate(blend(3.0, 0.5)).unwrap().value.0, 1e6 / 3_600.0 / 0.725);
    near(machine.kinds().unwrap().output.value.0, 4.0);
}

/// Without a price for cached input all of it is computed: (1.5 + 2) / 4 × 2.
#[test]
fn hits_without_a_price_save_nothing() {
    let machine = own(2.0, kinds(0.5, None, 2.0));
    assert!(!machine.tells_cached());
    assert_eq!(machine.full(blend(3.0, 0.5)), None);
    near(machine.full(machine.blend(blend(3.0, 0.5))).unwrap().value.0, 1.75);
    let told = own(2.0, kinds(0.5, Some(0.1), 2.0));
    assert_eq!(told.blend(blend(3.0, 0.5)), blend(3.0, 0.5));
}

/// An hour in which 3 M tokens came in and 1 M went out: all to input is 1/3 USD/Mtok in, all to output
/// 1 USD/Mtok out. At that very mix both make 0.25; one to one they make 1/6 and 1/2.
#[test]
fn bounds_meet_at_the_mix_that_was_measured() {
    let kind = |tokens: u64| {
        let (least, most) = (Seconds(0.0), Seconds(3_600.0));
        BoundsOfKind { tokens: Tokens(tokens), least, most }
    };
    let bounds = AttributionBounds {
        untold: Untold::NoProbe,
        window: Seconds(3_600.0),
        input: kind(3_000_000),
        output: kind(1_000_000),
    };
    let machine = own(1.0, Told::Bounds { bounds, flat: mtok(0.25) });
    let at = |mix: f64| machine.full(blend(mix, 0.0)).unwrap();
    let (same, other) = (at(3.0), at(1.0));
    for (low, high, got) in [(0.25, 0.25, same), (1.0 / 6.0, 0.5, other)] {
        let (got_low, got_high) = got.interval.unwrap();
        near(got_low.0, low);
        near(got_high.0, high);
        near(got.value.0, 0.25);
    }
    // The rate's own error comes on top: ± 20 %.
    let flat = Estimate::within(UsdPerMtok(0.25), UsdPerMtok(0.05));
    let machine = own(1.0, Told::Bounds { bounds, flat });
    let (low, high) = machine.full(blend(1.0, 0.0)).unwrap().interval.unwrap();
    near(low.0, 0.8 / 6.0);
    near(high.0, 0.6);
}

#[test]
fn an_estimate_tells_its_own_mixes_alone() {
    let at = |mix: f64, price: f64| AtMix { input_per_output: Ratio::of(mix), price: mtok(price) };
    let machine = own(2.0, Told::Mixes(vec![at(3.0, 0.1), at(1.0, 0.2)]));
    near(machine.full(blend(1.0, 0.0)).unwrap().value.0, 0.4);
    assert_eq!(machine.full(blend(2.0, 0.0)), None);
    assert_eq!(machine.kinds(), None);
}

/// 3.60 USD/h over 1,000 tok/s, whatever the mix.
#[test]
fn a_rate_is_one_price() {
    for mix in [0.0, 1.0, 50.0] {
        near(thousand().full(blend(mix, 0.0)).unwrap().value.0, 1.0);
    }
    assert_eq!(thousand().kinds(), None);
    assert_eq!(thousand().blend(blend(3.0, 0.5)), blend(3.0, 0.5));
}
