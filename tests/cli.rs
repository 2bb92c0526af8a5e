//! The program from outside, where nothing is measured: whole outputs, exit codes.

use insta_cmd::{assert_cmd_snapshot, get_cargo_bin};
use std::process::Command;

/// The program with a home of its own, and nothing of this user's environment that it would read.
fn mtok(arguments: &[&str]) -> Command {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments);
    for name in ["MTOK_PRICE", "MTOK_CUDA_LIB", "MTOK_NVML_LIB", "HF_ENDPOINT"] {
        command.env_remove(name);
    }
    command.env("MTOK_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-home"));
    command
}

#[test]
fn the_worked_case() {
    let loads = ["cost", "--price", "2.50/h", "--rate", "185tok/s", "--load", "100%,30%,10%"];
    assert_cmd_snapshot!(mtok(&loads), @"");
}

#[test]
fn the_published_figure_is_audited() {
    let claim = [
        "cost",
        "--price",
        "2.50/h",
        "--rate",
        "185tok/s",
        "--load",
        "100%,30%,10%",
        "--claim",
        "0.0038/Mtok",
    ];
    assert_cmd_snapshot!(mtok(&claim), @"");
}

#[test]
fn a_budget_is_exact_and_its_claim_caught() {
    let vision =
        ["cost", "--workload", "10M:5M", "--token-price", "5e-6/tok:1.6e-5/tok", "--claim", "0.13"];
    assert_cmd_snapshot!(mtok(&vision), @"");
}

#[test]
fn the_other_two_budgets() {
    let distill =
        ["cost", "--workload", "10M:5M", "--token-price", "5e-8/tok:5e-8/tok", "--format", "csv"];
    assert_cmd_snapshot!(mtok(&distill), @"");
    let coder =
        ["cost", "--workload", "10M:5M", "--token-price", "6e-8/tok:2e-7/tok", "--format", "md"];
    assert_cmd_snapshot!(mtok(&coder), @"");
}

#[test]
fn an_error_of_the_rate_comes_through_and_a_sitting_has_its_bill() {
    let sitting = [
        "cost",
        "--price",
        "2.50/h",
        "--rate",
        "185±5tok/s",
        "--rented",
        "4.5h",
        "--start-up",
        "12min",
        "--billing",
        "hour",
    ];
    assert_cmd_snapshot!(mtok(&sitting), @"");
}

#[test]
fn json_names_its_schema() {
    assert_cmd_snapshot!(mtok(&["cost", "--price", "3.6/h", "--rate", "1ktok/s", "--json"]), @"");
}

#[test]
fn a_number_without_a_unit_is_refused_with_an_example() {
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2.50", "--rate", "185tok/s"]), @"");
}

#[test]
fn flags_that_contradict_or_lack_each_other_are_refused() {
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2.50/h"]), @"");
    assert_cmd_snapshot!(mtok(&["cost", "--workload", "10M:5M"]), @"");
    let both = ["cost", "--workload", "1:1", "--token-price", "1/tok:1/tok", "--price", "2/h"];
    assert_cmd_snapshot!(mtok(&both), @"");
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2/h", "--rate", "1tok/s", "--billing", "hour"]), @"");
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2/h", "--rate", "1tok/s", "--load", "0%"]), @"");
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2/h", "--rate", "0tok/s"]), @"");
}

#[test]
fn a_bench_that_can_t_be_is_refused_before_anything_is_fetched() {
    assert_cmd_snapshot!(mtok(&["bench", "smolm2"]), @"");
    assert_cmd_snapshot!(mtok(&["bench", "no/such.gguf"]), @"");
    assert_cmd_snapshot!(mtok(&["bench", "--output-tokens", "0"]), @"");
    assert_cmd_snapshot!(mtok(&["bench", "--in-flight", "0"]), @"");
    assert_cmd_snapshot!(mtok(&["bench", "--duration", "40"]), @"");
    assert_cmd_snapshot!(mtok(&["bench", "--temperature", "-1"]), @"");
    assert_cmd_snapshot!(mtok(&["bench", "--price", "cheap"]), @"");
}

#[test]
fn a_file_that_is_no_model_is_input_gone_wrong() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/no-model.gguf");
    std::fs::write(path, b"This is no model.").unwrap();
    let output = mtok(&["bench", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: ") && said.contains("no-model.gguf"), "{said}");
}

#[test]
fn models_are_listed_and_shown() {
    assert_cmd_snapshot!(mtok(&["models", "list"]), @"");
    assert_cmd_snapshot!(mtok(&["models", "show", "llama-3.1-8b"]), @"");
    assert_cmd_snapshot!(mtok(&["models", "verify", "smollm2"]), @"");
}

#[test]
fn no_runs_yet() {
    assert_cmd_snapshot!(mtok(&["runs", "list"]), @"");
    assert_cmd_snapshot!(mtok(&["runs", "show", "last"]), @"");
}
