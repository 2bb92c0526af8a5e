//! The head of a run record: what ran on what, asked to do what. `run.json`.

use super::reading::TelemetryInfo;
use super::workload::Workload;
use crate::units::{Bytes, BytesPerSecond, FlopsPerSecond, Tokens};
use serde::{Deserialize, Serialize};

/// What a reader needs to know to judge a journal. It holds no price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The form of this record: [`Header::SCHEMA`].
    pub schema: String,
    /// The run's name, unique in its store: its starting time, and a number where that is taken.
    pub id: String,
    /// When it began, by the wall clock; every other time counts from here.
    pub started: jiff::Timestamp,
    /// The version of this program.
    pub mtok: String,
    /// The machine.
    pub host: Host,
    /// What was run.
    pub model: Model,
    /// What ran it: `candle-transformers 0.11.1`, and on which device; of a server, what it says it is.
    pub engine: String,
    /// The server that was asked; `None`: an engine in this process.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<Server>,
    /// What it was asked to do.
    pub workload: Workload,
    /// What the machine can tell of itself.
    pub telemetry: TelemetryInfo,
    /// What the machine could reach at most, where that was probed; a GPU's is looked up by name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peaks: Option<Peaks>,
    /// The sweep that this run is a part of; `None`: it was made alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sweep: Option<Sweep>,
}

impl Header {
    /// The form that this version writes.
    pub const SCHEMA: &str = "mtok.run/1";
}

/// A server that answers over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Where it is, without anything secret.
    pub url: String,
    /// Which of its endpoints was asked: `/v1/chat/completions`.
    pub endpoint: String,
    /// Whether it is on the machine that `host` describes. Its own machine is else unknown.
    pub local: bool,
}

/// Several runs of one model, loaded once, that differ in one thing: their load.
/// Each is a run of its own, with a record of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The sweep's name, unique in its store and no run's: all its runs have it.
    pub name: String,
    /// Which of them this is, counted from 1.
    pub index: u32,
    /// How many there were to be; where the sweep was stopped, fewer are on record. `None`: it was not
    /// known before, as of a search.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<u32>,
}

/// `2026-11-22T08-00-01Z-ladder, 2 of 6`.
impl std::fmt::Display for Sweep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.name, self.index)?;
        self.of.map_or(Ok(()), |of| write!(f, " of {of}"))
    }
}

impl Sweep {
    /// The name of the sweep whose first run has this name.
    pub fn named_after(first: &str) -> String {
        format!("{first}-ladder")
    }
}

/// The machine that a run was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system and kernel.
    pub os: String,
    /// The processor's name.
    pub cpu: String,
    /// Logical cores that this process may use.
    pub cores: u32,
    /// Physical memory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory: Option<Bytes>,
    /// The GPU that the engine used, as NVML names it; `None`: it ran on the CPU.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gpu: Option<String>,
    /// How many GPUs the machine has: its price pays for all of them, used or not.
    #[serde(default)]
    pub gpus: u32,
}

/// The model that a run used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The manifest's name, or the file's.
    pub name: String,
    /// The family whose API prices can be laid beside it: `llama-3.1-8b`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub family: Option<String>,
    /// The checksum that the weights had when they were fetched; `None`: nobody states one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// Its shape; `None`: a server runs it and doesn't tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shape: Option<Shape>,
}

/// What a forward pass must compute and move: enough for a roofline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// `llama`, `qwen2`, …, as GGUF names it.
    pub architecture: String,
    /// How the weights are stored: `Q4_1`.
    pub quantization: String,
    /// All parameters.
    pub parameters: u64,
    /// Parameters that one token's forward pass multiplies with: without the embedding table
    /// (unless the head is tied to it), and in a mixture of experts only the active ones.
    pub active_parameters: u64,
    /// All weights, as stored.
    pub weights: Bytes,
    /// Weights that one decode step must read at least once.
    pub weights_read: Bytes,
    /// Layers.
    pub layers: u32,
    /// Width of the residual stream.
    pub width: u32,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Size of one head.
    pub head_size: u32,
    /// Tokens in the vocabulary.
    pub vocabulary: u32,
    /// The longest context that the model was made for.
    pub context: Tokens,
}

/// What a machine could reach at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peaks {
    /// Memory bandwidth.
    pub bandwidth: BytesPerSecond,
    /// Arithmetic, in the fastest precision that an engine could use on these weights.
    pub arithmetic: FlopsPerSecond,
    /// Where the figures are from: a probe and its method, or a spec sheet.
    pub source: String,
}
