//! Attempts written down by hand, judged.

pub(super) mod builder;
mod compared;
mod priced;
mod properties;

use super::*;
use crate::record::attempts::Verdict::{Refused, Solved, Truncated, Wrong};
use crate::units::{Ratio, Usd};
use builder::{Made, by, judged, near, own};

/// Three problems, twice each; 100 prompt tokens; 1 USD/Mtok in, 10 out.
///
/// a: 10 and 30 tokens, both solved; b: 20 solved, 40 wrong; c: 100 and 60, none solved.
/// Tokens in order 10, 20, 30, 40, 60, 100: quartiles at 1.25, 2.5, 3.75: 22.5, 35, 55; mean 260 / 6.
/// Cost in microdollars: 100 × 6 + 10 × 260 = 3,200: per attempt 533.33, per solved task 3,200 / 3.
/// Cost of pass: a (100 + 200) / 1 = 300, b (100 + 300) / 0.5 = 800: the mean 550; c has none.
/// Unsolved: b's 500, c's 100 + 1,000 + 100 + 600.
#[test]
fn a_row_by_hand() {
    let made = Made::new("m")
        .attempt("a", 1, Solved, 10)
        .attempt("a", 2, Solved, 30)
        .attempt("b", 1, Solved, 20)
        .attempt("b", 2, Wrong, 40)
        .attempt("c", 1, Truncated, 100)
        .attempt("c", 2, Refused, 60)
        .build();
    let table = judged(&[by(&made, Some(own(1.0, 10.0)))]);
    let row = &table.all.rows[0];
    assert_eq!((row.problems, row.tasks, row.attempts), (3, 3, 6));
    let verdicts =
        VerdictCounts { solved: 3, wrong: 1, refused: 1, truncated: 1, ..VerdictCounts::default() };
    assert_eq!(row.verdicts, verdicts);
    near(row.solved.value.get(), 0.5);
    let tokens = row.tokens.unwrap();
    near(tokens.lower_quartile.0, 22.5);
    near(tokens.median.0, 35.0);
    near(tokens.upper_quartile.0, 55.0);
    near(tokens.mean.value.0, 260.0 / 6.0);
    assert_eq!((tokens.counted, tokens.mean.interval, tokens.reasoning), (6, None, None));
    let cost = row.cost.unwrap();
    near(cost.total.0, 3_200e-6);
    near(cost.per_attempt.value.0, 3_200e-6 / 6.0);
    near(cost.per_solved.value().unwrap().0, 3_200e-6 / 3.0);
    near(cost.unsolved.0, 2_300e-6);
    near(cost.retries.0, 0.0);
    let pass = cost.of_pass.unwrap();
    near(pass.value.0, 550e-6);
    assert_eq!((pass.tasks, pass.never_solved, cost.billed), (2, 1, None));
    // Alone it is its own measure.
    near(row.overhead.unwrap().overhead.value.get(), 1.0);
    assert_eq!((row.overhead.unwrap().tasks, row.variants), (2, None));
    assert!(row.frontier && table.families.len() == 1 && table.all.compared.is_empty());
}

/// a: `lean` solves it with 10 and 14 (in the middle 12; its 99 tokens that solved nothing don't count),
/// `loud` with 36. b: `loud` alone, with 50; `lean` has none there. So `loud`'s overheads are 3 and 1,
/// in the geometric mean √3, and its efficiency 1/√3; `lean`'s are 1.
#[test]
fn overhead_is_over_the_fewest_that_solved_it() {
    let lean = Made::new("lean")
        .attempt("a", 1, Solved, 10)
        .attempt("a", 2, Solved, 14)
        .attempt("a", 3, Wrong, 99)
        .attempt("b", 1, Wrong, 1)
        .build();
    let loud = Made::new("loud").attempt("a", 1, Solved, 36).attempt("b", 1, Solved, 50).build();
    let table = judged(&[by(&lean, None), by(&loud, None)]);
    assert_eq!(table.reference, ["lean", "loud"]);
    let [lean_row, loud_row] = table.all.rows.as_slice() else { panic!() };
    let overhead = |row: &Row| row.overhead.unwrap();
    assert_eq!((overhead(lean_row).tasks, overhead(loud_row).tasks), (1, 2));
    near(overhead(lean_row).overhead.value.get(), 1.0);
    near(overhead(loud_row).overhead.value.get(), 3.0_f64.sqrt());
    near(overhead(loud_row).efficiency.value.get(), 1.0 / 3.0_f64.sqrt());
    // Measured by itself, it wastes nothing; and nobody is measured by more than itself.
    let judging = Judging { reference: vec!["loud".to_owned()], ..Judging::default() };
    let alone = TaskTable::of(&[by(&lean, None), by(&loud, None)], &judging).unwrap();
    assert_eq!(alone.reference, ["loud"]);
    for row in &alone.all.rows {
        near(overhead(row).overhead.value.get(), 1.0);
    }
    // Missing attempts are counted, of the tasks that anybody tried.
    let missing: Vec<_> = table.models.iter().map(|line| (line.attempts, line.missing)).collect();
    assert_eq!(missing, [(4, 2), (2, 4)]);
}

