//! `mtok estimate` from outside: what it says, what it refuses, shapes by hand.
//!
//! Figures are held by the rooms' tests; here are words, exit codes and files.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has to stop")]

use insta_cmd::get_cargo_bin;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// The program's exit code and what it says: stdout where it succeeds, else stderr.
fn said(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.arg("estimate").args(arguments).env_remove("MTOK_PRICE");
    command.env("MTOK_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-home"));
    let output = command.output().unwrap();
    let stream = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.code(), String::from_utf8(stream).unwrap())
}

fn document(arguments: &[&str]) -> Value {
    let (code, text) = said(&[arguments, &["--json"]].concat());
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).unwrap()
}

const LLAMA: [&str; 4] = ["--gpu", "h100-sxm", "--model", "llama-3.1-8b"];

#[test]
fn the_ladder_its_error_its_floor_and_the_apis() {
    let (code, text) = said(&[&LLAMA[..], &["--price", "2.50/h", "--format", "md"]].concat());
    assert_eq!(code, Some(0), "{text}");
    for words in [
        "llama-3.1-8b: the shape of Llama 3.1 8B (8,030,000,000 parameters",
        "1 × NVIDIA H100 SXM; requests of 512 prompt and 256 output tokens",
        "Price: 2.50 USD/h, as given.",
        "**Estimated at full load, with 95 % intervals**",
        "sequences at once fit at most",
        "**Where a step's time goes at",
        "| Llama 3.1 8B Instruct (this model) | novita |",
        "An estimate: nothing was measured.",
    ] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
    assert_eq!(text, said(&[&LLAMA[..], &["--price", "2.50/h", "--format", "md"]].concat()).1);
}

/// Every price's interval is above its floor, more at once is never dearer in all, and slower each.
#[test]
fn the_ladder_keeps_its_order() {
    let told = document(&[&LLAMA[..], &["--price", "2.50/h"]].concat());
    let rungs = told["rungs"].as_array().unwrap();
    let number = |rung: &Value, path: &str| rung.pointer(path).and_then(Value::as_f64).unwrap();
    for rung in rungs {
        let costs = "/outcome/costs/blended";
        let low = number(rung, &format!("{costs}/interval/0"));
        assert!(number(rung, "/outcome/costs/blended_floor") <= low, "{rung}");
        assert!(low <= number(rung, &format!("{costs}/value")), "{rung}");
    }
    for pair in rungs.windows(2) {
        let (less, more) = (&pair[0], &pair[1]);
        let (cost, gap) = ("/outcome/costs/blended/value", "/outcome/prediction/gap/value");
        assert!(number(more, cost) <= number(less, cost), "{more}");
        assert!(number(more, gap) >= number(less, gap), "{more}");
    }
}

#[test]
fn what_does_not_fit_is_said_with_a_way_out() {
    let large = ["--gpu", "h100-sxm", "--model", "llama-3.3-70b", "--batch", "8"];
    let (code, text) = said(&large);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("8 at once: does not fit: 144 GB needed, 77 GB there;"), "{text}");
    assert!(text.contains("2 GPUs or fp8 weights"), "{text}");
    // Nothing that doesn't fit has a figure, and no API is said to be beaten.
    let told = document(&large);
    assert!(told["rungs"][0]["outcome"].is_null() && told["cheapest"].is_null());
    assert!(told["beside"].as_array().unwrap().iter().all(|row| row["break_even"].is_null()));
}

/// A refusal names what was said, and a way out.
#[track_caller]
fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let (got, text) = said(arguments);
    assert_eq!(got, Some(code), "{text}");
    for words in words {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
}

