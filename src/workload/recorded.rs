//! Sessions of what was recorded: a trace's requests, a dataset's conversations.
//!
//! Invariant: what a trace's blocks, or a dataset's system messages, have in common stays in common,
//! and nothing else does unless it was asked for. Guarded by `plan::tests`.

use super::content::{Cache, Think};
use super::dataset::Talk;
use super::draw::{Purpose, below, length, mixed, stream};
use super::mix::{Keys, think};
use super::session::{Draft, Message, Segment, Turn};
use super::trace::{Block, Traced};
use crate::record::{Lengths, RequestId};
use crate::units::{Seconds, Tokens};
use std::sync::Arc;

/// A trace's request. Its blocks are those of all requests of this lap.
pub(super) fn replayed(keys: Keys, lap: u64, number: u32, one: &Traced) -> Turn {
    let segment = |block: &Block| Segment {
        seed: keys.shared(mixed(&[lap, block.id])),
        tokens: block.tokens,
    };
    let mut segments: Vec<Segment> = one.blocks.iter().map(segment).collect();
    let covered: Tokens = segments.iter().map(|segment| segment.tokens).sum();
    if covered < one.prompt {
        let rest = Tokens(one.prompt.0 - covered.0);
        segments.push(Segment { seed: keys.own(number, 0), tokens: rest });
    }
    Turn {
        id: RequestId(0),
        draft: Draft::Prose(segments),
        prompt: one.prompt,
        output: one.output,
        think: Seconds(0.0),
        seed: keys.sampler(number, 0),
    }
}

/// How a dataset's conversations are had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) keys: Keys,
    pub(super) output: Lengths,
    pub(super) think: Think,
    pub(super) cache: Cache,
}

impl Asked {
    pub(super) fn turns(self, number: u32, talk: &Talk) -> Vec<Turn> {
        let Self { keys, output, cache, .. } = self;
        let mut outputs = stream(keys.shape, Purpose::Output, number);
        let mut thinking = stream(keys.shape, Purpose::Conversation, number);
        (0_u32..)
            .zip(&talk.turns)
            .map(|(index, ask)| {
                let drawn = length(&mut outputs, output);
                let first = index == 0;
                let (messages, mark) = match cache {
                    Cache::Bust if first => {
                        (marked(&ask.messages, keys.own(number, index)), NONCE_TOKENS)
                    }
                    _ => (Arc::clone(&ask.messages), Tokens(0)),
                };
                Turn {
                    id: RequestId(0),
                    draft: Draft::Messages(messages),
                    prompt: ask.prompt + mark,
                    output: ask.output.unwrap_or(drawn),
                    think: if first { Seconds(0.0) } else { think(&mut thinking, self.think) },
                    seed: keys.sampler(number, index),
                }
            })
            .collect()
    }
}

/// The messages with a line of their own before the first that isn't the system's: what stands
/// before it may be shared by plan.
fn marked(messages: &[Message], seed: u64) -> Arc<[Message]> {
    let mut messages = messages.to_vec();
    let at = messages.iter().position(|one| one.role != "system").unwrap_or(0);
    if let Some(message) = messages.get_mut(at) {
        message.content.insert_str(0, &nonce(seed));
    }
    messages.into()
}

/// About two hexadecimal digits are a token.
const NONCE_TOKENS: Tokens = Tokens(8);

pub(super) fn nonce(seed: u64) -> String {
    format!("{seed:016x}\n")
}

/// The numbers below `count` in an order of this lap: Fisher and Yates.
pub(super) fn shuffled(seed: u64, lap: u32, count: usize) -> std::vec::IntoIter<usize> {
    let mut draw = stream(seed, Purpose::Order, lap);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let pick = below(&mut draw, last as u64 + 1);
        order.swap(last, usize::try_from(pick).unwrap_or(last));
    }
    order.into_iter()
}
