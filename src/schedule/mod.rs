//! Who is computed when, in which blocks of the KV cache: continuous batching as a pure machine.
//!
//! A sequence has *known* tokens (its prompt and what was sampled) and *computed* tokens (those whose
//! keys and values lie in blocks). [`Scheduler::step`] says what to compute next; the caller computes
//! it, tells what was sampled with [`Scheduler::token`], and asks for the next step. Engines and
//! simulations run this same code, so it takes sizes, not tokens.
//!
//! Invariants, after every call: free + cached + held blocks = all blocks, and each block's reference
//! count is the number of tables it stands in (a leak would not crash: it would shrink the batch and
//! make every token look dearer); nothing writes into a block that another sequence can read; every
//! live sequence has a token to compute. Guarded by [`Scheduler::check`], which debug builds run
//! after every step, and by the histories in `tests`.
//!
//! # Order, and why nobody starves
//! A request's rank is the step in which it came plus its priority times [`Limits::patience`]; equal
//! ranks go by arrival. A rank never changes, so waiting is aging: what comes more than
//! `patience × (difference of priorities)` steps later ranks later, whatever its priority. Everything
//! goes by rank:
//!
//! 1. Decoding takes one token of the step's budget for each sequence; since the budget is at least
//!    `sequences_max`, a token is left for the first prompt that is being read.
//! 2. Prompts are read in chunks, in order of rank; those that wait are admitted in the same order,
//!    and nobody is admitted before the first that waits.
//! 3. Where blocks run out, the sequence of the last rank loses its blocks to one of an earlier rank;
//!    it waits with the rank it had, and is computed again, sampled tokens and all. A sequence that
//!    is the last itself waits for blocks with those it has.
//!
//! So the running sequence of the first rank advances in every step and never loses its blocks. Let S
//! be the requests that rank before a request while it lives, those that ran when it came, and
//! itself: it ends within the sum of S's tokens (prompt and output) plus, for those that were at the
//! front when a better one was admitted, |S| times the most tokens of one of them.
//!
//! # Prefix cache
//! A block that is full, computed and of known hash can be shared. Blocks that nobody holds stay
//! until they are needed, and go least recently used first, a sequence's last block before its first.
//! A request whose known tokens are all cached still has to compute its last one: it gets a copy of
//! the last block. Of two that compute the same prefix at once, the first to finish is shared, the
//! other's block stays its own.
//!
//! # Many steps at once
//! Simulations take the steps in which nothing happens but decoding together: [`Scheduler::even`] says
//! how many these are, [`Scheduler::skip`] takes them.
//!
//! Deliberately absent: tensors, clocks, token ids. A block here is a number.

mod check;
mod error;
mod limits;
mod plan;
mod pool;
mod scheduler;
mod sequence;
mod skip;
#[cfg(test)]
mod tests;

pub use error::{LimitsError, Refusal};
pub use limits::Limits;
pub use scheduler::Scheduler;
pub use skip::Even;

/// A sequence, as its owner numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqId(pub u64);

/// A block of the KV cache: room for [`Limits::block_size`] tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

/// What a full block's tokens and all tokens before them hash to. Equal hashes are taken for equal
/// tokens: whoever makes them answers for collisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockHash(pub u128);

/// Lower is sooner; one level is worth [`Limits::patience`] steps of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(pub i32);

/// A request as the scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its number; free again once it has ended.
    pub id: SeqId,
    /// Prompt tokens; at least one.
    pub prompt: u32,
    /// The most tokens that will be sampled; at least one.
    pub output_max: u32,
    /// How soon it wants to be served.
    pub priority: Priority,
    /// The hash of each full block of the prompt, from its beginning. With fewer hashes than full
    /// blocks, what follows is neither looked up nor shared.
    pub prefix: Vec<BlockHash>,
}

/// What to compute next. Empty: nothing is live.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "the scheduler takes for computed what it planned"]
pub struct Step {
    /// Blocks to copy, from and to, before anything is computed. No block is both source and target.
    pub copies: Vec<(BlockId, BlockId)>,
    /// What to compute, one entry a sequence, in order of rank.
    pub entries: Vec<Entry>,
    /// Who lost its blocks.
    pub preempted: Vec<SeqId>,
}

/// One sequence's part of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub id: SeqId,
    /// Its tokens that lie in the KV cache already.
    pub start: u32,
    /// Its tokens to compute now, from `start`; [`Scheduler::blocks`] has room for them.
    pub tokens: u32,
    /// Tokens that the prefix cache gave it with this admission; they are part of `start`. 0 in the
    /// entries that follow.
    pub cached: u32,
    /// What the tokens are.
    pub work: Work,
    /// Whether the last of them is the last known one: a token follows from it.
    pub samples: bool,
}

/// What an entry computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Tokens of the prompt, or tokens that are computed again after a preemption.
    Prefill,
    /// The one token that was sampled last.
    Decode,
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sequences with blocks.
    pub running: u32,
    /// Requests that have not run yet.
    pub waiting: u32,
    /// Sequences that lost their blocks and wait for others.
    pub preempted: u32,
    /// Blocks with nothing in them.
    pub blocks_free: u32,
    /// Blocks that nobody holds, kept for those with the same prefix; as good as free.
    pub blocks_cached: u32,
    /// Blocks that sequences hold.
    pub blocks_held: u32,
    /// Prompt tokens admitted so far, each request's once.
    pub prefix_queried: u64,
    /// Of these, how many came out of the prefix cache.
    pub prefix_hit: u64,
    /// Sequences that lost their blocks, so far.
    pub preemptions: u64,
    /// Tokens whose keys and values they lost.
    pub tokens_lost: u64,
    /// Steps that were not empty, so far.
    pub steps: u64,
}

/// A length as the scheduler counts; nothing here comes near the end of `u32`.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
