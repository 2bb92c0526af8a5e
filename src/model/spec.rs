//! What a decoder computes, as data: one description for every family.
//!
//! Invariant: a [`Spec`] says everything that two families do differently; the decoder asks it and
//! never a family's name. What a file says and this can't express is refused where it is read
//! (`describe`), never left out in silence.

use crate::units::Tokens;

/// A decoder-only transformer.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Width of the residual stream.
    pub width: usize,
    /// Rows of the embedding table; token ids are below it.
    pub vocabulary: usize,
    /// The longest sequence, prompt and output together.
    pub context: Tokens,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads, of which there is a whole number of query heads for each.
    pub kv_heads: usize,
    /// Size of a head; `heads * head_size` may differ from the width.
    pub head_size: usize,
    /// What embeddings are multiplied with: `sqrt(width)` in Gemma, else 1.
    pub embedding_scale: f32,
    /// Added to the mean square in every `RMSNorm`.
    pub norm_epsilon: f32,
    /// What scores are multiplied with before the softmax: usually `1 / sqrt(head_size)`.
    pub attention_scale: f32,
    /// `cap * tanh(score / cap)` for scores (Gemma 2).
    pub attention_cap: Option<f32>,
    /// The same for logits.
    pub logits_cap: Option<f32>,
    /// Between gate and up.
    pub activation: Activation,
    /// The rotations that layers refer to by index.
    pub ropes: Vec<Rope>,
    /// The layers, from the embedding up.
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// A token attends to itself and to the `window - 1` tokens before it; `None`: to all before it.
    pub window: Option<usize>,
    /// Index into [`Spec::ropes`].
    pub rope: usize,
    /// The feed-forward part.
    pub feed_forward: FeedForward,
}

/// The feed-forward part of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedForward {
    /// `down(act(gate x) * up x)`.
    Dense {
        /// Rows of gate and up.
        inner: usize,
    },
    /// The same for each of the `used` best experts of a token, summed by the router's weights.
    Experts {
        /// Rows of each expert's gate and up.
        inner: usize,
        /// How many there are.
        experts: usize,
        /// How many a token uses.
        used: usize,
        /// Whether the weights of those used are scaled to a sum of 1 (Mixtral, Qwen3-MoE with
        /// `norm_topk_prob`), or stay shares of the softmax over all.
        normalized: bool,
    },
}

/// The nonlinearity of the feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`.
    GeluTanh,
}

/// A rotary position embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Which two numbers of a head are rotated together.
    pub pairs: Pairs,
    /// Radians a position for each pair, scaling and factors included. The first
    /// `2 * frequencies.len()` numbers of a head are rotated, the rest stays.
    pub frequencies: Vec<f64>,
    /// What sine and cosine are multiplied with (`YaRN`, `longrope`); else 1.
    pub magnitude: f32,
}

/// Which two numbers of a head are rotated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairs {
    /// `2i` and `2i + 1`: how GGUF stores Llama and Mistral.
    Adjacent,
    /// `i` and `i + n`, with `n` pairs: everything else.
    Halves,
}

impl Rope {
    /// `base^(-2i / rotated)` for each pair `i`: as first published
    /// (<https://arxiv.org/abs/2104.09864>, section 3.4.3).
    pub fn frequencies(base: f64, rotated: usize) -> Vec<f64> {
        let pair = |i: usize| base.powf(-2.0 * from_usize(i) / from_usize(rotated));
        (0..rotated / 2).map(pair).collect()
    }
}

/// A length or an index as a number; those of models are far below 2^52.
#[allow(clippy::cast_precision_loss, reason = "bounded by a model's shape")]
fn from_usize(n: usize) -> f64 {
    n as f64
}

/// A tensor by what it is for, whatever a file calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// `[vocabulary, width]`.
    Embedding,
    /// `[width]`, before the head.
    OutputNorm,
    /// `[vocabulary, width]`; where there is none, the embedding is the head.
    Head,
    /// A layer's.
    Layer(usize, LayerPart),
}

/// A layer's tensors. Matrices are `[outputs, inputs]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerPart {
    /// `[width]`, before the attention.
    AttentionNorm,
    /// `[heads * head_size, width]`.
    Query,
    /// `[kv_heads * head_size, width]`.
    Key,
    /// `[kv_heads * head_size, width]`.
    Value,
    /// `[heads * head_size]`, where there is one.
    QueryBias,
    /// `[kv_heads * head_size]`, where there is one.
    KeyBias,
    /// `[kv_heads * head_size]`, where there is one.
    ValueBias,
    /// `[head_size]`: each head's queries are normalized by it, where there is one.
    QueryNorm,
    /// `[head_size]`: the same for keys.
    KeyNorm,
    /// `[width, heads * head_size]`.
    Output,
    /// `[width]`, where there is one.
    OutputBias,
    /// `[width]`: the attention's output is normalized before it is added (Gemma), where there is one.
    PostAttentionNorm,
    /// `[width]`, before the feed-forward part.
    FeedForwardNorm,
    /// `[inner, width]`.
    Gate,
    /// `[inner, width]`.
    Up,
    /// `[width, inner]`.
    Down,
    /// `[width]`: as [`LayerPart::PostAttentionNorm`], for the feed-forward part.
    PostFeedForwardNorm,
    /// `[experts, width]`.
    Router,
    /// `[inner, width]` of one expert.
    ExpertGate(usize),
    /// `[inner, width]` of one expert.
    ExpertUp(usize),
    /// `[width, inner]` of one expert.
    ExpertDown(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_fall_from_one_to_nearly_the_inverse_of_the_base() {
        let got = Rope::frequencies(10_000.0, 4);
        assert_eq!(got.len(), 2);
        assert!((got[0] - 1.0).abs() < 1e-12 && (got[1] - 0.01).abs() < 1e-12, "{got:?}");
    }
}
