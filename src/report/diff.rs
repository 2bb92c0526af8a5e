//! What `mtok runs diff` prints: two runs, or two ladders, side by side.

use super::figure::{NOTHING, estimate_or_nothing, seconds_or_nothing};
use super::{Document, Table};
use crate::cost::{Change, Comparison, Differences, Finding};
use crate::units::{Estimate, Quantity};

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
        let difference = difference(change.difference, printed);
        table.row([
            change.figure.to_owned(),
            printed(change.a),
            printed(change.b),
            difference,
            word(change.finding).to_owned(),
        ]);
    }
    table
}

/// A difference with its sign; the digits are those of its size, so that a latency has the unit of its
/// size too.
fn difference<Q: Quantity>(
    difference: Option<Estimate<Q>>,
    printed: fn(Option<Estimate<Q>>) -> String,
) -> String {
    let Some(difference) = difference else { return NOTHING.to_owned() };
    if difference.value.get() < 0.0 {
        let size = difference.map(|value| Q::of(-value.get()));
        return format!("-({})", printed(Some(size)));
    }
    format!("+({})", printed(Some(difference)))
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
