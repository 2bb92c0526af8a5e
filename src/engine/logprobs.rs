//! How likely tokens were, by the model's own distribution: before temperature and before anything
//! is cut away.

/// The logarithms of probabilities after one row of logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Logprobs {
    /// Of the token that was chosen.
    pub token: f32,
    /// The likeliest tokens, likeliest first; of equals, the lower id first.
    pub top: Vec<(u32, f32)>,
}

impl Logprobs {
    /// Those of `token` and of the `most` likeliest. `None` where the row doesn't have the token, or
    /// holds a number that the sampler would have refused.
    pub fn of(logits: &[f32], token: u32, most: u8) -> Option<Self> {
        let chosen = *logits.get(token as usize)?;
        let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // In doubles: a vocabulary is long enough for sums of floats to drift.
        let sum: f64 = logits.iter().map(|logit| f64::from(logit - best).exp()).sum();
        let shift = f64::from(best) + sum.ln();
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm fits a float")]
        let logprob = |logit: f32| (f64::from(logit) - shift) as f32;
        shift.is_finite().then(|| Self {
            token: logprob(chosen),
            top: top(logits, most.into()).into_iter().map(|(id, at)| (id, logprob(at))).collect(),
        })
    }
}

/// The likeliest tokens, in order.
fn top(logits: &[f32], most: usize) -> Vec<(u32, f32)> {
    let mut top: Vec<(u32, f32)> = Vec::with_capacity(most + 1);
    for (&logit, id) in logits.iter().zip(0..) {
        // Nearly every token of a vocabulary fails this, so the list is rarely touched.
        if top.len() < most || top.last().is_some_and(|(_, last)| logit > *last) {
            let place = top.partition_point(|(_, other)| *other >= logit);
            top.insert(place, (id, logit));
            top.truncate(most);
        }
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(logits: &[f32], token: u32, most: u8, want: f32, want_top: &[(u32, f32)]) {
        let got = Logprobs::of(logits, token, most).unwrap();
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        assert!(near(got.token, want), "{got:?}");
        assert_eq!(got.top.len(), want_top.len(), "{got:?}");
        for (got, want) in got.top.iter().zip(want_top) {
            assert!(got.0 == want.0 && near(got.1, want.1), "{got:?}, not {want:?}");
        }
    }

    #[test]
    fn probabilities_are_shares_of_the_whole() {
        // ln 1, ln 2, ln 5, ln 2: shares 0.1, 0.2, 0.5, 0.2.
        let logits = [1.0_f32, 2.0, 5.0, 2.0].map(f32::ln);
        let tenths = |tenths: f32| (tenths / 10.0).ln();
        check(&logits, 0, 0, tenths(1.0), &[]);
        let third = [(2, tenths(5.0)), (1, tenths(2.0)), (3, tenths(2.0))];
        check(&logits, 1, 3, tenths(2.0), &third);
        // Large logits overflow nothing; more are asked for than there are.
        check(&[1_000.0, 1_000.0], 1, 9, 0.5_f32.ln(), &[(0, 0.5_f32.ln()), (1, 0.5_f32.ln())]);
    }

    #[test]
    fn rows_without_a_distribution_have_none() {
        assert_eq!(Logprobs::of(&[1.0], 1, 1), None);
        assert_eq!(Logprobs::of(&[f32::NEG_INFINITY; 2], 1, 1), None);
        assert_eq!(Logprobs::of(&[f32::NAN, 1.0], 1, 1), None);
    }
}
