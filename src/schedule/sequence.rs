//! One sequence: what of it is known and what is computed.

use super::{Arrival, BlockHash, BlockId, Limits, SeqId};

/// Where a request stands among all others; earlier is served first and keeps its blocks longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// The step in which it came, moved by its priority.
    due: i64,
    /// Its number among all arrivals.
    arrival: u64,
}

impl Rank {
    /// `steps` is below 2⁶² on any machine, and the product below 2⁵¹: nothing overflows.
    pub(super) fn new(arrival: &Arrival, number: u64, steps: u64, limits: &Limits) -> Self {
        let lead = i64::from(arrival.priority.0) * i64::from(limits.patience);
        Self { due: steps.cast_signed() + lead, arrival: number }
    }
}

#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Sequence {
    pub(super) id: SeqId,
    pub(super) rank: Rank,
    pub(super) prompt: u32,
    /// The tokens that it may have in the end.
    pub(super) most: u32,
    /// Tokens of the prompt and those that were sampled.
    pub(super) known: u32,
    /// Tokens whose keys and values lie in `blocks`: fewer than are known.
    pub(super) computed: u32,
    /// Its part of the step that is under way: tokens after `computed`. 0: it has none.
    pub(super) planned: u32,
    /// What the prefix cache gave it in the step that is being planned.
    pub(super) cached: u32,
    pub(super) state: State,
    /// Of the full blocks of known tokens, from the beginning.
    pub(super) hashes: Vec<BlockHash>,
    pub(super) blocks: Vec<BlockId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It never ran.
    New,
    /// It has a place among the running.
    Running,
    /// It had one.
    Preempted,
}

impl Sequence {
    pub(super) fn new(arrival: Arrival, rank: Rank) -> Self {
        Self {
            id: arrival.id,
            rank,
            prompt: arrival.prompt,
            most: arrival.prompt + arrival.output_max,
            known: arrival.prompt,
            computed: 0,
            planned: 0,
            cached: 0,
            state: State::New,
            hashes: arrival.prefix,
            blocks: Vec::new(),
        }
    }

    /// Known tokens that are not computed; at least one.
    pub(super) fn missing(&self) -> u32 {
        self.known - self.computed
    }

    /// Whether the step under way reaches the last known token.
    pub(super) fn samples(&self) -> bool {
        self.planned > 0 && self.planned == self.missing()
    }
}
