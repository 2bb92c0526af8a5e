//! What changed between two books, or two days of one.
//!
//! Invariant: every price of an entry is compared, at every tier, hour and service, and each at its
//! own place; what only one side has is a change as well. Percentages are of the earlier price, and
//! none where that is zero or absent.

use super::book::Book;
use super::entry::Entry;
use super::schedule::Schedule;
use super::tariff::{Service, Tariff};
use super::terms::Percent;
use crate::units::Tokens;
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use std::collections::{BTreeMap, BTreeSet};

/// What of an entry a price is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The service; `None` is the standard one.
    pub service: Option<Service>,
    /// The number of the tariff's hours, from 0; `None`: the others.
    pub hours: Option<usize>,
    /// The tier; `None` is the base.
    pub above: Option<Tokens>,
    /// Of what: a kind of token, USD per Mtok; or `request` or another unit, USD for one.
    pub what: What,
}

/// Of what a price is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A kind of token, USD per Mtok.
    Tokens(super::rates::TokenKind),
    /// A request, USD.
    Request,
    /// Another unit, USD.
    Unit(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.what {
            What::Tokens(kind) => write!(f, "{kind}")?,
            What::Request => f.write_str("request")?,
            What::Unit(unit) => f.write_str(unit)?,
        }
        if let Some(service) = &self.service {
            write!(f, ", {service}")?;
        }
        if let Some(hours) = self.hours {
            write!(f, ", hours {}", hours + 1)?;
        }
        if let Some(above) = self.above {
            write!(f, ", above {above}")?;
        }
        Ok(())
    }
}

/// A price that is another now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Of what.
    pub place: Place,
    /// Before; `None`: it was not listed.
    pub from: Option<Decimal>,
    /// After; `None`: it is not listed any more.
    pub to: Option<Decimal>,
}

impl Change {
    /// By how much, in percent of the price before, to a hundredth.
    pub fn percent(&self) -> Option<Percent> {
        let (from, to) = self.from.zip(self.to)?;
        let share = to.checked_sub(from)?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(from)?;
        Some(Percent(share.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven)))
    }
}

/// An entry of which a price changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The entry's id.
    pub id: String,
    /// What changed, in the order of [`Place`].
    pub changes: Vec<Change>,
}

/// What changed from one book and day to another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Ids that only the later has a price for, sorted.
    pub added: Vec<String>,
    /// Ids that only the earlier has a price for, sorted.
    pub removed: Vec<String>,
    /// Entries with another price, by id.
    pub changed: Vec<Changed>,
    /// Entries with the same prices.
    pub same: usize,
}

impl Diff {
    /// From one book's prices of a day to another's of another day; the books may be one.
    pub fn between((book, day): (&Book, Date), (later, later_day): (&Book, Date)) -> Self {
        let of = |book: &Book, day: Date| -> BTreeMap<String, BTreeMap<Place, Decimal>> {
            let priced = |entry: &Entry| Some((entry.id.clone(), prices(entry, day)?));
            book.entries().iter().filter_map(priced).collect()
        };
        let (before, after) = (of(book, day), of(later, later_day));
        let mut diff = Self::default();
        let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for id in ids {
            match (before.get(id), after.get(id)) {
                (Some(from), Some(to)) if from == to => diff.same += 1,
                (Some(from), Some(to)) => {
                    let changes = changes(from, to);
                    diff.changed.push(Changed { id: id.clone(), changes });
                }
                (Some(_), None) => diff.removed.push(id.clone()),
                (None, _) => diff.added.push(id.clone()),
            }
        }
        diff
    }
}

/// Every price that is in force on a day, by its place.
pub fn prices(entry: &Entry, day: Date) -> Option<BTreeMap<Place, Decimal>> {
    entry.tariff_on(day).map(listed)
}

/// Every price that a tariff lists, by its place.
pub fn listed(tariff: &Tariff) -> BTreeMap<Place, Decimal> {
    let mut all = BTreeMap::new();
    collect(&mut all, (None, None), &tariff.schedule);
    for (index, hours) in tariff.hours.iter().enumerate() {
        collect(&mut all, (None, Some(index)), &hours.schedule);
    }
    for variant in &tariff.variants {
        collect(&mut all, (Some(&variant.service), None), &variant.schedule);
    }
    all
}

