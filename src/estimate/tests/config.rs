//! Shapes from `config.json`, against the catalogue, whose numbers add up to what is published.

use super::models;
use crate::estimate::{EstimateError, Model, Models};
use crate::hint::{Fault, Hint};
use jiff::civil::date;

const LLAMA: &str = r#"{"model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096,
    "vocab_size": 128256, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 14336, "tie_word_embeddings": false, "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16"}"#;
const GEMMA: &str = r#"{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text",
    "num_hidden_layers": 34, "hidden_size": 2560, "vocab_size": 262208, "num_attention_heads": 8,
    "num_key_value_heads": 4, "head_dim": 256, "intermediate_size": 10240, "sliding_window": 1024,
    "max_position_embeddings": 131072}}"#;
const QWEN_MOE: &str = r#"{"model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 2048,
    "vocab_size": 151936, "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128,
    "intermediate_size": 6144, "moe_intermediate_size": 768, "num_experts": 128,
    "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "sliding_window": null, "use_sliding_window": false, "tie_word_embeddings": false,
    "max_position_embeddings": 262144}"#;
const GPT_OSS: &str = r#"{"model_type": "gpt_oss", "num_hidden_layers": 24, "hidden_size": 2880,
    "vocab_size": 201088, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64,
    "intermediate_size": 2880, "num_local_experts": 32, "num_experts_per_tok": 4,
    "sliding_window": 128, "tie_word_embeddings": false, "max_position_embeddings": 131072,
    "quantization_config": {"quant_method": "mxfp4"}}"#;
const DEEPSEEK: &str = r#"{"model_type": "deepseek_v3", "num_hidden_layers": 61,
    "hidden_size": 7168, "vocab_size": 129280, "num_attention_heads": 128,
    "num_key_value_heads": 128, "intermediate_size": 18432, "q_lora_rank": 1536,
    "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
    "n_routed_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 2048,
    "n_shared_experts": 1, "first_k_dense_replace": 3, "tie_word_embeddings": false,
    "max_position_embeddings": 163840, "quantization_config": {"quant_method": "fp8"}}"#;

fn read(text: &str) -> Result<Model, EstimateError> {
    Model::from_config("c.json", "mine", text, date(2026, 11, 22))
}

/// But for names and sources, a configuration is the catalogue's shape.
#[track_caller]
fn check(text: &str, id: &str) {
    let (got, want) = (read(text).unwrap(), models().by_name(id).unwrap().clone());
    assert!(got.published.abs_diff(want.published) * 90 < want.published, "{}", got.published);
    let want = Model {
        id: got.id.clone(),
        name: got.name.clone(),
        aliases: Vec::new(),
        variants: Vec::new(),
        family: got.family.clone(),
        published: got.published,
        source: got.source.clone(),
        date: got.date,
        ..want
    };
    assert_eq!(got, want);
}

#[test]
fn published_configurations_are_the_catalogue() {
    check(LLAMA, "llama-3.1-8b");
    check(GEMMA, "gemma-3-4b");
    check(QWEN_MOE, "qwen3-30b-a3b");
    check(GPT_OSS, "gpt-oss-20b");
    check(DEEPSEEK, "deepseek-v3");
    // Layers that are listed say the same as the rule of their kind.
    let types = ["sliding_attention", "full_attention"].repeat(12);
    let listed = format!("{{\"layer_types\": {types:?},").to_string();
    check(&GPT_OSS.replacen('{', &listed, 1), "gpt-oss-20b");
}

/// What a field is taken from a configuration, or made into, it is refused by name.
#[track_caller]
fn refused(text: &str, field: &str, with: Option<&str>) {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    let fields = value.as_object_mut().unwrap();
    match with {
        None => drop(fields.remove(field)),
        Some(with) => drop(fields.insert(field.to_owned(), serde_json::from_str(with).unwrap())),
    }
    let error = read(&value.to_string()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("`c.json`: `{field}")), "{error}");
    assert!(error.fault() == Fault::Input && error.hint().is_some(), "{error}");
}

#[test]
fn what_decides_on_speed_is_read_or_refused() {
    let llama = ["model_type", "num_hidden_layers", "hidden_size", "vocab_size"];
    for field in llama.into_iter().chain([
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
    ]) {
        refused(LLAMA, field, None);
    }
    for field in ["num_experts", "num_experts_per_tok", "moe_intermediate_size"] {
        refused(QWEN_MOE, field, None);
    }
    for field in ["q_lora_rank", "kv_lora_rank", "v_head_dim", "first_k_dense_replace"] {
        refused(DEEPSEEK, field, None);
    }
    refused(GPT_OSS, "sliding_window", Some("0"));
    refused(GPT_OSS, "num_experts_per_tok", Some("33"));
    refused(QWEN_MOE, "decoder_sparse_step", Some("2"));
    refused(LLAMA, "model_type", Some("\"mamba2\""));
    refused(LLAMA, "num_hidden_layers", Some("18446744073709551615"));
    refused(LLAMA, "num_attention_heads", Some("0"));
    refused(LLAMA, "layer_types", Some("[\"linear_attention\"]"));
    refused(LLAMA, "quantization_config", Some(r#"{"quant_method": "compressed-tensors"}"#));
    assert!(matches!(read("[1"), Err(EstimateError::Json { .. })));
    assert!(read(r#"{"num_hidden_layers": -3}"#).is_err());
}

#[test]
fn a_file_of_shapes_holds_the_one_that_is_meant() {
    let all = include_str!("../../../data/models.toml");
    let error = Models::parse_one("mine.toml", all).unwrap_err();
    assert!(matches!(error, EstimateError::NotOne { models: 44, .. }), "{error}");
    let first = &all[..all.match_indices("[[model]]").nth(2).unwrap().0 - 1];
    let second = first.rfind("[[model]]").unwrap();
    assert_eq!(Models::parse_one("mine.toml", &first[second..]).unwrap().id, "llama-3.2-3b");
}
