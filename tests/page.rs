//! `--report`, `runs diff` and `runs export` as whole programs, and the page in a real browser.
//!
//! The browser is headless Chromium with the network off (`tests/tools/browse.py`); where there is
//! none the test says so, and in CI, where there must be one, it fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has to stop")]

use insta_cmd::get_cargo_bin;
use mtok::record::reading::{Reading, TelemetryInfo};
use mtok::record::{
    Arrivals, Event, Finish, Header, Host, Lengths, Model, Moment, Outcome, Phase, RequestId,
    Sweep, Usage, Workload,
};
use mtok::units::{Bytes, Ratio, Seconds, Tokens};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LADDER: &str = "20261122T100000-ladder";

fn home(name: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page").join(name);
    if home.exists() {
        fs_err::remove_dir_all(&home).unwrap();
    }
    fs_err::create_dir_all(&home).unwrap();
    home
}

fn header(index: u32, in_flight: u32) -> Header {
    Header {
        schema: Header::SCHEMA.to_owned(),
        id: format!("20261122T10000{index}"),
        started: "2026-11-22T10:00:00Z".parse().unwrap(),
        mtok: "0.1.0".to_owned(),
        host: Host {
            os: "Linux 6.1".to_owned(),
            cpu: "a processor of \"cores\" & <caches>".to_owned(),
            cores: 4,
            memory: Some(Bytes(16 << 30)),
            gpu: None,
            gpus: 0,
        },
        model: Model { name: "a-model".to_owned(), family: None, sha256: None, shape: None },
        engine: "an engine 1.0".to_owned(),
        server: None,
        workload: Workload {
            name: Some("chat".to_owned()),
            arrivals: Arrivals::Closed { in_flight },
            cap: None,
            prompt: Lengths::Fixed { tokens: Tokens(100) },
            output: Lengths::Fixed { tokens: Tokens(20) },
            text: "natural text".to_owned(),
            shared: Ratio::of(0.0),
            measure: Seconds(10.0),
            seed: 0,
            sampling: "greedy".to_owned(),
        },
        telemetry: TelemetryInfo {
            sources: vec!["process CPU time".to_owned()],
            period: Seconds(0.1),
            ..TelemetryInfo::default()
        },
        peaks: None,
        sweep: Some(Sweep { name: LADDER.to_owned(), index, of: 3 }),
    }
}

fn ms(at: u64) -> Moment {
    Moment(at * 1_000_000)
}

/// Measured for 10 s: requests of 20 tokens, one each so many milliseconds, more or less.
fn events(in_flight: u32, gap: u64) -> Vec<Event> {
    let mut events = vec![Event::Phase { at: ms(0), phase: Phase::WarmUp }];
    let mut id = 0;
    for place in 0..u64::from(in_flight) {
        let mut now = place * 3;
        while now < 11_000 {
            let (this, sent) = (RequestId(id), ms(now));
            id += 1;
            let turn = u64::from(id);
            events.push(Event::Sent {
                id: this,
                due: sent,
                at: sent,
                held: None,
                turn: None,
                prompt: Tokens(100),
                planned: Tokens(20),
            });
            let first = now + 30 + turn * 7 % 11;
            let at: Vec<Moment> =
                (0..20).map(|token| ms(first + token * gap + (turn + token) % 3)).collect();
            let last = *at.last().unwrap();
            events.push(Event::Tokens { id: this, at, counts: None });
            let usage = Usage { output: Some(Tokens(20)), ..Usage::default() };
            events.push(Event::Done { id: this, at: last, finish: Finish::Length, usage });
            now = last.0 / 1_000_000;
        }
    }
    events.extend((0..115).map(|n: u32| {
        let at = ms(u64::from(n) * 100);
        let cpu_time = Some(Seconds(f64::from(n) * 0.2));
        Event::Reading(Box::new(Reading { at, cpu_time, ..Reading::default() }))
    }));
    events.push(Event::Phase { at: ms(1_000), phase: Phase::Measure });
    events.push(Event::Phase { at: ms(11_000), phase: Phase::Drain });
    events.push(Event::End { at: ms(12_000), outcome: Outcome::Complete });
    events
}

fn write(home: &Path, header: &Header, events: &[Event]) {
    let folder = home.join("runs").join(&header.id);
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("run.json"), serde_json::to_vec_pretty(header).unwrap()).unwrap();
    let lines = events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n");
    fs_err::write(folder.join("journal.jsonl"), lines.collect::<String>()).unwrap();
}

