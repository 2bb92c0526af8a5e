//! What one machine's engine may use, and what its scheduler makes of it.

use super::PlanError;
use crate::schedule::{Limits, Scheduler};
use crate::units::Tokens;
use serde::{Deserialize, Serialize};

/// What one machine's engine may use. A machine is one copy of the model, on as many GPUs as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serving {
    /// Tokens that the KV cache holds, of all sequences; whole blocks of them.
    pub kv: Tokens,
    /// Tokens of a block.
    pub block_size: u32,
    /// Sequences that run at once.
    pub sequences_max: u32,
    /// Tokens of one step, at least `sequences_max`.
    pub step_tokens_max: u32,
    /// Tokens of one prompt in one step.
    pub chunk_max: u32,
    /// Tokens of one sequence, prompt and output.
    pub context_max: u32,
    /// Requests that wait; what comes then is refused.
    pub waiting_max: u32,
    /// Whether requests share what they have in common.
    pub prefix_cache: bool,
}

impl Serving {
    /// An engine with room for so many tokens, otherwise as servers are commonly set: blocks of 16, 256
    /// sequences, 8192 tokens a step and to a chunk, nobody refused for want of a place in the queue.
    pub fn with_room_for(kv: Tokens) -> Self {
        Self {
            kv,
            block_size: 16,
            sequences_max: 256,
            step_tokens_max: 8_192,
            chunk_max: 8_192,
            context_max: 131_072,
            waiting_max: u32::MAX,
            prefix_cache: true,
        }
    }

    /// As a scheduler's limits. What nobody shares needs no prefix cache: it changes no time then.
    pub(super) fn limits(&self, shares: bool) -> Limits {
        let blocks = self.kv.0.checked_div(self.block_size.into()).unwrap_or(0);
        Limits {
            sequences_max: self.sequences_max,
            waiting_max: self.waiting_max,
            step_tokens_max: self.step_tokens_max,
            chunk_max: self.chunk_max,
            blocks: u32::try_from(blocks).unwrap_or(u32::MAX),
            block_size: self.block_size,
            context_max: self.context_max,
            patience: 0,
            prefix_cache: self.prefix_cache && shares,
        }
    }

    /// Whether a scheduler can work so.
    ///
    /// # Errors
    /// Where it can't.
    pub fn check(&self) -> Result<(), PlanError> {
        Scheduler::new(self.limits(true))?;
        Ok(())
    }
}
