//! Real models in the engine, at the precision that a test asks for.

use super::model;
use mtok::engine::Decoder;
use mtok::engine::decoder::Sizes;
use mtok::engine::op::KvType;
use mtok::engine::op::cpu::{Cpu, Stored};
use mtok::model::spec::Part;
use mtok::model::weights::{Matrix, Weights};
use mtok::model::{Loaded, ModelError};
use std::num::NonZeroUsize;
use std::ops::Range;

/// In what form a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Weights as the file stores them, keys and values in 16 bits.
    Stored,
    /// Weights widened to `f32`, so that nothing is rounded to 8 bits; keys and values in 32.
    Widened,
}

/// A model with so many blocks.
pub(crate) fn decoder(
    name: &str,
    precision: Precision,
    blocks: u32,
    sequences: u32,
) -> Decoder<Cpu> {
    let loaded = Loaded::open(&model(name)).expect("a sound model");
    let described = loaded.describe().expect("the engine can run it");
    let stored = described.weights().expect("its file opens");
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let cpu = Cpu::new(threads).expect("threads");
    let sizes = |kv| Sizes { blocks, kv, sequences, step_tokens: 512 };
    let spec = described.spec.clone();
    match precision {
        Precision::Stored => Decoder::load(spec, &stored, cpu, sizes(KvType::F16)),
        Precision::Widened => Decoder::load(spec, &Widened(stored), cpu, sizes(KvType::F32)),
    }
    .expect("it loads")
}

/// Weights as `f32`, whatever the file has.
struct Widened<W>(W);

impl<W: Weights> Weights for Widened<W> {
    fn find(&self, part: Part) -> Option<Matrix> {
        self.0.find(part).map(|matrix| Matrix { kind: "F32", ..matrix })
    }

    fn read(&self, part: Part, rows: Range<usize>, into: &mut Vec<u8>) -> Result<(), ModelError> {
        let matrix = self.0.find(part).expect("it was found before");
        let mut bytes = Vec::new();
        self.0.read(part, rows.clone(), &mut bytes)?;
        let mut numbers = vec![0.0; rows.len() * matrix.cols];
        Stored::named(matrix.kind).expect("a form that there is").dequantize(&bytes, &mut numbers);
        into.clear();
        into.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        Ok(())
    }
}