/// Originals solved in 2 of 2 and 1 of 2; their variants in 1 of 2, and 0 of 4 over two of them: 0.75
/// beside 0.25. Tokens 10 + 20 on originals; on variants 30, and (40 + 60) / 2: 30 / 80.
#[test]
fn originals_beside_variants_by_hand() {
    let made = Made::new("m")
        .attempt("a", 1, Solved, 8)
        .attempt("a", 2, Solved, 12)
        .variant("a", "a-1", 1, Solved, 30)
        .variant("a", "a-1", 2, Wrong, 30)
        .attempt("b", 1, Solved, 20)
        .attempt("b", 2, Wrong, 20)
        .variant("b", "b-1", 1, Wrong, 40)
        .variant("b", "b-1", 2, Wrong, 40)
        .variant("b", "b-2", 1, Wrong, 60)
        .variant("b", "b-2", 2, Wrong, 60)
        .attempt("alone", 1, Solved, 1_000)
        .build();
    let row = judged(&[by(&made, None)]).all.rows.remove(0);
    assert_eq!((row.problems, row.tasks), (3, 6));
    let variants = row.variants.unwrap();
    assert_eq!(variants.problems, 2);
    near(variants.original.get(), 0.75);
    near(variants.variant.get(), 0.25);
    near(variants.lost.value.get(), 0.5);
    near(variants.tokens.unwrap().value.get(), 30.0 / 80.0);
}

/// Ten problems, none solved, 100 tokens in and 10 out at 1 and 10 USD/Mtok: 200 microdollars each. The
/// high end of the rate is t(9)² / (10 + t(9)²) = 0.338509, so a solved task costs at least 590.8.
#[test]
fn none_solved_has_no_price_per_solved_task() {
    let made = (0..10).fold(Made::new("m"), |made, i| made.attempt(&format!("p{i}"), 1, Wrong, 10));
    let made = made.build();
    let table = judged(&[by(&made, Some(own(1.0, 10.0)))]);
    let cost = table.all.rows[0].cost.unwrap();
    let PerSolved::NoneSolved { spent, at_least } = cost.per_solved else { panic!("{cost:?}") };
    near(spent.0, 2_000e-6);
    assert!((at_least.unwrap().0 - 590.83e-6).abs() < 1e-8, "{at_least:?}");
    assert_eq!((cost.per_solved.value(), cost.of_pass), (None, None));
    assert_eq!(table.all.rows[0].overhead, None);
    let json = serde_json::to_value(table.all.rows[0].cost).unwrap();
    assert_eq!(json["per_solved"]["state"], "none_solved");
    // One more that is solved: there is a figure, and no bound above it.
    let one = (0..10).fold(Made::new("m"), |made, i| {
        made.attempt(&format!("p{i}"), 1, if i == 0 { Solved } else { Wrong }, 10)
    });
    let one = one.build();
    let cost = judged(&[by(&one, Some(own(1.0, 10.0)))]).all.rows[0].cost.unwrap();
    let PerSolved::Solved { value, interval: Some(range) } = cost.per_solved else { panic!() };
    near(value.0, 2_000e-6);
    assert!(range.low < value && range.high.is_none(), "{range:?}");
}

