//! What a server said of itself in a window, purely.
//!
//! Invariant: a counter is only compared with our own count where its readings enclose every request
//! of the run: then both count the same, and any difference is a finding. A counter that fell was
//! begun anew: nothing is computed across it. What no reading holds is `None`.

use super::tokens::output;
use crate::record::reading::ServerReading;
use crate::record::{Moment, Run, Span};
use crate::units::{Quantity, Ratio, Seconds, Tokens};
use serde::Serialize;

/// A process start that moves by more is another start: servers round it to seconds.
const SAME_START: Seconds = Seconds(1.5);

/// What the server said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ServerSummary {
    /// How many times it was read in the window.
    pub readings: u64,
    /// Requests that ran, in the mean of the readings.
    pub running: Option<f64>,
    /// Requests that waited, in the mean of the readings.
    pub waiting: Option<f64>,
    /// The most of the KV cache that was in use.
    pub kv_max: Option<Ratio>,
    /// Which share of the prompt tokens its prefix cache had.
    pub prefix_hits: Option<Ratio>,
    /// How many requests lost their place.
    pub preemptions: Option<u64>,
    /// Prompt tokens of the whole run, by its count and by ours.
    pub prompt_tokens: Option<Compared>,
    /// Output tokens of the whole run, by its count and by ours.
    pub output_tokens: Option<Compared>,
    /// It began anew in the window.
    pub restarted: bool,
}

/// Two counts of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The server's.
    pub server: Tokens,
    /// Ours.
    pub ours: Tokens,
}

impl Compared {
    /// Whether they are equal, to the token.
    pub fn is_exact(self) -> bool {
        self.server == self.ours
    }
}

impl ServerSummary {
    /// What the server said in `window`; `None` where it said nothing.
    pub(super) fn of(run: &Run, window: Span) -> Option<Self> {
        let all: Vec<_> =
            run.readings.iter().filter_map(|read| Some((read.at, read.server?))).collect();
        let inside: Vec<_> =
            all.iter().filter(|(at, _)| window.holds(*at)).map(|(_, read)| *read).collect();
        if inside.is_empty() {
            return None;
        }
        let tokens = |of: fn(&ServerReading) -> Option<Tokens>| {
            rise(&inside, |read| of(read).map(|tokens| tokens.0)).map(Tokens)
        };
        let queried = tokens(|read| read.prefix_queried).filter(|tokens| *tokens > Tokens(0));
        let hit = tokens(|read| read.prefix_hit);
        let whole = enclosing(run, &all);
        let compared = |of: fn(&ServerReading) -> Option<Tokens>, ours: Tokens| {
            let server = rise(whole?, |(_, read)| of(read).map(|tokens| tokens.0))?;
            Some(Compared { server: Tokens(server), ours })
        };
        let answered = || run.requests.iter().filter(|request| request.succeeded());
        Some(Self {
            readings: inside.len() as u64,
            running: mean(inside.iter().filter_map(|read| read.running)),
            waiting: mean(inside.iter().filter_map(|read| read.waiting)),
            kv_max: inside.iter().filter_map(|read| read.kv_used).reduce(
                |a, b| {
                    if a > b { a } else { b }
                },
            ),
            prefix_hits: hit.zip(queried).map(|(hit, queried)| hit / queried),
            preemptions: rise(&inside, |read| read.preemptions),
            prompt_tokens: compared(
                |read| read.prompt_tokens,
                answered().map(|request| request.prompt).sum(),
            ),
            output_tokens: compared(|read| read.output_tokens, answered().map(output).sum()),
            restarted: restarted(&inside),
        })
    }
}

/// The readings, where the first came before any request and the last after all, and all ended well:
/// what a server counts of one that failed it alone knows.
fn enclosing<'a>(
    run: &Run,
    all: &'a [(Moment, ServerReading)],
) -> Option<&'a [(Moment, ServerReading)]> {
    let ((first, _), (last, _)) = (all.first()?, all.last()?);
    let held = |request: &crate::record::Request| {
        let done = request.done.as_ref().is_some_and(|done| done.at <= *last);
        *first <= request.sent && done && request.succeeded()
    };
    run.requests.iter().all(held).then_some(all)
}

/// By how much a counter rose over readings; `None` where fewer than two hold it, or it fell.
fn rise<T>(readings: &[T], of: impl Fn(&T) -> Option<u64>) -> Option<u64> {
    let values: Vec<u64> = readings.iter().filter_map(of).collect();
    let rose = values.windows(2).all(|pair| pair[0] <= pair[1]);
    let (first, last) = (values.first()?, values.last()?);
    (rose && values.len() > 1).then(|| last - first)
}

