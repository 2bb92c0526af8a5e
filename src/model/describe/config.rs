//! The description of a model in a folder as on the hub, by its `config.json`.
//!
//! What each key means is what the family's `configuration_….py` and `modeling_….py` in transformers
//! make of it (<https://github.com/huggingface/transformers>). Both of its spellings of rotations are
//! read: `rope_theta` and `rope_scaling`, and since version 5 `rope_parameters`.

use super::family::{HubExperts, Rules, Windows};
use super::layout::{Biases, Found, Layout, Mismatch, Tied, Wrong};
use super::names::Naming;
use super::stretch::{Rotations, rotations};
use super::{Description, INNER_MAX, Place, embedding_scale, score_scale, size};
use crate::model::safetensors::{Folder, FolderError, Json, Problem};
use crate::model::shape::{CONTEXT_MAX, EXPERTS_MAX, HEADS_MAX, LAYERS_MAX, WIDTH_MAX};
use crate::model::spec::{Activation, FeedForward, Layer, Spec};
use crate::units::Tokens;
use serde_json::Value;
use std::collections::HashMap;

/// More tokens than any vocabulary has.
const VOCABULARY_MAX: u32 = 1 << 24;
/// What may stand before `layers.0` in a tensor's name: alone, or within a model that also sees.
const PREFIXES: [&str; 3] = ["model.", "language_model.model.", "model.language_model."];

/// Describes the model in a folder.
pub(super) fn describe(folder: &Folder) -> Result<Description, FolderError> {
    let config = Config::of(folder)?;
    let (spec, caveats) = config.spec()?;
    let layout = config.layout(folder)?;
    let dimensions: HashMap<_, Vec<u64>> = folder
        .tensors()
        .map(|(name, tensor)| (name, tensor.shape.iter().rev().copied().collect()))
        .collect();
    let find = |name: &str| {
        let kind = folder.tensor(name)?.kind;
        Some(Found { kind, dimensions: dimensions.get(name)? })
    };
    layout
        .check(&spec, find, folder.tensors().map(|(name, _)| name))
        .map_err(|mismatch| explain(folder, config.rules, mismatch))?;
    let places = folder.tensors().map(|(name, tensor)| {
        let rows = tensor.elements / tensor.shape.last().copied().unwrap_or(1);
        let place = Place {
            kind: tensor.kind,
            file: tensor.file,
            at: tensor.at,
            bytes: tensor.bytes.0,
            rows,
        };
        (name.to_owned(), place)
    });
    let (tensors, files) = (places.collect(), folder.files().to_vec());
    let architecture = config.rules.gguf;
    Ok(Description { spec, architecture, caveats, layout, files, tensors })
}

/// A config whose family is known.
struct Config {
    json: Json,
    rules: &'static Rules,
}

impl Config {
    fn of(folder: &Folder) -> Result<Self, FolderError> {
        let json = folder.config();
        let kind = json.need("model_type", "a text", json.text("model_type")?)?;
        // A Gemma that also sees has its text part's config within.
        let inner = if kind == "gemma3" { json.object("text_config")? } else { None };
        let json = inner.unwrap_or_else(|| json.clone());
        let kind = json.text("model_type")?.unwrap_or(kind);
        let rules = Rules::of_hub(kind).ok_or_else(|| {
            let why =
                format!("its model type is `{kind}`, and the engine has {}", Rules::hub_names());
            json.fail(Problem::NotRunnable(why))
        })?;
        let config = Self { json, rules };
        if folder.config().value("quantization_config").is_some() {
            return Err(config.not_runnable("its weights are quantized in a way of their own"));
        }
        for key in ["mlp_bias", "use_bidirectional_attention"] {
            if config.json.flag(key)? == Some(true) {
                return Err(config.not_runnable(&format!("it has `{key}`")));
            }
        }
        Ok(config)
    }

    fn not_runnable(&self, why: &str) -> FolderError {
        self.json.fail(Problem::NotRunnable(why.to_owned()))
    }

    /// What the family's code takes where the key is missing.
    fn default(&self, key: &str) -> Option<u32> {
        let known = self.rules.hub_defaults.iter().find(|(name, _)| *name == key);
        known.filter(|_| !self.json.has(key)).map(|&(_, value)| value)
    }

    fn count(&self, key: &str, most: u32) -> Result<Option<u32>, FolderError> {
        Ok(self.json.count(key, most)?.or_else(|| self.default(key)))
    }

    fn need(&self, key: &str, most: u32) -> Result<u32, FolderError> {
        self.json.need(key, "a whole number", self.count(key, most)?)
    }