/// All ten solved: the bootstrap knows no other, and the high end is the rate's: 200 / 0.661491.
#[test]
fn all_solved_is_not_sure_to_be_all() {
    let made =
        (0..10).fold(Made::new("m"), |made, i| made.attempt(&format!("p{i}"), 1, Solved, 10));
    let made = made.build();
    let cost = judged(&[by(&made, Some(own(1.0, 10.0)))]).all.rows[0].cost.unwrap();
    let PerSolved::Solved { value, interval: Some(range) } = cost.per_solved else { panic!() };
    near(value.0, 200e-6);
    near(range.low.0, 200e-6);
    assert!((range.high.unwrap().0 - 302.35e-6).abs() < 1e-8, "{range:?}");
}

/// The text of 1,000 characters in 250 tokens: 4 a token, so at 1 and 10 USD/Mtok a million characters
/// cost 0.25 and 2.50. Prompts have 400 characters and 100 tokens each; replies 60 characters and 30
/// tokens, of which 10 were reasoning in the second.
#[test]
fn characters_by_hand() {
    let made = Made::new("m")
        .attempt("a", 1, Solved, 10)
        .attempt("a", 2, Solved, 20)
        .change(|attempt| {
            attempt.tries[0].usage.reasoning = Some(crate::units::Tokens(10));
            attempt.reply_characters = 30;
        })
        .cut(1_000, 250)
        .build();
    let line = judged(&[by(&made, Some(own(1.0, 10.0)))]).models.remove(0).characters;
    near(line.same_text.unwrap().0, 4.0);
    near(line.prompts.unwrap().0, 4.0);
    near(line.replies.unwrap().0, (40.0 + 30.0) / 20.0);
    near(line.input.unwrap().value.0, 0.25);
    near(line.output.unwrap().value.0, 2.5);
    let bare = Made::new("m").attempt("a", 1, Solved, 10).build();
    let line = judged(&[by(&bare, None)]).models.remove(0).characters;
    assert_eq!((line.text, line.same_text, line.input), (None, None, None));
}

#[test]
fn what_is_on_the_frontier() {
    let point = |rate, usd| Some((Ratio::of(rate), Usd(usd)));
    let points =
        [point(0.5, 1.0), point(0.5, 2.0), point(0.9, 3.0), None, point(0.4, 1.0), point(0.9, 3.0)];
    assert_eq!(compare::frontier(&points), [true, false, true, false, false, true]);
}

#[test]
fn only_what_was_asked_alike_is_laid_side_by_side() {
    let (a, b) = (Made::new("a").build(), Made::new("b").build());
    let other = Made::new("b").head(|head| head.seed = 8).build();
    let of = |contestants: &[Contestant<'_>], reference: &[&str]| {
        let reference = reference.iter().map(|name| (*name).to_owned()).collect();
        TaskTable::of(contestants, &Judging { seed: 0, reference }).unwrap_err().to_string()
    };
    assert_eq!(of(&[], &[]), "no record of attempts was given");
    assert_eq!(of(&[by(&a, None), by(&a, None)], &[]), "two of the models are called `a`");
    let seeds = "`b`: its seed is `8`, that of `a` `7`";
    assert_eq!(of(&[by(&a, None), by(&other, None)], &[]), seeds);
    let unknown = "the reference set names `c`, which is none of the models";
    assert_eq!(of(&[by(&a, None), by(&b, None)], &["c"]), unknown);
}

/// What nothing is said of is `None` all through: nobody counted, nobody gave a price.
#[test]
fn nothing_is_made_of_nothing() {
    let made = Made::new("m")
        .attempt("a", 1, Solved, 10)
        .change(|attempt| attempt.tries[0].usage = crate::record::Usage::default())
        .build();
    let row = judged(&[by(&made, None)]).all.rows.remove(0);
    assert_eq!((row.tokens, row.overhead, row.cost), (None, None, None));
    assert_eq!(row.unpriced, Some(Unpriced::NoPrice));
    let row = judged(&[by(&made, Some(own(1.0, 10.0)))]).all.rows.remove(0);
    let words = "task `a`, repeat 1: the target did not count its tokens";
    assert_eq!(row.unpriced.unwrap().to_string(), words);
    assert_eq!(row.cost, None);
    let empty = Made::new("m").build();
    assert!(judged(&[by(&empty, None)]).all.rows.is_empty());
}
