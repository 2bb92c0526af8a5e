//! `--owned`: the hour of a machine of one's own, and figures that no machine has.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has to stop")]

use insta_cmd::{assert_cmd_snapshot, get_cargo_bin};
use std::process::Command;

fn mtok(arguments: &[&str]) -> Command {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments).env_remove("MTOK_PRICE");
    command
}

/// 35,040 USD over 35,040 hours and 2 kW × 1.3 at 0.10 USD/kWh are 1.26 USD/h; 350 tok/s are 1.26 M an
/// hour.
#[test]
fn a_machine_of_ones_own_has_its_hour() {
    let figures = "purchase=35040,life=4y,power=2kW,pue=1.3,electricity=0.10/kWh";
    assert_cmd_snapshot!(mtok(&["cost", "--rate", "350tok/s", "--owned", figures]), @"
    success: true
    exit_code: 0
    ----- stdout -----
    Own machine, 1.26 USD/h: 1.00 of it depreciation (35,040 USD over 4.0 years), 0.26 energy (2000 W × 1.3 at 0.1 USD/kWh). Not counted: what the money costs; space, network and hands.

    ┌──────┬──────────┐
    │ load ┆ USD/Mtok │
    ╞══════╪══════════╡
    │ 100% ┆ 1.000000 │
    └──────┴──────────┘

    ----- stderr -----
    ");
    // Names that have their unit in them take a bare number.
    let named = "capex=35040,years=4,watts=2000,pue=1.3,kwh=0.10";
    let same =
        |figures| mtok(&["cost", "--rate", "350tok/s", "--owned", figures]).output().unwrap();
    assert_eq!(same(figures).stdout, same(named).stdout);
}

#[track_caller]
fn refused(arguments: &[&str], says: &[&str]) {
    let output = mtok(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for words in says {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
}

#[test]
fn a_machine_that_can_t_be_is_refused() {
    let owned = |figures: &'static str, says: &[&str]| {
        refused(&["cost", "--rate", "1tok/s", "--owned", figures], says);
    };
    let all = "purchase=1,life=4y,power=700W,pue=1.3,electricity=0.1/kWh";
    owned("purchase=35000,life=4y,pue=1.3,electricity=0.1/kWh", &["`--owned`: `power` is missing"]);
    owned("purchase=1,life=4", &["`power` is missing", "hint: write it like `purchase=35000,"]);
    owned("", &["`` is no name and value"]);
    owned("price=1", &["`price` is no figure of a machine"]);
    owned("purchase=35,000", &["`000` is no name and value"]);
    owned("purchase=1,capex=2", &["`purchase` stands twice"]);
    owned(
        "purchase=1,life=4,power=700W,pue=1.3,electricity=0.1/kWh",
        &["`--owned life`: `4`", "hint: write it like `4y`"],
    );
    owned(
        "purchase=1,life=4y,power=700W,pue=0.9,electricity=0.1/kWh",
        &["`pue`: `0.9`", "1 at least"],
    );
    owned("purchase=1,life=0y,power=700W,pue=1.1,electricity=0.1/kWh", &["`life`: `0 s`"]);
    owned(
        "purchase=1e300,life=4y,power=1W,pue=1.1,electricity=0.1/kWh",
        &["than any machine costs"],
    );
    let both = ["cost", "--rate", "1tok/s", "--price", "2/h", "--owned", all];
    refused(&both, &["`--price` says what a machine rents for, and `--owned` that it is yours"]);
    let rented = ["cost", "--rate", "1tok/s", "--rented", "5h", "--owned", all];
    refused(&rented, &["`--rented` says how long a machine is rented"]);
    // A number below zero is no flag.
    refused(&["cost", "--price", "-2.5/h", "--rate", "1tok/s"], &["it is negative"]);
    refused(&["cost", "--price", "1e10/h", "--rate", "1tok/s"], &["more than any machine costs"]);
}
