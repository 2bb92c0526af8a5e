//! What was delivered in time: the requests, and their tokens, that kept to limits of latency.
//!
//! Invariant: goodput is a part of the output rate, taken over the same window, so that it is never
//! more; a request that failed did not keep to anything, and one that was cut off says nothing.
//! Guarded by a hand-worked run below.

use super::interval::ratio_of_totals;
use super::latency::{due_in, tpot};
use super::settle::Window;
use super::steady::Steady;
use super::tokens::{arrivals, output};
use crate::record::{Request, Run};
use crate::units::{Estimate, Seconds, Tokens, TokensPerSecond};
use serde::Serialize;

/// How long one request took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// To its first token, or to its end where it was answered in one piece.
    pub ttft: Seconds,
    /// Per output token after it; `None`: there was none after it, so none was late.
    pub tpot: Option<Seconds>,
    /// From due (a closed loop: sent) to done.
    pub e2e: Seconds,
}

/// What was delivered within limits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Goodput {
    /// Requests due in the measured time that ended, well or not; those that were cut off are left out.
    pub judged: u64,
    /// Those of them that kept to every limit.
    pub met: u64,
    /// Output tokens of requests that kept to every limit, over the steady window. Where none did,
    /// this is a measured zero.
    pub rate: Option<Estimate<TokensPerSecond>>,
}

/// The requests that kept to limits, and their tokens.
pub fn goodput(run: &Run, keeps: &dyn Fn(&Timing) -> bool) -> Option<Goodput> {
    let measured = Window::of(run, run.measured()?).span;
    let met = |request: &Request| timing(request).is_some_and(|timing| keeps(&timing));
    let due = due_in(run, Some(measured));
    let failed = |request: &&&Request| request.failure().is_some();
    let ended = due.iter().filter(|request| request.succeeded()).count();
    let rate = Steady::of(run, measured).and_then(|steady| {
        let mut came: Vec<_> = run.requests.iter().filter(|r| met(r)).flat_map(arrivals).collect();
        came.retain(|arrival| steady.holds(arrival.at));
        came.sort_unstable_by_key(|arrival| arrival.at);
        ratio_of_totals(&steady.stretches(&came), super::round(run))
    });
    Some(Goodput {
        judged: (ended + due.iter().filter(failed).count()) as u64,
        met: due.iter().filter(|request| met(request)).count() as u64,
        rate: rate.map(super::interval::Total::estimate),
    })
}

/// The latencies of a request that ended well.
fn timing(request: &Request) -> Option<Timing> {
    let e2e = request.latency().filter(|_| request.succeeded())?;
    let tpot = tpot(request).filter(|_| output(request) > Tokens(1));
    Some(Timing { ttft: request.ttft().unwrap_or(e2e), tpot, e2e })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::builder::{RunBuilder, request};
    use crate::record::{Failure, FailureKind, Finish};
    use crate::units::Ratio;

    /// Two in flight from 0 to 1 s. Ends at 0.4, 0.5, 0.9 and 1.0 s; one fails, one is cut off.
    fn run() -> Run {
        RunBuilder::measured(0.0, 1_000.0)
            .in_flight(2)
            .request(request(0.0).token(100.0).tokens(3, 100.0).done(Finish::Length))
            .request(request(0.0).token(200.0).tokens(3, 100.0).done(Finish::Length))
            .request(request(400.0).token(300.0).tokens(2, 100.0).done(Finish::Length))
            .request(request(500.0).token(100.0).tokens(4, 100.0).done(Finish::Length))
            .request(
                request(900.0)
                    .tokens(1, 50.0)
                    .done(Finish::Failed(Failure::new(FailureKind::Engine, "out"))),
            )
            .request(request(950.0).tokens(1, 40.0))
            .build()
    }

    #[track_caller]
    fn check(ttft_ms: f64, met: u64, tokens: f64) {
        let limit = Seconds(ttft_ms / 1e3);
        let got = goodput(&run(), &|timing| timing.ttft <= limit).unwrap();
        assert_eq!((got.judged, got.met), (5, met));
        // Steady from 0 to the last that ended well, at 1.0 s.
        assert!((got.rate.unwrap().value.0 - tokens).abs() < 1e-9, "{got:?}");
    }

    #[test]
    fn tokens_of_requests_in_time_count() {
        check(1_000.0, 4, 16.0);
        check(250.0, 3, 13.0);
        check(150.0, 2, 9.0);
        check(50.0, 0, 0.0);
    }

    /// 0.1 s a token after the first; the request of one token has no gap that could be too long.
    #[test]
    fn a_request_of_one_token_is_not_late_between_tokens() {
        let one = request(0.0).token(100.0).done(Finish::Length);
        let two = request(100.0).tokens(2, 100.0).done(Finish::Length);
        let run = RunBuilder::measured(0.0, 400.0).request(one).request(two).build();
        let strict = goodput(&run, &|timing| timing.tpot.is_none_or(|t| t < Seconds(0.1)));
        assert_eq!(strict.unwrap().met, 1);
        let loose = goodput(&run, &|timing| timing.tpot.is_none_or(|t| t <= Seconds(0.1)));
        assert_eq!(loose.unwrap().met, 2);
    }

    #[test]
    fn what_was_not_measured_has_none() {
        assert_eq!(goodput(&RunBuilder::new().build(), &|_| true), None);
        let share = |got: Goodput| Tokens(got.met) / Tokens(got.judged);
        assert_eq!(share(goodput(&run(), &|_| true).unwrap()), Ratio::of(0.8));
    }
}
