//! A newer snapshot laid over a book: what `prices update` keeps, replaces and adds.
//!
//! Invariant: no price that was in the book is lost. Where a book without history shows another
//! price, the old one ends on the day of the snapshot and the new one begins there; a book with a
//! history of its own is believed about it. Where another book has an entry, the entry keeps its
//! prices and the other's stand beside them, never mixed. Guarded by the tests here.

use super::book::Book;
use super::entry::{Entry, OtherSource};
use super::error::PriceError;
use super::import::Import;
use super::rates::Rates;
use super::tariff::Tariff;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::HashMap;

/// What came of it.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The new book.
    pub book: Book,
    /// Ids that were not in the book.
    pub added: Vec<String>,
    /// Ids whose prices are others now.
    pub changed: Vec<String>,
    /// Ids whose prices another book gives differently, or gives as well.
    pub beside: Vec<String>,
    /// Entries of the snapshot that say what the book said.
    pub same: usize,
}

/// Lays a snapshot over a book; `file` is what errors call the result.
///
/// # Errors
/// [`PriceError::Older`] if the book holds a later word of the same source, which would be lost;
/// those of [`Book::of`], if the two can't stand in one book.
pub fn merge(file: &str, book: &Book, import: &Import) -> Result<Merged, PriceError> {
    let mut entries = book.entries().to_vec();
    let (mut added, mut changed, mut beside, mut same) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let at: HashMap<String, usize> =
        entries.iter().enumerate().map(|(index, entry)| (entry.id.clone(), index)).collect();
    for new in &import.entries {
        let Some(old) = at.get(&new.id).and_then(|index| entries.get_mut(*index)) else {
            added.push(new.id.clone());
            entries.push(new.clone());
            continue;
        };
        if let Some((known, day)) = later(old, new) {
            let (file, entry) = (file.to_owned(), new.id.clone());
            return Err(PriceError::Older { file, entry, known, day });
        }
        if source_of(old) != source_of(new) {
            stand_beside(old, new);
            beside.push(new.id.clone());
        } else if renew(old, new) {
            changed.push(new.id.clone());
        } else {
            same += 1;
        }
    }
    Ok(Merged { book: Book::of(file, entries)?, added, changed, beside, same })
}

fn source_of(entry: &Entry) -> Option<&str> {
    entry.tariffs.last().map(|tariff| tariff.source.book.as_str())
}

/// The day of what the entry has from the new one's book, and the new one's, where that is earlier.
fn later(entry: &Entry, new: &Entry) -> Option<(Date, Date)> {
    let theirs = &new.tariffs.last()?.source;
    let own = entry.tariffs.iter().map(|tariff| &tariff.source);
    let all = own.chain(entry.others.iter().map(|other| &other.source));
    let known = all.filter(|source| source.book == theirs.book).map(|source| source.date).max()?;
    (known > theirs.date).then_some((known, theirs.date))
}

/// The other book's standard prices, where they differ from the entry's own of that day.
fn stand_beside(entry: &mut Entry, other: &Entry) {
    let Some(theirs) = other.tariffs.last() else { return };
    let ours = entry.tariff_on(theirs.source.date).map(|tariff| &tariff.schedule.rates);
    let differs: Rates = theirs
        .schedule
        .rates
        .iter()
        .filter(|(kind, price)| {
            ours.and_then(|ours| ours.get(*kind)).is_some_and(|our| our != *price)
        })
        .collect();
    entry.others.retain(|known| known.source.book != theirs.source.book);
    entry.others.push(OtherSource { source: theirs.source.clone(), differs });
}

/// The same book's newer word. Whether a price changed.
fn renew(entry: &mut Entry, new: &Entry) -> bool {
    let before = entry.tariffs.clone();
    match new.tariffs.as_slice() {
        [only] if only.from.is_none() && only.until.is_none() => follow(&mut entry.tariffs, only),
        _ => entry.tariffs.clone_from(&new.tariffs),
    }
    // What we know and the book doesn't say stays.
    let tariffs = std::mem::take(&mut entry.tariffs);
    let known = entry.clone();
    *entry = Entry {
        tariffs,
        kind: new.kind.or(known.kind),
        family: new.family.clone().or(known.family),
        open_weights: new.open_weights.or(known.open_weights),
        parameters: new.parameters.or(known.parameters),
        active_parameters: new.active_parameters.or(known.active_parameters),
        size: new.size.or(known.size),
        others: known.others,
        ..new.clone()
    };
    before.len() != entry.tariffs.len()
        || before.iter().zip(&entry.tariffs).any(|(old, new)| !alike(old, new))
}

/// A price without a date takes over on the day of its snapshot, if it is another.
fn follow(tariffs: &mut Vec<Tariff>, new: &Tariff) {
    let Some(last) = tariffs.last_mut() else {
        tariffs.push(new.clone());
        return;
    };
    if charges_alike(last, new) && last.until.is_none() {
        last.source = new.source.clone();
        return;
    }
    let Some(start) = midnight(new.source.date) else { return };
    let next = Tariff { from: Some(start), until: None, ..new.clone() };
    if last.from.is_some_and(|from| start <= from) {
        // A second word of one day replaces the first, as any does a price that hasn't begun.
        *last = Tariff { from: last.from, ..next };
        return;
    }
    last.until = Some(last.until.map_or(start, |until| until.min(start)));
    tariffs.push(next);
}

fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn charges_alike(a: &Tariff, b: &Tariff) -> bool {
    (&a.schedule, &a.hours, &a.variants, &a.terms) == (&b.schedule, &b.hours, &b.variants, &b.terms)
}

fn alike(a: &Tariff, b: &Tariff) -> bool {
    a.from == b.from && a.until == b.until && charges_alike(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::import::{Format, Snapshot};
    use jiff::civil::date;

    /// A model at this price, as a book without history has it on a day.
    fn import(format: Format, day: Date, input: &str) -> Import {
        let text = match format {
            Format::Litellm => format!(
                r#"{{"p/m": {{"litellm_provider": "p", "input_cost_per_token": {input}e-6,
                    "output_cost_per_token": 1e-6}}}}"#
            ),
            _ => format!(
                r#"[{{"id":"p","models":[{{"id":"m","prices":
                    {{"input_mtok":{input},"output_mtok":1,"cache_read_mtok":0.1}}}}]}}]"#
            ),
        };
        format.read(&text, &Snapshot::of(format, "1", day)).unwrap()
    }

    fn empty() -> Book {
        Book::of("x", Vec::new()).unwrap()
    }

    fn input(book: &Book, day: Date) -> Option<String> {
        Some(book.get("p/m")?.figures(day)?.input.0.to_string())
    }

    #[test]
    fn another_price_takes_over_on_its_day_and_the_old_one_stays() {
        let (may, june) = (date(2026, 5, 1), date(2026, 6, 1));
        let first = merge("x", &empty(), &import(Format::Litellm, may, "2")).unwrap();
        assert_eq!(first.added, ["p/m"]);
        let second = merge("x", &first.book, &import(Format::Litellm, june, "3")).unwrap();
        assert_eq!((second.changed.as_slice(), second.same), (&["p/m".to_owned()][..], 0));
        assert_eq!(input(&second.book, date(2026, 5, 31)).as_deref(), Some("2"));
        assert_eq!(input(&second.book, june).as_deref(), Some("3"));
        // The same again: nothing changed, and the source is as new as the snapshot.
        let july = date(2026, 7, 1);
        let third = merge("x", &second.book, &import(Format::Litellm, july, "3")).unwrap();
        assert_eq!((third.changed.len(), third.same), (0, 1));
        let tariffs = &third.book.get("p/m").unwrap().tariffs;
        assert_eq!((tariffs.len(), tariffs[1].source.date), (2, july));
        // A second word of the same day replaces the first.
        let fourth = merge("x", &second.book, &import(Format::Litellm, june, "4")).unwrap();
        assert_eq!(fourth.book.get("p/m").unwrap().tariffs.len(), 2);
        assert_eq!(input(&fourth.book, june).as_deref(), Some("4"));
    }

    #[test]
    fn an_older_snapshot_does_not_take_over() {
        let (may, june) = (date(2026, 5, 1), date(2026, 6, 1));
        let later = merge("x", &empty(), &import(Format::Litellm, june, "3")).unwrap().book;
        let older = import(Format::Litellm, may, "2");
        let error = merge("x", &later, &older).unwrap_err();
        let want =
            "`x`, entry `p/m`: the snapshot of 2026-05-01 is older than the book's, of 2026-06-01";
        assert_eq!(error.to_string(), want);
        // The same where it only stands beside.
        let book = merge("x", &later, &import(Format::GenaiPrices, june, "3")).unwrap().book;
        let error = merge("x", &book, &import(Format::GenaiPrices, may, "2")).unwrap_err();
        assert_eq!(error.to_string(), want);
        // Another book may be as old as it likes.
        assert!(merge("x", &later, &import(Format::GenaiPrices, may, "2")).is_ok());
    }

    #[test]
    fn another_books_prices_stand_beside() {
        let day = date(2026, 5, 1);
        let book = merge("x", &empty(), &import(Format::Litellm, day, "2")).unwrap().book;
        let merged = merge("x", &book, &import(Format::GenaiPrices, day, "5")).unwrap();
        assert_eq!(merged.beside, ["p/m"]);
        assert_eq!(input(&merged.book, day).as_deref(), Some("2"));
        let entry = merged.book.get("p/m").unwrap();
        // Input differs; output agrees; the cache's price only one of them has.
        let differs: Vec<_> = entry.others[0].differs.iter().collect();
        assert_eq!(differs.len(), 1);
        assert_eq!(differs[0].1.0.to_string(), "5");
        let again = merge("x", &merged.book, &import(Format::GenaiPrices, day, "2")).unwrap();
        let entry = again.book.get("p/m").unwrap();
        assert_eq!(entry.others.len(), 1);
        assert!(entry.others[0].differs.is_empty());
    }

    #[test]
    fn what_is_known_of_a_model_stays() {
        let day = date(2026, 5, 1);
        let book = merge("x", &empty(), &import(Format::Litellm, day, "2")).unwrap().book;
        let mut entries = book.entries().to_vec();
        (entries[0].family, entries[0].parameters) = (Some("m".to_owned()), Some(7));
        let book = Book::of("x", entries).unwrap();
        let later = import(Format::Litellm, date(2026, 6, 1), "3");
        let merged = merge("x", &book, &later).unwrap().book;
        let entry = merged.get("p/m").unwrap();
        assert_eq!((entry.family.as_deref(), entry.parameters), (Some("m"), Some(7)));
    }
}
