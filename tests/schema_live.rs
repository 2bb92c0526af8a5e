//! What the program prints now keeps to its schemas, and the schemas hold it firmly.
//!
//! Three things are asked of each schema: it takes what the program prints (`faults`); it takes
//! nothing that lacks a field, has one more, or a value of another kind (`let_pass`); and it has no
//! field and no choice that the program never writes (`idle`). Runs are made of the program's own
//! events, so that GPUs, failures and kills are seen on a machine that has none.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has to stop")]

#[path = "schema_live/commands.rs"]
mod commands;
#[path = "schema_live/grip.rs"]
mod grip;
#[path = "schema_live/journal.rs"]
mod journal;
#[path = "schema_live/paid.rs"]
mod paid;
#[path = "schema_live/plans.rs"]
mod plans;
#[path = "schema_live/prices.rs"]
mod prices;
#[path = "prices_cli/server.rs"]
mod server;
#[path = "schema_live/store.rs"]
mod store;
#[path = "schema_live/variants.rs"]
mod variants;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use grip::{faults, idle, let_pass, part, schema, validator};
use insta_cmd::get_cargo_bin;
use mtok::record::Header;
use serde_json::{Value, json};

/// A home of its own, empty.
fn home(name: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schema-live").join(name);
    if home.exists() {
        fs_err::remove_dir_all(&home).unwrap();
    }
    fs_err::create_dir_all(&home).unwrap();
    home
}

/// What the program prints with `--json`.
fn printed(home: &Path, arguments: &[&str]) -> Value {
    written(home, &[arguments, &["--json"]].concat())
}

