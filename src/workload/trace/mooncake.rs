//! Mooncake's traces: JSON lines of `timestamp` (ms), `input_length`, `output_length` and
//! `hash_ids`, one for each 512 tokens of the prompt. Equal ids mean equal text up to there, so they
//! become shared prefixes.
//!
//! Source: kvcache-ai/Mooncake, `FAST25-release/traces`; Qin et al., "Mooncake: Trading more storage
//! for less computation", FAST 2025.

use super::{Block, TraceError, Traced, bounded, objects};
use crate::units::{Seconds, Tokens};

/// Tokens of a block; a prompt's last one may be shorter.
const BLOCK: u64 = 512;

#[derive(serde::Deserialize)]
struct Line {
    timestamp: f64,
    input_length: u64,
    output_length: u64,
    #[serde(default)]
    hash_ids: Vec<u64>,
}

pub(super) fn parse(text: &str) -> Result<Vec<Traced>, TraceError> {
    objects::<Line>(text)?.into_iter().map(|(line, one)| request(line, &one)).collect()
}

fn request(line: u64, one: &Line) -> Result<Traced, TraceError> {
    let (prompt, size) = (bounded(line, "input_length", one.input_length)?, BLOCK);
    let blocks = one.hash_ids.len();
    // A trace without prefixes has no ids at all.
    if blocks > 0 && blocks as u64 != one.input_length.div_ceil(BLOCK) {
        return Err(TraceError::Blocks { line, blocks, size, prompt });
    }
    let mut left = one.input_length;
    let blocks = one.hash_ids.iter().map(|&id| {
        let tokens = left.min(BLOCK);
        left -= tokens;
        Block { id, tokens: Tokens(tokens) }
    });
    Ok(Traced {
        at: Seconds(one.timestamp / 1e3),
        prompt,
        output: bounded(line, "output_length", one.output_length)?,
        blocks: blocks.collect(),
    })
}
