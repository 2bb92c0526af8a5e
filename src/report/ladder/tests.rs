//! What a ladder says in words and tables.

use super::*;
use crate::cost::{Assumptions, Books, MachinePrice};
use crate::record::builder::{RunBuilder, request};
use crate::record::{Finish, Peaks, Sweep};
use crate::units::{BytesPerSecond, FlopsPerSecond, UsdPerHour};

/// 12 rounds of so many requests with half a round for the prompts and nine steps of decoding.
fn judge(in_flight: u32, round: f64, slo: Option<&Slo>) -> Judgement {
    let mut run = RunBuilder::measured(0.0, 12.0 * round).in_flight(in_flight);
    for due in (0..12).map(|n| f64::from(n) * round) {
        for _ in 0..in_flight {
            let first = request(due).token(round / 2.0);
            run = run.request(first.tokens(9, round / 18.0).done(Finish::Length));
        }
        run = run.step((due, due + round / 2.0), u64::from(10 * in_flight), 0, 55);
        for from in (0..9).map(|n| due + round / 2.0 + f64::from(n) * round / 18.0) {
            run = run.step((from, from + round / 18.0), 0, in_flight, 15);
        }
    }
    let run = run.head(|head| {
        let name = "2026-11-22T08-00-01Z-ladder".to_owned();
        head.sweep = Some(Sweep { name, index: 1, of: Some(4) });
        head.peaks = Some(Peaks {
            bandwidth: BytesPerSecond(20e9),
            arithmetic: FlopsPerSecond(1.9e12),
            source: "by hand".to_owned(),
        });
    });
    let books = Books {
        gpus: crate::hardware::Catalogue::embedded().unwrap(),
        rentals: crate::hardware::Rentals::embedded().unwrap(),
        prices: crate::prices::Book::embedded().unwrap(),
    };
    let today = jiff::civil::date(2026, 11, 22);
    let (price, slo) = (Some(MachinePrice::given(UsdPerHour(3.6))), slo.cloned());
    Judgement::of(&run.build(), &books, &Assumptions { price, slo, ..Assumptions::on(today) })
}

fn printed(rungs: &[(u32, f64)], slo: Option<&str>) -> String {
    let slo: Option<Slo> = slo.map(|slo| slo.parse().unwrap());
    let judged = rungs.iter().map(|(n, round)| judge(*n, *round, slo.as_ref())).collect();
    ladder_document(&Ladder::of(slo, judged)).terminal(Some(80))
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in words {
        assert!(flowing.contains(words), "`{words}` is not in\n{text}");
    }
}

const RUNGS: [(u32, f64); 4] = [(1, 1_000.0), (2, 1_200.0), (4, 1_600.0), (8, 3_000.0)];

#[test]
fn a_ladder_fits_into_eighty_columns_and_names_its_point() {
    let text = printed(&RUNGS, None);
    let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(wide, Vec::<&str>::new());
    says(
        &text,
        &[
            "4 of 4 rungs, 10 + 10 tokens a request, greedy ladder 2026-11-22T08-00-01Z-ladder",
            "Knee: 4 at once is the least with 90 % of the highest rate",
            "Cheapest: 8 at once",
            "Operating point: 8 at once (run 19700101T000000-test).",
            "│ 8 ┆ a decode step",
        ],
    );
}

/// The 90th percentile of the first token: 500, 600, 800 and 1,500 ms.
#[test]
fn objectives_choose_and_say_why_not() {
    says(
        &printed(&RUNGS, Some("ttft=700ms")),
        &[
            "│ 2 ┆ yes ┆ 600 ms ┆ 24 of 24 ┆",
            "│ 8 ┆ no ┆ 1.50 s ! ┆ 0 of 96 ┆ 0 │",
            "Cheapest that keeps to ttft p90 <= 700 ms: 2 at once",
        ],
    );
    says(
        &printed(&RUNGS[..2], Some("ttft.p99=2s")),
        &[
            "can't tell",
            "No rung is known to keep to ttft p99 <= 2 s.",
            "Too few requests tell at a load of 1, 2",
        ],
    );
}

#[test]
fn a_ladder_that_ends_too_soon_says_so() {
    let text = printed(&RUNGS[..3], None);
    says(&text, &["3 of 4 rungs", "Still rising: 4 at once", "`--concurrency 8,16`"]);
    says(&printed(&[], None), &["no rung is on record"]);
}
