//! The engine that answers, opened.
//!
//! Everything that knows which engines there are is in this file.

use super::MeasureError;
use crate::clock::Clock;
use crate::engine::Solo;
use crate::engine::device::Placement;
use crate::engine::reference::{Architecture, Reference};
use crate::model::Loaded;
use crate::target::Target;
use crate::target::in_process::{InProcess, Serving};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

/// Which engine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// The engine of this crate.
    #[default]
    Own,
    /// The models of candle-transformers: one sequence at a time, whatever is in flight.
    Reference,
}

/// What an engine is opened with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service<'a> {
    /// Which engine.
    #[expect(dead_code, reason = "the reference is the only engine that can be opened yet")]
    pub(super) engine: EngineChoice,
    /// How many threads compute; `None`: one for each core that this process may use.
    #[expect(dead_code, reason = "the reference's library counts its threads itself")]
    pub(super) threads: Option<NonZeroU32>,
    /// The model's file.
    pub(super) path: &'a Path,
    /// The same, read.
    pub(super) loaded: &'a Loaded,
    /// Where it runs.
    pub(super) placement: &'a Placement,
}

impl Service<'_> {
    /// Loads the weights and starts to serve, by this clock.
    pub(super) fn open(self, clock: Arc<dyn Clock>) -> Result<Box<dyn Target>, MeasureError> {
        let architecture: Architecture = self.loaded.shape.architecture.parse()?;
        let eos = self.loaded.tokenizer.end_of_generation().to_vec();
        let engine = Reference::load(self.path, architecture, self.placement)?;
        let engine = Box::new(Solo::new(engine));
        Ok(Box::new(InProcess::start(engine, eos, clock, Serving::default())?))
    }
}
