//! What a scheduler may use, each bound with its reason.

use super::LimitsError;

/// What a scheduler may use. [`super::Scheduler::new`] checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sequences that run at once; at least 1.
    pub sequences_max: u32,
    /// Requests that wait, preempted ones included; at least 1. With `sequences_max` it bounds all
    /// that is live.
    pub waiting_max: u32,
    /// Tokens of one step. At least `sequences_max`: decoding takes a token for each sequence, and
    /// the first prompt to be read must not be left without one.
    pub step_tokens_max: u32,
    /// Tokens of one sequence in one step; at least 1. It bounds how long a prompt holds up those
    /// that decode beside it, and how long a cancellation waits.
    pub chunk_max: u32,
    /// Blocks of the KV cache; at least 1.
    pub blocks: u32,
    /// Tokens of a block; at least 1.
    pub block_size: u32,
    /// Tokens of a sequence, prompt and output; at least 2. It may be more than the blocks hold.
    pub context_max: u32,
    /// How many steps of waiting one level of priority is worth; at most [`Limits::PATIENCE_MAX`].
    pub patience: u32,
    /// Whether blocks are shared.
    pub prefix_cache: bool,
}

impl Limits {
    /// The most patience: ranks stay far from the ends of `i64`.
    pub const PATIENCE_MAX: u32 = 1 << 20;

    /// The blocks that hold so many tokens.
    pub(super) fn blocks_for(&self, tokens: u32) -> u32 {
        tokens.div_ceil(self.block_size)
    }

    pub(super) fn checked(self) -> Result<Self, LimitsError> {
        let at_least = |name, value, least| {
            if value >= least { Ok(()) } else { Err(LimitsError::Below { name, value, least }) }
        };
        at_least("sequences_max", self.sequences_max, 1)?;
        at_least("waiting_max", self.waiting_max, 1)?;
        at_least("step_tokens_max", self.step_tokens_max, self.sequences_max)?;
        at_least("chunk_max", self.chunk_max, 1)?;
        at_least("blocks", self.blocks, 1)?;
        at_least("block_size", self.block_size, 1)?;
        at_least("context_max", self.context_max, 2)?;
        if self.patience > Self::PATIENCE_MAX {
            return Err(LimitsError::Patience { patience: self.patience });
        }
        Ok(self)
    }
}
