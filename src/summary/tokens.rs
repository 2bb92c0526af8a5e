//! Which tokens came when, and which of them were of use to anybody.
//!
//! Invariant: tokens are the target's count. Where it says how many each chunk holds, they came as it
//! says. Where it counts others than were seen to come (several in a chunk, and it doesn't say which),
//! its count is spread over the moments that were seen, in whole tokens that add up to it. Guarded by
//! a table below; the difference is a doubt.

use super::steady::Steady;
use crate::record::{Done, Finish, Moment, Request, Run};
use crate::units::{Ratio, Tokens};
use serde::Serialize;

/// Tokens that came at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// When.
    pub(super) at: Moment,
    /// How many.
    pub(super) tokens: Tokens,
}

/// The tokens of the steady window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TokenCounts {
    /// Prompt tokens of the requests whose first token came in the window, and was delivered.
    pub input: Tokens,
    /// Output tokens that came in the window and were delivered.
    pub output: Tokens,
    /// Output tokens that came in the window for requests that failed or were given up in it: paid
    /// for, and of use to nobody.
    pub wasted: Tokens,
}

impl TokenCounts {
    /// Input tokens for each output token: the mix at which an API's prices are blended.
    pub fn mix(&self) -> Option<Ratio> {
        (self.output > Tokens(0)).then(|| self.input / self.output)
    }
}

/// What came in the steady window, each in the order of time.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) input: Vec<Arrival>,
    pub(super) output: Vec<Arrival>,
    pub(super) wasted: Tokens,
}

impl Delivered {
    /// Sorts a run's tokens into delivered and wasted.
    pub(super) fn of(run: &Run, steady: &Steady) -> Self {
        let (mut input, mut output, mut wasted) = (Vec::new(), Vec::new(), Tokens(0));
        for request in &run.requests {
            let came = arrivals(request).filter(|arrival| steady.holds(arrival.at));
            if is_waste(request, steady.span().to) {
                wasted += came.map(|arrival| arrival.tokens).sum();
                continue;
            }
            output.extend(came);
            let prompt = first(request).map(|at| Arrival { at, tokens: request.prompt });
            input.extend(prompt.filter(|arrival| steady.holds(arrival.at)));
        }
        input.sort_unstable_by_key(|arrival| arrival.at);
        output.sort_unstable_by_key(|arrival| arrival.at);
        Self { input, output, wasted }
    }

    /// How many they are.
    pub(super) fn counts(&self) -> TokenCounts {
        let total = |arrivals: &[Arrival]| arrivals.iter().map(|arrival| arrival.tokens).sum();
        TokenCounts { input: total(&self.input), output: total(&self.output), wasted: self.wasted }
    }
}

/// Whether the target said how many tokens each chunk holds.
pub(super) fn tells_chunks(request: &Request) -> bool {
    !request.counts.is_empty() && request.counts.len() == request.chunks.len()
}

/// Tokens that were seen to come: as many as the chunks hold by the target's word, else one a chunk.
pub(super) fn seen(request: &Request) -> Tokens {
    if tells_chunks(request) {
        Tokens(request.counts.iter().map(|count| u64::from(*count)).sum())
    } else {
        Tokens(request.chunks.len() as u64)
    }
}

/// Output tokens by the target's count. One that did not end well may have none: then what was seen.
pub(super) fn output(request: &Request) -> Tokens {
    let seen = seen(request);
    let counted = request.done.as_ref().and_then(|done| done.usage.output).unwrap_or(seen);
    if request.succeeded() { counted } else { seen.max(counted) }
}

/// Whether a request's tokens are lost: it failed, or was given up by `until`. One that was given up
/// later was still being served then; that we stop a run is no fault of what is measured.
pub(super) fn is_waste(request: &Request, until: Moment) -> bool {
    let Some(Done { at, finish, .. }) = &request.done else { return false };
    match finish {
        Finish::Failed(_) => true,
        Finish::Cancelled => *at <= until,
        Finish::Length | Finish::Stop => false,
    }
}

/// When a request's first token came; one that is answered in one piece has it at its end.
pub(super) fn first(request: &Request) -> Option<Moment> {
    request.chunks.first().copied().or(request.done.as_ref().map(|done| done.at))
}

/// When a request's tokens came, by the target's count.
pub(super) fn arrivals(request: &Request) -> impl Iterator<Item = Arrival> + '_ {
    let (count, seen) = (output(request).0, request.chunks.len() as u64);
    let told = tells_chunks(request) && self::seen(request).0 == count;
    // After `index` moments, this many tokens have come: rounded down, and all after the last.
    let by = move |index: u64| match seen {
        0 => 0,
        _ => {
            u64::try_from(u128::from(index) * u128::from(count) / u128::from(seen)).unwrap_or(count)
        }
    };
    let streamed = request.chunks.iter().zip(0_u64..).map(move |(at, index)| {
        let said = usize::try_from(index).ok().and_then(|index| request.counts.get(index));
        let tokens = match said.filter(|_| told) {
            Some(said) => u64::from(*said),
            None => by(index + 1) - by(index),
        };
        Arrival { at: *at, tokens: Tokens(tokens) }
    });
    let whole = request.done.as_ref().filter(|_| seen == 0).map(|done| done.at);
    streamed.chain(whole.map(|at| Arrival { at, tokens: Tokens(count) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::builder::{RunBuilder, ms, request};

    #[track_caller]
    fn check(seen: usize, counted: u64, want: &[u64]) {
        let request = request(0.0).tokens(seen, 10.0).counted(Finish::Length, counted);
        let run = RunBuilder::new().request(request).build();
        let got: Vec<_> = arrivals(&run.requests[0]).map(|arrival| arrival.tokens.0).collect();
        assert_eq!(got, want, "{counted} tokens in {seen} chunks");
        assert_eq!(got.iter().sum::<u64>(), counted);
    }

    #[test]
    fn the_targets_count_is_spread_over_what_was_seen() {
        check(3, 3, &[1, 1, 1]);
        check(2, 5, &[2, 3]);
        check(4, 3, &[0, 1, 1, 1]);
        check(1, 7, &[7]);
        check(0, 7, &[7]);
        check(3, 0, &[0, 0, 0]);
    }

    /// 1, 4 and 2 tokens as the target says; spread evenly they would be 2, 2 and 3. Counts that don't
    /// add up to its own total (7 of 8) tell nothing.
    #[test]
    fn chunks_hold_what_the_target_says() {
        let request = request(0.0).tokens(3, 10.0).counted(Finish::Length, 7);
        let said = |request: &Request| arrivals(request).map(|a| a.tokens.0).collect::<Vec<_>>();
        let mut plain = RunBuilder::new().request(request).build();
        assert_eq!(said(&plain.requests[0]), [2, 2, 3]);
        plain.requests[0].counts = vec![1, 4, 2];
        assert_eq!(said(&plain.requests[0]), [1, 4, 2]);
        plain.requests[0].done.as_mut().unwrap().usage.output = Some(Tokens(8));
        assert_eq!(said(&plain.requests[0]), [2, 3, 3]);
    }

    #[test]
    fn an_answer_in_one_piece_comes_at_its_end() {
        let request = request(5.0).slip(1.0).counted(Finish::Length, 7);
        let run = RunBuilder::new().request(request).build();
        let got: Vec<_> = arrivals(&run.requests[0]).collect();
        assert_eq!(got, [Arrival { at: ms(6.0), tokens: Tokens(7) }]);
    }
}
