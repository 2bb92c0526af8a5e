//! Time and tokens by laps of the window, and what a token took, with its error.
//!
//! Invariant: with `S` the time charged to a kind, `N` its delivered tokens, the sum of `N × S / N` over
//! the kinds is the busy time, and of `N × (S / N) / occupancy` the window's time: every second is paid
//! once. Guarded by `the_prices_pay_for_the_time` and a property in `tests.rs`.
//!
//! The error is by the jackknife over laps (Quenouille 1956, Tukey 1958): each lap is left out once, and
//! *the fit is made again without it*, so that the interval holds the error of the coefficients too. The
//! pseudo-values are then a series like any other, and how much neighbours resemble each other widens it
//! as it does for every rate (`summary::interval`). A fit that was given from another run is not made
//! again; its own error is then not in the interval, and the result says where the fit is from.

use super::share::Shares;
use crate::summary::{KindTokens, Lap, Stretch, ratio_of_totals};
use crate::units::{Estimate, Quantity, Ratio, Seconds, Tokens};

/// One lap's time and tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) wall: Seconds,
    pub(super) shares: Shares,
    pub(super) delivered: KindTokens,
    pub(super) wasted: KindTokens,
}

impl Row {
    pub(super) fn of(lap: &Lap, shares: Shares) -> Self {
        let Lap { span, delivered, wasted } = *lap;
        Self { wall: span.length(), shares, delivered, wasted }
    }
}

/// Rows added up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum {
    pub(super) wall: Seconds,
    pub(super) shares: Shares,
    pub(super) delivered: KindTokens,
    pub(super) wasted: KindTokens,
}

impl Sum {
    pub(super) fn of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let none = KindTokens::default();
        let zero = Seconds(0.0);
        let mut sum = Self { wall: zero, shares: Shares::default(), delivered: none, wasted: none };
        for row in rows {
            sum.wall = sum.wall + row.wall;
            sum.shares = sum.shares.plus(row.shares);
            sum.delivered += row.delivered;
            sum.wasted += row.wasted;
        }
        sum
    }

    /// The window's time over the busy time: what a busy second is charged with idle ones.
    pub(super) fn idle_factor(&self) -> Option<Ratio> {
        let factor = self.wall / self.shares.sum();
        factor.get().is_finite().then_some(factor)
    }
}

/// What a token of one kind took: its own busy time, and with the idle time that goes with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Each {
    pub(super) busy: f64,
    pub(super) paid: f64,
}

/// One kind of token.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) time: fn(&Shares) -> Seconds,
    pub(super) tokens: fn(&KindTokens) -> Tokens,
}

/// Uncached input, cached input, output.
pub(super) const KINDS: [Kind; 3] = [
    Kind { time: |shares| shares.uncached, tokens: |tokens| tokens.uncached },
    Kind { time: |shares| shares.cached, tokens: |tokens| tokens.cached },
    Kind { time: |shares| shares.output, tokens: |tokens| tokens.output },
];

fn each(sum: &Sum, kind: Kind) -> Option<Each> {
    let tokens = (kind.tokens)(&sum.delivered);
    let busy = (kind.time)(&sum.shares).get() / tokens.get();
    let paid = busy * sum.idle_factor()?.get();
    (tokens > Tokens(0) && busy.is_finite()).then_some(Each { busy, paid })
}

/// What a token took, busy and paid, with the error over the laps. `left_out` are the rows' sums as they
/// are without what happened in one lap each; `None` of one: that can't be told.
pub(super) fn each_with_error(
    rows: &[Row],
    kind: Kind,
    left_out: &[Option<Sum>],
) -> Option<(Estimate<Seconds>, Estimate<Seconds>)> {
    let whole = each(&Sum::of(rows), kind)?;
    let without: Option<Vec<Each>> = left_out.iter().map(|sum| each(sum.as_ref()?, kind)).collect();
    let estimate = |value: f64, of: fn(&Each) -> f64| {
        let error = without.as_ref().and_then(|without| {
            let values: Vec<f64> = without.iter().map(of).collect();
            pseudo_error(value, &values)
        });
        error.unwrap_or(Estimate::bare(Seconds(value)))
    };
    Some((estimate(whole.busy, |each| each.busy), estimate(whole.paid, |each| each.paid)))
}

/// The interval of a figure by those with one lap left out.
fn pseudo_error(whole: f64, without: &[f64]) -> Option<Estimate<Seconds>> {
    // No run has 2^32 laps.
    let count = f64::from(u32::try_from(without.len()).ok()?);
    let pseudo = |out: &f64| Stretch { x: 1.0, y: count * whole - (count - 1.0) * out };
    let series: Vec<Stretch> = without.iter().map(pseudo).collect();
    let mut total = ratio_of_totals(&series, 1)?;
    // The pseudo-values' mean is the figure but for its bias, which is of a higher order.
    total.value = whole;
    Some(total.estimate())
}
