//! One request in figures, and rates that only exports have.
//!
//! Invariant: a figure that a request does not have is `None`; those that the summary has too are
//! worked out by the same functions.

use super::Summary;
use super::latency::tpot;
use super::tokens::output;
use crate::record::Request;
use crate::units::{Quantity, RequestsPerSecond, Seconds, Tokens, TokensPerSecond};
use serde::Serialize;

/// What is derived of one request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RequestFigures {
    /// How late we were ourselves.
    pub slip: Seconds,
    /// From due (a closed loop: sent) to the first token.
    pub ttft: Option<Seconds>,
    /// Per output token after the first, by the target's count.
    pub tpot: Option<Seconds>,
    /// From due (a closed loop: sent) to done.
    pub e2e: Option<Seconds>,
    /// Output tokens by the target's count; of a request that did not end well, those seen where they
    /// are more.
    pub output: Tokens,
}

impl RequestFigures {
    /// Of a request.
    pub fn of(request: &Request) -> Self {
        Self {
            slip: request.slip(),
            ttft: request.ttft(),
            tpot: tpot(request),
            e2e: request.latency(),
            output: output(request),
        }
    }
}

/// Prompt tokens delivered over the steady window: of the requests whose first token came in it.
pub fn input_rate(summary: &Summary) -> Option<TokensPerSecond> {
    let length = summary.steady?.length();
    summary.tokens.map(|tokens| tokens.input / length)
}

/// Requests that ended well in the measured time, over it.
pub fn request_rate(summary: &Summary) -> Option<RequestsPerSecond> {
    let length = summary.window?.length();
    let ended = Tokens(summary.requests.completed);
    (length > Seconds(0.0)).then(|| RequestsPerSecond(ended.get() / length.get()))
}
