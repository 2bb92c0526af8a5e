//! Tasks on record, judged: solved and never solved, priced and not.

use std::path::Path;

use serde_json::{Value, json};

use crate::{check, home, printed};

/// Writes a record: of each model the verdicts of its attempts at so many problems of one family, every
/// other a variant of the one before.
fn write(home: &Path, name: &str, models: &[(&str, &[&str])]) {
    let folder = home.join("tasks").join(name);
    fs_err::create_dir_all(&folder).unwrap();
    for (number, (model, verdicts)) in models.iter().enumerate() {
        let head = json!({
            "schema": "mtok.attempts/1", "started": "2026-11-22T12:00:00Z", "mtok": "0.1.0",
            "suite": "own", "suite_version": "1", "seed": 7, "temperature": 0.0, "repeats": 1,
            "model": { "name": model }, "target": "https://api.example.com/v1",
            "cut": { "text": "a text", "characters": 400, "tokens": 100 + number }
        });
        let attempts = verdicts.iter().enumerate().map(|(at, verdict)| {
            let sent = format!("2026-11-22T12:00:{at:02}Z");
            let mut one = json!({ "at": sent, "took": 1.5, "finish": "stop", "prompt": 100,
                "cached": 10, "output": 20 + at, "reasoning": 5 });
            let failed = json!({ "at": sent, "took": 0.5, "finish": { "failed": {
                "kind": "time_out", "reason": "nothing came" } } });
            let (family, problem) = (at % 2, at / 2);
            let tries = match *verdict {
                "failed" => json!([failed]),
                "solved" if at == 0 => json!([failed, one]),
                _ => json!([one.take()]),
            };
            let mut attempt = json!({ "task": format!("f/{at}"), "family": "f", "repeat": 1,
                "verdict": verdict, "answer": "4", "tries": tries, "prompt_characters": 380,
                "reply_characters": 70 });
            if family == 1 {
                attempt["variant_of"] = json!(format!("f/{}", 2 * problem));
            }
            attempt
        });
        let lines: Vec<String> =
            std::iter::once(head).chain(attempts).map(|line| line.to_string()).collect();
        fs_err::write(folder.join(format!("0{number}.jsonl")), lines.join("\n") + "\n").unwrap();
    }
}

#[test]
fn tasks() {
    let home = home("tasks");
    let good: Vec<&str> = [["solved"; 14].as_slice(), &["wrong", "truncated"]].concat();
    let some: Vec<&str> = [["wrong"; 13].as_slice(), &["solved", "refused", "failed"]].concat();
    write(
        &home,
        "several",
        &[("good", &good), ("some", &some), ("none", &["wrong", "no_answer", "wrong", "wrong"])],
    );
    let judged = |more: &[&str]| printed(&home, &[&["tasks", "--from", "several"], more].concat());
    let documents = [
        judged(&["--price", "2.50/h"]),
        judged(&["--price", "2.50/h", "--load", "30%", "--reference", "good"]),
        judged(&["--api", "groq/llama-3.1-8b-instant"]),
        judged(&[]),
    ];
    let row = |number: usize, at: usize| documents[number]["all"]["rows"][at].clone();
    assert_eq!(row(0, 2)["cost"]["per_solved"]["state"], "none_solved");
    assert_eq!(row(3, 0)["cost"], Value::Null);
    let mut judge = documents[0]["models"][0].clone();
    (judge["judged"], judge["judging"]) = (json!(3), json!(0.01));
    let finding =
        |finding: &str| json!({ "value": 1.0, "low": 0.5, "high": 2.0, "finding": finding });
    let findings = ["more", "less", "tie", "untold"].map(finding);
    let parts = [
        ("task_model", vec![judge]),
        ("contrast", findings.to_vec()),
        ("signed_estimate", vec![json!({ "value": -0.1, "interval": null })]),
        ("per_solved", unbounded()),
        ("token_spread", vec![without(&row(0, 0)["tokens"], &["reasoning"])]),
        ("variants", vec![without(&row(0, 0)["variants"], &["tokens"])]),
        ("task_row", vec![without(&row(0, 0), &["tokens", "variants"])]),
        (
            "cut",
            vec![without(
                &documents[0]["models"][0]["characters"],
                &["text", "same_text", "prompts", "replies"],
            )],
        ),
    ];
    check("tasks", &documents, &[], &parts);
}

/// A document in which these are not known.
fn without(document: &Value, fields: &[&str]) -> Value {
    let mut document = document.clone();
    for field in fields {
        assert!(!document[field].is_null(), "`{field}` of {document}");
        document[field] = Value::Null;
    }
    document
}

/// Too few problems for an end.
fn unbounded() -> Vec<Value> {
    vec![
        json!({ "state": "none_solved", "spent": 0.1, "at_least": null }),
        json!({ "state": "solved", "value": 0.1, "interval": null }),
    ]
}
