//! The flags of `mtok bench`.

use super::{RawJudging, RawOutput};
use clap::{Args, ValueEnum};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// `mtok bench`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mtok bench                                      a small model on this machine, in about a minute
  mtok bench --target http://127.0.0.1:8000 --concurrency 1,8,64 --price 2.50/h
  mtok bench --target http://127.0.0.1:8000 --preset chat --slo 'ttft.p99<=500ms,tpot.p95<=50ms'
  mtok bench --target http://127.0.0.1:8000 --rate 4/s --arrivals gamma:2 --prompt-tokens 200..800
  mtok bench --target http://127.0.0.1:8000 --trace azure_conv.csv --trace-speed 0.5")]
pub(crate) struct RawBench {
    /// A model's name (`mtok models list`), or the path of a GGUF file or of a folder with
    /// safetensors; with `--target`, the server's name for it. Default: a small one; of a server, the
    /// only one that it has.
    #[arg(value_name = "MODEL")]
    pub model: Option<String>,
    /// A server to measure.
    #[command(flatten)]
    pub server: RawServer,
    /// What else tells of it.
    #[command(flatten)]
    pub told: RawServerTold,
    /// How much is asked.
    #[command(flatten)]
    pub load: RawLoad,
    /// What is asked.
    #[command(flatten)]
    pub content: RawContent,
    /// How answers are chosen.
    #[command(flatten)]
    pub sampling: RawSampling,
    /// Where a model is run in this process.
    #[command(flatten)]
    pub engine: RawEngine,
    /// What to judge it by.
    #[command(flatten)]
    pub judging: RawJudging,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}

/// A server to ask.
#[derive(Debug, Args)]
#[command(next_help_heading = "A server")]
pub(crate) struct RawServer {
    /// Ask a server that speaks OpenAI's API, by its address: `http://127.0.0.1:8000`. Its key is
    /// read from the environment: `MTOK_TARGET_KEY`.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Which of its endpoints is asked.
    #[arg(long, value_enum, default_value_t, value_name = "ENDPOINT", requires = "target")]
    pub endpoint: Endpoint,
    /// Ask for answers in one piece, which tell nothing of their first token.
    #[arg(long, requires = "target")]
    pub no_stream: bool,
    /// Send a header with each request: `name: value`; again for more.
    #[arg(long, value_name = "HEADER", requires = "target")]
    pub header: Vec<String>,
    /// Speak HTTP/2 without asking first.
    #[arg(long, requires = "target")]
    pub http2: bool,
    /// How long to wait for the first byte of an answer. Default: 10min.
    #[arg(long, value_name = "TIME", requires = "target")]
    pub timeout: Option<String>,
}

/// What else tells of a server while it is measured.
#[derive(Debug, Args)]
#[command(next_help_heading = "A server")]
pub(crate) struct RawServerTold {
    /// Check its counts, and make prompts of exact length, with this tokenizer: a GGUF file or a folder.
    #[arg(long, value_name = "PATH", requires = "target")]
    pub tokenizer: Option<PathBuf>,
    /// Where its metrics are, or a DCGM exporter's; again for more. Default: its own `/metrics`.
    #[arg(long, value_name = "URL", requires = "target")]
    pub metrics: Vec<String>,
}

/// Which endpoint is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Endpoint {
    /// Chat completions.
    #[default]
    Chat,
    /// Completions: prompts without the server's chat template.
    Completions,
}

/// How much is asked, and for how long.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct RawLoad {
    /// Requests in flight at once: one number for one point; several for a ladder, a run each.
    /// Default: 1,2,4,8,16,32.
    #[arg(long, value_name = "N", value_delimiter = ',', conflicts_with_all = ["rate", "search"])]
    pub concurrency: Vec<u32>,
    /// An open loop: requests so often, whatever became of those before: `4/s`; several for a ladder.
    #[arg(long, value_name = "RATE", value_delimiter = ',', conflicts_with = "search")]
    pub rate: Vec<String>,
    /// How an open loop's requests come: `poisson`, `constant`, `gamma:CV`.
    #[arg(long, value_name = "PROCESS", default_value = "poisson")]
    pub arrivals: String,
    /// The most in flight at once of an open loop; what is due waits, and the wait counts.
    #[arg(long, value_name = "N")]
    pub max_in_flight: Option<u32>,
    /// Find the highest load that keeps to `--slo`: by requests in flight, or by rate. Default where
    /// `--slo` is given and no load is: in flight.
    #[arg(long, value_enum, value_name = "LOAD", requires = "slo")]
    pub search: Option<SearchBy>,
    /// How long to measure each point. Default: 40s; on each rung of a ladder 6s, and up to 12s until
    /// six rounds of requests have ended; of a trace, all of it.
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,
    /// How long to send requests before anything is counted. Default: 4s; on each rung of a ladder 1s;
    /// of a trace, not at all.
    #[arg(long, value_name = "TIME")]
    pub warmup: Option<String>,
    /// Measure on until the output rate is known within this: `5%`, for ten minutes at the most.
    #[arg(long, value_name = "SHARE")]
    pub until: Option<String>,
    /// Make each run so many times, with other prompts.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "search")]
    pub repeats: u32,
}

/// What a search varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SearchBy {
    /// Requests in flight at once.
    Concurrency,
    /// Requests a second.
    Rate,
}

