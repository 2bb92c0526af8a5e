//! What attempts cost, by hand: on own hardware at a load, and on APIs by their bills.

use super::builder::{Made, by, judged, near, noon, own};
use crate::cost::{Load, OwnRates};
use crate::prices::{Book, Entry};
use crate::record::attempts::Try;
use crate::record::attempts::Verdict::{Failed, Solved, Wrong};
use crate::record::{Failure, FailureKind, Finish, Usage};
use crate::tasks::{PerSolved, Price, Range};
use crate::units::{Estimate, PicoUsd, Ratio, Seconds, Tokens, Usd, UsdPerMtok};

/// A try that failed.
fn failed(kind: FailureKind, usage: Usage) -> Try {
    Try {
        at: noon(),
        took: Seconds(1.0),
        first_token: None,
        finish: Finish::Failed(Failure::new(kind, "as told")),
        finish_reason: None,
        usage,
    }
}

fn counted(prompt: u64, output: u64) -> Usage {
    Usage { prompt: Some(Tokens(prompt)), output: Some(Tokens(output)), ..Usage::default() }
}

fn api(entry: &Entry) -> Price<'_> {
    Price::Api { entry, service: None, as_of: None }
}

/// gpt-oss-20b at Groq: 0.075 in, 0.0375 cached, 0.30 out, so in picodollars a token 75,000, 37,500 and
/// 300,000. The first attempt: 429, which costs nothing; an answer of 1,000 in (400 of them cached) and
/// 300 out, 200 of them reasoning: 600 × 75,000 + 400 × 37,500 + 300 × 300,000 = 150,000,000. The second:
/// a broken stream after 50 tokens, 100 × 75,000 + 50 × 300,000 = 22,500,000; then 100 in and 10 out,
/// wrong: 10,500,000. The third: every try timed out, and nobody knows what of it is billed.
#[test]
fn an_api_bills_every_try() {
    let book = Book::embedded().unwrap();
    let entry = book.get("groq/openai/gpt-oss-20b").unwrap();
    let made = Made::new("m")
        .attempt("a", 1, Solved, 0)
        .change(|attempt| {
            attempt.tries[0].usage = Usage {
                cached: Some(Tokens(400)),
                reasoning: Some(Tokens(200)),
                ..counted(1_000, 300)
            };
            attempt.tries.insert(0, failed(FailureKind::RateLimited, Usage::default()));
        })
        .attempt("b", 1, Wrong, 10)
        .change(|it| it.tries.insert(0, failed(FailureKind::BrokenStream, counted(100, 50))))
        .attempt("c", 1, Failed, 0)
        .change(|it| it.tries = vec![failed(FailureKind::TimeOut, Usage::default()); 2])
        .build();
    let table = judged(&[by(&made, Some(api(entry)))]);
    let row = &table.all.rows[0];
    let cost = row.cost.unwrap();
    assert_eq!(cost.billed, Some(PicoUsd(183_000_000)));
    near(cost.total.0, 183e-6);
    near(cost.retries.0, 22.5e-6);
    near(cost.unsolved.0, 33e-6);
    near(cost.per_solved.value().unwrap().0, 183e-6);
    assert_eq!((row.retries, cost.untold, row.verdicts.failed), (3, 2, 1));
    near(row.tokens.unwrap().reasoning.unwrap().get(), 200.0 / 300.0);
    assert_eq!(table.models[0].price.as_deref(), Some("groq/openai/gpt-oss-20b"));
    assert!(table.models[0].price_error_known);
}

/// The bill of all attempts is the price book's own of the same requests.
#[test]
fn the_bill_is_the_price_books() {
    use crate::prices::{Request, TokenKind, Usage as Billed, bill};
    let book = Book::embedded().unwrap();
    let made = (1..=40).fold(Made::new("m"), |made, i| {
        made.attempt(&format!("t{i}"), 1, if i % 3 == 0 { Solved } else { Wrong }, i * i)
    });
    let made = made.build();
    let mut compared = 0;
    for entry in book.entries() {
        let requests: Vec<Request> = (1..=40_u64)
            .map(|i| {
                let usage = Billed::default()
                    .with(TokenKind::Input, Tokens(100))
                    .with(TokenKind::Output, Tokens(i * i));
                Request::new(noon(), usage)
            })
            .collect();
        let row = judged(&[by(&made, Some(api(entry)))]).all.rows.remove(0);
        match bill(&entry.id, &entry.tariffs, &requests) {
            Ok(bill) => {
                assert_eq!(row.cost.unwrap().billed, Some(bill.total()), "{}", entry.id);
                compared += 1;
            }
            Err(error) => {
                let said = row.unpriced.unwrap().to_string();
                assert!(said.contains(&error.to_string()), "{said} ≠ {error}");
            }
        }
        if compared == 25 {
            break;
        }
    }
    assert_eq!(compared, 25);
}

