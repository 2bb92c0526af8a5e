//! GGUF files of a few kilobytes, family by family: what is read out of their keys, where their parts
//! are, and what is refused. The hub's configs are in `tests/engine_families.rs` and
//! `tests/safetensors_hostile.rs`.

use super::*;
use crate::model::gguf::tests::File;
use crate::model::gguf::{Gguf, Value};
use crate::model::shape;
use crate::model::spec::{LayerPart, Pairs, Part};
use crate::model::weights::Weights;
use crate::units::Tokens;
use std::path::Path;

const WIDTH: u32 = 64;
const HEADS: u32 = 2;
/// Smaller than the width would give, so that the two are not confused.
const HEAD: u32 = 16;
const INNER: u32 = 48;
const VOCABULARY: u32 = 40;

/// A file of a family with so many layers.
fn file(architecture: &str, layers: u32) -> File {
    let key = |name: &str| format!("{architecture}.{name}");
    let number = |file: File, name: &str, value: u32| file.key(&key(name), Value::U32(value));
    let mut file = File::new()
        .key("general.architecture", Value::Text(architecture.into()))
        .key(&key("attention.layer_norm_rms_epsilon"), Value::F32(1e-5));
    for (name, value) in [
        ("block_count", layers),
        ("context_length", 512),
        ("embedding_length", WIDTH),
        ("feed_forward_length", INNER),
        ("attention.head_count", HEADS),
        ("attention.head_count_kv", 1),
        ("attention.key_length", HEAD),
        ("attention.value_length", HEAD),
    ] {
        file = number(file, name, value);
    }
    let [width, inner, head] = [WIDTH, INNER, HEAD].map(u64::from);
    let (q, kv) = (u64::from(HEADS) * head, head);
    file = file.tensor("token_embd.weight", 0, &[width, VOCABULARY.into()]);
    file = file.tensor("output_norm.weight", 0, &[width]);
    let gemma = architecture.starts_with("gemma");
    for layer in 0..layers {
        let mut add = |name: &str, dimensions: &[u64]| {
            file = file.clone().tensor(&format!("blk.{layer}.{name}"), 0, dimensions);
        };
        add("attn_norm.weight", &[width]);
        if architecture == "phi3" {
            add("attn_qkv.weight", &[width, q + 2 * kv]);
            add("ffn_up.weight", &[width, 2 * inner]);
        } else {
            add("attn_q.weight", &[width, q]);
            add("attn_k.weight", &[width, kv]);
            add("attn_v.weight", &[width, kv]);
            if architecture != "qwen3moe" {
                add("ffn_gate.weight", &[width, inner]);
                add("ffn_up.weight", &[width, inner]);
            }
        }
        add("attn_output.weight", &[q, width]);
        if architecture != "qwen3moe" {
            add("ffn_down.weight", &[inner, width]);
        }
        add("ffn_norm.weight", &[width]);
        if architecture == "qwen2" {
            add("attn_q.bias", &[q]);
            add("attn_k.bias", &[kv]);
            add("attn_v.bias", &[kv]);
        }
        if architecture.starts_with("qwen3") || architecture == "gemma3" {
            add("attn_q_norm.weight", &[head]);
            add("attn_k_norm.weight", &[head]);
        }
        if gemma {
            add("post_attention_norm.weight", &[width]);
            add("post_ffw_norm.weight", &[width]);
        }
    }
    file
}

/// Describes a file while it lies there: factors of rotations are read out of it.
fn of(file: &File) -> Result<Description, GgufError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    fs_err::write(&path, file.bytes()).unwrap();
    of_path(&path)
}

fn of_path(path: &Path) -> Result<Description, GgufError> {
    let gguf = Gguf::open(path)?;
    Description::of_gguf(&gguf, &shape::shape(&gguf)?)
}

#[track_caller]
fn describe(file: &File) -> Description {
    of(file).unwrap()
}

