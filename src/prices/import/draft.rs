//! What the importers share: from a number in a book to a price in an entry.

use super::json::Json;
use super::{Import, Snapshot};
use crate::prices::entry::Entry;
use crate::prices::tariff::Tariff;
use crate::units::{ListPrice, ListUsd, Tokens};
use rust_decimal::Decimal;

/// In what a book states a price, as the factor to a price per million tokens or per one unit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Per {
    Token,
    Million,
    Thousand,
    One,
}

impl Import {
    /// A number of a book, exact.
    pub(super) fn amount(&mut self, field: &str, json: &Json, per: Per) -> Result<Decimal, String> {
        let not = |what: &str| format!("`{field}`: `{}` {what}", json.shown());
        let number = json.number().ok_or_else(|| not("is not a number"))?;
        self.cleaned += usize::from(number.cleaned);
        let value = match per {
            Per::Token => number.value.checked_mul(Decimal::from(1_000_000)),
            Per::Million | Per::One => Some(number.value),
            Per::Thousand => number.value.checked_div(Decimal::from(1_000)),
        };
        Ok(value.ok_or_else(|| not("is too large"))?.normalize())
    }

    /// A price per million tokens.
    pub(super) fn price(
        &mut self,
        field: &str,
        json: &Json,
        per: Per,
    ) -> Result<ListPrice, String> {
        self.amount(field, json, per).map(ListPrice)
    }

    /// An amount for one of something.
    pub(super) fn usd(&mut self, field: &str, json: &Json, per: Per) -> Result<ListUsd, String> {
        self.amount(field, json, per).map(ListUsd)
    }
}

/// A count of tokens that a book states: a positive whole number, else it says nothing.
pub(super) fn tokens(json: Option<&Json>) -> Option<Tokens> {
    json.and_then(Json::whole).filter(|count| *count > 0).map(Tokens)
}

/// An entry of which nothing is known but its names.
pub(super) fn blank(provider: &str, model: &str, name: Option<&str>) -> Entry {
    Entry {
        id: format!("{provider}/{model}"),
        provider: provider.to_owned(),
        model: model.to_owned(),
        name: name.unwrap_or(model).trim().to_owned(),
        aliases: Vec::new(),
        kind: None,
        family: None,
        open_weights: None,
        parameters: None,
        active_parameters: None,
        size: None,
        context: None,
        max_output: None,
        tokenizer: None,
        ends: None,
        ending: None,
        note: None,
        tariffs: Vec::new(),
        others: Vec::new(),
    }
}

/// A tariff that always holds and charges nothing yet.
pub(super) fn always(snapshot: &Snapshot, key: &str, url: Option<&str>) -> Tariff {
    Tariff {
        from: None,
        until: None,
        schedule: crate::prices::Schedule::default(),
        hours: Vec::new(),
        variants: Vec::new(),
        terms: crate::prices::Terms::default(),
        source: snapshot.source(key, url),
    }
}
