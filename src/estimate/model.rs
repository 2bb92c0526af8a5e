//! What a model is made of, as far as its speed goes: the numbers of its `config.json`.
//!
//! Invariant: parameters are counted from the shape, never taken from a name, and the count agrees with
//! the published one to a hundredth. Guarded by `tests.rs`, over the whole catalogue.
//!
//! Left out, since they are under a thousandth: norms, biases, routers, convolutions.

use super::deployment::Weights;
use jiff::civil::Date;

/// A model's shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What the command line calls it: `llama-3.1-8b`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Other names that it answers to.
    pub aliases: Vec<String>,
    /// Other models of the same shape, whose names it answers to, too.
    pub variants: Vec<String>,
    /// Its kin, which is left out with it when the estimate is validated strictly.
    pub family: String,
    /// How its makers publish the weights.
    pub native: Weights,
    /// Layers, of whatever kind.
    pub layers: u64,
    /// Width of the residual stream.
    pub width: u64,
    /// Tokens in the vocabulary.
    pub vocabulary: u64,
    /// Whether the head is the embedding table.
    pub tied: bool,
    /// The longest context it was made for, in tokens.
    pub context: u64,
    /// How it attends.
    pub attention: Attention,
    /// Width of the dense feed-forward layers.
    pub feed_forward: u64,
    /// How many layers have a dense feed-forward part.
    pub feed_forward_layers: u64,
    /// Matrices of one: 3 where it is gated, else 2.
    pub feed_forward_matrices: u64,
    /// Its experts, if it has any.
    pub experts: Option<Experts>,
    /// Its state-space layers, if it has any.
    pub mamba: Option<Mamba>,
    /// Parameters, as published.
    pub published: u64,
    /// Where the numbers are from.
    pub source: String,
    /// The day the source was read.
    pub date: Date,
}

/// How a model attends to what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Heads that share keys and values in groups; as many key heads as heads is the plain kind.
    Grouped {
        /// Layers that attend.
        layers: u64,
        /// Query heads.
        heads: u64,
        /// Key and value heads.
        kv_heads: u64,
        /// Size of a head.
        head_size: u64,
        /// Layers that see only a part of the context.
        window: Option<Window>,
    },
    /// Keys and values from one short vector a token (multi-head latent attention).
    Latent {
        /// Layers that attend.
        layers: u64,
        /// Query heads.
        heads: u64,
        /// Rank of the queries' compression.
        query_rank: u64,
        /// Size of the vector that is cached.
        kv_rank: u64,
        /// Size of the rotated part, which all heads share and is cached too.
        rope_size: u64,
        /// Size of a key's part that isn't rotated.
        nope_size: u64,
        /// Size of a value.
        value_size: u64,
    },
}

/// Layers that see only a part of the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many layers.
    pub layers: u64,
    /// How many tokens they see at most.
    pub size: u64,
    /// Whether the window starts anew at each multiple of its size, in the place of sliding.
    pub chunked: bool,
}

/// A mixture of experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experts {
    /// Layers that have one.
    pub layers: u64,
    /// Experts in a layer.
    pub count: u64,
    /// Experts that a token goes through.
    pub active: u64,
    /// Width of an expert.
    pub width: u64,
    /// Width of what every token goes through besides.
    pub shared_width: u64,
}

/// State-space layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mamba {
    /// How many layers.
    pub layers: u64,
    /// Heads.
    pub heads: u64,
    /// Size of a head.
    pub head_size: u64,
    /// Size of a state.
    pub state_size: u64,
    /// Groups that share their input and output projections.
    pub groups: u64,
}

/// State that vLLM keeps a sequence is of 32 bits: `mamba_ssm_cache_dtype`.
const STATE_BYTES: f64 = 4.0;

/// A product of counts; in floating point, since a book's numbers could be anything.
pub(super) fn product<const N: usize>(counts: [u64; N]) -> f64 {
    counts.into_iter().map(float).product()
}

/// A count as a number to multiply with.
#[expect(clippy::cast_precision_loss, reason = "shapes are far below 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

impl Model {
    /// Parameters that every token goes through, the head left out.
    pub(super) fn body(&self) -> f64 {
        let ffn =
            [self.feed_forward_layers, self.feed_forward_matrices, self.width, self.feed_forward];
        let shared = self
            .experts
            .map_or(0.0, |experts| product([experts.layers, 3, self.width, experts.shared_width]));
        self.attention.parameters(self.width)
            + product(ffn)
            + shared
            + self.mamba.map_or(0.0, |mamba| mamba.parameters(self.width))
    }

    /// Parameters of the head, which are read once a step.
    pub(super) fn head(&self) -> f64 {
        product([self.vocabulary, self.width])
    }

    /// Parameters of one expert of one layer.
    pub(super) fn expert(&self) -> f64 {
        self.experts.map_or(0.0, |experts| product([3, self.width, experts.width]))
    }

    /// All parameters.
    pub fn parameters(&self) -> f64 {
        let tables = if self.tied { 1.0 } else { 2.0 };
        self.body() + tables * self.head() + self.all_experts()
    }

