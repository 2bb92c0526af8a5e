//! The benchmark report of llm-d, so that its tools can read our runs.
//!
//! The form is version 0.2.1 of `llmdbenchmark/analysis/benchmark_report` in the repository
//! llm-d/llm-d-benchmark; its readers take JSON, of which YAML is a superset. What we don't know of a
//! stack is left out, never guessed, and where our words and theirs mean different things, ours are not
//! put under theirs: their `time_per_output_token` leaves out the first token as ours does, and their
//! throughput is over the measured time as ours is. Guarded by their own schema in `tests.rs`.

use super::ExportError;
use crate::cost::Judgement;
use crate::record::{Arrivals, Header, Lengths, Moment, Run};
use crate::summary::telemetry::GpuSummary;
use crate::summary::{Latency, input_rate, request_rate};
use crate::units::{Estimate, Quantity, Ratio, Seconds};
use serde_json::{Map, Value, json};
use std::io::Write;

/// The version of the form.
const VERSION: &str = "0.2.1";

/// How the part that was measured is called.
const LABEL: &str = "target";

/// Writes the report of a run.
///
/// # Errors
/// Where it can't be written.
pub fn llm_d(judgement: &Judgement, run: &Run, mut out: impl Write) -> Result<(), ExportError> {
    serde_json::to_writer_pretty(&mut out, &report(judgement, run))?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

fn report(judgement: &Judgement, run: &Run) -> Value {
    let header = &run.header;
    object([
        ("version", Some(VERSION.into())),
        ("run", Some(about(run))),
        ("scenario", Some(object([("stack", stack(header)), ("load", Some(load(run)))]))),
        (
            "results",
            Some(object([
                ("request_performance", Some(json!({ "aggregate": performance(judgement) }))),
                ("observability", observability(judgement)),
            ])),
        ),
    ])
}

/// An object of what there is.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

fn about(run: &Run) -> Value {
    let header = &run.header;
    let lasted = run.last.since(Moment(0));
    let end = header.started.checked_add(lasted.to_std()).ok().map(|end| end.to_string());
    let time = object([
        ("start", Some(header.started.to_string().into())),
        ("end", end.map(Value::from)),
        ("duration", Some(format!("PT{:.3}S", lasted.0).into())),
    ]);
    object([
        ("uid", Some(header.id.clone().into())),
        ("eid", header.sweep.as_ref().map(|sweep| sweep.name.clone().into())),
        ("time", Some(time)),
        ("description", Some(format!("mtok bench, {}", header.workload.arrivals).into())),
    ])
}

/// What was measured, where it is known: a server on another machine doesn't tell what it is.
fn stack(header: &Header) -> Option<Value> {
    if header.server.as_ref().is_some_and(|server| !server.local) {
        return None;
    }
    let (tool, version) = header.engine.rsplit_once(' ').unwrap_or((&header.engine, ""));
    let config = header.model.sha256.clone().unwrap_or_else(|| header.model.name.clone());
    let host = &header.host;
    let accelerator = host.gpu.clone().unwrap_or_else(|| host.cpu.clone());
    Some(json!([{
        "metadata": { "label": LABEL, "cfg_id": config },
        "standardized": {
            "kind": "inference_engine",
            "tool": tool,
            "tool_version": version,
            "role": "replica",
            "replicas": 1,
            "model": { "name": header.model.name },
            // We drive one device: of several GPUs one is used.
            "accelerator": { "model": accelerator, "count": 1, "parallelism": {} },
        },
        "native": { "config": serde_json::to_value(header).unwrap_or_default() },
    }]))
}

fn load(run: &Run) -> Value {
    let work = &run.header.workload;
    let sampled = matches!(work.prompt, Lengths::Empirical { .. });
    let source = if sampled { "sampled" } else { "random" };
    let in_flight = match work.arrivals {
        Arrivals::Closed { in_flight } => Some(in_flight.into()),
        _ => work.cap.map(Value::from),
    };
    let turns = run.requests.iter().any(|request| request.turn.is_some_and(|turn| turn.of > 1));
    let standardized = object([
        ("tool", Some("mtok".into())),
        ("tool_version", Some(run.header.mtok.clone().into())),
        ("source", Some(source.into())),
        ("input_seq_len", Some(lengths(work.prompt))),
        ("output_seq_len", Some(lengths(work.output))),
        ("rate_qps", work.arrivals.rate().map(|rate| rate.0.into())),
        ("concurrency", in_flight),
        ("multi_turn", turns.then(|| json!({ "enabled": true }))),
    ]);
    json!({
        "metadata": { "description": work.text },
        "standardized": standardized,
        "native": { "config": serde_json::to_value(work).unwrap_or_default() },
    })
}

fn lengths(lengths: Lengths) -> Value {
    let mean = lengths.mean().0;
    match lengths {
        Lengths::Fixed { .. } => json!({ "distribution": "fixed", "value": mean }),
        Lengths::Uniform { min, max } => {
            json!({ "distribution": "uniform", "value": mean, "min": min.0, "max": max.0 })
        }
        Lengths::Lognormal { max, .. } => {
            json!({ "distribution": "other", "value": mean, "max": max.0 })
        }
        Lengths::Empirical { .. } => json!({ "distribution": "other", "value": mean }),
    }
}

fn performance(judgement: &Judgement) -> Value {
    let summary = &judgement.summary;
    let counts = &summary.requests;
    let requests = json!({
        "total": counts.due,
        "failures": counts.failed,
        "incomplete": counts.unfinished + counts.cancelled,
    });
    let latency = object([
        ("time_to_first_token", spread(&summary.ttft, "s")),
        ("time_per_output_token", spread(&summary.tpot, "s/token")),
        ("inter_token_latency", spread(&summary.itl, "s/token")),
        ("request_latency", spread(&summary.e2e, "s")),
    ]);
    let rate = |rate: Option<Estimate<_>>| {
        rate.map(|rate: Estimate<crate::units::TokensPerSecond>| mean(rate.value, "tokens/s"))
    };
    let throughput = object([
        ("input_token_rate", input_rate(summary).map(|rate| mean(rate, "tokens/s"))),
        ("output_token_rate", rate(summary.output_rate)),
        ("total_token_rate", rate(summary.total_rate)),
        ("request_rate", request_rate(summary).map(|rate| mean(rate, "queries/s"))),
    ]);
    json!({ "requests": requests, "latency": latency, "throughput": throughput })
}

/// A figure of which there is one.
fn mean<Q: Quantity>(value: Q, units: &str) -> Value {
    json!({ "units": units, "mean": value.get() })
}

/// A latency; they can't do without its mean.
fn spread(latency: &Latency, units: &str) -> Option<Value> {
    let at = |estimate: Option<Estimate<Seconds>>| estimate.map(|time| time.value.0.into());
    Some(object([
        ("units", Some(units.into())),
        ("mean", Some(at(latency.mean)?)),
        ("p50", at(latency.p50)),
        ("p90", at(latency.p90)),
        ("p95", at(latency.p95)),
        ("p99", at(latency.p99)),
    ]))
}

/// What the GPU that was used did.
fn observability(judgement: &Judgement) -> Option<Value> {
    judgement.run.host.gpu.as_ref()?;
    let of_gpu = |gpu: &GpuSummary| {
        let fraction = |share: Option<Ratio>| share.map(|share| mean(share, "fraction"));
        let aggregate = object([
            ("gpu_utilization", fraction(gpu.busy)),
            ("power_consumption", gpu.power.map(|power| mean(power, "Watts"))),
        ]);
        json!({
            "component_label": LABEL,
            "replica_id": format!("gpu {}", gpu.index),
            "aggregate": aggregate,
        })
    };
    let gpus: Vec<Value> = judgement.telemetry.as_ref()?.gpus.iter().map(of_gpu).collect();
    (!gpus.is_empty()).then(|| json!({ "components": gpus }))
}
