//! How long a series remembers: the variance that its mean has when neighbours resemble each other.
//!
//! Invariant: what comes out is the variance of a sum per sample *over all lags*, with the degrees
//! of freedom that its own estimate has, so that an interval made from it is neither too narrow for a
//! correlated series nor much wider than theory gives. Guarded by the coverage and the width over
//! simulated autoregressive series in `coverage.rs`.
//!
//! A series `d_1 … d_n` is described as an autoregression `d_t = Σ φ_j d_{t-j} + e_t`. Then
//!
//! ```text
//! V = lim n var(mean) = σ² / (1 - Σφ)²
//! ```
//!
//! which is 2π times the spectrum at frequency zero (Fishman, "Principles of Discrete Event
//! Simulation", 1978, 5.10; Heidelberger and Welch, "A spectral method for confidence interval
//! generation", 1981). The coefficients are Burg's ("Maximum entropy spectral analysis", 1975), their
//! number is Hurvich and Tsai's corrected Akaike criterion ("Regression and time series model
//! selection in small samples", 1989). The estimate of V has about
//!
//! ```text
//! f = 2 / var(ln V),   var(ln V) = 2 / (n - p - 1) + 4 (σ² 1'Γ⁻¹1) / n / (1 - Σφ)²
//! ```
//!
//! degrees of freedom, with `σ² Γ⁻¹` by Gohberg and Semencul's formula. Least squares make a series
//! look less alike than it is: the k-th partial correlation `π` comes out too low by
//! `(c + (k + 2) π) / n`, c being 1 for odd k and 2 for even (Shaman and Stine, "The bias of
//! autoregressive coefficient estimators", 1988, for an estimated mean). That is put right before
//! anything is computed; without, intervals of 30 stretches that correlate by a half covered the truth
//! in under 93 %.

use super::number;

/// A short series is taken to have a memory of one step at least from this many samples on, asked
/// for or not: the criterion can't see a correlation of a half in 30 samples. Fewer can't pay for it.
const REMEMBERS_FROM: usize = 20;

/// Nothing that a machine does is taken to be so regular that its mean is known more than this many
/// times better (in variance) than independent samples would tell; and of a short series nothing
/// tells that it is more regular than chance at all.
const MOST_REGULAR: f64 = 4.0;

/// Where no more than this share of a series' power is left, it repeats itself (a server's rounds, cut
/// by the clock) and more lags would describe rounding errors.
const ALL_TOLD: f64 = 0.05;

/// A partial correlation never reaches one.
const NEARLY_ONE: f64 = 0.999;

/// What a series' mean is known by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Memory {
    /// The variance of a sum, per sample, over all lags: `n var(mean)`.
    pub(super) variance: f64,
    /// The degrees of freedom of that estimate.
    pub(super) freedom: f64,
}

impl Memory {
    /// Of a series whose mean is zero by construction; `None` where it has fewer than four samples.
    pub(super) fn of(series: &[f64]) -> Option<Self> {
        let n = number(series.len());
        if series.len() < 4 {
            return None;
        }
        let total: f64 = series.iter().map(|d| d * d).sum();
        let freedom = n - 1.0;
        if total <= 0.0 {
            return Some(Self { variance: 0.0, freedom });
        }
        let burg = burg(series, most_lags(series.len()));
        let order = order(&burg, series.len());
        let partial: Vec<f64> =
            (1..=order).map(|k| unbiased(burg[k].partial, k, series.len())).collect();
        let phi = levinson(&partial);
        let rest = 1.0 - phi.iter().sum::<f64>();
        let noise = burg[order].power * n / (n - number(order) - 1.0);
        let (variance, independent) = (noise / (rest * rest), total / freedom);
        if series.len() < REMEMBERS_FROM && variance < independent {
            return Some(Self { variance: independent, freedom });
        }
        let variance = variance.max(independent / MOST_REGULAR);
        let log_variance =
            2.0 / (n - number(order) - 1.0) + 4.0 * inverse_sum(&phi) / n / (rest * rest);
        Some(Self { variance, freedom: (2.0 / log_variance).min(freedom) })
    }
}

/// The most lags that are tried: ten times the logarithm, as is usual, and no more than a tenth.
fn most_lags(samples: usize) -> usize {
    let digits = number(samples).log10();
    let tenfold = (1..samples).take_while(|lags| number(*lags) <= 10.0 * digits).count();
    tenfold.min(samples / 10).max(1)
}

