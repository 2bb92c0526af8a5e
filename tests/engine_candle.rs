//! The backend of candle's operations against our own on the CPU: two ways to the same logits.
//!
//! Small random models of every feature that families differ in, through steps that mix prompts,
//! chunks of prompts and decoding, with blocks shared and copied. What candle computes on CUDA is
//! composed of the same operations.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::ops::Range;

use half::f16;
use mtok::engine::decoder::Sizes;
use mtok::engine::op::KvType;
use mtok::engine::op::candle::Candle;
use mtok::engine::op::cpu::Cpu;
use mtok::engine::{Decoder, DeviceChoice, Engine, Piece};
use mtok::model::ModelError;
use mtok::model::spec::{Activation, FeedForward, Layer, LayerPart, Pairs, Part, Rope, Spec};
use mtok::model::weights::{Matrix, Weights};
use mtok::units::Tokens;

const WIDTH: usize = 64;
const VOCABULARY: usize = 50;

/// A model of random numbers, which depend on the part and the row alone.
#[derive(Clone)]
struct Random {
    spec: Spec,
    kind: &'static str,
    /// The parts that not every model has, of those that this one has.
    has: fn(LayerPart) -> bool,
}

impl Random {
    fn shape(&self, part: Part) -> Option<(usize, usize)> {
        use LayerPart as L;
        let Spec { width, heads, kv_heads, head_size, ref layers, .. } = self.spec;
        let (queries, keys) = (heads * head_size, kv_heads * head_size);
        let Part::Layer(index, part) = part else {
            return match part {
                Part::OutputNorm => Some((1, width)),
                Part::Head if !(self.has)(L::QueryBias) => None,
                _ => Some((VOCABULARY, width)),
            };
        };
        let (FeedForward::Dense { inner } | FeedForward::Experts { inner, .. }) =
            layers[index].feed_forward;
        let shape = match part {
            L::AttentionNorm
            | L::FeedForwardNorm
            | L::PostAttentionNorm
            | L::PostFeedForwardNorm
            | L::OutputBias => (1, width),
            L::Query => (queries, width),
            L::Key | L::Value => (keys, width),
            L::QueryBias => (1, queries),
            L::KeyBias | L::ValueBias => (1, keys),
            L::QueryNorm | L::KeyNorm => (1, head_size),
            L::Output => (width, queries),
            L::Gate | L::Up | L::ExpertGate(_) | L::ExpertUp(_) => (inner, width),
            L::Down | L::ExpertDown(_) => (width, inner),
            L::Router => match layers[index].feed_forward {
                FeedForward::Experts { experts, .. } => (experts, width),
                FeedForward::Dense { .. } => return None,
            },
        };
        let always = !matches!(
            part,
            L::PostAttentionNorm
                | L::PostFeedForwardNorm
                | L::OutputBias
                | L::QueryBias
                | L::KeyBias
                | L::ValueBias
                | L::QueryNorm
                | L::KeyNorm
        );
        (always || (self.has)(part)).then_some(shape)
    }

    /// Numbers of a variance that keeps activations near 1; norms are near 1 themselves.
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
    fn row(part: Part, row: usize, cols: usize, norm: bool) -> Vec<f32> {
        let one = |col: usize| {
            let mut hash = DefaultHasher::new();
            (part, row, col).hash(&mut hash);
            let unit = (hash.finish() >> 40) as f32 / (1_u32 << 24) as f32;
            let number = (2.0 * unit - 1.0) * 3.0 / (cols as f32).sqrt();
            if norm { 1.0 + number } else { number }
        };
        (0..cols).map(one).collect()
    }
}

impl Weights for Random {
    fn find(&self, part: Part) -> Option<Matrix> {
        let (rows, cols) = self.shape(part)?;
        let kind = if rows == 1 { "F32" } else { self.kind };
        Some(Matrix { kind, rows, cols, plus: 0.0 })
    }

    fn read(&self, part: Part, rows: Range<usize>, into: &mut Vec<u8>) -> Result<(), ModelError> {
        into.clear();
        let Matrix { kind, rows: all, cols, .. } = self.find(part).unwrap();
        for row in rows {
            let numbers = Self::row(part, row, cols, all == 1);
            match kind {
                "F32" => into.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
                "F16" => {
                    into.extend(numbers.iter().flat_map(|&n| f16::from_f32(n).to_le_bytes()));
                }
                _ => numbers.chunks(32).for_each(|block| q8_0(block, into)),
            }
        }
        Ok(())
    }
}

/// 32 numbers as bytes in steps of a common size.
#[expect(clippy::cast_possible_truncation, reason = "at most 127")]
fn q8_0(block: &[f32], into: &mut Vec<u8>) {
    let step = block.iter().fold(0.0_f32, |most, number| most.max(number.abs())) / 127.0;
    into.extend(f16::from_f32(step).to_le_bytes());
    into.extend(block.iter().flat_map(|number| ((number / step).round() as i8).to_le_bytes()));
}

fn spec(layers: Vec<Layer>) -> Spec {
    let rope =
        |base, pairs| Rope { pairs, frequencies: Rope::frequencies(base, 16), magnitude: 1.0 };
    Spec {
        width: WIDTH,
        vocabulary: VOCABULARY,
        context: Tokens(200),
        heads: 4,
        kv_heads: 2,
        head_size: 16,
        embedding_scale: 1.0,
        norm_epsilon: 1e-5,
        attention_scale: 0.5,
        attention_cap: None,
        logits_cap: None,
        activation: Activation::Silu,
        ropes: vec![rope(10_000.0, Pairs::Adjacent), rope(100.0, Pairs::Halves)],
        layers,
    }
}

const DENSE: FeedForward = FeedForward::Dense { inner: 96 };

