//! Our own traces: JSON lines like
//! `{"at": 0.5, "prompt": 900, "output": 64, "prefix": [{"id": 7, "tokens": 512}]}`.
//!
//! `at` is in seconds; `prefix`, which may be left out, lists what the prompt begins with: requests
//! whose lists begin alike share that much. `prompt` counts it.

use super::{Block, TraceError, Traced, bounded, objects};
use crate::units::{Seconds, Tokens};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: f64,
    prompt: u64,
    output: u64,
    #[serde(default)]
    prefix: Vec<Prefix>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Prefix {
    id: u64,
    tokens: u64,
}

pub(super) fn parse(text: &str) -> Result<Vec<Traced>, TraceError> {
    objects::<Line>(text)?.into_iter().map(|(line, one)| request(line, &one)).collect()
}

fn request(line: u64, one: &Line) -> Result<Traced, TraceError> {
    let prompt = bounded(line, "prompt", one.prompt)?;
    let blocks: Box<[Block]> = one
        .prefix
        .iter()
        .map(|prefix| Block { id: prefix.id, tokens: Tokens(prefix.tokens) })
        .collect();
    let shared = blocks.iter().map(|block| block.tokens).sum();
    if shared > prompt {
        return Err(TraceError::Prefix { line, shared, prompt });
    }
    let output = bounded(line, "output", one.output)?;
    Ok(Traced { at: Seconds(one.at), prompt, output, blocks })
}
