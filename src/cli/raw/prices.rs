//! The flags of `mtok prices`, `mtok bill` and `mtok reconcile`.

use super::RawOutput;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Which price book is read.
#[derive(Debug, Clone, Args)]
pub(crate) struct RawBook {
    /// A price book of the form `mtok.prices/1`: a path, or a name under `MTOK_HOME`'s `prices`.
    /// Default: the book inside the program.
    #[arg(long, value_name = "FILE")]
    pub book: Option<PathBuf>,
}

/// Books of others that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BookForm {
    /// `LiteLLM`'s `model_prices_and_context_window.json`.
    #[value(name = "litellm")]
    Litellm,
    /// genai-prices' `data.json`.
    #[value(name = "genai", alias = "genai-prices")]
    Genai,
    /// models.dev's `api.json`.
    #[value(name = "models.dev")]
    ModelsDev,
    /// model-prices' `prices.json`.
    #[value(name = "model-prices")]
    ModelPrices,
    /// `OpenRouter`'s `/api/v1/models`.
    #[value(name = "openrouter")]
    Openrouter,
}

/// `mtok prices`.
#[derive(Debug, Subcommand)]
pub(crate) enum RawPrices {
    /// The models that are sold today and their standard prices, a line each.
    #[command(after_help = "Examples:
  mtok prices list --provider groq
  mtok prices list --open-weights --model llama-3.1-8b")]
    List {
        /// Sold by this provider.
        #[arg(long, value_name = "PROVIDER")]
        provider: Option<String>,
        /// With weights that can be had.
        #[arg(long)]
        open_weights: bool,
        /// With this in its id, name, family or aliases.
        #[arg(long, value_name = "TEXT")]
        model: Option<String>,
        /// The book.
        #[command(flatten)]
        book: RawBook,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// All that the book knows of a model: every price, its source, what it was before.
    #[command(after_help = "Examples:
  mtok prices show groq/llama-3.1-8b-instant
  mtok prices show openai/gpt-6-luna --at 2026-10-11")]
    Show {
        /// An entry, a model, or an alias of one.
        model: String,
        /// The day that is asked for. Default: today, UTC.
        #[arg(long, value_name = "DATE")]
        at: Option<String>,
        /// The book.
        #[command(flatten)]
        book: RawBook,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// Read somebody else's price book, and say what of it was understood.
    #[command(after_help = "Examples:
  mtok prices import model_prices_and_context_window.json
  mtok prices import api.json --form models.dev --out mine.jsonl")]
    Import {
        /// The file.
        file: PathBuf,
        /// Whose book it is. Default: whatever its shape says.
        #[arg(long, value_enum, value_name = "FORM")]
        form: Option<BookForm>,
        /// The day that the file is of. Default: today, UTC.
        #[arg(long, value_name = "DATE")]
        date: Option<String>,
        /// Write a book of it; over a book that is there, it is laid, and no old price is lost.
        #[arg(long, value_name = "BOOK")]
        out: Option<PathBuf>,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// What changed from one book to another, or from one day to another.
    #[command(after_help = "Examples:
  mtok prices diff 2026-10-13 2026-10-14
  mtok prices diff old.jsonl new.jsonl")]
    Diff {
        /// A book's file, or a day of `--book`.
        a: String,
        /// A later one.
        b: String,
        /// The day that files are asked for. Default: today, UTC.
        #[arg(long, value_name = "DATE")]
        at: Option<String>,
        /// The book.
        #[command(flatten)]
        book: RawBook,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// Ask the sources for today's prices, and lay them over the book under `MTOK_HOME`.
    #[command(
        after_help = "Without `--source` LiteLLM, genai-prices, models.dev and OpenRouter are
asked, over HTTPS. Nothing is sent but the name of this program and what it was
told the last time (ETag). The book becomes `prices/book.jsonl` under MTOK_HOME;
`--book book.jsonl` reads it."
    )]
    Update {
        /// An address to ask instead.
        #[arg(long, value_name = "URL")]
        source: Vec<String>,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
}

/// `mtok bill`.
#[derive(Debug, Args)]
#[command(after_help = "Read are JSON lines of OpenAI's usage API, of LiteLLM's spend logs and of
Langfuse's observations.

Examples:
  mtok bill usage.jsonl --model openai/gpt-4o-mini --model groq/llama-3.1-8b-instant
  mtok bill usage.jsonl --model openai/gpt-6-luna --at 2026-10-11
  mtok bill --difference august.jsonl october.jsonl --model openai/gpt-6-luna")]
pub(crate) struct RawBill {
    /// The usage, as JSON lines.
    #[arg(required_unless_present = "difference", conflicts_with = "difference")]
    pub usage: Option<PathBuf>,
    /// Take the difference of two periods' bills apart: prices, volume, cache, mix.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    pub difference: Vec<PathBuf>,
    /// What it is billed on; may stand several times. With `--difference` one, or the old usage's
    /// and the new one's.
    #[arg(long, required = true, value_name = "ENTRY")]
    pub model: Vec<String>,
    /// As if all of it had been asked of this service: `batch`, `flex`, `priority`.
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,
    /// At the tariff of this day. Default: of each request's own time.
    #[arg(long, value_name = "DATE")]
    pub at: Option<String>,
    /// The book.
    #[command(flatten)]
    pub book: RawBook,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}

/// `mtok reconcile`.
#[derive(Debug, Args)]
#[command(
    after_help = "Read are JSON lines of OpenAI's usage and costs, of LiteLLM's spend logs and
of Langfuse's observations. Every line whose amount is not what the book says is
named, with the mistakes that come to that amount.

Example:
  mtok reconcile spend-logs.jsonl --book book.jsonl"
)]
pub(crate) struct RawReconcile {
    /// The invoice or usage export, as JSON lines.
    pub invoice: PathBuf,
    /// The book.
    #[command(flatten)]
    pub book: RawBook,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}
