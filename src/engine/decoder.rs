//! One decoder for every family: what differs is in its [`Spec`], what computes is a [`Backend`].
//!
//! Invariant: a step's result for a sequence depends on its own tokens and what the cache holds of
//! them, on nothing else in the batch. Guarded by `tests/engine_batches.rs`.

use super::op::batch::Bounds;
use super::op::{Attention, BLOCK, Backend, CacheShape, Experts, KvType, Ragged};
use super::{Capacity, Engine, EngineError, Logits, Piece};
use crate::model::spec::{FeedForward, LayerPart, Part, Spec};
use crate::model::weights::{Matrix, Weights};
use half::{bf16, f16};

/// Sizes that its user chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Blocks of the KV cache.
    pub blocks: u32,
    /// How keys and values are held.
    pub kv: KvType,
    /// Sequences in one step.
    pub sequences: u32,
    /// Tokens in one step.
    pub step_tokens: u32,
}

/// A decoder-only transformer with its weights.
pub struct Decoder<B: Backend> {
    spec: Spec,
    sizes: Sizes,
    backend: B,
    embedding: B::Linear,
    layers: Vec<Layer<B>>,
    output_norm: B::Norm,
    /// `None`: the embedding is the head.
    head: Option<B::Linear>,
}

struct Layer<B: Backend> {
    attention_norm: B::Norm,
    qkv: [B::Linear; 3],
    query_norm: Option<B::Norm>,
    key_norm: Option<B::Norm>,
    output: B::Linear,
    post_attention_norm: Option<B::Norm>,
    feed_forward_norm: B::Norm,
    feed_forward: FeedForwardWeights<B::Linear>,
    post_feed_forward_norm: Option<B::Norm>,
}

enum FeedForwardWeights<L> {
    Dense { gate: L, up: L, down: L },
    Experts(Experts<L>),
}

impl<B: Backend> Decoder<B> {
    /// Loads a model's weights into a backend and reserves the KV cache.
    ///
    /// # Errors
    /// Where a tensor is missing, can't be read, has a form that the backend has no product for, or
    /// there is no room.
    pub fn load(
        spec: Spec,
        weights: &dyn Weights,
        mut backend: B,
        sizes: Sizes,
    ) -> Result<Self, EngineError> {
        let mut load = Loading { weights, backend: &mut backend, epsilon: spec.norm_epsilon };
        let embedding = load.linear(Part::Embedding, None)?;
        let head = match weights.find(Part::Head) {
            Some(_) => Some(load.linear(Part::Head, None)?),
            None => None,
        };
        let output_norm = load.norm(Part::OutputNorm)?;
        let layers = (0..spec.layers.len())
            .map(|index| load.layer(index, spec.layers[index].feed_forward))
            .collect::<Result<_, _>>()?;
        backend.reserve(CacheShape {
            layers: spec.layers.len(),
            blocks: sizes.blocks as usize,
            kv_heads: spec.kv_heads,
            head_size: spec.head_size,
            kv: sizes.kv,
        })?;
        Ok(Self { spec, sizes, backend, embedding, layers, output_norm, head })
    }

