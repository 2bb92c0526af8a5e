//! The embedded book, made of two snapshots by the program's own importers.
//!
//! Every model of genai-prices that is priced per token for input and output, with its history; the
//! models of `known` first, with what else is known of them and what LiteLLM says of them. No price
//! is typed here. The same snapshots give the same text.

use jiff::civil::date;
use mtok::prices::import::{Format, Import, Snapshot};
use mtok::prices::{Book, Entry, TokenKind, merge};
use std::collections::{HashMap, HashSet};
use std::path::Path;

#[path = "known.rs"]
mod known;
use known::{KNOWN, Known};

/// What the file is called in errors.
const FILE: &str = "data/prices.jsonl";

/// The text of the embedded book.
pub(crate) fn make(folder: &Path) -> Result<String, Box<dyn std::error::Error>> {
    // The newest date in the file itself; the package index gives none.
    let genai = Snapshot::of(Format::GenaiPrices, "0.2.3", date(2026, 11, 9));
    let litellm = Snapshot::of(Format::Litellm, "1.109.1", date(2026, 11, 12));
    let read = |format: Format,
                file: &str,
                snapshot: &Snapshot|
     -> Result<_, Box<dyn std::error::Error>> {
        let text = fs_err::read_to_string(folder.join(file))?;
        Ok(format.read(&text, snapshot)?.entries)
    };
    let genai = read(Format::GenaiPrices, "genai-prices-0.2.3.json", &genai)?;
    let litellm = read(Format::Litellm, "litellm-1.109.1.json", &litellm)?;
    let by_key = |entries: &[Entry]| -> HashMap<String, Entry> {
        entries.iter().map(|e| (e.tariffs[0].source.key.clone(), e.clone())).collect()
    };
    let (genai_by_key, litellm_by_key) = (by_key(&genai), by_key(&litellm));

    let (mut first, mut second) = (Vec::new(), Vec::new());
    for known in KNOWN {
        let find = |book: &HashMap<String, Entry>, key: Option<&str>| {
            key.map(|key| book.get(key).cloned().ok_or_else(|| format!("no `{key}`"))).transpose()
        };
        let mut both = [find(&genai_by_key, known.genai)?, find(&litellm_by_key, known.litellm)?];
        if known.litellm_first {
            both.reverse();
        }
        let mut found = both.into_iter().flatten().map(|entry| named(entry, known));
        let mut entry = found.next().ok_or_else(|| format!("no book has `{}`", known.model))?;
        let other = found.next();
        entry.context = entry.context.or(other.as_ref().and_then(|other| other.context));
        first.push(entry);
        second.extend(other);
    }
    let taken: HashSet<&str> = KNOWN.iter().filter_map(|known| known.genai).collect();
    let ids: HashSet<String> = first.iter().map(|entry| entry.id.clone()).collect();
    let rest = genai.into_iter().filter(|entry| {
        !taken.contains(entry.tariffs[0].source.key.as_str())
            && !ids.contains(&entry.id)
            && entry.tariffs.iter().any(is_per_token)
    });
    first.extend(rest.map(|entry| Entry { note: None, ..entry }));

    let book = Book::of(FILE, first)?;
    let merged = merge(FILE, &book, &Import { entries: second, ..Import::default() })?;
    for known in KNOWN {
        let entry = merged.book.get(&id(known)).ok_or("a known model was lost")?;
        let differs = entry.others.iter().any(|other| !other.differs.is_empty());
        if differs != known.differs {
            return Err(format!("`{}`: set or drop `differs`", entry.id).into());
        }
    }
    Ok(merged.book.to_text()?)
}

fn is_per_token(tariff: &mtok::prices::Tariff) -> bool {
    let rates = &tariff.schedule.rates;
    rates.get(TokenKind::Input).is_some() && rates.get(TokenKind::Output).is_some()
}

fn id(known: &Known) -> String {
    format!("{}/{}", known.provider, known.model)
}

/// An imported entry under the name that it is known by.
fn named(mut entry: Entry, known: &Known) -> Entry {
    let new = id(known);
    let old = std::mem::replace(&mut entry.id, new);
    if old != entry.id && !entry.aliases.contains(&old) {
        entry.aliases.push(old);
    }
    entry.aliases.retain(|alias| *alias != entry.id && alias != known.model);
    for tariff in &mut entry.tariffs {
        let cached = tariff.schedule.rates.get(TokenKind::CachedInput).is_some();
        if cached && tariff.terms.input_includes_cached.is_none() {
            tariff.terms.input_includes_cached = Some(known.input_includes_cached);
        }
    }
    Entry {
        provider: known.provider.to_owned(),
        model: known.model.to_owned(),
        name: known.name.to_owned(),
        family: Some(known.what.family.to_owned()),
        open_weights: Some(known.what.open),
        parameters: known.what.parameters,
        active_parameters: known.what.active,
        size: known.what.size,
        note: known.note.map(str::to_owned),
        ..entry
    }
}
