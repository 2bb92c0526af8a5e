//! One request in figures, for exports: a row a request.
//!
//! Invariant: a figure that a request does not have is `None`; those that the summary has too are
//! worked out by the same functions.

use super::latency::tpot;
use super::tokens::output;
use crate::record::Request;
use crate::units::{Seconds, Tokens};
use serde::Serialize;

/// What is derived of one request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RequestFigures {
    /// How late we were ourselves.
    pub slip: Seconds,
    /// From due to the first token.
    pub ttft: Option<Seconds>,
    /// Per output token after the first, by the target's count.
    pub tpot: Option<Seconds>,
    /// From due to done.
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
