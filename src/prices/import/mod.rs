//! From other people's price books to entries of ours.
//!
//! Invariant: nothing is lost in silence. Every entry of a book is either an [`Entry`] or
//! [`Refused`] with the reason, so `read = entries + refused`; every field of it is a price, a fact
//! that an entry has a place for, one that is listed in `fields` as none of ours with the reason,
//! or counted as not understood. Guarded by `tests/price_books.rs` on whole snapshots, and by the
//! importers' own tests on every reason to refuse.
//!
//! Deliberately absent: files and downloads. A book is a text.

mod draft;
mod fields;
mod genai;
mod json;
mod litellm;
mod model_prices;
mod models_dev;
mod openrouter;
mod recognise;
#[cfg(test)]
mod tests;

use super::check::fault;
use super::entry::Entry;
use super::tariff::Source;
use crate::hint::{Fault, Hint};
use jiff::civil::Date;
use json::Json;
use std::collections::{BTreeMap, HashSet};

pub use fields::{NotAPrice, not_a_price};
pub use json::DIGITS_MAX;

/// A book that we can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// LiteLLM's `model_prices_and_context_window.json`.
    Litellm,
    /// Pydantic's genai-prices, `data.json`.
    GenaiPrices,
    /// models.dev's `api.json`.
    ModelsDev,
    /// model-prices' `prices.json`.
    ModelPrices,
    /// OpenRouter's `/api/v1/models`, or a catalogue made from it.
    Openrouter,
}

impl Format {
    /// Every book.
    pub const ALL: [Self; 5] =
        [Self::Litellm, Self::GenaiPrices, Self::ModelsDev, Self::ModelPrices, Self::Openrouter];

    /// What it is called in flags and in sources.
    pub fn name(self) -> &'static str {
        match self {
            Self::Litellm => "litellm",
            Self::GenaiPrices => "genai-prices",
            Self::ModelsDev => "models.dev",
            Self::ModelPrices => "model-prices",
            Self::Openrouter => "openrouter",
        }
    }

    /// The book of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Where it is published. Reading is allowed to anybody; no key is needed.
    pub fn url(self) -> &'static str {
        match self {
            Self::Litellm => {
                "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
            }
            Self::GenaiPrices => {
                "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/data.json"
            }
            Self::ModelsDev => "https://models.dev/api.json",
            Self::ModelPrices => "https://pypi.org/project/model-prices/",
            Self::Openrouter => "https://openrouter.ai/api/v1/models",
        }
    }

    /// Its licence.
    pub fn licence(self) -> &'static str {
        match self {
            Self::Litellm | Self::GenaiPrices | Self::ModelsDev | Self::ModelPrices => "MIT",
            Self::Openrouter => "public catalogue, no licence stated",
        }
    }

    /// Reads a book.
    ///
    /// # Errors
    /// A text that isn't JSON, or not of this book's shape. What is wrong with a single entry is
    /// in [`Import::refused`].
    pub fn read(self, text: &str, snapshot: &Snapshot) -> Result<Import, ImportError> {
        self.taken(&parsed(&snapshot.book, text)?, snapshot)
    }

    /// Reads a book whose JSON was read.
    fn taken(self, json: &Json, snapshot: &Snapshot) -> Result<Import, ImportError> {
        let mut import = Import::default();
        let drafts = match self {
            Self::Litellm => litellm::read(json, snapshot, &mut import),
            Self::GenaiPrices => genai::read(json, snapshot, &mut import),
            Self::ModelsDev => models_dev::read(json, snapshot, &mut import),
            Self::ModelPrices => model_prices::read(json, snapshot, &mut import),
            Self::Openrouter => openrouter::read(json, snapshot, &mut import),
        };
        let drafts = drafts.map_err(|what| ImportError::Shape {
            book: snapshot.book.clone(),
            format: self.name(),
            what,
        })?;
        import.take(drafts);
        Ok(import)
    }
}

/// A text's JSON; `book` is what an error calls it.
fn parsed(book: &str, text: &str) -> Result<Json, ImportError> {
    Json::parse(text)
        .map_err(|source| ImportError::Json { book: book.to_owned(), source: Box::new(source) })
}

