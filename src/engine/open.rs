//! From a model's files to an engine: everything that knows which engines there are.

use super::decoder::Sizes;
use super::device::Placement;
use super::op::candle::Candle;
use super::op::cpu::Cpu;
use super::op::{BLOCK, KvType};
use super::reference::{Architecture, Reference};
use super::{Decoder, Engine, EngineError, Solo};
use crate::model::{Loaded, ModelError};
use crate::units::Tokens;
use std::num::NonZeroUsize;
use std::path::Path;

/// Which engine computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// The engine of this crate: many sequences, paged KV cache.
    #[default]
    Own,
    /// The models of candle-transformers: one sequence at a time.
    Reference,
}

/// What an engine is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Which engine.
    pub engine: EngineChoice,
    /// How many threads compute, where the CPU does.
    pub threads: NonZeroUsize,
    /// How keys and values are held.
    pub kv: KvType,
    /// Sequences that are to run at once.
    pub sequences: u32,
    /// The longest of them, prompt and output together.
    pub length: Tokens,
    /// Tokens that one step may have.
    pub step_tokens: u32,
}

impl Options {
    /// Blocks for all sequences at full length, and one more for each: a sequence that begins with
    /// another's blocks copies the last of them before it writes.
    fn blocks(&self) -> Result<u32, EngineError> {
        let block = BLOCK as u64;
        let blocks = (self.length.0.div_ceil(block) + 1).saturating_mul(self.sequences.into());
        u32::try_from(blocks).map_err(|_| EngineError::Memory {
            bytes: crate::units::Bytes(blocks.saturating_mul(block)),
        })
    }
}

/// Loads a model's weights into an engine.
///
/// # Errors
/// Where the model can't be computed here, its files can't be read, or there is no room for it.
pub fn open(
    path: &Path,
    loaded: &Loaded,
    placement: &Placement,
    options: &Options,
) -> Result<Box<dyn Engine>, EngineError> {
    let model = |error: ModelError| EngineError::Model(Box::new(error));
    if options.engine == EngineChoice::Reference {
        loaded.runnable().map_err(model)?;
        let architecture: Architecture = loaded.shape.architecture.parse()?;
        return Ok(Box::new(Solo::new(Reference::load(path, architecture, placement)?)));
    }
    let description = loaded.describe().map_err(model)?;
    let weights = description.weights().map_err(model)?;
    let sizes = Sizes {
        blocks: options.blocks()?,
        kv: options.kv,
        sequences: options.sequences,
        step_tokens: options.step_tokens.max(options.sequences),
    };
    let spec = description.spec.clone();
    if placement.is_cuda() {
        let backend = Candle::new(placement.clone());
        return Ok(Box::new(Decoder::load(spec, &weights, backend, sizes)?));
    }
    let backend = Cpu::new(options.threads)?;
    Ok(Box::new(Decoder::load(spec, &weights, backend, sizes)?))
}
