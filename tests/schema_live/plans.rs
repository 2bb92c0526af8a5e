//! Plans of the example profile, and every word that one may hold.

use std::path::Path;

use mtok::cost::Grain;
use mtok::plan::{Caching, Derived, Router};
use serde_json::Value;

use crate::{check, journal, printed, variants};

const PROFILE: &str = "plan/llama-3.1-8b-h100.json";

/// The public trace's beginning on the example profile.
fn planned(home: &Path, more: &[&str]) -> Value {
    let fixture = |name: &str| format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let trace = fixture("traces/azure-conv-2023.csv");
    let profile = fixture(PROFILE);
    let machine = ["plan", "--trace", &trace, "--profile", &profile, "--kv-tokens=400k"];
    printed(home, &[&machine[..], &["--price=2.50/h"], more].concat())
}

#[test]
fn plan() {
    let home = crate::home("plan");
    let api = ["--as-of=2026-11-20", "--api=llama-3.1-8b"];
    let slow = ["--trace-speed=0.01", "--day-night", "--window=12h"];
    let documents = [
        planned(&home, &[&["--slo=ttft<=2s,tpot<=50ms"], &api[..]].concat()),
        // Nothing to judge by: no capacity, no load.
        planned(&home, &["--machines=1"]),
        planned(&home, &["--machines=3", "--node-sizes=2,8"]),
        // Nothing is missed, however fast they come.
        planned(&home, &["--slo=e2e<=100000s", "--trace-requests=20"]),
        planned(&home, &[&["--fleet=autoscale", "--slo=ttft<=5s"], &slow[..]].concat()),
        // Nobody's prices hold before there were any.
        planned(&home, &["--machines=1", "--as-of=1990-01-01", "--api=deepseek-chat"]),
    ];
    let parts = [
        ("answer", variants::answers()),
        ("latency_kind", variants::latency_kinds()),
        ("percentile", variants::percentiles()),
        ("caching", cachings()),
        ("derived", derived()),
        ("grain", grains()),
        ("router", routers()),
        ("unbilled", vec![serde_json::json!({ "entry": "a/b", "reason": "no tariff holds" })]),
    ];
    check("plan", &documents, &["/nodes"], &parts);
}

/// A run that was due a few requests, by the example's step times, and one of a server that counts no
/// cached tokens.
#[test]
fn simulation() {
    let home = crate::home("simulation");
    for (id, fixture, events) in
        [("sound", "run.json", journal::sound()), ("served", "run.server.json", journal::served())]
    {
        let mut header = journal::header(fixture);
        id.clone_into(&mut header.id);
        journal::write(&home, &header, &events, "");
    }
    let profile = format!("{}/tests/fixtures/{PROFILE}", env!("CARGO_MANIFEST_DIR"));
    let machine = ["--profile", &profile, "--kv-tokens=400k"];
    let simulated =
        |run: &str| printed(&home, &[&["runs", "simulate", run], &machine[..]].concat());
    let documents = [simulated("sound"), simulated("served")];
    let parts = [
        ("latency_kind", variants::latency_kinds()),
        ("percentile", variants::percentiles()),
        ("derived", derived()),
    ];
    check("simulation", &documents, &[], &parts);
}

fn cachings() -> Vec<Value> {
    use Caching as C;
    match C::Unknown {
        C::Simulated | C::NotWorthIt | C::NothingShared | C::Unknown => {
            variants::written([C::Simulated, C::NotWorthIt, C::NothingShared, C::Unknown])
        }
    }
}

fn derived() -> Vec<Value> {
    match Derived::Mixed {
        Derived::Prefill | Derived::Mixed => variants::written([Derived::Prefill, Derived::Mixed]),
    }
}

pub(crate) fn grains() -> Vec<Value> {
    match Grain::Second {
        Grain::Second | Grain::Minute | Grain::Hour => {
            variants::written([Grain::Second, Grain::Minute, Grain::Hour])
        }
    }
}

fn routers() -> Vec<Value> {
    use Router as R;
    match R::LeastLoaded {
        R::LeastLoaded | R::RoundRobin | R::PrefixAffinity => {
            variants::written([R::LeastLoaded, R::RoundRobin, R::PrefixAffinity])
        }
    }
}