/// Which edition of a book was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The book's name.
    pub book: String,
    /// Its version.
    pub version: String,
    /// Its licence.
    pub licence: String,
    /// The day it is of.
    pub date: Date,
    /// Where it was had from.
    pub url: Option<String>,
}

impl Snapshot {
    /// An edition of a book that we know, by its version and day.
    pub fn of(format: Format, version: &str, date: Date) -> Self {
        Self {
            book: format.name().to_owned(),
            version: version.to_owned(),
            licence: format.licence().to_owned(),
            date,
            url: Some(format.url().to_owned()),
        }
    }

    fn source(&self, key: &str, url: Option<&str>) -> Source {
        Source {
            book: self.book.clone(),
            version: self.version.clone(),
            licence: self.licence.clone(),
            date: self.date,
            key: key.to_owned(),
            url: url.map(str::to_owned).or_else(|| self.url.clone()),
        }
    }
}

/// An entry of another's book that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its key in that book.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// What came of reading a book.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Import {
    /// What was taken, in the book's order.
    pub entries: Vec<Entry>,
    /// What was not.
    pub refused: Vec<Refused>,
    /// How often each field stood there that nobody here has a meaning for.
    pub not_understood: BTreeMap<String, usize>,
    /// How often each field stood there that is known and isn't ours; [`not_a_price`] says why.
    pub not_prices: BTreeMap<String, usize>,
    /// Numbers with digits from binary arithmetic, which were taken off.
    pub cleaned: usize,
}

/// What an importer makes of one entry of its book: its key, and the entry or why there is none.
type Draft = (String, Result<Entry, String>);

impl Import {
    /// Entries that the book has: those taken and those refused.
    pub fn read(&self) -> usize {
        self.entries.len() + self.refused.len()
    }

    fn take(&mut self, drafts: Vec<Draft>) {
        let mut seen = HashSet::new();
        for (key, draft) in drafts {
            let checked = draft.and_then(|entry| match fault(&entry) {
                Some(fault) => Err(fault.to_string()),
                None if !seen.insert(entry.id.clone()) => {
                    Err(format!("a second entry would be called `{}`", entry.id))
                }
                None => Ok(entry),
            });
            match checked {
                Ok(entry) => self.entries.push(entry),
                Err(reason) => self.refused.push(Refused { key, reason }),
            }
        }
    }

    fn understands_not(&mut self, field: &str) {
        *self.not_understood.entry(field.to_owned()).or_default() += 1;
    }

    /// Counts a field that is no price: as known, if the table knows it.
    fn passes_over(&mut self, format: Format, field: &str) {
        match not_a_price(format, field) {
            Some(known) => *self.not_prices.entry(known.field.to_owned()).or_default() += 1,
            None => self.understands_not(field),
        }
    }
}

/// A book that can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It isn't JSON.
    #[error("`{book}` is not JSON: {source}")]
    Json {
        /// The book.
        book: String,
        /// What the reader of JSON found.
        source: Box<serde_json::Error>,
    },
    /// It is a book of none of the forms, or of more than one.
    #[error("`{file}` reads as {}", among(as_what))]
    Unrecognised {
        /// The file.
        file: String,
        /// The forms that it reads as.
        as_what: Vec<&'static str>,
    },
    /// It is JSON of another shape.
    #[error("`{book}` is not a book of {format}: {what}")]
    Shape {
        /// The book.
        book: String,
        /// The format it was read as.
        format: &'static str,
        /// What is missing.
        what: String,
    },
}

fn among(forms: &[&str]) -> String {
    if forms.is_empty() { "no book that is known".to_owned() } else { forms.join(" and as ") }
}

impl Hint for ImportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Json { .. } => None,
            Self::Unrecognised { as_what, .. } if !as_what.is_empty() => {
                Some("say which it is with `--form`".to_owned())
            }
            Self::Unrecognised { .. } | Self::Shape { .. } => {
                let known = Format::ALL.map(Format::name).join(", ");
                Some(format!("the books that can be read are {known}"))
            }
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}
