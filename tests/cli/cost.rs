//! `mtok cost` from outside: worked cases, whole, and what is refused.

use super::mtok;
use insta_cmd::assert_cmd_snapshot;

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
fn what_can_t_be_printed_is_refused() {
    let absurd = mtok(&["cost", "--price", "1e308/h", "--rate", "1e-5tok/s"]).output().unwrap();
    assert_eq!(absurd.status.code(), Some(2));
}
