//! Least squares whose coefficients are not negative, for a few columns.
//!
//! Invariant: what comes out is the best of *all* such coefficients, exactly, and a column that the
//! data can't tell from those before it is named, not given a share of their work at random. Guarded
//! by hand-worked systems and by properties below.
//!
//! The best solution is the plain least-squares solution on the columns that it uses (Lawson and
//! Hanson, "Solving Least Squares Problems", 1974, 23), so with up to [`MOST_COLUMNS`] columns all
//! their subsets are tried, in the place of an iteration that must be stopped. Errors are weighted: see
//! the caller.

/// 2^8 subsets are tried in no time.
const MOST_COLUMNS: usize = 8;

/// A column of which no more than this is left, when what the columns before it explain is taken
/// away (as a share of its length), can't be told from them. Lengths of time repeat themselves to
/// about a hundredth, so less than a thousandth of difference tells nothing.
const SAME: f64 = 1e-3;

/// A fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Solution {
    /// A coefficient for each column; `None`: it can't be told from those before it.
    pub(crate) coefficients: Vec<Option<f64>>,
}

/// Minimises `Σ w (y - Σ c x)²` with every `c >= 0`. `rows` are `(x, y, w)`, all `x` of one length.
/// `None` where there is nothing to fit.
pub(crate) fn fit(rows: &[(Vec<f64>, f64, f64)]) -> Option<Solution> {
    let columns = rows.first()?.0.len();
    if columns == 0 || columns > MOST_COLUMNS {
        return None;
    }
    let normal = Normal::of(rows, columns);
    let told = normal.told_apart();
    let mut best: Option<(f64, Vec<f64>)> = None;
    for subset in 0..1_u32 << columns {
        let used: Vec<usize> = (0..columns).filter(|column| subset >> column & 1 == 1).collect();
        if used.iter().any(|column| !told[*column]) {
            continue;
        }
        let Some(solved) = normal.solve(&used) else { continue };
        if solved.iter().any(|c| *c < 0.0) {
            continue;
        }
        // The sum of squares is that of y less what the fit explains.
        let part = |(i, c): (&usize, &f64)| c * normal.lengths[*i] * normal.target[*i];
        let explained: f64 = used.iter().zip(&solved).map(part).sum();
        if best.as_ref().is_none_or(|(most, _)| explained > *most) {
            let mut all = vec![0.0; columns];
            used.iter().zip(solved).for_each(|(column, c)| all[*column] = c);
            best = Some((explained, all));
        }
    }
    let (_, coefficients) = best?;
    let told = coefficients.into_iter().zip(told);
    Some(Solution { coefficients: told.map(|(c, told)| told.then_some(c)).collect() })
}

/// The normal equations, each column scaled to length one.
struct Normal {
    products: Vec<Vec<f64>>,
    target: Vec<f64>,
    lengths: Vec<f64>,
}

impl Normal {
    fn of(rows: &[(Vec<f64>, f64, f64)], columns: usize) -> Self {
        let sum = |of: &dyn Fn(&[f64], f64) -> f64| {
            rows.iter().map(|(x, y, w)| w * of(x, *y)).sum::<f64>()
        };
        let lengths: Vec<f64> = (0..columns).map(|i| sum(&|x, _| x[i] * x[i]).sqrt()).collect();
        let scaled = |sum: f64, by: f64| if by > 0.0 { sum / by } else { 0.0 };
        let products = (0..columns)
            .map(|i| {
                let of = |j: usize| scaled(sum(&|x, _| x[i] * x[j]), lengths[i] * lengths[j]);
                (0..columns).map(of).collect()
            })
            .collect();
        let target = (0..columns).map(|i| scaled(sum(&|x, y| x[i] * y), lengths[i])).collect();
        Self { products, target, lengths }
    }

    /// Which columns are not made of those before them.
    fn told_apart(&self) -> Vec<bool> {
        let mut told: Vec<usize> = Vec::new();
        let mut all = Vec::new();
        for column in 0..self.lengths.len() {
            let mut with = told.clone();
            with.push(column);
            let left =
                cholesky(&self.products, &with).map(|rows| rows[with.len() - 1][with.len() - 1]);
            let apart = self.lengths[column] > 0.0 && left.is_some_and(|left| left > SAME);
            if apart {
                told = with;
            }
            all.push(apart);
        }
        all
    }

    /// Plain least squares on some columns.
    fn solve(&self, used: &[usize]) -> Option<Vec<f64>> {
        let lower = cholesky(&self.products, used)?;
        let mut solved: Vec<f64> = used.iter().map(|column| self.target[*column]).collect();
        for row in 0..used.len() {
            let before: f64 = (0..row).map(|k| lower[row][k] * solved[k]).sum();
            solved[row] = (solved[row] - before) / lower[row][row];
        }
        for row in (0..used.len()).rev() {
            let after: f64 = (row + 1..used.len()).map(|k| lower[k][row] * solved[k]).sum();
            solved[row] = (solved[row] - after) / lower[row][row];
        }
        Some(used.iter().zip(solved).map(|(column, c)| c / self.lengths[*column]).collect())
    }
}

