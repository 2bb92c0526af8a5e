//! The flags of `mtok plan`.

use super::{Grain, RawCut, RawOutput};
use clap::{Args, ValueEnum};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// `mtok plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mtok runs profile last --out profile.json       step times of a run of `mtok bench`
  mtok plan --trace conv.csv --profile h100.json --kv-tokens 400k --price 2.50/h \\
    --slo 'ttft.p99<=2s,tpot.p95<=50ms' --api llama-3.1-8b
  mtok plan --trace conv.csv --run last --kv-tokens 8k --price 0.10/h --machines 2
  mtok plan … --fleet autoscale --start-up 3min --spot 0.05/h --day-night=60%@14h")]
pub(crate) struct RawPlan {
    /// What is asked for.
    #[command(flatten)]
    pub traffic: RawTraffic,
    /// What serves it.
    #[command(flatten)]
    pub machine: RawMachine,
    /// How many machines, and what they cost.
    #[command(flatten)]
    pub fleet: RawFleet,
    /// What latencies shall keep to: `ttft.p99<=2s,tpot.p95<=50ms`. Without a percentile: p90.
    #[arg(long, value_name = "LIMITS")]
    pub slo: Option<String>,
    /// How long a window is, of which each is judged and priced. Default: 5min; of a day, 1h.
    #[arg(long, value_name = "TIME")]
    pub window: Option<String>,
    /// What chance is drawn from.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// APIs to lay beside it: an entry of the price book, a model's name, or a family
    /// (`llama-3.1-8b`): wherever it is sold. Default: the family of `--run`'s model.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub api: Vec<String>,
    /// The day whose API prices hold: `2026-11-20`. Default: today.
    #[arg(long, value_name = "DAY")]
    pub as_of: Option<String>,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}

/// What is asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traffic")]
pub(crate) struct RawTraffic {
    /// The trace: Azure's CSV, Mooncake's JSONL, `BurstGPT`'s CSV, or our own JSONL.
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// Which part of it.
    #[command(flatten)]
    pub cut: RawCut,
    /// Make a synthetic day of it: over and over, with so much more than the mean at the peak, and so
    /// much less twelve hours from it. Alone: 60%@14h.
    #[arg(
        long,
        value_name = "SWING@PEAK",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "60%@14h"
    )]
    pub day_night: Option<String>,
}

/// What serves it.
#[derive(Debug, Args)]
#[command(next_help_heading = "A machine: one copy of the model")]
pub(crate) struct RawMachine {
    /// Step times from a file, as `mtok runs profile` writes it.
    #[arg(long, value_name = "FILE", conflicts_with = "run", required_unless_present = "run")]
    pub profile: Option<PathBuf>,
    /// Step times as they were measured in a run: its name, its folder, or `last`.
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Tokens that its KV cache has room for, of all requests together: `400k`.
    #[arg(long, value_name = "N")]
    pub kv_tokens: String,
    /// The most requests that it computes at once.
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub max_sequences: u32,
    /// The most tokens that it computes in a step.
    #[arg(long, default_value_t = 8_192, value_name = "N")]
    pub step_tokens: u32,
    /// Compute all of every prompt, whatever begins alike.
    #[arg(long)]
    pub no_prefix_cache: bool,
}

/// How many machines, and what they cost.
#[derive(Debug, Args)]
#[command(next_help_heading = "The fleet")]
pub(crate) struct RawFleet {
    /// What a machine rents for, all of its GPUs: `2.50/h`.
    #[arg(long, value_name = "USD/h", env = "MTOK_PRICE")]
    pub price: String,
    /// How many machines: so many, or the fewest that keep to `--slo`. Of a fleet that scales: the
    /// most.
    #[arg(long, default_value = "auto", value_name = "N|auto")]
    pub machines: String,
    /// Whether there are always as many, or as many as requests need.
    #[arg(long, value_enum, default_value_t, value_name = "FLEET")]
    pub fleet: FleetKind,
    /// Requests in flight that a machine of a fleet that scales is to have. Default: 70 % of those
    /// that it has at capacity.
    #[arg(long, value_name = "N")]
    pub in_flight: Option<NonZeroU32>,
    /// From renting a node until it serves: boot, download, load, warm-up. Default: none.
    #[arg(long, value_name = "TIME")]
    pub start_up: Option<String>,
    /// Spot: so often a node is taken away: `0.05/h`.
    #[arg(long, value_name = "RATE/h")]
    pub spot: Option<String>,
    /// GPUs of a machine.
    #[arg(long, default_value_t = NonZeroU32::MIN, value_name = "N")]
    pub gpus: NonZeroU32,
    /// GPUs of a node, which is rented whole. Default: one machine's.
    #[arg(long, value_name = "N")]
    pub node_gpus: Option<NonZeroU32>,
    /// What rented time is rounded up to. Default: second.
    #[arg(long, value_enum, value_name = "GRAIN")]
    pub billing: Option<Grain>,
    /// How requests are shared out.
    #[arg(long, value_enum, default_value_t, value_name = "ROUTER")]
    pub router: RouterKind,
}

/// How the fleet's size changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum FleetKind {
    /// Always as many.
    #[default]
    Fixed,
    /// As many as the requests in flight need.
    Autoscale,
}

/// How requests are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum RouterKind {
    /// To the machine with the fewest.
    #[default]
    LeastLoaded,
    /// To each in turn.
    RoundRobin,
    /// What begins alike to the same machine.
    PrefixAffinity,
}
