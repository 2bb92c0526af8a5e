//! What a run's or a ladder's judgement is held to: every form that one takes, and that prices pay for
//! the time.

use serde_json::{Value, json};

use crate::record::{head_may_lack, head_parts};
use crate::{check, home, journal, paid, plans, printed, variants};

/// A machine of one's own, and a sitting on a rented one, with every figure.
pub(crate) const OWNED: [&str; 2] = [
    "--owned",
    "purchase=35000,resale=5000,life=4y,power=700W,pue=1.3,electricity=0.12/kWh,hosting=0.1/h,capital=8%",
];
pub(crate) const SITTING: [&str; 8] =
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
pub(crate) fn summed_parts() -> Vec<(&'static str, Vec<Value>)> {
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
