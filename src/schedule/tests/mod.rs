//! The scheduler by hand, by property and by many random histories, against a model of what lies in
//! the blocks.

mod dice;
mod histories;
mod invariants;
mod skips;
mod worked;
mod world;

use super::*;

/// Room for nearly everything: tests narrow what they are about.
const WIDE: Limits = Limits {
    sequences_max: 4,
    waiting_max: 8,
    step_tokens_max: 16,
    chunk_max: 16,
    blocks: 16,
    block_size: 4,
    context_max: 64,
    patience: 10,
    prefix_cache: true,
};

fn arrival(id: u64, prompt: u32, output_max: u32) -> Arrival {
    Arrival { id: SeqId(id), prompt, output_max, priority: Priority(0), prefix: Vec::new() }
}
