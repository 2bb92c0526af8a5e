//! The decoder under service: a small model of random weights, whose tokens hang on every bit.

use super::*;
use crate::engine::Decoder;
use crate::engine::decoder::Sizes;
use crate::engine::op::KvType;
use crate::engine::op::cpu::Cpu;
use crate::model::ModelError;
use crate::model::spec::{Activation, FeedForward, Layer, LayerPart, Pairs, Part, Rope, Spec};
use crate::model::weights::{Matrix, Weights};
use half::f16;
use std::num::NonZeroUsize;
use std::ops::Range;

const WIDTH: usize = 64;
const INNER: usize = 160;
const TOKENS: usize = 256;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = 32;

/// Weights in `Q8_0` and norms in `F32`, drawn from what they are for.
struct Random;

fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Random {
    fn shape(part: Part) -> Option<(usize, usize, u64)> {
        let Part::Layer(layer, part) = part else {
            return match part {
                Part::Embedding => Some((TOKENS, WIDTH, 1)),
                Part::OutputNorm => Some((1, WIDTH, 2)),
                Part::Head | Part::Layer(..) => None,
            };
        };
        let (rows, cols, kind) = match part {
            LayerPart::AttentionNorm => (1, WIDTH, 3),
            LayerPart::FeedForwardNorm => (1, WIDTH, 4),
            LayerPart::Query => (HEADS * HEAD, WIDTH, 5),
            LayerPart::Key => (KV_HEADS * HEAD, WIDTH, 6),
            LayerPart::Value => (KV_HEADS * HEAD, WIDTH, 7),
            LayerPart::Output => (WIDTH, HEADS * HEAD, 8),
            LayerPart::Gate => (INNER, WIDTH, 9),
            LayerPart::Up => (INNER, WIDTH, 10),
            LayerPart::Down => (WIDTH, INNER, 11),
            _ => return None,
        };
        Some((rows, cols, kind + 100 * layer as u64))
    }
}

impl Weights for Random {
    fn find(&self, part: Part) -> Option<Matrix> {
        let (rows, cols, _) = Self::shape(part)?;
        let kind = if rows == 1 { "F32" } else { "Q8_0" };
        Some(Matrix { kind, rows, cols, plus: 0.0 })
    }

    fn read(&self, part: Part, rows: Range<usize>, into: &mut Vec<u8>) -> Result<(), ModelError> {
        let (count, cols, seed) = Self::shape(part).unwrap();
        into.clear();
        for row in rows {
            for group in 0..cols / 32 {
                let words = |at: usize| mix(seed << 40 | ((row * cols) + group * 32 + at) as u64);
                if count == 1 {
                    for at in 0..32 {
                        let number = 0.75 + f32::from(words(at).to_le_bytes()[0]) / 512.0;
                        into.extend(number.to_le_bytes());
                    }
                } else {
                    into.extend(f16::from_f32(0.003).to_le_bytes());
                    into.extend((0..32).map(|at| words(at).to_le_bytes()[0]));
                }
            }
        }
        Ok(())
    }
}

fn spec() -> Spec {
    let layer =
        |window| Layer { window, rope: 0, feed_forward: FeedForward::Dense { inner: INNER } };
    let frequencies = Rope::frequencies(10_000.0, HEAD);
    Spec {
        width: WIDTH,
        vocabulary: TOKENS,
        context: Tokens(512),
        heads: HEADS,
        kv_heads: KV_HEADS,
        head_size: HEAD,
        embedding_scale: 1.0,
        norm_epsilon: 1e-5,
        attention_scale: 0.2,
        attention_cap: None,
        logits_cap: None,
        activation: Activation::Silu,
        ropes: vec![Rope { pairs: Pairs::Halves, frequencies, magnitude: 1.0 }],
        layers: vec![layer(None), layer(Some(40)), layer(None)],
    }
}

fn decoder(blocks: u32, sequences: u32, serving: Serving) -> InProcess {
    let sizes = Sizes { blocks, kv: KvType::F16, sequences, step_tokens: 96 };
    let backend = Cpu::new(NonZeroUsize::new(2).unwrap()).unwrap();
    let engine = Decoder::load(spec(), &Random, backend, sizes).unwrap();
    let clock = Arc::new(crate::clock::FakeClock::default());
    InProcess::start(Box::new(engine), Vec::new(), clock, serving).unwrap()
}

#[test]
fn tokens_alone_and_in_a_crowd_are_the_same() {
    const OUTPUT: u64 = 90;
    // Half begin alike for two blocks and a bit; lengths are mixed, from a few tokens on.
    let prompts: Vec<Vec<u32>> = (0..16_u32)
        .map(|id| {
            let token = |at: u32| {
                let common = id % 2 == 0 && at < 70;
                u32::from(
                    mix(u64::from(at) << 8 | u64::from(if common { 99 } else { id })).to_le_bytes()
                        [3],
                )
            };
            (0..if id % 2 == 0 { 70 + id } else { 1 + id * 7 }).map(token).collect()
        })
        .collect();
    let plain = Serving { prefix_cache: false, ..Serving::default() };
    let target = decoder(16, 1, plain);
    let ask = |prompt: &Vec<u32>| ids(&serve(&target, request(0, prompt, OUTPUT)));
    let alone: Vec<_> = prompts.iter().map(ask).collect();
    // They say something, and not all the same.
    let said: std::collections::BTreeSet<_> = alone.iter().flatten().collect();
    assert!(said.len() > 40, "{alone:?}");

    let crowd = decoder(24, 16, Serving { chunk_max: 24, ..Serving::default() });
    let sent = (0..).zip(&prompts).map(|(id, prompt)| send(&crowd, request(id, prompt, OUTPUT)));
    let sent: Vec<_> = sent.collect();
    for ((from, alone), id) in sent.iter().zip(&alone).zip(0..) {
        let got: Vec<_> = from.iter().collect();
        assert_eq!(end(&got), (Finish::Length, OUTPUT), "{id}");
        assert_eq!(&ids(&got), alone, "{id}");
    }
    let metrics = crowd.metrics();
    assert!(metrics.preemptions > 0 && metrics.prefix_hit.0 > 0, "{metrics:?}");
    assert_eq!(metrics.kv_used, Ratio::of(0.0));
}