    /// A number above 0.
    fn positive(&self, key: &str) -> Result<Option<f64>, FolderError> {
        match self.json.number(key)? {
            Some(number) if number <= 0.0 => {
                Err(self.json.refuse(key, number, "it must be above 0"))
            }
            Some(number) => Ok(Some(number)),
            None => Ok(self.default(key).map(f64::from)),
        }
    }

    fn spec(&self) -> Result<(Spec, Vec<String>), FolderError> {
        let width = self.need("hidden_size", WIDTH_MAX)?;
        let heads = self.need("num_attention_heads", HEADS_MAX)?;
        let kv_heads = self.count("num_key_value_heads", HEADS_MAX)?.unwrap_or(heads);
        if !heads.is_multiple_of(kv_heads) {
            let why = format!("it must divide the number of heads, {heads}");
            return Err(self.json.refuse("num_key_value_heads", kv_heads, &why));
        }
        let head_size = match self.count("head_dim", HEADS_MAX)? {
            Some(size) => size,
            None if width.is_multiple_of(heads) => width / heads,
            None => {
                let why = format!("it must divide the width, {width}");
                return Err(self.json.refuse("num_attention_heads", heads, &why));
            }
        };
        let epsilon = self.json.number("rms_norm_eps")?.unwrap_or(1e-6);
        if !(0.0..1.0).contains(&epsilon) {
            return Err(self.json.refuse("rms_norm_eps", epsilon, "it must be from 0 to 1"));
        }
        let context = self.need("max_position_embeddings", CONTEXT_MAX)?;
        let scale = match self.rules.wide_scale_layers {
            Some(_) => self.positive("query_pre_attn_scalar")?.unwrap_or(head_size.into()),
            None => head_size.into(),
        };
        let Rotations { ropes, context, caveats } = rotations(
            &self.json,
            self.rules,
            head_size,
            Tokens(context.into()),
            self.default("rope_theta").map(f64::from),
        )?;
        let spec = Spec {
            width: size(width),
            vocabulary: size(self.need("vocab_size", VOCABULARY_MAX)?),
            context,
            heads: size(heads),
            kv_heads: size(kv_heads),
            head_size: size(head_size),
            embedding_scale: if self.rules.embedding_scaled { embedding_scale(width) } else { 1.0 },
            norm_epsilon: narrow(epsilon),
            attention_scale: score_scale(scale),
            attention_cap: self.positive("attn_logit_softcapping")?.map(narrow),
            logits_cap: self.positive("final_logit_softcapping")?.map(narrow),
            activation: self.activation()?,
            ropes,
            layers: self.layers()?,
        };
        Ok((spec, caveats))
    }

    fn activation(&self) -> Result<Activation, FolderError> {
        let keys = ["hidden_activation", "hidden_act"];
        let Some(key) = keys.into_iter().find(|key| self.json.value(key).is_some()) else {
            return Ok(self.rules.activation);
        };
        match self.json.text(key)?.unwrap_or_default() {
            "silu" | "swish" => Ok(Activation::Silu),
            "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
            other => Err(self.not_runnable(&format!("its `{key}` is `{other}`"))),
        }
    }

    fn layers(&self) -> Result<Vec<Layer>, FolderError> {
        let layers = size(self.need("num_hidden_layers", LAYERS_MAX)?);
        let window = self.window()?;
        let windowed = self.windowed(layers)?;
        let sparse = self.sparse(layers)?;
        let dense = || -> Result<FeedForward, FolderError> {
            Ok(FeedForward::Dense { inner: size(self.need("intermediate_size", INNER_MAX)?) })
        };
        let layer = |(windowed, sparse): (bool, Option<FeedForward>)| {
            let window = window.filter(|_| windowed);
            let local = windowed && self.rules.local_base.is_some();
            let feed_forward = match sparse {
                Some(experts) => experts,
                None => dense()?,
            };
            Ok(Layer { window, rope: usize::from(local), feed_forward })
        };
        windowed.into_iter().zip(sparse).map(layer).collect()
    }

    fn window(&self) -> Result<Option<usize>, FolderError> {
        let on = self.json.flag("use_sliding_window")?;
        if self.rules.windows == Windows::Never || !on.unwrap_or(!self.rules.hub_window_opt_in) {
            return Ok(None);
        }
        Ok(self.count("sliding_window", CONTEXT_MAX)?.map(size))
    }

