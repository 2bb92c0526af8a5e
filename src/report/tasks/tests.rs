//! A table of two models, one of which solves nothing, as it is printed.

use super::*;
use crate::cost::Load;
use crate::record::attempts::Attempts;
use crate::tasks::{Contestant, Judging, Price};
use crate::units::UsdPerMtok;
use std::fmt::Write as _;

const HEAD: &str = r#"{"schema":"mtok.attempts/1","started":"2026-11-22T08:00:00Z","mtok":"0.1.0","suite":"own","suite_version":"1","seed":7,"temperature":0,"repeats":1,"model":{"name":"NAME"},"target":"in process","cut":{"text":"a text","characters":4000,"tokens":1000}}"#;

/// Eight problems of logic with a variant each; 100 tokens in.
fn record(name: &str, tokens: u64, solves: impl Fn(u32) -> bool) -> Attempts {
    let mut text = format!("{}\n", HEAD.replace("NAME", name));
    for problem in 0..8_u32 {
        for variant in [false, true] {
            let (task, of) = if variant {
                (format!("p{problem}-1"), format!("\"variant_of\":\"p{problem}\","))
            } else {
                (format!("p{problem}"), String::new())
            };
            let verdict = if solves(problem + u32::from(variant)) { "solved" } else { "wrong" };
            let output = tokens + u64::from(problem) + if variant { 10 } else { 0 };
            writeln!(
                text,
                "{{\"task\":\"{task}\",\"family\":\"logic\",{of}\"repeat\":1,\"verdict\":\"{verdict}\",\
                 \"tries\":[{{\"at\":\"2026-11-22T08:00:01Z\",\"took\":1,\"finish\":\"stop\",\
                 \"prompt\":100,\"output\":{output},\"reasoning\":5}}],\"prompt_characters\":380,\
                 \"reply_characters\":{output}}}"
            )
            .unwrap();
        }
    }
    Attempts::parse(text.as_bytes()).unwrap().unwrap()
}

fn table() -> TaskTable {
    let price = || {
        let price = Estimate::within(UsdPerMtok(2.0), UsdPerMtok(0.2));
        Some(Price::Blended { machine: "2.50 USD/h".to_owned(), price, load: Load::FULL })
    };
    let (some, none) = (record("some", 40, |at| at % 3 != 0), record("none", 400, |_| false));
    let of = |attempts| Contestant {
        name: Attempts::clone(attempts).head.model.name,
        attempts,
        price: price(),
        judge: None,
    };
    let free = Contestant { name: "unpriced".to_owned(), price: None, ..of(&some) };
    TaskTable::of(&[of(&some), of(&none), free], &Judging::default()).unwrap()
}

#[test]
fn what_is_printed() {
    let printed = tasks_document(&table()).terminal(Some(80));
    assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");
    for words in
        ["none solved", "≥ 0.0022", "unpriced has no cost: no price was given", "solved: more"]
    {
        assert!(printed.contains(words), "no `{words}` in {printed}");
    }
    assert!(!printed.contains("inf") && !printed.contains("NaN"), "{printed}");
}

#[test]
fn two_plots_a_family() {
    let table = table();
    let plots = tasks_plots(&table.all);
    assert_eq!(plots.len(), 2);
    // The one without a price is not on the second.
    let dots: Vec<usize> = plots.iter().map(|plot| plot.matches("<circle").count()).collect();
    assert_eq!(dots, [3, 2]);
    assert!(plots.iter().all(|plot| plot.starts_with("<svg") && plot.ends_with("</svg>")));
    assert_ne!(tasks_plots(&table.families[0]), plots);
}

/// What the schema is held to is what is written, to the ninth digit: logarithms differ between
/// machines in the last.
#[test]
fn the_fixture_is_what_is_written() {
    let written = serde_json::to_value(TasksReport::new(table())).unwrap();
    let fixture = include_str!("../../../tests/fixtures/schema/tasks.json");
    let fixture: serde_json::Value = serde_json::from_str(fixture).unwrap();
    let text = serde_json::to_string_pretty(&written).unwrap();
    assert!(alike(&written, &fixture), "not the fixture, but:\n{text}");
}

fn alike(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (one, other) {
        (Number(one), Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-9 * one.abs()
        }
        (Array(one), Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Object(one), Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|it| alike(one, it)))
        }
        _ => one == other,
    }
}
