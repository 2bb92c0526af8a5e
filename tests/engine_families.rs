//! The engine against Hugging Face's transformers, a family at a time.
//!
//! Tiny random models, whose folders are as on the hub (`tests/tools/record_transformers.py` makes
//! them): every position's logits, computed token by token with all prompts in one ragged batch, in
//! chunks, and at a stretch. And the reference models, out of GGUF, their weights widened to `f32`.
//! Nothing is rounded to fewer bits on either side, so that what is left is the order of additions.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod common;

use mtok::engine::decoder::Sizes;
use mtok::engine::op::cpu::{Cpu, Stored};
use mtok::engine::op::{BLOCK, KvType};
use mtok::engine::{Decoder, Engine, Piece};
use mtok::model::spec::Part;
use mtok::model::weights::{Matrix, Weights};
use mtok::model::{Description, Folder, Loaded, ModelError};
use safetensors::SafeTensors;
use serde::Deserialize;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Of the largest logit: how far two right programs may be apart.
const TOLERANCE: f32 = 1e-4;

/// A prompt and the logits of each of its positions.
struct Expected {
    ids: Vec<u32>,
    logits: Vec<Vec<f32>>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/families")
}

fn expected(name: &str) -> Vec<Expected> {
    let bytes = fs_err::read(fixtures().join(name).join("expected.safetensors")).unwrap();
    let recorded = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| -> Vec<[u8; 4]> {
        recorded.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec()
    };
    let mut lengths: Vec<usize> = recorded
        .names()
        .into_iter()
        .filter_map(|name| name.strip_prefix("ids.")?.parse().ok())
        .collect();
    lengths.sort_unstable();
    let prompt = |length: usize| {
        let ids = numbers(&format!("ids.{length}")).into_iter().map(u32::from_le_bytes).collect();
        let logits = numbers(&format!("logits.{length}"));
        let logits: Vec<f32> = logits.into_iter().map(f32::from_le_bytes).collect();
        let logits = logits.chunks_exact(logits.len() / length).map(<[f32]>::to_vec).collect();
        Expected { ids, logits }
    };
    lengths.into_iter().map(prompt).collect()
}

/// An engine with room for `sequences` of `tokens`.
fn engine(
    description: &Description,
    weights: &dyn Weights,
    sequences: usize,
    tokens: usize,
) -> Decoder<Cpu> {
    let sizes = Sizes {
        blocks: u32::try_from(sequences * tokens.div_ceil(BLOCK)).unwrap(),
        kv: KvType::F32,
        sequences: u32::try_from(sequences).unwrap(),
        step_tokens: u32::try_from(sequences * tokens).unwrap(),
    };
    let cpu = Cpu::new(NonZeroUsize::new(2).unwrap()).unwrap();
    Decoder::load(description.spec.clone(), weights, cpu, sizes).unwrap()
}

/// Runs all prompts together, `chunk` tokens of each at a time, and hands every row of logits that
/// comes out to `see`, with its prompt and position.
fn run(
    engine: &mut dyn Engine,
    prompts: &[&[u32]],
    chunk: usize,
    mut see: impl FnMut(usize, usize, &[f32]),
) {
    let longest = prompts.iter().map(|ids| ids.len()).max().unwrap();
    let each = u32::try_from(longest.div_ceil(BLOCK)).unwrap();
    // Blocks of all prompts, interleaved and backwards: their order must mean nothing.
    let count = u32::try_from(prompts.len()).unwrap();
    let blocks: Vec<Vec<u32>> =
        (0..count).map(|prompt| (0..each).rev().map(|n| n * count + prompt).collect()).collect();
    for start in (0..longest).step_by(chunk) {
        let running: Vec<_> = (0..prompts.len()).filter(|&p| start < prompts[p].len()).collect();
        let end = |prompt: usize| prompts[prompt].len().min(start + chunk);
        let pieces: Vec<_> = running
            .iter()
            .map(|&prompt| Piece {
                tokens: &prompts[prompt][start..end(prompt)],
                start,
                blocks: &blocks[prompt],
                logits: true,
            })
            .collect();
        let logits = engine.step(&pieces).unwrap();
        assert_eq!(logits.rows().len(), running.len());
        for (&prompt, row) in running.iter().zip(logits.rows()) {
            see(prompt, end(prompt) - 1, row);
        }
    }
}

fn largest(rows: &[Expected]) -> f32 {
    let all = rows.iter().flat_map(|prompt| prompt.logits.iter().flatten());
    all.fold(0.0, |most, logit| logit.abs().max(most))
}

