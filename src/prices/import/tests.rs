//! The importers on small books: what is taken, and every reason to refuse.

use super::*;
use crate::prices::schedule::tests::band;
use crate::prices::{Entry, Service, TokenKind};
use crate::units::{ListPrice, Tokens};
use jiff::civil::date;
use proptest::prelude::*;

fn import(format: Format, text: &str) -> Import {
    format.read(text, &Snapshot::of(format, "1", date(2026, 11, 12))).unwrap()
}

fn only(import: &Import) -> &Entry {
    assert_eq!((import.entries.len(), &import.refused), (1, &vec![]));
    assert_eq!(import.not_understood, BTreeMap::new());
    &import.entries[0]
}

fn litellm(fields: &str) -> Import {
    import(
        Format::Litellm,
        &format!(r#"{{"sample_spec": {{}}, "p/m": {{"litellm_provider": "p", {fields}}}}}"#),
    )
}

#[track_caller]
fn price(entry: &Entry, at: &str, prompt: u64, service: Option<&str>, kind: TokenKind, want: &str) {
    let at = at.parse().unwrap();
    let service = service.map(|name| Service::from(name.to_owned()));
    let tariff = entry.tariff_at(at).unwrap();
    let got = band(&tariff.schedule_at(at, service.as_ref()), prompt).rates.get(kind);
    let want = ListPrice(want.parse().unwrap());
    assert_eq!(got, Some(want), "{kind} at {at}, {prompt} tokens, {service:?}");
}

const NOON: &str = "2026-11-16T12:00:00Z";

#[test]
fn a_price_per_token_is_exact_per_million() {
    let book = litellm(
        r#""input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-7,
           "cache_read_input_token_cost": 2.0000000000000002e-07"#,
    );
    let entry = only(&book);
    // 1.5e-07 as a double, times a million, is 0.15 and something.
    let rates = &entry.tariffs[0].schedule.rates;
    assert_eq!(rates.get(TokenKind::Input).unwrap().0.to_string(), "0.15");
    assert_eq!(rates.get(TokenKind::Output).unwrap().0.to_string(), "0.6");
    assert_eq!(rates.get(TokenKind::CachedInput).unwrap().0.to_string(), "0.2");
    assert_eq!(book.cleaned, 1);
    assert_eq!((entry.id.as_str(), entry.model.as_str()), ("p/m", "m"));
    assert_eq!(entry.tariffs[0].source.name(), "litellm 1");
}

#[test]
fn litellm_tiers_services_and_hours() {
    let book = litellm(
        r#""mode": "chat", "max_input_tokens": 1000000.0, "deprecation_date": "2027-01-01",
           "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
           "input_cost_per_token_above_200k_tokens": 2e-6,
           "input_cost_per_token_batches": 5e-7,
           "input_cost_per_token_above_200k_tokens_priority": 8e-6,
           "input_cost_per_request": 0.005, "output_cost_per_image": 0.04,
           "prompt_cache_min_tokens": 1024, "provider_specific_entry": {"us": 1.1},
           "off_peak_pricing": {"input_cost_per_token": 4e-7, "windows":
             [{"hours_utc": ["16:00-00:00", "00:00-01:00"], "weekdays": [1,2,3,4,5]},
              {"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]}"#,
    );
    let entry = only(&book);
    price(entry, NOON, 200_000, None, TokenKind::Input, "1");
    price(entry, NOON, 200_001, None, TokenKind::Input, "2");
    price(entry, NOON, 1, Some("batch"), TokenKind::Input, "0.5");
    // Priority lists a price above 200,000 alone: below it is the standard one.
    price(entry, NOON, 1, Some("priority"), TokenKind::Input, "1");
    price(entry, NOON, 200_001, Some("priority"), TokenKind::Input, "8");
    price(entry, NOON, 200_001, Some("priority"), TokenKind::Output, "2");
    // 16 November 2026 is a Monday, the 21st a Saturday.
    price(entry, "2026-11-16T16:00:00Z", 1, None, TokenKind::Input, "0.4");
    price(entry, "2026-11-21T12:00:00Z", 1, None, TokenKind::Input, "0.4");
    let tariff = &entry.tariffs[0];
    assert_eq!(tariff.schedule.per_request.unwrap().to_string(), "0.005 USD");
    assert_eq!(tariff.schedule.per_unit["output image"].to_string(), "0.04 USD");
    assert_eq!(tariff.terms.cache_minimum, Some(Tokens(1024)));
    assert_eq!(tariff.terms.uplifts["us"].0.to_string(), "110");
    assert_eq!((entry.context, entry.ends), (Some(Tokens(1_000_000)), Some(date(2027, 1, 1))));
}

#[test]
fn a_number_of_free_images_is_no_factor_on_the_price() {
    let book = litellm(
        r#""input_cost_per_token": 1e-6, "web_search_billing_unit": "per_query",
           "provider_specific_entry": {"us": 1.1, "fast": 2, "minimax_free_input_images": 5}"#,
    );
    let uplifts = &only(&book).tariffs[0].terms.uplifts;
    let uplifts: Vec<_> =
        uplifts.iter().map(|(name, by)| (name.as_str(), by.0.to_string())).collect();
    assert_eq!(uplifts, [("fast", "200".to_owned()), ("us", "110".to_owned())]);
    assert_eq!(book.not_prices["provider_specific_entry.minimax_free_input_images"], 1);
    // Searches that are counted otherwise are not understood.
    let book = litellm(r#""input_cost_per_token": 1e-6, "web_search_billing_unit": "per_prompt""#);
    assert_eq!(book.not_understood["web_search_billing_unit"], 1);
}

#[test]
fn litellm_ranges_are_tiers() {
    let book = litellm(
        r#""tiered_pricing": [{"range": [0, 256000.0], "input_cost_per_token": 5e-8},
                              {"range": [256000.0, 1e6], "input_cost_per_token": 2.5e-7}]"#,
    );
    price(only(&book), NOON, 256_000, None, TokenKind::Input, "0.05");
    price(only(&book), NOON, 256_001, None, TokenKind::Input, "0.25");
}

#[track_caller]
fn refused(book: &Import, want: &str) {
    assert_eq!(book.entries, [], "taken");
    assert!(book.refused[0].reason.contains(want), "{:?}", book.refused);
    assert_eq!(book.read(), book.refused.len());
}

#[test]
fn every_reason_to_refuse() {
    refused(&litellm(r#""mode": "chat""#), "no price is given");
    let words = litellm(r#""input_cost_per_token": "free""#);
    refused(&words, "`input_cost_per_token`: `free` is not a number");
    refused(&litellm(r#""input_cost_per_token": -1e-6"#), "`input`: `-1` USD/Mtok is not between");
    refused(&litellm(r#""input_cost_per_token": 0.5"#), "`input`: `500000` USD/Mtok");
    refused(&litellm(r#""output_cost_per_image": -1"#), "`output image`: `-1` USD is less than");
    refused(&litellm(r#""input_cost_per_token": 1e99"#), "is not a number");
    refused(&litellm(r#""tiered_pricing": [{"input_cost_per_token": 1e-6}]"#), "without a range");
    let zone = r#""off_peak_pricing": {"weekday_timezone": "Mars", "windows": []}"#;
    refused(&litellm(zone), "unknown time zone `Mars`");
    let day = r#""input_cost_per_token": 1e-6, "off_peak_pricing": {"input_cost_per_token": 1e-7,
        "windows": [{"hours_utc": "01:00-02:00", "weekdays": [9]}]}"#;
    refused(&litellm(day), "`9` is not a day");
    let hours = r#""off_peak_pricing": {"windows": [{"hours_utc": "noon"}]}"#;
    refused(&litellm(hours), "a window without hours");
    let rules = r#"{"x": {"rules": []}, "p/m": {"litellm_provider": "p"}}"#;
    refused(&import(Format::Litellm, rules), "rules about names");
    let nobody = r#"{"x": {"mode": "chat"}, "p/m": {"litellm_provider": "p"}}"#;
    refused(&import(Format::Litellm, nobody), "`litellm_provider` is missing");
    let model = |fields: &str| {
        import(Format::GenaiPrices, &format!(r#"[{{"id":"p","models":[{{"id":"m",{fields}}}]}}]"#))
    };
    refused(&model(r#""name":"M""#), "`prices` is missing");
    refused(&model(r#""prices":{"input_mtok":1,"output_mtok":{"base":1,"tiers":[{}]}}"#), "start");
    let when = r#""prices":[{"constraint":{"moon":"full"},"prices":{"input_mtok":1}}]"#;
    refused(&model(when), "neither a date nor hours");
    let never = r#""prices":[{"constraint":{"start_time":"01:00:00+00:00",
        "end_time":"01:00:00+00:00"},"prices":{"input_mtok":1}}]"#;
    refused(&model(never), "the hours are empty");
    let two = r#""prices":{"input_mtok":1},"price_variants":[{"when":{"a":"b","c":"d"},
        "prices":{"input_mtok":1}}]"#;
    refused(&model(two), "more than one condition");
    let anywhere = r#"{"data":[{"id":"openrouter/auto","pricing":{"prompt":"-1"}}]}"#;
    refused(&import(Format::Openrouter, anywhere), "depends on where it is routed");
    let size = r#"{"p":{"models":{"m":{"cost":{"input":1,"tiers":[{"input":2}]}}}}}"#;
    refused(&import(Format::ModelsDev, size), "one without a size");
    let tier = r#"{"prices":{"p":{"m":{"standard":[{"rates":{"input":1,"tiers":[{}]}}]}}}}"#;
    refused(&import(Format::ModelPrices, tier), "one without `above`");
    let start = r#"{"prices":{"p":{"m":{"standard":[{"start":"soon","rates":{"input":1}}]}}}}"#;
    refused(&import(Format::ModelPrices, start), "`soon` is not an instant");
}

#[test]
fn one_name_for_two_entries_refuses_the_second() {
    let twice = r#"{"p/m": {"litellm_provider": "p", "input_cost_per_token": 1e-6},
                    "p/m": {"litellm_provider": "p", "input_cost_per_token": 2e-6}}"#;
    let book = import(Format::Litellm, twice);
    assert_eq!((book.entries.len(), book.read()), (1, 2));
    assert_eq!(book.refused[0].reason, "a second entry would be called `p/m`");
    // A bare name beside the one with its provider is an entry of its own.
    let bare = twice.replacen("p/m", "m", 1);
    let book = import(Format::Litellm, &bare);
    assert_eq!(book.entries.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["m", "p/m"]);
}

#[test]
fn what_nobody_knows_is_counted() {
    let book = litellm(r#""input_cost_per_token": 1e-6, "input_cost_per_smell": 1, "rpm": 3"#);
    assert_eq!(book.not_understood, BTreeMap::from([("input_cost_per_smell".to_owned(), 1)]));
    assert_eq!(book.not_prices, BTreeMap::from([("rpm".to_owned(), 1)]));
}

#[test]
fn genai_dates_hours_and_variants() {
    let text = r#"[{"id":"p","models":[{"id":"m","match":{"or_":[{"equals":"m"},{"equals":"m-1"},
        {"starts_with":"m-"}]},"context_window":64000,"prices":[
          {"prices":{"input_mtok":0.14,"output_mtok":{"base":0.28,"tiers":[{"start":100,"price":1}]}}},
          {"constraint":{"start_date":"2026-08-17"},"prices":{"input_mtok":0.22}},
          {"constraint":{"start_time":"01:00:00+00:00","end_time":"04:00:00+00:00"},
           "prices":{"input_mtok":0.44}}],
        "price_variants":[
          {"when":{"processing":"batch"},"prices":{"input_mtok":0.1},
           "constraint":{"start_date":"2026-10-14"}},
          {"when":{"service_tier":"default"},"prices":{}}]}]}]"#;
    let book = import(Format::GenaiPrices, text);
    let entry = only(&book);
    assert_eq!(entry.aliases, ["m-1"]);
    price(entry, "2026-08-16T23:59:59Z", 100, None, TokenKind::Output, "0.28");
    price(entry, "2026-08-16T23:59:59Z", 101, None, TokenKind::Output, "1");
    price(entry, "2026-08-17T00:00:00Z", 1, None, TokenKind::Input, "0.22");
    // The last of the list comes first, at every date.
    price(entry, "2026-08-16T03:59:59Z", 1, None, TokenKind::Input, "0.44");
    price(entry, "2026-10-13T12:00:00Z", 1, Some("batch"), TokenKind::Input, "0.22");
    price(entry, "2026-10-14T00:00:00Z", 1, Some("batch"), TokenKind::Input, "0.1");
    price(entry, "2026-10-14T02:00:00Z", 1, Some("batch"), TokenKind::Input, "0.1");
    assert_eq!(entry.tariffs.len(), 3);
    assert_eq!(book.not_prices["match.*"], 1);
}

#[test]
fn model_prices_history_and_hours() {
    let text = r#"{"prices":{"deepseek":{"chat":{
        "standard":[{"start":null,"rates":{"input":0.56,"output":1.68,"cache_read":0.07}},
          {"start":"2025-09-29T00:00:00Z","rates":{"input":0.28,"output":0.42,"cache_read":0.028,
            "cache_write_1h_multiple":2.0,"source":"https://api-docs.deepseek.com/updates/"}}],
        "batch":[{"start":null,"rates":null},
          {"start":"2025-12-01T00:00:00Z","rates":{"input":0.14}}]}}},
      "schedules":{"holidays":{"cn":{"dates":["2026-10-01"],"utc_offset_hours":8}},"schedule":[
        {"provider":"deepseek","peak_hours_utc":[["01:00","04:00"]],"peak_multiplier":2.0,
         "weekdays_only":true,"holidays":"cn","valid_from":"2026-08-16T16:00:00Z"}]},
      "status":{"deepseek":{"chat":"deprecated"}},
      "aliases":{"models":{"v3":"deepseek/chat"}}}"#;
    let book = import(Format::ModelPrices, text);
    let entry = only(&book);
    for (at, want) in [
        ("2025-09-28T23:59:59Z", ["0.07", "0.56", "1.68"]),
        ("2025-09-29T00:00:00Z", ["0.028", "0.28", "0.42"]),
    ] {
        let kinds = [TokenKind::CachedInput, TokenKind::Input, TokenKind::Output];
        kinds.into_iter().zip(want).for_each(|(kind, want)| price(entry, at, 1, None, kind, want));
    }
    price(entry, "2025-09-29T00:00:00Z", 1, None, TokenKind::CacheWrite1h, "0.56");
    price(entry, "2025-11-30T00:00:00Z", 1, Some("batch"), TokenKind::Input, "0.28");
    price(entry, "2025-12-01T00:00:00Z", 1, Some("batch"), TokenKind::Input, "0.14");
    // Monday at two: peak; before the rule began, and on the holiday, it isn't.
    price(entry, "2026-08-17T02:00:00Z", 1, None, TokenKind::Input, "0.56");
    price(entry, "2026-08-10T02:00:00Z", 1, None, TokenKind::Input, "0.28");
    price(entry, "2026-10-01T02:00:00Z", 1, None, TokenKind::Input, "0.28");
    price(entry, "2026-11-21T02:00:00Z", 1, None, TokenKind::Input, "0.28");
    assert_eq!(entry.aliases, ["v3"]);
    assert_eq!(entry.ending, Some(crate::prices::Ending::Deprecated));
}

#[test]
fn openrouters_own_list_is_in_texts_per_token() {
    let text = r#"{"data":[{"id":"a/b","canonical_slug":"a/b-1","name":"B","created":1,
        "context_length":131072,"architecture":{"tokenizer":"Llama3","modality":"text->text"},
        "pricing":{"prompt":"0.0000008","completion":"0.0000016","request":"0","image":"0.001",
          "web_search":"0","internal_reasoning":"0","input_cache_read":"0.0000002"},
        "top_provider":{"max_completion_tokens":32768,"is_moderated":false},
        "per_request_limits":null,"supported_parameters":["tools"]}]}"#;
    let book = import(Format::Openrouter, text);
    let entry = only(&book);
    price(entry, NOON, 1, None, TokenKind::Input, "0.8");
    price(entry, NOON, 1, None, TokenKind::Output, "1.6");
    price(entry, NOON, 1, None, TokenKind::CachedInput, "0.2");
    assert_eq!(entry.tariffs[0].schedule.rates.get(TokenKind::Reasoning), None);
    assert_eq!(entry.tariffs[0].schedule.per_request, None);
    assert_eq!(entry.tokenizer.as_deref(), Some("Llama3"));
    assert_eq!((entry.context, entry.max_output), (Some(Tokens(131_072)), Some(Tokens(32_768))));
}

#[test]
fn models_dev_as_its_project_writes_it() {
    let text = include_str!("../../../tests/fixtures/prices/models-dev.json");
    let book = import(Format::ModelsDev, text);
    assert_eq!(book.not_understood, BTreeMap::new());
    let by = |id: &str| book.entries.iter().find(|entry| entry.id == id).unwrap();
    let gemini = by("google/gemini-2.5-pro");
    price(gemini, NOON, 200_000, None, TokenKind::Input, "1.25");
    price(gemini, NOON, 200_001, None, TokenKind::Input, "2.5");
    price(gemini, NOON, 200_001, None, TokenKind::CachedInput, "0.25");
    let gpt = by("openai/gpt-5.5");
    price(gpt, NOON, 272_001, None, TokenKind::Output, "45");
    // A mode without tiers is charged alike at every length.
    price(gpt, NOON, 272_001, Some("fast"), TokenKind::Output, "75");
    price(by("alibaba/qwen-plus"), NOON, 1, None, TokenKind::Reasoning, "4");
    assert_eq!(by("groq/openai/gpt-oss-20b").family.as_deref(), Some("gpt-oss"));
    // Whisper is sold by the hour, which this book has no field for.
    assert_eq!(book.refused.len(), 1);
    assert_eq!(book.refused[0].reason, "no price is given");
}

#[test]
fn a_mode_of_models_dev_has_tiers_too() {
    let text = r#"{"p":{"models":{"m":{"cost":{"input":1,"output":2},"experimental":{"modes":{
        "fast":{"cost":{"input":3,"tiers":[{"tier":{"size":1000},"input":5}]}}}}}}}}"#;
    let book = import(Format::ModelsDev, text);
    let entry = only(&book);
    price(entry, NOON, 1_000, Some("fast"), TokenKind::Input, "3");
    price(entry, NOON, 1_001, Some("fast"), TokenKind::Input, "5");
    price(entry, NOON, 1_001, None, TokenKind::Input, "1");
}

