//! What the smaller commands print: a cost, an estimate, claims, GPUs, models, this machine.

use serde_json::json;

use crate::{check, home, printed, variants};

#[test]
fn cost() {
    let home = home("cost");
    let machine = ["cost", "--price", "2.50/h", "--rate"];
    let bill = ["cost", "--workload", "10M:5M", "--token-price", "5e-6/tok:1.6e-5/tok"];
    let of = |words: &[&str], more: &[&str]| printed(&home, &[words, more].concat());
    let loads = ["185tok/s", "--load", "100%,30%", "--claim"];
    let claimed = |figure: &str| of(&machine, &[&loads[..], &[figure]].concat());
    let rented = ["--rented", "4.5h", "--start-up", "12min", "--billing", "hour"];
    let documents = [
        of(&machine, &["185tok/s"]),
        of(&machine, &[&["185±5tok/s"], &rented[..]].concat()),
        claimed("3.75/Mtok"),
        claimed("0.0038/Mtok"),
        claimed("77/Mtok"),
        of(&["cost", "--rate"], &[&["185tok/s"], &crate::judged::OWNED[..]].concat()),
        of(&bill, &[]),
        of(&bill, &["--claim", "0.13"]),
    ];
    let became = |n: usize| &documents[n]["audit"]["verdict"];
    assert_eq!((became(2), became(4)), (&json!("right"), &json!("unexplained")));
    assert_eq!(became(3)["slipped"]["slip"], "per_thousand");
    let may_lack = ["/audit", "/machine/rental", "/machine/owned"];
    check("cost", &documents, &may_lack, &[("slip", variants::slips())]);
}

/// Words that hold for all: every cause of time, what bounds, whether it was measured, what fits.
#[test]
fn estimate() {
    let home = home("estimate");
    let of = |gpu: &str, model: &str, more: &[&str]| {
        let asked = ["estimate", "--gpu", gpu, "--model", model];
        printed(&home, &[&asked, more].concat())
    };
    let long = ["--prompt-tokens", "40000", "--output-tokens", "40000"];
    let documents = [
        of("h100-sxm", "llama-3.1-8b", &["--slo", "tpot<=12ms", "--price", "2.50/h"]),
        of("h100-sxm", "qwen3-30b-a3b", &["--tp", "2", "--precision", "fp8"]),
        of("h100-sxm", "gpt-oss-20b", &["--batch", "1,64", "--kv-precision", "fp8"]),
        // Too large, mended by more GPUs, smaller weights, a smaller cache, fewer at once.
        of("h100-sxm", "llama-3.1-70b", &["--batch", "1"]),
        of("h100-sxm", "llama-3.1-8b", &[&long[..], &["--batch", "8,12,1000"]].concat()),
        of("h100-sxm", "llama-3.1-70b", &["--precision", "int4"]),
        of("mi325x", "llama-3.1-8b", &["--slo", "tpot<=1us"]),
        of("l40s", "llama-3.2-1b", &["--price", "100/h"]),
        of("l40s", "llama-3.2-1b", &crate::judged::OWNED),
    ];
    check("outlook", &documents, &[], &[]);
}

#[test]
fn audit() {
    let document = printed(&home("audit"), &["audit"]);
    check("claims", &[document], &[], &[("slip", variants::slips())]);
}

#[test]
fn gpus() {
    let home = home("gpus");
    let shown = printed(&home, &["gpus", "show", "h100-sxm"]);
    // On demand and spot: the list has the former alone.
    let rents = shown["rents"]["rents"].as_array().unwrap().clone();
    check("gpus", &[printed(&home, &["gpus", "list"])], &[], &[("rent", rents)]);
    check("gpu", &[shown], &[], &[]);
    check("rents", &[printed(&home, &["gpus", "prices"])], &[], &[]);
}

#[test]
fn models() {
    let home = home("models");
    check("models", &[printed(&home, &["models", "list"])], &[], &[]);
    let catalogued = printed(&home, &["models", "show", "llama-3.1-8b"]);
    check("model", &[catalogued, variants::bare_model()], &[], &[]);
}

#[test]
fn doctor() {
    check("doctor", &[printed(&home("doctor"), &["doctor"])], &[], &[]);
}
