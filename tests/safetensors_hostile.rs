//! Corrupted folders of safetensors: each is a clear error, or a model whose every part can be read;
//! never a panic, and never more memory than twice the files and 64 MiB.
//!
//! A program of its own, because the peak of memory is the whole process's.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod hostile;

use hostile::{Random, peak_of};
use mtok::hint::{Fault, Hint};
use mtok::model::spec::{FeedForward, LayerPart, Part, Spec};
use mtok::model::weights::Weights;
use mtok::model::{Control, Description, Folder, Loaded, ModelError};
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// A model in several files with a tokenizer, and one with experts in a single file.
const FIXTURES: [&str; 2] = ["smollm2", "qwen3-moe"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/families").join(name)
}

fn copy(name: &str, to: &Path) {
    for entry in fs_err::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        fs_err::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// All that the product does with a folder before it runs it, and a read of every weight.
fn load(path: &Path) -> Result<(), ModelError> {
    let folder = Folder::open(path)?;
    let description = Description::of_folder(&folder)?;
    let weights = description.weights()?;
    let mut bytes = Vec::new();
    for part in parts(&description.spec) {
        if let Some(matrix) = weights.find(part) {
            weights.read(part, 0..matrix.rows, &mut bytes)?;
            assert!(matrix.rows > 0 && matrix.cols > 0 && !bytes.is_empty());
        }
    }
    if path.join("tokenizer.json").exists() {
        let loaded = Loaded::open(path)?;
        loaded.tokenizer.encode("hello <|im_end|> 123", Control::Recognised)?;
        loaded.tokenizer.encode("hello <|im_end|> 123", Control::Literal)?;
    }
    Ok(())
}

fn parts(spec: &Spec) -> Vec<Part> {
    use LayerPart as P;
    let mut parts = vec![Part::Embedding, Part::OutputNorm, Part::Head];
    for (index, layer) in spec.layers.iter().enumerate() {
        let attention = [P::AttentionNorm, P::Query, P::Key, P::Value, P::QueryNorm, P::Output];
        let mut own = attention.to_vec();
        match layer.feed_forward {
            FeedForward::Dense { .. } => own.extend([P::Gate, P::Up, P::Down]),
            FeedForward::Experts { experts, .. } => {
                own.push(P::Router);
                for expert in 0..experts {
                    own.extend([P::ExpertGate(expert), P::ExpertUp(expert), P::ExpertDown(expert)]);
                }
            }
        }
        parts.extend(own.into_iter().map(|part| Part::Layer(index, part)));
    }
    parts
}

/// Loads a folder and sees that it ends well, and how much memory it took.
#[track_caller]
fn ends_well(path: &Path, what: &str) -> Result<(), ModelError> {
    let bytes: u64 =
        fs_err::read_dir(path).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let (result, peak) = peak_of(|| catch_unwind(AssertUnwindSafe(|| load(path))));
    let result = result.unwrap_or_else(|_| panic!("{what}: a panic"));
    assert!(peak <= 2 * bytes + (64 << 20), "{what}: {peak} bytes for files of {bytes}");
    if let Err(error) = &result {
        let text = error.to_string();
        let named = [".json", ".safetensors", path.to_str().unwrap()];
        assert!(named.iter().any(|name| text.contains(name)), "{what}: names no file: {text}");
        assert!(text.len() < 70_000, "{what}: {text}");
        assert_eq!(error.fault(), Fault::Input, "{what}: {text}");
    }
    result
}

/// Where a file's header ends: a flipped weight is no fault that anybody could see.
fn header_end(bytes: &[u8]) -> usize {
    let (length, _) = bytes.split_first_chunk().unwrap();
    8 + usize::try_from(u64::from_le_bytes(*length)).unwrap()
}

/// Damages one file in one of several ways.
fn corrupt(path: &Path, case: usize, random: &mut Random) -> String {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let mut bytes = fs_err::read(path).unwrap();
    let weights = name.ends_with(".safetensors");
    let end = if weights { header_end(&bytes) } else { bytes.len() };
    let what = match case % 5 {
        0 => {
            let at = random.below(end);
            bytes[at] ^= 1 << random.below(8);
            format!("bit flipped at {at}")
        }
        1 => {
            let to = random.below(bytes.len());
            bytes.truncate(to);
            format!("cut to {to}")
        }
        2 if weights => {
            let length =
                random.pick(&[0, 1, 2, 1 << 20, 100 << 20, 1 << 40, u64::MAX - 7, u64::MAX]);
            bytes[..8].copy_from_slice(&length.to_le_bytes());
            format!("header of {length}")
        }
        _ => {
            // A digit elsewhere: lengths, offsets, counts.
            let digits: Vec<_> = (0..end).filter(|&at| bytes[at].is_ascii_digit()).collect();
            // A file without numbers gets one where none belongs.
            let at = digits.get(random.below(digits.len().max(1))).copied().unwrap_or(end / 2);
            let more = random.pick(&["9", "0", "-", "99999999", "18446744073709551615"]);
            bytes.splice(at..=at, more.bytes());
            format!("`{more}` at {at}")
        }
    };
    fs_err::write(path, bytes).unwrap();
    format!("{name}: {what}")
}

#[test]
fn corrupted_files_are_errors_or_load() {
    let (mut errors, mut loads) = (0, 0);
    for name in FIXTURES {
        let folder = tempfile::tempdir().unwrap();
        copy(name, folder.path());
        load(folder.path()).expect("the sound folder loads");
        let files: Vec<_> = fs_err::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                !path.ends_with("expected.safetensors") && !path.ends_with("tokens.json")
            })
            .collect();
        let mut files = files;
        files.sort();
        for case in 0..200 {
            let mut random = Random(2_000 + case as u64);
            let path = &files[random.below(files.len())];
            let sound = fs_err::read(path).unwrap();
            let what = format!("{name}, case {case}: {}", corrupt(path, case, &mut random));
            match ends_well(folder.path(), &what) {
                Ok(()) => loads += 1,
                Err(_) => errors += 1,
            }
            fs_err::write(path, sound).unwrap();
        }
    }
    eprintln!("{errors} errors, {loads} loads");
    // The faults must bite, and some must be harmless: else this tests nothing.
    assert!(errors >= 200 && loads >= 10, "{errors} errors, {loads} loads");
}

