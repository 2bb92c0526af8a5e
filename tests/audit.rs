//! `mtok audit` from outside: what it says of the claims that it ships, and of a list of one's own.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that can't go on ends")]

use insta_cmd::get_cargo_bin;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn audit(arguments: &[&str]) -> Output {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.arg("audit").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A list in a file of its own.
fn list(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs_err::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The verdicts of COST_MODEL.md section 1: two claims of nine are as they should be or can't be told,
/// the others each have a name.
#[test]
fn every_known_slip_of_the_shipped_list_is_named() {
    let output = audit(&["--json"]);
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdict = |claim: &Value| {
        let verdict = &claim["audit"]["verdict"];
        let slip = verdict["slipped"]["slip"].as_str().or(verdict.as_str()).unwrap();
        format!("{}: {slip}", claim["id"].as_str().unwrap())
    };
    let found: Vec<_> = document["claims"].as_array().unwrap().iter().map(verdict).collect();
    let want = [
        "full-load: per_thousand",
        "load-of-30: per_thousand",
        "load-of-10: per_thousand",
        "distill-table: right",
        "distill-summary: unexplained",
        "vision-table: bill_of_thousands",
        "vision-summary: input_at_output_price",
        "coder-table: bill_of_thousands",
        "coder-summary: input_only",
    ];
    assert_eq!(found, want);
}

#[test]
fn the_table_names_slips_in_words_and_says_where_claims_are_from() {
    let output = audit(&[]);
    let said = text(&output.stdout);
    for words in ["3.753754", "987.8, too low", "the price per thousand tokens", "read 2026-11-22"]
    {
        assert!(said.contains(words), "`{words}` is not in\n{said}");
    }
    assert!(said.trim_end().ends_with("1 of 9 claims are right."), "{said}");
}

/// 2.50 USD/h over 185 tok/s are 3.753754 USD/Mtok; an eighth of it is 0.469.
#[test]
fn a_list_of_ones_own() {
    let claim = r#"
        [[claim]]
        id = "node"
        says = "eight GPUs at 2.50 USD/h"
        source = "a page"
        date = "2026-11-22"
        claimed = "0.469/Mtok"
        price = "2.50/h"
        rate = "185tok/s"
        gpus = 8
    "#;
    let output = audit(&[&list("audit-own.toml", claim), "--format", "csv"]);
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("node,0.469,3.753754,USD/Mtok,"), "{said}");

    let bad = list("audit-bad.toml", &claim.replace("185tok/s", "185"));
    let output = audit(&[&bad]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("claim `node`, `rate`: `185`") && said.contains("hint:"), "{said}");

    let output = audit(&["no-such-list.toml"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no-such-list.toml"));
}
