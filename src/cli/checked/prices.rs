//! `mtok prices`, `mtok bill`, `mtok reconcile`: days, books, forms, and what goes with what.

use super::Failure;
use crate::cli::raw::{BookForm, RawBill};
use crate::hint::Fault;
use crate::prices::import::Format;
use crate::prices::{Entry, Service};
use jiff::civil::Date;
use std::path::PathBuf;

/// A day, written as people and files sort them.
fn day(flag: &str, text: &str) -> Result<Date, Failure> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.parse().ok().filter(|_| plain).ok_or_else(|| {
        Failure::new(Fault::Usage, format!("`{flag}`: `{text}` is not a day"))
            .hint("write it like `2026-11-22`")
    })
}

/// The day that a file is of, which is not to come.
pub(crate) fn past_day(flag: &str, text: Option<&str>, today: Date) -> Result<Date, Failure> {
    match optional_day(flag, text)? {
        Some(day) if day > today => {
            let message = format!("`{flag}`: `{day}` is yet to come, and today is {today}");
            Err(Failure::new(Fault::Usage, message).hint("give the day on which the file was read"))
        }
        day => Ok(day.unwrap_or(today)),
    }
}

/// The same for a flag that may be absent.
pub(crate) fn optional_day(flag: &str, text: Option<&str>) -> Result<Option<Date>, Failure> {
    text.map(|text| day(flag, text)).transpose()
}

/// Whose book a file is.
pub(crate) fn format(form: BookForm) -> Format {
    match form {
        BookForm::Litellm => Format::Litellm,
        BookForm::Genai => Format::GenaiPrices,
        BookForm::ModelsDev => Format::ModelsDev,
        BookForm::ModelPrices => Format::ModelPrices,
        BookForm::Openrouter => Format::Openrouter,
    }
}

/// Which entries are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    /// Sold by this provider.
    pub(crate) provider: Option<String>,
    /// With weights that can be had.
    pub(crate) open_weights: bool,
    /// With this in one of its names.
    pub(crate) model: Option<String>,
}

impl Wanted {
    /// Whether an entry is one of them.
    pub(crate) fn holds(&self, entry: &Entry) -> bool {
        let named = |text: &String| {
            let text = text.to_lowercase();
            let own = [&entry.id, &entry.model, &entry.name];
            let mut names = own.into_iter().chain(&entry.family).chain(&entry.aliases);
            names.any(|name| name.to_lowercase().contains(&text))
        };
        let sold_by = |provider: &String| entry.provider.eq_ignore_ascii_case(provider.trim());
        self.provider.as_ref().is_none_or(sold_by)
            && (!self.open_weights || entry.open_weights == Some(true))
            && self.model.as_ref().is_none_or(named)
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Side {
    /// A day of the book.
    Day(Date),
    /// A book's file.
    File(PathBuf),
}

impl Side {
    /// A day if it reads as one.
    pub(crate) fn of(text: &str) -> Self {
        day("", text).map_or_else(|_| Self::File(PathBuf::from(text)), Self::Day)
    }
}

/// What is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Billed {
    /// A usage on several entries.
    Usage {
        /// Its file.
        file: PathBuf,
        /// The entries' names.
        models: Vec<String>,
        /// The day whose tariff it is billed at.
        at: Option<Date>,
    },
    /// The difference of two.
    Difference {
        /// The old usage and what it is billed on.
        old: (PathBuf, String),
        /// The new.
        new: (PathBuf, String),
    },
}

/// `mtok bill`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bill {
    /// What is billed.
    pub(crate) billed: Billed,
    /// The service that all of it is taken to have asked for.
    pub(crate) service: Option<Service>,
    /// The book.
    pub(crate) book: Option<PathBuf>,
}

impl TryFrom<RawBill> for Bill {
    type Error = Failure;

    fn try_from(raw: RawBill) -> Result<Self, Failure> {
        let at = optional_day("--at", raw.at.as_deref())?;
        let service = raw.service.as_deref().map(service).transpose()?;
        let billed = match (raw.usage, raw.difference.as_slice()) {
            (None, [old, new]) => {
                if at.is_some() {
                    let message = "`--at` sets one tariff and `--difference` compares two periods";
                    return Err(Failure::new(Fault::Usage, message)
                        .hint("leave `--at` out: each period is billed at its own tariff"));
                }
                let (first, last) = match raw.model.as_slice() {
                    [both] => (both, both),
                    [first, last] => (first, last),
                    more => {
                        let count = more.len();
                        let message =
                            format!("`--difference` takes one or two `--model`, not {count}");
                        return Err(Failure::new(Fault::Usage, message)
                            .hint("the first is the old usage's, the second the new one's"));
                    }
                };
                Billed::Difference {
                    old: (old.clone(), first.clone()),
                    new: (new.clone(), last.clone()),
                }
            }
            (Some(file), _) => Billed::Usage { file, models: raw.model, at },
            // clap has seen to it that one of the two is there.
            (None, _) => {
                return Err(Failure::new(Fault::Usage, "no usage is named")
                    .hint("add a file, or `--difference OLD NEW`"));
            }
        };
        Ok(Self { billed, service, book: raw.book.book })
    }
}

/// A service's name; books have some of their own, which aren't known beforehand.
fn service(text: &str) -> Result<Service, Failure> {
    let name = text.trim();
    if name.is_empty() || name == "standard" || name == "default" {
        return Err(Failure::new(Fault::Usage, format!("`--service`: `{text}` is no service"))
            .hint("leave `--service` out for the standard one"));
    }
    Ok(Service::from(name.to_owned()))
}

/// The addresses that are asked.
pub(crate) fn sources(stated: Vec<String>) -> Result<Vec<String>, Failure> {
    // Which of them may be asked without encryption is the fetcher's rule.
    let is_address = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
    if let Some(other) = stated.iter().find(|url| !is_address(url)) {
        let message = format!("`--source`: `{other}` is no `https` address");
        return Err(
            Failure::new(Fault::Usage, message).hint("a file is read by `mtok prices import FILE`")
        );
    }
    if !stated.is_empty() {
        return Ok(stated);
    }
    let configured = [Format::GenaiPrices, Format::Litellm, Format::ModelsDev, Format::Openrouter];
    Ok(configured.map(|format| format.url().to_owned()).to_vec())
}