/// What is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Workload")]
pub(crate) struct RawContent {
    /// A workload by name: chat, rag, code, agent, aa-1k, inferencex-1k1k, inferencex-1k8k,
    /// inferencex-8k1k. What else is said changes it.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["trace", "dataset"])]
    pub preset: Option<String>,
    /// Prompt tokens of each request: `128`, `100..200`, `lognormal:MEDIAN,SIGMA,MAX`. Default: 128.
    #[arg(long, value_name = "LENGTHS", conflicts_with_all = ["trace", "dataset"])]
    pub prompt_tokens: Option<String>,
    /// Output tokens of each request, likewise. Default: 64.
    #[arg(long, value_name = "LENGTHS", conflicts_with = "trace")]
    pub output_tokens: Option<String>,
    /// What prompts are made of. Random ids are unfit for mixtures of experts and for speculative
    /// decoding.
    #[arg(long, value_enum, value_name = "TEXT", conflicts_with_all = ["trace", "dataset"])]
    pub text: Option<TextKind>,
    /// What a prefix cache may find: nothing but shared prefixes (`bust`), or everything (`warm`).
    #[arg(long, value_enum, default_value_t, value_name = "CACHE", conflicts_with = "trace")]
    pub cache: CacheMode,
    /// A tree of shared prefixes: `500`, or `500,2000x20@50%`: 500 tokens of all, then for half of them
    /// one of 20 texts of 2,000.
    #[arg(long, value_name = "PREFIXES", conflicts_with_all = ["trace", "dataset"])]
    pub prefix: Option<String>,
    /// Turns of a conversation: `3`, `2..6`, `geometric:MEAN,MAX`.
    #[arg(long, value_name = "TURNS", conflicts_with_all = ["trace", "dataset"])]
    pub turns: Option<String>,
    /// Prompt tokens of each later turn, what was said before not counted. Default: as the first's.
    #[arg(long, value_name = "LENGTHS", conflicts_with_all = ["trace", "dataset"])]
    pub follow_up: Option<String>,
    /// How long users think between turns: `10s`, `exponential:10s`. Default: not at all.
    #[arg(long, value_name = "TIME", conflicts_with = "trace")]
    pub think: Option<String>,
    /// Replay a trace: Azure's CSV, Mooncake's JSONL, `BurstGPT`'s CSV, or our own JSONL; its lengths
    /// alone where a load is given.
    #[arg(long, value_name = "FILE", conflicts_with = "dataset")]
    pub trace: Option<PathBuf>,
    /// Which part of it.
    #[command(flatten)]
    pub cut: RawCut,
    /// Ask what is in a file: JSONL with `prompt` or OpenAI's `messages`, or `ShareGPT`'s form.
    #[arg(long, value_name = "FILE")]
    pub dataset: Option<PathBuf>,
    /// What prompts, arrivals and sampling are drawn from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// Which part of the trace that `--trace` names, and how fast.
#[derive(Debug, Args)]
pub(crate) struct RawCut {
    /// How many times as fast: `2`, `0.5`.
    #[arg(
        long = "trace-speed",
        value_name = "TIMES",
        requires = "trace",
        allow_hyphen_values = true
    )]
    pub speed: Option<String>,
    /// Where in the trace to begin.
    #[arg(long = "trace-from", value_name = "TIME", requires = "trace")]
    pub from: Option<String>,
    /// How much of it, in its own time.
    #[arg(long = "trace-length", value_name = "TIME", requires = "trace")]
    pub length: Option<String>,
    /// The most requests of it.
    #[arg(long = "trace-requests", value_name = "N", requires = "trace")]
    pub requests: Option<NonZeroU32>,
    /// Leave out requests of more prompt and output tokens together than this.
    #[arg(long = "trace-max-tokens", value_name = "N", requires = "trace")]
    pub max_tokens: Option<String>,
}

/// What prompts are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextKind {
    /// Natural text.
    Prose,
    /// Random token ids.
    Random,
}

/// What a prefix cache may find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum CacheMode {
    /// Nothing but shared prefixes.
    #[default]
    Bust,
    /// Everything: all prompts are one text.
    Warm,
}

/// How answers are chosen.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct RawSampling {
    /// Sampling temperature; 0 takes the likeliest token.
    #[arg(long, value_name = "T", default_value_t = 0.0, allow_negative_numbers = true)]
    pub temperature: f64,
    /// Sample among this many likeliest tokens only.
    #[arg(long, value_name = "K")]
    pub top_k: Option<u32>,
    /// Sample among the likeliest tokens that together have this probability.
    #[arg(long, value_name = "P")]
    pub top_p: Option<f64>,
    /// Leave out tokens less likely than this share of the likeliest.
    #[arg(long, value_name = "P")]
    pub min_p: Option<f64>,
}

/// Where a model is run in this process.
#[derive(Debug, Args)]
#[command(next_help_heading = "The engine in this process")]
pub(crate) struct RawEngine {
    /// Where to run.
    #[arg(long, value_enum, default_value_t, value_name = "DEVICE", conflicts_with = "target")]
    pub device: Device,
    /// What runs the model.
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE", conflicts_with = "target")]
    pub engine: Engine,
    /// Threads that compute. Default: one for each core that this process may use.
    #[arg(long, value_name = "N", conflicts_with = "target")]
    pub threads: Option<u32>,
}

/// What runs the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Engine {
    /// The engine of this program, which batches.
    #[default]
    Own,
    /// The models of candle-transformers, one request at a time: a second opinion.
    Reference,
}

/// Where the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Device {
    /// On a GPU where there is one that this binary can use, else on the CPU.
    #[default]
    Auto,
    /// On the CPU.
    Cpu,
    /// On a CUDA GPU, or not at all.
    Cuda,
}