#[track_caller]
fn refuse(file: &File, says: &str) {
    let error = of(file).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

fn windows(description: &Description) -> Vec<Option<usize>> {
    description.spec.layers.iter().map(|layer| layer.window).collect()
}

#[test]
fn llama_rotates_neighbours_and_has_its_embedding_for_a_head() {
    let described = describe(&file("llama", 1));
    let spec = &described.spec;
    assert_eq!(spec.ropes[0].pairs, Pairs::Adjacent);
    assert_eq!((spec.ropes.len(), spec.ropes[0].frequencies.len()), (1, 8));
    assert!((spec.attention_scale - 0.25).abs() < 1e-7);
    assert_eq!((spec.heads, spec.kv_heads, spec.head_size), (2, 1, 16));
    assert_eq!(windows(&described), [None]);
    assert!((spec.embedding_scale - 1.0).abs() < 1e-7);
    assert!(described.caveats.is_empty());
    let table = described.layout.slot(spec, Part::Embedding).unwrap();
    assert_eq!((table.rows, table.cols), (40, 64));
    // There is a slot for a head, and nothing in it.
    assert!(described.layout.slot(spec, Part::Head).is_some());
    assert!(!described.tensors.contains_key("output.weight"));
}

#[test]
fn llama_may_have_biases_a_window_and_a_head() {
    let more = file("llama", 1)
        .key("llama.attention.sliding_window", Value::U32(7))
        .tensor("output.weight", 0, &[64, 40])
        .tensor("blk.0.attn_q.bias", 0, &[32])
        .tensor("blk.0.attn_output.bias", 0, &[64]);
    let described = describe(&more);
    assert_eq!(windows(&described), [Some(7)]);
    assert!(described.tensors.contains_key("output.weight"));
    refuse(&file("llama", 1).tensor("blk.0.attn_q.bias", 0, &[16]), "`[32]`");
    refuse(&file("llama", 1).tensor("blk.0.ffn_up.bias", 0, &[48]), "blk.0.ffn_up.bias");
}

#[test]
fn qwen2_needs_its_biases() {
    let described = describe(&file("qwen2", 2));
    assert_eq!(described.spec.ropes[0].pairs, Pairs::Halves);
    let part = Part::Layer(1, LayerPart::KeyBias);
    assert_eq!(described.layout.slot(&described.spec, part).unwrap().cols, 16);
    let none = Part::Layer(2, LayerPart::KeyBias);
    assert_eq!(described.layout.slot(&described.spec, none), None);
    let without = file("llama", 1);
    let keys = without.key("general.architecture", Value::Text("qwen2".into()));
    refuse(&keys, "key `qwen2.embedding_length`");
}

#[test]
fn gemma2_alternates() {
    let more = file("gemma2", 4)
        .key("gemma2.attention.sliding_window", Value::U32(9))
        .key("gemma2.attn_logit_softcapping", Value::F32(50.0))
        .key("gemma2.final_logit_softcapping", Value::F32(30.0));
    let described = describe(&more);
    assert_eq!(windows(&described), [Some(9), None, Some(9), None]);
    assert!((described.spec.embedding_scale - 8.0).abs() < 1e-6);
    assert!((described.spec.attention_scale - 0.25).abs() < 1e-7);
    assert_eq!(described.spec.attention_cap, Some(50.0));
    assert_eq!(described.spec.logits_cap, Some(30.0));
    // GGUF's norms hold what Gemma adds to them.
    let slot = described.layout.slot(&described.spec, Part::OutputNorm).unwrap();
    assert!(slot.plus.abs() < 1e-9);
}

/// Gemma 2's 27B has 46 layers, Gemma 3's 62: their scores are scaled by the width of a share of
/// the stream (64 / 2), not of a head (16).
#[test]
fn the_largest_gemmas_scale_scores_by_the_width() {
    let scale = |architecture, layers| describe(&file(architecture, layers)).spec.attention_scale;
    assert!((scale("gemma2", 46) - 32_f32.powf(-0.5)).abs() < 1e-7);
    assert!((scale("gemma3", 62) - 32_f32.powf(-0.5)).abs() < 1e-7);
    assert!((scale("gemma3", 46) - 0.25).abs() < 1e-7);
}

#[test]
fn gemma3_has_a_rotation_for_its_windows() {
    let more = file("gemma3", 7)
        .key("gemma3.attention.sliding_window", Value::U32(5))
        .key("gemma3.rope.freq_base", Value::F32(1e6))
        .key("gemma3.rope.scaling.type", Value::Text("linear".into()))
        .key("gemma3.rope.scaling.factor", Value::F32(8.0));
    let described = describe(&more);
    let local = Some(5);
    assert_eq!(windows(&described), [local, local, local, local, local, None, local]);
    let ropes: Vec<_> = described.spec.layers.iter().map(|layer| layer.rope).collect();
    assert_eq!(ropes, [1, 1, 1, 1, 1, 0, 1]);
    // Linear scaling is for the layers that attend to all: an eighth of a radian, and a whole one.
    let first: Vec<_> = described.spec.ropes.iter().map(|rope| rope.frequencies[0]).collect();
    assert!((first[0] - 0.125).abs() < 1e-12 && (first[1] - 1.0).abs() < 1e-12, "{first:?}");
    // The next pair: 10^(-6/8) / 8 and 10^(-4/8).
    let next: Vec<_> = described.spec.ropes.iter().map(|rope| rope.frequencies[1]).collect();
    assert!((next[0] - 0.177_827_94 / 8.0).abs() < 1e-8, "{next:?}");
    assert!((next[1] - 0.316_227_77).abs() < 1e-8, "{next:?}");
    let pattern = more.key("gemma3.attention.sliding_window_pattern", Value::U32(2));
    assert_eq!(windows(&describe(&pattern))[..3], [local, None, local]);
}

#[test]
fn phi3_is_fused() {
    let described = describe(&file("phi3", 1));
    let at = |part| {
        let slot = described.layout.slot(&described.spec, Part::Layer(0, part)).unwrap();
        (slot.first, slot.rows)
    };
    assert_eq!(at(LayerPart::Query), (0, 32));
    assert_eq!(at(LayerPart::Key), (32, 16));
    assert_eq!(at(LayerPart::Value), (48, 16));
    assert_eq!(at(LayerPart::Gate), (0, 48));
    assert_eq!(at(LayerPart::Up), (48, 48));
    assert_eq!(at(LayerPart::Down), (0, 64));
}

#[test]
fn experts_are_stacked() {
    let more = file("qwen3moe", 1)
        .key("qwen3moe.expert_count", Value::U32(4))
        .key("qwen3moe.expert_used_count", Value::U32(2))
        .key("qwen3moe.expert_feed_forward_length", Value::U32(24))
        .tensor("blk.0.ffn_gate_inp.weight", 0, &[64, 4])
        .tensor("blk.0.ffn_gate_exps.weight", 0, &[64, 24, 4])
        .tensor("blk.0.ffn_up_exps.weight", 0, &[64, 24, 4])
        .tensor("blk.0.ffn_down_exps.weight", 0, &[24, 64, 4]);
    let described = describe(&more);
    let slot = |part| described.layout.slot(&described.spec, Part::Layer(0, part));
    let up = slot(LayerPart::ExpertUp(3)).unwrap();
    assert_eq!((up.first, up.rows, up.cols), (72, 24, 64));
    let down = slot(LayerPart::ExpertDown(1)).unwrap();
    assert_eq!((down.first, down.rows, down.cols), (64, 64, 24));
    assert_eq!(slot(LayerPart::ExpertUp(4)), None);
    assert_eq!(slot(LayerPart::Gate), None);
    let feed_forward = described.spec.layers[0].feed_forward;
    let want = FeedForward::Experts { inner: 24, experts: 4, used: 2, normalized: true };
    assert_eq!(feed_forward, want);
    refuse(&more.key("qwen3moe.expert_gating_func", Value::U32(2)), "expert_gating_func");
}

#[test]
fn what_can_not_be_done_is_refused() {
    let llama = || file("llama", 1);
    refuse(&file("falcon", 1), "its architecture is `falcon`, and the engine has `llama`, `qwen2`");
    refuse(&llama().key("llama.rope.scaling.type", Value::Text("mrope".into())), "`mrope`");
    refuse(&llama().key("llama.rope.dimension_count", Value::U32(15)), "it must be even");
    refuse(&llama().key("llama.rope.dimension_count", Value::U32(18)), "the head's 16");
    refuse(&llama().key("llama.rope.freq_base", Value::F32(1.0)), "above 1");
    refuse(&llama().key("llama.attention.value_length", Value::U32(8)), "values alike");
    refuse(&llama().key("llama.attention.scale", Value::F32(0.0)), "above 0");
    refuse(&llama().key("llama.feed_forward_length", Value::U32(49)), "blk.0.ffn_gate.weight");
    // IQ4_NL, and a norm that is quantized.
    refuse(&llama().tensor("output.weight", 20, &[64, 40]), "is stored as IQ4_NL");
    let yarn = llama().key("llama.rope.scaling.type", Value::Text("yarn".into()));
    refuse(&yarn, "key `llama.rope.scaling.factor` (f32) is missing");
    // The writer's numbers are all 0, which divides nothing.
    refuse(&llama().tensor("rope_freqs.weight", 0, &[8]), "divides a rotation by 0");
    refuse(&llama().tensor("rope_freqs.weight", 0, &[7]), "`[8]`");
}

#[test]
fn parts_are_read_where_they_are() {
    let file = file("phi3", 1).tensor("rope_factors_short.weight", 0, &[8]);
    let file = file
        .key("phi3.rope.scaling.attn_factor", Value::F32(1.5))
        .key("phi3.rope.scaling.original_context_length", Value::U32(128));
    let gguf = file.open().unwrap();
    let place = |name: &str| {
        let tensor = gguf.tensor(name).unwrap();
        usize::try_from(gguf.data_at() + tensor.offset).unwrap()
    };
    let mut bytes = file.bytes();
    let mut put = |at: usize, number: f32| {
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    };
    for pair in 0..8_u8 {
        let at = place("rope_factors_short.weight") + 4 * usize::from(pair);
        put(at, f32::from(pair) + 2.0);
    }
    // The first number of the first row of keys, and the last of its last row.
    put(place("blk.0.attn_qkv.weight") + 32 * 64 * 4, 3.5);
    put(place("blk.0.attn_qkv.weight") + 48 * 64 * 4 - 4, 4.5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    fs_err::write(&path, bytes).unwrap();
    let described = of_path(&path).unwrap();
    // 1 / 2, and 10,000^(-1/8) / 3; the context is the one that the factors are for.
    let rope = &described.spec.ropes[0];
    assert!((rope.frequencies[0] - 0.5).abs() < 1e-12);
    assert!((rope.frequencies[1] - 0.316_227_766 / 3.0).abs() < 1e-8);
    assert!((rope.magnitude - 1.5).abs() < 1e-7);
    assert_eq!(described.spec.context, Tokens(128));
    assert_eq!(described.caveats.len(), 1);
    let weights = described.weights().unwrap();
    let key = Part::Layer(0, LayerPart::Key);
    let mut into = vec![1, 2, 3];
    weights.read(key, 0..16, &mut into).unwrap();
    assert_eq!(into.len(), 16 * 64 * 4);
    let number = |at: usize| f32::from_le_bytes(into[at..at + 4].try_into().unwrap());
    assert!((number(0) - 3.5).abs() < 1e-9 && (number(into.len() - 4) - 4.5).abs() < 1e-9);
    let beyond = weights.read(key, 16..17, &mut Vec::new()).unwrap_err();
    assert!(beyond.to_string().contains("no rows 16 to 17"), "{beyond}");
    // A file that has shrunk since is an error, not a wait or a panic.
    fs_err::OpenOptions::new().write(true).open(&path).unwrap().set_len(4_096).unwrap();
    let shrunk = weights.read(key, 0..16, &mut into).unwrap_err();
    assert!(matches!(shrunk, ModelError::Weights(_)), "{shrunk}");
}
