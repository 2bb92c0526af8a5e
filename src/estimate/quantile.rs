//! Quantiles of a list, between its members by a straight line (type 7 of Hyndman and Fan, 1996).

/// The quantile at a share of 0 to 1; `None` of nothing.
pub(super) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * super::model::float(u64::try_from(last).ok()?);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let below = place.floor() as usize;
    let (low, high) = (*sorted.get(below)?, *sorted.get((below + 1).min(last))?);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[track_caller]
    fn check(values: &[f64], share: f64, want: Option<f64>) {
        let got = quantile(values, share);
        let same = match (got, want) {
            (Some(got), Some(want)) => (got - want).abs() < 1e-12,
            (got, want) => got.is_none() && want.is_none(),
        };
        assert!(same, "{values:?} at {share}: {got:?} ≠ {want:?}");
    }

    #[test]
    fn by_hand() {
        check(&[], 0.5, None);
        check(&[3.0], 0.9, Some(3.0));
        check(&[4.0, 1.0, 3.0], 0.5, Some(3.0));
        check(&[1.0, 2.0, 3.0, 4.0], 0.5, Some(2.5));
        // Nine tenths of the way from the first to the last of 11 is the tenth.
        check(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], 0.9, Some(9.0));
        check(&[0.0, 10.0], 0.025, Some(0.25));
    }
}
