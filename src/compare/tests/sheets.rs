//! The table, worked by hand.

use super::*;
use crate::compare::shortlist;
use crate::compare::work::{HitsBy, Work};
use crate::compare::{Chosen, Question, Row, Sheet};
use crate::cost::{Cheaper, Load};
use crate::prices::{Book, Mix};
use crate::summary::Side;
use crate::units::{RequestsPerSecond, Seconds, Tokens, TokensPerCharacter};
use jiff::civil::{Date, date};

const DAY: Date = date(2026, 11, 20);

/// 1,000 tokens in, half of them cached, and 250 out; so many a month.
fn work(per_month: Option<f64>) -> Work {
    let (prompt, output) = (Tokens(1_000), Tokens(250));
    let work = Work::alike("w".to_owned(), prompt, output, Ratio::of(0.5), HitsBy::Stated);
    match per_month {
        Some(count) => work.at_rate(RequestsPerSecond(count / Seconds::MONTH.0), true).unwrap(),
        None => work,
    }
}

fn sheet(own: &Own, work: &Work, entries: &[&Entry], loads: &[f64]) -> Sheet {
    let loads: Vec<Load> =
        loads.iter().map(|percent| Load::new(Ratio::percent(*percent)).unwrap()).collect();
    let question = Question {
        own,
        work,
        entries,
        chosen: Chosen::Named,
        loads: &loads,
        day: DAY,
        book: "b",
        cut: Some(TokensPerCharacter(0.25)),
    };
    Sheet::of(&question).unwrap()
}

fn prices(sheet: &Sheet) -> Vec<f64> {
    sheet.rows.iter().map(|row| row.units.mtok.value.0).collect()
}

fn the_api(sheet: &Sheet) -> &Row {
    sheet.cheapest().unwrap()
}

/// The API: 500 × 1 + 500 × 0.1 + 250 × 4 = 1,550 microdollars a request, over 1,250 tokens 1.24
/// USD/Mtok. Own: 1 at full load, 2.5 at 40 %.
#[test]
fn one_table_sorted_by_cost() {
    let found = sheet(&thousand(), &work(None), &[&entry("a", "")], &[40.0]);
    let got = prices(&found);
    for (got, want) in got.iter().zip([1.0, 1.24, 2.5]) {
        near(*got, want);
    }
    let api = the_api(&found);
    near(api.units.request.unwrap().value.0, 0.00155);
    near(api.input.unwrap().value.0, 1.0);
    assert_eq!((api.units.month, api.units.mchar), (None, None));
    // All 24 hours are billed, one of them is a request.
    let facts = api.api.as_ref().unwrap();
    assert_eq!((facts.total.to_string().as_str(), facts.billed), ("0.0372 USD", 24));
    // 2.5 / 1.24, and all its interval (2.27 to 2.78) is above the API's.
    near(api.own_over_this.unwrap().value.get(), 2.5 / 1.24);
    assert_eq!(api.own_is, Side::Higher);
    let even = facts.break_even.unwrap();
    near(even.load.value.get(), 1.0 / 1.24);
    assert_eq!((even.at_full_load, even.capacity), (Cheaper::Own, Tokens(2_628_000_000)));
    let reference = found.reference().unwrap();
    near(reference.units.mtok.value.0, 2.5);
    near(reference.units.mchar.unwrap().value.0, 0.625);
    assert_eq!(reference.own_is, Side::Unknown);
}

/// At full load 1/1.1 to 1/0.9 USD/Mtok: an API of 1.1 is in it, one of 1.24 is not.
#[test]
fn a_tie_is_a_tie() {
    let own = thousand();
    let is = |work: &Work| the_api(&sheet(&own, work, &[&entry("a", "")], &[])).own_is;
    assert_eq!(is(&work(None)), Side::Lower);
    // Hits of 70 %: 300 + 70 + 1,000 over 1,250 are 1.096.
    assert_eq!(is(&work(None).with_hits(Ratio::of(0.7))), Side::Tie);
    let sure = Estimate::bare(crate::units::TokensPerSecond(1_000.0));
    let unsure = Own::of_rate(UsdPerHour(3.6), sure);
    let found = sheet(&unsure, &work(None), &[&entry("a", "")], &[]);
    assert_eq!(the_api(&found).own_is, Side::Unknown);
}

