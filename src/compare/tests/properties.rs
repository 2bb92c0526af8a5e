//! What must hold of any machine and any work.

use super::*;
use crate::compare::work::{HitsBy, Work};
use crate::compare::{Chosen, Question, Sheet};
use crate::cost::Load;
use crate::units::{RequestsPerSecond, Tokens, Usd};
use jiff::civil::date;
use proptest::prelude::*;

fn work(prompt: u64, output: u64, hit: f64) -> Work {
    let (prompt, output) = (Tokens(prompt), Tokens(output));
    Work::alike("w".to_owned(), prompt, output, Ratio::of(hit), HitsBy::Stated)
}

fn reference(own: &Own, work: &Work, load: Option<f64>) -> (f64, Option<f64>) {
    let loads: Vec<Load> =
        load.into_iter().map(|share| Load::new(Ratio::of(share)).unwrap()).collect();
    let question = Question {
        own,
        work,
        entries: &[],
        chosen: Chosen::Named,
        loads: &loads,
        day: date(2026, 11, 20),
        book: "b",
        cut: None,
    };
    let sheet = Sheet::of(&question).unwrap();
    let units = sheet.reference().unwrap().units;
    (units.mtok.value.0, units.month.map(|month| month.value.0))
}

fn cost_of(own: &Own, work: &Work) -> Usd {
    own.full(work.blend().unwrap()).unwrap().value * work.tokens.all()
}

proptest! {
    #[test]
    fn a_cheaper_hour_is_never_a_dearer_token_and_more_load_never_dearer(
        hour in 0.01..100.0f64, more in 0.0..100.0f64, low in 0.01..1.0f64,
        prices in prop::array::uniform3(0.001..50.0f64),
        prompt in 1_u64..100_000, output in 1_u64..10_000, hit in 0.0..1.0f64,
    ) {
        let [a, b, c] = prices;
        let machine = |hour: f64| own(hour, kinds(a, Some(b), c));
        let work = work(prompt, output, hit);
        let at = |hour: f64, load: f64| reference(&machine(hour), &work, Some(load)).0;
        prop_assert!(at(hour, low) <= at(hour + more, low));
        prop_assert!(at(hour, 1.0) <= at(hour, low));
    }

    /// What two pieces of work cost together is what they cost one by one.
    #[test]
    fn own_costs_add_up(
        prices in prop::array::uniform3(0.001..50.0f64),
        one in (1_u64..100_000, 1_u64..10_000), other in (1_u64..100_000, 1_u64..10_000),
        hit in 0.0..1.0f64,
    ) {
        let [a, b, c] = prices;
        let machine = own(2.0, kinds(a, Some(b), c));
        let (first, second) = (work(one.0, one.1, hit), work(other.0, other.1, 0.5));
        let (x, y) = (first.tokens, second.tokens);
        let mut both = first.clone();
        both.tokens.uncached = x.uncached + y.uncached;
        both.tokens.cached = x.cached + y.cached;
        both.tokens.output = x.output + y.output;
        let apart = cost_of(&machine, &first) + cost_of(&machine, &second);
        near(cost_of(&machine, &both).0, apart.0);
    }

    /// A month of more requests never costs less, and never less than its tokens at full load.
    #[test]
    fn a_month_of_more_never_costs_less(
        rate in 1e-6..1e3f64, more in 1.0..50.0f64, price in 0.01..10.0f64,
    ) {
        let machine = own(3.0, Told::Flat(mtok(price)));
        let month = |rate: f64| {
            let work = work(1_000, 100, 0.0).at_rate(RequestsPerSecond(rate), true).unwrap();
            let (mtok, month) = reference(&machine, &work, None);
            let full = machine.full(work.blend().unwrap()).unwrap().value.0;
            (month.unwrap(), mtok >= full * (1.0 - 1e-6))
        };
        let ((few, fine), (many, also)) = (month(rate), month(rate * more));
        prop_assert!(few <= many * (1.0 + 1e-9), "{few} {many}");
        prop_assert!(fine && also);
    }
}