/// Changes one JSON file of a fixture; the folder must then be refused, in words that have `says`.
#[track_caller]
fn refused(name: &str, file: &str, change: impl FnOnce(&mut Value), says: &str) {
    let folder = tempfile::tempdir().unwrap();
    copy(name, folder.path());
    let path = folder.path().join(file);
    let mut value: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs_err::write(&path, value.to_string()).unwrap();
    let error = ends_well(folder.path(), says).expect_err(says);
    assert!(error.to_string().contains(says), "{says}: {error}");
    assert!(error.hint().is_some(), "{error}");
}

#[track_caller]
fn config(name: &str, key: &str, value: Value, says: &str) {
    refused(name, "config.json", |config| config[key] = value, says);
}

#[test]
fn numbers_that_can_not_be() {
    config("llama", "hidden_size", json!(0), "`hidden_size` is `0`");
    config("llama", "hidden_size", json!("48"), "not a whole number");
    config("llama", "hidden_size", json!(64), "tensor `model.embed_tokens.weight`");
    config("llama", "num_attention_heads", json!(5), "must divide the number of heads, 5");
    config("llama", "num_key_value_heads", json!(3), "must divide the number of heads, 4");
    config("llama", "head_dim", json!(7), "`partial_rotary_factor`");
    config("llama", "num_hidden_layers", json!(1 << 30), "it must be from 1 to");
    config("llama", "max_position_embeddings", json!(0), "`max_position_embeddings`");
    config("llama", "rms_norm_eps", json!(-1.0), "`rms_norm_eps`");
    config("llama", "rope_theta", json!(1.0), "it must be above 1");
    config("llama", "vocab_size", json!(null), "key `vocab_size` (a whole number) is missing");
    config("mistral", "sliding_window", json!(-4), "`sliding_window`");
    config("gemma2", "attn_logit_softcapping", json!(-5.0), "it must be above 0");
    config("gemma3", "sliding_window_pattern", json!(0), "`sliding_window_pattern`");
    config("mixtral", "num_experts_per_tok", json!(7), "it must be from 1 to 6");
    let factors = json!({"type": "longrope", "short_factor": [1.0, 0.0], "long_factor": []});
    config("phi3", "rope_scaling", factors, "there must be 6, above 0");
}

