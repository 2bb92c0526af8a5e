//! A sitting's bill by what it was paid for: COST_MODEL.md sections 3 and 5.
//!
//! Invariant: the lines add up to the bill, and their times to the time that was billed; what could not
//! be told apart stands on a line that says so. Guarded by a sitting worked by hand and a property.
//!
//! Machine time is billed start-up, then the measured window (the kinds of tokens, waste, idle time),
//! then rented time that was not measured, then what the grain rounded up. A kind's line holds delivered
//! tokens only: of its time the share of tokens that failed requests lost is waste.

use super::{Attributed, Part, Rental};
use crate::hint::{Fault, Hint};
use crate::units::{Ratio, Seconds, Tokens, Usd, UsdPerHour};
use serde::Serialize;

/// What a line of a bill was paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// Computing prompts.
    UncachedInput,
    /// Attending to prompts that were cached.
    CachedInput,
    /// Writing answers.
    Output,
    /// Input and output that nothing tells apart, with the idle time among them.
    Untold,
    /// Tokens of requests that failed or were given up.
    Waste,
    /// No step ran.
    Idle,
    /// From rented to the first token.
    StartUp,
    /// Rented, and outside what was measured.
    NotMeasured,
    /// Billed, and not rented: the provider's grain.
    RoundedUp,
    /// Storage, egress, staff: what runs beside the machine.
    Beside,
}

impl Item {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::UncachedInput => "uncached input",
            Self::CachedInput => "cached input",
            Self::Output => "output",
            Self::Untold => "input and output",
            Self::Waste => "wasted tokens",
            Self::Idle => "idle",
            Self::StartUp => "start-up",
            Self::NotMeasured => "not measured",
            Self::RoundedUp => "rounded up",
            Self::Beside => "beside the machine",
        }
    }
}

/// A line of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Line {
    /// What for.
    pub item: Item,
    /// The machine's time; `None` of what is not the machine's.
    pub time: Option<Seconds>,
    /// The money.
    pub cost: Usd,
    /// Its share of the bill; `None` of a bill of nothing.
    pub share: Option<Ratio>,
    /// The tokens that it was paid for, where it was for tokens.
    pub tokens: Option<Tokens>,
}

/// A bill by lines. Lines of nothing are left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waterfall {
    /// The lines, in the order of the items.
    pub lines: Vec<Line>,
    /// The bill.
    pub total: Usd,
    /// Machine time that was billed.
    pub billed: Seconds,
}

/// Why a bill can't be told by lines.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WaterfallError {
    /// More was measured than was rented.
    #[error(
        "`{measured}` were measured after `{start_up}` of start-up, and only `{rented}` rented"
    )]
    MoreThanRented {
        /// The window.
        measured: Seconds,
        /// Start-up.
        start_up: Seconds,
        /// The sitting.
        rented: Seconds,
    },
}

