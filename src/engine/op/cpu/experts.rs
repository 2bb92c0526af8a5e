//! Which experts a token goes to.

use super::arena::Tensor;

/// For each row, the experts that it uses and their weights.
pub(super) struct Routes(Vec<Vec<(usize, f32)>>);

/// The `used` best experts of each row of scores, by the softmax over all of them.
pub(super) fn route(scores: &Tensor, used: usize, normalized: bool) -> Routes {
    Routes((0..scores.rows()).map(|row| best(scores.row(row), used, normalized)).collect())
}

impl Routes {
    /// The rows that use an expert, with its weight.
    pub(super) fn of(&self, expert: usize) -> impl Iterator<Item = (usize, f32)> {
        self.0.iter().enumerate().flat_map(move |(row, routes)| {
            routes
                .iter()
                .filter(move |(one, _)| *one == expert)
                .map(move |&(_, weight)| (row, weight))
        })
    }
}

/// Equal scores go to the expert with the lower number, so that routes never depend on a sort.
pub(in crate::engine::op) fn best(
    scores: &[f32],
    used: usize,
    normalized: bool,
) -> Vec<(usize, f32)> {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
    let all: f32 = weights.iter().sum();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order.truncate(used);
    let sum = if normalized { order.iter().map(|&expert| weights[expert]).sum() } else { all };
    order.into_iter().map(|expert| (expert, weights[expert] / sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scores: &[f32], used: usize, normalized: bool, want: &[(usize, f32)]) {
        let got = best(scores, used, normalized);
        assert_eq!(got.len(), want.len());
        for ((expert, weight), (want_expert, want_weight)) in got.iter().zip(want) {
            assert_eq!(expert, want_expert);
            assert!((weight - want_weight).abs() < 1e-6, "{weight} {want_weight}");
        }
    }

    #[test]
    fn the_best_experts_share_a_token() {
        // e^0, e^ln2, e^ln3: weights 1 : 2 : 3, in all 6.
        let scores = [0.0, 3.0_f32.ln(), 2.0_f32.ln()];
        check(&scores, 2, true, &[(1, 0.6), (2, 0.4)]);
        check(&scores, 2, false, &[(1, 0.5), (2, 1.0 / 3.0)]);
        check(&[1.0, 1.0, 1.0], 1, true, &[(0, 1.0)]);
    }
}