/// A ladder of three rungs.
fn ladder(name: &str) -> PathBuf {
    let home = home(name);
    for (index, in_flight, gap) in [(1, 1, 8), (2, 4, 10), (3, 16, 21)] {
        write(&home, &header(index, in_flight), &events(in_flight, gap));
    }
    home
}

fn mtok(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments).env("MTOK_HOME", home).env_remove("MTOK_PRICE").output().unwrap()
}

#[track_caller]
fn told(home: &Path, arguments: &[&str]) -> String {
    let output = mtok(home, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_page_opens_offline_without_complaint() {
    let home = ladder("browser");
    let slo = "ttft.p90=500ms,tpot.p90=15ms";
    for (name, page) in [(LADDER, "ladder"), ("20261122T100002", "run")] {
        let file = home.join(page).with_extension("html");
        let show = ["runs", "show", name, "--price", "2.50/h", "--slo", slo, "--report"];
        told(&home, &[&show[..], &[file.to_str().unwrap()]].concat());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/browse.py");
        let mut browse = Command::new("python3");
        let output = browse
            .arg(script)
            .arg(&file)
            .arg(home.join(page))
            .args(["1280", "400"])
            .output()
            .unwrap();
        if output.status.code() == Some(77) {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has no Chromium");
            eprintln!("skipped: no Chromium");
            return;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        for what in ["requests", "complaints", "wide"] {
            assert_eq!(seen[what], Value::Array(Vec::new()), "{page}: {seen:#}");
        }
        assert!(seen["plots"].as_u64().unwrap() >= 6, "{seen}");
        assert_eq!(seen["title"], "What a million tokens cost: a-model");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_refused_first() {
    let home = ladder("refused");
    let output = mtok(&home, &["runs", "show", "last", "--report", "/nowhere/run.html"]);
    assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()));
}

/// The same run twice; one that is slower; one on another machine.
#[test]
fn runs_are_compared_by_their_errors() {
    let home = ladder("diff");
    let mut other = header(5, 4);
    other.sweep = None;
    write(&home, &other, &events(4, 20));
    let (a, slower) = ("20261122T100002", "20261122T100005");
    let diff = |a: &str, b: &str, more: &[&str]| {
        told(&home, &[&["runs", "diff", a, b][..], more].concat())
    };
    let found = |json: &str| -> Value {
        let whole: Value = serde_json::from_str(json).unwrap();
        whole["pairs"][0]["rates"][0]["finding"].clone()
    };
    assert_eq!(found(&diff(a, a, &["--json"])), "tie");
    assert_eq!(found(&diff(a, slower, &["--json"])), "worse");
    assert_eq!(found(&diff(slower, a, &["--json"])), "better");
    other.host.cpu = "another".to_owned();
    write(&home, &other, &events(4, 20));
    assert_eq!(found(&diff(a, slower, &["--json"])), "other_machine");
    let words = diff(a, slower, &[]);
    assert!(words.contains("DIFFERENT MACHINES") && !words.contains("B is worse"), "{words}");
    let rungs: Value = serde_json::from_str(&diff(LADDER, LADDER, &["--json"])).unwrap();
    assert_eq!(rungs["pairs"].as_array().unwrap().len(), 3);
}

#[test]
fn a_run_is_exported_in_every_form() {
    let home = ladder("export");
    let run = "20261122T100002";
    let export = |form: &str| told(&home, &["runs", "export", run, "--format", form]);
    let lines = export("jsonl").lines().count();
    assert!(lines > 100, "{lines}");
    assert_eq!(export("csv").lines().count(), lines + 1);
    let whole: Value = serde_json::from_str(&export("json")).unwrap();
    assert_eq!(whole["requests"].as_array().unwrap().len(), lines);
    let report: Value = serde_json::from_str(&export("llm-d")).unwrap();
    assert_eq!(report["version"], "0.2.1");
    let file = home.join("run.parquet");
    told(&home, &["runs", "export", run, "--format", "parquet", "--out", file.to_str().unwrap()]);
    assert!(fs_err::read(&file).unwrap().starts_with(b"PAR1"));
    let refused =
        |arguments: &[&str]| mtok(&home, &[&["runs", "export"], arguments].concat()).status.code();
    assert_eq!(refused(&[run, "--format", "parquet"]), Some(2));
    assert_eq!(refused(&[LADDER, "--format", "csv"]), Some(2));
}
