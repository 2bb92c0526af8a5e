//! What sets the families apart, as data: a line for each.
//!
//! Sources: the families' modules in transformers (<https://github.com/huggingface/transformers>,
//! `src/transformers/models`), and for GGUF llama.cpp's `llama-model.cpp` and
//! `convert_hf_to_gguf.py` (<https://github.com/ggml-org/llama.cpp>). Guarded by
//! `tests/engine_families.rs`: logits of tiny models of each, by transformers.

use crate::model::spec::{Activation, Pairs};

/// What a family does, and how its files say it.
#[allow(clippy::struct_excessive_bools, reason = "each is a question that every family answers")]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rules {
    /// GGUF's `general.architecture`; it calls Llama, Mistral and Mixtral by one name.
    pub(super) gguf: &'static str,
    /// Whether this line is the one for a GGUF of that name.
    pub(super) of_gguf: bool,
    /// `model_type` of `config.json`.
    pub(super) hub: &'static str,
    /// Between gate and up.
    pub(super) activation: Activation,
    /// What GGUF's rows of queries and keys are ordered for; the hub's are always for halves.
    pub(super) gguf_pairs: Pairs,
    /// Embeddings are multiplied with `sqrt(width)`.
    pub(super) embedding_scaled: bool,
    /// What is missing from norms in the hub's files (Gemma computes with `1 + weight`); GGUF's
    /// have it.
    pub(super) hub_norm_plus: f32,
    /// Queries, keys and values always have biases; else the file says so.
    pub(super) biases: bool,
    /// Queries and keys are normalized, head by head.
    pub(super) head_norms: bool,
    /// The outputs of attention and feed-forward part are normalized, too.
    pub(super) post_norms: bool,
    /// One tensor holds queries, keys and values, another gate and up.
    pub(super) fused: bool,
    /// Which layers attend to a window.
    pub(super) windows: Windows,
    /// Whether a window in `config.json` counts only with `use_sliding_window`.
    pub(super) hub_window_opt_in: bool,
    /// The base of rotations in layers with a window, where it differs from the others'. Scaling
    /// then is for the others alone.
    pub(super) local_base: Option<f64>,
    /// The number of layers of the size whose score scale follows from the width, not from the
    /// heads: GGUF doesn't say it (`query_pre_attn_scalar` in `config.json`).
    pub(super) wide_scale_layers: Option<usize>,
    /// How the hub's files name a feed-forward part with experts; GGUF has one way.
    pub(super) hub_experts: HubExperts,
    /// What `config.json` may leave out because the family's own code has a default.
    pub(super) hub_defaults: &'static [(&'static str, u32)],
    /// Whether the head is the embedding where `config.json` doesn't say.
    pub(super) hub_tied: bool,
}

/// Which layers attend to a window only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Windows {
    /// None.
    Never,
    /// All, if there is a window.
    Always,
    /// With `use_sliding_window`, those from `max_window_layers` on.
    Late,
    /// All but every so manieth.
    AllButEvery(usize),
}

/// Names of experts on the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HubExperts {
    /// `mlp.experts.0.gate_proj`, with `num_experts`; some layers may be dense.
    Mlp,
    /// `block_sparse_moe.experts.0.w1`, with `num_local_experts`.
    BlockSparse,
    /// There are none.
    None,
}

/// Llama 1 to 3.3, `SmolLM2`.
const LLAMA: Rules = Rules {
    gguf: "llama",
    of_gguf: false,
    hub: "llama",
    activation: Activation::Silu,
    gguf_pairs: Pairs::Adjacent,
    embedding_scaled: false,
    hub_norm_plus: 0.0,
    biases: false,
    head_norms: false,
    post_norms: false,
    fused: false,
    windows: Windows::Never,
    hub_window_opt_in: false,
    local_base: None,
    wide_scale_layers: None,
    hub_experts: HubExperts::None,
    hub_defaults: &[],
    hub_tied: false,
};

/// Mistral 7B and its kin; and any GGUF of a Llama, which may have a window and experts.
const MISTRAL: Rules = Rules {
    of_gguf: true,
    hub: "mistral",
    windows: Windows::Always,
    hub_defaults: &[("sliding_window", 4_096)],
    ..LLAMA
};

