//! What `mtok runs diff` prints: two runs, or two ladders, side by side.

use super::figure::{NOTHING, estimate, estimate_or_nothing, seconds_or_nothing};
use super::{Document, Table};
use crate::cost::{Change, Comparison, Differences, Finding};
use crate::units::{Estimate, Quantity, Seconds};

/// The differences in words and tables.
pub fn differences_document(differences: &Differences) -> Document {
    let mut document = Document::default();
    if differences.pairs.is_empty() {
        document.words("no two of these runs were made under the same load");
    }
    for pair in &differences.pairs {
        one(&mut document, pair);
    }
    if !differences.alone.is_empty() {
        let alone = differences.alone.join(", ");
        document.words(format!("Without a counterpart under the same load: {alone}"));
    }
    document
}

fn one(document: &mut Document, pair: &Comparison) {
    let load = pair.load.as_ref().map_or_else(String::new, |load| format!("\n{load}"));
    document.words(format!("A: {}\nB: {}{load}", pair.a, pair.b));
    if !pair.same_machine {
        document.words(
            "DIFFERENT MACHINES: what follows tells them apart, and nothing of what ran on them. No \
             figure is better or worse here.",
        );
    }
    let mut differs = Table::new("What differs beside the figures", &["", "A", "B"]);
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| NOTHING.to_owned());
    for one in &pair.differs {
        let mark = if one.machine { " !" } else { "" };
        differs.row([format!("{}{mark}", one.what), cell(&one.a), cell(&one.b)]);
    }
    document.table(differs);
    document.table(changes("Rates, tok/s", &pair.rates, estimate_or_nothing));
    document.table(changes("Latencies", &pair.latencies, seconds_or_nothing));
    document.table(changes(
        "USD per million tokens, at full load",
        &pair.prices,
        estimate_or_nothing,
    ));
    document.words(
        "B - A with the 95 % interval of the difference; errors add in squares. A tie: it holds 0.",
    );
}

fn changes<Q: Quantity>(
    title: &str,
    changes: &[Change<Q>],
    printed: fn(Option<Estimate<Q>>) -> String,
) -> Table {
    let mut table = Table::new(title, &["", "A", "B", "B - A", ""]);
    for change in changes.iter().filter(|change| change.a.is_some() || change.b.is_some()) {
        table.row([
            change.figure.to_owned(),
            printed(change.a),
            printed(change.b),
            difference(change),
            word(change.finding).to_owned(),
        ]);
    }
    table
}

/// A difference with its sign; of times, in the unit of what is compared, not of its own size.
fn difference<Q: Quantity>(change: &Change<Q>) -> String {
    let Some((difference, a)) = change.difference.zip(change.a) else { return NOTHING.to_owned() };
    let is_time = Q::UNIT == Seconds::UNIT;
    let (scale, unit) = if is_time && a.value.get() < 1.0 { (1e3, " ms") } else { (1.0, "") };
    let unit = if is_time && unit.is_empty() { " s" } else { unit };
    let scaled = difference.map(|value| Q::of(value.get() * scale));
    let sign = if difference.value.get() > 0.0 { "+" } else { "" };
    format!("{sign}{}{unit}", estimate(scaled))
}

fn word(finding: Finding) -> &'static str {
    match finding {
        Finding::Tie => "tie",
        Finding::Better => "B is better",
        Finding::Worse => "B is worse",
        Finding::CantTell => "can't tell",
        Finding::OtherMachine => "other machine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(a: f64, apart: f64, half: f64) -> Change<Seconds> {
        let a = Some(Estimate::within(Seconds(a), Seconds(half)));
        let difference = Some(Estimate::within(Seconds(apart), Seconds(half)));
        Change { figure: "TTFT p50", a, b: None, difference, finding: Finding::Tie }
    }

    #[test]
    fn a_difference_has_its_sign_and_the_unit_of_what_is_compared() {
        assert_eq!(difference(&change(0.035, 0.000_2, 0.001_4)), "+0.2 ± 1.4 ms");
        assert_eq!(difference(&change(0.035, -0.01, 0.001_4)), "-10.0 ± 1.4 ms");
        assert_eq!(difference(&change(2.0, -0.01, 0.014)), "-0.010 ± 0.014 s");
        assert_eq!(difference(&change(0.035, 0.0, 0.001_4)), "0.0 ± 1.4 ms");
        let none = Change { difference: None, ..change(1.0, 1.0, 1.0) };
        assert_eq!(difference(&none), "—");
    }
}
