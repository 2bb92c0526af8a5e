//! The rules, each a function from sources to findings; `tests/architecture.rs` runs them on the repository,
//! `planted.rs` on small sources with a fault in them.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use proc_macro2::TokenStream;

use crate::floors::{
    CLOCK_FILE, FLOORS, LINES_MAX, NOW, PRINTING_MACROS, PRINTING_PATHS, PRINTING_ROOMS,
    UNSAFE_PLACES, floor_of, objection,
};
use crate::uses::{Used, keyword_lines, test_modules, uses};

/// A file of the repository.
pub(crate) struct Source {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A rule broken at a place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl Source {
    fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }

    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| own == extension)
    }

    fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    /// The module's path below `crate` for a file under `src/`; `main.rs` counts as a room.
    pub(crate) fn module(&self) -> Option<Vec<String>> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut module: Vec<_> = inside.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|name| name == "mod") || module == ["lib"] {
            module.pop();
        }
        Some(module)
    }
}

/// All the rules on Rust sources.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut found: Vec<_> = sources.iter().filter_map(too_long).collect();
    let (parsed, broken): (Vec<_>, Vec<_>) = sources
        .iter()
        .filter(|source| source.is_rust())
        .map(|source| {
            syn::parse_file(&source.text).map(|file| (source, file)).map_err(|e| (source, e))
        })
        .partition(Result::is_ok);
    found.extend(broken.into_iter().filter_map(Result::err).map(|(source, error)| {
        source.finding(error.span().start().line, format!("does not parse: {error}"))
    }));
    let parsed: Vec<_> = parsed.into_iter().filter_map(Result::ok).collect();

    let tests_only: BTreeSet<Vec<String>> = parsed
        .iter()
        .filter_map(|(source, file)| Some((source.module()?, file)))
        .flat_map(|(module, file)| {
            test_modules(file).into_iter().map(move |name| [&module[..], &[name]].concat())
        })
        .collect();

    for (source, file) in &parsed {
        found.extend(undocumented(source));
        found.extend(unsafe_elsewhere(source));
        let Some(module) = source.module() else { continue };
        if tests_only.iter().any(|tests| module.starts_with(tests)) {
            continue;
        }
        found.extend(out_of_place(source, &module, &uses(file, &module)));
        found.extend(waiting(source, &module));
    }
    found.sort();
    found.dedup();
    found
}

fn too_long(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    (lines > LINES_MAX).then(|| {
        source.finding(lines, format!("{lines} lines; at most {LINES_MAX} are read with pleasure"))
    })
}

/// Every file opens by saying what it is.
fn undocumented(source: &Source) -> Option<Finding> {
    let first = source.text.lines().next().unwrap_or_default();
    let said = first.strip_prefix("//!").is_some_and(|words| !words.trim().is_empty());
    (!said).then(|| source.finding(1, "does not open with a `//!` line that says what it is"))
}

fn unsafe_elsewhere(source: &Source) -> Vec<Finding> {
    let listed = UNSAFE_PLACES.iter().any(|(place, _)| {
        source.path == *place || (place.ends_with('/') && source.path.starts_with(place))
    });
    if listed {
        return Vec::new();
    }
    let lines = TokenStream::from_str(&source.text).map(|tokens| keyword_lines(tokens, "unsafe"));
    lines
        .unwrap_or_default()
        .into_iter()
        .map(|line| source.finding(line, "`unsafe` outside the listed places"))
        .collect()
}

/// `async` and `.await` on a floor that may not wait.
fn waiting(source: &Source, module: &[String]) -> Vec<Finding> {
    let Some(floor) = module.first().and_then(|room| floor_of(room)).map(|n| &FLOORS[n]) else {
        return Vec::new();
    };
    let tokens = TokenStream::from_str(&source.text).unwrap_or_default();
    if floor.may_wait {
        return Vec::new();
    }
    ["async", "await"]
        .into_iter()
        .flat_map(|word| {
            keyword_lines(tokens.clone(), word).into_iter().map(move |line| (line, word))
        })
        .map(|(line, word)| source.finding(line, format!("`{word}` on the floor {}", floor.name)))
        .collect()
}

