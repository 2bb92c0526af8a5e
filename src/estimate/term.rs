//! What costs time beside the roofline, named.
//!
//! Invariant: a term is a count or a time that follows from the shape, the GPU and the work alone; its
//! coefficient is what runs tell, never below zero. Few of them, each with a cause that can be said in
//! a sentence: with more, a family left out was predicted worse.

use serde::{Deserialize, Serialize};

/// How many there are.
pub(super) const TERMS: usize = 7;

/// A cause of time beyond the roofline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Each layer: its kernels' beginnings and ends.
    Layer,
    /// Each sequence of a step: the scheduler, the sampler's bookkeeping, its token's way out.
    Sequence,
    /// Sampling: a logit for each sequence and word of the vocabulary, sorted; as the time to read
    /// them once. One GPU does it for all.
    Sampling,
    /// Each layer in the share of steps that hold a part of a prompt, too: no captured graph fits them.
    Prompt,
    /// Each layer whose weights are of 8 bits: its activations are brought to 8 bits.
    EightBit,
    /// Each layer and GPU but one: waiting for the others, twice a layer.
    Peer,
    /// Each expert that a token goes through: its activations are moved to the expert and back; as the
    /// time to move them.
    Routing,
}

impl Term {
    /// All, in the order of the coefficients.
    pub const ALL: [Self; TERMS] = [
        Self::Layer,
        Self::Sequence,
        Self::Sampling,
        Self::Prompt,
        Self::EightBit,
        Self::Peer,
        Self::Routing,
    ];

    /// Its name in `data/estimate.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Sequence => "sequence",
            Self::Sampling => "sampling",
            Self::Prompt => "prompt",
            Self::EightBit => "eight_bit",
            Self::Peer => "peer",
            Self::Routing => "routing",
        }
    }
}
