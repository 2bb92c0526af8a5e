//! What the server counts: for `/metrics`, and of prompts that it has seen before.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start, as `/metrics` tells them.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) prompt: AtomicU64,
    pub(super) generation: AtomicU64,
    pub(super) cache_queries: AtomicU64,
    pub(super) cache_hits: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) running: AtomicU64,
    pub(super) waiting: AtomicU64,
}

/// Tokens to a block of the prefix cache, as in vLLM.
const BLOCK: usize = 16;

/// How many of a prompt's first tokens were seen before, in whole blocks; remembers all of them. The
/// last token is never cached: something must be computed to answer.
pub(super) fn cached(seen: &mut HashSet<u64>, prompt: &[u64]) -> u64 {
    let mut chain = DefaultHasher::new();
    let mut hits = 0;
    let mut unbroken = true;
    for (index, block) in prompt.chunks_exact(BLOCK).enumerate() {
        block.hash(&mut chain);
        unbroken &= !seen.insert(chain.finish()) && (index + 1) * BLOCK < prompt.len();
        hits += if unbroken { BLOCK as u64 } else { 0 };
    }
    hits
}

/// Under vLLM's names, and only what is known here.
pub(super) fn metrics(counters: &Counters, model: &str) -> String {
    let Counters { prompt, generation, cache_queries, cache_hits, done, running, waiting } =
        counters;
    let values = [
        ("num_requests_running", "gauge", running),
        ("num_requests_waiting", "gauge", waiting),
        ("prompt_tokens_total", "counter", prompt),
        ("generation_tokens_total", "counter", generation),
        ("prefix_cache_queries_total", "counter", cache_queries),
        ("prefix_cache_hits_total", "counter", cache_hits),
        ("request_success_total", "counter", done),
    ];
    let lines = values.map(|(name, kind, value)| {
        let value = value.load(Ordering::Relaxed);
        let label = format!("{{engine=\"0\",model_name=\"{model}\"}}");
        format!("# TYPE vllm:{name} {kind}\nvllm:{name}{label} {value}\n")
    });
    lines.concat()
}
