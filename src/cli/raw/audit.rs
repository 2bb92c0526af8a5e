//! The flags of `mtok audit`.

use super::RawOutput;
use clap::Args;
use std::path::PathBuf;

/// `mtok audit`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mtok audit
  mtok audit claims.toml --json

A list holds one `[[claim]]` or more, each with `id`, `says`, `source`, `date` and `claimed`; one about a
machine has `price` and `rate` (and `load`, `gpus`), one about a bill `workload` and `token_price`.")]
pub(crate) struct RawAudit {
    /// A list of published claims, with what each was worked out from. Default: the list that mtok
    /// ships as an example.
    #[arg(value_name = "CLAIMS.toml")]
    pub claims: Option<PathBuf>,
    /// How results are written.
    #[command(flatten)]
    pub output: RawOutput,
}