/// One order of Burg's recursion.
#[derive(Debug, Clone, Copy)]
struct Order {
    /// The partial correlation that this order adds; of order zero none.
    partial: f64,
    /// What is left of the mean square.
    power: f64,
}

/// Orders 0 to `most`.
fn burg(series: &[f64], most: usize) -> Vec<Order> {
    let (mut forward, mut backward) = (series.to_vec(), series.to_vec());
    let mut power = series.iter().map(|d| d * d).sum::<f64>() / number(series.len());
    let mut orders = vec![Order { partial: 0.0, power }];
    for lag in 1..=most {
        // Both keep their places: `forward[t]` and `backward[t - 1]` belong together.
        let (mut product, mut squares) = (0.0, 0.0);
        for t in lag..series.len() {
            product += forward[t] * backward[t - 1];
            squares += forward[t] * forward[t] + backward[t - 1] * backward[t - 1];
        }
        let partial = if squares > 0.0 { 2.0 * product / squares } else { 0.0 };
        for t in (lag..series.len()).rev() {
            let (ahead, behind) = (forward[t], backward[t - 1]);
            forward[t] = ahead - partial * behind;
            backward[t] = behind - partial * ahead;
        }
        power *= 1.0 - partial * partial;
        orders.push(Order { partial, power });
    }
    orders
}

/// The order with the least corrected Akaike criterion.
fn order(orders: &[Order], samples: usize) -> usize {
    let n = number(samples);
    let least = usize::from(samples >= REMEMBERS_FROM);
    let criterion = |order: usize| {
        let p = number(order);
        n * orders[order].power.max(f64::MIN_POSITIVE).ln() + 2.0 * (p + 2.0) * n / (n - p - 3.0)
    };
    let told = |order: &usize| *order > 0 && orders[order - 1].power < ALL_TOLD * orders[0].power;
    let tried = (least..orders.len()).take_while(|order| order + 3 < samples && !told(order));
    tried.min_by(|a, b| criterion(*a).total_cmp(&criterion(*b))).unwrap_or(least)
}

/// A partial correlation with the bias of its estimate put right.
fn unbiased(partial: f64, order: usize, samples: usize) -> f64 {
    let (n, shift) = (number(samples), if order % 2 == 1 { 1.0 } else { 2.0 });
    let whole = (n - number(order) - 2.0).max(1.0);
    ((n * partial + shift) / whole).clamp(-NEARLY_ONE, NEARLY_ONE)
}

/// The coefficients of an autoregression with these partial correlations.
fn levinson(partial: &[f64]) -> Vec<f64> {
    let mut phi: Vec<f64> = Vec::with_capacity(partial.len());
    for next in partial {
        let before = phi.clone();
        for (own, mirrored) in phi.iter_mut().zip(before.iter().rev()) {
            *own -= next * mirrored;
        }
        phi.push(*next);
    }
    phi
}