#[test]
fn what_the_engine_can_not_do() {
    config("llama", "model_type", json!("falcon"), "its model type is `falcon`");
    config("llama", "hidden_act", json!("relu2"), "its `hidden_act` is `relu2`");
    config("llama", "mlp_bias", json!(true), "it has `mlp_bias`");
    config("llama", "quantization_config", json!({}), "quantized in a way of their own");
    config("llama3", "rope_scaling", json!({"rope_type": "mrope"}), "stretched by `mrope`");
    config(
        "qwen3",
        "layer_types",
        json!(["full_attention", "linear"]),
        "attention is `\"linear\"`",
    );
}

#[test]
fn tensors_that_do_not_fit_the_config() {
    config(
        "llama",
        "num_hidden_layers",
        json!(3),
        "`model.layers.2.input_layernorm.weight`: it is",
    );
    config("llama", "num_hidden_layers", json!(1), "has no place in the engine's `llama`");
    config("llama", "attention_bias", json!(true), "`model.layers.0.self_attn.q_proj.bias`: it is");
    config("llama", "model_type", json!("qwen3"), "q_norm.weight`: it is missing");
    config("qwen2", "model_type", json!("llama"), "has no place in the engine's `llama`");
    config("smollm2", "tie_word_embeddings", json!(false), "`lm_head.weight`: it is missing");
    config("qwen3-moe", "mlp_only_layers", json!([]), "`model.layers.1.mlp.gate.weight`: it is");
}

#[test]
fn an_index_that_leads_elsewhere() {
    const INDEX: &str = "model.safetensors.index.json";
    let to = |file: &'static str| {
        move |index: &mut Value| index["weight_map"]["model.norm.weight"] = json!(file)
    };
    for file in ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", ""] {
        refused("smollm2", INDEX, to(file), "that is no file of this folder");
    }
    refused("smollm2", INDEX, to("model-00001-of-00003.safetensors"), "it isn't there");
    refused("smollm2", INDEX, to("config.json"), "config.json`: the header's length");
    let another = |index: &mut Value| {
        index["weight_map"]["other"] = json!("model-00001-of-00003.safetensors");
    };
    refused("smollm2", INDEX, another, "tensor `other` is said to be in");
}

/// A file of one tensor with a header of our own.
#[track_caller]
fn header(header: &str, says: &str) {
    let folder = tempfile::tempdir().unwrap();
    copy("llama", folder.path());
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend([0; 64]);
    fs_err::write(folder.path().join("model.safetensors"), bytes).unwrap();
    let error = ends_well(folder.path(), says).expect_err(says);
    assert!(error.to_string().contains(says), "{says}: {error}");
}

#[test]
fn headers_that_can_not_be() {
    let one = |shape: &str, from: u64, to: u64| {
        format!(r#""a":{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    header(&format!("{{{}}}", one("[4]", 0, 68)), "is no place for F32");
    header(&format!("{{{}}}", one("[17]", 0, 68)), "it ends at 68 of 64 bytes");
    header(&format!("{{{}}}", one("[4]", 16, 0)), "is no place for F32");
    header(&format!("{{{}}}", one("[]", 0, 4)), "its shape is `[]`");
    header(&format!("{{{}}}", one("[0]", 0, 0)), "its shape is `[0]`");
    header(&format!("{{{}}}", one("[4294967296,4294967296]", 0, 0)), "more than any file");
    header(&format!("{{{},{}}}", one("[4]", 0, 16), one("[4]", 16, 32)), "is there twice");
    let overlap = one("[4]", 8, 24).replace("\"a\"", "\"b\"");
    header(&format!("{{{},{overlap}}}", one("[4]", 0, 16)), "within another that ends at 16");
    header("[]", "its header");
}
