//! A model's prices in tables and words.

use super::{EntryCard, PriceCard, PriceLine, PricePlace, SourceCard, TariffCard};
use crate::prices::{Entry, Figures, STALE_AFTER_DAYS, TokenKind};
use crate::report::figure::{NOTHING, thousands};
use crate::report::price_list::{old, price};
use crate::report::{Document, Table};
use crate::units::{ListPrice, Tokens};
use jiff::Timestamp;
use jiff::civil::Date;

/// One entry whole; several side by side.
pub fn price_document(card: &PriceCard, found: &[&Entry]) -> Document {
    match card.entries.as_slice() {
        [only] => whole(only, card.day),
        several => side_by_side(several, found, card.day),
    }
}

fn side_by_side(cards: &[EntryCard], found: &[&Entry], day: Date) -> Document {
    let columns = ["entry", "input", "cached", "output", "source"];
    let mut table = Table::new(format!("USD/Mtok on {day}"), &columns);
    for (card, entry) in cards.iter().zip(found) {
        let figures = entry.figures(day);
        let of = |pick: fn(Figures) -> Option<ListPrice>| price(figures.and_then(pick));
        let source = card.tariffs.iter().find(|tariff| tariff.in_force).map(|t| &t.source);
        table.row([
            card.id.clone(),
            of(|figures| Some(figures.input)),
            of(|figures| figures.cached_input),
            of(|figures| Some(figures.output)),
            source.map_or_else(|| NOTHING.to_owned(), said),
        ]);
    }
    let mut document = Document::default();
    document.table(table);
    document.words("several sell it: `mtok prices show ENTRY` shows one of them whole");
    document
}

fn said(source: &SourceCard) -> String {
    format!("{}, {}{}", source.book, source.date, old(source.stale))
}

fn whole(card: &EntryCard, day: Date) -> Document {
    let mut table = Table::new(card.id.clone(), &["", ""]);
    let mut row = |name: &str, text: Option<String>| {
        table.row([name.to_owned(), text.unwrap_or_else(|| NOTHING.to_owned())]);
    };
    let count = |tokens: Option<Tokens>| tokens.map(|tokens| thousands(tokens.0));
    row("name", Some(card.name.clone()));
    row("provider", Some(card.provider.clone()));
    row("model", Some(card.model.clone()));
    row("aliases", (!card.aliases.is_empty()).then(|| card.aliases.join(", ")));
    row("family", card.family.clone());
    let open = card.open_weights.map(|open| if open { "yes" } else { "no" }.to_owned());
    row("open weights", open);
    row("parameters", card.parameters.map(thousands));
    row("context", count(card.context));
    row("longest answer", count(card.max_output));
    row("tokenizer", card.tokenizer.clone());
    row("ends", card.ends.map(|day| day.to_string()));
    let mut document = Document::default();
    document.table(table);
    match card.tariffs.iter().find(|tariff| tariff.in_force) {
        Some(tariff) => in_force(&mut document, tariff, day),
        None => drop(document.words(format!("no tariff is in force on {day}"))),
    }
    if card.tariffs.len() > 1 {
        document.table(history(&card.tariffs));
    }
    if !card.sold {
        document.words(format!("not sold any more on {day}"));
    }
    for other in &card.others {
        document.words(match other.differs.as_slice() {
            [] => format!("{} says the same", said(&other.source)),
            prices => format!("{} says otherwise: {}", said(&other.source), sentence(prices)),
        });
    }
    if let Some(note) = &card.note {
        document.words(note.clone());
    }
    document
}

fn sentence(prices: &[PriceLine]) -> String {
    let say = |line: &PriceLine| format!("{} {}", line.at.of, line.usd.0.normalize());
    prices.iter().map(say).collect::<Vec<_>>().join(", ")
}

fn in_force(document: &mut Document, tariff: &TariffCard, day: Date) {
    let mut table =
        Table::new(format!("on {day}"), &["price of", "USD", "per", "service", "hours", "above"]);
    for line in &tariff.prices {
        table.row([
            line.at.of.clone(),
            line.usd.0.normalize().to_string(),
            line.at.per.to_owned(),
            line.at.service.clone().unwrap_or_default(),
            line.at.hours.map(|number| number.to_string()).unwrap_or_default(),
            line.at.above.map(|above| thousands(above.0)).unwrap_or_default(),
        ]);
    }
    document.table(table);
    for (number, hours) in (1..).zip(&tariff.hours) {
        document.words(format!("hours {number}: {hours}"));
    }
    if tariff.prices.iter().any(|line| line.at.above.is_some()) {
        document.words(if tariff.marginal {
            "above: the tokens beyond that many in the prompt"
        } else {
            "above: a prompt longer than that, all of its request"
        });
    }
    for words in &tariff.terms {
        document.words(words.clone());
    }
    let source = &tariff.source;
    let place = source.url.as_ref().map(|url| format!(", {url}")).unwrap_or_default();
    document.words(format!(
        "source: {} of {}, {}, key `{}`{place}",
        source.book, source.date, source.licence, source.key
    ));
    if source.stale {
        let ago = format!("over {STALE_AFTER_DAYS} days before {day}");
        document.words(format!("old: the source is of {}, {ago}", source.date));
    }
}

fn history(tariffs: &[TariffCard]) -> Table {
    let mut table =
        Table::new("tariffs", &["from", "until", "input", "cached", "output", "in force"]);
    for tariff in tariffs {
        let at = |at: Option<Timestamp>| at.map_or_else(|| NOTHING.to_owned(), |at| at.to_string());
        let standard = |kind: TokenKind| {
            let base = |line: &&PriceLine| {
                let PricePlace { of, service, hours, above, .. } = &line.at;
                of == kind.name() && (service, hours, above) == (&None, &None, &None)
            };
            let found = tariff.prices.iter().find(base);
            found.map_or_else(|| NOTHING.to_owned(), |line| line.usd.0.normalize().to_string())
        };
        table.row([
            at(tariff.from),
            at(tariff.until),
            standard(TokenKind::Input),
            standard(TokenKind::CachedInput),
            standard(TokenKind::Output),
            (if tariff.in_force { "yes" } else { "" }).to_owned(),
        ]);
    }
    table
}
