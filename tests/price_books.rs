//! Whole snapshots of other people's price books through the importers.
//!
//! Invariant: every entry of a snapshot is taken or refused with a reason, no field is lost in
//! silence, and what was taken reads back from our own form to the same entries. The counts are the
//! snapshots' own, counted apart from the importers. Where the snapshots (`../shared/data`) are
//! absent a test says "skipped" and checks nothing.

#![allow(
    clippy::unwrap_used,
    reason = "clippy takes only `#[test]` functions for tests, not their helpers"
)]

use jiff::civil::date;
use mtok::prices::Book;
use mtok::prices::import::{Format, Import, Snapshot, not_a_price};
use std::collections::BTreeMap;
use std::path::Path;

/// A snapshot read as what it is, which it is recognised as, too.
fn import(format: Format, file: &str, snapshot: &Snapshot) -> Option<Import> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/prices").join(file);
    if !path.exists() {
        eprintln!("skipped: no data at {}", path.display());
        return None;
    }
    let text = fs_err::read_to_string(path).unwrap();
    let import = format.read(&text, snapshot).unwrap();
    let (recognised, again) = Format::recognise(file, &text, |_| snapshot.clone()).unwrap();
    assert_eq!((recognised, again == import), (format, true), "{file}");
    Some(import)
}

/// Reads a snapshot, prints what came of it, and holds it to the counts.
#[track_caller]
fn check(format: Format, file: &str, snapshot: &Snapshot, read: usize, reasons: &[(&str, usize)]) {
    let Some(import) = import(format, file, snapshot) else { return };
    let Import { entries, refused, not_understood, not_prices, cleaned } = &import;
    let tariffs: usize = entries.iter().map(|entry| entry.tariffs.len()).sum();
    eprintln!(
        "{}: {} read, {} taken with {tariffs} tariffs, {} refused, {cleaned} numbers cleaned",
        format.name(),
        import.read(),
        entries.len(),
        refused.len(),
    );
    let mut by_reason: BTreeMap<&str, usize> = BTreeMap::new();
    for refused in refused {
        *by_reason.entry(&refused.reason).or_default() += 1;
    }
    for (reason, count) in &by_reason {
        let first = refused.iter().find(|refused| refused.reason == **reason).unwrap();
        eprintln!("  refused {count}: {reason} (`{}` …)", first.key);
    }
    for (field, count) in not_prices {
        let reason = not_a_price(format, field).unwrap().reason;
        eprintln!("  no price {count}: `{field}`: {reason}");
    }
    eprintln!("  not understood: {not_understood:?}");
    assert_eq!(import.read(), read);
    assert_eq!(not_understood, &BTreeMap::new());
    assert_eq!(by_reason, reasons.iter().copied().collect());

    let book = Book::of("x", entries.clone()).unwrap();
    let text = book.to_text().unwrap();
    let back = Book::parse("x", &text).unwrap();
    assert!(back.entries() == entries.as_slice(), "an entry didn't read back");
    assert_eq!(back.to_text().unwrap(), text);
}

#[test]
fn litellm_whole() {
    let snapshot = Snapshot::of(Format::Litellm, "1.109.1", date(2026, 11, 12));
    check(
        Format::Litellm,
        "litellm-1.109.1.json",
        &snapshot,
        4_552,
        &[
            // By hand: no field of these is called a cost in dollars.
            ("no price is given", 94),
            ("rules about names, not a model", 1),
        ],
    );
}

#[test]
fn genai_prices_whole() {
    let snapshot = Snapshot::of(Format::GenaiPrices, "0.2.3", date(2026, 11, 9));
    check(
        Format::GenaiPrices,
        "genai-prices-0.2.3.json",
        &snapshot,
        2_330,
        &[
            // Their `prices` are empty maps: free routes, and models of unknown price.
            ("no price is given", 179),
        ],
    );
}

#[test]
fn model_prices_whole() {
    let snapshot = Snapshot::of(Format::ModelPrices, "0.0.5", date(2026, 10, 26));
    check(Format::ModelPrices, "model-prices-0.0.5.json", &snapshot, 575, &[]);
}

#[test]
fn openrouter_whole() {
    let snapshot = Snapshot::of(Format::Openrouter, "2026-09-06", date(2026, 9, 6));
    check(Format::Openrouter, "openrouter-catalogue-2026-09-06.json", &snapshot, 404, &[]);
}