#[test]
fn what_has_no_answer_is_refused() {
    let with = |more: &[&'static str]| [&LLAMA[..], more].concat();
    refused(
        &["--gpu", "h100", "--model", "llama-3.1-8b"],
        2,
        &["`--gpu`: no GPU `h100`", "did you mean one of `h100-sxm`"],
    );
    refused(
        &["--gpu", "l4", "--model", "lama-3.1-8b"],
        2,
        &["`--model`: no shape of a model `lama-3.1-8b`", "did you mean", "`config.json`"],
    );
    refused(&["--gpu", "l4", "--model", "zzz"], 2, &["`config.json`", "`gpt-oss-20b`"]);
    refused(&with(&["--batch", "8,0"]), 2, &["`--batch`: `0`"]);
    refused(&with(&["--tp", "0"]), 2, &["`--tp`: `0`"]);
    refused(&with(&["--output-tokens", "0"]), 2, &["`--output-tokens`: `0`"]);
    refused(&with(&["--prompt-tokens", "131072"]), 2, &["131328 tokens", "`--prompt-tokens`"]);
    refused(&with(&["--precision", "mxfp4"]), 2, &["has none", "use bf16, fp8 or int4"]);
    refused(&with(&["--precision", "fp5"]), 2, &["possible values: bf16, fp8, mxfp4, int4"]);
    refused(&with(&["--price", "2.50"]), 2, &["`--price`"]);
    refused(&with(&["--price", "-2.50/h"]), 2, &["`--price`", "it is negative"]);
    refused(&with(&["--price", "1e300/h"]), 2, &["`--price`", "more than any machine costs"]);
    refused(&with(&["--prompt-tokens", "1e30"]), 2, &["`--prompt-tokens`", "out of range"]);
    for slo in ["ttft<=1s", "tpot.p99<=1s", "tpot<=1s,e2e<=9s"] {
        refused(&with(&["--slo", slo]), 2, &["`--slo`", "`tpot<=50ms`"]);
    }
}

/// A file of its own for a test.
fn file(name: &str, text: &[u8]) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("estimate");
    let path = folder.join(name);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const CONFIG: &str = r#"{"model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096,
    "vocab_size": 128256, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 14336, "max_position_embeddings": 131072}"#;

/// A configuration, its folder and a file of one shape are the catalogue's model by other names.
#[test]
fn a_shape_by_hand() {
    let config = file("my-llama/config.json", CONFIG.as_bytes());
    let folder = config.strip_suffix("/config.json").unwrap().to_owned();
    let all = include_str!("../data/models.toml");
    let entry = all.split("[[model]]").find(|entry| entry.contains("\"llama-3.1-8b\"")).unwrap();
    let book = file("mine.toml", format!("[[model]]{entry}").as_bytes());
    let known = document(&LLAMA);
    for (path, id) in [(config, "my-llama"), (folder, "my-llama"), (book, "llama-3.1-8b")] {
        let told = document(&["--gpu", "h100-sxm", "--model", &path]);
        assert_eq!(told["model"]["id"], id);
        assert_eq!(told["rungs"], known["rungs"], "{path}");
    }
}

/// Thousands are written as everywhere, what is asked for twice is answered once, and GPUs that heads
/// can't be shared out among are named.
#[test]
fn flags_are_read_as_they_are_meant() {
    let told = |more: &[&'static str]| document(&[&LLAMA[..], more].concat());
    let asked = told(&["--prompt-tokens", "1k", "--output-tokens", "1_000", "--batch", "8,4,8"]);
    assert_eq!((&asked["prompt"], &asked["output"]), (&1_000.into(), &1_000.into()));
    let batches: Vec<_> = asked["rungs"].as_array().unwrap().iter().map(|r| &r["batch"]).collect();
    assert_eq!(batches, [8, 4]);
    let three = told(&["--tp", "3", "--batch", "8"]);
    let cautions = three["cautions"].to_string();
    assert!(cautions.contains("32 heads can't be shared out among 3 GPUs"), "{cautions}");
}

#[test]
fn a_file_that_is_no_shape_is_refused() {
    let gpu = |path: &'static str| ["--gpu", "l4", "--model", path];
    refused(&gpu("./nowhere/config.json"), 3, &["`./nowhere/config.json` can't be read"]);
    let of = |name: &str, text: &[u8], words: &[&str]| {
        refused(&["--gpu", "l4", "--model", &file(name, text)], 3, words);
    };
    of("empty.json", b"", &["empty.json", "EOF"]);
    of("other.json", br#"{"model_type": "mamba2"}"#, &["`model_type` is `mamba2`", "models.toml"]);
    of("none.toml", b"model = []", &["holds 0 models"]);
    of("bytes.json", &[0xff; 64], &["can't be read"]);
    of("long.json", &vec![b' '; (1 << 20) + 1], &["longer than any description"]);
    of("deep.json", "[".repeat(100_000).as_bytes(), &["deep.json"]);
}
