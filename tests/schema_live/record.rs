//! What a record is made of: the head of a run, and the lines of its journal.

use std::collections::BTreeSet;

use mtok::record::Header;
use serde_json::Value;

use crate::grip::{faults, idle, let_pass, schema, validator};
use crate::{check, journal, nothing, variants};

/// What the head of a run may lack, seen from a document that has it at `at`.
pub(crate) fn head_may_lack(at: &str) -> Vec<String> {
    let fields = [
        "host/memory",
        "host/gpu",
        "model/family",
        "model/sha256",
        "model/shape",
        "server",
        "workload/name",
        "workload/cap",
        "telemetry/driver",
        "telemetry/cuda",
        "telemetry/gpus",
        "telemetry/gpus/*/memory",
        "telemetry/gpus/*/mig",
        "telemetry/gpus/*/period",
        "telemetry/gpus/*/lacks",
        "telemetry/missing",
        "peaks",
        "sweep",
        "sweep/of",
    ];
    fields.iter().map(|field| format!("{at}/{field}")).collect()
}

#[test]
fn a_record() {
    let heads =
        [("run.json", None), ("run.h100.json", Some(journal::part(1))), ("run.server.json", None)];
    let heads = heads.map(|(name, sweep)| {
        serde_json::to_value(Header { sweep, ..journal::header(name) }).unwrap()
    });
    let may_lack = head_may_lack("");
    let may_lack: Vec<&str> = may_lack.iter().map(String::as_str).collect();
    check("run", &heads, &may_lack, &head_parts());

    let journals = [
        journal::sound(),
        journal::killed(),
        journal::stillborn(),
        journal::served(),
        journal::overrun(),
    ];
    let mut seen = BTreeSet::new();
    let mut lines = journal::lines(&journals.concat());
    // One line of each form, and of each phase and end, is enough.
    lines.retain(|line| {
        let fields: Vec<_> = line.as_object().unwrap().keys().collect();
        let [event, gpu] = [&line["event"], &line["gpus"][0]];
        let end = [&line["phase"], &line["finish"], &line["outcome"]];
        seen.insert(format!("{event} {fields:?} {end:?} {gpu}"))
    });
    let schema = schema("event");
    let whole = validator(&schema);
    for line in &lines {
        nothing(&format!("`event` does not hold {line}"), &faults(&whole, line));
        let may_lack = line_may_lack(line["event"].as_str().unwrap());
        nothing("`event` lets pass", &let_pass(&schema, line, may_lack));
    }
    let parts = [
        ("failure", variants::failures()),
        ("finish", variants::finishes()),
        ("outcome", variants::outcomes()),
        ("phase", variants::phases()),
        ("throttle", variants::throttles()),
    ];
    nothing("`event` has what is never written", &idle(&schema, &lines, &parts));
}

/// Every value of what a head may hold, for those that no run at hand brings about.
pub(crate) fn head_parts() -> Vec<(&'static str, Vec<Value>)> {
    vec![("arrivals", variants::arrivals()), ("lengths", variants::lengths())]
}

/// What a line of a journal may lack.
fn line_may_lack(event: &str) -> &'static [&'static str] {
    match event {
        "sent" => &["/held", "/turn"],
        "tokens" => &["/counts"],
        "done" => &[
            "/prompt",
            "/cached",
            "/output",
            "/reasoning",
            "/recounted",
            "/finish/failed/status",
            "/finish/failed/retry_after",
        ],
        "step" => &["/prefill_context", "/cached_context"],
        "reading" => &READING_MAY_LACK,
        _ => &[],
    }
}

const READING_MAY_LACK: [&str; 17] = [
    "/cpu_time",
    "/cpu_energy",
    "/server",
    "/server/",
    "/gpus",
    "/gpus/*/busy",
    "/gpus/*/memory_busy",
    "/gpus/*/memory_used",
    "/gpus/*/power",
    "/gpus/*/energy",
    "/gpus/*/sm_clock_mhz",
    "/gpus/*/memory_clock_mhz",
    "/gpus/*/temperature_c",
    "/gpus/*/throttle",
    "/gpus/*/process_busy",
    "/gpus/*/gpm",
    "/gpus/*/gpm/",
];
