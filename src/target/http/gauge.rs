//! How long a text is in a server's tokens, by the server's own count.

use super::Http;
use super::error::HttpError;
use super::options::Endpoint;
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::record::RequestId;
use crate::target::{Prompt, Request};
use crate::units::Tokens;
use crate::workload::Gauge;
use serde::Deserialize;

/// What of an answer matters here.
#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

impl Http {
    /// Sends two texts, for one token of output each, and takes the server's counts of their tokens.
    /// The longer the longer one, the finer the gauge; a few thousand characters of the kind that will
    /// be sent are enough.
    ///
    /// # Errors
    /// Where the server fails, or doesn't count.
    pub fn gauge(&self, short: &str, long: &str) -> Result<Gauge, HttpError> {
        let (few, many) = (self.prompt_tokens(short)?, self.prompt_tokens(long)?);
        Gauge::fit((short, few), (long, many)).ok_or_else(|| HttpError::NoLength {
            url: self.shown(self.form.endpoint.path()),
            long: many.0,
            long_chars: long.chars().count(),
            short: few.0,
            short_chars: short.chars().count(),
        })
    }

    /// How many tokens a prompt of this text has, by the server.
    fn prompt_tokens(&self, text: &str) -> Result<Tokens, HttpError> {
        let request = Request::of(
            RequestId(0),
            Prompt::Text(text.to_owned()),
            Tokens(0),
            SamplerParams::GREEDY,
            StopRules::at_most(Tokens(1)),
        );
        let form = super::body::Form {
            streaming: false,
            model: self.form.model.clone(),
            extras: self.form.extras.clone(),
            endpoint: self.form.endpoint,
        };
        let path = match self.form.endpoint {
            Endpoint::Chat => Endpoint::Chat.path(),
            Endpoint::Completions => Endpoint::Completions.path(),
        };
        let reply = self.post(path, form.body(&request)?)?;
        let url = self.shown(path);
        let counted: Counted = serde_json::from_slice(&reply.body).map_err(|error| {
            HttpError::Malformed { url: url.clone(), reason: error.to_string() }
        })?;
        let tokens = counted.usage.and_then(|usage| usage.prompt_tokens);
        tokens.map(Tokens).ok_or(HttpError::NoUsage { url })
    }
}
