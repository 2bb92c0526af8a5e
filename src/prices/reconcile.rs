//! Whether what was billed is what the book says, line by line, and if not, why.
//!
//! Invariant: every line is exactly one of: as the book says, differing, without an amount, of an
//! unknown model, or one that can't be billed. A reason is named only if the line, billed with that
//! one mistake, comes to what was billed; more than one may. Guarded by `tests`: each mistake made on
//! purpose is named, and a right line has none.
//!
//! Programs that write exports add amounts up as floats, and print them with few decimals. So two
//! amounts are the same if they differ by at most a picodollar or a billionth of the amount; where no
//! reason comes to the very amount, one may be off by half of the last decimal that is printed.

mod reason;
#[cfg(test)]
mod tests;

use super::billing::{BillError, bill};
use super::entry::Entry;
use super::export::{Billed, Metered};
use super::tariff::Tariff;
use crate::units::PicoUsd;
pub use reason::Reason;

/// What a line's model is charged: the entry's id and its tariffs.
#[derive(Debug, Clone, Copy)]
pub struct Priced<'a> {
    /// The entry.
    pub entry: &'a str,
    /// Its tariffs.
    pub tariffs: &'a [Tariff],
}

impl<'a> From<&'a Entry> for Priced<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self { entry: &entry.id, tariffs: &entry.tariffs }
    }
}

/// A line that was billed otherwise than the book says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Differing {
    /// The line, from 1.
    pub line: u64,
    /// The entry that it was laid beside.
    pub entry: String,
    /// What was billed.
    pub billed: PicoUsd,
    /// What the book says.
    pub expected: PicoUsd,
    /// What would explain it, the likeliest first; none: nothing that is known here.
    pub reasons: Vec<Reason>,
}

impl Differing {
    /// How much was billed above the book.
    pub fn above(&self) -> PicoUsd {
        self.billed - self.expected
    }
}

/// What became of an export's lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// Lines that were billed as the book says.
    pub agreeing: u64,
    /// Lines that weren't.
    pub differing: Vec<Differing>,
    /// Lines without an amount, and what the book says of them.
    pub without_amount: Vec<(u64, PicoUsd)>,
    /// Lines of models that aren't in the book.
    pub unknown: Vec<(u64, String)>,
    /// Lines that the book can't bill.
    pub failed: Vec<(u64, BillError)>,
    /// What was billed on the lines that could be compared.
    pub billed: PicoUsd,
    /// What the book says of the same lines.
    pub expected: PicoUsd,
}

/// Lays an export's lines beside a book. `find` looks a line's model up.
pub fn reconcile<'b>(
    lines: &[Metered],
    find: impl Fn(&Metered) -> Option<Priced<'b>>,
) -> Reconciliation {
    let mut result = Reconciliation::default();
    for line in lines {
        let Some(priced) = find(line) else {
            result.unknown.push((line.line, line.model.clone()));
            continue;
        };
        let expected = match bill(priced.entry, priced.tariffs, [&line.request()]) {
            Ok(bill) => bill.total(),
            Err(error) => {
                result.failed.push((line.line, error));
                continue;
            }
        };
        let Some(billed) = line.billed else {
            result.without_amount.push((line.line, expected));
            continue;
        };
        result.billed += billed.amount;
        result.expected += expected;
        if same(billed.amount, expected) {
            result.agreeing += 1;
        } else {
            result.differing.push(Differing {
                line: line.line,
                entry: priced.entry.to_owned(),
                billed: billed.amount,
                expected,
                reasons: reason::reasons(priced, line, billed, expected),
            });
        }
    }
    result
}

/// The same but for a float's last digits.
fn same(one: PicoUsd, other: PicoUsd) -> bool {
    near(one, other, (other.0.unsigned_abs() / 1_000_000_000).max(1))
}

/// The same as far as it is printed.
fn printed(billed: Billed, other: PicoUsd) -> bool {
    let float = other.0.unsigned_abs() / 1_000_000_000;
    near(billed.amount, other, billed.half_last().0.unsigned_abs().max(float).max(1))
}

fn near(one: PicoUsd, other: PicoUsd, by: u128) -> bool {
    one.0.abs_diff(other.0) <= by
}
