//! The flags as typed. Nothing here knows what goes with what: `checked` does.

mod audit;
mod bench;
mod compare;
mod estimate;
mod gpus;
mod plan;
mod prices;
mod tasks;

pub(crate) use audit::RawAudit;
pub(crate) use bench::{
    CacheMode, Device, Endpoint, Engine, RawBench, RawContent, RawCut, RawEngine, RawLoad,
    RawSampling, RawServer, RawServerTold, SearchBy, TextKind,
};
pub(crate) use compare::{RawCompare, RawOwn, RawWork};
pub(crate) use estimate::{RawCache, RawEstimate, RawWeights};

pub(crate) use plan::{FleetKind, RawFleet, RawMachine, RawPlan, RawTraffic, RouterKind};
pub(crate) use prices::{BookForm, RawBill, RawBook, RawPrices, RawReconcile};

pub(crate) use gpus::RawGpus;
pub(crate) use tasks::{RawQuestions, RawTaskPrices, RawTasks};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What a million tokens really costs on the GPU you rent.
#[derive(Debug, Parser)]
#[command(name = "mtok", version, propagate_version = true, max_term_width = 79)]
#[command(
    after_help = "With no argument, `mtok bench` runs a small model on this machine and prints what its tokens cost."
)]
pub(crate) struct Raw {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a model on this machine, measure it, and print USD per million tokens.
    Bench(Box<RawBench>),
    /// Work out a cost from a price and a rate, or audit a published one.
    Cost(RawCost),
    /// What a model would do and cost on a GPU, before anything is rented.
    Estimate(Box<RawEstimate>),
    /// Work out machines, load and dollars for real traffic.
    Plan(Box<RawPlan>),
    /// Price a workload on your own machine and on APIs, side by side.
    Compare(Box<RawCompare>),
    /// Put tasks with known answers to models: what is solved, and what a solved one costs.
    Tasks(Box<RawTasks>),
    /// Work out published claims again, and name the slip in each that is wrong.
    Audit(RawAudit),
    /// GPUs: their specification sheets, and what they rent for.
    #[command(subcommand)]
    Gpus(RawGpus),
    /// The models that can be run, their weights and checksums.
    #[command(subcommand)]
    Models(RawModels),
    /// What APIs charge: the dated, sourced price book.
    #[command(subcommand)]
    Prices(RawPrices),
    /// What a usage log costs on any entry of the price book, line by line.
    Bill(RawBill),
    /// Where an invoice or usage export differs from the price book, and why.
    Reconcile(RawReconcile),
    /// The runs that were made.
    #[command(subcommand)]
    Runs(RawRuns),
    /// What this machine can do, and what to do about what it can't.
    Doctor(RawDoctor),
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Format {
    /// Tables for a terminal.
    #[default]
    Table,
    /// One JSON document, with its schema's name.
    Json,
    /// Comma-separated values.
    Csv,
    /// Markdown.
    Md,
}

/// The flags of every command that prints results.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct RawOutput {
    /// How to write the result.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
    /// Short for `--format json`.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

impl RawOutput {
    /// The format that the two flags mean together.
    pub(crate) fn format(self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// `mtok cost`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mtok cost --price 2.50/h --rate 185tok/s --load 100%,30%,10%
  mtok cost --rate 185tok/s \\
    --owned 'purchase=35000,life=4y,power=700W,pue=1.3,electricity=0.12/kWh,capital=8%'
  mtok cost --price 2.50/h --rate 185tok/s --claim 0.0038/Mtok
  mtok cost --workload 10M:5M --token-price 5e-6/tok:1.6e-5/tok --claim 0.13")]
pub(crate) struct RawCost {
    /// What the whole machine rents for: `2.50/h`.
    #[arg(long, value_name = "USD/h", allow_hyphen_values = true)]
    pub price: Option<String>,
    /// A machine of your own instead: see `mtok bench --help`.
    #[arg(long, value_name = "FIGURES")]
    pub owned: Option<String>,
    /// Tokens per second at the operating point: `185tok/s`, or with its error `185±5tok/s`.
    #[arg(long, value_name = "TOK/s", allow_hyphen_values = true)]
    pub rate: Option<String>,
    /// Mean rate over paid time, as shares of that rate: `100%,30%,10%`.
    #[arg(long, value_name = "SHARES", value_delimiter = ',')]
    pub load: Vec<String>,
    /// A published figure to audit: `0.0038/Mtok`; with `--workload`, an amount: `0.13`.
    #[arg(long, value_name = "FIGURE")]
    pub claim: Option<String>,
    /// GPUs in the machine, for claims that mix up one GPU and a node.
    #[arg(long, value_name = "N")]
    pub gpus: Option<u32>,
    /// Tokens to be paid for, input:output: `10M:5M`.
    #[arg(long, value_name = "IN:OUT")]
    pub workload: Option<String>,
    /// What a provider asks for them, input:output: `5e-6/tok:1.6e-5/tok`.
    #[arg(long, value_name = "IN:OUT")]
    pub token_price: Option<String>,
    /// How the machine is rented.
    #[command(flatten)]
    pub sitting: RawSitting,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}

/// How a machine is rented.
#[derive(Debug, Clone, Args)]
pub(crate) struct RawSitting {
    /// How long the machine is rented: `5h`. Adds what billing and start-up cost.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub rented: Option<String>,
    /// Of that, the time before the first token: download, load, warm-up.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start_up: Option<String>,
    /// What rented time is rounded up to.
    #[arg(long, value_enum, value_name = "GRAIN")]
    pub billing: Option<Grain>,
    /// What runs beside the machine by the hour (storage, egress, staff): `0.12/h`.
    #[arg(long, value_name = "USD/h", allow_hyphen_values = true)]
    pub beside: Option<String>,
}

/// What rented time is rounded up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grain {
    /// By the second.
    Second,
    /// By the started minute.
    Minute,
    /// By the started hour.
    Hour,
}

/// What measurements are judged by.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judging")]
pub(crate) struct RawJudging {
    /// What the whole machine rents for: `2.50/h`. Default: the rental table's median for its GPU.
    #[arg(long, value_name = "USD/h", env = "MTOK_PRICE", allow_hyphen_values = true)]
    pub price: Option<String>,
    /// A machine of your own instead, all its GPUs:
    /// `purchase=35000,life=4y,power=700W,pue=1.3,electricity=0.12/kWh`; and, where there is any,
    /// `resale=5000`, `hosting=0.10/h`, and what the money costs a year: `capital=8%`.
    #[arg(long, value_name = "FIGURES")]
    pub owned: Option<String>,
    /// How the machine is rented.
    #[command(flatten)]
    pub sitting: RawSitting,
    /// What the grid's energy emits: `400gCO2e/kWh`. Adds what a million tokens emit, where energy was
    /// measured.
    #[arg(long, value_name = "G/kWh", allow_hyphen_values = true)]
    pub grid: Option<String>,
    /// Loads to print the cost at, beside 100 %, 30 % and 10 %: `45%`.
    #[arg(long, value_name = "SHARES", value_delimiter = ',')]
    pub load: Vec<String>,
    /// What latencies shall keep to: `ttft.p99<=500ms,tpot.p95<=50ms,e2e<=10s`. Without a percentile:
    /// p90.
    #[arg(long, value_name = "LIMITS")]
    pub slo: Option<String>,
    /// Price a void run all the same; every line says that it is void.
    #[arg(long)]
    pub force: bool,
    /// Write the result as one HTML page, with plots, that needs no network.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// `mtok models`.
#[derive(Debug, Subcommand)]
pub(crate) enum RawModels {
    /// Every model that this program knows, and whether it can run it.
    List {
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// Fetch a model's weights and check them.
    Fetch {
        /// Its name.
        model: String,
    },
    /// What a model is: its manifest, or what a GGUF file says of itself.
    Show {
        /// Its name, or the path of a GGUF file.
        model: String,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// Check a model's file again: form and checksum.
    Verify {
        /// Its name, or the path of a GGUF file.
        model: String,
    },
}

/// `mtok runs`.
#[derive(Debug, Subcommand)]
pub(crate) enum RawRuns {
    /// Every run on record, the newest first.
    List {
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// One run, or all the runs of a ladder, judged again from their records.
    Show {
        /// The name of a run or of a ladder, the path of a run's folder, or `last`.
        run: String,
        /// Another run or ladder of the same model on the same machine, which varied lengths and
        /// loads: it tells what input and output take. Again for more.
        #[arg(long, value_name = "RUN")]
        probe: Vec<String>,
        /// What to judge it by.
        #[command(flatten)]
        judging: RawJudging,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// What differs between two runs, or two ladders, by more than their errors.
    Diff {
        /// A run's or a ladder's name, as `show` takes it.
        a: String,
        /// Another's.
        b: String,
        /// What each machine rents for: `2.50/h`. Default: the rental table's median for its GPU.
        #[arg(long, value_name = "USD/h", env = "MTOK_PRICE", allow_hyphen_values = true)]
        price: Option<String>,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// The step times of a run, for `mtok plan`.
    Profile {
        /// A run's name, the path of its folder, or `last`.
        run: String,
        /// Where to. Default: stdout.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Whether step times tell what happened: runs beside their own simulation.
    Simulate(RawSimulate),
    /// A run for other programs: its requests, or all of it.
    Export {
        /// A run's name, the path of its folder, or `last`.
        run: String,
        /// As what.
        #[arg(long, value_enum, value_name = "FORM")]
        format: Form,
        /// Where to. Default: stdout, but for Parquet.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// `mtok runs simulate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mtok bench --trace conv.csv --repeats 3
  mtok runs simulate last --run 20261121-1002 --kv-tokens 64k --max-sequences 64")]
pub(crate) struct RawSimulate {
    /// Runs or ladders: their names, the paths of runs' folders, or `last`. Their prompts are taken
    /// to share nothing.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    /// What the target was.
    #[command(flatten)]
    pub machine: RawMachine,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}

/// What a run can be exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// One document: what ran on what, the summary, each request with the times of its chunks.
    Json,
    /// A request a line, with the times of its chunks.
    Jsonl,
    /// A request a line.
    Csv,
    /// A request a row, with the times of its chunks.
    Parquet,
    /// Latencies as `HdrHistogram`s, in an interval log of its V2 form.
    Hdr,
    /// The benchmark report of llm-d, 0.2.1.
    LlmD,
}

/// `mtok doctor`.
#[derive(Debug, Args)]
pub(crate) struct RawDoctor {
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}
