//! A shape from a checkpoint's own `config.json`, for models that the catalogue lacks.
//!
//! Invariant: a field that decides on speed is read or the file is refused; no default stands in for
//! what a kind of model may have otherwise. Guarded by `tests/config.rs`: published configurations come
//! out as the catalogue has them, and each required field is taken away once.

use super::deployment::Weights;
use super::error::EstimateError;
use super::model::{Attention, Experts, Model, Window};
use jiff::civil::Date;
use serde::Deserialize;

/// Kinds of models whose layers are like this room's.
const PLAIN: &[&str] = &["llama", "mistral", "qwen2", "qwen3", "phi3", "gemma3", "gemma3_text"];
const MIXTURES: &[&str] =
    &["mixtral", "qwen3_moe", "gpt_oss", "deepseek_v3", "kimi_k2", "glm4_moe"];

/// Gemma 3 opens every sixth layer to the whole context, where the file doesn't say.
const GEMMA_PATTERN: u64 = 6;
/// More of anything than a model has: what is above is no configuration, and is not calculated with.
const MOST: u64 = 1 << 40;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw {
    model_type: Option<String>,
    text_config: Option<Box<Raw>>,
    num_hidden_layers: Option<u64>,
    hidden_size: Option<u64>,
    vocab_size: Option<u64>,
    num_attention_heads: Option<u64>,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    intermediate_size: Option<u64>,
    tie_word_embeddings: Option<bool>,
    max_position_embeddings: Option<u64>,
    sliding_window: Option<u64>,
    use_sliding_window: Option<bool>,
    sliding_window_pattern: Option<u64>,
    layer_types: Option<Vec<String>>,
    num_experts: Option<u64>,
    num_local_experts: Option<u64>,
    n_routed_experts: Option<u64>,
    num_experts_per_tok: Option<u64>,
    moe_intermediate_size: Option<u64>,
    n_shared_experts: Option<u64>,
    first_k_dense_replace: Option<u64>,
    decoder_sparse_step: Option<u64>,
    mlp_only_layers: Option<Vec<u64>>,
    q_lora_rank: Option<u64>,
    kv_lora_rank: Option<u64>,
    qk_rope_head_dim: Option<u64>,
    qk_nope_head_dim: Option<u64>,
    v_head_dim: Option<u64>,
    quantization_config: Option<Quantization>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Quantization {
    quant_method: Option<String>,
    bits: Option<u64>,
}

/// One file's reader: its fields, and how to say what is wrong with one.
struct Reader<'a> {
    file: &'a str,
    raw: &'a Raw,
}

impl Model {
    /// A shape from the text of a `config.json`. `name` is what it shall be called, `day` the day.
    ///
    /// # Errors
    /// A text that isn't JSON, a kind of model whose layers this room doesn't know, a field that is
    /// missing, zero or beyond reason.
    pub fn from_config(
        file: &str,
        name: &str,
        text: &str,
        day: Date,
    ) -> Result<Self, EstimateError> {
        let raw: Raw = serde_json::from_str(text)
            .map_err(|source| EstimateError::Json { file: file.to_owned(), source })?;
        let quantization = raw.quantization_config.as_ref();
        // What sees pictures too keeps its text model's numbers one level down.
        let inner = raw.text_config.as_deref().unwrap_or(&raw);
        let quantization = quantization.or(inner.quantization_config.as_ref());
        let tied = inner.tie_word_embeddings.or(raw.tie_word_embeddings);
        Reader { file, raw: inner }.model(name, quantization, tied, day)
    }
}