    /// What it computes.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            vocabulary: self.spec.vocabulary,
            context: usize::try_from(self.spec.context.0).unwrap_or(usize::MAX),
            blocks: self.sizes.blocks as usize,
        }
    }

    fn forward(&mut self, batch: &Ragged) -> Result<Vec<f32>, EngineError> {
        let (spec, backend) = (&self.spec, &mut self.backend);
        let mut x = backend.embed(&self.embedding, &batch.tokens, spec.embedding_scale)?;
        let Some(first) = self.layers.first() else { return Ok(Vec::new()) };
        let mut y = backend.norm(&x, &first.attention_norm)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let last = index + 1 == self.layers.len();
            let qkv = backend.project(&y, layer.qkv.each_ref())?;
            let mut attended = backend.attend(&attention(spec, index, layer), qkv, batch)?;
            if last {
                // Nothing attends to the last layer's output: only rows whose logits are wanted go on.
                attended = backend.select(&attended, &batch.wanted)?;
                x = backend.select(&x, &batch.wanted)?;
            }
            let [delta] = backend.project(&attended, [&layer.output])?;
            let post = layer.post_attention_norm.as_ref();
            y = backend.add_norm(&mut x, delta, post, &layer.feed_forward_norm)?;
            let delta = match &layer.feed_forward {
                FeedForwardWeights::Dense { gate, up, down } => {
                    let inner = backend.gated(&y, gate, up, spec.activation)?;
                    let [delta] = backend.project(&inner, [down])?;
                    delta
                }
                FeedForwardWeights::Experts(experts) => {
                    backend.experts(&y, experts, spec.activation)?
                }
            };
            let post = layer.post_feed_forward_norm.as_ref();
            let next = self.layers.get(index + 1).map(|next| &next.attention_norm);
            y = backend.add_norm(&mut x, delta, post, next.unwrap_or(&self.output_norm))?;
        }
        let [logits] = backend.project(&y, [self.head.as_ref().unwrap_or(&self.embedding)])?;
        let mut logits = backend.to_host(logits)?;
        if let Some(cap) = spec.logits_cap {
            for logit in &mut logits {
                *logit = cap * (*logit / cap).tanh();
            }
        }
        Ok(logits)
    }
}

fn attention<'a, B: Backend>(
    spec: &'a Spec,
    index: usize,
    layer: &'a Layer<B>,
) -> Attention<'a, B> {
    Attention {
        layer: index,
        heads: spec.heads,
        kv_heads: spec.kv_heads,
        head_size: spec.head_size,
        scale: spec.attention_scale,
        cap: spec.attention_cap,
        window: spec.layers[index].window,
        rope: &spec.ropes[spec.layers[index].rope],
        query_norm: layer.query_norm.as_ref(),
        key_norm: layer.key_norm.as_ref(),
    }
}

impl<B: Backend> Engine for Decoder<B> {
    fn step(&mut self, pieces: &[Piece<'_>]) -> Result<Logits, EngineError> {
        let batch = Ragged::new(pieces, self.bounds())?;
        let vocabulary = self.spec.vocabulary;
        if batch.tokens.is_empty() {
            return Ok(Logits { numbers: Vec::new(), vocabulary });
        }
        Ok(Logits { numbers: self.forward(&batch)?, vocabulary })
    }

    fn copy_blocks(&mut self, copies: &[(u32, u32)]) -> Result<(), EngineError> {
        let outside = |block: &u32| *block >= self.sizes.blocks;
        if let Some(block) = copies.iter().flat_map(|&(from, to)| [from, to]).find(outside) {
            return Err(EngineError::Blocks { needed: 1, given: 1, unknown: Some(block) });
        }
        self.backend.copy_blocks(copies)
    }

    fn capacity(&self) -> Capacity {
        Capacity {
            vocabulary: self.spec.vocabulary,
            context: self.bounds().context,
            blocks: self.sizes.blocks,
            block_size: u32::try_from(BLOCK).unwrap_or(u32::MAX),
            sequences: self.sizes.sequences,
            step_tokens: self.sizes.step_tokens,
        }
    }

    fn describe(&self) -> String {
        self.backend.describe()
    }
}

/// Weights on their way into a backend.
struct Loading<'a, B> {
    weights: &'a dyn Weights,
    backend: &'a mut B,
    epsilon: f32,
}

