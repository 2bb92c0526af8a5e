//! What can be wrong with metrics.

use crate::hint::{Fault, Hint};
use crate::units::Bytes;

/// Why metrics could not be read. URLs are without user, password and query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// No URL that can be asked.
    #[error("`{url}` is no `http` or `https` URL")]
    Url {
        /// As it was given.
        url: String,
    },
    /// No answer.
    #[error("`{url}` can't be reached: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// Another answer than a page.
    #[error("`{url}` answers with status {status}")]
    Status {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A page beyond reason.
    #[error("`{url}` sends more than {limit}")]
    Long {
        /// Where.
        url: String,
        /// The most that is read.
        limit: Bytes,
    },
    /// A page with nothing on it that we know.
    #[error("`{url}` has no metrics of a server or GPU that is known")]
    Unknown {
        /// Where.
        url: String,
    },
}

impl Hint for ScrapeError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Url { .. } => "write it whole, as in `http://host:8000/metrics`",
                Self::Unreachable { .. } => {
                    "is the server up, and does this machine reach that port?"
                }
                Self::Status { .. } | Self::Unknown { .. } => {
                    "SGLang needs `--enable-metrics`, llama.cpp `--metrics`; \
                     name the page itself where it lies elsewhere"
                }
                Self::Long { .. } => "name the server's own page, not one that collects many",
            }
            .to_owned(),
        )
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Url { .. } => Fault::Usage,
            _ => Fault::Target,
        }
    }
}
