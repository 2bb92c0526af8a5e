//! A place in an export: a value, and its line for errors.

use super::{Billed, ExportError};
use crate::prices::billing::{Counting, Reported, Usage};
use crate::prices::tariff::Service;
use crate::units::{PicoUsd, Tokens};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::Value;

/// A value of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) line: u64,
    value: &'a Value,
}

impl<'a> Place<'a> {
    pub(super) fn new(line: u64, value: &'a Value) -> Self {
        Self { line, value }
    }

    /// What stands behind the names of a path, separated by full stops; nothing and `null` are alike.
    pub(super) fn get(self, path: &str) -> Option<Self> {
        let step = |value: &'a Value, name| value.get(name);
        let value = path.split('.').try_fold(self.value, step)?;
        (!value.is_null()).then_some(Self { value, ..self })
    }

    pub(super) fn items(self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().map_or(&[][..], Vec::as_slice);
        items.iter().map(move |value| Self { value, ..self })
    }

    pub(super) fn fields(self) -> impl Iterator<Item = (&'a str, Self)> {
        let fields = self.value.as_object().into_iter().flatten();
        fields.map(move |(key, value)| (key.as_str(), Self { value, ..self }))
    }

    pub(super) fn string(self) -> Option<&'a str> {
        self.value.as_str()
    }

    pub(super) fn is_true(self) -> bool {
        self.value.as_bool() == Some(true)
            || self.string().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The text at a path, which must stand there.
    pub(super) fn text(self, path: &'static str) -> Result<&'a str, ExportError> {
        let found = self.get(path).and_then(Self::string).filter(|text| !text.is_empty());
        found.ok_or_else(|| self.wrong(path, "a text"))
    }

    /// The first of several paths under which a count of tokens stands; none of them: 0.
    pub(super) fn tokens(self, paths: &[&str]) -> Result<Tokens, ExportError> {
        let found = paths.iter().find_map(|path| Some((path, self.get(path)?)));
        found.map_or(Ok(Tokens(0)), |(path, place)| place.count(path).map(Tokens))
    }

    /// A whole number, at least 0: this value, which is said to stand at this path.
    pub(super) fn count(self, path: &str) -> Result<u64, ExportError> {
        let whole = |number: f64| number >= 0.0 && number.fract().abs() < f64::MIN_POSITIVE;
        // Warehouses write 12.0 for 12.
        let text = match self.value {
            Value::Number(number) if number.as_f64().is_some_and(whole) => number.to_string(),
            _ => String::new(),
        };
        let digits = text.strip_suffix(".0").unwrap_or(&text);
        digits.parse().map_err(|_| self.fault(path, "a whole number of tokens or requests"))
    }

    /// A time: seconds since 1970, or a date and time, in UTC unless it says otherwise.
    pub(super) fn time(self, path: &'static str) -> Result<Timestamp, ExportError> {
        let wrong = || self.wrong(path, "a time like `2026-03-02T12:00:00Z`");
        let found = self.get(path).ok_or_else(wrong)?;
        if let Some(seconds) = found.value.as_i64() {
            return Timestamp::from_second(seconds).map_err(|_| wrong());
        }
        let text = found.string().ok_or_else(wrong)?;
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(at);
        }
        let local: DateTime = text.parse().map_err(|_| wrong())?;
        local.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).map_err(|_| wrong())
    }

    /// The service at a path; none where it is the standard one.
    pub(super) fn service(self, path: &str) -> Option<Service> {
        let name = self.get(path).and_then(Self::string)?;
        let standard = ["default", "standard", "auto"].contains(&name);
        (!standard).then(|| Service::from(name.to_owned()))
    }

    /// An amount in USD, by its own digits: a number is read back from its shortest text, which is
    /// what was written.
    pub(super) fn usd(self, path: &str) -> Result<Option<Billed>, ExportError> {
        let Some(found) = self.get(path) else { return Ok(None) };
        let text = match found.value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => String::new(),
        };
        let amount = Decimal::from_scientific(&text).or_else(|_| text.parse::<Decimal>());
        let amount = amount.map_err(|_| self.wrong(path, "an amount in USD"))?;
        let decimals = amount.normalize().scale();
        let amount = PicoUsd::of(amount).ok_or_else(|| self.wrong(path, "an amount in USD"))?;
        Ok(Some(Billed { amount, decimals }))
    }

    pub(super) fn usage(self, counts: &Reported, counting: Counting) -> Result<Usage, ExportError> {
        let usage = Usage::reported(counts, counting);
        usage.map_err(|source| ExportError::Usage { line: self.line, source })
    }

    /// The error that at this path something else should stand.
    pub(super) fn wrong(self, path: &str, wanted: &'static str) -> ExportError {
        let found = path.split('.').try_fold(self.value, |value, name| value.get(name));
        Self { value: found.unwrap_or(&Value::Null), ..self }.fault(path, wanted)
    }

    /// The error that this value, which stands at this path, should be something else.
    pub(super) fn fault(self, path: &str, wanted: &'static str) -> ExportError {
        let value: String = self.value.to_string().chars().take(80).collect();
        ExportError::Field { line: self.line, field: path.to_owned(), value, wanted }
    }
}
