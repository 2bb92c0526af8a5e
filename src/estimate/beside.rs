//! What APIs ask for the same tokens, and from which load the estimated deployment is cheaper.
//!
//! Invariant: an API is blended at the traffic that was estimated, prompts as uncached input; and only
//! what is sold under the very name that was asked for counts as the same model: checkpoints of one
//! shape are as fast as one another and not the same. Guarded by `tests/outlook.rs`.

use super::catalogue::typed;
use super::deployment::Traffic;
use super::model::Model;
use crate::cost::BreakEven;
use crate::prices::{Book, Entry, Mix, is_stale};
use crate::units::{Estimate, ListPrice, Tokens, TokensPerSecond, UsdPerHour, UsdPerMtok};
use jiff::civil::Date;
use serde::Serialize;

/// How many API prices are laid beside an estimate.
const APIS: usize = 7;

/// An API's price beside the estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    /// Provider and model.
    pub id: String,
    /// What people call the model.
    pub name: String,
    /// Who sells it.
    pub provider: String,
    /// Whether it is the very model that was asked for.
    pub same_model: bool,
    /// Input, USD/Mtok, exact.
    pub input: ListPrice,
    /// Output, USD/Mtok, exact.
    pub output: ListPrice,
    /// Blended at the traffic's mix.
    pub blended: UsdPerMtok,
    /// From where the deployment is cheaper; `None`: it has no price, or no batch that is fit.
    pub break_even: Option<BreakEven>,
    /// Which book says so.
    pub source: String,
    /// The day of the price.
    pub date: Date,
    /// Whether that is more than 90 days ago.
    pub stale: bool,
    /// What must be said beside the figures.
    pub notes: Vec<String>,
}

/// The price book's name of a model: the family under which it is sold by the name asked for, else by
/// the shape's own id. `None`: nobody in the book sells it.
pub fn family<'a>(book: &'a Book, asked: &str, model: &Model) -> Option<&'a str> {
    let called = |entry: &Entry, wanted: &str| {
        let names = [entry.family.as_deref(), Some(entry.model.as_str()), Some(&entry.name)];
        names.into_iter().flatten().any(|name| typed(name) == wanted)
    };
    let entries = || book.entries().iter().filter(|entry| entry.family.is_some());
    [asked, &model.id]
        .iter()
        .map(|name| typed(name))
        .find_map(|wanted| entries().find(|entry| called(entry, &wanted)))
        .and_then(|entry| entry.family.as_deref())
}

/// The APIs to lay beside `model`, which was asked for as `asked`, at a day's prices. `own`: what the
/// deployment costs, and its tokens a second.
pub(super) fn beside(
    book: &Book,
    (asked, model): (&str, &Model),
    traffic: Traffic,
    own: Option<(UsdPerHour, Estimate<TokensPerSecond>)>,
    today: Date,
) -> Vec<Beside> {
    let Some(mix) = Mix::new(traffic.prompt, Tokens(0), traffic.output) else { return Vec::new() };
    let family = family(book, asked, model);
    let row = |entry: &Entry| {
        let figures = entry.figures(today)?;
        let blended = entry.blended(mix, today)?;
        let source = &entry.tariff_on(today)?.source;
        let limit = entry.prompt_tokens_max(today).filter(|limit| traffic.prompt > *limit);
        let dearer = limit.map(|limit| format!("prompts of more than {limit} cost more than this"));
        Some(Beside {
            id: entry.id.clone(),
            name: entry.name.clone(),
            provider: entry.provider.clone(),
            same_model: entry.family.is_some() && entry.family.as_deref() == family,
            input: figures.input,
            output: figures.output,
            blended,
            break_even: own.and_then(|(hour, rate)| BreakEven::of(hour, rate, blended)),
            source: source.name(),
            date: source.date,
            stale: is_stale(source.date, today),
            notes: entry.note.iter().cloned().chain(dearer).collect(),
        })
    };
    let found = book.comparable(family, Some(model.published), APIS, today);
    found.into_iter().filter_map(row).collect()
}