/// What the program prints, as JSON: with no network, no pip, nothing of this user's settings.
fn written(home: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments).env("MTOK_HOME", home);
    command.env("HF_ENDPOINT", "http://127.0.0.1:9").env("MTOK_PYTHON", "/nonexistent/python");
    for name in ["MTOK_PRICE", "MTOK_CUDA_LIB", "MTOK_NVML_LIB"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {:?}\n{said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn nothing(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}, {} times:\n{}", found.len(), found.join("\n"));
}

/// Holds a schema to documents, and to values of some of its parts that they may not have.
#[track_caller]
fn check(name: &str, documents: &[Value], may_lack: &[&str], parts: &[(&str, Vec<Value>)]) {
    let schema = schema(name);
    let whole = validator(&schema);
    for document in documents {
        nothing(&format!("`{name}` does not hold {document:#}"), &faults(&whole, document));
        nothing(&format!("`{name}` lets pass"), &let_pass(&schema, document, may_lack));
    }
    for (part_name, values) in parts {
        let part = validator(&part(&schema, part_name));
        for value in values {
            nothing(&format!("`{name}`: `{part_name}` is not {value}"), &faults(&part, value));
        }
    }
    nothing(&format!("`{name}` has what is never written"), &idle(&schema, documents, parts));
}

/// What the head of a run may lack, seen from a document that has it at `at`.
fn head_may_lack(at: &str) -> Vec<String> {
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

/// A machine of one's own, and a sitting on a rented one, with every figure.
const OWNED: [&str; 2] = [
    "--owned",
    "purchase=35000,resale=5000,life=4y,power=700W,pue=1.3,electricity=0.12/kWh,hosting=0.1/h,capital=8%",
];
const SITTING: [&str; 8] =
    ["--rented", "50min", "--start-up", "5min", "--billing", "hour", "--beside", "0.1/h"];

#[test]
fn a_run_judged() {
    let home = home("bench");
    let write = |id: &str, fixture, device: Option<&str>, events: &[_], torn| {
        let mut header = journal::header(fixture);
        id.clone_into(&mut header.id);
        if let Some(device) = device {
            header.host.gpu = Some(device.to_owned());
            // One more that is never read.
            let unread = mtok::record::reading::GpuInfo { index: 1, ..Default::default() };
            header.telemetry.gpus.push(unread);
        }
        journal::write(&home, &header, events, torn);
    };
    write("sound", "run.h100.json", None, &journal::sound(), "");
    write("killed", "run.h100.json", Some("NVIDIA H999"), &journal::killed(), r#"{"event":"to"#);
    write("stillborn", "run.json", None, &journal::stillborn(), "");
    write("served", "run.server.json", None, &journal::served(), "");
    write("overrun", "run.server.json", None, &journal::overrun(), "");
    let shown = |id, more: &[&str]| printed(&home, &[&["runs", "show", id][..], more].concat());
    let documents = [
        shown("sound", &[]),
        shown("sound", &["--price", "2.50/h", "--load", "45%"]),
        shown("sound", &["--price", "0/h"]),
        shown("killed", &[]),
        shown("stillborn", &[]),
        shown("sound", &["--slo", "ttft=1s,e2e.p50=2s"]),
        shown("killed", &["--slo", "tpot.p95=1s"]),
        shown("stillborn", &["--slo", "tpot=1ms"]),
        shown("sound", &[&OWNED[..], &["--grid", "400g/kWh"]].concat()),
        shown("sound", &[&["--price", "2.50/h"], &SITTING[..]].concat()),
        shown("sound", &["--probe", "sound", "--grid", "400g/kWh"]),
    ];
    // What these runs are for: prices of every origin and none, intervals, doubts, GPUs and losses.
    let [sound, given, free, killed, stillborn, kept, unsure, ..] = &documents;
    let origin = |document: &Value| document["price"]["origin"]["from"].clone();
    assert_eq!((origin(sound), origin(given)), (json!("rentals"), json!("given")));
    assert_eq!((&killed["price"], origin(stillborn)), (&Value::Null, json!("example")));
    assert!(sound["costs"][0]["blended"]["interval"].is_array(), "{}", sound["costs"]);
    assert!(sound["floor"]["measured_over_floor"].is_object(), "{}", sound["floor"]);
    assert!(free["floor"]["measured_over_floor"].is_null(), "{}", free["floor"]);
    assert_eq!(sound["telemetry"]["gpus"][0]["losses"], 1);
    assert!(sound["telemetry"]["gpus"][0]["throttle"][9]["reason"] == "other_9");
    let unread = &killed["telemetry"]["gpus"][1];
    assert_eq!((&unread["coverage"], &unread["throttle"]), (&json!(0.0), &Value::Null));
    assert!(killed["summary"]["doubts"].as_array().unwrap().len() > 3, "{}", killed["summary"]);

    assert_eq!(
        (&kept["slo"]["answer"], &unsure["slo"]["answer"]),
        (&json!("met"), &json!("cant_tell"))
    );
    assert!(
        sound["roofline"]["decode"]["over_bound"].as_f64().unwrap() > 1.0,
        "{}",
        sound["roofline"]
    );
    assert!(killed["roofline"]["decode"]["bound"].is_null(), "{}", killed["roofline"]);

    let mut part = journal::header("run.h100.json");
    part.id = "part".to_owned();
    part.sweep = Some(journal::part(1));
    journal::write(&home, &part, &journal::stillborn(), "");
    // A void run has a price for its machine and none for its tokens, unless that is demanded.
    let [void, forced] = [&[][..], &["--force"]]
        .map(|more| shown("killed", &[&["--price", "2.50/h"], more].concat()));
    assert_eq!((&void["forced"], &void["costs"]), (&json!(false), &json!([])));
    assert_eq!((&forced["forced"], forced["costs"].as_array().unwrap().len()), (&json!(true), 3));
    // What was not measured costs nothing that could be told, demanded or not.
    let blank = shown("stillborn", &["--force"]);
    assert_eq!(blank["costs"][0]["blended"], Value::Null);
    let [served, overrun] = [shown("served", &[]), shown("overrun", &[])];
    // Twelve turns of five tokens.
    let counts = json!({ "server": 60, "ours": 60 });
    assert_eq!(served["summary"]["server"]["output_tokens"], counts);
    assert_eq!(
        (&served["summary"]["itl_spread"], &sound["summary"]["itl_spread"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&overrun["summary"]["verdict"], &overrun["summary"]["server"]["running"]),
        (&json!("void"), &Value::Null)
    );
    // What nothing tells apart has bounds, which the hour's price makes prices of.
    let bounded = shown("served", &["--price", "2.50/h", "--force"]);
    assert_eq!(bounded["attributed"]["bounds"]["untold"], "no_probe", "{bounded}");
    assert!(bounded["cost_bounds"]["output"].is_array(), "{}", bounded["cost_bounds"]);
    let others = [shown("part", &[]), served, overrun, void, forced, blank, bounded];
    let documents = [&documents[..], &others].concat();
    assert!(documents.iter().filter(|document| paid::adds_up(document)).count() >= 3);

    let mut may_lack = head_may_lack("/run");
    may_lack.push("/telemetry/gpus/*/gpm/".to_owned());
    may_lack.extend(["/price/sitting", "/probe", "/emission"].map(str::to_owned));
    let may_lack: Vec<&str> = may_lack.iter().map(String::as_str).collect();
    check("bench", &documents, &may_lack, &judged_parts());
}

/// Every value of what a judgement may hold, for those that no run at hand brings about.
fn judged_parts() -> Vec<(&'static str, Vec<Value>)> {
    let judged = vec![
        ("answer", variants::answers()),
        ("goodput", variants::goodputs()),
        ("latency_kind", variants::latency_kinds()),
        ("percentile", variants::percentiles()),
        ("throttle", variants::throttles()),
    ];
    let paid = vec![
        ("attributed", paid::attributed()),
        ("bill_item", paid::bill_items()),
        ("cached_by", paid::cached_by()),
        ("cost_at_load", paid::costs_at_load()),
        ("cost_while_busy", paid::costs_while_busy()),
        ("waterfall", paid::bills_of_nothing()),
        ("energy_counted", paid::energies()),
        ("grain", plans::grains()),
        ("mixed_by", paid::mixed_by()),
        ("other_runs", paid::other_runs()),
        ("untold", paid::untold()),
    ];
    [judged, paid, summed_parts()].concat()
}

/// The same of a run's head and its summary.
fn summed_parts() -> Vec<(&'static str, Vec<Value>)> {
    let summed = vec![
        ("doubt", variants::doubts()),
        ("step_fit", variants::step_fits()),
        ("request_fit", variants::request_fits()),
        ("term", variants::terms()),
        ("outcome", variants::outcomes()),
        ("verdict", variants::verdicts()),
    ];
    [summed, head_parts()].concat()
}

/// The same of its head alone.
fn head_parts() -> Vec<(&'static str, Vec<Value>)> {
    vec![("arrivals", variants::arrivals()), ("lengths", variants::lengths())]
}

#[test]
fn a_ladder_judged() {
    let home = home("ladder");
    let write = |index, in_flight, fixture, device: Option<&str>, events: &[_]| {
        let mut header = journal::header(fixture);
        header.id = format!("2026-11-22T08-00-0{index}Z");
        header.workload.arrivals = mtok::record::Arrivals::Closed { in_flight };
        header.sweep = Some(journal::part(index));
        if device.is_some() {
            header.host.gpu = device.map(str::to_owned);
            // One more that is never read.
            let unread = mtok::record::reading::GpuInfo { index: 1, ..Default::default() };
            header.telemetry.gpus.push(unread);
        }
        journal::write(&home, &header, events, "");
    };
    write(1, 1, "run.h100.json", None, &journal::sound());
    write(2, 2, "run.h100.json", None, &journal::sound());
    write(3, 4, "run.h100.json", Some("NVIDIA H999"), &journal::killed());
    write(4, 8, "run.json", None, &journal::stillborn());
    let shown = |more: &[&str]| printed(&home, &[&["runs", "show", "last"][..], more].concat());
    let documents = [
        shown(&[]),
        shown(&["--slo", "ttft=1s"]),
        shown(&["--slo", "ttft.p99=1s", "--price", "2.50/h"]),
        shown(&["--force"]),
        shown(&OWNED),
        serde_json::to_value(mtok::cost::Ladder::of(None, Vec::new())).unwrap(),
    ];
    let [plain, kept, unsure, forced, .., empty] = &documents;
    // Twice the same journal is a tie, which the fewer in flight win.
    assert_eq!(
        (&plain["cheapest"], &plain["point"]["run"]["workload"]["arrivals"]["in_flight"]),
        (&json!({ "in_flight": 1 }), &json!(1))
    );
    assert_eq!((&plain["planned"], plain["rungs"].as_array().unwrap().len()), (&json!(6), 4));
    assert_eq!(
        (&kept["cheapest_within_slo"], &unsure["point"]),
        (&json!({ "in_flight": 1 }), &Value::Null)
    );
    let void = |ladder: &Value| {
        (ladder["rungs"][3]["verdict"].clone(), ladder["rungs"][3]["cost"].is_object())
    };
    assert_eq!((void(plain), void(forced)), ((json!("void"), false), (json!("void"), true)));
    assert_eq!((&empty["name"], &empty["rungs"]), (&Value::Null, &json!([])));

    let mut may_lack = [head_may_lack("/run"), head_may_lack("/point/run")].concat();
    may_lack.push("/point/telemetry/gpus/*/gpm/".to_owned());
    let may_lack: Vec<&str> = may_lack.iter().map(String::as_str).collect();
    let mut parts = judged_parts();
    // The operating point is held to this in the documents of single runs.
    let single = |id: &str| printed(&home, &["runs", "show", id]);
    let mut server = journal::header("run.server.json");
    for (id, events) in [("served", journal::served()), ("overrun", journal::overrun())] {
        id.clone_into(&mut server.id);
        journal::write(&home, &server, &events, "");
    }
    let names = ["2026-11-22T08-00-03Z", "2026-11-22T08-00-04Z", "served", "overrun"];
    let points = names.map(single);
    let judged = |more: &[&str]| printed(&home, &[&["runs", "show"], more].concat());
    let first = "2026-11-22T08-00-01Z";
    let others = [
        judged(&["served", "--price", "2.50/h", "--force"]),
        judged(&[&[first, "--probe", first, "--grid", "0.4kg/kWh"], &SITTING[..]].concat()),
        judged(&[&[first, "--grid", "400g/kWh"], &OWNED[..]].concat()),
    ];
    parts.push(("bench", [&points[..], &others].concat()));
    parts.push(("level", variants::levels()));
    parts.push(("level_repeats", variants::level_repeats()));
    check("ladder", &documents, &may_lack, &parts);
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

#[test]
fn one_name_has_one_meaning() {
    let mut first: BTreeMap<String, (&str, Value)> = BTreeMap::new();
    for name in SCHEMAS {
        for (part, meaning) in schema(name)["$defs"].as_object().unwrap() {
            let (other, known) =
                first.entry(part.clone()).or_insert_with(|| (name, meaning.clone()));
            assert_eq!(known, meaning, "`{part}` of `{other}` and of `{name}`");
        }
    }
}

#[test]
fn every_schema_says_its_name_and_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let table = fs_err::read_to_string(folder.join("README.md")).unwrap();
    for name in SCHEMAS {
        let schema = schema(name);
        let version = schema["$id"].as_str().unwrap().rsplit(':').next().unwrap();
        let form = format!("mtok.{name}/{version}");
        assert_eq!(schema["$id"], format!("urn:mtok:{name}:{version}"));
        assert!(schema["title"].as_str().unwrap().starts_with(&format!("{form}: ")));
        assert!(table.contains(&format!("| [`{form}`]({name}.schema.json) |")), "{form}");
        // Lines of a journal don't repeat the name of their form.
        let stated = &schema["$defs"][name]["properties"]["schema"]["const"];
        assert!(name == "event" || *stated == form, "{form} calls itself {stated}");
    }
    let files = fs_err::read_dir(&folder).unwrap().count();
    assert_eq!(files, SCHEMAS.len() + 1, "`SCHEMAS` names every file but the table");
}

const SCHEMAS: [&str; 25] = [
    "run",
    "event",
    "bench",
    "ladder",
    "cost",
    "outlook",
    "plan",
    "claims",
    "gpus",
    "gpu",
    "rents",
    "runs",
    "diff",
    "export",
    "models",
    "model",
    "doctor",
    "price_list",
    "price",
    "price_import",
    "price_diff",
    "price_update",
    "bill",
    "bill_difference",
    "reconciliation",
];