fn plain(rope: usize) -> Layer {
    Layer { window: None, rope, feed_forward: DENSE }
}

fn llama() -> Random {
    Random { spec: spec(vec![plain(0); 3]), kind: "F32", has: |_| false }
}

/// Biases, a head of its own, one query head for each key head, a rotation of part of a head.
fn biased() -> Random {
    use LayerPart as L;
    let mut spec = spec(vec![plain(1); 2]);
    (spec.heads, spec.kv_heads, spec.ropes[1].magnitude) = (2, 2, 1.2);
    spec.ropes[1].frequencies.truncate(6);
    let has = |part| matches!(part, L::QueryBias | L::KeyBias | L::ValueBias | L::OutputBias);
    Random { spec, kind: "F16", has }
}

/// Norms everywhere, caps, windows, two rotations.
fn gemma() -> Random {
    use LayerPart as L;
    let windowed = |window| Layer { window: Some(window), ..plain(1) };
    let mut spec = spec(vec![windowed(5), plain(0), windowed(33), windowed(1)]);
    (spec.attention_cap, spec.logits_cap) = (Some(1.5), Some(3.0));
    (spec.embedding_scale, spec.activation) = (8.0, Activation::GeluTanh);
    let has = |part| {
        let norms = [L::QueryNorm, L::KeyNorm, L::PostAttentionNorm, L::PostFeedForwardNorm];
        norms.contains(&part)
    };
    Random { spec, kind: "F32", has }
}

fn experts(normalized: bool) -> Random {
    let feed_forward = FeedForward::Experts { inner: 32, experts: 5, used: 2, normalized };
    let layer = Layer { feed_forward, ..plain(1) };
    Random { spec: spec(vec![layer; 2]), kind: "F32", has: |_| false }
}

/// The logits of every step that wants some.
fn logits(engine: &mut dyn Engine) -> Vec<Vec<f32>> {
    let token = |i: usize| u32::try_from(i * 7 % VOCABULARY).unwrap();
    let text: Vec<u32> = (0..150).map(token).collect();
    // Blocks of four sequences; the last shares the first's first block, and gets a copy of its second.
    let (a, b, c, d): (&[u32], &[u32], &[u32], &[u32]) = (&[5, 0, 3], &[6], &[1, 7], &[5, 2, 4]);
    let piece = |tokens, start, blocks, logits| Piece { tokens, start, blocks, logits };
    let steps: [Vec<Piece<'_>>; 7] = [
        vec![piece(&text[..40], 0, a, false)],
        vec![piece(&text[40..43], 40, a, false), piece(&text[9..16], 0, b, true)],
        vec![
            piece(&text[16..17], 7, b, true),
            piece(&text[..33], 0, c, true),
            piece(&text[43..44], 43, a, true),
        ],
        vec![piece(&text[44..45], 44, a, true), piece(&text[99..100], 33, c, true)],
        vec![piece(&text[120..121], 44, d, true), piece(&text[46..47], 45, a, true)],
        vec![piece(&text[100..104], 45, d, true), piece(&text[17..19], 8, b, true)],
        vec![piece(&text[47..71], 46, a, true), piece(&text[104..105], 49, d, true)],
    ];
    let mut all = Vec::new();
    for (index, pieces) in steps.iter().enumerate() {
        if index == 4 {
            engine.copy_blocks(&[(0, 4), (4, 2)]).unwrap();
        }
        all.push(engine.step(pieces).unwrap().numbers);
    }
    all
}

#[track_caller]
fn check(model: &Random, kv: KvType, slack: f32) {
    let sizes = Sizes { blocks: 8, kv, sequences: 4, step_tokens: 100 };
    let cpu = Cpu::new(NonZeroUsize::MIN).unwrap();
    let candle = Candle::new(DeviceChoice::Cpu.open().unwrap());
    let mut ours = Decoder::load(model.spec.clone(), model, cpu, sizes).unwrap();
    let mut other = Decoder::load(model.spec.clone(), model, candle, sizes).unwrap();
    let (want, got) = (logits(&mut ours), logits(&mut other));
    assert_eq!(want.iter().map(Vec::len).sum::<usize>(), 12 * VOCABULARY);
    let largest = want.iter().flatten().fold(0.0_f32, |most, logit| most.max(logit.abs()));
    assert!(largest > 1.0, "logits that don't spread show nothing: {largest}");
    for (step, (want, got)) in want.iter().zip(&got).enumerate() {
        assert_eq!(want.len(), got.len());
        for (want, got) in want.iter().zip(got) {
            let near = (want - got).abs() <= slack * largest;
            assert!(near, "step {step}: {got} instead of {want} of at most {largest}");
        }
    }
}

#[test]
fn a_llama_is_the_same_on_candle() {
    check(&llama(), KvType::F32, 1e-5);
    check(&llama(), KvType::F16, 1e-3);
}

#[test]
fn biases_and_a_partial_rotation_are_the_same_on_candle() {
    check(&biased(), KvType::F32, 1e-5);
}

#[test]
fn windows_caps_and_norms_are_the_same_on_candle() {
    check(&gemma(), KvType::F32, 1e-5);
    check(&gemma(), KvType::F16, 1e-3);
}

#[test]
fn experts_are_the_same_on_candle() {
    check(&experts(true), KvType::F32, 1e-5);
    check(&experts(false), KvType::F32, 1e-5);
}

/// Both round activations to bytes, each in its way; in rows of 64 numbers, and layer upon layer,
/// that was seen to come to 5 % of the largest logit. A wrong weight comes to all of it.
#[test]
fn quantized_weights_are_nearly_the_same_on_candle() {
    check(&Random { kind: "Q8_0", ..llama() }, KvType::F16, 1e-1);
}