/// Whether any counter fell, or the start moved.
fn restarted(readings: &[ServerReading]) -> bool {
    let tokens = |tokens: Option<Tokens>| tokens.map(|tokens| tokens.0);
    let counters = |read: &ServerReading| {
        [
            tokens(read.prefix_queried),
            tokens(read.prefix_hit),
            read.preemptions,
            tokens(read.prompt_tokens),
            tokens(read.output_tokens),
            read.requests,
        ]
    };
    let fell = (0..6).any(|which| {
        let values: Vec<_> = readings.iter().filter_map(|read| counters(read)[which]).collect();
        values.windows(2).any(|pair| pair[1] < pair[0])
    });
    let starts: Vec<_> = readings.iter().filter_map(|read| read.started).collect();
    let moved = |pair: &[Seconds]| (pair[1] - pair[0]).get().abs() > SAME_START.get();
    fell || starts.windows(2).any(moved)
}

fn mean(values: impl Iterator<Item = u32>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += f64::from(value);
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Finish;
    use crate::record::builder::{RunBuilder, ms, request};
    use crate::record::reading::Reading;

    fn reading(at: f64, server: ServerReading) -> Reading {
        Reading { at: ms(at), server: Some(server), ..Reading::default() }
    }

    fn counted(output: u64, running: u32) -> ServerReading {
        ServerReading {
            running: Some(running),
            kv_used: Some(Ratio::of(f64::from(running) / 10.0)),
            prefix_queried: Some(Tokens(output * 10)),
            prefix_hit: Some(Tokens(output)),
            output_tokens: Some(Tokens(output)),
            ..ServerReading::default()
        }
    }

    /// Two requests of 3 and 4 tokens; the server had made 100 before.
    fn run(readings: Vec<Reading>) -> Run {
        let mut run = RunBuilder::measured(50.0, 900.0)
            .request(request(100.0).tokens(3, 50.0).done(Finish::Length))
            .request(request(300.0).tokens(4, 50.0).done(Finish::Length))
            .build();
        run.readings = readings;
        run
    }

    fn summary(run: &Run) -> ServerSummary {
        ServerSummary::of(run, run.measured().unwrap()).unwrap()
    }

    /// In the window are 103 and 107 with 2 and 4 running: 4 tokens of 40 looked up were there.
    #[test]
    fn counters_rise_and_gauges_have_means() {
        let run = run(vec![
            reading(10.0, counted(100, 0)),
            reading(280.0, counted(103, 2)),
            reading(600.0, counted(107, 4)),
            reading(950.0, counted(107, 9)),
        ]);
        let got = summary(&run);
        assert_eq!((got.readings, got.running, got.waiting), (2, Some(3.0), None));
        assert_eq!((got.kv_max, got.prefix_hits), (Some(Ratio::of(0.4)), Some(Ratio::of(0.1))));
        assert_eq!(got.output_tokens, Some(Compared { server: Tokens(7), ours: Tokens(7) }));
        assert!(got.output_tokens.unwrap().is_exact() && !got.restarted);
        assert_eq!(got.prompt_tokens, None);
    }

    #[test]
    fn what_was_not_enclosed_is_not_compared() {
        let late = vec![reading(150.0, counted(101, 1)), reading(950.0, counted(107, 0))];
        assert_eq!(summary(&run(late)).output_tokens, None);
        let mut cut = run(vec![reading(60.0, counted(100, 0)), reading(800.0, counted(107, 0))]);
        assert!(summary(&cut).output_tokens.is_some());
        cut.requests[1].done = None;
        assert_eq!(summary(&cut).output_tokens, None);
    }

    #[test]
    fn a_counter_that_fell_began_anew() {
        let run = run(vec![reading(60.0, counted(100, 0)), reading(800.0, counted(4, 0))]);
        let got = summary(&run);
        assert!(got.restarted);
        assert_eq!((got.output_tokens, got.prefix_hits), (None, None));
    }

    #[test]
    fn a_start_that_moved_is_another() {
        let at = |started| ServerReading { started: Some(Seconds(started)), ..Default::default() };
        assert!(!restarted(&[at(1_000.0), at(1_001.0), at(1_000.0)]));
        assert!(restarted(&[at(1_000.0), at(1_009.0)]));
    }
}
