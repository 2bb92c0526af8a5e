//! The book: `data/prices.toml`, checked as it loads.

use super::entry::{Entry, Figures, OtherSource, Size};
use super::error::PriceError;
use super::tariff::Source;
use crate::units::{ListPrice, Tokens};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::HashSet;

const FILE: &str = "data/prices.toml";
const TEXT: &str = include_str!("../../data/prices.toml");

/// Nobody asks more for a million tokens, in USD; a greater number is in the wrong unit.
const PRICE_MAX: u32 = 100_000;

/// A price book, in its file's order.
#[derive(Debug, Clone)]
pub struct Book {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBook {
    price: Vec<RawEntry>,
}

/// An entry as written. Prices are texts: a TOML float would have been rounded on the way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    id: String,
    provider: String,
    model: String,
    name: String,
    family: String,
    open_weights: bool,
    parameters: Option<u64>,
    active_parameters: Option<u64>,
    size: Option<Size>,
    context: Option<u64>,
    input: String,
    cached_input: Option<String>,
    output: String,
    input_includes_cached: Option<bool>,
    prompt_tokens_max: Option<u64>,
    note: Option<String>,
    #[serde(default)]
    sources: Vec<RawSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    book: String,
    version: String,
    licence: String,
    date: Date,
    key: String,
    differs: Option<RawFigures>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFigures {
    input: String,
    cached_input: Option<String>,
    output: String,
}

impl Book {
    /// The book inside the program.
    ///
    /// # Errors
    /// [`PriceError::Embedded`] if it is broken, which the tests rule out.
    pub fn embedded() -> Result<Self, PriceError> {
        Self::parse(FILE, TEXT).map_err(|error| PriceError::Embedded(Box::new(error)))
    }

    /// A book from the text of a file.
    ///
    /// # Errors
    /// A text that isn't TOML of this shape, a price that isn't an exact decimal from 0 to 100,000
    /// USD/Mtok, an entry without a source, a source without a date, an empty name, an id twice.
    pub fn parse(file: &str, text: &str) -> Result<Self, PriceError> {
        let raw: RawBook = toml::from_str(text).map_err(|source| PriceError::Toml {
            file: file.to_owned(),
            source: Box::new(source),
        })?;
        let entries = raw
            .price
            .into_iter()
            .map(|raw| Place { file, entry: &raw.id.clone() }.entry(raw))
            .collect::<Result<Vec<_>, _>>()?;
        let mut seen = HashSet::new();
        match entries.iter().find(|entry| !seen.insert(entry.id.as_str())) {
            Some(twice) => {
                Err(PriceError::Duplicate { file: file.to_owned(), entry: twice.id.clone() })
            }
            None => Ok(Self { entries }),
        }
    }

    /// All entries, in the file's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

/// Where in the file we are, for errors.
struct Place<'a> {
    file: &'a str,
    entry: &'a str,
}

impl Place<'_> {
    fn entry(&self, raw: RawEntry) -> Result<Entry, PriceError> {
        for (field, text) in [
            ("id", &raw.id),
            ("provider", &raw.provider),
            ("model", &raw.model),
            ("name", &raw.name),
            ("family", &raw.family),
        ] {
            self.filled(field, text)?;
        }
        // What divides must not be zero.
        if raw.parameters == Some(0) {
            return Err(self.empty("parameters"));
        }
        let figures = self.figures(&raw.input, raw.cached_input.as_deref(), &raw.output)?;
        if figures.cached_input.is_some() != raw.input_includes_cached.is_some() {
            return Err(PriceError::Cache {
                file: self.file.to_owned(),
                entry: self.entry.to_owned(),
            });
        }
        let mut sources = raw.sources.into_iter();
        let source = sources.next().ok_or_else(|| self.empty("sources"))?;
        Ok(Entry {
            id: raw.id,
            provider: raw.provider,
            model: raw.model,
            name: raw.name,
            family: raw.family,
            open_weights: raw.open_weights,
            parameters: raw.parameters,
            active_parameters: raw.active_parameters,
            size: raw.size,
            context: raw.context.map(Tokens),
            figures,
            input_includes_cached: raw.input_includes_cached,
            prompt_tokens_max: raw.prompt_tokens_max.map(Tokens),
            note: raw.note,
            source: self.source(source)?.source,
            others: sources.map(|other| self.source(other)).collect::<Result<_, _>>()?,
        })
    }

