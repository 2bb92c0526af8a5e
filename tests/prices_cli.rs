//! The price book from outside: what is listed, imported, compared, fetched, billed and reconciled.
//!
//! Expected figures are worked by hand from DeepSeek's cut of 2025-09-29: 0.07/0.56/1.68 USD/Mtok
//! (cached, input, output) before, 0.028/0.28/0.42 after. Sources are a server on this machine that
//! sends small books of the real shapes; the real ones were not asked.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has to stop")]

#[path = "prices_cli/server.rs"]
mod server;

use insta_cmd::get_cargo_bin;
use serde_json::{Value, json};
use server::{Server, serve};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CUT: &str = "tests/fixtures/prices/deepseek-cut.jsonl";
const OLD: &str = "tests/fixtures/usage/old.jsonl";
const NEW: &str = "tests/fixtures/usage/new.jsonl";
const INVOICE: &str = "tests/fixtures/usage/invoice.jsonl";

/// A home of its own, empty.
fn home(name: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prices-cli").join(name);
    if home.exists() {
        fs_err::remove_dir_all(&home).unwrap();
    }
    fs_err::create_dir_all(&home).unwrap();
    home
}

fn run_in(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments).env("MTOK_HOME", home).current_dir(env!("CARGO_MANIFEST_DIR"));
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn run(arguments: &[&str]) -> Output {
    run_in(Path::new("/nonexistent/mtok-home"), arguments)
}