impl Reader<'_> {
    fn wrong(&self, field: &'static str, found: &dyn std::fmt::Display) -> EstimateError {
        let (file, found) = (self.file.to_owned(), found.to_string());
        EstimateError::Config { file, field, found }
    }

    fn number(&self, field: &'static str, value: Option<u64>) -> Result<u64, EstimateError> {
        match value {
            Some(number) if number > 0 && number < MOST => Ok(number),
            Some(number) => Err(self.wrong(field, &number)),
            None => Err(self.wrong(field, &"not given")),
        }
    }

    fn kind(&self) -> Result<&str, EstimateError> {
        let kind = self.raw.model_type.as_deref();
        let kind = kind.ok_or_else(|| self.wrong("model_type", &"not given"))?;
        let known = PLAIN.contains(&kind) || MIXTURES.contains(&kind);
        known.then_some(kind).ok_or_else(|| self.wrong("model_type", &format!("`{kind}`")))
    }

    fn model(
        &self,
        name: &str,
        quantization: Option<&Quantization>,
        tied: Option<bool>,
        day: Date,
    ) -> Result<Model, EstimateError> {
        let (raw, kind) = (self.raw, self.kind()?);
        let layers = self.number("num_hidden_layers", raw.num_hidden_layers)?;
        let width = self.number("hidden_size", raw.hidden_size)?;
        let experts = self.experts(kind, layers)?;
        let dense = layers.saturating_sub(experts.map_or(0, |experts| experts.layers));
        let mut model = Model {
            id: name.to_owned(),
            name: name.to_owned(),
            aliases: Vec::new(),
            variants: Vec::new(),
            family: name.to_owned(),
            native: self.weights(quantization)?,
            layers,
            width,
            vocabulary: self.number("vocab_size", raw.vocab_size)?,
            // Gemma ties its tables without saying so; for the others the library's default is not to.
            tied: tied.unwrap_or(kind.starts_with("gemma3")),
            context: self.number("max_position_embeddings", raw.max_position_embeddings)?,
            attention: self.attention(kind, layers, width)?,
            feed_forward: match dense {
                0 => 0,
                _ => self.number("intermediate_size", raw.intermediate_size)?,
            },
            feed_forward_layers: dense,
            feed_forward_matrices: 3,
            experts,
            mamba: None,
            published: 0,
            source: format!("`{}`, `model_type` {kind}", self.file),
            date: day,
        };
        model.published = whole(model.parameters());
        Ok(model)
    }

    fn weights(&self, quantization: Option<&Quantization>) -> Result<Weights, EstimateError> {
        let Some(quantization) = quantization else { return Ok(Weights::Bf16) };
        let method = quantization.quant_method.as_deref().unwrap_or("");
        match (method, quantization.bits) {
            ("fp8", _) => Ok(Weights::Fp8),
            ("mxfp4", _) => Ok(Weights::Mxfp4),
            ("awq" | "gptq", Some(4)) => Ok(Weights::Int4),
            _ => Err(self.wrong("quantization_config.quant_method", &format!("`{method}`"))),
        }
    }

    fn attention(&self, kind: &str, layers: u64, width: u64) -> Result<Attention, EstimateError> {
        let raw = self.raw;
        let heads = self.number("num_attention_heads", raw.num_attention_heads)?;
        if matches!(kind, "deepseek_v3" | "kimi_k2") {
            return Ok(Attention::Latent {
                layers,
                heads,
                query_rank: self.number("q_lora_rank", raw.q_lora_rank)?,
                kv_rank: self.number("kv_lora_rank", raw.kv_lora_rank)?,
                rope_size: self.number("qk_rope_head_dim", raw.qk_rope_head_dim)?,
                nope_size: self.number("qk_nope_head_dim", raw.qk_nope_head_dim)?,
                value_size: self.number("v_head_dim", raw.v_head_dim)?,
            });
        }
        // The library's own rules: as many key heads as heads, and heads that share the width.
        let kv_heads = raw.num_key_value_heads.unwrap_or(heads);
        let head_size = match raw.head_dim {
            None if kind.starts_with("gemma3") => return Err(self.wrong("head_dim", &"not given")),
            given => given.unwrap_or(width / heads),
        };
        Ok(Attention::Grouped {
            layers,
            heads,
            kv_heads: self.number("num_key_value_heads", Some(kv_heads))?,
            head_size: self.number("head_dim", Some(head_size))?,
            window: self.window(kind, layers)?,
        })
    }

    /// Which layers see a window only: as the file lists them, else by the rule of the kind.
    fn window(&self, kind: &str, layers: u64) -> Result<Option<Window>, EstimateError> {
        let raw = self.raw;
        let listed = raw.layer_types.as_deref().map(|types| {
            types.iter().try_fold(0, |count, layer| match layer.as_str() {
                "full_attention" => Ok(count),
                "sliding_attention" => Ok(count + 1),
                other => Err(self.wrong("layer_types", &format!("`{other}`"))),
            })
        });
        let listed = listed.transpose()?.map(|count: u64| count.min(layers));
        let none = raw.sliding_window.is_none() || raw.use_sliding_window == Some(false);
        let pattern = raw.sliding_window_pattern.unwrap_or(GEMMA_PATTERN);
        let windowed = match (listed, kind) {
            (Some(listed), _) => listed,
            (None, _) if none => 0,
            (None, "gemma3" | "gemma3_text") => {
                layers - layers / self.number("sliding_window_pattern", Some(pattern))?
            }
            (None, "gpt_oss") => layers.div_ceil(2),
            (None, "mistral" | "mixtral" | "phi3") => layers,
            (None, _) => return Err(self.wrong("layer_types", &"not given")),
        };
        if windowed == 0 {
            return Ok(None);
        }
        let size = self.number("sliding_window", raw.sliding_window)?;
        Ok(Some(Window { layers: windowed, size, chunked: false }))
    }

    fn experts(&self, kind: &str, layers: u64) -> Result<Option<Experts>, EstimateError> {
        let raw = self.raw;
        if !MIXTURES.contains(&kind) {
            return Ok(None);
        }
        let count = raw.num_experts.or(raw.num_local_experts).or(raw.n_routed_experts);
        let count = self.number("num_experts", count)?;
        let active = self.number("num_experts_per_tok", raw.num_experts_per_tok)?;
        if active > count {
            return Err(self.wrong("num_experts_per_tok", &active));
        }
        let (width, dense) = match kind {
            "mixtral" | "gpt_oss" => (("intermediate_size", raw.intermediate_size), 0),
            "qwen3_moe" => {
                let step = raw.decoder_sparse_step.unwrap_or(1);
                if step != 1 {
                    return Err(self.wrong("decoder_sparse_step", &step));
                }
                let dense = raw.mlp_only_layers.as_ref().map_or(0, Vec::len);
                let dense = u64::try_from(dense).unwrap_or(u64::MAX);
                (("moe_intermediate_size", raw.moe_intermediate_size), dense)
            }
            _ => {
                let missing = || self.wrong("first_k_dense_replace", &"not given");
                let dense = raw.first_k_dense_replace.ok_or_else(missing)?;
                (("moe_intermediate_size", raw.moe_intermediate_size), dense)
            }
        };
        let width = self.number(width.0, width.1)?;
        let shared = raw.n_shared_experts.unwrap_or(0);
        let shared = if shared == 0 { 0 } else { self.number("n_shared_experts", Some(shared))? };
        Ok(Some(Experts {
            layers: layers.saturating_sub(dense),
            count,
            active,
            width,
            shared_width: shared.saturating_mul(width),
        }))
    }
}

/// A count of parameters as a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; a cast saturates"
)]
fn whole(count: f64) -> u64 {
    count.round() as u64
}
