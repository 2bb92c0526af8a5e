//! What must hold of any attempts.

use super::builder::{Made, by, judged, own, table};
use crate::record::attempts::{Attempts, Verdict};
use crate::tasks::{PerSolved, Row, TaskTable};
use crate::units::{Estimate, Quantity, Usd};
use proptest::prelude::*;

/// Attempts: problem, variant or not, repeat, verdict, tokens.
fn attempts(name: &'static str) -> impl Strategy<Value = Attempts> {
    let one = (0..9_u8, any::<bool>(), 1..4_u32, 0..6_usize, 0..400_u64);
    prop::collection::vec(one, 1..40).prop_map(move |all| {
        let mut seen = std::collections::BTreeSet::new();
        let made = all.into_iter().filter(|it| seen.insert((it.0, it.1, it.2))).fold(
            Made::new(name),
            |made, (problem, variant, repeat, verdict, tokens)| {
                let (base, verdict) = (format!("p{problem}"), Verdict::ALL[verdict]);
                if variant {
                    made.variant(&base, &format!("{base}-1"), repeat, verdict, tokens)
                } else {
                    made.attempt(&base, repeat, verdict, tokens)
                }
            },
        );
        made.build()
    })
}

fn holds<Q: Quantity>(estimate: Estimate<Q>) -> bool {
    let Estimate { value, interval } = estimate;
    value.get().is_finite() && interval.is_none_or(|(low, high)| low <= value && value <= high)
}

fn row_is_sound(row: &Row) -> Result<(), TestCaseError> {
    let v = row.verdicts;
    let all = v.solved + v.wrong + v.no_answer + v.refused + v.truncated + v.failed;
    prop_assert_eq!(all, row.attempts);
    prop_assert!(holds(row.solved));
    let (low, high) = row.solved.interval.unwrap_or((row.solved.value, row.solved.value));
    prop_assert!(low.get() >= 0.0 && high.get() <= 1.0);
    if let Some(tokens) = row.tokens {
        prop_assert!(holds(tokens.mean) && tokens.lower_quartile <= tokens.median);
        prop_assert!(tokens.median <= tokens.upper_quartile);
    }
    if let Some(overhead) = row.overhead {
        prop_assert!(holds(overhead.overhead) && holds(overhead.efficiency));
        prop_assert!(overhead.efficiency.value.is_proper_share());
        prop_assert!(overhead.tasks <= v.solved);
    }
    let cost = row.cost.unwrap();
    prop_assert!(
        holds(cost.per_attempt)
            && cost.unsolved <= cost.total * crate::units::Ratio::of(1.0 + 1e-9)
    );
    match cost.per_solved {
        PerSolved::NoneSolved { at_least, .. } => {
            prop_assert_eq!(v.solved, 0);
            prop_assert!(at_least.is_none_or(|least| least >= cost.per_attempt.value));
            prop_assert!(row.overhead.is_none() && cost.of_pass.is_none());
        }
        PerSolved::Solved { value, interval } => {
            prop_assert!(v.solved > 0 && value.0 >= cost.per_attempt.value.0 * (1.0 - 1e-9));
            if let Some(range) = interval {
                prop_assert!(range.low.0 <= value.0 * (1.0 + 1e-9) && range.low.0 >= 0.0);
                prop_assert!(range.high.is_none_or(|high| high.0 >= value.0 * (1.0 - 1e-9)));
            }
        }
    }
    Ok(())
}

fn per_solved(table: &TaskTable) -> Vec<Usd> {
    let rows = table.all.rows.iter().filter_map(|row| row.cost);
    rows.flat_map(|cost| match cost.per_solved {
        PerSolved::Solved { value, interval } => {
            let high = interval.and_then(|range| range.high).unwrap_or(value);
            vec![cost.total, value, interval.map_or(value, |range| range.low), high]
        }
        PerSolved::NoneSolved { spent, at_least } => vec![spent, at_least.unwrap_or(spent)],
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_row_is_sound(one in attempts("a"), other in attempts("b")) {
        let table = judged(&[by(&one, Some(own(1.0, 10.0))), by(&other, Some(own(2.0, 5.0)))]);
        for row in table.families.iter().flat_map(|family| &family.rows).chain(&table.all.rows) {
            row_is_sound(row)?;
        }
        prop_assert!(table.all.rows.iter().any(|row| row.frontier));
    }

    #[test]
    fn the_order_of_attempts_changes_nothing(
        (given, shuffled) in attempts("a").prop_flat_map(|made| {
            let all = Just(made.attempts.clone()).prop_shuffle();
            (Just(made), all)
        }),
    ) {
        let other = Attempts { attempts: shuffled, ..given.clone() };
        let price = || Some(own(1.0, 10.0));
        prop_assert_eq!(table(&[by(&given, price())]), table(&[by(&other, price())]));
    }

    #[test]
    fn a_cheaper_hour_is_never_a_dearer_task(made in attempts("a"), share in 0.01..1.0f64) {
        let dear = judged(&[by(&made, Some(own(1.0, 10.0)))]);
        let cheap = judged(&[by(&made, Some(own(share, 10.0 * share)))]);
        for (cheap, dear) in per_solved(&cheap).iter().zip(per_solved(&dear)) {
            prop_assert!(cheap.0 <= dear.0 * (1.0 + 1e-9), "{:?} > {:?}", cheap, dear);
        }
    }

    /// One more attempt that solves nothing makes a solved task dearer, and one that failed is paid, too.
    #[test]
    fn what_is_not_solved_is_paid_by_what_is(made in attempts("a"), tokens in 1..400_u64) {
        let more = Made::new("a").attempt("p0", 9, Verdict::Wrong, tokens).build();
        let both = Attempts {
            attempts: made.attempts.iter().cloned().chain(more.attempts).collect(),
            ..made.clone()
        };
        let of = |made: &Attempts| {
            let row = judged(&[by(made, Some(own(1.0, 10.0)))]).all.rows.remove(0);
            row.cost.unwrap().per_solved.value()
        };
        if let (Some(before), Some(after)) = (of(&made), of(&both)) {
            prop_assert!(after > before);
        }
    }
}