/// 2 ± 0.2 in, 1 cached, 10 ± 1 out at a load of 50 %: 4, 2 and 20. 100 in, 40 of them cached, 10 out:
/// 60 × 4 + 40 × 2 + 10 × 20 = 520 microdollars.
#[test]
fn own_hardware_at_a_load() {
    let within = |price, half| Estimate::within(UsdPerMtok(price), UsdPerMtok(half));
    let rates = OwnRates {
        uncached: within(2.0, 0.2),
        cached: Some(within(1.0, 0.0)),
        output: within(10.0, 1.0),
    };
    let load = Load::new(Ratio::of(0.5)).unwrap();
    let machine = "2.50 USD/h H100".to_owned();
    let made = Made::new("m")
        .attempt("a", 1, Solved, 10)
        .change(|attempt| attempt.tries[0].usage.cached = Some(Tokens(40)))
        .build();
    let price = Price::Own { machine: machine.clone(), rates, load };
    let table = judged(&[by(&made, Some(price))]);
    near(table.all.rows[0].cost.unwrap().total.0, 520e-6);
    assert_eq!(table.models[0].price.as_deref(), Some("2.50 USD/h H100 at a load of 50%"));
    // Nothing told cached input apart: what was cached has no price.
    let price =
        Price::Own { machine: machine.clone(), rates: OwnRates { cached: None, ..rates }, load };
    let row = judged(&[by(&made, Some(price))]).all.rows.remove(0);
    let words = "task `a`, repeat 1: 40 tok were cached, which have no price";
    assert_eq!((row.cost, row.unpriced.unwrap().to_string()), (None, words.to_owned()));
    // One price for all: 110 tokens at 3 / 50 %.
    let price = Price::Blended { machine, price: within(3.0, 0.3), load };
    let table = judged(&[by(&made, Some(price))]);
    near(table.all.rows[0].cost.unwrap().total.0, 660e-6);
}

/// Ten problems alike, all solved for 200 microdollars each: over problems nothing differs, and the
/// prices' error of 10 % is all that the low end has; high, the rate's 1 / 0.661491 and 10 % in squares:
/// exp(√(0.413259² + 0.095310²)) = exp(0.424107) = 1.528225.
#[test]
fn the_error_of_prices_is_in_the_intervals() {
    let within = |price: f64| Estimate::within(UsdPerMtok(price), UsdPerMtok(price / 10.0));
    let rates = OwnRates { uncached: within(1.0), cached: None, output: within(10.0) };
    let price = || Price::Own { machine: "it".to_owned(), rates, load: Load::FULL };
    let made =
        (0..10).fold(Made::new("m"), |made, i| made.attempt(&format!("p{i}"), 1, Solved, 10));
    let made = made.build();
    let cost = judged(&[by(&made, Some(price()))]).all.rows[0].cost.unwrap();
    let (low, high) = cost.per_attempt.interval.unwrap();
    near(low.0, 180e-6);
    near(high.0, 220e-6);
    let PerSolved::Solved { interval: Some(Range { low, high: Some(Usd(high)) }), .. } =
        cost.per_solved
    else {
        panic!("{cost:?}")
    };
    near(low.0, 180e-6);
    assert!((high - 305.645e-6).abs() < 1e-8, "{high}");
}

/// A judge of 50 in and 1 out a verdict is paid apart: 60 microdollars each; without a price nobody knows.
#[test]
fn a_judge_is_paid_apart() {
    use crate::record::attempts::JudgeCall;
    let made = Made::new("m").attempt("a", 1, Solved, 10).change(|attempt| {
        let usage = counted(50, 1);
        attempt.judge = Some(JudgeCall { model: "j".to_owned(), at: noon(), usage });
    });
    let made = made.build();
    let mut contestant = by(&made, Some(own(1.0, 10.0)));
    assert_eq!(judged(&[contestant.clone()]).models[0].judging, None);
    contestant.judge = Some(own(1.0, 10.0));
    let table = judged(&[contestant]);
    near(table.models[0].judging.unwrap().0, 60e-6);
    near(table.all.rows[0].cost.unwrap().total.0, 200e-6);
    assert_eq!(table.models[0].judged, 1);
}
