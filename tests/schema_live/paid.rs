//! Every way in which a run's time may be shared out, for those that no run at hand brings about.
//!
//! Invariant: as in `variants.rs`, the `match` beside each list names every variant.

use mtok::cost::{
    Attributed, Attribution, AttributionBounds, BoundsOfKind, CachedBy, CostAtLoad, CostWhileBusy,
    Counted, Item, Line, Load, MixedBy, OtherRuns, Part, ToldBy, Untold, Waterfall,
};
use mtok::summary::{RequestFit, StepFit};
use mtok::units::{Estimate, Ratio, Seconds, Tokens, Usd, UsdPerMtok};
use serde_json::Value;

use crate::variants::written;

/// What told the two kinds of work in one step apart.
pub(crate) fn mixed_by() -> Vec<Value> {
    let all = [MixedBy::NoneSeen, MixedBy::Fit, MixedBy::PureFits, MixedBy::PureMeans];
    match all[0] {
        MixedBy::NoneSeen | MixedBy::Fit | MixedBy::PureFits | MixedBy::PureMeans => written(all),
    }
}

/// What told cached input from the rest.
pub(crate) fn cached_by() -> Vec<Value> {
    let all = [CachedBy::NothingCached, CachedBy::Fit, CachedBy::Untold];
    match all[0] {
        CachedBy::NothingCached | CachedBy::Fit | CachedBy::Untold => written(all),
    }
}

/// Why nothing told input from output.
pub(crate) fn untold() -> Vec<Value> {
    let all = [Untold::MixedSteps, Untold::NoProbe, Untold::PoorProbe];
    match all[0] {
        Untold::MixedSteps | Untold::NoProbe | Untold::PoorProbe => written(all),
    }
}

/// What the window of a run, and a sitting with it, is paid for.
pub(crate) fn bill_items() -> Vec<Value> {
    let all = [
        Item::UncachedInput,
        Item::CachedInput,
        Item::Output,
        Item::Untold,
        Item::Waste,
        Item::Idle,
        Item::StartUp,
        Item::NotMeasured,
        Item::RoundedUp,
        Item::Beside,
    ];
    match all[0] {
        Item::UncachedInput
        | Item::CachedInput
        | Item::Output
        | Item::Untold
        | Item::Waste
        | Item::Idle
        | Item::StartUp
        | Item::NotMeasured
        | Item::RoundedUp
        | Item::Beside => written(all),
    }
}

fn price() -> Estimate<UsdPerMtok> {
    Estimate::within(UsdPerMtok(0.5), UsdPerMtok(0.1))
}

/// Prices of each kind, and of none.
pub(crate) fn costs_at_load() -> Vec<Value> {
    let of = |each| CostAtLoad {
        load: Load::FULL,
        input: each,
        cached: each,
        output: each,
        blended: each,
        output_only: each,
    };
    written([of(Some(price())), of(None)])
}

/// The same without idle time.
pub(crate) fn costs_while_busy() -> Vec<Value> {
    let of = |each| CostWhileBusy { input: each, cached: each, output: each };
    written([of(Some(price())), of(None)])
}

/// The bill of a machine that costs nothing: its lines have no shares.
pub(crate) fn bills_of_nothing() -> Vec<Value> {
    let line = Line {
        item: Item::Idle,
        time: Some(Seconds(2.0)),
        cost: Usd(0.0),
        share: None,
        tokens: None,
    };
    written([Waterfall { lines: vec![line], total: Usd(0.0), billed: Seconds(2.0) }])
}

/// What runs of an engine, and of a server, tell of another.
pub(crate) fn other_runs() -> Vec<Value> {
    let steps = StepFit { prefill: None, decode: None, mixed: None };
    let requests = RequestFit { prefill: None, decode: None };
    let runs = vec!["2026-11-22T08-00-01Z".to_owned()];
    written([
        OtherRuns { runs: runs.clone(), steps: Some(steps), requests: None },
        OtherRuns { runs, steps: None, requests: Some(requests) },
    ])
}

/// Whose energy may have been counted.
pub(crate) fn energies() -> Vec<Value> {
    match Counted::Gpus {
        Counted::Gpus | Counted::CpuPackages => written([Counted::Gpus, Counted::CpuPackages]),
    }
}

/// Whose time it was: by steps, by a probe, by bounds.
pub(crate) fn attributed() -> Vec<Value> {
    let estimate = Estimate::within(Seconds(2.0), Seconds(1.0));
    let part = |busy| Part {
        time: Seconds(1.0),
        share: Ratio::of(0.5),
        tokens: Tokens(1),
        wasted: Tokens(1),
        busy,
        paid: busy,
    };
    let told = |told_by, occupancy| {
        Attributed::Told(Box::new(Attribution {
            told_by,
            window: Seconds(2.0),
            occupancy,
            uncached: part(Some(estimate)),
            cached: part(None),
            output: part(Some(Estimate::bare(Seconds(2.0)))),
            laps: 6,
        }))
    };
    let (mixed, cached) = (MixedBy::Fit, CachedBy::Fit);
    let kind = BoundsOfKind { tokens: Tokens(3), least: Seconds(0.0), most: Seconds(2.0) };
    written([
        told(ToldBy::Steps { mixed, cached, fit_of_another_run: false }, Some(Ratio::ONE)),
        told(ToldBy::Probe { cached }, None),
        Attributed::Bounds(AttributionBounds {
            untold: Untold::NoProbe,
            window: Seconds(2.0),
            input: kind,
            output: kind,
        }),
    ])
}

/// COST_MODEL.md, section 3: tokens times prices at full load are the price of the window's time, and so
/// are the lines of its bill, to a thousandth. Gives whether there were prices to add up.
#[track_caller]
pub(crate) fn adds_up(document: &Value) -> bool {
    let (told, full) = (&document["attributed"]["told"], &document["costs"][0]);
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    if full.is_null() || document["bill"].is_null() {
        return false;
    }
    let near =
        |sum: f64, paid: f64| assert!((sum - paid).abs() <= 1e-3 * paid, "{sum} is not {paid}");
    let hour = number(&document["price"]["usd_per_hour"]);
    // Of a sitting the lines are of all that was rented.
    let sitting = &document["price"]["sitting"]["total"];
    let window = number(&document["bill"]["billed"]);
    let billed = sitting.as_f64().unwrap_or(hour / 3_600.0 * window);
    let lines = document["bill"]["lines"].as_array().unwrap();
    near(lines.iter().map(|l| number(&l["cost"])).sum(), billed);
    if told.is_null() {
        return false;
    }
    let kinds = [("uncached", "input"), ("cached", "cached"), ("output", "output")];
    let usd = |(part, price): (&str, &str)| {
        number(&told[part]["tokens"]) * number(&full[price]["value"]) / 1e6
    };
    near(kinds.into_iter().map(usd).sum(), hour / 3_600.0 * number(&told["window"]));
    true
}
