//! What is printed of several runs, and what other programs are given of one.

use std::path::Path;

use mtok::record::{Arrivals, Event, Header};
use serde_json::{Value, json};

use crate::judged::summed_parts;
use crate::record::head_may_lack;
use crate::{check, home, journal, printed, variants, written};

/// Writes a record under a name.
fn write(home: &Path, id: &str, header: &Header, events: &[Event]) {
    let header = Header { id: id.to_owned(), ..header.clone() };
    journal::write(home, &header, events, "");
}

#[test]
fn runs() {
    let home = home("runs");
    let none = printed(&home, &["runs", "list"]);
    assert_eq!(none["runs"], json!([]));
    let header = journal::header("run.h100.json");
    write(&home, "a", &header, &journal::sound());
    write(&home, "b", &header, &journal::killed());
    write(&home, "c", &header, &journal::stillborn());
    write(&home, "e", &journal::header("run.server.json"), &journal::served());
    let part = Header { sweep: Some(journal::part(2)), ..header };
    write(&home, "d", &part, &journal::sound());
    let some = printed(&home, &["runs", "list"]);
    assert_eq!(some["runs"].as_array().unwrap().len(), 5);
    check("runs", &[none, some], &["/runs/*/sweep/of"], &[("outcome", variants::outcomes())]);
}

#[test]
fn runs_compared() {
    let home = home("diff");
    let header = journal::header("run.h100.json");
    write(&home, "sound", &header, &journal::sound());
    write(&home, "again", &header, &journal::sound());
    write(&home, "slow", &header, &journal::paced(1_300));
    write(&home, "stillborn", &header, &journal::stillborn());
    let mut elsewhere = header.clone();
    elsewhere.host.gpu = None;
    elsewhere.workload.arrivals = Arrivals::Closed { in_flight: 2 };
    write(&home, "elsewhere", &elsewhere, &journal::sound());
    for (name, loads) in [("first", [1, 2]), ("second", [1, 4])] {
        for (index, in_flight) in (1..).zip(loads) {
            let mut part = header.clone();
            part.workload.arrivals = Arrivals::Closed { in_flight };
            part.sweep = Some(journal::part(index));
            name.clone_into(&mut part.sweep.as_mut().unwrap().name);
            write(&home, &format!("{name}-{index}"), &part, &journal::sound());
        }
    }
    let compared = |a, b, more: &[&str]| printed(&home, &[&["runs", "diff", a, b], more].concat());
    let documents = [
        compared("sound", "again", &[]),
        compared("sound", "slow", &["--price", "2.50/h"]),
        compared("slow", "sound", &[]),
        compared("stillborn", "sound", &[]),
        compared("sound", "elsewhere", &[]),
        compared("first", "second", &[]),
        compared("first", "elsewhere", &[]),
    ];
    let became = |n: usize| documents[n]["pairs"][0]["rates"][0]["finding"].as_str();
    assert_eq!(
        [0, 1, 2, 3, 4].map(became),
        ["tie", "worse", "better", "cant_tell", "other_machine"].map(Some)
    );
    let [.., ladders, none] = &documents;
    assert_eq!(ladders["pairs"][0]["load"], json!("1 in flight"));
    assert_eq!(ladders["alone"], json!(["first-2", "second-2"]));
    assert_eq!(none["alone"], json!(["first-1"]));
    check("diff", &documents, &[], &[("finding", variants::findings())]);
}

#[test]
fn a_run_exported() {
    let home = home("export");
    let header = journal::header("run.h100.json");
    write(&home, "sound", &header, &journal::sound());
    let part = Header { sweep: Some(journal::part(1)), ..header };
    write(&home, "killed", &part, &journal::killed());
    write(&home, "stillborn", &journal::header("run.json"), &journal::stillborn());
    let server = journal::header("run.server.json");
    write(&home, "served", &server, &journal::served());
    write(&home, "overrun", &server, &journal::overrun());
    let exported = |id: &str| written(&home, &["runs", "export", id, "--format", "json"]);
    let documents = ["killed", "stillborn", "served", "overrun"].map(exported);
    let [.., served, overrun] = &documents;
    // The second turn waited 20 ms for its place, and was sent when it had it.
    let turn = &served["requests"][1];
    let figures = ["due_s", "held_until_s", "sent_s", "slip_s", "ttft_s"].map(|name| &turn[name]);
    assert_eq!(figures, [0.5, 0.52, 0.52, 0.0, 0.07].map(|time| json!(time)).each_ref());
    assert_eq!(overrun["requests"][8]["finish"], Value::Null);

    let may_lack = head_may_lack("/run");
    let may_lack: Vec<&str> = may_lack.iter().map(String::as_str).collect();
    let mut parts = summed_parts();
    parts.push(("failure_word", variants::failure_words()));
    parts.push(("finish_word", variants::finish_words()));
    // What a summary may hold is held to in the documents of runs judged.
    let summary = |id: &str| printed(&home, &["runs", "show", id])["summary"].clone();
    parts.push(("summary", ["sound", "killed"].map(summary).to_vec()));
    check("export", &documents, &may_lack, &parts);
}