#[track_caller]
fn json_of(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the program prints with `--json`.
#[track_caller]
fn printed(arguments: &[&str]) -> Value {
    json_of(&run(&[arguments, &["--json"]].concat()))
}

/// A command that must fail: its exit code, and words that it must say.
#[track_caller]
fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: no `{word}` in\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_list_holds_what_was_asked_for() {
    let list = printed(&["prices", "list", "--provider", "GROQ", "--open-weights"]);
    let entries = list["entries"].as_array().unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        assert_eq!((&entry["provider"], &entry["open_weights"]), (&json!("groq"), &json!(true)));
    }
    let few = printed(&["prices", "list", "--provider", "groq", "--model", "LLAMA-3.1-8b"]);
    assert_eq!(few["entries"][0]["id"], "groq/llama-3.1-8b-instant");
    assert_eq!(few["entries"].as_array().unwrap().len(), 1);
    let nobody = run(&["prices", "list", "--provider", "nobody"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("`nobody` sells nothing"));
    let none = printed(&["prices", "list", "--provider", "groq", "--model", "no such model"]);
    assert_eq!((&none["entries"], &none["left_out"]), (&json!([]), &json!(0)));
}

/// The prices of the tariff in force, by what they are of.
fn in_force(card: &Value) -> Vec<(String, String)> {
    let tariffs = card["entries"][0]["tariffs"].as_array().unwrap();
    let tariff = tariffs.iter().find(|tariff| tariff["in_force"] == true).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let prices = tariff["prices"].as_array().unwrap().iter();
    prices.map(|price| (text(&price["of"]), text(&price["usd"]))).collect()
}

#[test]
fn a_model_is_shown_as_of_a_day() {
    let show = |day| printed(&["prices", "show", "deepseek-chat", "--book", CUT, "--at", day]);
    let want = |prices: [&str; 3]| {
        let kinds = ["input", "cached_input", "output"].map(str::to_owned);
        kinds.into_iter().zip(prices.map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(in_force(&show("2025-09-28")), want(["0.56", "0.07", "1.68"]));
    assert_eq!(in_force(&show("2025-09-29")), want(["0.28", "0.028", "0.42"]));
    let late = show("2027-09-29");
    let tariffs = late["entries"][0]["tariffs"].as_array().unwrap();
    assert_eq!(tariffs.last().unwrap()["source"]["stale"], true);
    let text = run(&["prices", "show", "deepseek-chat", "--book", CUT, "--at", "2027-09-29"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("over 90 days"));
}

#[test]
fn names_that_are_not_there_are_answered_with_near_ones() {
    refused(&["prices", "show", "deepsek-chat", "--book", CUT], 2, &["did you mean", "deepseek"]);
    refused(&["prices", "show", "gpt-4o", "--at", "yesterday"], 2, &["`--at`", "2026-11-22"]);
    refused(&["prices", "show", "gpt-4o", "--at", "2026-02-30"], 2, &["`2026-02-30` is not a day"]);
    refused(&["prices", "list", "--book", "no-such.jsonl"], 3, &["no-such.jsonl"]);
    refused(&["prices", "list", "--book", "Cargo.toml"], 3, &["mtok.prices/1"]);
}

#[test]
fn a_cut_is_a_difference_in_percent() {
    let diff = printed(&["prices", "diff", "2025-09-28", "2025-09-29", "--book", CUT]);
    let lines: Vec<_> = diff["changed"].as_array().unwrap().iter().collect();
    let percent = |of: &str| {
        let line = lines.iter().find(|line| line["of"] == of).unwrap();
        line["percent"].as_str().unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(lines.len(), 3);
    assert!((percent("input") + 50.0).abs() < 1e-9);
    assert!((percent("cached_input") + 60.0).abs() < 1e-9);
    assert!((percent("output") + 75.0).abs() < 1e-9);
    // Two files on one day: the same.
    let same = printed(&["prices", "diff", CUT, CUT, "--at", "2025-10-01"]);
    assert_eq!((&same["same"], &same["changed"]), (&json!(1), &json!([])));
}

#[test]
fn an_import_counts_and_makes_a_book_that_keeps_old_prices() {
    let home = home("import");
    let [file, out] = ["litellm.json", "out.jsonl"].map(|name| home.join(name));
    let [file, out] = [&file, &out].map(|path| path.to_str().unwrap());
    let write = |price: &str| {
        let text = format!(
            r#"{{"sample_spec": {{}}, "p/m": {{"litellm_provider": "p", "input_cost_per_token": {price},
            "output_cost_per_token": 1e-6, "never_heard_of": 1, "supports_vision": true}},
            "p/broken": {{"litellm_provider": "p", "input_cost_per_token": "a lot"}}}}"#
        );
        fs_err::write(file, text).unwrap();
    };
    write("1.5e-07");
    let import = |day| printed(&["prices", "import", file, "--out", out, "--date", day]);
    let first = import("2026-05-01");
    assert_eq!(
        (&first["import"]["form"], &first["import"]["taken"]),
        (&json!("litellm"), &json!(1))
    );
    assert_eq!(first["import"]["refused"].as_array().unwrap().len(), 1);
    assert_eq!(first["import"]["refused"][0]["key"], "p/broken");
    assert_eq!(first["import"]["not_understood"][0]["field"], "never_heard_of");
    assert_eq!(first["book"]["added"], json!(["p/m"]));
    write("3e-07");
    assert_eq!(import("2026-06-01")["book"]["changed"], json!(["p/m"]));
    let at = |day| {
        let card = printed(&["prices", "show", "p/m", "--book", out, "--at", day]);
        in_force(&card)[0].1.clone()
    };
    assert_eq!([at("2026-05-31"), at("2026-06-01")], ["0.15", "0.3"]);
    let bare = printed(&["prices", "import", file]);
    assert_eq!(bare["book"], Value::Null);
}

#[test]
fn what_is_no_book_is_refused() {
    let home = home("refused");
    let deep = vec![b'['; 100_000];
    let bytes: [(&str, &[u8], &str); 5] = [
        ("empty.json", b"", "is not JSON"),
        ("binary.json", b"\xff\xfe\x00", "UTF-8"),
        ("list.json", b"[1,2,3]", "no book that is known"),
        ("deep.json", &deep, "is not JSON"),
        ("half.json", br#"{"a": {"litellm_provider": "#, "is not JSON"),
    ];
    for (name, content, words) in bytes {
        let file = home.join(name);
        fs_err::write(&file, content).unwrap();
        let file = file.to_str().unwrap();
        refused(&["prices", "import", file], 3, &[name, words]);
        refused(&["prices", "list", "--book", file], 3, &[name]);
        refused(&["bill", file, "--model", "deepseek-chat", "--book", CUT], 3, &[name]);
        refused(&["reconcile", file, "--book", CUT], 3, &[name]);
    }
    let list = home.join("list.json");
    let form = ["prices", "import", list.to_str().unwrap(), "--form", "openrouter"];
    refused(&form, 3, &["list.json` is not a book of openrouter"]);
    refused(&["prices", "list", "--book", list.to_str().unwrap()], 3, &["`mtok prices import"]);
}

/// The mark that some editors begin a file with is no part of it.
#[test]
fn a_byte_order_mark_says_nothing() {
    let file = home("mark").join("book.jsonl");
    let book = fs_err::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/",
        "tests/fixtures/prices/deepseek-cut.jsonl"
    ));
    fs_err::write(&file, format!("\u{feff}{}", book.unwrap())).unwrap();
    let asked = |book| printed(&["prices", "list", "--book", book])["entries"].clone();
    assert_eq!(asked(file.to_str().unwrap()), asked(CUT));
}