impl Hint for WaterfallError {
    fn hint(&self) -> Option<String> {
        Some("--rented is the time from rented to taken back, start-up included".to_owned())
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

/// Rounding of a record's nanoseconds is no time that was measured beyond what was rented.
const SLACK: f64 = 1e-6;

impl Waterfall {
    /// Of a sitting in which a window was measured.
    ///
    /// # Errors
    /// [`WaterfallError::MoreThanRented`].
    pub fn of(rental: &Rental, attributed: &Attributed) -> Result<Self, WaterfallError> {
        let window = match attributed {
            Attributed::Told(told) => told.window,
            Attributed::Bounds(bounds) => bounds.window,
        };
        let rest = rental.rented - rental.start_up - window;
        if rest.0 < -SLACK {
            let Rental { rented, start_up, .. } = *rental;
            return Err(WaterfallError::MoreThanRented { measured: window, start_up, rented });
        }
        let billed = rental.grain.billed(rental.rented);
        let mut items = of_window(attributed);
        items.extend([
            (Item::StartUp, rental.start_up, None),
            (Item::NotMeasured, Seconds(rest.0.max(0.0)), None),
            (Item::RoundedUp, billed - rental.rented, None),
        ]);
        let beside = rental.beside * rental.rented;
        let total = rental.machine * billed + beside;
        let mut lines = lines(rental.machine, total, items);
        if beside > Usd(0.0) {
            let share = share(beside, total);
            lines.push(Line { item: Item::Beside, time: None, cost: beside, share, tokens: None });
        }
        Ok(Self { lines, total, billed })
    }

    /// Of a measured window alone, as if the machine were paid for by the instant: what a longer
    /// sitting at the same operating point comes to.
    pub fn of_window(machine: UsdPerHour, attributed: &Attributed) -> Self {
        let billed = match attributed {
            Attributed::Told(told) => told.window,
            Attributed::Bounds(bounds) => bounds.window,
        };
        let total = machine * billed;
        Self { lines: lines(machine, total, of_window(attributed)), total, billed }
    }
}

/// A part of a bill; `None` of a bill of nothing.
fn share(cost: Usd, total: Usd) -> Option<Ratio> {
    (total > Usd(0.0)).then(|| cost / total)
}

/// Machine time by lines; those of nothing are left out.
fn lines(
    machine: UsdPerHour,
    total: Usd,
    items: Vec<(Item, Seconds, Option<Tokens>)>,
) -> Vec<Line> {
    let line = |(item, time, tokens): (Item, Seconds, Option<Tokens>)| {
        let cost = machine * time;
        Line { item, time: Some(time), cost, share: share(cost, total), tokens }
    };
    items.into_iter().filter(|(_, time, _)| time.0 > 0.0).map(line).collect()
}

/// What the measured window was spent on.
fn of_window(attributed: &Attributed) -> Vec<(Item, Seconds, Option<Tokens>)> {
    let told = match attributed {
        Attributed::Told(told) => told,
        Attributed::Bounds(bounds) => {
            let tokens = bounds.input.tokens + bounds.output.tokens;
            return vec![(Item::Untold, bounds.window, Some(tokens))];
        }
    };
    let kinds = [
        (Item::UncachedInput, &told.uncached),
        (Item::CachedInput, &told.cached),
        (Item::Output, &told.output),
    ];
    let mut items = Vec::new();
    let (mut lost, mut lost_tokens) = (Seconds(0.0), Tokens(0));
    for (item, part) in kinds {
        let waste = wasted(part);
        items.push((item, part.time - waste, Some(part.tokens)));
        (lost, lost_tokens) = (lost + waste, lost_tokens + part.wasted);
    }
    items.push((Item::Waste, lost, Some(lost_tokens)));
    items.push((Item::Idle, told.window - told.busy(), None));
    items
}

/// The part of a kind's time that went into tokens that nobody got.
fn wasted(part: &Part) -> Seconds {
    let all = part.tokens + part.wasted;
    if all == Tokens(0) { Seconds(0.0) } else { part.time * (part.wasted / all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{
        Attribution, AttributionBounds, BoundsOfKind, CachedBy, Grain, MixedBy, ToldBy, Untold,
    };
    use proptest::prelude::*;

    fn part(time: f64, tokens: u64, wasted: u64) -> Part {
        let (tokens, wasted) = (Tokens(tokens), Tokens(wasted));
        Part { time: Seconds(time), share: Ratio::ONE, tokens, wasted, busy: None, paid: None }
    }

    fn told(window: f64, parts: &[Part; 3]) -> Attributed {
        let [uncached, cached, output] = *parts;
        let (mixed, cached_by) = (MixedBy::Fit, CachedBy::Fit);
        let told_by = ToldBy::Steps { mixed, cached: cached_by, fit_of_another_run: false };
        let busy = uncached.time + cached.time + output.time;
        let occupancy = Some(busy / Seconds(window));
        let window = Seconds(window);
        Attributed::Told(Box::new(Attribution {
            told_by,
            window,
            occupancy,
            uncached,
            cached,
            output,
            laps: 1,
        }))
    }

    /// 3.60 USD/h (0.001 a second) and 0.36 beside, rented for 5,000 s of which 500 are start-up,
    /// billed by the hour: 7,200 s. Of 4,000 s measured 400 are input, 100 cached, 2,500 output, of
    /// which a fifth is lost.
    fn sitting() -> (Rental, Attributed) {
        let rental = Rental {
            machine: UsdPerHour(3.6),
            beside: UsdPerHour(0.36),
            rented: Seconds(5_000.0),
            start_up: Seconds(500.0),
            grain: Grain::Hour,
        };
        let parts = [part(400.0, 9_000, 0), part(100.0, 5_000, 0), part(2_500.0, 4_000, 1_000)];
        (rental, told(4_000.0, &parts))
    }

    #[test]
    fn a_sitting_by_hand() {
        let (rental, attributed) = sitting();
        let bill = Waterfall::of(&rental, &attributed).unwrap();
        let want = [
            (Item::UncachedInput, 0.4),
            (Item::CachedInput, 0.1),
            (Item::Output, 2.0),
            (Item::Waste, 0.5),
            (Item::Idle, 1.0),
            (Item::StartUp, 0.5),
            (Item::NotMeasured, 0.5),
            (Item::RoundedUp, 2.2),
            (Item::Beside, 0.5),
        ];
        let items: Vec<_> = bill.lines.iter().map(|line| line.item).collect();
        assert_eq!(items, want.map(|(item, _)| item));
        for (line, (_, want)) in bill.lines.iter().zip(want) {
            assert!((line.cost.0 - want).abs() < 1e-9, "{line:?} ≠ {want}");
        }
        assert!((bill.total.0 - 7.7).abs() < 1e-9);
        assert_eq!(bill.lines[3].tokens, Some(Tokens(1_000)));
    }

    #[test]
    fn what_is_not_told_is_one_line() {
        let (rental, _) = sitting();
        let kind = |tokens| BoundsOfKind {
            tokens: Tokens(tokens),
            least: Seconds(0.0),
            most: Seconds(4_000.0),
        };
        let bounds = Attributed::Bounds(AttributionBounds {
            untold: Untold::NoProbe,
            window: Seconds(4_000.0),
            input: kind(30),
            output: kind(12),
        });
        let bill = Waterfall::of(&rental, &bounds).unwrap();
        let first = bill.lines[0];
        assert_eq!((first.item, first.tokens), (Item::Untold, Some(Tokens(42))));
        assert!((first.cost.0 - 4.0).abs() < 1e-9, "{first:?}");
    }

    #[test]
    fn no_more_is_measured_than_was_rented() {
        let (rental, attributed) = sitting();
        let short = Rental { rented: Seconds(4_499.0), ..rental };
        let error = Waterfall::of(&short, &attributed).unwrap_err();
        let text = "`4000 s` were measured after `500 s` of start-up, and only `4499 s` rented";
        assert_eq!(error.to_string(), text);
    }

    proptest! {
        #[test]
        fn lines_add_up_to_the_bill(
            times in prop::array::uniform6(0.0..1e4f64),
            tokens in prop::array::uniform6(0u64..1_000_000),
            price in 0.0..100.0f64, beside in 0.0..1.0f64, grain in 0..3u8,
        ) {
            let [a, b, c, idle, start_up, rest] = times;
            let parts = [
                part(a, tokens[0], tokens[1]), part(b, tokens[2], tokens[3]),
                part(c, tokens[4], tokens[5]),
            ];
            let rental = Rental {
                machine: UsdPerHour(price),
                beside: UsdPerHour(beside),
                rented: Seconds(times.iter().sum()),
                start_up: Seconds(start_up),
                grain: [Grain::Second, Grain::Minute, Grain::Hour][usize::from(grain)],
            };
            prop_assume!(rest > 1e-3);
            let bill = Waterfall::of(&rental, &told(a + b + c + idle, &parts)).unwrap();
            let sum: Usd = bill.lines.iter().map(|line| line.cost).sum();
            prop_assert!((sum - bill.total).0.abs() <= 1e-9 * bill.total.0.max(1.0));
            let time: Seconds = bill.lines.iter().filter_map(|line| line.time).sum();
            prop_assert!((time - bill.billed).0.abs() < 1e-6, "{:?}", bill);
            prop_assert!(bill.lines.iter().all(|line| line.cost >= Usd(0.0)));
        }
    }
}
