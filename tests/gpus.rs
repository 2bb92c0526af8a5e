//! `mtok gpus` from outside: sheets, offers, and names that are none.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that can't go on ends")]

use insta_cmd::get_cargo_bin;
use serde_json::Value;
use std::process::{Command, Output};

fn gpus(arguments: &[&str]) -> Output {
    Command::new(get_cargo_bin("mtok")).arg("gpus").args(arguments).output().unwrap()
}

fn document(arguments: &[&str]) -> Value {
    let output = gpus(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The survey's fourteen H100 SXM on demand: 1.49 to 4.76 USD/h, the middle two 2.59 and 2.69.
#[test]
fn an_h100_by_the_name_that_its_driver_gives() {
    let card = document(&["show", "NVIDIA H100 80GB HBM3"]);
    assert_eq!(
        (&card["sheet"]["id"], &card["sheet"]["bf16"]),
        (&"h100-sxm".into(), &989e12.into())
    );
    let rent = &card["rents"]["rents"][0];
    assert_eq!((&rent["kind"], &rent["offers"]), (&"on-demand".into(), &14.into()));
    let figure = |name: &str| rent[name].as_f64().unwrap();
    assert!((figure("median") - 2.64).abs() < 1e-9, "{rent}");
    assert!((figure("low") - 1.49).abs() < 1e-9 && (figure("high") - 4.76).abs() < 1e-9, "{rent}");
}

#[test]
fn what_a_gpu_rents_for_is_the_same_wherever_it_is_said() {
    let (all, one) = (document(&["prices"]), document(&["prices", "l4"]));
    let found = all["gpus"].as_array().unwrap().iter().find(|gpu| gpu["id"] == "l4").unwrap();
    assert_eq!(&one["gpus"][0], found);
    let list = document(&["list"]);
    let row = list["gpus"].as_array().unwrap().iter().find(|gpu| gpu["id"] == "l4").unwrap();
    assert_eq!(row["on_demand"], found["rents"][0]);
}

#[test]
fn a_name_without_its_form_is_refused_with_the_forms() {
    let output = gpus(&["show", "h100"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no GPU `h100`") && said.contains("`h100-pcie`"), "{said}");
}

/// Nobody in the survey offers an A10G: a dash, and words; no zero.
#[test]
fn what_nobody_offers_has_no_price() {
    let card = document(&["show", "a10g"]);
    assert_eq!(card["rents"]["rents"], Value::Array(Vec::new()));
    let said = String::from_utf8(gpus(&["show", "a10g"]).stdout).unwrap();
    assert!(said.contains("Nobody in the survey offers a10g."), "{said}");
}
