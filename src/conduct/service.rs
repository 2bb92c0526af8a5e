//! The engine that answers, opened.

use super::MeasureError;
use crate::clock::Clock;
use crate::engine::device::Placement;
use crate::engine::op::KvType;
use crate::engine::{EngineChoice, Options, open};
use crate::model::Loaded;
use crate::target::in_process::{InProcess, Serving};
use crate::units::Tokens;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;

/// Tokens in one step: what keeps the products busy, and no longer than a few decode steps.
const STEP_TOKENS: u32 = 512;

/// What an engine is opened with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service<'a> {
    /// Which engine.
    pub(super) engine: EngineChoice,
    /// How many threads compute; `None`: one for each core that this process may use.
    pub(super) threads: Option<NonZeroU32>,
    /// The longest request that it will be sent, with its answer.
    pub(super) longest: Tokens,
    /// The most at once.
    pub(super) at_once: u32,
    /// The model's file.
    pub(super) path: &'a Path,
    /// The same, read.
    pub(super) loaded: &'a Loaded,
    /// Where it runs.
    pub(super) placement: &'a Placement,
}

impl Service<'_> {
    /// Loads the weights and starts to serve, by this clock.
    pub(super) fn open(self, clock: Arc<dyn Clock>) -> Result<InProcess, MeasureError> {
        let eos = self.loaded.tokenizer.end_of_generation().to_vec();
        let engine = open(self.path, self.loaded, self.placement, &self.options())?;
        Ok(InProcess::start(engine, eos, clock, Serving::default())?)
    }

    /// Room for every sequence at its full length, so that none is preempted.
    fn options(&self) -> Options {
        let threads = match self.threads {
            Some(threads) => NonZeroUsize::try_from(threads).unwrap_or(NonZeroUsize::MIN),
            None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        Options {
            engine: self.engine,
            threads,
            kv: KvType::default(),
            sequences: self.at_once,
            length: self.longest,
            step_tokens: STEP_TOKENS,
        }
    }
}
