//! Attribution on real runs: what the steps of an engine tell, adds up, and holds for other workloads.
//!
//! Sums are asserted. How near the fits come hangs on how quiet this machine is: that is printed, and
//! held to a bar only where no noise explains a miss.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where it can't go on, and says what it saw"
)]

mod common;

use insta_cmd::get_cargo_bin;
use mtok::cost::{Attributed, Evidence, Load, attribute};
use mtok::record::Run;
use mtok::store;
use mtok::summary::fit_steps;
use mtok::units::{Quantity, UsdPerHour};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Half of the requests share a prefix; lengths vary, so that the mix does.
const VARIED: &[&str] =
    &["--concurrency", "8", "--prompt-tokens", "16..240", "--output-tokens", "8..72"];

fn home() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("attribution");
    let _ = fs_err::remove_dir_all(&home);
    fs_err::create_dir_all(&home).unwrap();
    home
}

/// Runs SmolLM2 and reads the record back.
fn run(home: &Path, args: &[&str]) -> Run {
    let mut mtok = Command::new(get_cargo_bin("mtok"));
    mtok.arg("bench").arg(common::model("smollm2-135m")).args(args);
    mtok.args(["--warmup", "2s", "--duration", "15s", "--price", "3.60/h", "--json"]);
    let out = mtok.env("MTOK_HOME", home).env_remove("MTOK_PRICE").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let judged: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    store::read(&home.join("runs").join(judged["run"]["id"].as_str().unwrap())).unwrap()
}

#[test]
fn heavy_a_run_of_mixed_lengths_and_shared_prefixes_adds_up() {
    let home = home();
    let varied = run(&home, &[VARIED, &["--prefix", "96@50%"]].concat());
    let fit = fit_steps(&varied);

    let attributed = attribute(&varied, Evidence::default()).unwrap();
    let Attributed::Told(attribution) = attributed else { panic!("{attributed:?}") };
    let hour = UsdPerHour(3.6);
    let prices = attribution.prices(hour, Load::FULL);
    let kinds = [
        (&attribution.uncached, &prices.uncached),
        (&attribution.cached, &prices.cached),
        (&attribution.output, &prices.output),
    ];
    let priced: f64 = kinds
        .iter()
        .filter_map(|(part, price)| Some(part.tokens.get() * price.at_load?.value.get() / 1e6))
        .sum();
    let paid = hour.get() / 3_600.0 * attribution.window.get();
    println!("told by {:?}", attribution.told_by);
    println!("{priced:.8} USD of {paid:.8}: off by {:.2e}", (priced / paid - 1.0).abs());
    assert!((priced / paid - 1.0).abs() < 1e-3, "{priced} of {paid}");
    assert!(attribution.cached.tokens.0 > 0, "nothing was shared");

    for (kind, fit) in [("prefill", &fit.prefill), ("decode", &fit.decode), ("mixed", &fit.mixed)] {
        match fit {
            Some(fit) => println!(
                "{kind}: {} steps, the median of {} held out is off by {:.1} %",
                fit.fitted,
                fit.held_out,
                fit.held_out_median.get() * 100.0
            ),
            None => println!("{kind}: too few steps"),
        }
    }
    let decode = fit.decode.as_ref().unwrap();
    assert!(decode.held_out_median.get() < 0.5, "the fit tells nothing: {decode:?}");

    let others: [&[&str]; 2] = [
        &["--concurrency", "4", "--prompt-tokens", "128", "--output-tokens", "32", "--seed", "7"],
        &["--rate", "6/s", "--prompt-tokens", "32..160", "--output-tokens", "16..48", "--seed", "8"],
    ];
    for other in others {
        let fresh = run(&home, other);
        let window = fresh.measured().unwrap();
        let steps = fresh.steps.iter().filter(|step| window.holds(step.span.from));
        let told = fit.predict(steps);
        let error = told.error().unwrap();
        println!(
            "{other:?}: {:.3} s predicted, {:.3} s measured: {:+.1} %; {} steps, {} of no fit",
            told.predicted.get(),
            told.measured.get(),
            error.get() * 100.0,
            told.steps,
            told.untold
        );
        assert!(told.untold * 10 < told.steps, "{told:?}");
        assert!(error.get().abs() < 0.5, "the fit holds for no other workload: {told:?}");
    }
}