#[test]
fn a_slip_of_a_name_is_told_from_nothing_found() {
    refused(&["prices", "list", "--provider", "grok"], 2, &["`grok` sells nothing", "`groq`"]);
    let family = ["prices", "show", "llama-3.1-8b"];
    refused(&family, 2, &["is a family of models", "`groq/llama-3.1-8b-instant`"]);
    refused(&["bill", OLD, "--model", "llama-3.1-8b"], 2, &["is a family of models"]);
    refused(&["prices", "diff", "2025-9-28", "2025-09-29"], 3, &["a side is a day, like"]);
    refused(&["prices", "update", "--source", "ftp://a/b"], 2, &["is no `https` address"]);
    let later = ["prices", "import", "no.json", "--date", "2999-01-01"];
    refused(&later, 2, &["`--date`: `2999-01-01` is yet to come"]);
}

#[test]
fn a_usage_is_billed_to_the_digit() {
    let bill = |more: &[&str]| {
        printed(&[&["bill", OLD, "--model", "deepseek-chat", "--book", CUT], more].concat())
    };
    // 400,000 × 0.56 + 600,000 × 0.07 + 100,000 × 1.68 = 0.224 + 0.042 + 0.168.
    let old = bill(&[]);
    assert_eq!(old["bills"][0]["total"], "0.434");
    let lines: Vec<_> = old["bills"][0]["lines"].as_array().unwrap().iter().collect();
    let amounts: Vec<_> = lines.iter().map(|line| line["usd"].as_str().unwrap()).collect();
    assert_eq!(amounts, ["0.224", "0.042", "0.168"]);
    assert_eq!(
        (&old["usage"]["prompt"], &old["usage"]["output"]),
        (&json!(1_000_000), &json!(100_000))
    );
    // The same at the tariff after the cut: 0.112 + 0.0168 + 0.042.
    assert_eq!(bill(&["--at", "2025-10-02"])["bills"][0]["total"], "0.1708");
    // A service that isn't sold is charged at standard prices, and the bill says so.
    let batch = bill(&["--service", "batch"]);
    assert_eq!(batch["bills"][0]["total"], "0.434");
    assert!(
        batch["bills"][0]["applied"][0].as_str().unwrap().contains("standard prices as `batch`")
    );
    let before = ["bill", OLD, "--model", "deepseek-chat", "--book", CUT, "--at", "2024-01-01"];
    refused(&before, 3, &["none of the entries can bill"]);
    refused(
        &["bill", OLD, "--model", "deepseek-chat", "--service", "standard"],
        2,
        &["`--service`"],
    );
    refused(&["bill", OLD, "--model", "no-such-model-at-all", "--book", CUT], 2, &["no price for"]);
    refused(&["bill", OLD], 2, &["--model"]);
}

#[test]
fn a_cut_alone_is_all_price() {
    let both = ["bill", "--difference", OLD, NEW, "--model", "deepseek-chat", "--book", CUT];
    let found = printed(&both);
    let effects = &found["effects"];
    assert_eq!((&effects["old"], &effects["new"]), (&json!("0.434"), &json!("0.1708")));
    assert_eq!(effects["price"], "-0.2632");
    for none in ["volume", "cache", "mix", "terms", "rounding"] {
        assert_eq!(effects[none], "0.00", "{none}");
    }
    refused(&[&both[..], &["--at", "2025-10-01"]].concat(), 2, &["`--at`", "`--difference`"]);
    let three = ["--model", "a", "--model", "b"];
    refused(&[&both[..], &three].concat(), 2, &["one or two `--model`, not 3"]);
}

