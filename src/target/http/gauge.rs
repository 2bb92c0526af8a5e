//! How long a text is in a server's tokens, by the server's own count.

use super::Http;
use super::error::HttpError;
use super::options::Endpoint;
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::record::RequestId;
use crate::target::{Prompt, Request};
use crate::units::Tokens;
use serde::Deserialize;

/// How text becomes tokens on a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gauge {
    /// Characters of text to a token.
    pub chars_per_token: f64,
    /// Tokens that every prompt has besides: of the chat template, and those that begin a text.
    pub overhead: Tokens,
}

impl Gauge {
    /// From two prompts of so many characters and tokens; `None`: they don't differ as they should.
    fn of((few, short): (usize, Tokens), (many, long): (usize, Tokens)) -> Option<Self> {
        let chars = many.checked_sub(few).filter(|&chars| chars > 0)?;
        let tokens = long.0.checked_sub(short.0).filter(|&tokens| tokens > 0)?;
        let chars_per_token = Tokens(chars as u64).get() / Tokens(tokens).get();
        let text = Tokens(few as u64).scaled(1.0 / chars_per_token);
        Some(Self { chars_per_token, overhead: Tokens(short.0.saturating_sub(text.0)) })
    }
}

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
    /// Sends the first quarter of a text and all of it, for one token of output each, and takes the
    /// server's counts of their tokens. The longer the text, the finer the gauge; a few thousand
    /// characters of the kind that will be sent are enough.
    ///
    /// # Errors
    /// Where the server fails, or doesn't count.
    pub fn gauge(&self, sample: &str) -> Result<Gauge, HttpError> {
        let chars = sample.chars().count();
        let short: String = sample.chars().take(chars / 4).collect();
        let url = self.shown(self.form.endpoint.path());
        let (few, many) = (chars / 4, chars);
        let (short, long) = (self.prompt_tokens(&short)?, self.prompt_tokens(sample)?);
        Gauge::of((few, short), (many, long)).ok_or(HttpError::NoLength {
            url,
            long: long.0,
            long_chars: many,
            short: short.0,
            short_chars: few,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(short: (usize, u64), long: (usize, u64), want: Option<(f64, u64)>) {
        let got = Gauge::of((short.0, Tokens(short.1)), (long.0, Tokens(long.1)));
        let got = got.map(|gauge| (gauge.chars_per_token, gauge.overhead.0));
        assert_eq!(got, want, "{short:?}, {long:?}");
    }

    #[test]
    fn two_prompts_tell_length_and_overhead() {
        // 4 characters a token and 11 tokens besides.
        check((400, 111), (1_600, 411), Some((4.0, 11)));
        check((400, 100), (1_600, 400), Some((4.0, 0)));
        // A short text of longer words than the rest: no negative overhead.
        check((400, 90), (1_600, 390), Some((4.0, 0)));
        check((400, 100), (1_600, 100), None);
        check((400, 100), (1_600, 90), None);
        check((400, 100), (400, 100), None);
    }
}
