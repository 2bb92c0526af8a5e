//! What is printed of price books, usage and invoices.

use super::server::serve;
use super::{check, home, printed};
use insta_cmd::get_cargo_bin;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn fixture(name: &str) -> String {
    format!("{FIXTURES}/{name}")
}

/// A LiteLLM book with an entry, one that is refused, a field that is unknown and one that is none
/// of ours.
const LITELLM: &str = r#"{"p/m": {"litellm_provider": "p", "input_cost_per_token": 1.5e-07,
    "output_cost_per_token": 6e-07, "never_heard_of": 1, "supports_vision": true},
    "p/broken": {"litellm_provider": "p", "input_cost_per_token": "a lot"}}"#;

#[test]
fn a_book() {
    let home = home("prices");
    let list = printed(&home, &["prices", "list", "--provider", "groq"]);
    check("price_list", &[list], &[], &[]);
    // One that another book has as well, one that has two tariffs, one with hours.
    let cut = fixture("prices/deepseek-cut.jsonl");
    let shown = ["novita/meta-llama/llama-3.1-8b-instruct", "llama-3.1-8b-instant"]
        .map(|model| printed(&home, &["prices", "show", model]));
    let dated = ["prices", "show", "deepseek-chat", "--book", &cut, "--at", "2025-09-28"];
    let documents = [&shown[..], &[printed(&home, &dated)]].concat();
    check("price", &documents, &[], &[]);
    let diff = ["prices", "diff", "2025-09-28", "2025-09-29", "--book", &cut];
    check("price_diff", &[printed(&home, &diff)], &[], &[]);
}

#[test]
fn an_import() {
    let home = home("prices-import");
    let [file, out] = ["book.json", "out.jsonl"].map(|name| home.join(name));
    fs_err::write(&file, LITELLM).unwrap();
    let [file, out] = [&file, &out].map(|path| path.to_str().unwrap());
    let import = |more: &[&str]| printed(&home, &[&["prices", "import", file], more].concat());
    check("price_import", &[import(&[]), import(&["--out", out])], &[], &[]);
}

#[test]
fn an_update() {
    let home = home("prices-update");
    let (good, gone) = (serve(200, LITELLM, "\"1\""), serve(500, "", "\"1\""));
    check(
        "price_update",
        &[updated(&home, &[&gone.url]), updated(&home, &[&good.url, &gone.url])],
        &[],
        &[],
    );
}

/// What is printed of an update of which a part fails.
fn updated(home: &Path, urls: &[&str]) -> Value {
    let sources = urls.iter().flat_map(|url| ["--source", url]);
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(["prices", "update", "--json"]).args(sources).env("MTOK_HOME", home);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        command.env_remove(name);
    }
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

#[test]
fn bills() {
    let home = home("bills");
    let cut = fixture("prices/deepseek-cut.jsonl");
    let [old, new, invoice] =
        ["old", "new", "invoice"].map(|name| fixture(&format!("usage/{name}.jsonl")));
    let priced = |words: &[&str]| printed(&home, &[words, &["--book", &cut]].concat());
    let forms = || ("form", ["openai", "litellm", "langfuse"].map(|form| json!(form)).to_vec());
    let on = ["--model", "deepseek-chat"];
    // The invoice has a line that is older than the book, which keeps it from being billed; a part
    // of it can at another day's tariff.
    let bills = [
        priced(&[&["bill", &old][..], &on].concat()),
        priced(&[&["bill", &invoice, "--at", "2025-10-02"][..], &on].concat()),
    ];
    check("bill", &bills, &[], &[forms()]);
    let difference = priced(&[&["bill", "--difference", &old, &new][..], &on].concat());
    let effects = difference["effects"].as_object().unwrap();
    assert_eq!(effects.len(), 8);
    let left_out = priced(
        &[&["bill", "--difference", &old, &invoice_of_october(&home, &invoice)][..], &on].concat(),
    );
    check("bill_difference", &[difference, left_out], &[], &[forms()]);
    check("reconciliation", &[priced(&["reconcile", &invoice])], &[], &[forms()]);
}

/// The invoice without the line that no tariff holds for.
fn invoice_of_october(home: &Path, invoice: &str) -> String {
    let text = fs_err::read_to_string(invoice).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("2024-01-01")).collect();
    let file = home.join("october.jsonl");
    fs_err::write(&file, lines.join("\n")).unwrap();
    file.to_str().unwrap().to_owned()
}
