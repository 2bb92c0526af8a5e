//! Comparisons by each thing that may tell the own price, and every word that one may hold.

use std::path::Path;

use mtok::compare::{Chosen, HitsBy, ToldBy};
use mtok::cost::{Cheaper, Input, Load};
use mtok::plan::Caching;
use mtok::summary::Side;
use mtok::units::{Ratio, UsdPerHour};
use serde_json::{Value, json};

use crate::judged::{OWNED, SITTING};
use crate::{check, journal, plans, printed, variants};

/// A book in which every field of an entry stands somewhere.
const BOOK: &str = r#"{"schema":"mtok.prices/1","snapshots":{"b 1 of 2026-11-01":{"book":"b","version":"1","licence":"MIT","date":"2026-11-01"}}}
{"id":"a/full","provider":"a","model":"full","name":"Full","family":"f","open_weights":true,"parameters":8000000000,"context":16384,"max_output":4096,"tokenizer":"t","ends":"2027-01-01","note":"a note","tariffs":[{"schedule":{"rates":{"input":"1","cached_input":"0.1","output":"4"}},"source":{"key":"full","of":"b 1 of 2026-11-01"}}]}
{"id":"a/old","provider":"a","model":"old","name":"Old","ending":"deprecated","tariffs":[{"schedule":{"rates":{"input":"1","output":"4"}},"source":{"key":"old","of":"b 1 of 2026-11-01"}}]}
{"id":"a/free","provider":"a","model":"free","name":"Free","tariffs":[{"schedule":{"rates":{"input":"0","output":"0"}},"source":{"key":"free","of":"b 1 of 2026-11-01"}}]}
{"id":"a/short","provider":"a","model":"short","name":"Short","context":100,"tariffs":[{"schedule":{"rates":{"input":"1","output":"4"}},"source":{"key":"short","of":"b 1 of 2026-11-01"}}]}
"#;

fn compared(home: &Path, own: &[&str], more: &[&str]) -> Value {
    printed(home, &[&["compare", "--as-of=2026-11-22"], own, more].concat())
}

#[test]
fn compare() {
    let home = crate::home("compare");
    let book = home.join("book.jsonl");
    fs_err::write(&book, BOOK).unwrap();
    let book = ["--book", book.to_str().unwrap(), "--api=a/full,a/old,a/free,a/short"];
    let lengths = ["--prompt-tokens=2000", "--output-tokens=300", "--hit-rate=50%"];
    let [rate, unsure] =
        [["--rate=2500±50tok/s", "--price=2.50/h"], ["--rate=2500tok/s", "--price=2.50/h"]];
    let write = |id: &str, fixture: &str| {
        let mut header = journal::header(fixture);
        id.clone_into(&mut header.id);
        journal::write(&home, &header, &journal::sound(), "");
    };
    write("sound", "run.h100.json");
    write("on-cpu", "run.json");
    let usage = format!("{}/tests/fixtures/usage/old.jsonl", env!("CARGO_MANIFEST_DIR"));
    let estimate = ["--gpu=h100-sxm", "--model=llama-3.1-8b"];
    let known = ["--model=full", "--cut=0.25tok/char", "--requests-per-month=3M"];
    let documents = [
        compared(&home, &rate, &[&lengths[..], &book, &known].concat()),
        compared(&home, &unsure, &[&lengths[..], &["--load=30%,100%"]].concat()),
        compared(&home, &estimate, &["--workload=chat", "--requests-per-month=3M"]),
        compared(&home, &rate, &["--usage", &usage, "--api=groq/llama-3.1-8b-instant"]),
        compared(&home, &["--run=sound"], &[]),
        compared(&home, &["--run=on-cpu"], &["--load=30%"]),
    ];
    let [priced, .., sound, on_cpu] = &documents;
    let origin = |document: &Value| document["machine"]["price"]["origin"]["from"].clone();
    assert_eq!((origin(sound), origin(on_cpu)), (json!("rentals"), json!("example")));
    assert_eq!(priced["unbilled"].as_array().unwrap().len(), 1);
    assert_eq!(sound["machine"]["told_by"], "kinds");
    // What a run's machine may be, an estimate's and a rate's may be too.
    let machine = |more: &[&str]| {
        printed(&home, &[&["runs", "show", "sound"], more].concat())["price"].clone()
    };
    let machines = vec![machine(&OWNED), machine(&[&["--price=2.50/h"], &SITTING[..]].concat())];
    let parts = [
        ("caching", cachings()),
        ("machine_price", machines),
        ("grain", plans::grains()),
        ("cheaper", cheapers()),
        ("compare_chosen", chosen()),
        ("compare_hits_by", hits()),
        ("compare_side", sides()),
        ("compare_told_by", told()),
        ("input_value", inputs()),
    ];
    check("compare", &documents, &[], &parts);
}

fn cachings() -> Vec<Value> {
    use Caching as C;
    match C::Unknown {
        C::Simulated | C::NotWorthIt | C::NothingShared | C::Unknown => {
            variants::written([C::Simulated, C::NotWorthIt, C::NothingShared, C::Unknown])
        }
    }
}

fn cheapers() -> Vec<Value> {
    use Cheaper as C;
    match C::Own {
        C::Own | C::Api | C::Tie | C::OwnByValue | C::ApiByValue => {
            variants::written([C::Own, C::Api, C::Tie, C::OwnByValue, C::ApiByValue])
        }
    }
}

fn chosen() -> Vec<Value> {
    use Chosen as C;
    match C::Named {
        C::Named | C::Comparable | C::Cheapest => {
            variants::written([C::Named, C::Comparable, C::Cheapest])
        }
    }
}

fn hits() -> Vec<Value> {
    use HitsBy as H;
    match H::Stated {
        H::Stated | H::Found | H::Logged | H::Measured => {
            variants::written([H::Stated, H::Found, H::Logged, H::Measured])
        }
    }
}

fn sides() -> Vec<Value> {
    use Side as S;
    match S::Tie {
        S::Tie | S::Higher | S::Lower | S::Unknown => {
            variants::written([S::Tie, S::Higher, S::Lower, S::Unknown])
        }
    }
}

fn told() -> Vec<Value> {
    use ToldBy as T;
    match T::Kinds {
        T::Kinds | T::Bounds | T::Mixes | T::Rate => {
            variants::written([T::Kinds, T::Bounds, T::Mixes, T::Rate])
        }
    }
}

/// Those that a rented machine has; an owned one's are never varied here.
fn inputs() -> Vec<Value> {
    let half = Ratio::of(0.5);
    let all = [
        Input::Price(UsdPerHour(2.5)),
        Input::Speed(half),
        Input::Load(Load::new(half).unwrap()),
        Input::Mix(half),
        Input::HitRate(half),
    ];
    match all[0] {
        Input::Price(_)
        | Input::Speed(_)
        | Input::Load(_)
        | Input::Mix(_)
        | Input::HitRate(_)
        | Input::Electricity(_)
        | Input::Purchase(_)
        | Input::Life(_)
        | Input::Pue(_)
        | Input::CostOfCapital(_) => {}
    }
    variants::written(all)
}
