//! `mtok compare` from outside: one table, its order, what it refuses, its page.
//!
//! Figures are worked by hand here and in the room's own tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has to stop")]

use insta_cmd::get_cargo_bin;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// 3.60 USD/h over 1,000 tok/s ± 10 %: 1 USD/Mtok, 2,628 Mtok and 2,628 USD a month.
const RATE: [&str; 2] = ["--rate=1000±100tok/s", "--price=3.60/h"];
/// 1,000 tokens in, half of them cached, and 250 out.
const LENGTHS: [&str; 3] = ["--prompt-tokens=1000", "--output-tokens=250", "--hit-rate=50%"];

/// Asks 1 USD for a million tokens in, 0.1 cached, 4 out: 1,550 microdollars for such a request, 1.24
/// USD/Mtok.
const BOOK: &str = r#"{"schema":"mtok.prices/1","snapshots":{"b 1 of 2026-11-01":{"book":"b","version":"1","licence":"MIT","date":"2026-11-01"}}}
{"id":"a/m","provider":"a","model":"m","name":"<M>","family":"m","open_weights":true,"context":16384,"tariffs":[{"schedule":{"rates":{"input":"1","cached_input":"0.1","output":"4"}},"source":{"key":"m","of":"b 1 of 2026-11-01"}}]}
"#;

fn ran(arguments: &[&str]) -> Output {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.arg("compare").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("MTOK_PRICE").env("MTOK_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no"));
    command.output().unwrap()
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare");
    fs_err::create_dir_all(&folder).unwrap();
    folder
}

/// The book of one entry.
fn book() -> String {
    let path = folder().join(format!("book-{:?}.jsonl", std::thread::current().id()));
    fs_err::write(&path, BOOK).unwrap();
    format!("--book={}", path.display())
}