    fn source(&self, raw: RawSource) -> Result<OtherSource, PriceError> {
        for (field, text) in [("book", &raw.book), ("version", &raw.version), ("key", &raw.key)] {
            self.filled(field, text)?;
        }
        self.filled("licence", &raw.licence)?;
        let differs = raw
            .differs
            .map(|f| self.figures(&f.input, f.cached_input.as_deref(), &f.output))
            .transpose()?;
        let RawSource { book, version, licence, date, key, .. } = raw;
        Ok(OtherSource { source: Source { book, version, licence, date, key, url: None }, differs })
    }

    fn figures(
        &self,
        input: &str,
        cached_input: Option<&str>,
        output: &str,
    ) -> Result<Figures, PriceError> {
        Ok(Figures {
            input: self.price("input", input)?,
            cached_input: cached_input.map(|text| self.price("cached_input", text)).transpose()?,
            output: self.price("output", output)?,
        })
    }

    fn price(&self, field: &'static str, text: &str) -> Result<ListPrice, PriceError> {
        let Ok(price) = Decimal::from_str_exact(text) else {
            return Err(PriceError::NotADecimal {
                file: self.file.to_owned(),
                entry: self.entry.to_owned(),
                field,
                value: text.to_owned(),
            });
        };
        if price.is_sign_negative() || price > Decimal::from(PRICE_MAX) {
            return Err(PriceError::OutOfRange {
                file: self.file.to_owned(),
                entry: self.entry.to_owned(),
                field,
                value: text.to_owned(),
                max: PRICE_MAX,
            });
        }
        Ok(ListPrice(price))
    }

    fn filled(&self, field: &'static str, text: &str) -> Result<(), PriceError> {
        if text.trim().is_empty() { Err(self.empty(field)) } else { Ok(()) }
    }

