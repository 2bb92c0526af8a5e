//! What several whole-program tests need.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::{Path, PathBuf};

/// Where real models are kept between runs: `MTOK_TEST_MODELS`, or under `target`.
pub(crate) fn models() -> PathBuf {
    match std::env::var_os("MTOK_TEST_MODELS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-models"),
    }
}

/// A real model of the catalogue.
pub(crate) fn model(name: &str) -> PathBuf {
    let file = match name {
        "smollm2-135m" => "smollm2-135m-instruct-q4_1.gguf",
        "qwen2.5-coder-0.5b" => "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        other => panic!("no test uses `{other}`"),
    };
    models().join(file)
}

/// A fixture recorded from a peer.
pub(crate) fn peer(name: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers").join(name);
    let text = fs_err::read_to_string(&path).expect("the fixture is there");
    serde_json::from_str(&text).expect("fixtures are JSON")
}