/// Rooms seen against the order, things that a floor may not name, time read or lines printed
/// elsewhere than where it is allowed.
fn out_of_place(source: &Source, module: &[String], used: &BTreeSet<Used>) -> Vec<Finding> {
    let room = module.first().map_or("lib", String::as_str);
    let mut found = Vec::new();
    if room != "lib" && floor_of(room).is_none() {
        found.push(source.finding(1, format!("the room `{room}` is not in the table of floors")));
    }
    let floor = floor_of(room).map(|n| &FLOORS[n]);
    for use_ in used {
        let name = use_.path.join("::");
        let mut report = |what: String| found.push(source.finding(use_.line, what));
        if let [root, seen, ..] = &use_.path[..]
            && root == "crate"
            && room != "lib"
        {
            if seen == "*" {
                report("a glob of the crate's root hides which rooms are seen".to_owned());
            } else if let Some(why) = objection(room, seen) {
                report(why);
            }
        }
        if let Some(floor) = floor
            && floor.forbidden.iter().any(|paths| names_any(use_, paths))
        {
            report(format!("`{name}` on the floor {}", floor.name));
        }
        if source.path != CLOCK_FILE && names_any(use_, NOW) {
            report(format!("`{name}` reads the time outside {CLOCK_FILE}"));
        }
        let prints = match use_.path.last() {
            Some(last) if use_.is_macro => PRINTING_MACROS.contains(&last.as_str()),
            _ => names_any(use_, PRINTING_PATHS),
        };
        if prints && !PRINTING_ROOMS.contains(&room) {
            report(format!("`{name}` prints outside {}", PRINTING_ROOMS.join(", ")));
        }
        if use_.is_macro && use_.path == ["include"] {
            report("`include!` hides source from these rules".to_owned());
        }
    }
    found
}

/// Whether the path lies under one of the prefixes, or is a glob that brings one of them in.
fn names_any(used: &Used, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| {
        let prefix: Vec<_> = prefix.split("::").collect();
        let path: Vec<_> = used.path.iter().map(String::as_str).collect();
        // `core::` and `std::` are one library to whoever reads the table.
        let path = match path.split_first() {
            Some((&("core" | "alloc"), rest)) => [&["std"], rest].concat(),
            _ => path,
        };
        match path.split_last() {
            Some((&"*", opened)) if prefix.len() > opened.len() => prefix.starts_with(opened),
            _ => path.starts_with(&prefix),
        }
    })
}

/// What a data book's entry must say of itself: keys, of which one must be there and hold text.
const PROVENANCE: &[(&str, &[&str])] =
    &[("source", &["source", "source_url", "book"]), ("date", &["date", "collected"])];

/// Every entry of a data book says where it is from and of when; a book without entries is a fault.
pub(crate) fn check_data(source: &Source) -> Vec<Finding> {
    let entries =
        if source.has_extension("csv") { csv_entries(source) } else { toml_entries(source) };
    match entries {
        Err(why) => vec![source.finding(1, format!("cannot be read: {why}"))],
        Ok(entries) if entries.is_empty() => vec![source.finding(1, "holds no entry")],
        Ok(entries) => entries.iter().flat_map(|entry| unsourced(source, entry)).collect(),
    }
}

/// An entry: what to call it in a finding, and its keys that hold something.
struct Entry {
    name: String,
    fields: Vec<(String, String)>,
}

fn unsourced(source: &Source, entry: &Entry) -> Vec<Finding> {
    let get = |keys: &[&str]| {
        entry.fields.iter().find(|(key, _)| keys.contains(&key.as_str())).map(|(_, value)| value)
    };
    let missing = PROVENANCE.iter().filter(|(_, keys)| get(keys).is_none());
    let mut found: Vec<_> = missing
        .map(|(what, _)| source.finding(1, format!("entry `{}` has no {what}", entry.name)))
        .collect();
    let date = get(PROVENANCE[1].1).filter(|date| date.parse::<jiff::civil::Date>().is_err());
    found.extend(date.map(|date| {
        source.finding(1, format!("entry `{}` has a date that is none: `{date}`", entry.name))
    }));
    found
}

fn csv_entries(source: &Source) -> Result<Vec<Entry>, String> {
    let mut reader = csv::Reader::from_reader(source.text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let rows = reader.records().enumerate().map(|(index, row)| {
        let row = row.map_err(|error| error.to_string())?;
        let fields = header.iter().zip(&row).filter(|(_, value)| !value.trim().is_empty());
        let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Ok(Entry { name: format!("row {}", index + 1), fields })
    });
    rows.collect()
}

/// The members of every array of tables at the book's top level; one that lists `sources` stands for
/// each of them, since each has a date of its own.
fn toml_entries(source: &Source) -> Result<Vec<Entry>, String> {
    let book: toml::Table = source.text.parse().map_err(|e: toml::de::Error| e.to_string())?;
    let entries = book.iter().flat_map(|(key, value)| tables(key, value));
    let with_sources = entries.flat_map(|(name, table)| {
        let inner = table.get("sources").map(|value| tables(&format!("{name}.sources"), value));
        inner.filter(|inner| !inner.is_empty()).unwrap_or_else(|| vec![(name, table)])
    });
    Ok(with_sources.map(|(name, table)| Entry { name, fields: toml_fields(table) }).collect())
}

/// The tables of an array, each named by its place.
fn tables<'a>(key: &str, value: &'a toml::Value) -> Vec<(String, &'a toml::Table)> {
    let items = value.as_array().into_iter().flatten().enumerate();
    items.filter_map(|(n, item)| Some((format!("{key}[{n}]"), item.as_table()?))).collect()
}

fn toml_fields(table: &toml::Table) -> Vec<(String, String)> {
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let fields = table.iter().map(|(key, value)| (key.clone(), text(value)));
    fields.filter(|(_, value)| !value.is_empty()).collect()
}