    fn empty(&self, field: &'static str) -> PriceError {
        PriceError::Empty { file: self.file.to_owned(), entry: self.entry.to_owned(), field }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::{Fault, Hint};
    use crate::prices::is_stale;
    use jiff::civil::date;

    const GOOD: &str = r#"
        [[price]]
        id = "p/m"
        provider = "p"
        model = "m"
        name = "M"
        family = "m"
        open_weights = true
        parameters = 8_000_000_000
        input = "0.05"
        cached_input = "0.005"
        output = "0.08"
        input_includes_cached = true
        [[price.sources]]
        book = "b"
        version = "1"
        licence = "MIT"
        date = "2026-11-09"
        key = "k"
    "#;

    fn without(start: &str) -> String {
        let kept = GOOD.lines().filter(|line| !line.trim_start().starts_with(start));
        kept.collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    fn refused(text: &str, want: &str) {
        let error = Book::parse("x.toml", text).unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert_eq!(error.fault(), Fault::Input);
    }

    #[test]
    fn an_entry_is_read_exactly() {
        let book = Book::parse("x.toml", GOOD).unwrap();
        let entry = book.get("p/m").unwrap();
        assert_eq!(entry.figures.input.to_string(), "0.05 USD/Mtok");
        assert_eq!(entry.figures.cached_input.unwrap().to_string(), "0.005 USD/Mtok");
        assert_eq!(entry.date(), date(2026, 11, 9));
        assert_eq!(entry.others, []);
        assert_eq!(book.get("p/n"), None);
    }

    #[test]
    fn a_price_without_source_or_date_is_refused() {
        let sourceless = GOOD.split("[[price.sources]]").next().unwrap();
        refused(sourceless, "`x.toml`, entry `p/m`: `sources` is empty");
        refused(&without("date"), "missing field `date`");
        refused(&GOOD.replace("2026-11-09", "2026-11-31"), "`x.toml` is not a price book");
        refused(&GOOD.replace("book = \"b\"", "book = \"\""), "`book` is empty");
        refused(&GOOD.replace("\"MIT\"", "\" \""), "`licence` is empty");
    }

    #[test]
    fn a_price_is_a_decimal_from_zero_up() {
        let with = |text: &str| GOOD.replace("\"0.05\"", text);
        refused(&with("\"-0.05\""), "`input`: `-0.05` USD/Mtok is not between 0 and 100000");
        refused(&with("\"100001\""), "is not between 0 and 100000");
        refused(&with("\"free\""), "entry `p/m`, `input`: `free` is not a decimal number");
        refused(&with("\"NaN\""), "`NaN` is not a decimal number");
        refused(&with("\"\""), "`` is not a decimal number");
        // More digits than can be held: refused, not rounded.
        refused(&with("\"0.12345678901234567890123456789012345\""), "is not a decimal number");
        // A float would have been rounded before anybody could look.
        refused(&with("0.05"), "invalid type: floating point `0.05`, expected a string");
        assert!(Book::parse("x.toml", &with("\"0\"")).is_ok());
    }

    #[test]
    fn entries_are_whole_and_unique() {
        refused(&format!("{GOOD}{GOOD}"), "`x.toml`: two entries `p/m`");
        refused(&GOOD.replace("name = \"M\"", "name = \"\""), "`name` is empty");
        refused(&GOOD.replace("8_000_000_000", "0"), "`parameters` is empty");
        refused(&without("cached_input"), "go together");
        refused(&without("input_includes_cached"), "go together");
        refused(&GOOD.replace("family", "familly"), "unknown field `familly`");
        refused("", "missing field `price`");
    }

    #[test]
    fn what_is_wrong_inside_the_program_is_our_fault() {
        let inner = Book::parse("x.toml", "").unwrap_err();
        let error = PriceError::Embedded(Box::new(inner));
        assert_eq!(error.fault(), Fault::Internal);
        assert!(error.hint().unwrap().contains("report"));
    }

    #[test]
    fn the_shipped_book_holds_what_the_manifests_run_and_what_people_know() {
        let book = Book::embedded().unwrap();
        assert!(book.entries().len() >= 25);
        for family in [
            "llama-3.1-8b",
            "llama-3.3-70b",
            "qwen3-8b",
            "qwen3-32b",
            "gemma-3-27b",
            "mistral-7b",
            "gpt-oss-20b",
            "qwen2.5-coder-0.5b",
            "gpt-6-luna",
            "claude-haiku-5.5",
        ] {
            assert!(book.entries().iter().any(|entry| entry.family == family), "{family}");
        }
    }

    #[test]
    fn shipped_entries_say_whether_they_are_open_and_how_large() {
        for entry in Book::embedded().unwrap().entries() {
            // A closed model's parameters aren't published; its class stands in.
            assert_eq!(entry.size.is_none(), entry.open_weights, "{}", entry.id);
            assert!(entry.open_weights || entry.parameters.is_none(), "{}", entry.id);
            assert!(entry.active_parameters <= entry.parameters, "{}", entry.id);
            assert!(entry.figures.cached_input <= Some(entry.figures.input), "{}", entry.id);
        }
    }

    #[test]
    fn a_family_has_one_size() {
        let book = Book::embedded().unwrap();
        for a in book.entries() {
            for b in book.entries().iter().filter(|b| b.family == a.family) {
                assert_eq!(a.parameters, b.parameters, "{} {}", a.id, b.id);
            }
        }
    }

    #[test]
    fn disagreeing_books_are_both_named() {
        let book = Book::embedded().unwrap();
        let flash = book.get("deepseek/deepseek-flash").unwrap();
        assert_eq!(flash.source.book, "litellm");
        assert_eq!(flash.others[0].source.book, "genai-prices");
        // 0.30 in peak hours, 0.15 in the others.
        let differs = flash.others[0].differs.unwrap();
        assert_eq!(flash.figures.input.to_string(), "0.3 USD/Mtok");
        assert_eq!(differs.input.to_string(), "0.15 USD/Mtok");
        assert!(flash.note.as_deref().unwrap().contains("peak hours"));
    }

    #[test]
    fn the_snapshot_grows_old() {
        let book = Book::embedded().unwrap();
        for entry in book.entries() {
            assert!(!is_stale(entry.date(), date(2026, 11, 22)), "{}", entry.id);
            assert!(is_stale(entry.date(), date(2027, 2, 11)), "{}", entry.id);
        }
    }
}
