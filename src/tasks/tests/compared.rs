//! Two models, by hand.

use super::builder::{Made, by, judged, near, own};
use crate::record::attempts::Attempts;
use crate::record::attempts::Verdict::{Solved, Wrong};
use crate::tasks::compare::difference;
use crate::tasks::{Compared, Finding, Price};

/// A model that solved the first `solved` of `of` problems, each with so many tokens.
fn model(name: &str, solved: usize, of: usize, tokens: u64) -> Attempts {
    (0..of)
        .fold(Made::new(name), |made, i| {
            let verdict = if i < solved { Solved } else { Wrong };
            made.attempt(&format!("p{i:02}"), 1, verdict, tokens + (i as u64) % 3)
        })
        .build()
}

fn compared(one: &Attempts, other: &Attempts, prices: [Price<'_>; 2]) -> Compared {
    let [mine, theirs] = prices;
    let mut table = judged(&[by(one, Some(mine)), by(other, Some(theirs))]);
    table.all.compared.remove(0)
}

fn findings(of: &Compared) -> [Finding; 3] {
    [of.solved.finding, of.tokens.finding, of.per_solved.finding]
}

/// 40 problems, 4 and 5 of them solved by the one alone: means 4/42 and 5/42 with half a problem in each
/// cell; variances (5 - 16/42) / 42² and (6 - 25/42) / 42², t(39) = 2.022691: halves 0.103499 and
/// 0.111961. So four are no finding (`McNemar`'s exact test: p = 0.125), five barely one.
#[test]
fn a_difference_by_hand() {
    for (alone, middle, half) in [(4, 4.0 / 42.0, 0.103_499), (5, 5.0 / 42.0, 0.111_961)] {
        let pairs: Vec<_> = (0..40).map(|i| (if i < alone { 1.0 } else { 0.0 }, 1.0)).collect();
        let (mean, ends) = difference(&pairs).unwrap();
        let (low, high) = ends.unwrap();
        near(mean, f64::from(alone) / 40.0);
        assert!((low - (middle - half)).abs() < 1e-5 && (high - (middle + half)).abs() < 1e-5);
    }
    assert_eq!(difference(&[]), None);
}

#[test]
fn a_model_ties_with_itself() {
    let (a, b) = (model("a", 7, 12, 50), model("b", 7, 12, 50));
    let got = compared(&a, &b, [own(1.0, 10.0), own(1.0, 10.0)]);
    assert_eq!((findings(&got), got.problems), ([Finding::Tie; 3], 12));
    near(got.tokens.value.unwrap().get(), 1.0);
    near(got.per_solved.value.unwrap().get(), 1.0);
}

#[test]
fn exchanged_models_have_the_exchanged_finding() {
    let (a, b) = (model("a", 18, 20, 500), model("b", 9, 20, 50));
    let got = compared(&a, &b, [own(1.0, 10.0), own(1.0, 10.0)]);
    assert_eq!(findings(&got), [Finding::More; 3]);
    let back = compared(&b, &a, [own(1.0, 10.0), own(1.0, 10.0)]);
    assert_eq!(findings(&back), [Finding::Less; 3]);
    let of = |compared: &Compared| compared.per_solved.value.unwrap().get();
    near(of(&got) * of(&back), 1.0);
    // (100 + 10 × 500.95) × 20 / 18 over (100 + 10 × 50.95) × 20 / 9.
    near(of(&got), (5_109.5 / 18.0) / (609.5 / 9.0));
    // At a fiftieth of the price the thirsty one is the cheaper.
    let cheap = compared(&a, &b, [own(0.02, 0.2), own(1.0, 10.0)]);
    assert_eq!(findings(&cheap), [Finding::More, Finding::More, Finding::Less]);
}

/// A model that solved nothing is dearer only where even its rate's high end leaves it so: of 20 problems
/// that is 0.18, so at a price of a hundredth nothing can be said.
#[test]
fn none_solved_is_dearer_only_beyond_doubt() {
    let (none, most) = (model("a", 0, 20, 50), model("b", 19, 20, 50));
    let got = compared(&none, &most, [own(1.0, 10.0), own(1.0, 10.0)]);
    assert_eq!((got.per_solved.finding, got.per_solved.value), (Finding::More, None));
    let back = compared(&most, &none, [own(1.0, 10.0), own(1.0, 10.0)]);
    assert_eq!(back.per_solved.finding, Finding::Less);
    let cheap = compared(&none, &most, [own(0.01, 0.1), own(1.0, 10.0)]);
    assert_eq!(cheap.per_solved.finding, Finding::Untold);
    let both = compared(&none, &model("b", 0, 20, 50), [own(1.0, 10.0), own(1.0, 10.0)]);
    assert_eq!(both.per_solved.finding, Finding::Untold);
    assert_eq!(both.solved.finding, Finding::Tie);
}

#[test]
fn only_common_tasks_are_compared() {
    let (all, few) = (model("a", 10, 20, 50), model("b", 4, 8, 50));
    let got = compared(&all, &few, [own(1.0, 10.0), own(1.0, 10.0)]);
    assert_eq!(got.problems, 8);
    // Of the first eight the one solved all, the other four.
    near(got.solved.value.unwrap().get(), 0.5);
    let three = compared(&all, &model("b", 3, 3, 50), [own(1.0, 10.0), own(1.0, 10.0)]);
    assert_eq!(three.tokens.finding, Finding::Untold);
    assert!(three.tokens.value.is_some());
}
