//! The main job from outside, on real weights: what it prints, what it leaves, what kills it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that can't go on ends")]

mod common;

use insta_cmd::get_cargo_bin;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A home with the default model in it, and nothing else.
fn home(name: &str) -> PathBuf {
    let model = common::model("smollm2-135m");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(model.parent().unwrap(), home.join("models")).unwrap();
    home
}

/// The program in that home, with no network and no pip: a model that is here needs neither.
fn mtok(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments).env("MTOK_HOME", home);
    command.env("HF_ENDPOINT", "http://127.0.0.1:9").env("MTOK_PYTHON", "/nonexistent/python");
    command.env_remove("MTOK_PRICE").env_remove("MTOK_CUDA_LIB");
    command
}

fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{said}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

const SHORT: [&str; 11] = [
    "bench",
    "--concurrency",
    "1",
    "--duration",
    "4s",
    "--warmup",
    "1s",
    "--prompt-tokens",
    "32",
    "--output-tokens",
    "8",
];

fn number(value: &Value, pointer: &str) -> f64 {
    let found = value.pointer(pointer).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no number at {pointer} in {value:#}"))
}

#[test]
fn heavy_a_bench_measures_and_its_figures_hang_together() {
    let home = home("bench");
    let output =
        mtok(&home, &[&SHORT[..], &["--price", "3.60/h", "--load", "45%", "--json"]].concat());
    let judged: Value = serde_json::from_str(&succeeded(&{ output }.output().unwrap())).unwrap();
    assert_eq!(judged["schema"], "mtok.bench/1");
    assert_eq!(judged["summary"]["complete"], true);

    // 3.60 USD/h are 0.001 USD/s: the price of a million tokens is 1000 / rate.
    let rate = number(&judged, "/summary/total_rate/value");
    let full = number(&judged, "/costs/0/blended/value");
    assert!((full * rate / 1_000.0 - 1.0).abs() < 1e-9, "{full} USD/Mtok at {rate} tok/s");
    let loads: Vec<f64> =
        judged["costs"].as_array().unwrap().iter().map(|row| number(row, "/load")).collect();
    assert_eq!(loads, [1.0, 0.45, 0.3, 0.1]);
    let tenth = number(&judged, "/costs/3/blended/value");
    assert!((tenth / full - 10.0).abs() < 1e-9);

    // Every request gave what was asked of it.
    let tokens = |kind| number(&judged, &format!("/summary/tokens/{kind}"));
    assert!((tokens("input") / tokens("output") - 4.0).abs() < 0.5);
    assert!(number(&judged, "/summary/occupancy") > 0.5);
    // A price below its floor would be a measurement gone wrong.
    assert_eq!(judged["floor"]["broken"], false);
    assert!(number(&judged, "/floor/measured_over_floor/value") > 1.0);
    assert!(judged["beside"].as_array().unwrap().len() >= 3);

    // The record holds no price, and is judged again at any.
    let record = std::fs::read_to_string(newest(&home).join("run.json")).unwrap();
    assert!(!record.contains("usd"), "{record}");
    let again =
        mtok(&home, &["runs", "show", "last", "--price", "7.20/h", "--json"]).output().unwrap();
    let again: Value = serde_json::from_str(&succeeded(&again)).unwrap();
    assert!((number(&again, "/costs/0/blended/value") / full - 2.0).abs() < 1e-9);
    assert_eq!(again["summary"], judged["summary"]);

    for (format, sign) in
        [("table", "╞"), ("md", "| --- |"), ("csv", "table,load,input,output,blended")]
    {
        let shown = mtok(&home, &["runs", "show", "last", "--format", format]).output().unwrap();
        let shown = succeeded(&shown);
        assert!(shown.contains(sign), "{shown}");
        assert!(format == "csv" || shown.contains("CPU figures"), "{shown}");
    }
}

fn newest(home: &Path) -> PathBuf {
    let runs = std::fs::read_dir(home.join("runs")).unwrap();
    runs.map(|entry| entry.unwrap().path()).max().unwrap()
}

#[test]
fn heavy_a_run_killed_at_any_instant_leaves_a_readable_record() {
    let home = home("killed");
    // A fixed sequence of instants over the whole of a run; the middle of the golden section spreads.
    for round in 0..20_u32 {
        let delay = Duration::from_secs_f64((f64::from(round) * 0.618_034).fract() * 5.5);
        let _ = std::fs::remove_dir_all(home.join("runs"));
        let mut child =
            mtok(&home, &SHORT).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while !home.join("runs").is_dir()
            || std::fs::read_dir(home.join("runs")).unwrap().next().is_none()
        {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it had a record");
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(delay);
        // SIGKILL, on Unix.
        child.kill().unwrap();
        child.wait().unwrap();
        if !newest(&home).join("run.json").is_file() {
            // Killed between making the folder and writing the header: nothing was measured yet.
            assert!(delay < Duration::from_millis(200), "no header after {delay:?}");
            continue;
        }
        let shown = mtok(&home, &["runs", "show", "last", "--json"]).output().unwrap();
        let shown: Value = serde_json::from_str(&succeeded(&shown)).unwrap();
        assert_eq!(shown["summary"]["complete"], false, "killed after {delay:?}");
        let doubts = shown["summary"]["doubts"].to_string();
        assert!(doubts.contains("incomplete") || doubts.contains("nothing_measured"), "{doubts}");
        let listed = succeeded(&mtok(&home, &["runs", "list"]).output().unwrap());
        assert!(listed.contains("incomplete: killed"), "{listed}");
    }
}

/// Three rungs, as short as they can be.
const LADDER: [&str; 12] = [
    "bench",
    "--concurrency",
    "4,1,2",
    "--duration",
    "2s",
    "--warmup",
    "0.1s",
    "--prompt-tokens",
    "16",
    "--output-tokens",
    "4",
    "--json",
];

fn rungs(ladder: &Value) -> &Vec<Value> {
    ladder["rungs"].as_array().unwrap()
}

#[test]
fn heavy_a_ladder_is_climbed_with_one_load_and_judged_again() {
    let home = home("ladder");
    let priced = ["--price", "3.60/h", "--slo", "e2e.p50=1h"];
    let output = mtok(&home, &[&LADDER[..], &priced].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.matches("loading the weights").count(), 1, "{said}");
    assert!(said.contains("2 of 3, 2 at once: measuring"), "{said}");
    let ladder: Value = serde_json::from_str(&succeeded(&output)).unwrap();
    assert_eq!((&ladder["schema"], &ladder["planned"]), (&"mtok.ladder/1".into(), &3.into()));

    let in_flight: Vec<_> = rungs(&ladder).iter().map(|r| number(r, "/level/in_flight")).collect();
    assert_eq!(in_flight, [1.0, 2.0, 4.0]);
    for rung in rungs(&ladder) {
        assert_eq!(rung["complete"], true, "{rung:#}");
        let (rate, price) =
            (number(rung, "/total_rate/value"), number(rung, "/cost/blended/value"));
        assert!((price * rate / 1_000.0 - 1.0).abs() < 1e-9, "{price} USD/Mtok at {rate} tok/s");
        // No step is faster than the machine.
        assert!(number(rung, "/roofline/decode/over_bound") > 1.0, "{rung:#}");
        // Beside others, a prompt may never have a step to itself.
        if number(rung, "/level/in_flight") < 2.0 {
            assert!(number(rung, "/roofline/prefill/over_bound") > 1.0, "{rung:#}");
        }
        // What input and output cost together is what the time cost, over a whole run's mix of 16:4.
        let part = |kind| number(rung, &format!("/cost/{kind}/value"));
        let (input, output) = (part("input"), part("output"));
        let (low, high) = (input.min(output), input.max(output));
        assert!(low <= price && price <= high, "{input}, {output}: {price}");
    }
    // The loosest objective is met wherever there are two requests; the point is one of the rungs.
    let point = number(&ladder, "/point/run/workload/arrivals/in_flight");
    let cheapest = ladder.pointer("/cheapest_within_slo/in_flight");
    assert_eq!(ladder.pointer("/point/run/workload/arrivals/in_flight"), cheapest);
    assert!(in_flight.contains(&point));

    // By the sweep's name, and as the last thing that was done, it is the same.
    let name = ladder["name"].as_str().unwrap();
    for name in [name, "last"] {
        let shown = [&["runs", "show", name, "--json"], &priced[..]].concat();
        let again: Value =
            serde_json::from_str(&succeeded(&mtok(&home, &shown).output().unwrap())).unwrap();
        assert_eq!(again, ladder);
    }
    // A rung by its own name is a run.
    let id = rungs(&ladder)[1]["run"].as_str().unwrap();
    let alone = succeeded(&mtok(&home, &["runs", "show", id, "--json"]).output().unwrap());
    let alone: Value = serde_json::from_str(&alone).unwrap();
    assert_eq!((&alone["schema"], &alone["run"]["id"]), (&"mtok.bench/1".into(), &id.into()));
    assert_eq!(alone["run"]["sweep"]["name"], name);
    let listed = succeeded(&mtok(&home, &["runs", "list"]).output().unwrap());
    assert!(listed.contains(&format!("{name}, 2 of 3")), "{listed}");

    for (format, sign) in [("table", "× bound"), ("md", "| --- |"), ("csv", "table,load,prefill")]
    {
        let shown = mtok(&home, &["runs", "show", name, "--format", format]).output().unwrap();
        let shown = succeeded(&shown);
        assert!(shown.contains(sign), "{shown}");
    }
}

#[test]
fn heavy_a_ladder_killed_in_the_middle_keeps_every_rung_so_far() {
    let home = home("ladder-killed");
    let records = |home: &Path| {
        let runs = std::fs::read_dir(home.join("runs")).into_iter().flatten();
        runs.filter(|run| run.as_ref().unwrap().path().join("run.json").is_file()).count()
    };
    let mut child =
        mtok(&home, &LADDER).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while records(&home) < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before its second rung");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_secs(1));
    child.kill().unwrap();
    child.wait().unwrap();

    let shown = mtok(&home, &["runs", "show", "last", "--json"]).output().unwrap();
    let ladder: Value = serde_json::from_str(&succeeded(&shown)).unwrap();
    assert_eq!((rungs(&ladder).len(), &ladder["planned"]), (2, &3.into()));
    let complete: Vec<_> = rungs(&ladder).iter().map(|rung| rung["complete"] == true).collect();
    assert_eq!(complete, [true, false]);
    // Only the one that came to its end is chosen.
    assert_eq!(ladder.pointer("/cheapest/in_flight"), Some(&1.into()));
    let table = succeeded(&mtok(&home, &["runs", "show", "last"]).output().unwrap());
    assert!(table.contains("2 of 3 rungs") && table.contains("killed"), "{table}");
}

#[test]
fn heavy_a_stopped_run_is_kept_and_says_so() {
    let home = home("stopped");
    let long = ["bench", "--concurrency", "1", "--duration", "60s", "--output-tokens", "8"];
    let mut child =
        mtok(&home, &long).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !home.join("runs").is_dir() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it had a record");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_secs(2));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = succeeded(&mtok(&home, &["runs", "list"]).output().unwrap());
    assert!(listed.contains("incomplete: stopped"), "{listed}");
}

#[test]
fn a_driver_beside_a_binary_without_cuda_is_said_first() {
    let driver = common::library("fake_cuda");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unused-gpu");
    let output =
        mtok(&home, &["bench", "no/such.gguf"]).env("MTOK_CUDA_LIB", driver).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if cfg!(feature = "cuda") {
        assert!(said.starts_with("error: "), "{said}");
    } else {
        assert!(said.starts_with("WARNING: a CUDA driver ("), "{said}");
        assert!(said.contains("make bench"), "{said}");
    }
    assert_eq!(output.status.code(), Some(3));
}
