//! The flags of `mtok gpus`.

use super::RawOutput;
use clap::Subcommand;

/// `mtok gpus`.
#[derive(Debug, Subcommand)]
pub(crate) enum RawGpus {
    /// Every GPU whose specification sheet is known, and what one rents for.
    List {
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// A GPU's specification sheet, and what it rents for by provider.
    Show {
        /// Its name: `h100-sxm`, `4090`, or what its driver calls it.
        gpu: String,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
    /// What GPUs rent for: the range and the middle over all offers, by kind.
    Prices {
        /// One GPU's only, and by provider.
        gpu: Option<String>,
        /// How results are written.
        #[command(flatten)]
        output: RawOutput,
    },
}
