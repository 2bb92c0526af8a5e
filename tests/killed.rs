//! What a killed process loses of its journal: at most the last 100 ms of what it had noted.
//!
//! The test program starts itself as a child that notes an event a millisecond and says on its
//! standard output which it has noted; then it kills the child and compares.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that can't go on ends"
)]

use mtok::clock::{Clock, RunClock};
use mtok::load::Journal;
use mtok::record::{Event, Header, Moment, RequestId, parse};
use mtok::units::{Seconds, Tokens};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "MTOK_TEST_JOURNAL";

/// What may be lost.
const LOSS_MAX: Seconds = Seconds(0.1);

fn header() -> Header {
    let shape = json!({
        "architecture": "llama", "quantization": "Q4_1", "parameters": 1, "active_parameters": 1,
        "weights": 1, "weights_read": 1, "layers": 1, "width": 1, "heads": 1, "kv_heads": 1,
        "head_size": 1, "vocabulary": 1, "context": 1,
    });
    let header = json!({
        "schema": Header::SCHEMA, "id": "killed", "started": "2026-01-01T00:00:00Z", "mtok": "0",
        "host": {"os": "", "cpu": "", "cores": 1},
        "model": {"name": "", "shape": shape},
        "engine": "",
        "workload": {
            "arrivals": {"process": "closed", "in_flight": 1},
            "prompt": {"lengths": "fixed", "tokens": 1}, "output": {"lengths": "fixed", "tokens": 1},
            "text": "", "measure": 1.0, "seed": 0, "sampling": "",
        },
        "telemetry": {"sources": [], "period": 0.1},
    });
    serde_json::from_value(header).unwrap()
}

/// Not a test of its own: the child's part.
#[test]
fn writes_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let clock = RunClock::start();
    let journal = Journal::create(Path::new(&folder), &mut header()).unwrap();
    let writer = journal.writer();
    let sent = |at| Event::Sent {
        id: RequestId(0),
        due: at,
        at,
        held: None,
        turn: None,
        prompt: Tokens(1),
        planned: Tokens(1),
    };
    writer.note(sent(clock.now()));
    println!("begun");
    loop {
        let at = clock.now();
        writer.note(Event::Tokens { id: RequestId(0), at: vec![at], counts: None });
        println!("{}", at.0);
        clock.sleep_until(at.after(Seconds(0.001)));
    }
}

#[test]
fn heavy_a_killed_process_loses_at_most_the_last_100_ms() {
    let mut worst = Seconds(0.0);
    for round in 0..20_u32 {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writes_until_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while lines.next().unwrap().unwrap() != "begun" {}
        let noted = std::thread::spawn(move || {
            let moment = |line: std::io::Result<String>| line.ok()?.parse().ok().map(Moment);
            lines.map_while(moment).last()
        });
        std::thread::sleep(Duration::from_secs_f64(0.1 + f64::from(round) * 0.017));
        child.kill().unwrap();
        child.wait().unwrap();
        let noted = noted.join().unwrap().expect("the child notes an event a millisecond");

        let run = folder.path().join("killed");
        let header = std::fs::read_to_string(run.join("run.json")).unwrap();
        let journal = std::fs::read(run.join("journal.jsonl")).unwrap();
        let read = parse(&header, &journal).unwrap();
        assert_eq!(read.outcome, None);
        let lost = noted.since(read.last);
        worst = if lost > worst { lost } else { worst };
    }
    println!("lost at most {worst} of 20 killed journals");
    assert!(worst <= LOSS_MAX, "{worst}");
}
