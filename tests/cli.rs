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

/// Snapshots hold no folder of this machine.
fn without_folders() -> impl Drop {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(env!("CARGO_TARGET_TMPDIR"), "[TMP]");
    settings.bind_to_scope()
}

#[test]
fn the_worked_case() {
    let loads = ["cost", "--price", "2.50/h", "--rate", "185tok/s", "--load", "100%,30%,10%"];
    assert_cmd_snapshot!(mtok(&loads), @"
    success: true
    exit_code: 0
    ----- stdout -----
    ┌──────┬───────────┐
    │ load ┆  USD/Mtok │
    ╞══════╪═══════════╡
    │ 100% ┆  3.753754 │
    │ 30%  ┆ 12.512513 │
    │ 10%  ┆ 37.537538 │
    └──────┴───────────┘

    ----- stderr -----
    ");
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
    assert_cmd_snapshot!(mtok(&claim), @"
    success: true
    exit_code: 0
    ----- stdout -----
    ┌──────┬───────────┐
    │ load ┆  USD/Mtok │
    ╞══════╪═══════════╡
    │ 100% ┆  3.753754 │
    │ 30%  ┆ 12.512513 │
    │ 10%  ┆ 37.537538 │
    └──────┴───────────┘

    claim 0.0038: too low, off by a factor 987.8; right is 3.753754 at 100% load
    this is the price per thousand tokens: the right figure with that slip is 0.003754, which prints as 0.0038

    ----- stderr -----
    ");
}

#[test]
fn a_budget_is_exact_and_its_claim_caught() {
    let vision =
        ["cost", "--workload", "10M:5M", "--token-price", "5e-6/tok:1.6e-5/tok", "--claim", "0.13"];
    assert_cmd_snapshot!(mtok(&vision), @"
    success: true
    exit_code: 0
    ----- stdout -----
    ┌──────────┬────────────┬──────────┬────────┐
    │          ┆     tokens ┆ USD/Mtok ┆    USD │
    ╞══════════╪════════════╪══════════╪════════╡
    │ input    ┆ 10,000,000 ┆        5 ┆  50.00 │
    │ output   ┆  5,000,000 ┆       16 ┆  80.00 │
    │ together ┆ 15,000,000 ┆          ┆ 130.00 │
    └──────────┴────────────┴──────────┴────────┘

    claim 0.13: too low, off by a factor 1000; right is 130.0000
    this is the bill for a thousandth of the tokens: thousands taken for millions: the right figure with that slip is 0.1300, which prints as 0.13

    ----- stderr -----
    ");
}

#[test]
fn the_other_two_budgets() {
    let distill =
        ["cost", "--workload", "10M:5M", "--token-price", "5e-8/tok:5e-8/tok", "--format", "csv"];
    assert_cmd_snapshot!(mtok(&distill), @r#"
    success: true
    exit_code: 0
    ----- stdout -----
    table,,tokens,USD/Mtok,USD
    ,input,"10,000,000",0.05,0.50
    ,output,"5,000,000",0.05,0.25
    ,together,"15,000,000",,0.75

    ----- stderr -----
    "#);
    let coder =
        ["cost", "--workload", "10M:5M", "--token-price", "6e-8/tok:2e-7/tok", "--format", "md"];
    assert_cmd_snapshot!(mtok(&coder), @"
    success: true
    exit_code: 0
    ----- stdout -----
    |  | tokens | USD/Mtok | USD |
    | --- | --- | --- | --- |
    | input | 10,000,000 | 0.06 | 0.60 |
    | output | 5,000,000 | 0.2 | 1.00 |
    | together | 15,000,000 |  | 1.60 |

    ----- stderr -----
    ");
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
    assert_cmd_snapshot!(mtok(&sitting), @"
    success: true
    exit_code: 0
    ----- stdout -----
    billed 5.00 h, 12.50 USD, of which 4.30 h can deliver tokens: 2.9070 USD/h

    ┌──────┬─────────────┐
    │ load ┆    USD/Mtok │
    ╞══════╪═════════════╡
    │ 100% ┆ 4.36 ± 0.12 │
    └──────┴─────────────┘

    ----- stderr -----
    ");
}

#[test]
fn json_names_its_schema() {
    assert_cmd_snapshot!(mtok(&["cost", "--price", "3.6/h", "--rate", "1ktok/s", "--json"]), @r#"
    success: true
    exit_code: 0
    ----- stdout -----
    {
      "schema": "mtok.cost/1",
      "machine": {
        "price": 3.6,
        "rate": {
          "value": 1000.0,
          "interval": null
        },
        "costs": [
          {
            "load": 1.0,
            "cost": {
              "value": 1.0,
              "interval": null
            }
          }
        ]
      }
    }

    ----- stderr -----
    "#);
}

#[test]
fn a_number_without_a_unit_is_refused_with_an_example() {
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2.50", "--rate", "185tok/s"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--price`: `2.50` is not a rental price: a bare number is ambiguous here, it needs a unit

    hint: write it like `2.50/h`
    ");
}

#[test]
fn flags_that_contradict_or_lack_each_other_are_refused() {
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2.50/h"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--rate` is missing: it is needed with a price

    hint: add `--rate 185tok/s`
    ");
    assert_cmd_snapshot!(mtok(&["cost", "--workload", "10M:5M"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--token-price` is missing: it is needed with `--workload`

    hint: add `--token-price 5e-6/tok:1.6e-5/tok`
    ");
    let both = ["cost", "--workload", "1:1", "--token-price", "1/tok:1/tok", "--price", "2/h"];
    assert_cmd_snapshot!(mtok(&both), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--price` speaks of a machine and `--workload` of a bill

    hint: ask for one of them at a time
    ");
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2/h", "--rate", "1tok/s", "--billing", "hour"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--rented` is missing: it is needed with `--billing`

    hint: add `--rented 5h`
    ");
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2/h", "--rate", "1tok/s", "--load", "0%"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--load`: `0%` is not a load: it must be above 0% and at most 100%

    hint: load is the mean rate over the paid time divided by the rate at the operating point; more than the point can do needs another point
    ");
    assert_cmd_snapshot!(mtok(&["cost", "--price", "2/h", "--rate", "0tok/s"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--rate`: `0tok/s` is not a rate that a price can be divided by

    hint: no tokens have no price; give a rate above 0
    ");
}

#[test]
fn a_bench_that_can_t_be_is_refused_before_anything_is_fetched() {
    assert_cmd_snapshot!(mtok(&["bench", "smolm2"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: no model `smolm2`

    hint: did you mean `smollm2`?
    ");
    assert_cmd_snapshot!(mtok(&["bench", "no/such.gguf"]), @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: `no/such.gguf` is not a file

    hint: pass the path of a GGUF file, or of a folder with a model's safetensors
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--output-tokens", "0"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--output-tokens`: `0`: a length of 0 tokens can't be measured

    hint: write it like `128`, `100..200` or `lognormal:800,0.7,4096` (median, sigma, most)
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--concurrency", "4,0"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--concurrency`: `0` is not from 1 to 4096
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--engine", "reference", "--concurrency", "1,4"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--concurrency`: `4` is more than the reference engine runs at once

    hint: it runs one request at a time: `--concurrency 1`, or leave `--engine` out
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--engine", "reference", "--threads", "1"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--threads` says nothing to the reference engine

    hint: its library looks at the environment: `RAYON_NUM_THREADS`
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--slo", "itl=50ms"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--slo`: `itl` is not a latency that objectives can be set for

    hint: there are `ttft`, `tpot` and `e2e`
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--slo", "ttft.p95=500"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--slo`: `500` is not a length of time: a bare number is ambiguous here, it needs a unit

    hint: write it like `500ms`
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--duration", "40"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--duration`: `40` is not a length of time: a bare number is ambiguous here, it needs a unit

    hint: write it like `500ms`
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--temperature", "-1"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `temperature` is `-1`

    hint: `temperature` must be a number from 0
    ");
    assert_cmd_snapshot!(mtok(&["bench", "--price", "cheap"]), @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `--price`: `cheap` is not a rental price: it does not start with a number

    hint: write it like `2.50/h`
    ");
}

#[test]
fn what_can_t_be_printed_is_refused() {
    let absurd = mtok(&["cost", "--price", "1e308/h", "--rate", "1e-5tok/s"]).output().unwrap();
    assert_eq!(absurd.status.code(), Some(2));
}

#[test]
fn a_file_that_is_no_model_is_input_gone_wrong() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/no-model.gguf");
    fs_err::write(path, b"This is no model.").unwrap();
    let output = mtok(&["bench", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: ") && said.contains("no-model.gguf"), "{said}");
}

#[test]
fn models_are_listed_and_shown() {
    let _folders = without_folders();
    assert_cmd_snapshot!(mtok(&["models", "list"]), @"
    success: true
    exit_code: 0
    ----- stdout -----
    ┌────────────────────┬─────────────────────────────┬─────────┬───────────┬──────┬─────────────────────────────┬────────────────────────────────────────────────────────────────────┐
    │ name               ┆ model                       ┆ weights ┆      size ┆ here ┆ licence                     ┆ runs                                                               │
    ╞════════════════════╪═════════════════════════════╪═════════╪═══════════╪══════╪═════════════════════════════╪════════════════════════════════════════════════════════════════════╡
    │ smollm2-135m       ┆ SmolLM2 135M Instruct       ┆ Q4_1    ┆  92.1 MiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ qwen2.5-coder-0.5b ┆ Qwen2.5 Coder 0.5B Instruct ┆ Q4_K_M  ┆ 463.0 MiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ gemma-3-270m       ┆ Gemma 3 270M (base)         ┆ Q4_K_M  ┆ 235.2 MiB ┆      ┆ Gemma Terms of Use          ┆ yes                                                                │
    │ llama-3.1-8b       ┆ Llama 3.1 8B Instruct       ┆ Q4_K_M  ┆   4.6 GiB ┆      ┆ Llama 3.1 Community License ┆ yes                                                                │
    │ mistral-7b         ┆ Mistral 7B Instruct v0.3    ┆ Q4_K_M  ┆   4.1 GiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ llama-3.3-70b      ┆ Llama 3.3 70B Instruct      ┆ Q4_K_M  ┆  40.2 GiB ┆      ┆ Llama 3.3 Community License ┆ yes                                                                │
    │ qwen3-8b           ┆ Qwen3 8B                    ┆ Q4_K_M  ┆   4.7 GiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ qwen3-32b          ┆ Qwen3 32B                   ┆ Q4_K_M  ┆  18.7 GiB ┆      ┆ Apache-2.0                  ┆ yes                                                                │
    │ gemma-3-27b        ┆ Gemma 3 27B IT              ┆ Q4_K_M  ┆  15.4 GiB ┆      ┆ Gemma Terms of Use          ┆ yes                                                                │
    │ gpt-oss-20b        ┆ gpt-oss 20B                 ┆ MXFP4   ┆  12.8 GiB ┆      ┆ Apache-2.0                  ┆ not yet: the engine has no code for the architecture `gpt-oss` yet │
    └────────────────────┴─────────────────────────────┴─────────┴───────────┴──────┴─────────────────────────────┴────────────────────────────────────────────────────────────────────┘

    ----- stderr -----
    ");
    assert_cmd_snapshot!(mtok(&["models", "show", "llama-3.1-8b"]), @"
    success: true
    exit_code: 0
    ----- stdout -----
    llama-3.1-8b
    ┌───────────────────┬──────────────────────────────────────────────────────────────────────┐
    │                   ┆                                                                      │
    ╞═══════════════════╪══════════════════════════════════════════════════════════════════════╡
    │ model             ┆ Llama 3.1 8B Instruct                                                │
    │ licence           ┆ Llama 3.1 Community License, https://www.llama.com/llama3_1/license/ │
    │ sha256            ┆ —                                                                    │
    │ architecture      ┆ llama                                                                │
    │ parameters        ┆ 8,030,261,248, of which 7,504,924,672 work on a token                │
    │ weights           ┆ Q4_K_M, 4.6 GiB                                                      │
    │ read at each step ┆ 4.3 GiB                                                              │
    │ shape             ┆ 32 layers, width 4096, 32 heads of 128, 8 for keys and values        │
    │ vocabulary        ┆ 128,256                                                              │
    │ context           ┆ 131,072                                                              │
    │ chat template     ┆ —                                                                    │
    │ runs              ┆ yes                                                                  │
    └───────────────────┴──────────────────────────────────────────────────────────────────────┘

    the engine leaves out Llama 3.1's scaling of rotary positions: speed is the same, text may differ from other engines'

    (from the manifest: the file is not here)

    ----- stderr -----
    ");
    assert_cmd_snapshot!(mtok(&["models", "verify", "smollm2"]), @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: `smollm2` is not here: no `[TMP]/no-home/models/smollm2-135m-instruct-q4_1.gguf`

    hint: `mtok models fetch smollm2`
    ");
}

#[test]
fn no_runs_yet() {
    let _folders = without_folders();
    assert_cmd_snapshot!(mtok(&["runs", "list"]), @"
    success: true
    exit_code: 0
    ----- stdout -----
    no runs yet: `mtok bench` makes one

    ----- stderr -----
    ");
    assert_cmd_snapshot!(mtok(&["runs", "show", "last"]), @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: no run in `[TMP]/no-home/runs`

    hint: `mtok bench` makes one
    ");
}