    /// Which layers attend to a window: as listed, or as the family has it.
    fn windowed(&self, layers: usize) -> Result<Vec<bool>, FolderError> {
        let rules = match self.rules.windows {
            Windows::Never | Windows::Always => *self.rules,
            Windows::Late | Windows::AllButEvery(_) => {
                if let Some(listed) = self.json.list("layer_types")? {
                    return self.listed(listed, layers);
                }
                match self.json.count("sliding_window_pattern", LAYERS_MAX)? {
                    Some(full) => {
                        Rules { windows: Windows::AllButEvery(size(full)), ..*self.rules }
                    }
                    None => *self.rules,
                }
            }
        };
        let late_from = match rules.windows {
            Windows::Late => self.json.number("max_window_layers")?.unwrap_or(28.0),
            _ => 0.0,
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        Ok(rules.windowed(layers, late_from as usize))
    }

    fn listed(&self, listed: &[Value], layers: usize) -> Result<Vec<bool>, FolderError> {
        if listed.len() != layers {
            let why = format!("there are {layers} layers");
            return Err(self.json.refuse("layer_types", format!("{} types", listed.len()), &why));
        }
        let one = |kind: &Value| match kind.as_str() {
            Some("sliding_attention") => Ok(true),
            Some("full_attention") => Ok(false),
            _ => Err(self.not_runnable(&format!("a layer's attention is `{kind}`"))),
        };
        listed.iter().map(one).collect()
    }

    /// The experts of each layer; `None` for a dense one.
    fn sparse(&self, layers: usize) -> Result<Vec<Option<FeedForward>>, FolderError> {
        let experts = |experts: u32, inner: &str, normalized: bool| {
            let used = self.need("num_experts_per_tok", experts)?;
            let inner = size(self.need(inner, INNER_MAX)?);
            let (experts, used) = (size(experts), size(used));
            Ok(FeedForward::Experts { inner, experts, used, normalized })
        };
        match self.rules.hub_experts {
            HubExperts::None => Ok(vec![None; layers]),
            HubExperts::BlockSparse => {
                let all = self.need("num_local_experts", EXPERTS_MAX)?;
                Ok(vec![Some(experts(all, "intermediate_size", true)?); layers])
            }
            HubExperts::Mlp => {
                let key = if self.json.has("num_experts") { "num_experts" } else { LOCAL };
                let all = self.need(key, EXPERTS_MAX)?;
                let normalized = self.json.flag("norm_topk_prob")?.unwrap_or(false);
                let experts = experts(all, "moe_intermediate_size", normalized)?;
                let every = size(self.count("decoder_sparse_step", LAYERS_MAX)?.unwrap_or(1));
                let dense = self.json.list("mlp_only_layers")?.unwrap_or_default();
                let is_dense = |layer: usize| {
                    !(layer + 1).is_multiple_of(every)
                        || dense.iter().any(|one| one.as_u64() == Some(layer as u64))
                };
                Ok((0..layers).map(|layer| (!is_dense(layer)).then_some(experts)).collect())
            }
        }
    }

    fn layout(&self, folder: &Folder) -> Result<Layout, FolderError> {
        let table =
            |prefix: &&str| folder.tensor(&format!("{prefix}embed_tokens.weight")).is_some();
        let prefix = PREFIXES.into_iter().find(table).unwrap_or(PREFIXES[0]).to_owned();
        let tied = self.json.flag("tie_word_embeddings")?.unwrap_or(self.rules.hub_tied);
        let biases = match self.json.flag("attention_bias")? {
            _ if self.rules.biases => Biases::Qkv,
            Some(true) => Biases::All,
            _ => Biases::No,
        };
        let tied = if tied { Tied::Yes } else { Tied::No };
        Ok(Layout { rules: self.rules, naming: Naming::Hub { prefix }, tied, biases })
    }
}

/// As transformers 5 calls the number of experts.
const LOCAL: &str = "num_local_experts";

fn explain(folder: &Folder, rules: &Rules, mismatch: Mismatch) -> FolderError {
    let Mismatch { tensor, wrong } = mismatch;
    let found = folder.tensor(&tensor);
    let problem = match (wrong, found) {
        (Wrong::Dimensions(mut want), Some(found)) => {
            want.reverse();
            let why = format!("its shape is `{:?}`, the config needs `{want:?}`", found.shape);
            Problem::Tensor { tensor: tensor.clone(), why }
        }
        (Wrong::Kind, Some(found)) => {
            Problem::NotRunnable(format!("tensor `{tensor}` is stored as {}", found.kind))
        }
        (Wrong::Unknown, Some(_)) => Problem::NotRunnable(format!(
            "tensor `{tensor}` has no place in the engine's `{}`",
            rules.hub
        )),
        _ => Problem::Tensor { tensor: tensor.clone(), why: "it is missing".to_owned() },
    };
    folder.error(&tensor, problem)
}

#[allow(clippy::cast_possible_truncation, reason = "f32 is what is computed in")]
fn narrow(number: f64) -> f32 {
    number as f32
}
