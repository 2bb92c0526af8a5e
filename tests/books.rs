//! The embedded books against the snapshots that they were made from.
//!
//! Invariant: no figure was typed or changed by hand. The scripts in `data/` give the very files
//! that are committed, twice over; and, independently of the scripts, every price equals what its
//! book says under its key. Where the snapshots (`../shared/data`) or python3 are absent, a test
//! says "skipped" and checks nothing.

#![allow(
    clippy::unwrap_used,
    reason = "clippy takes only `#[test]` functions for tests, not their helpers"
)]

use mtok::prices::{Book, Figures, Source};
use mtok::units::ListPrice;
use rust_decimal::Decimal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A snapshot, or `None` and a word where it is absent.
fn snapshot(path: &str) -> Option<PathBuf> {
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
    if let Some(folder) = snapshot("prices") {
        made_by("data/make_prices.py", &folder, "data/prices.toml");
    }
}

#[test]
fn rentals_are_made_by_their_script() {
    if let Some(survey) = snapshot("gpu/gpu_prices_2026-05.csv") {
        made_by("data/make_rentals.py", &survey, "data/rentals.csv");
    }
}

/// A JSON number's own digits, as a decimal: what prints shortest reads back the same.
fn digits(number: &Value) -> Option<Decimal> {
    let text = number.as_number()?.to_string();
    Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// What `litellm` says per token, as USD per Mtok.
fn litellm(map: &Value, key: &str) -> [Option<Decimal>; 3] {
    ["input_cost_per_token", "cache_read_input_token_cost", "output_cost_per_token"].map(|field| {
        let per_token = digits(map.get(key)?.get(field)?)?;
        Some((per_token * Decimal::from(1_000_000)).normalize())
    })
}

/// What `genai-prices` says, in USD per Mtok: the lowest tier of the last dated price in force.
fn genai(providers: &Value, key: &str, day: &str) -> [Option<Decimal>; 3] {
    let models = providers.as_array().unwrap().iter().flat_map(|provider| {
        let id = provider["id"].as_str().unwrap();
        provider["models"].as_array().unwrap().iter().map(move |model| (id, model))
    });
    let named = |id: &str, model: &Value| format!("{id}/{}", model["id"].as_str().unwrap()) == key;
    let found: Vec<&Value> = models.filter(|(id, m)| named(id, m)).map(|(_, m)| m).collect();
    assert_eq!(found.len(), 1, "{key}");
    let in_force = |dated: &&Value| match dated.get("constraint") {
        None => true,
        Some(constraint) => constraint["start_date"].as_str().is_some_and(|start| start <= day),
    };
    let prices = match &found[0]["prices"] {
        Value::Array(dated) => &dated.iter().rfind(in_force).unwrap()["prices"],
        plain => plain,
    };
    ["input_mtok", "cache_read_mtok", "output_mtok"].map(|field| {
        let price = prices.get(field)?;
        Some(digits(price.get("base").unwrap_or(price))?.normalize())
    })
}

#[test]
fn every_price_is_what_its_book_says() {
    let Some(folder) = snapshot("prices") else { return };
    let read = |file: &str| -> Value {
        serde_json::from_str(&fs_err::read_to_string(folder.join(file)).unwrap()).unwrap()
    };
    let (map, providers) = (read("litellm-1.109.1.json"), read("genai-prices-0.2.3.json"));
    let says = |source: &Source| match source.book.as_str() {
        "litellm" => litellm(&map, &source.key),
        "genai-prices" => genai(&providers, &source.key, &source.date.to_string()),
        other => panic!("a book without a snapshot: {other}"),
    };
    let ours = |figures: Figures| {
        let Figures { input, cached_input, output } = figures;
        [Some(input), cached_input, Some(output)].map(|price| price.map(|ListPrice(p)| p))
    };
    for entry in Book::embedded().unwrap().entries() {
        assert_eq!(ours(entry.figures), says(&entry.source), "{}", entry.id);
        for other in &entry.others {
            let said = says(&other.source);
            if let Some(differs) = other.differs {
                assert_eq!(ours(differs), said, "{} in {}", entry.id, other.source.book);
                assert_ne!(differs, entry.figures, "{} agrees after all", entry.id);
            } else {
                // Agreement is on every figure that both books give.
                for (our, their) in ours(entry.figures).into_iter().zip(said) {
                    assert!(
                        our.is_none() || their.is_none() || our == their,
                        "{}: {our:?} ≠ {their:?}",
                        entry.id
                    );
                }
            }
        }
    }
}