#[track_caller]
fn check(name: &str) {
    let folder = Folder::open(&fixtures().join(name)).unwrap();
    let description = Description::of_folder(&folder).unwrap();
    let weights = description.weights().unwrap();
    let expected = expected(name);
    let prompts: Vec<_> = expected.iter().map(|prompt| &prompt.ids[..]).collect();
    let longest = expected.iter().map(|prompt| prompt.ids.len()).max().unwrap();
    let scale = largest(&expected);
    for chunk in [1, 5, longest] {
        let mut engine = engine(&description, &weights, prompts.len(), longest);
        let (mut worst, mut rows) = (0.0_f32, 0);
        run(&mut engine, &prompts, chunk, |prompt, position, got| {
            let want = &expected[prompt].logits[position];
            assert_eq!(got.len(), want.len());
            for (got, want) in got.iter().zip(want) {
                worst = worst.max((got - want).abs() / scale);
                assert!(got.is_finite(), "{name}: {got} at {position} of prompt {prompt}");
            }
            rows += 1;
        });
        let told = format!("{name}, {chunk} at a time: {worst:.1e} of {scale:.1} in {rows} rows");
        eprintln!("{told}");
        assert!(worst <= TOLERANCE, "{told}");
    }
}

/// A test for each family.
macro_rules! families {
    ($($test:ident: $name:literal;)*) => {$(
        #[test]
        fn $test() {
            check($name);
        }
    )*};
}

families! {
    llama: "llama";
    llama_3_with_its_scaling: "llama3";
    smollm2_tied_in_three_files: "smollm2";
    mistral_with_a_window: "mistral";
    mixtral_with_experts: "mixtral";
    qwen2_with_biases: "qwen2";
    qwen3_with_yarn: "qwen3";
    qwen3_with_experts: "qwen3-moe";
    gemma2_with_caps: "gemma2";
    gemma3_with_two_rotations: "gemma3";
    phi3_fused: "phi3";
}

#[test]
fn every_fixture_has_a_test() {
    let this = fs_err::read_to_string(file!()).unwrap();
    for entry in fs_err::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(path.is_file() || this.contains(&format!(": \"{name}\";")), "{name}");
    }
}

/// Weights as the `f32` numbers that they stand for.
struct Widened<W>(W);

impl<W: Weights> Weights for Widened<W> {
    fn find(&self, part: Part) -> Option<Matrix> {
        self.0.find(part).map(|matrix| Matrix { kind: "F32", ..matrix })
    }

    fn read(&self, part: Part, rows: Range<usize>, into: &mut Vec<u8>) -> Result<(), ModelError> {
        let Some(Matrix { kind, cols, .. }) = self.0.find(part) else { panic!("no {part:?}") };
        let mut numbers = vec![0.0; rows.len() * cols];
        self.0.read(part, rows, into)?;
        Stored::named(kind).unwrap().dequantize(into, &mut numbers);
        into.clear();
        into.extend(numbers.into_iter().flat_map(f32::to_le_bytes));
        Ok(())
    }
}

/// Some logits of a reference model.
#[derive(Deserialize)]
struct Recorded {
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    name: String,
    ids: Vec<u32>,
    positions: Vec<Position>,
}

#[derive(Deserialize)]
struct Position {
    #[serde(rename = "position")]
    index: usize,
    /// The largest 50, and 50 others.
    ids: Vec<usize>,
    logits: Vec<f32>,
}

#[track_caller]
fn check_real(model: &str, recorded: &str) {
    let text = fs_err::read_to_string(fixtures().join(recorded)).unwrap();
    let recorded: Recorded = serde_json::from_str(&text).unwrap();
    let description = Loaded::open(&common::model(model)).unwrap().describe().unwrap();
    let weights = Widened(description.weights().unwrap());
    let longest = recorded.prompts.iter().map(|prompt| prompt.ids.len()).max().unwrap();
    let mut engine = engine(&description, &weights, 1, longest);
    let all = recorded.prompts.iter().flat_map(|p| p.positions.iter().flat_map(|p| &p.logits));
    let scale = all.fold(0.0_f32, |most, logit| logit.abs().max(most));
    let mut worst = 0.0_f32;
    let blocks: Vec<u32> = (0..engine.capacity().blocks).collect();
    for Prompt { name, ids, positions } in &recorded.prompts {
        let mut start = 0;
        // Recorded from the last one back.
        for Position { index: position, ids: tokens, logits } in positions.iter().rev() {
            let added = &ids[start..=*position];
            let piece = Piece { tokens: added, start, blocks: &blocks, logits: true };
            let rows = engine.step(&[piece]).unwrap();
            let got = rows.rows().next().unwrap();
            let pairs = tokens.iter().zip(logits);
            let apart = pairs.map(|(&token, want)| (got[token] - want).abs() / scale);
            let apart = apart.fold(0.0_f32, f32::max);
            eprintln!("{model}, {name} at {position}: {apart:.1e} of {scale:.1}");
            worst = worst.max(apart);
            start = position + 1;
        }
    }
    assert!(worst <= TOLERANCE, "{model}: {worst:.1e} of {scale:.1}");
}

#[test]
fn heavy_smollm2_widened() {
    check_real("smollm2", "smollm2.logits.json");
}

#[test]
fn heavy_qwen_widened() {
    check_real("qwen2.5-coder", "qwen2.5-coder.logits.json");
}

#[test]
fn heavy_gemma_widened() {
    check_real("gemma-3-270m", "gemma-3-270m.logits.json");
}
