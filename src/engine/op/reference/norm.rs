//! `RMSNorm`, and the residual stream that it reads.

/// `x / sqrt(mean(x²) + epsilon) * (offset + weight)` for each row of `weight.len()` numbers.
///
/// `offset` is 1 for weights stored as their difference from 1, else 0.
///
/// # Panics
/// Where the rows are not whole.
pub fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, offset: f32) -> Vec<f32> {
    assert_eq!(x.len() % weight.len(), 0, "rows are whole");
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks(weight.len()) {
        let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a row is far shorter than 2^52")]
        let mean = squares / row.len() as f64;
        let scale = (mean + f64::from(epsilon)).sqrt().recip();
        let by = |&w: &f32| f64::from(offset) + f64::from(w);
        out.extend(row.iter().zip(weight).map(|(&x, w)| narrow(f64::from(x) * scale * by(w))));
    }
    out
}

/// Adds `delta`, normalized by `post` where there is one, to `residual`, and returns `residual`'s
/// norm by `weight`.
///
/// # Panics
/// Where `delta` is of another length, or the rows are not whole.
pub fn residual_rms_norm(
    residual: &mut [f32],
    delta: Option<&[f32]>,
    post: Option<&[f32]>,
    weight: &[f32],
    epsilon: f32,
    offset: f32,
) -> Vec<f32> {
    if let Some(delta) = delta {
        assert_eq!(delta.len(), residual.len(), "as much is added as there is");
        let normed = post.map(|post| rms_norm(delta, post, epsilon, offset));
        for (x, &d) in residual.iter_mut().zip(normed.as_deref().unwrap_or(delta)) {
            *x += d;
        }
    }
    rms_norm(residual, weight, epsilon, offset)
}

/// The nearest `f32`.
#[expect(clippy::cast_possible_truncation, reason = "the rounding is what is meant")]
pub(super) fn narrow(x: f64) -> f32 {
    x as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of 9 and 16 is 12.5; with an epsilon of 3.5 the root is 4.
    #[test]
    fn a_row_is_divided_by_its_root_mean_square() {
        assert_eq!(rms_norm(&[3.0, 4.0], &[1.0, 2.0], 3.5, 0.0), [0.75, 2.0]);
        assert_eq!(rms_norm(&[3.0, 4.0], &[0.0, 1.0], 3.5, 1.0), [0.75, 2.0]);
    }

    /// The stream becomes (3, 4); normalized, the delta is (2, 0) / sqrt(2 + 2) = (1, 0).
    #[test]
    fn the_stream_takes_the_delta_first() {
        let mut stream = vec![1.0, 4.0];
        let y = residual_rms_norm(&mut stream, Some(&[2.0, 0.0]), None, &[1.0, 1.0], 3.5, 0.0);
        assert_eq!((stream, y), (vec![3.0, 4.0], vec![0.75, 1.0]));

        let (mut stream, post) = (vec![2.0, 4.0], [1.0, 1.0]);
        let delta = [2.0, 0.0];
        let y = residual_rms_norm(&mut stream, Some(&delta), Some(&post), &[1.0, 1.0], 2.0, 0.0);
        assert_eq!(stream, [3.0, 4.0]);
        assert!((f64::from(y[0]) - 3.0 / 14.5_f64.sqrt()).abs() < 1e-7);
    }
}
