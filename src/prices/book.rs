//! The book: entries that were checked, each found by its names.
//!
//! Invariant: an entry is in a book only after `check::fault` found nothing, and an id stands there
//! once. Guarded by the tests here, and for what is built in by `tests/books.rs`.

use super::check::fault;
use super::entry::Entry;
use super::error::PriceError;
use super::file;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

const FILE: &str = "data/prices.jsonl";
const TEXT: &str = include_str!("../../data/prices.jsonl");

/// How many near names are offered where one isn't found.
const NEAREST: usize = 3;
/// How alike names must be to be offered, by Jaro and Winkler's measure, where 1 is the same.
const ALIKE: f64 = 0.75;

/// A price book, in its file's order. Copies share the entries.
#[derive(Debug, Clone)]
pub struct Book {
    entries: Arc<Vec<Entry>>,
    by_id: Arc<HashMap<String, usize>>,
}

impl Book {
    /// The book inside the program; read once.
    ///
    /// # Errors
    /// [`PriceError::Embedded`] if it is broken, which the tests rule out.
    pub fn embedded() -> Result<Self, PriceError> {
        static BOOK: OnceLock<Book> = OnceLock::new();
        if let Some(book) = BOOK.get() {
            return Ok(book.clone());
        }
        let book = Self::parse(FILE, TEXT).map_err(|e| PriceError::Embedded(Box::new(e)))?;
        Ok(BOOK.get_or_init(|| book).clone())
    }

    /// A book from the text of a file of the form `mtok.prices/1`.
    ///
    /// # Errors
    /// A text of another form, an entry that says what no entry can, an id twice.
    pub fn parse(file: &str, text: &str) -> Result<Self, PriceError> {
        Self::of(file, file::read(file, text)?)
    }

    /// A book of these entries; `file` is what errors call it.
    ///
    /// # Errors
    /// An entry that says what no entry can, an id twice.
    pub fn of(file: &str, entries: Vec<Entry>) -> Result<Self, PriceError> {
        let mut by_id = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let (file, id) = (file.to_owned(), entry.id.clone());
            if let Some(fault) = fault(entry) {
                return Err(PriceError::Entry { file, entry: id, fault });
            }
            if by_id.insert(id.clone(), index).is_some() {
                return Err(PriceError::Duplicate { file, entry: id });
            }
        }
        Ok(Self { entries: Arc::new(entries), by_id: Arc::new(by_id) })
    }

    /// The book as the text of a file, which [`Book::parse`] reads back to the same entries.
    ///
    /// # Errors
    /// None that is known: an entry is made of texts and numbers. JSON's writer may object.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        file::write(&self.entries)
    }

    /// All entries, in the file's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.by_id.get(id).and_then(|index| self.entries.get(*index))
    }

    /// The entries that go by a name: an id, else whatever the model is called where it is sold,
    /// capitals aside. A model that several sell is found at each of them.
    ///
    /// # Errors
    /// [`PriceError::Unknown`] with the nearest names where there is none.
    pub fn find(&self, query: &str) -> Result<Vec<&Entry>, PriceError> {
        let wanted = query.trim();
        if let Some(entry) = self.get(wanted) {
            return Ok(vec![entry]);
        }
        let is = |name: &str| name.eq_ignore_ascii_case(wanted);
        let named = |entry: &&Entry| names(entry).any(is);
        let mut found: Vec<&Entry> = self.entries.iter().filter(named).collect();
        if found.is_empty() {
            // `provider/alias`
            let split = wanted.split_once('/');
            let of = |entry: &&Entry| {
                split.is_some_and(|(provider, rest)| {
                    entry.provider.eq_ignore_ascii_case(provider)
                        && names(entry).any(|name| name.eq_ignore_ascii_case(rest))
                })
            };
            found = self.entries.iter().filter(of).collect();
        }
        if found.is_empty() {
            let nearest = self.nearest(wanted);
            return Err(PriceError::Unknown { query: wanted.to_owned(), nearest });
        }
        Ok(found)
    }

    /// The one entry that goes by a name.
    ///
    /// # Errors
    /// [`PriceError::Unknown`] where there is none, [`PriceError::Several`] where there are more.
    pub fn one(&self, query: &str) -> Result<&Entry, PriceError> {
        match self.find(query)?.as_slice() {
            [entry] => Ok(entry),
            several => Err(PriceError::Several {
                query: query.trim().to_owned(),
                ids: several.iter().map(|entry| entry.id.clone()).collect(),
            }),
        }
    }

    /// The entry of a model as an export names it: the named provider's, else the only one.
    pub fn sold_as(&self, model: &str, provider: Option<&str>) -> Option<&Entry> {
        let found = self.find(model).ok()?;
        let of = |entry: &&&Entry| provider.is_some_and(|p| entry.provider.eq_ignore_ascii_case(p));
        match found.as_slice() {
            [only] => Some(only),
            several => several.iter().find(of).copied(),
        }
    }

    /// The ids whose names are most like a text, the most alike first.
    fn nearest(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let alike = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &text);
        let best = |entry: &Entry| names(entry).map(alike).fold(0.0, f64::max);
        let mut scored: Vec<(f64, &Entry)> = self
            .entries
            .iter()
            .map(|entry| (best(entry), entry))
            .filter(|(score, _)| *score >= ALIKE)
            .collect();
        scored.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.id.cmp(&y.id)));
        scored.into_iter().take(NEAREST).map(|(_, entry)| entry.id.clone()).collect()
    }
}

fn names(entry: &Entry) -> impl Iterator<Item = &str> {
    [entry.id.as_str(), &entry.model, &entry.name]
        .into_iter()
        .chain(entry.aliases.iter().map(String::as_str))
}

#[cfg(test)]
mod tests;
