//! What moves the answer, worked by hand.

use super::*;
use crate::compare::swing::swings;
use crate::compare::{AtMix, Offers};
use crate::cost::Load;
use jiff::civil::date;

#[track_caller]
fn check(machine: &Own, load: f64, want: &[(&str, f64, f64)]) {
    let load = Load::new(Ratio::percent(load)).unwrap();
    let found = swings(machine, blend(3.0, 0.0), load).unwrap();
    let words: Vec<_> = found.iter().map(|swing| swing.bar.low.word()).collect();
    assert_eq!(words, want.iter().map(|(word, ..)| *word).collect::<Vec<_>>(), "{found:?}");
    for (swing, (_, low, high)) in found.iter().zip(want) {
        near(swing.bar.at_low.0, *low);
        near(swing.bar.at_high.0, *high);
    }
}

/// On 1 USD/h 0.5, 0.1 and 2 ± 10 %; at 2 USD/h and half load (1.5 + 2) / 4 × 4 = 3.5. Load 10 to 100 %:
/// 17.5 to 1.75. Price 1.5 to 3: 2.625 to 5.25. Mix 1 to 9: (0.5 + 2) / 2 × 4 = 5, (4.5 + 2) / 10 × 4 =
/// 2.6. Hits 0 to 90 %: 3.5, (0.15 + 0.27 + 2) / 4 × 4 = 2.42. Speed: 3.15 and 3.85, its interval.
#[test]
fn the_widest_comes_first() {
    let offers = Offers {
        low: UsdPerHour(1.5),
        high: UsdPerHour(3.0),
        count: 9,
        collected: date(2026, 5, 24),
    };
    let machine = Own { offers: Some(offers), ..own(2.0, kinds(0.5, Some(0.1), 2.0)) };
    let want = [
        ("load", 17.5, 1.75),
        ("price", 2.625, 5.25),
        ("input per output", 5.0, 2.6),
        ("hit rate", 3.5, 2.42),
        ("speed", 3.85, 3.15),
    ];
    check(&machine, 50.0, &want);
}

/// Of an estimate the price at other mixes is its own; without offers the hour is halved and doubled, and
/// without an error the speed is left out.
#[test]
fn what_has_no_range_is_left_out() {
    let at = |mix: f64, price: f64| AtMix { input_per_output: Ratio::of(mix), price: mtok(price) };
    let points = vec![at(3.0, 0.5), at(1.0, 0.8), at(9.0, 0.3)];
    let want = [("load", 20.0, 2.0), ("price", 2.0, 8.0), ("input per output", 6.4, 2.4)];
    check(&own(4.0, Told::Mixes(points)), 50.0, &want);
    check(&own(4.0, Told::Flat(mtok(0.5))), 50.0, &want[..2]);
    // A load below a tenth is in the range, too.
    check(&own(4.0, Told::Flat(mtok(0.5))), 5.0, &[("price", 20.0, 80.0), ("load", 40.0, 2.0)]);
    // A machine for nothing has no dear hours.
    check(&own(0.0, Told::Flat(mtok(0.5))), 50.0, &[("load", 0.0, 0.0)]);
}
