//! Bills beside genai-prices' own calculator, of the same prices: what `tests/tools/
//! record_genai_bills.py` recorded, made again by our importer and our billing.
//!
//! Equal means to the picodollar. Where we bill otherwise on purpose, the pair is listed here under
//! the rule of `docs/PRICES.md` that says so; a pair that is listed and equal is a failure, too.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use jiff::civil::date;
use mtok::prices::billing::{Counting, Reported, Usage, bill};
use mtok::prices::import::{Format, Snapshot};
use mtok::prices::{Request, Service};
use mtok::units::{PicoUsd, Tokens};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Recorded {
    bills: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    drawn_from: String,
    provider: String,
    model: String,
    at: String,
    context: BTreeMap<String, String>,
    usage: BTreeMap<String, u64>,
    total: String,
    source: serde_json::Value,
}

/// Pairs that differ, and the rule under which.
const ON_PURPOSE: &[(&str, &str)] = &[];

impl Pair {
    fn name(&self) -> String {
        format!("{}/{} at {}", self.provider, self.model, self.at)
    }

    /// Their counts contain one another: an hour's writes are part of all writes.
    fn usage(&self) -> Usage {
        let of = |key: &str| Tokens(self.usage.get(key).copied().unwrap_or(0));
        let hour = of("cache_write_1h_tokens");
        let counts = Reported {
            input: of("input_tokens"),
            cached: of("cache_read_tokens"),
            cache_write: Tokens(of("cache_write_tokens").0 - hour.0),
            cache_write_1h: hour,
            input_audio: of("input_audio_tokens"),
            input_image: of("input_image_tokens"),
            output: of("output_tokens"),
            reasoning: of("output_reasoning_tokens"),
            output_audio: of("output_audio_tokens"),
            output_image: of("output_image_tokens"),
        };
        Usage::reported(&counts, Counting::INCLUSIVE).unwrap()
    }

    fn service(&self) -> Option<Service> {
        let (key, value) = self.context.iter().next()?;
        Some(Service::from(match key.as_str() {
            "processing" | "service_tier" | "speed" => value.clone(),
            _ => format!("{key}={value}"),
        }))
    }

    fn ours(&self) -> Result<PicoUsd, String> {
        let book = serde_json::json!([{ "id": self.provider, "models": [self.source] }]);
        let snapshot = Snapshot::of(Format::GenaiPrices, "0.2.3", date(2026, 11, 1));
        let import = Format::GenaiPrices.read(&book.to_string(), &snapshot);
        let import = import.map_err(|error| error.to_string())?;
        let [entry] = &import.entries[..] else {
            return Err(format!("refused: {:?}", import.refused));
        };
        let request = Request {
            service: self.service(),
            ..Request::new(self.at.parse().unwrap(), self.usage())
        };
        let bill = bill(&entry.id, &entry.tariffs, [&request]);
        bill.map(|bill| bill.total()).map_err(|error| error.to_string())
    }
}

#[test]
fn bills_are_those_of_genai_prices() {
    let text = include_str!("fixtures/bills/genai-prices-0.2.3.json");
    let recorded: Recorded = serde_json::from_str(text).unwrap();
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut differing = Vec::new();
    for pair in &recorded.bills {
        let theirs = PicoUsd::of(pair.total.parse().unwrap()).unwrap();
        let ours = pair.ours();
        let (equal, all) = counts.entry(&pair.drawn_from).or_default();
        *all += 1;
        if ours == Ok(theirs) {
            *equal += 1;
        } else {
            differing.push(format!("{}: {ours:?} ≠ {theirs}", pair.name()));
        }
    }
    eprintln!("equal of all: {counts:?}");
    let rule = |line: &&String| ON_PURPOSE.iter().any(|(name, _)| line.starts_with(name));
    let unexplained: Vec<_> = differing.iter().filter(|line| !rule(line)).collect();
    assert!(unexplained.is_empty(), "{counts:?}\n{unexplained:#?}");
    assert_eq!(differing.len(), ON_PURPOSE.len(), "listed, and equal all the same");
    assert_eq!(counts["any"].1, 200);
    assert!(counts["any"].0 >= 190, "{counts:?}");
}