#[test]
fn mistakes_in_an_invoice_are_named() {
    let found = printed(&["reconcile", INVOICE, "--book", CUT]);
    let differing = found["differing"].as_array().unwrap();
    let named: Vec<_> = differing
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["reasons"].clone(), one["above"].clone()))
        .collect();
    assert_eq!(
        named,
        [
            (2, json!(["at the tariff of 2025-09-05"]), json!("0.2632")),
            (3, json!(["cached input billed as input"]), json!("0.1512")),
            (8, json!([]), json!("0.0305577")),
        ]
    );
    assert_eq!(found["agreeing"], 1);
    assert_eq!(found["unknown"], json!([{ "line": 4, "what": "no-such-model" }]));
    assert_eq!(found["without_amount"], json!([{ "line": 5, "expected": "0.1708" }]));
    assert_eq!(found["failed"][0]["line"], 6);
    assert_eq!(found["usage"]["left_out"], json!([{ "reason": "failed", "count": 1 }]));
}

const LITELLM: &str = r#"{"p/m": {"litellm_provider": "p", "input_cost_per_token": 1.5e-07,
    "output_cost_per_token": 6e-07}}"#;

/// Updates from these servers, and says what became of each.
fn update(home: &Path, servers: &[&Server]) -> Output {
    let sources = servers.iter().flat_map(|server| ["--source", server.url.as_str()]);
    run_in(home, &["prices", "update", "--json"].into_iter().chain(sources).collect::<Vec<_>>())
}

#[test]
fn an_update_asks_again_only_for_what_is_new() {
    let home = home("update");
    let models_dev = include_str!("fixtures/prices/models-dev.json");
    let [one, two] = [serve(200, LITELLM, "\"1\""), serve(200, models_dev, "W/\"2\"")];
    let first = json_of(&update(&home, &[&one, &two]));
    let of = |report: &Value, n: usize| {
        let source = &report["sources"][n];
        (source["unchanged"].clone(), source["import"]["form"].clone())
    };
    assert_eq!(of(&first, 0), (json!(false), json!("litellm")));
    assert_eq!(of(&first, 1), (json!(false), json!("models.dev")));
    assert_eq!(first["sources"][0]["book"]["added"], json!(["p/m"]));
    let again = json_of(&update(&home, &[&one, &two]));
    assert_eq!((of(&again, 0).0, of(&again, 1).0), (json!(true), json!(true)));
    assert_eq!(again["sources"][0]["book"]["same"], 1);
    assert_eq!(one.asked(), ["", "\"1\""]);
    // The book is found by its bare name.
    let shown = ["prices", "show", "p/m", "--book", "book.jsonl", "--json"];
    let card = json_of(&run_in(&home, &shown));
    assert_eq!(in_force(&card)[0], ("input".to_owned(), "0.15".to_owned()));
    // A body that was lost is asked for whole.
    fs_err::remove_dir_all(home.join("prices/sources")).unwrap();
    json_of(&update(&home, &[&one]));
    assert_eq!(one.asked().last().unwrap(), "");
}

#[test]
fn a_source_that_fails_spoils_nothing() {
    let home = home("failing");
    let (good, gone) = (serve(200, LITELLM, "\"1\""), serve(500, "", "\"1\""));
    let page = serve(200, "<html>", "\"1\"");
    let output = update(&home, &[&gone, &good, &page]);
    assert_eq!(output.status.code(), Some(4));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["sources"][0]["failed"].as_str().unwrap().contains("status 500"));
    assert_eq!(report["sources"][1]["book"]["added"], json!(["p/m"]));
    assert!(report["sources"][2]["failed"].as_str().unwrap().contains("is not JSON"));
    // With nothing read, the book stays as it was.
    let book = home.join("prices/book.jsonl");
    let before = fs_err::read_to_string(&book).unwrap();
    let output = update(&home, &[&gone]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(fs_err::read_to_string(&book).unwrap(), before);
    let plain = run_in(&home, &["prices", "update", "--source", "http://example.org/x.json"]);
    assert_eq!(plain.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&plain.stderr).contains("only `https`"));
}