/// `σ² 1'Γ⁻¹1`, Γ being the covariance of as many neighbours as there are coefficients:
/// `Γ⁻¹σ² = A A' - B B'` with the lower triangles of Toeplitz matrices that begin `1, -φ_1, …` and
/// `-φ_p, …, -φ_1`.
fn inverse_sum(phi: &[f64]) -> f64 {
    let a: Vec<f64> =
        std::iter::once(1.0).chain(phi.iter().map(|coefficient| -coefficient)).collect();
    // The sums of a triangle's columns are the sums of its first column's beginnings.
    let squares = |first: &mut dyn Iterator<Item = f64>| {
        let sums = first.scan(0.0, |sum, next| {
            *sum += next;
            Some(*sum * *sum)
        });
        sums.sum::<f64>()
    };
    let order = phi.len();
    let own = squares(&mut a.iter().take(order).copied());
    own - squares(&mut a.iter().skip(1).rev().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-9 * want.abs().max(1.0), "{got} ≠ {want}");
    }

    /// Two orders by hand. 1, 2, -1, -2: Σd² = 10. Order 1: 2 (2 - 2 + 2) / ((4 + 1 + 4) + (1 + 4 + 1))
    /// = 4 / 15; the power 10 / 4 × (1 - 16/225) = 2.322222.
    #[test]
    fn burg_by_hand() {
        let orders = burg(&[1.0, 2.0, -1.0, -2.0], 1);
        near(orders[0].power, 2.5);
        near(orders[1].partial, 4.0 / 15.0);
        near(orders[1].power, 2.5 * (1.0 - 16.0 / 225.0));
    }

    /// π = 0.5, 0.2: φ = (0.5 - 0.2 × 0.5, 0.2) = (0.4, 0.2). A third, -0.1: φ = (0.4 + 0.1 × 0.2,
    /// 0.2 + 0.1 × 0.4, -0.1).
    #[test]
    fn levinson_by_hand() {
        let got = levinson(&[0.5, 0.2]);
        near(got[0], 0.4);
        near(got[1], 0.2);
        let got = levinson(&[0.5, 0.2, -0.1]);
        [0.42, 0.24, -0.1].into_iter().zip(got).for_each(|(want, got)| near(got, want));
    }

    /// One coefficient, 0.6: σ² / γ = 1 - 0.36. Two, 0.4 and 0.2, by Yule and Walker, γ being the variance
    /// and r the correlations:
    ///
    /// ```text
    /// r_1 = 0.4 / (1 - 0.2) = 0.5,  r_2 = 0.4 × 0.5 + 0.2 = 0.4,  σ² / γ = 1 - 0.4 × 0.5 - 0.2 × 0.4 = 0.72
    /// 1'Γ⁻¹1 = 2 / (γ (1 + r_1)),   so 2 × 0.72 / 1.5 = 0.96
    /// ```
    #[test]
    fn gohberg_and_semencul_by_hand() {
        near(inverse_sum(&[0.6]), 0.64);
        near(inverse_sum(&[0.4, 0.2]), 0.96);
        near(inverse_sum(&[]), 0.0);
    }

    /// ±1 in turn: the mean of all is known exactly, if one believes it. Of ten, the variance is that
    /// of independent samples, 10 / 9; of forty a quarter of 40 / 39.
    #[test]
    fn no_series_is_too_regular() {
        let series = |samples| {
            let sign = |i| if i % 2 == 0 { 1.0 } else { -1.0 };
            Memory::of(&(0..samples).map(sign).collect::<Vec<_>>()).unwrap()
        };
        near(series(10).variance, 10.0 / 9.0);
        near(series(10).freedom, 9.0);
        near(series(40).variance, 40.0 / 39.0 / 4.0);
    }

    /// Eighteen of 1, 1, 1, -1, -1, -1, …: of 17 pairs 12 are alike and 5 are not, so π = 7 / 17. The
    /// criterion: 18 ln 1 + 4 × 18 / 15 = 4.8 for none, 18 ln(1 - 49/289) + 6 × 18 / 14 = 4.37 for one.
    /// With its bias put right, φ = (18 × 7/17 + 1) / 15 = 0.560784; σ² = (1 - 49/289) × 18 / 16 =
    /// 0.934256; V = 0.934256 / 0.439216² = 4.842953. var(ln V) = 2/16 + 4 (1 - 0.560784²) / 18 /
    /// 0.439216² = 0.914683; f = 2 / 0.914683.
    #[test]
    fn a_memory_of_one_step_by_hand() {
        let series: Vec<f64> = (0..18).map(|i| if i / 3 % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let Memory { variance, freedom } = Memory::of(&series).unwrap();
        assert!((variance - 4.842_953).abs() < 1e-6, "{variance}");
        assert!((freedom - 2.186_551).abs() < 1e-6, "{freedom}");
    }

    /// 10, 10, 11, 10, 11, again and again: after four lags a hundredth of its power is left, and more
    /// lags would give it an endless memory. Its variance is a quarter of 0.24 × 75 / 74.
    #[test]
    fn what_repeats_itself_has_no_endless_memory() {
        let series: Vec<f64> = (0..75).map(|i| [-0.4, -0.4, 0.6, -0.4, 0.6][i % 5]).collect();
        let Memory { variance, freedom } = Memory::of(&series).unwrap();
        near(variance, 0.24 * 75.0 / 74.0 / 4.0);
        assert!(freedom > 50.0, "{freedom}");
    }

    #[test]
    fn what_never_differs_has_no_variance() {
        assert_eq!(Memory::of(&[0.0; 12]), Some(Memory { variance: 0.0, freedom: 11.0 }));
        assert_eq!(Memory::of(&[1.0, -1.0, 0.0]), None);
    }

    #[test]
    fn lags_are_few() {
        assert_eq!([6, 30, 100, 500, 2_000].map(most_lags), [1, 3, 10, 26, 33]);
    }
}
