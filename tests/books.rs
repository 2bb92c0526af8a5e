//! The embedded books against the snapshots that they were made from.
//!
//! Invariant: no figure was typed or changed by hand. The scripts in `data/` and
//! `examples/make_prices` give the very files that are committed, twice over; and, independently of
//! the importers, every price equals what its book says under its key. Where the snapshots (`../shared/data`) or python3 are absent, a test
//! says "skipped" and checks nothing.

#![allow(
    clippy::unwrap_used,
    reason = "clippy takes only `#[test]` functions for tests, not their helpers"
)]

use mtok::prices::{Book, Rates, Source, TokenKind};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../examples/make_prices/snapshot.rs"]
mod snapshot;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A snapshot, or `None` and a word where it is absent.
fn stored(path: &str) -> Option<PathBuf> {
    let path = repository().join("../shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no data at {}", path.display());
    None
}

/// That a script makes the committed file from a snapshot, and makes it again.
#[track_caller]
fn made_by(script: &str, snapshot: &Path, committed: &str) {
    let make = || {
        let made = Command::new("python3").arg(repository().join(script)).arg(snapshot).output();
        let Ok(made) = made else {
            eprintln!("skipped: no python3");
            return None;
        };
        assert!(made.status.success(), "{script}: {}", String::from_utf8_lossy(&made.stderr));
        Some(String::from_utf8(made.stdout).unwrap())
    };
    let (Some(once), Some(twice)) = (make(), make()) else { return };
    assert_eq!(once, twice, "{script} is not deterministic");
    let committed_text = fs_err::read_to_string(repository().join(committed)).unwrap();
    assert!(once == committed_text, "{committed} is not what {script} makes: run it again");
}

#[test]
fn prices_are_made_by_their_script() {
    let Some(folder) = stored("prices") else { return };
    let (once, twice) = (snapshot::make(&folder).unwrap(), snapshot::make(&folder).unwrap());
    assert_eq!(once, twice, "the book is not made alike twice");
    let committed = fs_err::read_to_string(repository().join("data/prices.jsonl")).unwrap();
    assert!(once == committed, "data/prices.jsonl is not what its example makes: `make data`");
}

#[test]
fn rentals_are_made_by_their_script() {
    if let Some(survey) = stored("gpu/gpu_prices_2026-05.csv") {
        made_by("data/make_rentals.py", &survey, "data/rentals.csv");
    }
}

/// A JSON number's own digits, as a decimal: what prints shortest reads back the same.
fn digits(number: &Value) -> Option<Decimal> {
    let text = number.as_number()?.to_string();
    Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

const KINDS: [TokenKind; 3] = [TokenKind::Input, TokenKind::CachedInput, TokenKind::Output];
type Three = [Option<Decimal>; 3];

/// To the digits that a double holds: the books hold numbers that doubles added up.
fn held(price: Decimal) -> Decimal {
    price.round_sf(15).unwrap().normalize()
}

/// What `litellm` says per token, as USD per Mtok.
fn litellm(map: &Value, key: &str) -> Three {
    ["input_cost_per_token", "cache_read_input_token_cost", "output_cost_per_token"].map(|field| {
        let per_token = digits(map.get(key)?.get(field)?)?;
        Some(held(per_token * Decimal::from(1_000_000)))
    })
}

/// What `genai-prices` says, in USD per Mtok: the lowest tier of the last dated price in force,
/// whatever the hour.
fn genai(model: &Value, day: &str) -> Three {
    let in_force = |dated: &&Value| match dated.get("constraint") {
        None => true,
        Some(constraint) => constraint["start_date"].as_str().is_some_and(|start| start <= day),
    };
    let prices = match &model["prices"] {
        Value::Array(dated) => &dated.iter().rfind(in_force).unwrap_or(&dated[0])["prices"],
        plain => plain,
    };
    ["input_mtok", "cache_read_mtok", "output_mtok"].map(|field| {
        let price = prices.get(field)?;
        Some(held(digits(price.get("base").unwrap_or(price))?))
    })
}

#[test]
fn every_price_is_what_its_book_says() {
    let Some(folder) = stored("prices") else { return };
    let read = |file: &str| -> Value {
        serde_json::from_str(&fs_err::read_to_string(folder.join(file)).unwrap()).unwrap()
    };
    let (map, providers) = (read("litellm-1.109.1.json"), read("genai-prices-0.2.3.json"));
    let mut models = HashMap::new();
    for provider in providers.as_array().unwrap() {
        for model in provider["models"].as_array().unwrap() {
            let [provider, id] = [&provider["id"], &model["id"]].map(|id| id.as_str().unwrap());
            assert!(models.insert(format!("{provider}/{id}"), model).is_none(), "{provider}/{id}");
        }
    }
    let says = |source: &Source| match source.book.as_str() {
        "litellm" => litellm(&map, &source.key),
        "genai-prices" => genai(models[&source.key], &source.date.to_string()),
        other => panic!("a book without a snapshot: {other}"),
    };
    let ours = |rates: &Rates| KINDS.map(|kind| rates.get(kind).map(|price| held(price.0)));
    let book = Book::embedded().unwrap();
    for entry in book.entries() {
        let source = &entry.tariffs[0].source;
        let tariff = entry.tariff_on(source.date).unwrap();
        assert_eq!(ours(&tariff.schedule.rates), says(source), "{}", entry.id);
        for other in &entry.others {
            // Where both give a figure, they agree on it or the entry says what the other says.
            let rows = ours(&tariff.schedule.rates).into_iter().zip(says(&other.source));
            for ((our, their), differs) in rows.zip(ours(&other.differs)) {
                let disagree = our.is_some() && their.is_some() && our != their;
                let want = if disagree { their } else { None };
                assert_eq!(differs, want, "{} in {}", entry.id, other.source.book);
            }
        }
    }
    eprintln!("{} entries are what their books say", book.entries().len());
}
