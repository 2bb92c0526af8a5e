//! candle-transformers' quantized models as a first engine, and later as a second opinion.
//!
//! Invariant: no request, however wrong, reaches a panic of the library underneath: ids, positions
//! and lengths are checked here, and a panic that comes all the same is an error by the time it
//! leaves `target::in_process`. Guarded by `tests.rs` beside this file on models of a few kilobytes.
//!
//! Known of candle-transformers 0.11.1, and not changed here:
//! - one sequence at a time; its KV cache is copied at every token;
//! - `quantized_llama` has rotary tables for 4,096 positions, whatever the model was made for;
//! - it leaves `rope_freqs.weight` (Llama 3.1's frequency scaling) out: same speed, other text;
//! - it keeps a mask for every pair of chunk length and position that was ever prefilled. Prompts of
//!   a stated length share theirs; of many lengths, each costs up to `chunk × length` bytes for good.

#[cfg(test)]
mod tests;

use super::device::Placement;
use super::{EngineError, Forward, panic_text};
use crate::units::Tokens;
use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::models::{quantized_llama, quantized_qwen2};
use std::io::{BufReader, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The library's version, as `Cargo.lock` has it (a test compares).
const LIBRARY: &str = "candle-transformers 0.11.1";

/// The longest rotary table that is built: `quantized_qwen2` makes one for the whole context that
/// the file claims.
const CONTEXT_MAX: usize = 1 << 20;

/// The forward passes that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// GGUF's `llama`: Llama, Mistral, `SmolLM2`.
    Llama,
    /// GGUF's `qwen2`: Qwen 2 and 2.5.
    Qwen2,
}

impl Architecture {
    /// As GGUF names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
        }
    }
}

impl std::str::FromStr for Architecture {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = [Self::Llama, Self::Qwen2].into_iter().find(|one| one.name() == name);
        known.ok_or_else(|| EngineError::Architecture(name.to_owned()))
    }
}

/// A quantized model of candle-transformers and the one sequence that it holds.
pub struct Reference {
    weights: Weights,
    device: Device,
    vocabulary: usize,
    context_limit: usize,
    /// Tokens in the KV cache.
    held: usize,
}

enum Weights {
    Llama(quantized_llama::ModelWeights),
    Qwen2(quantized_qwen2::ModelWeights),
}

impl Reference {
    /// Loads a GGUF file, which `model::gguf` has found sound, onto a device.
    ///
    /// # Errors
    /// Where the file can't be read, or is not a model of this architecture.
    pub fn load(
        path: &Path,
        architecture: Architecture,
        placement: &Placement,
    ) -> Result<Self, EngineError> {
        catch_unwind(AssertUnwindSafe(|| Self::read(path, architecture, &placement.device)))
            .unwrap_or_else(|payload| {
                let message = panic_text(payload.as_ref());
                Err(EngineError::Panicked { doing: "loading a model", message })
            })
    }

    fn read(path: &Path, family: Architecture, device: &Device) -> Result<Self, EngineError> {
        let failed = |error| EngineError::Load { path: path.to_owned(), error: Box::new(error) };
        let mut file = BufReader::new(fs_err::File::open(path).map_err(EngineError::Open)?);
        let content = Content::read(&mut file).map_err(failed)?;
        let number = |key: String| -> Result<usize, EngineError> {
            let value = content.metadata.get(&key);
            let whole = value.and_then(|value| value.to_u32().ok());
            whole.and_then(|whole| usize::try_from(whole).ok()).ok_or_else(|| {
                let value =
                    value.map_or_else(|| "missing".to_owned(), |value| format!("{value:?}"));
                EngineError::Metadata { path: path.to_owned(), key, value }
            })
        };
        let context = number(format!("{}.context_length", family.name()))?;
        let table = match family {
            Architecture::Llama => quantized_llama::MAX_SEQ_LEN,
            Architecture::Qwen2 => CONTEXT_MAX,
        };
        if context == 0 || (family == Architecture::Qwen2 && context > table) {
            return Err(EngineError::Metadata {
                path: path.to_owned(),
                key: format!("{}.context_length", family.name()),
                value: context.to_string(),
            });
        }
        let embedding = content.tensor_infos.get("token_embd.weight");
        let vocabulary = embedding.and_then(|info| info.shape.dims().first().copied());
        file.rewind().map_err(EngineError::Open)?;
        let weights = match family {
            Architecture::Llama => {
                quantized_llama::ModelWeights::from_gguf(content, &mut file, device)
                    .map(Weights::Llama)
            }
            Architecture::Qwen2 => {
                quantized_qwen2::ModelWeights::from_gguf(content, &mut file, device)
                    .map(Weights::Qwen2)
            }
        };
        Ok(Self {
            weights: weights.map_err(failed)?,
            device: device.clone(),
            vocabulary: vocabulary.unwrap_or(0),
            context_limit: context.min(table),
            held: 0,
        })
    }

    /// Everything that the library would panic on, or take for something else.
    fn check(&self, tokens: &[u32], position: usize) -> Result<(), EngineError> {
        if tokens.is_empty() || position != self.held {
            let (tokens, held) = (tokens.len(), self.held);
            return Err(EngineError::Position { tokens, position, held });
        }
        let wanted = position.saturating_add(tokens.len());
        if wanted > self.context_limit {
            let (wanted, limit) = (Tokens(wanted as u64), Tokens(self.context_limit as u64));
            return Err(EngineError::Context { wanted, limit });
        }
        let unknown = tokens.iter().find(|&&id| id as usize >= self.vocabulary);
        unknown.map_or(Ok(()), |&id| Err(EngineError::Token { id, vocabulary: self.vocabulary }))
    }

    fn pass(&mut self, tokens: &[u32], position: usize) -> candle_core::Result<Vec<f32>> {
        let input = Tensor::new(tokens, &self.device)?.unsqueeze(0)?;
        let logits = match &mut self.weights {
            Weights::Llama(model) => model.forward(&input, position)?,
            Weights::Qwen2(model) => model.forward(&input, position)?,
        };
        // Reading them back also waits for the device, so that a step is over when this returns.
        logits.squeeze(0)?.to_vec1()
    }
}

impl Forward for Reference {
    fn forward(&mut self, tokens: &[u32], position: usize) -> Result<Vec<f32>, EngineError> {
        self.check(tokens, position)?;
        let logits = self.pass(tokens, position);
        match logits {
            Ok(logits) => {
                self.held += tokens.len();
                Ok(logits)
            }
            Err(error) => {
                // Some layers may hold the new tokens and others not.
                self.reset();
                Err(EngineError::Forward(Box::new(error)))
            }
        }
    }

    fn reset(&mut self) {
        match &mut self.weights {
            Weights::Llama(model) => model.clear_kv_cache(),
            Weights::Qwen2(model) => model.clear_kv_cache(),
        }
        self.held = 0;
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn context_limit(&self) -> usize {
        self.context_limit
    }

    fn describe(&self) -> String {
        if self.device.is_cuda() {
            format!("{LIBRARY} on CUDA")
        } else {
            format!("{LIBRARY} on the CPU, {} threads", candle_core::utils::get_num_threads())
        }
    }
}
