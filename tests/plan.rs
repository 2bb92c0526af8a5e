//! `mtok plan` from outside: a public trace on the example profile, errors, the same twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has to stop")]

use insta_cmd::get_cargo_bin;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const TRACE: &str = "tests/fixtures/traces/azure-conv-2023.csv";
const PROFILE: &str = "tests/fixtures/plan/llama-3.1-8b-h100.json";

/// The machine that every plan here is on.
const MACHINE: [&str; 6] = ["plan", "--trace", TRACE, "--profile", PROFILE, "--kv-tokens=400k"];

fn ran(arguments: &[&str]) -> Output {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("MTOK_PRICE").env("MTOK_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no"));
    command.output().unwrap()
}

/// A plan's JSON.
fn planned(more: &[&str]) -> Value {
    let output = ran(&[&MACHINE, more, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{more:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it costs adds up, to the last digits of an `f64`.
fn lines_add_up(plan: &Value) {
    let bill = |name: &str| plan["outcome"]["bill"][name].as_f64().unwrap();
    let lines = ["input", "output", "idle", "start_up", "rounding"].map(bill);
    let sum: f64 = lines.iter().sum();
    assert!((sum - bill("total")).abs() < 1e-9 * bill("total"), "{lines:?}");
}

#[test]
fn azures_conversations_on_an_h100() {
    let asked = ["--price=2.50/h", "--slo=ttft<=2s,tpot<=50ms", "--as-of=2026-11-20"];
    let asked = [&asked[..], &["--api=llama-3.1-8b"]].concat();
    let plan = planned(&asked);
    assert_eq!(plan, planned(&asked), "the same twice");
    lines_add_up(&plan);
    // The trace's own sums, by `awk -F, 'NR>1{i+=$2;o+=$3}END{print i,o}'`.
    let delivered = &plan["outcome"]["delivered"];
    assert_eq!((&delivered["input"], &delivered["output"]), (&180_695.into(), &47_050.into()));
    assert_eq!(plan["outcome"]["fleet"]["size"]["nodes"], 1);
    assert_eq!(plan["outcome"]["kept"]["answer"], "met");
    // 64.3 s and less than another second are 65 s at 2.50 USD/h.
    let total = plan["outcome"]["bill"]["total"].as_f64().unwrap();
    assert!((total - 65.0 * 2.5 / 3600.0).abs() < 1e-9, "{total}");
    // By hand: 180,695 tokens at 0.05 and 47,050 at 0.08 USD/Mtok are 0.01279875 USD.
    let apis = plan["apis"]["billed"].as_array().unwrap();
    let groq = apis.iter().find(|api| api["entry"] == "groq/llama-3.1-8b-instant").unwrap();
    assert_eq!(groq["total"], "0.01279875");
    assert_eq!(groq["caching"], "nothing_shared");
    let totals: Vec<f64> =
        apis.iter().map(|api| api["total"].as_str().unwrap().parse().unwrap()).collect();
    assert!(totals.is_sorted(), "{totals:?}");
}

/// A machine costs what it costs, in a node or alone; a node is paid whole.
#[test]
fn nodes_are_paid_whole() {
    let cost = |more: &[&str]| {
        let plan = planned(&[&["--price=2.50/h", "--machines=1"], more].concat());
        plan["outcome"]["bill"]["total"].as_f64().unwrap()
    };
    let (alone, whole) = (cost(&[]), cost(&["--node-gpus=8"]));
    // Eight machines may be done a second or two earlier.
    assert!((7.5..8.1).contains(&(whole / alone)), "{whole} {alone}");
    assert!(cost(&["--billing=hour"]) > 2.49);
}

/// A fleet that scales and loses nodes is the same for a seed, and says that its day is made up.
#[test]
fn a_synthetic_day_says_so() {
    let asked = ["--price=2.50/h", "--trace-speed=0.01", "--day-night", "--slo=ttft<=5s"];
    let fleet = ["--fleet=autoscale", "--start-up=3min", "--spot=0.5/h", "--seed=7"];
    let asked = [asked, fleet].concat();
    let day = planned(&asked);
    assert_eq!(day, planned(&asked), "the same twice");
    assert_eq!(day["outcome"]["synthetic"]["swing"], 0.6);
    assert_eq!(day["outcome"]["windows"].as_array().unwrap().len(), 24);
    assert!(day["outcome"]["interruptions"].as_u64().unwrap() > 0);
    lines_add_up(&day);
    let words = ran(&[&MACHINE[..], &asked].concat());
    assert!(String::from_utf8_lossy(&words.stdout).contains("SYNTHETIC"));
}

#[track_caller]
fn refused(more: &[&str], code: i32, says: &str) {
    let output = ran(&[&MACHINE, more].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "{said}");
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let price = "--price=2.50/h";
    refused(&[price], 2, "`--machines auto` looks for the fewest that keep to `--slo`");
    refused(&[price, "--machines=0"], 2, "`--machines`: `0` is no number of machines");
    refused(&[price, "--machines=1", "--in-flight=4"], 2, "`--in-flight` says nothing");
    refused(&[price, "--fleet=autoscale"], 2, "`--fleet autoscale` scales by");
    refused(&[price, "--machines=1", "--spot=often"], 2, "`--spot`: `often` is no rate");
    refused(&[price, "--machines=1", "--gpus=3", "--node-gpus=8"], 2, "no whole number");
    refused(&[price, "--machines=1", "--day-night=2"], 2, "`--day-night`: `2`");
    refused(&[price, "--machines=1", "--as-of=today"], 2, "`--as-of`: `today` is not a day");
    refused(&[price, "--machines=1", "--as-of=2026-11-20T23:00-05"], 2, "is not a day");
    refused(&[price, "--machines=1", "--api=lama-3.1-8c"], 2, "`--api`");
    refused(&["--price=0/h", "--machines=1"], 2, "`--price`");
    refused(&[price, "--slo=ttft<=1ms"], 2, "alone on the machine misses");
    let run = ["plan", "--trace", TRACE, "--kv-tokens=1k", price];
    assert_eq!(ran(&run).status.code(), Some(2), "neither a profile nor a run");
}

#[test]
fn a_profile_that_is_none_is_named() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plan");
    fs_err::create_dir_all(&folder).unwrap();
    let path = folder.join("profile.json");
    let path_text = path.to_str().unwrap();
    let plan = |text: &str| {
        fs_err::write(&path, text).unwrap();
        let machine = ["plan", "--trace", TRACE, "--kv-tokens=1k", "--machines=1"];
        let output = ran(&[&machine[..], &["--price=1/h", "--profile", path_text]].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = plan("{}");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("is no profile") && said.contains("mtok runs profile"), "{said}");
    let nothing = r#"{"name":"n","source":"s","prefill":{"step":1},"decode":{"step":0},
        "mixed":{"step":1}}"#;
    let (code, said) = plan(nothing);
    assert_eq!((code, said.contains("gives decode steps no time")), (Some(3), true), "{said}");
}
