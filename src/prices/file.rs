//! The book's own form, `mtok.prices/1`: JSON Lines.
//!
//! The first line says what the file is and of which snapshots it is made; each other line is an
//! entry. Money is in texts (`"0.15"`), so no reader rounds it. A source says `"of"` which snapshot it
//! is, and the rest once, in the first line; one that is written out in full is read as well.
//!
//! Invariant: what is written reads back to the same entries; a field that isn't known is refused,
//! with the line. Guarded by `book`'s tests and by the round trips of whole snapshots.

use super::entry::Entry;
use super::error::PriceError;
use super::tariff::Source;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the first line must say.
pub(crate) const SCHEMA: &str = "mtok.prices/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    schema: String,
    #[serde(default)]
    snapshots: BTreeMap<String, Map<String, Value>>,
}

/// What a source and its snapshot have in common.
const COMMON: [&str; 4] = ["book", "version", "licence", "date"];

pub(super) fn read(file: &str, text: &str) -> Result<Vec<Entry>, PriceError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let not_ours = |what: String| PriceError::Form { file: file.to_owned(), what };
    let (_, first) = lines.next().ok_or_else(|| not_ours("it is empty".to_owned()))?;
    let header: Header =
        serde_json::from_str(first).map_err(|error| not_ours(format!("line 1: {error}")))?;
    if header.schema != SCHEMA {
        return Err(not_ours(format!("its schema is `{}`", header.schema)));
    }
    lines.map(|(index, line)| entry(file, index + 1, line, &header)).collect()
}

fn entry(file: &str, line: usize, text: &str, header: &Header) -> Result<Entry, PriceError> {
    let wrong = |entry: Option<&str>, what: String| PriceError::Line {
        file: file.to_owned(),
        line,
        entry: entry.unwrap_or("?").to_owned(),
        what,
    };
    let mut value: Value = serde_json::from_str(text).map_err(|e| wrong(None, e.to_string()))?;
    let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
    for source in sources(&mut value) {
        expand(source, header).map_err(|what| wrong(id.as_deref(), what))?;
    }
    serde_json::from_value(value).map_err(|error| wrong(id.as_deref(), error.to_string()))
}

/// Every object in which an entry says where something is from.
fn sources(entry: &mut Value) -> Vec<&mut Map<String, Value>> {
    let lists = entry.as_object_mut().into_iter().flat_map(Map::iter_mut);
    let lists = lists.filter(|(field, _)| matches!(field.as_str(), "tariffs" | "others"));
    let items = lists.filter_map(|(_, list)| list.as_array_mut()).flatten();
    items.filter_map(|item| item.get_mut("source")?.as_object_mut()).collect()
}

fn expand(source: &mut Map<String, Value>, header: &Header) -> Result<(), String> {
    let Some(of) = source.remove("of") else { return Ok(()) };
    let of = of.as_str().ok_or("`source.of` is not a text")?;
    let snapshot = header.snapshots.get(of);
    let snapshot = snapshot.ok_or_else(|| format!("`source.of`: no snapshot `{of}`"))?;
    for (field, value) in snapshot {
        source.entry(field.clone()).or_insert_with(|| value.clone());
    }
    Ok(())
}

pub(super) fn write(entries: &[Entry]) -> Result<String, serde_json::Error> {
    let all: Vec<&Source> = entries.iter().flat_map(sources_of).collect();
    let mut snapshots = BTreeMap::new();
    for source in &all {
        let Value::Object(mut snapshot) = serde_json::to_value(*source)? else { continue };
        snapshot.retain(|field, _| COMMON.contains(&field.as_str()) || field == "url");
        snapshots.entry(name(source)).or_insert(snapshot);
    }
    // A place that not all sources share is each source's own.
    for source in &all {
        if let Some(snapshot) = snapshots.get_mut(&name(source))
            && snapshot.get("url").and_then(Value::as_str) != source.url.as_deref()
        {
            snapshot.remove("url");
        }
    }
    let header = Header { schema: SCHEMA.to_owned(), snapshots };
    let mut text = serde_json::to_string(&header)? + "\n";
    for entry in entries {
        let mut value = serde_json::to_value(entry)?;
        for source in sources(&mut value) {
            collapse(source, &header);
        }
        text += &serde_json::to_string(&value)?;
        text.push('\n');
    }
    Ok(text)
}

fn sources_of(entry: &Entry) -> impl Iterator<Item = &Source> {
    let own = entry.tariffs.iter().map(|tariff| &tariff.source);
    own.chain(entry.others.iter().map(|other| &other.source))
}

fn name(source: &Source) -> String {
    format!("{} {} of {}", source.book, source.version, source.date)
}

fn collapse(source: &mut Map<String, Value>, header: &Header) {
    let of = |snapshot: &Map<String, Value>| {
        COMMON.iter().all(|field| source.get(*field) == snapshot.get(*field))
    };
    let Some((name, snapshot)) = header.snapshots.iter().find(|(_, snapshot)| of(snapshot)) else {
        return;
    };
    source.retain(|field, value| snapshot.get(field) != Some(value));
    source.insert("of".to_owned(), Value::from(name.clone()));
}
