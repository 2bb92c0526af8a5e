//! The book: what is read, what is refused, what is found.

use super::*;
use crate::hint::{Fault, Hint};
use crate::prices::{Figures, is_stale};
use jiff::civil::{Date, date};

const DAY: Date = date(2026, 11, 22);

const HEAD: &str = r#"{"schema":"mtok.prices/1","snapshots":{"b 1":{"book":"b","version":"1","licence":"MIT","date":"2026-11-09","url":"https://b"}}}"#;
const ENTRY: &str = r#"{"id":"p/m","provider":"p","model":"m","name":"M","aliases":["m-latest"],"family":"m","open_weights":true,"parameters":8000000000,"tariffs":[{"until":"2026-11-01T00:00:00Z","schedule":{"rates":{"input":"0.10","output":"0.16"},"tiers":[{"above":1000,"rates":{"input":"0.2"}},{"above":2000,"rates":{"input":"0.3"}}]},"source":{"of":"b 1","key":"k"}},{"from":"2026-11-01T00:00:00Z","schedule":{"rates":{"input":"0.05","cached_input":"0.005","output":"0.08"},"per_unit":{"image":"0.04"}},"terms":{"input_includes_cached":true,"minimum":"0.001"},"source":{"of":"b 1","key":"k"}}]}"#;

fn good() -> String {
    format!("{HEAD}\n{ENTRY}\n")
}

#[track_caller]
fn refused(text: &str, want: &str) -> PriceError {
    let error = Book::parse("x.jsonl", text).unwrap_err();
    assert!(error.to_string().contains(want), "{error}");
    assert_eq!(error.fault(), Fault::Input);
    error
}

