//! The flags of `mtok tasks`.

use super::{RawEngine, RawOutput, RawServer};
use clap::Args;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// `mtok tasks`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mtok tasks --model smollm2,qwen2.5-coder-0.5b --repeats 5 --price 0.10/h
  mtok tasks --target https://api.example.com/v1 --model some-model --api openai/gpt-6-luna
  mtok tasks --model smollm2 --file my-questions.jsonl --temperature 0.7 --repeats 10
  mtok tasks --from last --price 0.20/h --report tasks.html      what is on record, judged again")]
pub(crate) struct RawTasks {
    /// Who is asked.
    #[command(flatten)]
    pub who: RawRespondents,
    /// What is asked.
    #[command(flatten)]
    pub what: RawQuestions,
    /// What it costs.
    #[command(flatten)]
    pub paid: RawTaskPrices,
    /// A server to ask.
    #[command(flatten)]
    pub server: RawServer,
    /// Where models are run in this process.
    #[command(flatten)]
    pub engine: RawEngine,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}

/// Who is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models")]
pub(crate) struct RawRespondents {
    /// Models by name (`mtok models list`) or by the paths of their files, one after the other; of a
    /// server, its name for them. Default: a small one; of a server, the only one that it has.
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    pub model: Vec<String>,
    /// Questions in flight at once.
    #[arg(long, default_value = "8", value_name = "N")]
    pub concurrency: NonZeroU32,
    /// Tries at a question whose request fails in a way that may pass.
    #[arg(long, default_value = "4", value_name = "N")]
    pub tries: NonZeroU32,
    /// Go on with a record that was broken off: its name, its folder, or `last`.
    #[arg(long, value_name = "RECORD", conflicts_with = "from")]
    pub resume: Option<String>,
    /// Ask nobody: judge what is on record, by its name, its folder, or `last`; again for more.
    #[arg(long, value_name = "RECORD", conflicts_with_all =
        ["model", "target", "families", "file", "limit", "max_output"])]
    pub from: Vec<String>,
}

/// What is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tasks")]
pub(crate) struct RawQuestions {
    /// Families of the suite inside the program: `knowledge`, `mathematics`, `logic`, `arithmetic`,
    /// `copying`, `extraction`, `entailment`, `format`. Default: all; where all models are local and
    /// one is below a billion parameters, all but `mathematics` and `logic`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub families: Vec<String>,
    /// Questions of your own instead: JSON lines (docs/TASKS.md), GSM8K's, or a CSV like MMLU's.
    #[arg(long, value_name = "FILE", conflicts_with = "families")]
    pub file: Option<PathBuf>,
    /// At most so many problems of each family, each with its variant; of a file, so many.
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroU32>,
    /// At most so many output tokens of each answer, reasoning included, whatever a task allows.
    #[arg(long, value_name = "N")]
    pub max_output: Option<NonZeroU32>,
    /// How often each is asked.
    #[arg(long, default_value = "1", value_name = "N")]
    pub repeats: NonZeroU32,
    /// How freely tokens are chosen; at 0 the likeliest each time.
    #[arg(long, default_value_t = 0.0, value_name = "T")]
    pub temperature: f64,
    /// What problems, and the choice of tokens, are drawn from.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
}

/// What it costs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Prices")]
pub(crate) struct RawTaskPrices {
    /// What the machine rents for: `2.50/h`. Its tokens then cost what the hour costs, by the time
    /// that the questions took. Default: on a CPU, an example. Beside `--api`, of no use.
    #[arg(long, value_name = "USD/h", env = "MTOK_PRICE")]
    pub price: Option<String>,
    /// Of the hour, the share that is put to use: `30%`.
    #[arg(long, default_value = "100%", value_name = "SHARE")]
    pub load: String,
    /// What an API charges: an entry of the price book for each model, in their order; one for all.
    #[arg(long, value_name = "ENTRIES", value_delimiter = ',')]
    pub api: Vec<String>,
    /// The models whose fewest tokens are the measure of all. Default: all of them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub reference: Vec<String>,
    /// Write the result as one HTML page, with plots, that needs no network.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}