/// 1,250 tokens a request: 1,051,200 requests are 1,314 Mtok, half of what a machine does in a month.
/// 2,400,000 are 3,000 Mtok: two machines, 5,256 USD, 1.752 USD/Mtok, at a load of 3000 / 5256.
#[test]
fn whole_machines_are_rented() {
    let rented = |count: f64| {
        let found = sheet(&thousand(), &work(Some(count)), &[&entry("a", "")], &[]);
        let row = found.reference().unwrap().clone();
        let facts = row.own.unwrap();
        assert!(found.rows.iter().any(|row| row.own.is_some_and(|own| own.machines.is_none())));
        let month = the_api(&found).units.month.unwrap().value.0;
        near(month, 0.00155 * count);
        (facts.machines, facts.load.share().get(), row.units)
    };
    let (machines, load, units) = rented(1_051_200.0);
    assert_eq!(machines, Some(1));
    near(load, 0.5);
    near(units.mtok.value.0, 2.0);
    near(units.month.unwrap().value.0, 2_628.0);
    near(units.request.unwrap().value.0, 0.0025);
    // Whatever the rate is within its error, one machine does it: the price is exact.
    let (low, high) = units.mtok.interval.unwrap();
    near(low.0, high.0);

    let (machines, load, units) = rented(2_400_000.0);
    assert_eq!(machines, Some(2));
    near(load, 3_000.0 / 5_256.0);
    near(units.mtok.value.0, 1.752);
    near(units.month.unwrap().value.0, 5_256.0);
    // 2,600 Mtok: one machine, or two if the rate is a tenth lower.
    let (machines, _, units) = rented(2_080_000.0);
    assert_eq!(machines, Some(1));
    let (low, high) = units.month.unwrap().interval.unwrap();
    near(low.0, 2_628.0);
    near(high.0, 5_256.0);
}

#[test]
fn what_cannot_be_asked_is_named() {
    let short = entry("a", r#","context":1249"#);
    let ended = entry("b", r#","ends":"2026-11-20""#);
    let fine = entry("c", r#","context":1250"#);
    let found = sheet(&thousand(), &work(None), &[&short, &ended, &fine], &[]);
    let reasons: Vec<&str> = found.unbilled.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["1 requests are longer than its context of 1249 tok", "not sold any more on 2026-11-20"]
    );
    assert_eq!(the_api(&found).api.as_ref().unwrap().entry, "c/m");
    assert_eq!(found.surfaces.len(), 1);
    // Nothing holds before the book begins to.
    let (own, work, entries) = (thousand(), work(None), [&fine]);
    let old = Question { day: Date::MIN, ..question(&own, &work, &entries) };
    assert_eq!(Sheet::of(&old).unwrap().unbilled.len(), 1);
}

fn question<'a>(own: &'a Own, work: &'a Work, entries: &'a [&'a Entry]) -> Question<'a> {
    let (chosen, loads) = (Chosen::Named, &[]);
    Question { own, work, entries, chosen, loads, day: DAY, book: "b", cut: None }
}

/// The point of the surface at the work's mix and the load of reference is the table's own price.
#[test]
fn the_surface_holds_the_table() {
    let machine = own(2.0, kinds(0.5, Some(0.1), 2.0));
    let found = sheet(&machine, &work(None), &[&entry("a", "")], &[45.0]);
    let reference = found.reference().unwrap();
    let surface = &found.surfaces[0];
    let mine = |point: &&crate::cost::SurfacePoint| {
        let blend = point.blend;
        (point.load.share().get() - 0.45).abs() < 1e-12
            && (blend.input_per_output().get() - 4.0).abs() < 1e-12
            && (blend.hit_rate().get() - 0.5).abs() < 1e-12
    };
    let point = surface.points.iter().find(mine).unwrap();
    // (4 × (0.25 + 0.05) + 2) / 5 × 2 / 0.45, and the API's list prices: (2 + 0.2 + 4) / 5.
    near(reference.units.mtok.value.0, 3.2 / 5.0 * 2.0 / 0.45);
    assert_eq!(point.own.unwrap(), reference.units.mtok);
    near(point.api.0, 1.24);
    // Seven loads, three hit rates, five mixes.
    assert_eq!(surface.points.len(), 7 * 3 * 5);
    // Without a price for cached input there is one hit rate; of a rate one mix.
    let untold = sheet(&own(2.0, kinds(0.5, None, 2.0)), &work(None), &[&entry("a", "")], &[]);
    assert_eq!(untold.surfaces[0].points.len(), 6 * 5);
    assert!(untold.surfaces[0].points.iter().all(|point| point.own.is_some()));
    let flat = sheet(&thousand(), &work(None), &[&entry("a", "")], &[]);
    assert_eq!(flat.surfaces[0].points.len(), 6);
}

#[test]
fn a_shortlist_says_its_rule() {
    let book = Book::embedded().unwrap();
    let mix = Mix::new(Tokens(3), Tokens(0), Tokens(1)).unwrap();
    let ids = |family, parameters| {
        let (entries, chosen) = shortlist(&book, family, parameters, mix, DAY);
        (entries.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), chosen)
    };
    let (known, chosen) = ids(Some("llama-3.1-8b"), None);
    assert_eq!(chosen, Chosen::Comparable);
    assert_eq!(known[0], "novita/meta-llama/llama-3.1-8b-instruct");
    let (unknown, chosen) = ids(None, None);
    assert_eq!((chosen, unknown.len()), (Chosen::Cheapest, 7));
    assert_eq!(unknown[5..], ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"]);
    let price = |id: &str| book.get(id).unwrap().blended(mix, DAY).unwrap().0;
    assert!(unknown[..5].windows(2).all(|pair| price(pair[0]) <= price(pair[1])), "{unknown:?}");
    let families: std::collections::BTreeSet<_> =
        unknown[..5].iter().map(|id| book.get(id).unwrap().family.clone()).collect();
    assert_eq!(families.len(), 5);
}