/// What succeeds prints.
fn said(arguments: &[&str]) -> String {
    let output = ran(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn compared(arguments: &[&str]) -> Value {
    serde_json::from_str(&said(&[arguments, &["--json"]].concat())).unwrap()
}

/// On the book of one entry, of a day on which its price is new.
fn by_hand(more: &[&str]) -> Value {
    let book = book();
    let known = ["--api=m", "--as-of=2026-11-22", &book];
    compared(&[&RATE[..], &LENGTHS, &known, more].concat())
}

#[track_caller]
fn near(got: &Value, want: f64) {
    let got = got.as_f64().unwrap();
    assert!((got - want).abs() <= 1e-9 * want.abs(), "{got} ≠ {want}");
}

fn api(document: &Value) -> Value {
    let rows = document["rows"].as_array().unwrap();
    rows.iter().find(|row| !row["api"].is_null()).unwrap().clone()
}

fn reference(document: &Value) -> Value {
    let rows = document["rows"].as_array().unwrap();
    rows.iter().find(|row| row["own"]["reference"] == true).unwrap().clone()
}

#[test]
fn one_table_with_break_even_by_hand() {
    let full = by_hand(&[]);
    near(&reference(&full)["mtok"]["value"], 1.0);
    let row = api(&full);
    near(&row["mtok"]["value"], 1.24);
    near(&row["request"]["value"], 0.00155);
    assert_eq!((&row["own_is"], &row["month"]), (&"lower".into(), &Value::Null));
    let even = &row["api"]["break_even"];
    near(&even["load"]["value"], 1.0 / 1.24);
    near(&even["volume"], (2_628e6_f64 / 1.24).round());
    assert_eq!(
        (&even["capacity"], &even["at_full_load"]),
        (&2_628_000_000_u64.into(), &"own".into())
    );
    // At 30 % load 3.33 USD/Mtok.
    let low = by_hand(&["--load=30%"]);
    near(&reference(&low)["mtok"]["value"], 1.0 / 0.3);
    near(&api(&low)["own_over_this"]["value"], 1.0 / 0.3 / 1.24);
    assert_eq!(api(&low)["own_is"], "higher");
    // 90 % hits: 100 + 90 + 1,000 over 1,250 tokens are 0.952, inside 0.909 to 1.111.
    let tie = by_hand(&["--load=100%", "--cut=0.25tok/char", "--model=m"]);
    near(&reference(&tie)["mchar"]["value"], 0.25);
    near(&api(&tie)["mchar"]["value"], 0.31);
    let book = book();
    let hits = ["--prompt-tokens=1000", "--output-tokens=250", "--hit-rate=90%", "--api=m", &book];
    assert_eq!(api(&compared(&[&RATE[..], &hits].concat()))["own_is"], "tie");
}

/// 2,400,000 requests are 3,000 Mtok: two machines all month.
#[test]
fn a_months_volume_takes_whole_machines() {
    let month = by_hand(&["--requests-per-month=2.4M"]);
    let row = reference(&month);
    assert_eq!(row["own"]["machines"], 2);
    near(&row["own"]["load"], 3_000.0 / 5_256.0);
    near(&row["month"]["value"], 5_256.0);
    near(&row["mtok"]["value"], 1.752);
    near(&api(&month)["month"]["value"], 3_720.0);
    assert_eq!(month, by_hand(&["--requests-per-month=2400000"]), "the same twice");
    let prices: Vec<f64> = month["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["mtok"]["value"].as_f64().unwrap())
        .collect();
    assert!(prices.len() == 3 && prices.is_sorted(), "{prices:?}");
}

#[test]
fn an_estimate_beside_the_same_model() {
    let asked = ["--gpu=h100-sxm", "--model=llama-3.1-8b", "--price=2.50/h"];
    let work = ["--workload=chat", "--requests-per-month=3M", "--as-of=2026-11-22"];
    let found = compared(&[&asked[..], &work].concat());
    assert_eq!(
        (&found["machine"]["told_by"], &found["chosen"]),
        (&"mixes".into(), &"comparable".into())
    );
    assert_eq!(api(&found)["api"]["caching"], "nothing_shared");
    let same = found["rows"].as_array().unwrap();
    assert!(same.iter().any(|row| row["api"]["same_model"] == true));
    // Mixes of the surface have prices of their own, and more load is never dearer.
    let points = found["surfaces"][0]["points"].as_array().unwrap();
    let price = |point: &Value| point["own"]["value"].as_f64().unwrap();
    let mixes: std::collections::BTreeSet<String> =
        points.iter().map(|point| point["input_per_output"].to_string()).collect();
    assert!(mixes.len() > 4, "{mixes:?}");
    let columns = points.len() / 7;
    for (at, point) in points.iter().enumerate().skip(columns) {
        assert!(price(point) >= price(&points[at - columns]), "{point}");
    }
    let words = said(&[&asked[..], &work, &["--format=md"]].concat());
    for expected in [
        "The work: chat;",
        "estimated at this mix and at others; kinds of tokens have no prices",
        "**The same work, the cheapest first**",
        "(same model)",
        "**From where the own machine is cheaper**",
        "**What moves the own price",
        "| load | 4.4 % | 100 % |",
        "rental offers",
    ] {
        assert!(words.contains(expected), "no `{expected}` in\n{words}");
    }
}

/// A trace comes at its own rate; providers' caches are simulated where prompts begin alike.
#[test]
fn a_trace_and_a_log() {
    let trace = ["--trace=tests/fixtures/traces/mooncake-conversation.jsonl", "--as-of=2026-11-22"];
    let apis = ["--api=openai/gpt-6-luna,novita/meta-llama/llama-3.1-8b-instruct"];
    let found = compared(&[&RATE[..], &trace, &apis].concat());
    assert_eq!(found["work"]["hits_by"], "found");
    assert!(found["work"]["requests_per_month"].as_f64().unwrap() > 0.0);
    assert!(reference(&found)["own"]["machines"].as_u64().unwrap() > 0);
    let log = ["--usage=tests/fixtures/usage/old.jsonl", "--as-of=2026-11-22"];
    let found = compared(&[&RATE[..], &log, &["--api=groq/llama-3.1-8b-instant"]].concat());
    assert_eq!(found["work"]["hits_by"], "logged");
    assert_eq!(found["work"]["requests_per_month"], Value::Null);
    // The log's cached tokens are the log's.
    let total = &api(&found)["api"];
    assert_eq!(total["cached"], found["work"]["tokens"]["cached"]);
}

#[track_caller]
fn refused(more: &[&str], code: i32, words: &[&str]) {
    let output = ran(more);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for words in words {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let with = |more: &[&'static str]| [&RATE[..], more].concat();
    refused(&[], 2, &["--run", "--gpu", "--rate"]);
    refused(&["--run=last", "--rate=1tok/s"], 2, &["cannot be used with"]);
    refused(&["--gpu=h100-sxm", "--workload=chat"], 2, &["--model"]);
    refused(&["--rate=1tok/s", "--workload=chat"], 2, &["`--price` is missing", "--price 2.50/h"]);
    refused(&with(&[]), 2, &["no work is named", "`--workload chat`"]);
    refused(&with(&["--workload=chatt"]), 2, &["`--workload`", "did you mean `chat`?"]);
    refused(&with(&["--workload=chat", "--prompt-tokens=3"]), 2, &["cannot be used with"]);
    refused(&with(&["--prompt-tokens=3"]), 2, &["--output-tokens"]);
    refused(&with(&["--prompt-tokens=3", "--output-tokens=0"]), 2, &["`--output-tokens`: `0`"]);
    refused(&with(&["--workload=chat", "--hit-rate=120%"]), 2, &["`--hit-rate`: `120%`"]);
    refused(&with(&["--workload=chat", "--load=0%"]), 2, &["`--load`: `0%` is not a load"]);
    for count in ["0", "many", "-3"] {
        let flag: &'static str =
            Box::leak(format!("--requests-per-month={count}").into_boxed_str());
        refused(&with(&["--workload=chat", flag]), 2, &["`--requests-per-month`", "`3M`"]);
    }
    refused(&with(&["--workload=chat", "--api=lama-3.1-8c"]), 2, &["`--api`", "did you mean"]);
    refused(&with(&["--workload=chat", "--model=nobodys"]), 2, &["`--model`"]);
    refused(&with(&["--workload=chat", "--as-of=today"]), 2, &["`--as-of`: `today`"]);
    refused(&with(&["--workload=chat", "--cut=0tok/char"]), 2, &["`--cut`", "`0.25tok/char`"]);
    refused(&with(&["--workload=chat", "--report=no/where.html"]), 2, &["`--report`"]);
    refused(&with(&["--trace=nowhere.csv"]), 3, &["nowhere.csv"]);
    refused(&with(&["--usage=nowhere.jsonl"]), 3, &["nowhere.jsonl"]);
    refused(&["--run=nothing", "--workload=chat"], 3, &["nothing"]);
    let large = ["--gpu=h100-sxm", "--model=llama-3.1-70b", "--workload=chat"];
    refused(&large, 2, &["no batch of `llama-3.1-70b` on 1 × `h100-sxm` fits", "`--tp`"]);
}

/// The page needs nothing else, and prints names as names.
#[test]
fn the_page_is_whole() {
    let path = folder().join("page.html");
    let flag = format!("--report={}", path.display());
    by_hand(&["--requests-per-month=2.4M", &flag]);
    let page = fs_err::read_to_string(&path).unwrap();
    assert!(page.contains("default-src 'none'") && !page.contains("<script"), "{page}");
    for address in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(address), "`{address}` in the page");
    }
    assert!(page.contains("&lt;M&gt;") && !page.contains("<M>"), "a name is no markup");
    for words in ["class=\"plot\"", "id=\"tornado-title\"", "id=\"map-0-0-title\"", "1.752"] {
        assert!(page.contains(words), "no `{words}` in the page");
    }
}
