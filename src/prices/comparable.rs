//! Which API prices belong beside a run.
//!
//! The rule, in this order, with no chance and no ties left:
//! 1. the same model wherever it is sold, cheapest first (input + output price, then id);
//! 2. where room is left, open models nearest in size, one entry a family (its cheapest), nearest
//!    by the ratio of total parameters, then id;
//! 3. two well-known closed models, the book's first two of the class that the run's size is near:
//!    the vendors' small ones below [`LARGE_FROM`] parameters or where the size is unknown, else
//!    the large ones.
//!
//! The closed two have their places kept, if at least one place is left for 1 and 2. Only entries
//! with prices on the day are comparable, for input and for output.

use super::book::Book;
use super::entry::{Entry, Size};
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// Closed models that a run is laid beside.
const CLOSED: usize = 2;
/// From this many parameters on a model competes with the vendors' large ones.
const LARGE_FROM: u64 = 40_000_000_000;

impl Book {
    /// At most `at_most` entries to lay beside a run of this family and size, by the rule above.
    ///
    /// `parameters`: the model's total; where unknown, the family's in this book stands in. With
    /// neither, there is no neighbour, only the closed two.
    pub fn comparable(
        &self,
        family: Option<&str>,
        parameters: Option<u64>,
        at_most: usize,
        day: Date,
    ) -> Vec<&Entry> {
        let priced = |entry: &&Entry| entry.family.is_some() && entry.figures(day).is_some();
        let all: Vec<&Entry> = self.entries().iter().filter(priced).collect();
        let is_family = |entry: &Entry| family.is_some() && entry.family.as_deref() == family;
        let same: Vec<&Entry> = all.iter().copied().filter(|entry| is_family(entry)).collect();
        let parameters = parameters
            .filter(|count| *count > 0)
            .or_else(|| same.iter().find_map(|entry| entry.parameters));

        let size = match parameters {
            Some(count) if count >= LARGE_FROM => Size::Large,
            _ => Size::Small,
        };
        let kept = if at_most > CLOSED { CLOSED } else { 0 };
        let closed = |entry: &&Entry| entry.size == Some(size) && !is_family(entry);
        let closed: Vec<&Entry> = all.iter().copied().filter(closed).take(kept).collect();

        let mut chosen = same;
        chosen.sort_by(|a, b| cheaper(a, b, day));
        if let Some(parameters) = parameters {
            let others = all.into_iter().filter(|entry| !is_family(entry));
            chosen.extend(neighbours(others, parameters, day));
        }
        chosen.truncate(at_most - kept);
        chosen.extend(closed);
        chosen
    }
}

/// The cheapest of every family whose size is known, nearest size first.
fn neighbours<'a>(
    others: impl Iterator<Item = &'a Entry>,
    parameters: u64,
    day: Date,
) -> Vec<&'a Entry> {
    let mut others: Vec<(u64, &Entry)> =
        others.filter_map(|entry| Some((entry.parameters?, entry))).collect();
    others.sort_by(|(_, a), (_, b)| a.family.cmp(&b.family).then_with(|| cheaper(a, b, day)));
    others.dedup_by(|(_, next), (_, kept)| next.family == kept.family);
    others.sort_by(|(a, first), (b, second)| {
        nearer(parameters, *a, *b).then_with(|| first.id.cmp(&second.id))
    });
    others.into_iter().map(|(_, entry)| entry).collect()
}

/// By input + output price, then id.
fn cheaper(a: &Entry, b: &Entry, day: Date) -> Ordering {
    let price = |entry: &Entry| -> Option<Decimal> {
        entry.figures(day).map(|figures| figures.input.0 + figures.output.0)
    };
    price(a).cmp(&price(b)).then_with(|| a.id.cmp(&b.id))
}