/// The lower triangle whose square is the matrix of some columns; `None` where it is singular.
fn cholesky(products: &[Vec<f64>], used: &[usize]) -> Option<Vec<Vec<f64>>> {
    let mut lower = vec![vec![0.0_f64; used.len()]; used.len()];
    for row in 0..used.len() {
        for column in 0..=row {
            let done: f64 = (0..column).map(|k| lower[row][k] * lower[column][k]).sum();
            let rest = products[used[row]][used[column]] - done;
            if row == column {
                lower[row][row] = (rest > 0.0).then(|| rest.sqrt())?;
            } else {
                lower[row][column] = rest / lower[column][column];
            }
        }
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(of: &[(&[f64], f64)]) -> Vec<(Vec<f64>, f64, f64)> {
        of.iter().map(|(x, y)| (x.to_vec(), *y, 1.0)).collect()
    }

    #[track_caller]
    fn check(of: &[(&[f64], f64)], want: &[Option<f64>]) {
        let got = fit(&rows(of)).unwrap().coefficients;
        let same = got.len() == want.len()
            && got.iter().zip(want).all(|pair| match pair {
                (Some(got), Some(want)) => (got - want).abs() < 1e-9,
                (got, want) => got.is_none() && want.is_none(),
            });
        assert!(same, "{got:?} ≠ {want:?}");
    }

    /// y = 2 + 3x exactly; then 1, 2, 2 at x = 0, 1, 2: slope 1/2, mean 5/3 at 1, so 7/6.
    #[test]
    fn lines_by_hand() {
        check(
            &[(&[1.0, 0.0], 2.0), (&[1.0, 1.0], 5.0), (&[1.0, 2.0], 8.0)],
            &[Some(2.0), Some(3.0)],
        );
        let three: [(&[f64], f64); 3] =
            [(&[1.0, 0.0], 1.0), (&[1.0, 1.0], 2.0), (&[1.0, 2.0], 2.0)];
        check(&three, &[Some(7.0 / 6.0), Some(0.5)]);
    }

    /// y = 3 - x: the slope may not fall, so the mean, 2, remains. y = x - 1 at 1, 2, 3: no
    /// constant below zero; the slope alone is Σxy / Σx² = 8 / 14.
    #[test]
    fn nothing_is_negative() {
        check(
            &[(&[1.0, 0.0], 3.0), (&[1.0, 1.0], 2.0), (&[1.0, 2.0], 1.0)],
            &[Some(2.0), Some(0.0)],
        );
        check(
            &[(&[1.0, 1.0], 0.0), (&[1.0, 2.0], 1.0), (&[1.0, 3.0], 2.0)],
            &[Some(0.0), Some(8.0 / 14.0)],
        );
    }

    /// The second column is four times the first; the third is nothing.
    #[test]
    fn what_cannot_be_told_apart_is_said() {
        let same: [(&[f64], f64); 3] =
            [(&[1.0, 4.0, 0.0], 2.0), (&[1.0, 4.0, 0.0], 2.0), (&[1.0, 4.0, 0.0], 5.0)];
        check(&same, &[Some(3.0), None, None]);
        // Nearly so: 4.0004, 4 and 4.0002 times the first would tell by their rounding.
        let near: [(&[f64], f64); 3] =
            [(&[1.0, 4.0004], 2.0), (&[1.0, 4.0], 2.0), (&[1.0, 4.0002], 5.0)];
        check(&near, &[Some(3.0), None]);
        assert_eq!(fit(&[]), None);
    }

    /// Weights: 1 thrice and 5 once are 2.
    #[test]
    fn weights_count() {
        let got = fit(&[(vec![1.0], 1.0, 3.0), (vec![1.0], 5.0, 1.0)]).unwrap().coefficients;
        assert!((got[0].unwrap() - 2.0).abs() < 1e-12);
    }

    proptest! {
        /// At the best of all, no step that is allowed makes it better: the gradient is zero where a
        /// coefficient is positive and does not fall where it is zero (Karush, Kuhn and Tucker).
        #[test]
        fn no_allowed_step_is_better(
            data in prop::collection::vec((prop::collection::vec(0.0..10.0f64, 4), 0.0..50.0f64), 6..20),
        ) {
            let rows: Vec<_> = data.into_iter().map(|(x, y)| (x, y, 1.0)).collect();
            let got = fit(&rows).unwrap().coefficients;
            prop_assume!(got.iter().all(Option::is_some));
            let c: Vec<f64> = got.into_iter().flatten().collect();
            for column in 0..4 {
                let slope: f64 = rows.iter().map(|(x, y, _)| {
                    let fitted: f64 = x.iter().zip(&c).map(|(x, c)| x * c).sum();
                    (fitted - y) * x[column]
                }).sum();
                prop_assert!(c[column] >= 0.0);
                prop_assert!(slope > -1e-6, "{slope}");
                prop_assert!(c[column] <= 0.0 || slope.abs() < 1e-6, "{slope}");
            }
        }
    }
}
