//! The flags of `mtok compare`.

use super::{RawBook, RawCache, RawCut, RawOutput, RawWeights};
use clap::{ArgGroup, Args};
use std::path::PathBuf;

/// `mtok compare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mtok compare --run last --price 2.50/h --api llama-3.1-8b
  mtok compare --gpu h100-sxm --model llama-3.1-8b --workload chat --requests-per-month 3M
  mtok compare --run last --trace conv.csv --load 30%,60% --report compare.html
  mtok compare --gpu h100-sxm --model llama-3.1-8b --usage usage.jsonl --api openai/gpt-4o-mini
  mtok compare --rate 2500±50tok/s --price 2.50/h --model llama-3.1-8b \\
    --prompt-tokens 2000 --output-tokens 300 --hit-rate 50%")]
pub(crate) struct RawCompare {
    /// The own machine.
    #[command(flatten)]
    pub own: RawOwn,
    /// What is priced.
    #[command(flatten)]
    pub work: RawWork,
    /// APIs to lay beside it: an entry of the price book, a model's name, or a family
    /// (`llama-3.1-8b`): wherever it is sold; again, or after a comma, for more. Default: the same model
    /// wherever it is sold, those nearest in size, two closed ones; where no model is known, the cheapest
    /// open-weight families and two closed ones.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub api: Vec<String>,
    /// The book.
    #[command(flatten)]
    pub book: RawBook,
    /// The day whose API prices hold: `2026-11-20`. Default: today.
    #[arg(long, value_name = "DAY")]
    pub as_of: Option<String>,
    /// How finely the own model's tokenizer cuts this text: `0.25tok/char`. Adds prices per million
    /// characters, of it and of the same model at APIs.
    #[arg(long, value_name = "TOK/char")]
    pub cut: Option<String>,
    /// Write the result as one HTML page, with plots, that needs no network.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}

/// The own machine.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "The own machine: a run, an estimate, or a rate",
    group = ArgGroup::new("side").args(["run", "gpu", "rate"]).required(true)
)]
pub(crate) struct RawOwn {
    /// As it was measured in a run: its name, its folder, or `last`.
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// As it is estimated for a GPU: `h100-sxm`.
    #[arg(long, value_name = "GPU", requires = "model")]
    pub gpu: Option<String>,
    /// The model: its name, or the path of its `config.json`. With `--rate`, its name in the price book.
    #[arg(long, value_name = "MODEL", conflicts_with = "run")]
    pub model: Option<String>,
    /// GPUs that share the model (tensor parallel).
    #[arg(long, value_name = "N", default_value_t = 1, requires = "gpu")]
    pub tp: u32,
    /// How the weights are stored. Default: as the model's makers publish them.
    #[arg(long, value_enum, value_name = "FORMAT", requires = "gpu")]
    pub precision: Option<RawWeights>,
    /// How the cache is stored.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "bf16", requires = "gpu")]
    pub kv_precision: RawCache,
    /// Sequences at once: `1,8,64`. Default: 1, 2, 4, … as far as they fit, to 1024. The cheapest is taken.
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "gpu")]
    pub batch: Vec<u32>,
    /// The longest mean time between two tokens of a stream: `tpot<=50ms`.
    #[arg(long, value_name = "LIMIT", requires = "gpu")]
    pub slo: Option<String>,
    /// By its tokens per second, in and out, at its operating point: `185tok/s`, or with its error
    /// `185±5tok/s`.
    #[arg(long, value_name = "TOK/s")]
    pub rate: Option<String>,
    /// What the whole machine, or all the GPUs, rent for: `2.50/h`. Default: the rental table's median.
    #[arg(long, value_name = "USD/h", env = "MTOK_PRICE")]
    pub price: Option<String>,
    /// Mean rate over paid time, as shares of the rate at the operating point: `30%`. The first is the
    /// one that APIs are compared with. Default: the load that the month's requests make on as few whole
    /// machines as take them, else 100 %.
    #[arg(long, value_name = "SHARES", value_delimiter = ',')]
    pub load: Vec<String>,
}

/// What is priced.
#[derive(Debug, Args)]
#[command(next_help_heading = "The work. Default: requests like the run's")]
pub(crate) struct RawWork {
    /// A workload by name: chat, rag, code, agent, aa-1k, inferencex-1k1k, inferencex-1k8k,
    /// inferencex-8k1k.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["trace", "usage", "prompt_tokens", "output_tokens"])]
    pub workload: Option<String>,
    /// A trace: Azure's CSV, Mooncake's JSONL, `BurstGPT`'s CSV, or our own JSONL.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["usage", "prompt_tokens", "output_tokens"])]
    pub trace: Option<PathBuf>,
    /// Which part of it.
    #[command(flatten)]
    pub cut: RawCut,
    /// A usage log, as JSON lines: `OpenAI`'s usage API, `LiteLLM`'s spend logs, Langfuse's observations.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt_tokens", "output_tokens"])]
    pub usage: Option<PathBuf>,
    /// Prompt tokens of each request, cached or not.
    #[arg(long, value_name = "N", requires = "output_tokens")]
    pub prompt_tokens: Option<String>,
    /// Output tokens of each request.
    #[arg(long, value_name = "N", requires = "prompt_tokens")]
    pub output_tokens: Option<String>,
    /// The share of prompt tokens that the own machine's cache has, and with `--prompt-tokens` the APIs'
    /// too. Default: what begins alike in the requests; what the log or the run had.
    #[arg(long, value_name = "SHARE")]
    pub hit_rate: Option<String>,
    /// How many requests come in a month of 730 hours: `3M`. Adds what a month costs, on whole machines.
    /// Default: of a trace, its own rate.
    #[arg(long, value_name = "N")]
    pub requests_per_month: Option<String>,
}
