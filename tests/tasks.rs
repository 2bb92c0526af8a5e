//! `mtok tasks` from outside: a real model, a record that is broken off, an API that answers in every way.

#![allow(clippy::unwrap_used, reason = "a test that can't run the program has to stop")]

mod common;
#[path = "http_target/server.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod server;

use insta_cmd::get_cargo_bin;
use serde_json::{Value, json};
use server::Server;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

fn home(name: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tasks").join(name);
    let _ = fs_err::remove_dir_all(&home);
    fs_err::create_dir_all(&home).unwrap();
    home
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.arg("tasks").args(arguments).env("MTOK_HOME", home);
    command.env_remove("MTOK_PRICE").env_remove("MTOK_TARGET_KEY");
    command
}

fn ran(home: &Path, arguments: &[&str]) -> Output {
    command(home, arguments).output().unwrap()
}

/// The table.
#[track_caller]
fn asked(home: &Path, arguments: &[&str]) -> Value {
    let output = ran(home, &[arguments, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The only record.
fn record(home: &Path) -> PathBuf {
    let mut folders = fs_err::read_dir(home.join("tasks")).unwrap();
    folders.next().unwrap().unwrap().path().join("01.jsonl")
}

/// A small model's answers are the same twice, and those of a run that was broken off in mid-line and
/// resumed are those of one that was not. What an API would charge for them is then the same, too.
#[test]
fn heavy_a_record_that_was_broken_off_goes_on() {
    let model = common::model("smollm2-135m").display().to_string();
    let what = ["--model", &model, "--families", "arithmetic,copying", "--repeats", "2"];
    let paid = ["--limit", "4", "--api", "groq/llama-3.1-8b-instant"];
    let arguments = [&what[..], &paid].concat();
    let (whole, again, broken) = (home("whole"), home("again"), home("broken"));
    let table = asked(&whole, &arguments);
    let attempts = table["models"][0]["attempts"].as_u64().unwrap();
    assert!(attempts >= 16, "{table:#}");
    assert_eq!(table, asked(&again, &arguments), "the same twice");

    let text = fs_err::read(record(&whole)).unwrap();
    for cut in [text.len() / 3, text.len() - 7] {
        let folder = broken.join("tasks").join(format!("at-{cut}"));
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("01.jsonl"), &text[..cut]).unwrap();
        let name = format!("at-{cut}");
        let resumed = asked(&broken, &[&arguments[..], &["--resume", &name]].concat());
        assert_eq!(resumed["families"], table["families"], "cut off at byte {cut}");
        // What is on record is judged again without a model.
        let judged = asked(&broken, &["--from", &name, "--api", "groq/llama-3.1-8b-instant"]);
        assert_eq!(judged["all"], resumed["all"]);
    }
    // Under another seed it is another record.
    let name = format!("at-{}", text.len() - 7);
    let other = ran(&broken, &[&arguments[..], &["--resume", &name, "--seed", "1"]].concat());
    assert_eq!(other.status.code(), Some(2), "{}", String::from_utf8_lossy(&other.stderr));
    assert!(String::from_utf8_lossy(&other.stderr).contains("seed is `0`"));
}

/// A base model is asked by examples, and stops at the end of its answer.
#[test]
fn heavy_a_base_model_is_asked_by_examples() {
    let model = common::model("gemma-3-270m").display().to_string();
    let home = home("base");
    let table = asked(
        &home,
        &["--model", &model, "--families", "entailment", "--limit", "6", "--price", "0.10/h"],
    );
    let row = &table["all"]["rows"][0];
    // An answer and the end of its line.
    assert!(row["tokens"]["median"].as_f64().unwrap() < 16.0, "{row:#}");
    assert!(row["cost"]["per_attempt"]["value"].as_f64().unwrap() > 0.0, "{row:#}");
}

const OWN: &str = r#"{"id":"a","question":"2+2?","answer":4}
{"id":"b","question":"3+3?","answer":6}
{"id":"c","question":"4+4?","answer":8}
{"id":"d","question":"5+5?","answer":10}
{"id":"e","question":"6+6?","answer":12}
"#;

fn answer(content: &Value, refusal: &Value, reason: &str, usage: &Value) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{ "index": 0, "finish_reason": reason,
            "message": { "role": "assistant", "content": content, "refusal": refusal } }],
        "usage": usage,
    })
    .to_string()
}

