//! What can go wrong before a server is asked for tokens.

use super::options::Endpoint;
use crate::hint::{Fault, Hint};

/// Why a server can't be measured.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address can't be read.
    #[error("`{address}` is no address of a server: {reason}")]
    Address {
        /// The address, without credentials.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A header can't be sent.
    #[error("header `{0}` can't be sent: it holds what a header may not")]
    Header(String),
    /// The key can't be sent.
    #[error("the key can't be sent: it holds what a header may not")]
    Key,
    /// A certificate can't be read.
    #[error("the certificate can't be read: {0}")]
    Certificate(String),
    /// The client can't be made.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
    /// The system gives no thread.
    #[error("the client's thread can't be started: {0}")]
    Thread(std::io::Error),
    /// The server doesn't answer.
    #[error("`{url}` can't be reached: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The server answers with an error.
    #[error("`{url}` answered with status {status}: {reason}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        reason: String,
    },
    /// The server's answer makes no sense.
    #[error("`{url}` gave an answer that is none of this API: {reason}")]
    Malformed {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server serves no model.
    #[error("`{url}` lists no model")]
    NoModel {
        /// What was asked for.
        url: String,
    },
    /// The server serves several models.
    #[error("`{url}` lists {} models: `{}`", models.len(), models.join("`, `"))]
    SeveralModels {
        /// What was asked for.
        url: String,
        /// Their names.
        models: Vec<String>,
    },
    /// This can't be said in the API.
    #[error("{what} can't be sent to `{}`", endpoint.path())]
    Unsupported {
        /// What.
        what: &'static str,
        /// The endpoint.
        endpoint: Endpoint,
    },
    /// The server doesn't count tokens.
    #[error("`{url}` doesn't say how many tokens a prompt has")]
    NoUsage {
        /// What was asked for.
        url: String,
    },
    /// Two prompts of different lengths had the same number of tokens.
    #[error(
        "`{url}` counts {long} tokens in a prompt of {long_chars} characters and {short} in one of {short_chars}"
    )]
    NoLength {
        /// What was asked for.
        url: String,
        /// Tokens of the longer one.
        long: u64,
        /// Its length.
        long_chars: usize,
        /// Tokens of the shorter one.
        short: u64,
        /// Its length.
        short_chars: usize,
    },
}

impl Hint for HttpError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Address { .. } => "give it like `http://127.0.0.1:8000` or `https://host/v1`",
            Self::Certificate(_) => "give a file in PEM form",
            Self::Unreachable { .. } => "see that the server runs and has loaded its model",
            Self::Status { status: 401 | 403, .. } => "see that the key is set and right",
            Self::Status { status: 404, .. } => {
                "see that the address is that of an OpenAI-compatible API, and name the model"
            }
            Self::Malformed { .. } => "see that the address is that of an OpenAI-compatible API",
            Self::NoModel { .. } | Self::SeveralModels { .. } => "name the model to ask for",
            Self::Unsupported { endpoint: Endpoint::Completions, .. } => {
                "choose the chat endpoint, or prompts of text"
            }
            Self::Unsupported { endpoint: Endpoint::Chat, .. } => {
                "choose the completions endpoint, or prompts of text"
            }
            Self::NoUsage { .. } | Self::NoLength { .. } => {
                "without the server's counts prompts can't be made to a stated length"
            }
            Self::Header(_)
            | Self::Key
            | Self::Client(_)
            | Self::Thread(_)
            | Self::Status { .. } => {
                return None;
            }
        };
        Some(hint.to_owned())
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Address { .. }
            | Self::Header(_)
            | Self::Key
            | Self::Certificate(_)
            | Self::SeveralModels { .. }
            | Self::Unsupported { .. } => Fault::Usage,
            Self::Client(_) | Self::Thread(_) => Fault::Environment,
            Self::Unreachable { .. }
            | Self::Status { .. }
            | Self::Malformed { .. }
            | Self::NoModel { .. }
            | Self::NoUsage { .. }
            | Self::NoLength { .. } => Fault::Target,
        }
    }
}