impl<B: Backend> Loading<'_, B> {
    fn layer(&mut self, index: usize, kind: FeedForward) -> Result<Layer<B>, EngineError> {
        let part = |part| Part::Layer(index, part);
        Ok(Layer {
            attention_norm: self.norm(part(LayerPart::AttentionNorm))?,
            qkv: [
                self.linear(part(LayerPart::Query), Some(part(LayerPart::QueryBias)))?,
                self.linear(part(LayerPart::Key), Some(part(LayerPart::KeyBias)))?,
                self.linear(part(LayerPart::Value), Some(part(LayerPart::ValueBias)))?,
            ],
            query_norm: self.norm_if_any(part(LayerPart::QueryNorm))?,
            key_norm: self.norm_if_any(part(LayerPart::KeyNorm))?,
            output: self.linear(part(LayerPart::Output), Some(part(LayerPart::OutputBias)))?,
            post_attention_norm: self.norm_if_any(part(LayerPart::PostAttentionNorm))?,
            feed_forward_norm: self.norm(part(LayerPart::FeedForwardNorm))?,
            feed_forward: self.feed_forward(index, kind)?,
            post_feed_forward_norm: self.norm_if_any(part(LayerPart::PostFeedForwardNorm))?,
        })
    }

    fn feed_forward(
        &mut self,
        index: usize,
        kind: FeedForward,
    ) -> Result<FeedForwardWeights<B::Linear>, EngineError> {
        let part = |part| Part::Layer(index, part);
        match kind {
            FeedForward::Dense { .. } => Ok(FeedForwardWeights::Dense {
                gate: self.linear(part(LayerPart::Gate), None)?,
                up: self.linear(part(LayerPart::Up), None)?,
                down: self.linear(part(LayerPart::Down), None)?,
            }),
            FeedForward::Experts { experts, used, normalized, .. } => {
                let router = self.linear(part(LayerPart::Router), None)?;
                let each = (0..experts)
                    .map(|expert| {
                        Ok([
                            self.linear(part(LayerPart::ExpertGate(expert)), None)?,
                            self.linear(part(LayerPart::ExpertUp(expert)), None)?,
                            self.linear(part(LayerPart::ExpertDown(expert)), None)?,
                        ])
                    })
                    .collect::<Result<_, EngineError>>()?;
                Ok(FeedForwardWeights::Experts(Experts { router, each, used, normalized }))
            }
        }
    }

    /// What the model's description promised to be there.
    fn find(&self, part: Part) -> Result<Matrix, EngineError> {
        self.weights.find(part).ok_or(EngineError::Part(part))
    }

    fn linear(&mut self, part: Part, bias: Option<Part>) -> Result<B::Linear, EngineError> {
        let matrix = self.find(part)?;
        let bias = match bias {
            Some(bias) => self.vector_if_any(bias)?,
            None => None,
        };
        let weights = self.weights;
        self.backend.linear(matrix, bias, &mut |rows, into| {
            weights.read(part, rows, into).map_err(|error| EngineError::Model(Box::new(error)))
        })
    }

    fn norm(&mut self, part: Part) -> Result<B::Norm, EngineError> {
        let numbers = self.vector_if_any(part)?.ok_or(EngineError::Part(part))?;
        self.backend.norm_weights(numbers, self.epsilon)
    }

    fn norm_if_any(&mut self, part: Part) -> Result<Option<B::Norm>, EngineError> {
        let numbers = self.vector_if_any(part)?;
        numbers.map(|numbers| self.backend.norm_weights(numbers, self.epsilon)).transpose()
    }

    /// A vector, which is never quantized, as `f32`.
    fn vector_if_any(&self, part: Part) -> Result<Option<Vec<f32>>, EngineError> {
        let Some(matrix) = self.weights.find(part) else { return Ok(None) };
        let mut bytes = Vec::new();
        self.weights
            .read(part, 0..matrix.rows, &mut bytes)
            .map_err(|error| EngineError::Model(Box::new(error)))?;
        let numbers: Vec<f32> = match matrix.kind {
            "F32" => widen(&bytes, |[a, b, c, d]: [u8; 4]| f32::from_le_bytes([a, b, c, d])),
            "F16" => widen(&bytes, |[a, b]: [u8; 2]| f16::from_le_bytes([a, b]).to_f32()),
            "BF16" => widen(&bytes, |[a, b]: [u8; 2]| bf16::from_le_bytes([a, b]).to_f32()),
            kind => {
                let (rows, cols) = (matrix.rows, matrix.cols);
                let why = "a norm or a bias is stored as F32, F16 or BF16".to_owned();
                return Err(EngineError::Weights { kind: kind.to_owned(), rows, cols, why });
            }
        };
        Ok(Some(numbers.into_iter().map(|number| number + matrix.plus).collect()))
    }
}

/// Numbers of `N` bytes each.
fn widen<const N: usize>(bytes: &[u8], one: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<N>();
    numbers.iter().map(|&number| one(number)).collect()
}
