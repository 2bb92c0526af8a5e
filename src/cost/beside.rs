//! What APIs ask for the same tokens as an own machine, one row each.
//!
//! Invariant: a row holds the book's own figures of one day, blended at the mix given, and says where that
//! day's price does not hold for these prompts. Guarded by `judgement`'s tests, and by those of the
//! estimate, which is laid beside APIs in the same way.

use crate::prices::{Book, Entry, Mix, is_stale};
use crate::units::{ListPrice, Tokens, UsdPerMtok};
use jiff::civil::Date;
use serde::Serialize;

/// How many API prices are laid beside a run or an estimate.
const APIS: usize = 7;

/// An API's price beside that of own tokens; `B` is where the two meet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside<B> {
    /// Provider and model.
    pub id: String,
    /// What people call the model.
    pub name: String,
    /// Who sells it.
    pub provider: String,
    /// Whether it is the very model that ran, or was asked for.
    pub same_model: bool,
    /// Input, USD/Mtok, exact.
    pub input: ListPrice,
    /// Output, USD/Mtok, exact.
    pub output: ListPrice,
    /// Blended at the own mix of input and output.
    pub blended: UsdPerMtok,
    /// From where own tokens are cheaper; `None`: they have no price, or there is nothing to compare.
    pub break_even: Option<B>,
    /// Which book says so.
    pub source: String,
    /// The day of the price.
    pub date: Date,
    /// Whether that is more than 90 days ago.
    pub stale: bool,
    /// What must be said beside the figures.
    pub notes: Vec<String>,
}

/// What is laid beside APIs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    /// The price book's name of the model; `None`: it has none.
    pub(crate) family: Option<&'a str>,
    /// Its parameters, where they are known.
    pub(crate) parameters: Option<u64>,
    /// How its prompts and answers weigh an API's prices.
    pub(crate) mix: Mix,
    /// How long its prompts are.
    pub(crate) prompt: Tokens,
}

impl Own<'_> {
    /// The APIs beside it, at a day's prices. `break_even` is given what each asks for the mix.
    pub(crate) fn beside<B>(
        &self,
        book: &Book,
        today: Date,
        break_even: impl Fn(UsdPerMtok) -> Option<B>,
    ) -> Vec<Beside<B>> {
        let row = |entry: &Entry| {
            let figures = entry.figures(today)?;
            let blended = entry.blended(self.mix, today)?;
            let source = &entry.tariff_on(today)?.source;
            Some(Beside {
                id: entry.id.clone(),
                name: entry.name.clone(),
                provider: entry.provider.clone(),
                same_model: entry.family.is_some() && entry.family.as_deref() == self.family,
                input: figures.input,
                output: figures.output,
                blended,
                break_even: break_even(blended),
                source: source.name(),
                date: source.date,
                stale: is_stale(source.date, today),
                notes: notes(entry, self.prompt, today),
            })
        };
        let found = book.comparable(self.family, self.parameters, APIS, today);
        found.into_iter().filter_map(row).collect()
    }
}

/// What must be said beside an entry's figures for prompts of this length.
fn notes(entry: &Entry, prompt: Tokens, today: Date) -> Vec<String> {
    let limit = entry.prompt_tokens_max(today).filter(|limit| prompt > *limit);
    let dearer = limit.map(|limit| format!("prompts of more than {limit} cost more than this"));
    entry.note.iter().cloned().chain(dearer).collect()
}