#[test]
fn an_entry_is_read_exactly_and_written_as_it_was() {
    let book = Book::parse("x.jsonl", &good()).unwrap();
    let entry = book.get("p/m").unwrap();
    let Figures { input, cached_input, output } = entry.figures(DAY).unwrap();
    assert_eq!(input.to_string(), "0.05 USD/Mtok");
    assert_eq!(cached_input.unwrap().to_string(), "0.005 USD/Mtok");
    assert_eq!(output.to_string(), "0.08 USD/Mtok");
    // The last day of October is the earlier tariff's, and the first tier ends its figures.
    let october = date(2026, 10, 31);
    assert_eq!(entry.figures(october).unwrap().input.to_string(), "0.1 USD/Mtok");
    assert_eq!(entry.prompt_tokens_max(october), Some(crate::units::Tokens(1_000)));
    let source = &entry.tariffs[0].source;
    assert_eq!((source.name().as_str(), source.url.as_deref()), ("b 1", Some("https://b")));
    let text = book.to_text().unwrap();
    assert_eq!(Book::parse("y", &text).unwrap().entries(), book.entries());
    assert!(text.contains(r#""source":{"key":"k","of":"b 1 of 2026-11-09"}"#), "{text}");
    // Zeros that were published stay.
    assert!(text.contains(r#""input":"0.10""#), "{text}");
}

#[test]
fn a_price_without_source_or_date_is_refused() {
    let of = r#","source":{"of":"b 1","key":"k"}"#;
    let error = refused(&good().replace(of, ""), "`x.jsonl`, line 2, entry `p/m`: missing field");
    assert!(error.hint().unwrap().contains("source and a date"));
    refused(&good().replace(r#","date":"2026-11-09""#, ""), "missing field `date`");
    refused(&good().replace("2026-11-09", "2026-11-31"), "line 2, entry `p/m`");
    refused(
        &good().replace(r#""book":"b""#, r#""book":"""#),
        "entry `p/m`: `source.book` is empty",
    );
    refused(&good().replace("MIT", " "), "`source.licence` is empty");
    refused(&good().replace(r#""of":"b 1""#, r#""of":"c""#), "`source.of`: no snapshot `c`");
}

#[test]
fn a_price_is_a_decimal_from_zero_up() {
    let with = |text: &str| good().replace(r#""0.05""#, text);
    let error =
        refused(&with(r#""-0.05""#), "entry `p/m`: `input`: `-0.05` USD/Mtok is not between 0");
    assert!(error.hint().unwrap().contains("per million"));
    refused(&with(r#""100001""#), "is not between 0 and 100000");
    refused(&with(r#""free""#), "line 2, entry `p/m`: `input`: `free` is not a decimal number");
    refused(&with(r#""""#), "`` is not a decimal number");
    refused(&with(r#""1.23456789012345678901234567890""#), "is not a decimal number");
    let error = refused(&with("0.05"), "expected a string");
    assert!(error.hint().unwrap().contains("in quotes"));
    assert!(Book::parse("x.jsonl", &with(r#""0""#)).is_ok());
    refused(&good().replace(r#""0.04""#, r#""-1""#), "`image`: `-1` USD is less than nothing");
    refused(&good().replace(r#""0.001""#, "0.001"), "expected a string");
}

#[test]
fn entries_are_whole_unique_and_in_order() {
    refused(&format!("{}{ENTRY}", good()), "`x.jsonl`: two entries `p/m`");
    refused(&good().replace(r#""name":"M""#, r#""name":" ""#), "`name` is empty");
    refused(&good().replace("8000000000", "0"), "`parameters` is empty");
    refused(&good().replace("family", "familly"), "unknown field `familly`");
    refused(&good().replace(r#""above":2000"#, r#""above":1000"#), "`tiers`: 1000 tok follows");
    let overlap = good().replace(r#""until":"2026-11-01"#, r#""until":"2026-11-02"#);
    refused(&overlap, "`tariffs`: the one from 2026-11-01T00:00:00Z overlaps");
    refused(
        &good().replace(r#""per_unit":{"image":"0.04"}"#, r#""per_unit":{"image":0}"#),
        "string",
    );
    let nothing = r#"{"id":"p/m","provider":"p","model":"m","name":"M","tariffs":[]}"#;
    refused(&format!("{HEAD}\n{nothing}"), "`tariffs` is empty");
    let free = nothing.replace("[]", r#"[{"source":{"of":"b 1","key":"k"}}]"#);
    refused(&format!("{HEAD}\n{free}"), "no price is given");
}

#[test]
fn another_form_is_refused() {
    refused("", "it is empty");
    refused("[price]", "`x.jsonl` is not a price book of the form `mtok.prices/1`: line 1");
    refused(r#"{"schema":"mtok.prices/2"}"#, "its schema is `mtok.prices/2`");
    refused(&format!("{HEAD}\n{{"), "`x.jsonl`, line 2, entry `?`");
    assert_eq!(Book::parse("x", &format!("{HEAD}\r\n\r\n")).unwrap().entries(), []);
}

#[test]
fn what_is_wrong_inside_the_program_is_our_fault() {
    let inner = Book::parse("x.jsonl", "").unwrap_err();
    let error = PriceError::Embedded(Box::new(inner));
    assert_eq!(error.fault(), Fault::Internal);
    assert!(error.hint().unwrap().contains("report"));
}

#[test]
fn an_entry_is_found_by_its_names() {
    let book = Book::parse("x.jsonl", &good()).unwrap();
    for name in ["p/m", "m", "M", "m-latest", "M-LATEST", "p/m-latest", " p/m "] {
        assert_eq!(book.find(name).unwrap()[0].id, "p/m", "{name}");
    }
    let error = book.find("m-lates").unwrap_err();
    assert_eq!(error.to_string(), "no price for model `m-lates`");
    assert_eq!(error.hint().unwrap(), "did you mean `p/m`?");
    assert_eq!(error.fault(), Fault::Usage);
    assert!(book.find("zzzzzzzz").unwrap_err().hint().unwrap().contains("mtok prices list"));
    assert!(book.find("").is_err());
}

#[test]
fn a_model_is_found_wherever_it_is_sold() {
    let book = Book::embedded().unwrap();
    let found = book.find("GPT-OSS-20b").unwrap();
    let at = |provider: &str| found.iter().any(|entry| entry.provider == provider);
    assert!(at("groq") && at("fireworks"), "{}", found.len());
    let error = book.find("claude-sonet-5-5").unwrap_err();
    assert!(error.hint().unwrap().contains("anthropic/claude-sonnet-5-5"), "{:?}", error.hint());
}

#[test]
fn the_shipped_book_holds_what_the_manifests_run_and_what_people_know() {
    let book = Book::embedded().unwrap();
    assert!(book.entries().len() >= 2_000, "{}", book.entries().len());
    for family in [
        "llama-3.1-8b",
        "llama-3.3-70b",
        "qwen3-8b",
        "qwen3-32b",
        "gemma-3-27b",
        "mistral-7b",
        "gpt-oss-20b",
        "qwen2.5-coder-0.5b",
        "gpt-6-luna",
        "claude-haiku-5.5",
    ] {
        let is = |entry: &Entry| entry.family.as_deref() == Some(family);
        assert!(book.entries().iter().any(is), "{family}");
    }
}

fn known(book: &Book) -> impl Iterator<Item = &Entry> {
    book.entries().iter().filter(|entry| entry.family.is_some())
}

#[test]
fn known_entries_say_whether_they_are_open_and_how_large() {
    let book = Book::embedded().unwrap();
    assert!(known(&book).count() >= 25);
    for entry in known(&book) {
        // A closed model's parameters aren't published; its class stands in.
        assert_eq!(Some(entry.size.is_none()), entry.open_weights, "{}", entry.id);
        assert!(entry.open_weights == Some(true) || entry.parameters.is_none(), "{}", entry.id);
        assert!(entry.active_parameters <= entry.parameters, "{}", entry.id);
        let figures = entry.figures(DAY).unwrap();
        assert!(figures.cached_input <= Some(figures.input), "{}", entry.id);
        let terms = &entry.tariff_on(DAY).unwrap().terms;
        assert!(figures.cached_input.is_none() || terms.input_includes_cached.is_some());
    }
}

#[test]
fn a_family_has_one_size() {
    let book = Book::embedded().unwrap();
    for a in known(&book) {
        for b in known(&book).filter(|b| b.family == a.family) {
            assert_eq!(a.parameters, b.parameters, "{} {}", a.id, b.id);
        }
    }
}

#[test]
fn disagreeing_books_are_both_named() {
    let book = Book::embedded().unwrap();
    let flash = book.get("deepseek/deepseek-flash").unwrap();
    let tariff = flash.tariff_on(DAY).unwrap();
    assert_eq!(tariff.source.book, "litellm");
    assert_eq!(flash.others[0].source.book, "genai-prices");
    // 0.30 in peak hours, 0.15 in the others.
    let differs = flash.others[0].differs.get(crate::prices::TokenKind::Input).unwrap();
    assert_eq!(flash.figures(DAY).unwrap().input.to_string(), "0.3 USD/Mtok");
    assert_eq!(differs.to_string(), "0.15 USD/Mtok");
    assert_eq!(tariff.hours.len(), 1);
    assert!(flash.note.as_deref().unwrap().contains("peak hours"));
}

#[test]
fn the_snapshot_grows_old() {
    for entry in Book::embedded().unwrap().entries() {
        for tariff in &entry.tariffs {
            assert!(!is_stale(tariff.source.date, DAY), "{}", entry.id);
            assert!(is_stale(tariff.source.date, date(2027, 2, 11)), "{}", entry.id);
        }
    }
}
