//! How well a rate is known while a run still goes on.

use super::interval::{Stretch, ratio_of_totals};
use crate::record::Moment;
use crate::units::{Quantity, Ratio, Tokens};

/// Half the width of the output rate's interval over the rate, from the ends of requests that ended
/// well and their output tokens; `round` ends at least make a batch. `None`: it is not known yet.
pub fn relative_error(ends: &[(Moment, Tokens)], round: usize) -> Option<Ratio> {
    let mut ends = ends.to_vec();
    ends.sort_unstable_by_key(|(at, _)| *at);
    let stretch = |pair: &[(Moment, Tokens)]| Stretch {
        x: pair[1].0.since(pair[0].0).get(),
        y: pair[1].1.get(),
    };
    let stretches: Vec<_> = ends.windows(2).map(stretch).collect();
    ratio_of_totals(&stretches, round)?.relative_error().map(Ratio::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Seconds;

    /// Ends a second apart with 9 and 11 tokens in turn: the rate is 10, and of 30 batches of two ends
    /// each none differs from another.
    #[test]
    fn what_never_differs_is_known() {
        let end = |n: u32| {
            (
                Moment(0).after(Seconds(f64::from(n))),
                Tokens(if n.is_multiple_of(2) { 9 } else { 11 }),
            )
        };
        let ends: Vec<_> = (0..121).map(end).collect();
        let error = relative_error(&ends, 4).unwrap();
        assert!(error.get() < 0.01, "{error}");
        assert_eq!(relative_error(&ends[..10], 4), None);
    }
}