/// Answers in the forms that OpenAI's API documents: with reasoning tokens, cut off, refused, after a
/// 429, and never at all. The bill is the book's: 0.05 and 0.08 USD/Mtok.
#[test]
fn an_api_is_billed_for_all_that_it_did() {
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |asked, back| {
        if asked.what.starts_with("GET") {
            let models = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
            back.send(format!("{head}\r\nContent-Length: {}\r\n\r\n{models}", models.len()));
            return;
        }
        let said = asked.body["messages"].to_string();
        let usage = |output: u64, reasoning: u64| {
            json!({ "prompt_tokens": 100, "completion_tokens": output, "total_tokens": 100 + output,
                "completion_tokens_details": { "reasoning_tokens": reasoning } })
        };
        let (mut status, mut more) = ("200 OK", "");
        let body = if said.contains("2+2") {
            answer(&json!("Answer: 4"), &Value::Null, "stop", &usage(50, 40))
        } else if said.contains("3+3") {
            answer(&json!("Three and three make"), &Value::Null, "length", &usage(16, 0))
        } else if said.contains("4+4") {
            answer(&Value::Null, &json!("I can't help with that."), "stop", &usage(9, 0))
        } else if said.contains("5+5") && tries.fetch_add(1, Ordering::SeqCst) == 0 {
            (status, more) = ("429 Too Many Requests", "Retry-After: 0\r\n");
            r#"{"error":{"message":"slow down","type":"rate_limit_error"}}"#.to_owned()
        } else if said.contains("5+5") {
            answer(&json!("Answer: 10"), &Value::Null, "stop", &usage(5, 0))
        } else {
            status = "400 Bad Request";
            r#"{"error":{"message":"no","type":"invalid_request_error"}}"#.to_owned()
        };
        let head = format!("HTTP/1.1 {status}\r\n{more}Content-Type: application/json");
        back.send(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    });
    let home = home("api");
    let file = home.join("own.jsonl");
    fs_err::write(&file, OWN).unwrap();
    let file = file.display().to_string();
    let asked_of = ["--target", &server.url, "--model", "m", "--no-stream", "--file", &file];
    let table = asked(&home, &[&asked_of[..], &["--api", "groq/llama-3.1-8b-instant"]].concat());
    let row = &table["all"]["rows"][0];
    let verdicts = &row["verdicts"];
    let found = ["solved", "wrong", "no_answer", "refused", "truncated", "failed"]
        .map(|verdict| verdicts[verdict].as_u64().unwrap());
    assert_eq!(found, [2, 0, 0, 1, 1, 1], "{row:#}");
    assert_eq!(row["retries"], 1);
    // Four answers of 100 tokens in, and 50 + 16 + 9 + 5 out; the 429 and the 400 cost nothing.
    let billed = "0.0000264";
    assert_eq!(row["cost"]["billed"], billed, "{row:#}");
    let per_solved = row["cost"]["per_solved"]["value"].as_f64().unwrap();
    assert!((per_solved - 0.000_026_4 / 2.0).abs() < 1e-15, "{per_solved}");
    // 40 of 80 completion tokens were reasoning.
    assert!((row["tokens"]["reasoning"].as_f64().unwrap() - 0.5).abs() < 1e-9, "{row:#}");
}

/// An API that lets nobody in answers nothing, and the exit code says so; what failed is asked again.
#[test]
fn what_failed_is_asked_again() {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&asked);
    let server = Server::start(move |asked, back| {
        let (status, body) = if asked.what.starts_with("GET") {
            ("200 OK", r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#)
        } else {
            count.fetch_add(1, Ordering::SeqCst);
            ("401 Unauthorized", r#"{"error":{"message":"no key","type":"invalid_request_error"}}"#)
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json");
        back.send(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    });
    let home = home("failed");
    let file = home.join("own.jsonl");
    fs_err::write(&file, OWN).unwrap();
    let file = file.display().to_string();
    let what = ["--target", &server.url, "--model", "m", "--no-stream", "--file", &file];
    for (more, times) in [(&[][..], 5), (&["--resume", "last"], 10)] {
        let output = ran(&home, &[&what[..], more].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("no question was answered"), "{said}");
        assert_eq!(asked.load(Ordering::SeqCst), times);
    }
    // Two tries of one attempt, not two attempts.
    let table = asked_of(&home);
    let row = &table["all"]["rows"][0];
    assert_eq!((&row["attempts"], &row["retries"]), (&json!(5), &json!(5)), "{row:#}");
}

/// The last record's table, failed or not.
fn asked_of(home: &Path) -> Value {
    let output = ran(home, &["--from", "last", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let home = home("refused");
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let output = ran(&home, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    refused(&["--from", "nothing"], 3, "no record of tasks `nothing`");
    refused(&["--from", "last"], 3, "no record of tasks `last`");
    refused(&["--api", "no-such-model-anywhere"], 2, "`--api`");
    refused(&["--load", "0%"], 2, "`--load`");
    refused(&["--target", "http://127.0.0.1:9", "--model", "a,b"], 2, "one model");
    let model = "/nonexistent/model.gguf";
    refused(&["--model", model], 3, "nonexistent");
}
