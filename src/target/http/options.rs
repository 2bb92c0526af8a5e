//! What can be chosen about a server: where it is, how it is asked, and what its software understands.

use crate::secret::{Secret, shown};
use crate::units::{Seconds, Tokens};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Counts the tokens of a text; `None`: it can't.
pub type Recount = Arc<dyn Fn(&str) -> Option<Tokens> + Send + Sync>;

/// Which of a server's endpoints is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Endpoint {
    /// `/chat/completions`: the server's chat template goes around the prompt.
    #[default]
    Chat,
    /// `/completions`: the prompt as it is.
    Completions,
}

impl Endpoint {
    /// Its path below the API's.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
        }
    }
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP/1.1; over TLS HTTP/2, where the server offers it.
    #[default]
    Negotiated,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 from the first byte, without asking.
    Http2,
}

/// How long a server is waited for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// For a connection.
    pub connect: Seconds,
    /// For the first byte of an answer, queue and prefill included.
    pub first: Seconds,
    /// For the next byte, once it answers.
    pub silence: Seconds,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Seconds(10.0), first: Seconds(600.0), silence: Seconds(120.0) }
    }
}

/// What a server's software understands beyond the API. What it doesn't is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one field may be sent")]
pub struct Extras {
    /// `stream_options.include_usage`: tokens are counted at the end of a stream.
    pub include_usage: bool,
    /// `stream_options.continuous_usage_stats`: they are counted in every chunk.
    pub continuous_usage: bool,
    /// `ignore_eos`: outputs of exactly the length that was asked for.
    pub ignore_eos: bool,
    /// `min_tokens`.
    pub min_tokens: bool,
    /// A `prompt` of token ids.
    pub prompt_ids: bool,
    /// `max_completion_tokens` in place of `max_tokens`, in chat.
    pub completion_limit: bool,
    /// `cache_salt`: prompts share a prefix cache only with those of the same salt.
    pub cache_salt: Option<String>,
}

/// How a server is asked.
#[derive(Clone)]
pub struct HttpOptions {
    /// Where it is: `http://127.0.0.1:8000`, `https://host/v1`.
    pub base_url: String,
    /// Which endpoint is asked.
    pub endpoint: Endpoint,
    /// The model; `None`: the only one that the server lists.
    pub model: Option<String>,
    /// Sent as `Authorization: Bearer`.
    pub key: Option<Secret>,
    /// More headers, of each request. Their values are taken for secrets.
    pub headers: Vec<(String, String)>,
    /// Whether answers are to come as they are made. Else they come in one piece, and when their
    /// first token was there is not known.
    pub streaming: bool,
    /// What is spoken.
    pub protocol: Protocol,
    /// Certificates in PEM form that are trusted besides the system's.
    pub certificates: Vec<Vec<u8>>,
    /// How long it is waited for.
    pub patience: Patience,
    /// Threads that send and receive; `None`: one a core, but no more than eight.
    pub workers: Option<NonZeroUsize>,
    /// What may be sent beyond the API; `None`: what the recognised software understands.
    pub extras: Option<Extras>,
    /// Checks the server's counts; the text of answers is kept only for it. It is called at the end
    /// of each request, on the thread that receives: what it takes, chunks of others wait.
    pub recount: Option<Recount>,
}

impl HttpOptions {
    /// A streaming chat with the server there, all else as it is recognised.
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            endpoint: Endpoint::default(),
            model: None,
            key: None,
            headers: Vec::new(),
            streaming: true,
            protocol: Protocol::default(),
            certificates: Vec::new(),
            patience: Patience::default(),
            workers: None,
            extras: None,
            recount: None,
        }
    }
}

/// Without the values of headers and the code of the tokenizer.
impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpOptions")
            .field("base_url", &shown(&self.base_url))
            .field("endpoint", &self.endpoint)
            .field("model", &self.model)
            .field("key", &self.key)
            .field("headers", &headers)
            .field("streaming", &self.streaming)
            .field("protocol", &self.protocol)
            .field("patience", &self.patience)
            .field("workers", &self.workers)
            .field("extras", &self.extras)
            .finish_non_exhaustive()
    }
}