const MIXTRAL: Rules = Rules {
    of_gguf: false,
    hub: "mixtral",
    hub_experts: HubExperts::BlockSparse,
    hub_defaults: &[],
    ..MISTRAL
};

/// Qwen 2 and 2.5.
const QWEN2: Rules = Rules {
    gguf: "qwen2",
    of_gguf: true,
    hub: "qwen2",
    gguf_pairs: Pairs::Halves,
    biases: true,
    windows: Windows::Late,
    hub_window_opt_in: true,
    ..LLAMA
};

const QWEN3: Rules =
    Rules { gguf: "qwen3", hub: "qwen3", biases: false, head_norms: true, ..QWEN2 };

const QWEN3_MOE: Rules = Rules {
    gguf: "qwen3moe",
    of_gguf: true,
    hub: "qwen3_moe",
    hub_experts: HubExperts::Mlp,
    windows: Windows::Always,
    ..QWEN3
};

const GEMMA2: Rules = Rules {
    gguf: "gemma2",
    of_gguf: true,
    hub: "gemma2",
    activation: Activation::GeluTanh,
    gguf_pairs: Pairs::Halves,
    embedding_scaled: true,
    hub_norm_plus: 1.0,
    post_norms: true,
    windows: Windows::AllButEvery(2),
    wide_scale_layers: Some(46),
    hub_defaults: &[
        ("sliding_window", 4_096),
        ("query_pre_attn_scalar", 256),
        ("attn_logit_softcapping", 50),
        ("final_logit_softcapping", 30),
    ],
    hub_tied: true,
    ..LLAMA
};

/// Gemma 3, of its text part. The hub's larger sizes leave out what is as in the 4B.
const GEMMA3: Rules = Rules {
    gguf: "gemma3",
    of_gguf: true,
    hub: "gemma3_text",
    head_norms: true,
    windows: Windows::AllButEvery(6),
    local_base: Some(10_000.0),
    wide_scale_layers: Some(62),
    hub_defaults: &[
        ("num_attention_heads", 8),
        ("num_key_value_heads", 4),
        ("head_dim", 256),
        ("vocab_size", 262_208),
        ("max_position_embeddings", 131_072),
        ("query_pre_attn_scalar", 256),
        ("sliding_window", 4_096),
        ("rope_theta", 1_000_000),
    ],
    ..GEMMA2
};

/// Phi-3, 3.5 and 4, without the mixture of experts.
const PHI3: Rules = Rules {
    gguf: "phi3",
    of_gguf: true,
    hub: "phi3",
    gguf_pairs: Pairs::Halves,
    fused: true,
    windows: Windows::Always,
    ..LLAMA
};

/// All families that can be described.
static ALL: &[Rules] = &[LLAMA, MISTRAL, MIXTRAL, QWEN2, QWEN3, QWEN3_MOE, GEMMA2, GEMMA3, PHI3];

impl Rules {
    /// The family of a GGUF architecture.
    pub(super) fn of_gguf(architecture: &str) -> Option<&'static Self> {
        ALL.iter().find(|rules| rules.of_gguf && rules.gguf == architecture)
    }

    /// The family of a `model_type`.
    pub(super) fn of_hub(model_type: &str) -> Option<&'static Self> {
        ALL.iter().find(|rules| rules.hub == model_type)
    }

    /// The architectures that a GGUF may have, as a sentence lists them.
    pub(super) fn gguf_names() -> String {
        listed(ALL.iter().filter(|rules| rules.of_gguf).map(|rules| rules.gguf))
    }

    /// The same for `model_type`.
    pub(super) fn hub_names() -> String {
        listed(ALL.iter().map(|rules| rules.hub))
    }

    /// The window of each layer, of `layers`.
    pub(super) fn windowed(&self, layers: usize, late_from: usize) -> Vec<bool> {
        (0..layers)
            .map(|layer| match self.windows {
                Windows::Never => false,
                Windows::Always => true,
                Windows::Late => layer >= late_from,
                Windows::AllButEvery(full) => !(layer + 1).is_multiple_of(full),
            })
            .collect()
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