fn collect(
    into: &mut BTreeMap<Place, Decimal>,
    (service, hours): (Option<&Service>, Option<usize>),
    schedule: &Schedule,
) {
    let place = |above, what| Place { service: service.cloned(), hours, above, what };
    let base = std::iter::once((None, &schedule.rates));
    let tiers = schedule.tiers.iter().map(|tier| (Some(tier.above), &tier.rates));
    for (above, rates) in base.chain(tiers) {
        for (kind, price) in rates.iter() {
            into.insert(place(above, What::Tokens(kind)), price.0.normalize());
        }
    }
    if let Some(fee) = schedule.per_request {
        into.insert(place(None, What::Request), fee.0.normalize());
    }
    for (unit, usd) in &schedule.per_unit {
        into.insert(place(None, What::Unit(unit.clone())), usd.0.normalize());
    }
}

fn changes(from: &BTreeMap<Place, Decimal>, to: &BTreeMap<Place, Decimal>) -> Vec<Change> {
    let places: BTreeSet<&Place> = from.keys().chain(to.keys()).collect();
    let change = |place: &Place| Change {
        place: place.clone(),
        from: from.get(place).copied(),
        to: to.get(place).copied(),
    };
    places.into_iter().map(change).filter(|change| change.from != change.to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn cut() -> Book {
        let text = include_str!("../../tests/fixtures/prices/deepseek-cut.jsonl");
        Book::parse("deepseek-cut.jsonl", text).unwrap()
    }

    #[test]
    fn deepseeks_cut_is_60_50_and_75_percent() {
        let book = cut();
        let (before, after) = (date(2025, 9, 28), date(2025, 9, 29));
        let diff = Diff::between((&book, before), (&book, after));
        assert_eq!((diff.added.len(), diff.removed.len(), diff.same), (0, 0, 0));
        let shown: Vec<_> = diff.changed[0]
            .changes
            .iter()
            .map(|change| (change.place.to_string(), change.percent().unwrap().0.to_string()))
            .collect();
        let want = [("input", "-50.00"), ("cached_input", "-60.00"), ("output", "-75.00")];
        let want: Vec<_> = want.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let normal = |rows: &[(String, String)]| -> Vec<(String, Decimal)> {
            rows.iter().map(|(a, b)| (a.clone(), b.parse().unwrap())).collect()
        };
        assert_eq!(normal(&shown), normal(&want));
        assert_eq!(Diff::between((&book, after), (&book, after)).same, 1);
    }

    #[test]
    fn what_begins_and_what_ends_is_named() {
        let (book, none) = (cut(), Book::of("x", Vec::new()).unwrap());
        let (early, day) = (date(2025, 9, 1), date(2025, 9, 28));
        let id = "deepseek/deepseek-chat".to_owned();
        assert_eq!(Diff::between((&book, early), (&book, day)).added, std::slice::from_ref(&id));
        assert_eq!(Diff::between((&book, day), (&none, day)).removed, [id]);
    }

    #[test]
    fn a_price_that_one_side_lacks_has_no_percentage() {
        let book = cut();
        let text = book.to_text().unwrap();
        let other = text.replace(r#""cached_input":"0.028","#, "").replace(
            r#""schedule":{"rates":{"input":"0.28""#,
            r#""variants":[{"service":"batch","schedule":{"rates":{"input":"0"}}}],"schedule":{"rates":{"input":"0.28""#,
        );
        let other = Book::parse("y", &other).unwrap();
        let day = date(2025, 10, 1);
        let diff = Diff::between((&book, day), (&other, day));
        let places: Vec<_> = diff.changed[0].changes.iter().map(|c| c.place.to_string()).collect();
        assert_eq!(places, ["cached_input", "input, batch"]);
        assert!(diff.changed[0].changes.iter().all(|change| change.percent().is_none()));
        // From nothing, every price is infinitely more.
        let back = Diff::between((&other, day), (&book, day));
        assert!(back.changed[0].changes.iter().all(|change| change.percent().is_none()));
    }
}
