//! Which APIs stand beside a machine where the user names none.
//!
//! Invariant: the rule is said with the result. Of a known model it is `Book::comparable`'s, as for a run
//! or an estimate; of none, the cheapest open-weight families at this mix and the book's well-known
//! closed ones. Guarded by `tests::a_shortlist_says_its_rule`.

use crate::prices::{Book, Entry, Mix};
use crate::units::UsdPerMtok;
use jiff::civil::Date;
use serde::Serialize;

/// How many entries.
const APIS: usize = 7;
/// How many of them are open-weight families, where no model is known.
const OPEN: usize = 5;

/// What chose the APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// The user.
    Named,
    /// The same model wherever it is sold, then those nearest in size, then two closed ones.
    Comparable,
    /// The cheapest open-weight families at this mix, and two closed ones: no model is known.
    Cheapest,
}

/// The entries, and the rule that chose them.
pub fn shortlist<'a>(
    book: &'a Book,
    family: Option<&str>,
    parameters: Option<u64>,
    mix: Mix,
    day: Date,
) -> (Vec<&'a Entry>, Chosen) {
    let known = book.comparable(family, parameters, APIS, day);
    if family.is_some() || parameters.is_some() {
        return (known, Chosen::Comparable);
    }
    let price = |entry: &&'a Entry| {
        let open = entry.open_weights == Some(true) && entry.is_sold(day);
        let family = entry.family.as_deref().filter(|_| open)?;
        Some((entry.blended(mix, day)?, family, *entry))
    };
    let mut open: Vec<(UsdPerMtok, &str, &Entry)> =
        book.entries().iter().filter_map(|entry| price(&entry)).collect();
    open.sort_by(|a, b| a.0.0.total_cmp(&b.0.0).then_with(|| a.2.id.cmp(&b.2.id)));
    let mut chosen: Vec<&Entry> = Vec::new();
    for (_, family, entry) in open {
        if chosen.len() < OPEN && chosen.iter().all(|one| one.family.as_deref() != Some(family)) {
            chosen.push(entry);
        }
    }
    chosen.extend(known);
    (chosen, Chosen::Cheapest)
}
