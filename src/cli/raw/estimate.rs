//! `mtok estimate`'s flags as typed.

use super::RawOutput;
use clap::{Args, ValueEnum};

/// `mtok estimate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mtok estimate --gpu h100-sxm --model llama-3.1-8b
  mtok estimate --gpu h100-sxm --tp 2 --model llama-3.3-70b --precision fp8 --price 5/h
  mtok estimate --gpu l40s --model ./config.json --slo 'tpot<=50ms'

A model that the catalogue lacks is given by the path of its `config.json`, or of a file that
describes it as data/models.toml describes others. docs/ESTIMATE.md says what is calculated.")]
pub(crate) struct RawEstimate {
    /// The GPU: `h100-sxm`.
    #[arg(long, value_name = "GPU")]
    pub gpu: String,
    /// The model: its name, or the path of its `config.json`.
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// GPUs that share the model (tensor parallel).
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub tp: u32,
    /// How the weights are stored. Default: as the model's makers publish them.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub precision: Option<RawWeights>,
    /// How the cache is stored.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "bf16")]
    pub kv_precision: RawCache,
    /// Prompt tokens of a request that are computed, in the mean.
    #[arg(long, value_name = "N", default_value = "512", allow_hyphen_values = true)]
    pub prompt_tokens: String,
    /// Output tokens of a request, in the mean.
    #[arg(long, value_name = "N", default_value = "256", allow_hyphen_values = true)]
    pub output_tokens: String,
    /// Sequences at once: `1,8,64`. Default: 1, 2, 4, … as far as they fit, to 1024.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub batch: Vec<u32>,
    /// What all the GPUs rent for together: `2.50/h`. Default: the rental table's median.
    #[arg(long, value_name = "USD/h", env = "MTOK_PRICE", allow_hyphen_values = true)]
    pub price: Option<String>,
    /// GPUs of your own instead, all of them together: see `mtok bench --help`.
    #[arg(long, value_name = "FIGURES")]
    pub owned: Option<String>,
    /// The longest mean time between two tokens of a stream: `tpot<=50ms`.
    #[arg(long, value_name = "LIMIT")]
    pub slo: Option<String>,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RawWeights {
    /// 16 bits.
    #[value(alias = "fp16")]
    Bf16,
    /// 8 bits.
    Fp8,
    /// Experts in 4 bits with a scale for every 32.
    Mxfp4,
    /// 4 bits with a scale for every 128: GPTQ, AWQ.
    Int4,
}

/// How the cache is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RawCache {
    /// 16 bits.
    #[value(alias = "fp16")]
    Bf16,
    /// 8 bits.
    Fp8,
}