    /// Parameters that one token is multiplied with, the head among them.
    pub fn active_parameters(&self) -> f64 {
        let experts = self.experts.map_or(0.0, |e| product([e.layers, e.active]));
        self.body() + self.head() + experts * self.expert()
    }

    /// Parameters of all experts of all layers.
    pub(super) fn all_experts(&self) -> f64 {
        self.experts.map_or(0.0, |experts| product([experts.layers, experts.count])) * self.expert()
    }

    /// Bytes of state that a sequence keeps besides its cache.
    pub(super) fn state_bytes(&self) -> f64 {
        self.mamba.map_or(0.0, |mamba| {
            let state = [mamba.layers, mamba.heads, mamba.head_size, mamba.state_size];
            STATE_BYTES * product(state)
        })
    }
}

impl Attention {
    /// Projections of all layers.
    fn parameters(&self, width: u64) -> f64 {
        match *self {
            Self::Grouped { layers, heads, kv_heads, head_size, .. } => {
                product([layers, width, head_size, 2]) * (float(heads) + float(kv_heads))
            }
            Self::Latent {
                layers,
                heads,
                query_rank,
                kv_rank,
                rope_size,
                nope_size,
                value_size,
            } => {
                let (nope, rope) = (float(nope_size), float(rope_size));
                let queries =
                    product([width, query_rank]) + product([query_rank, heads]) * (nope + rope);
                let keys = float(width) * (float(kv_rank) + rope)
                    + product([kv_rank, heads]) * (nope + float(value_size));
                float(layers) * (queries + keys + product([heads, value_size, width]))
            }
        }
    }

    /// Numbers that are cached for one token in one layer.
    fn cached(&self) -> f64 {
        match *self {
            Self::Grouped { kv_heads, head_size, .. } => product([2, kv_heads, head_size]),
            Self::Latent { kv_rank, rope_size, .. } => float(kv_rank) + float(rope_size),
        }
    }

    /// Over how many GPUs a cache can be divided: one key head can't be, nor a latent vector.
    pub(super) fn shards(&self, gpus: u64) -> f64 {
        match *self {
            Self::Grouped { kv_heads, .. } => float(gpus.min(kv_heads).max(1)),
            Self::Latent { .. } => 1.0,
        }
    }

    /// Positions that are seen from `context`, summed over the layers.
    pub(super) fn seen(&self, context: f64) -> f64 {
        self.over_layers(context, |window| match window {
            // The mean over a chunk, once the first is full.
            Window { size, chunked: true, .. } if context > float(size) => float(size) / 2.0,
            Window { size, .. } => context.min(float(size)),
        })
    }

    /// The same as the mean over all positions of a prompt of `length`.
    pub(super) fn seen_in_prompt(&self, length: f64) -> f64 {
        self.over_layers(length / 2.0, |window| {
            let size = float(window.size);
            if length < size {
                length / 2.0
            } else if window.chunked {
                size / 2.0
            } else {
                // The first `size` positions see half of it in the mean, the others all.
                (size * size / 2.0 + (length - size) * size) / length
            }
        })
    }

    fn over_layers(&self, all: f64, windowed: impl Fn(Window) -> f64) -> f64 {
        match *self {
            Self::Grouped { layers, window: Some(window), .. } => {
                let open = layers.saturating_sub(window.layers);
                float(open) * all + float(window.layers) * windowed(window)
            }
            Self::Grouped { layers, .. } | Self::Latent { layers, .. } => float(layers) * all,
        }
    }

    /// Numbers of the cache that one sequence reads at `context`, over all layers.
    pub(super) fn read(&self, context: f64) -> f64 {
        self.cached() * self.seen(context)
    }

    /// Numbers of the cache that one sequence holds at `context`: a chunk is held whole.
    pub(super) fn held(&self, context: f64) -> f64 {
        self.cached() * self.over_layers(context, |window| context.min(float(window.size)))
    }

    /// Operations for one token and one position that it sees, in one layer.
    pub(super) fn flops(&self) -> f64 {
        match *self {
            Self::Grouped { heads, head_size, .. } => 4.0 * product([heads, head_size]),
            Self::Latent { heads, rope_size, nope_size, value_size, .. } => {
                2.0 * float(heads)
                    * [rope_size, nope_size, value_size].map(float).iter().sum::<f64>()
            }
        }
    }
}

impl Mamba {
    /// Projections in and out of all layers.
    fn parameters(self, width: u64) -> f64 {
        let inner = product([self.heads, self.head_size]);
        let into = 2.0 * inner + product([2, self.groups, self.state_size]) + float(self.heads);
        product([self.layers, width]) * (into + inner)
    }
}

impl Experts {
    /// How many different experts of a layer `tokens` tokens touch, in the mean, if each draws its own
    /// evenly: n (1 - (1 - k/n)^tokens). Real routers prefer some experts, so fewer are touched at small
    /// batches; the published runs show no difference that this could explain (`docs/ESTIMATE.md`).
    pub(super) fn touched(self, tokens: f64) -> f64 {
        let (count, active) = (float(self.count), float(self.active));
        count * (1.0 - (1.0 - active / count).powf(tokens))
    }
}
