//! What is measured: a model in this process, or a server.

use crate::engine::{DeviceChoice, EngineChoice};
use crate::target::http::HttpOptions;
use crate::telemetry::scrape::MetricsAt;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// What is measured.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A model that this process runs.
    Local(Local),
    /// A server that runs one.
    Remote(Remote),
}

/// The weights of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// What to call it.
    pub name: String,
    /// The family whose API prices can be laid beside it.
    pub family: Option<String>,
    /// Their checksum, where that is known.
    pub sha256: Option<String>,
    /// Their file or folder.
    pub path: PathBuf,
}

/// A model that this process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Its weights.
    pub weights: Weights,
    /// Where it runs.
    pub device: DeviceChoice,
    /// What runs it.
    pub engine: EngineChoice,
    /// How many threads compute; `None`: one for each core that this process may use.
    pub threads: Option<NonZeroU32>,
}

/// A server that runs a model.
#[derive(Debug, Clone)]
pub struct Remote {
    /// How it is asked.
    pub options: HttpOptions,
    /// A GGUF file or a folder with the model's tokenizer, to check the server's counts with and to
    /// make prompts of exact length where the server takes token ids.
    pub tokenizer: Option<PathBuf>,
    /// Where its metrics are, and those of its GPUs.
    pub metrics: Vec<MetricsAt>,
}