/// Which of two sizes is the smaller factor away from `from`; exact, by cross-multiplication.
fn nearer(from: u64, a: u64, b: u64) -> Ordering {
    let factor = |size: u64| (u128::from(from.max(size)), u128::from(from.min(size)));
    let ((a_high, a_low), (b_high, b_low)) = (factor(a), factor(b));
    (a_high * b_low).cmp(&(b_high * a_low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[track_caller]
    fn beside(family: Option<&str>, parameters: Option<u64>, at_most: usize, want: &[&str]) {
        let book = Book::embedded().unwrap();
        let got: Vec<&str> = book
            .comparable(family, parameters, at_most, date(2026, 11, 22))
            .iter()
            .map(|e| e.id.as_str())
            .collect();
        assert_eq!(got, want, "{family:?}, {parameters:?}, {at_most}");
    }

    #[test]
    fn the_same_model_comes_first_cheapest_first() {
        // Input + output: 0.07, 0.13, 0.439, 0.44. Then the next size, 8.2 G: its cheapest seller.
        let want = [
            "novita/meta-llama/llama-3.1-8b-instruct",
            "groq/llama-3.1-8b-instant",
            "cloudflare/@cf/meta/llama-3.1-8b-instruct-fp8",
            "aws/meta.llama3-1-8b-instruct-v1:0",
            "novita/qwen/qwen3-8b-fp8",
            "openai/gpt-6-luna",
            "anthropic/claude-haiku-5-5",
        ];
        beside(Some("llama-3.1-8b"), Some(8_030_000_000), 7, &want);
        // The book knows the family's size.
        beside(Some("llama-3.1-8b"), None, 7, &want);
        beside(Some("llama-3.1-8b"), None, 3, &[want[0], want[5], want[6]]);
        beside(Some("llama-3.1-8b"), None, 2, &want[..2]);
    }

    #[test]
    fn a_model_nobody_sells_has_neighbours_by_size_a_family_each() {
        // 135 M: 490 M, 600 M, 1.23 G, 3.2 G.
        beside(
            Some("smollm2-135m"),
            Some(135_000_000),
            6,
            &[
                "fireworks/accounts/fireworks/models/qwen2p5-coder-0p5b-instruct",
                "fireworks/accounts/fireworks/models/qwen3-0p6b",
                "cloudflare/@cf/meta/llama-3.2-1b-instruct",
                "cloudflare/@cf/ibm-granite/granite-4.0-h-micro",
                "openai/gpt-6-luna",
                "anthropic/claude-haiku-5-5",
            ],
        );
    }

    #[test]
    fn a_large_model_is_laid_beside_the_large_ones() {
        // 70.6 G: then 116.8 G (× 1.65) before 32.8 G (× 2.15).
        beside(
            Some("llama-3.3-70b"),
            Some(70_600_000_000),
            6,
            &[
                "novita/meta-llama/llama-3.3-70b-instruct",
                "groq/llama-3.3-70b-versatile",
                "aws/meta.llama3-3-70b-instruct-v1:0",
                "groq/openai/gpt-oss-120b",
                "openai/gpt-6.1-sol",
                "anthropic/claude-sonnet-5-5",
            ],
        );
    }

    #[test]
    fn of_an_unknown_model_only_the_closed_are_comparable() {
        beside(None, None, 5, &["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"]);
        beside(Some("mine"), Some(0), 5, &["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"]);
        beside(None, None, 0, &[]);
        beside(None, None, 1, &[]);
    }

    #[test]
    fn a_closed_model_is_not_laid_beside_itself_twice() {
        beside(
            Some("gpt-6-luna"),
            None,
            4,
            &["openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "google/gemini-3.5-flash-lite"],
        );
    }

    #[test]
    fn nearness_is_by_factor_not_by_difference() {
        // From 8 G: 3 G is 5 away and a factor 2.67, 20 G is 12 away and a factor 2.5.
        assert_eq!(nearer(8, 3, 20), Ordering::Greater);
        assert_eq!(nearer(8, 4, 16), Ordering::Equal);
        assert_eq!(nearer(u64::MAX, 1, u64::MAX), Ordering::Greater);
    }
}
