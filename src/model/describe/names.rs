//! What files call a part of the model: GGUF has one way, the hub's families nearly one.

use super::family::{HubExperts, Rules};
use crate::model::spec::{LayerPart, Part};

/// Whose names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Naming {
    /// `blk.0.attn_q.weight`, as in llama.cpp's `llama-arch.cpp`.
    Gguf,
    /// `model.layers.0.self_attn.q_proj.weight`.
    Hub {
        /// What stands before `layers.0`: `model.`.
        prefix: String,
    },
}

impl Naming {
    /// The tensor that holds a part.
    pub(super) fn tensor(&self, rules: &Rules, part: Part) -> String {
        match (self, part) {
            (Self::Gguf, Part::Embedding) => "token_embd.weight".to_owned(),
            (Self::Gguf, Part::OutputNorm) => "output_norm.weight".to_owned(),
            (Self::Gguf, Part::Head) => "output.weight".to_owned(),
            (Self::Gguf, Part::Layer(layer, part)) => {
                format!("blk.{layer}.{}", gguf(rules, part))
            }
            (Self::Hub { prefix }, Part::Embedding) => format!("{prefix}embed_tokens.weight"),
            (Self::Hub { prefix }, Part::OutputNorm) => format!("{prefix}norm.weight"),
            (Self::Hub { .. }, Part::Head) => "lm_head.weight".to_owned(),
            (Self::Hub { prefix }, Part::Layer(layer, part)) => {
                format!("{prefix}layers.{layer}.{}", hub(rules, part))
            }
        }
    }

    /// Whether all experts of a layer are one tensor.
    pub(super) fn stacks_experts(&self) -> bool {
        *self == Self::Gguf
    }

    /// Whether a tensor is an expert's, or several experts'.
    pub(super) fn is_expert(&self, tensor: &str) -> bool {
        tensor.contains(if self.stacks_experts() { "_exps." } else { ".experts." })
    }

    /// Whether a tensor is known to hold no part: tables that follow from other numbers, a head that
    /// is the embedding once more, what sees pictures.
    pub(super) fn holds_no_part(&self, tensor: &str, tied: bool) -> bool {
        match self {
            Self::Gguf => {
                tensor.ends_with("rope_freqs.weight")
                    || tensor.starts_with("rope_factors_")
                    || tensor.ends_with("attn_rot_embd.weight")
            }
            Self::Hub { prefix } => {
                let beside = prefix.contains("language_model")
                    && ["vision_tower.", "multi_modal_projector."]
                        .iter()
                        .any(|part| tensor.trim_start_matches("model.").starts_with(part));
                tensor.ends_with("rotary_emb.inv_freq")
                    || tied && tensor.ends_with("lm_head.weight")
                    || beside
            }
        }
    }
}

fn gguf(rules: &Rules, part: LayerPart) -> &'static str {
    use LayerPart as P;
    match part {
        P::AttentionNorm => "attn_norm.weight",
        P::Query | P::Key | P::Value if rules.fused => "attn_qkv.weight",
        P::Query => "attn_q.weight",
        P::Key => "attn_k.weight",
        P::Value => "attn_v.weight",
        P::QueryBias => "attn_q.bias",
        P::KeyBias => "attn_k.bias",
        P::ValueBias => "attn_v.bias",
        P::QueryNorm => "attn_q_norm.weight",
        P::KeyNorm => "attn_k_norm.weight",
        P::Output => "attn_output.weight",
        P::OutputBias => "attn_output.bias",
        P::PostAttentionNorm => "post_attention_norm.weight",
        P::FeedForwardNorm => "ffn_norm.weight",
        // One after the other in a tensor named for the second.
        P::Gate if rules.fused => "ffn_up.weight",
        P::Gate => "ffn_gate.weight",
        P::Up => "ffn_up.weight",
        P::Down => "ffn_down.weight",
        P::PostFeedForwardNorm => "post_ffw_norm.weight",
        P::Router => "ffn_gate_inp.weight",
        P::ExpertGate(_) => "ffn_gate_exps.weight",
        P::ExpertUp(_) => "ffn_up_exps.weight",
        P::ExpertDown(_) => "ffn_down_exps.weight",
    }
}

fn hub(rules: &Rules, part: LayerPart) -> String {
    use LayerPart as P;
    let place = match rules.hub_experts {
        HubExperts::BlockSparse => "block_sparse_moe",
        HubExperts::Mlp | HubExperts::None => "mlp",
    };
    let expert = |expert: usize, plain: &str, numbered: &str| {
        let name = if rules.hub_experts == HubExperts::BlockSparse { numbered } else { plain };
        format!("{place}.experts.{expert}.{name}.weight")
    };
    let name = match part {
        P::AttentionNorm => "input_layernorm.weight",
        P::Query | P::Key | P::Value if rules.fused => "self_attn.qkv_proj.weight",
        P::Query => "self_attn.q_proj.weight",
        P::Key => "self_attn.k_proj.weight",
        P::Value => "self_attn.v_proj.weight",
        P::QueryBias => "self_attn.q_proj.bias",
        P::KeyBias => "self_attn.k_proj.bias",
        P::ValueBias => "self_attn.v_proj.bias",
        P::QueryNorm => "self_attn.q_norm.weight",
        P::KeyNorm => "self_attn.k_norm.weight",
        P::Output => "self_attn.o_proj.weight",
        P::OutputBias => "self_attn.o_proj.bias",
        P::FeedForwardNorm if rules.post_norms => "pre_feedforward_layernorm.weight",
        // The name says where it stands, which in most families is before the feed-forward part.
        P::PostAttentionNorm | P::FeedForwardNorm => "post_attention_layernorm.weight",
        P::PostFeedForwardNorm => "post_feedforward_layernorm.weight",
        P::Gate | P::Up if rules.fused => "mlp.gate_up_proj.weight",
        P::Gate => "mlp.gate_proj.weight",
        P::Up => "mlp.up_proj.weight",
        P::Down => "mlp.down_proj.weight",
        P::Router => return format!("{place}.gate.weight"),
        P::ExpertGate(index) => return expert(index, "gate_proj", "w1"),
        P::ExpertUp(index) => return expert(index, "up_proj", "w3"),
        P::ExpertDown(index) => return expert(index, "down_proj", "w2"),
    };
    name.to_owned()
}
