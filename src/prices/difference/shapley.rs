//! Shapley's split of a difference over the factors that changed, in whole numbers.
//!
//! Invariant: the shares add up to the difference to the last unit, and what is alike in every
//! order gets alike shares but for that unit. A factor's share is the mean, over all orders in which
//! the factors could have changed one after another, of what it changed when its turn came: nobody
//! can say of two that changed in one month which came first. Guarded by the tests here.
//!
//! Source: L. S. Shapley, "A value for n-person games", 1953.

/// The most factors: 2^FACTORS values, and a common denominator that fits everywhere.
const FACTORS: usize = 8;

/// The shares of `N` factors in `value(all) − value(none)`. `value` is asked for each set of factors
/// that have changed: bit i of its argument is factor i.
///
/// Each share is exact in units of 1/N!; what is left over in rounding them down goes, unit by unit,
/// to the shares with the largest remainders, the first of equal ones first.
pub(super) fn shapley<const N: usize>(value: impl Fn(usize) -> i128) -> [i128; N] {
    const { assert!(N <= FACTORS) };
    let values: Vec<i128> = (0..1 << N).map(value).collect();
    let orders = factorial(N);
    let mut exact = [0_i128; N];
    for (set, before) in values.iter().enumerate() {
        let size = set.count_ones() as usize;
        for (factor, share) in exact.iter_mut().enumerate() {
            let with = set | 1 << factor;
            if with != set {
                // In so many orders this set, and nothing else, has changed before the factor.
                let weight = factorial(size) * factorial(N - 1 - size);
                let change = values[with].saturating_sub(*before);
                *share = share.saturating_add(change.saturating_mul(weight));
            }
        }
    }
    rounded(exact, orders)
}

/// Numerators over one denominator, as whole numbers of the same sum.
fn rounded<const N: usize>(exact: [i128; N], denominator: i128) -> [i128; N] {
    let mut whole = exact.map(|share| share.div_euclid(denominator));
    let rests = exact.map(|share| share.rem_euclid(denominator));
    let left = rests.iter().sum::<i128>() / denominator;
    let mut order: Vec<usize> = (0..N).collect();
    order.sort_by_key(|&factor| std::cmp::Reverse(rests[factor]));
    for (_, factor) in (0..left).zip(order) {
        whole[factor] += 1;
    }
    whole
}

fn factorial(n: usize) -> i128 {
    (1..=n as i128).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_factors_share_what_only_both_together_change() {
        // A product that goes from 3 × 4 to 5 × 10: 2 × (4 + 10) / 2 = 14, 6 × (3 + 5) / 2 = 24.
        let pick =
            |changed: usize, bit: usize, old, new| if changed >> bit & 1 == 1 { new } else { old };
        assert_eq!(shapley::<2>(|set| pick(set, 0, 3, 5) * pick(set, 1, 4, 10)), [14, 24]);
        // With a factor that changes nothing.
        let three = shapley::<3>(|set| pick(set, 0, 3, 5) * pick(set, 2, 4, 10));
        assert_eq!(three, [14, 0, 24]);
        assert_eq!(shapley::<1>(|set| pick(set, 0, 7, -2)), [-9]);
    }

    #[test]
    fn what_does_not_divide_goes_to_the_largest_remainder() {
        // One unit among three that are alike; two among three; minus one.
        let of = |sum| shapley::<3>(|set| if set == 7 { sum } else { 0 });
        assert_eq!((of(1), of(2), of(-1)), ([1, 0, 0], [1, 1, 0], [0, 0, -1]));
        assert_eq!(rounded([5, -3, 4], 6), [1, -1, 1]);
    }

    proptest! {
        #[test]
        fn shares_add_up(values in prop::collection::vec(-1_000_000_i128..1_000_000, 32)) {
            let shares = shapley::<5>(|set| values[set]);
            prop_assert_eq!(shares.iter().sum::<i128>(), values[31] - values[0]);
            // By the definition: the mean over all 120 orders, at most a unit away.
            let mut sums = [0_i128; 5];
            for order in orders(&[0, 1, 2, 3, 4]) {
                let mut set = 0;
                for factor in order {
                    sums[factor] += values[set | 1 << factor] - values[set];
                    set |= 1 << factor;
                }
            }
            for (share, sum) in shares.iter().zip(sums) {
                prop_assert!((share * 120 - sum).abs() < 120, "{share} {sum}");
            }
        }
    }

    fn orders(of: &[usize]) -> Vec<Vec<usize>> {
        if of.is_empty() {
            return vec![Vec::new()];
        }
        let without =
            |one: usize| of.iter().copied().filter(|other| *other != one).collect::<Vec<_>>();
        let behind = |one: usize| {
            orders(&without(one)).into_iter().map(move |rest| [vec![one], rest].concat())
        };
        of.iter().flat_map(|&one| behind(one)).collect()
    }
}