#[test]
fn a_day_that_is_none_is_counted() {
    let openrouter = |day: &str| {
        let text = format!(
            r#"{{"data":[{{"id":"a/b","expiration_date":"{day}","pricing":{{"prompt":"0.000001"}}}}]}}"#
        );
        import(Format::Openrouter, &text)
    };
    assert_eq!(only(&openrouter("2027-01-01")).ends, Some(date(2027, 1, 1)));
    let unknown = openrouter("next year");
    assert_eq!(unknown.entries[0].ends, None);
    assert_eq!(unknown.not_understood, BTreeMap::from([("expiration_date".to_owned(), 1)]));
}

#[test]
fn another_books_shape_is_named() {
    for format in Format::ALL {
        let snapshot = Snapshot::of(format, "1", date(2026, 11, 12));
        let error = format.read("[]", &snapshot).unwrap_err();
        let want = format!("`{0}` is not a book of {0}", format.name());
        assert!(error.to_string().starts_with(&want), "{error}");
        assert!(error.hint().unwrap().contains("genai-prices"));
        let error = format.read("{", &snapshot).unwrap_err();
        assert!(error.to_string().contains("is not JSON"), "{error}");
        assert_eq!(Format::named(format.name()), Some(format));
    }
}

/// JSON of any shape that uses the books' own names.
fn hostile() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[0-9]{1,20}(\\.[0-9]{1,20})?(e[-+]?[0-9]{1,3})?",
        "\"[a-z0-9:/-]{0,12}\"",
        Just("\"2026-02-30\"".to_owned()),
        Just("\"23:59-00:00\"".to_owned()),
    ];
    let names = prop::sample::select(vec![
        "litellm_provider",
        "input_cost_per_token",
        "off_peak_pricing",
        "windows",
        "hours_utc",
        "weekdays",
        "tiered_pricing",
        "range",
        "models",
        "id",
        "prices",
        "constraint",
        "start_date",
        "start_time",
        "end_time",
        "price_variants",
        "when",
        "input_mtok",
        "base",
        "tiers",
        "start",
        "price",
        "standard",
        "rates",
        "input",
        "above",
        "schedules",
        "schedule",
        "peak_hours_utc",
        "peak_multiplier",
        "provider",
        "data",
        "pricing",
        "prompt",
        "cost",
        "tier",
        "size",
        "match",
        "or_",
        "equals",
        "extractors",
        "mappings",
        "dest",
        "path",
        "context_over_200k",
    ]);
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4);
        let map = prop::collection::vec((names.clone(), inner), 0..6);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(","))),
            map.prop_map(|fields| {
                let fields = fields.iter().map(|(name, value)| format!("\"{name}\":{value}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    /// Whatever a book holds, it is read or refused, and what is read makes a book.
    #[test]
    fn no_book_is_a_panic(text in hostile()) {
        for format in Format::ALL {
            for text in [
                text.clone(),
                format!(r#"{{"a":{text},"p/m":{{"litellm_provider":"p"}}}}"#),
                format!(r#"[{{"id":"p","models":[{text}]}}]"#),
                format!(r#"{{"prices":{{"p":{{"m":{text}}}}},"schedules":{text}}}"#),
                format!(r#"{{"p":{{"models":{{"m":{text}}}}}}}"#),
                format!(r#"{{"data":[{text}]}}"#),
            ] {
                let snapshot = Snapshot::of(format, "1", date(2026, 11, 12));
                if let Ok(import) = format.read(&text, &snapshot) {
                    let book = crate::prices::Book::of("x", import.entries.clone()).unwrap();
                    let written = book.to_text().unwrap();
                    let back = crate::prices::Book::parse("x", &written).unwrap();
                    prop_assert_eq!(back.entries(), import.entries.as_slice());
                }
            }
        }
    }
}
