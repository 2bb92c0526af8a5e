//! What APIs ask for the same tokens, and from which load the estimated deployment is cheaper.
//!
//! Invariant: an API is blended at the traffic that was estimated, prompts as uncached input; and only
//! what is sold under the very name that was asked for counts as the same model: checkpoints of one
//! shape are as fast as one another and not the same. Guarded by `tests/outlook.rs`.

use super::catalogue::typed;
use super::deployment::Traffic;
use super::model::Model;
use crate::cost::{self, BreakEven, Own};
use crate::prices::{Book, Entry, Mix};
use crate::units::{Estimate, Tokens, TokensPerSecond, UsdPerHour};
use jiff::civil::Date;

/// An API's price beside the estimate. There is no break-even where the deployment has no price, or no
/// batch that is fit.
pub type Beside = cost::Beside<BreakEven>;

/// The price book's name of a model: the family under which it is sold by the name asked for, else, where
/// that is no other model of the shape, by the shape's own id.
fn family<'a>(book: &'a Book, asked: &str, model: &Model) -> Option<&'a str> {
    let called = |entry: &Entry, wanted: &str| {
        let names = [entry.family.as_deref(), Some(entry.model.as_str()), Some(&entry.name)];
        names.into_iter().flatten().any(|name| typed(name) == wanted)
    };
    let entries = || book.entries().iter().filter(|entry| entry.family.is_some());
    let asked = typed(asked);
    let is_another = model.variants.iter().any(|variant| typed(variant) == asked);
    let own = (!is_another).then(|| typed(&model.id));
    std::iter::once(asked)
        .chain(own)
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
    let own_tokens = Own {
        family: family(book, asked, model),
        parameters: Some(model.published),
        mix,
        prompt: traffic.prompt,
    };
    own_tokens
        .beside(book, today, |api| own.and_then(|(hour, rate)| BreakEven::of(hour, rate, api)))
}
