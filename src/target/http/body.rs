//! The body of a request: made once, before it is sent.

use super::error::HttpError;
use super::options::{Endpoint, Extras};
use crate::target::{Prompt, Request};
use crate::workload::Message;
use serde::Serialize;

/// What all requests of a run have in common.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) endpoint: Endpoint,
    pub(super) model: String,
    pub(super) streaming: bool,
    pub(super) extras: Extras,
}

/// A seed that every server takes: some read 32 bits with a sign.
const SEED_MASK: u64 = 0x7fff_ffff;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Messages<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<Plain<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_eos: Option<bool>,
    temperature: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_token_ids: &'a [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_salt: Option<&'a str>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Messages<'a> {
    Many(&'a [Message]),
    One([User<'a>; 1]),
}

#[derive(Serialize)]
struct User<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Plain<'a> {
    Text(&'a str),
    Ids(&'a [u32]),
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continuous_usage_stats: bool,
}

impl Form {
    /// The body of this request.
    ///
    /// # Errors
    /// Where the API has no words for it.
    pub(super) fn body(&self, request: &Request) -> Result<Vec<u8>, HttpError> {
        let Self { endpoint, extras, .. } = self;
        let unsupported = |what| Err(HttpError::Unsupported { what, endpoint: *endpoint });
        if request.logprobs.is_some() {
            return unsupported("a wish for logprobs");
        }
        let (messages, prompt) = match (&request.prompt, endpoint) {
            (Prompt::Text(text), Endpoint::Chat) => {
                (Some(Messages::One([User { role: "user", content: text }])), None)
            }
            (Prompt::Messages(messages), Endpoint::Chat) => (Some(Messages::Many(messages)), None),
            (Prompt::Text(text), Endpoint::Completions) => (None, Some(Plain::Text(text))),
            (Prompt::Ids(ids), Endpoint::Completions) if extras.prompt_ids => {
                (None, Some(Plain::Ids(ids)))
            }
            (Prompt::Ids(_), _) => return unsupported("a prompt of token ids"),
            (Prompt::Messages(_), Endpoint::Completions) => return unsupported("a conversation"),
        };
        let stop = &request.stop;
        let exact = stop.ignore_eos;
        // A server that can't pass over the end may still hold it off.
        let min = if exact && !extras.ignore_eos && extras.min_tokens {
            stop.max_tokens.0
        } else {
            stop.min_tokens.0
        };
        if min > 0 && !extras.min_tokens {
            return unsupported("a least number of tokens");
        }
        let limit = Some(stop.max_tokens.0);
        let other = extras.completion_limit && *endpoint == Endpoint::Chat;
        let sampling = &request.sampling;
        let greedy = sampling.temperature <= 0.0;
        let body = Body {
            model: &self.model,
            messages,
            prompt,
            max_tokens: limit.filter(|_| !other),
            max_completion_tokens: limit.filter(|_| other),
            min_tokens: Some(min).filter(|&min| min > 0),
            ignore_eos: (exact && extras.ignore_eos).then_some(true),
            temperature: sampling.temperature,
            top_k: sampling.top_k.map(u32::from),
            top_p: sampling.top_p,
            min_p: sampling.min_p,
            seed: (!greedy).then_some(sampling.seed & SEED_MASK),
            stop: &stop.strings,
            stop_token_ids: &stop.tokens,
            cache_salt: extras.cache_salt.as_deref(),
            stream: self.streaming,
            stream_options: (self.streaming && extras.include_usage).then_some(StreamOptions {
                include_usage: true,
                continuous_usage_stats: extras.continuous_usage,
            }),
        };
        serde_json::to_vec(&body).map_err(|error| HttpError::Client(error.to_string()))
    }
}
