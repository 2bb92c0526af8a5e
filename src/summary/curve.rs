//! The curves that a report draws of a run's requests: how latencies are spread, and what happened when.
//!
//! Invariant: a curve that is thinned keeps its extremes. A spread keeps its least and its largest
//! sample and every sample of its last ones; a level over time keeps the least and the most of each
//! bin. So the worst that happened can be seen however long the run was. Guarded by the tests below.
//!
//! Deliberately absent: intervals and doubts. A curve is looked at; what is decided rests on
//! [`Summary`](super::Summary).

use super::latency::{due_in, tpot};
use super::tokens::arrivals;
use crate::record::{Moment, Request, Run, Span};
use crate::units::{Estimate, Quantity, Ratio, Seconds, Tokens, TokensPerSecond};

/// Points of a spread between its ends.
const BODY: usize = 240;

/// The largest samples of a spread, which are all kept: a tail is looked at closely.
const TAIL: usize = 60;

/// A point of a spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// A sample.
    pub at_most: Seconds,
    /// The share of all samples that are at most as long.
    pub share: Ratio,
}

/// How the latencies of a run's requests are spread, each in rising order.
///
/// Of the same requests as the summary's latencies: those that were due in the measured time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spreads {
    /// Time to first token.
    pub ttft: Vec<Spread>,
    /// Gaps between tokens after it.
    pub itl: Vec<Spread>,
    /// Time per output token after it.
    pub tpot: Vec<Spread>,
    /// From due (a closed loop: sent) to done.
    pub e2e: Vec<Spread>,
}

impl Spreads {
    /// Of a run; all empty where nothing was measured.
    pub fn of(run: &Run) -> Self {
        let due = due_in(run, run.measured());
        let streamed = || due.iter().filter(|request| request.failure().is_none());
        let ended = || due.iter().filter(|request| request.succeeded());
        Self {
            ttft: spread(streamed().filter_map(|request| request.ttft()).collect()),
            itl: spread(streamed().flat_map(|request| request.gaps()).collect()),
            tpot: spread(ended().filter_map(|request| tpot(request)).collect()),
            e2e: spread(ended().filter_map(|request| request.latency()).collect()),
        }
    }
}

/// The samples in order, each with its share, thinned in the middle.
fn spread(mut samples: Vec<Seconds>) -> Vec<Spread> {
    samples.sort_unstable_by(|a, b| a.get().total_cmp(&b.get()));
    let count = samples.len();
    let body = count.saturating_sub(TAIL);
    let kept = |index: &usize| *index >= body || body <= BODY || is_kept(*index, body);
    let share = |index: usize| Tokens(index as u64 + 1) / Tokens(count as u64);
    (0..count)
        .filter(kept)
        .map(|index| Spread { at_most: samples[index], share: share(index) })
        .collect()
}

/// Whether a rank is one of [`BODY`] that lie evenly among so many, the first among them.
fn is_kept(index: usize, among: usize) -> bool {
    index == 0 || index * BODY / among != (index - 1) * BODY / among
}

/// A time, from a run's beginning on to its last event, cut into as many equal parts.
fn parts(run: &Run, count: usize) -> Vec<Span> {
    let end = run.last.0;
    let count = count.max(1) as u64;
    let border = |index: u64| {
        let nanos = u128::from(end) * u128::from(index) / u128::from(count);
        Moment(u64::try_from(nanos).unwrap_or(end))
    };
    (0..count)
        .map(|index| Span { from: border(index), to: border(index + 1) })
        .filter(|span| span.from < span.to)
        .collect()
}

/// In which of the parts a moment lies; what comes at the very end lies in the last.
fn part_of(parts: &[Span], at: Moment) -> Option<usize> {
    let index = parts.partition_point(|part| part.to <= at);
    (!parts.is_empty()).then(|| index.min(parts.len() - 1))
}

/// The gaps between tokens that ended in a part of the time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GapsThen {
    /// When.
    pub span: Span,
    /// How many there were.
    pub count: u64,
    /// The shortest that half of them are no longer than.
    pub p50: Seconds,
    /// The same of 95 %; `None`: fewer than 20 there were.
    pub p95: Option<Seconds>,
    /// The longest.
    pub most: Seconds,
}

/// Gaps between tokens over the whole run, warm-up and drain included, in so many parts; those in
/// which no gap ended are left out.
pub fn gaps_over_time(run: &Run, count: usize) -> Vec<GapsThen> {
    let parts = parts(run, count);
    let mut gaps: Vec<Vec<Seconds>> = vec![Vec::new(); parts.len()];
    for request in &run.requests {
        for (at, gap) in request.chunks.iter().skip(1).zip(request.gaps()) {
            if let Some(part) = part_of(&parts, *at).and_then(|index| gaps.get_mut(index)) {
                part.push(gap);
            }
        }
    }
    let then = |(span, mut gaps): (Span, Vec<Seconds>)| {
        gaps.sort_unstable_by(|a, b| a.get().total_cmp(&b.get()));
        // The rank, from 1, of the shortest sample with so many percent at most as long.
        let at = |percent: usize| gaps.get((gaps.len() * percent).div_ceil(100).checked_sub(1)?);
        Some(GapsThen {
            span,
            count: gaps.len() as u64,
            p50: *at(50)?,
            p95: at(95).filter(|_| gaps.len() >= 20).copied(),
            most: *gaps.last()?,
        })
    };
    parts.into_iter().zip(gaps).filter_map(then).collect()
}

/// How many requests were in flight in a part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    /// When.
    pub span: Span,
    /// At the least.
    pub least: u32,
    /// At the most.
    pub most: u32,
}

/// Requests in flight over the whole run, in so many parts. What has no end on record is in flight to
/// the last.
pub fn in_flight(run: &Run, count: usize) -> Vec<InFlight> {
    let steps = levels(&run.requests);
    let (mut steps, mut level) = (steps.into_iter().peekable(), 0);
    let then = |span: Span| {
        let (mut least, mut most) = (None, None);
        // A part that begins with a change never has the level before it.
        if steps.peek().is_none_or(|(at, _)| *at > span.from) {
            (least, most) = (Some(level), Some(level));
        }
        while let Some((_, next)) = steps.next_if(|(at, _)| *at < span.to) {
            level = next;
            (least, most) = (least.min(Some(next)).or(Some(next)), most.max(Some(next)));
        }
        InFlight { span, least: least.unwrap_or(level), most: most.unwrap_or(level) }
    };
    parts(run, count).into_iter().map(then).collect()
}

/// How many requests are in flight from each moment on at which that changes. What changes at one
/// moment is one change: a closed loop that sends as another ends is never one above.
fn levels(requests: &[Request]) -> Vec<(Moment, u32)> {
    let mut changes: Vec<(Moment, i64)> = Vec::with_capacity(requests.len() * 2);
    for request in requests {
        changes.push((request.sent, 1));
        changes.extend(request.done.as_ref().map(|done| (done.at, -1)));
    }
    changes.sort_unstable();
    let (mut level, mut levels) = (0_i64, Vec::<(Moment, u32)>::new());
    for (at, change) in changes {
        level += change;
        let now = u32::try_from(level.max(0)).unwrap_or(u32::MAX);
        match levels.last_mut() {
            Some((last, had)) if *last == at => *had = now,
            _ => levels.push((at, now)),
        }
    }
    levels
}

/// Output tokens over the whole run, those of the drain and of failed requests included: how many came
/// in each of so many parts, over the part's length.
pub fn output_over_time(run: &Run, count: usize) -> Vec<(Span, TokensPerSecond)> {
    let parts = parts(run, count);
    let mut came = vec![Tokens(0); parts.len()];
    for arrival in run.requests.iter().flat_map(arrivals) {
        if let Some(part) = part_of(&parts, arrival.at).and_then(|index| came.get_mut(index)) {
            *part += arrival.tokens;
        }
    }
    let rate = |(span, tokens): (Span, Tokens)| (span, tokens / span.length());
    parts.into_iter().zip(came).map(rate).collect()
}

/// How fast one user is written to: one over the time per output token. It has no meaning where that
/// time is nothing.
pub fn interactivity(tpot: Estimate<Seconds>) -> Option<Estimate<TokensPerSecond>> {
    let (low, high) = tpot.interval.unwrap_or((tpot.value, tpot.value));
    let positive = low > Seconds(0.0) && tpot.value > Seconds(0.0) && high > Seconds(0.0);
    positive.then(|| tpot.map(|time| Tokens(1) / time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Finish;
    use crate::record::builder::{RunBuilder, ms, request};
    use crate::summary::summarize;

    fn seconds(count: u64) -> Vec<Seconds> {
        (1..=count).map(|n| Seconds(Tokens(n).get())).collect()
    }

    #[test]
    fn a_short_spread_has_every_sample() {
        let got = spread(vec![Seconds(3.0), Seconds(1.0), Seconds(3.0), Seconds(2.0)]);
        let point = |at: f64, share: f64| Spread { at_most: Seconds(at), share: Ratio::of(share) };
        assert_eq!(got, [point(1.0, 0.25), point(2.0, 0.5), point(3.0, 0.75), point(3.0, 1.0)]);
        assert_eq!(spread(Vec::new()), []);
    }

    /// Of 10,000 samples that are their own ranks: the first, the last 60, and about 240 between.
    #[test]
    fn a_long_spread_keeps_its_ends() {
        let got = spread(seconds(10_000));
        assert_eq!(got.first().unwrap().at_most, Seconds(1.0));
        let tail: Vec<_> = got.iter().rev().take(60).map(|point| point.at_most.0).collect();
        assert_eq!(
            (tail[0].to_bits(), tail[59].to_bits()),
            (10_000_f64.to_bits(), 9_941_f64.to_bits())
        );
        assert!((290..=310).contains(&got.len()), "{}", got.len());
        for point in &got {
            assert!((point.share.get() - point.at_most.0 / 10_000.0).abs() < 1e-12, "{point:?}");
        }
    }

    /// The summary's percentiles and these points are of the same requests.
    #[test]
    fn spreads_are_of_the_requests_that_the_summary_is_of() {
        let run = RunBuilder::measured(100.0, 900.0)
            .request(request(50.0).tokens(3, 10.0).done(Finish::Length))
            .request(request(200.0).tokens(3, 20.0).done(Finish::Length))
            .request(request(300.0).tokens(5, 30.0).done(Finish::Length))
            .request(request(400.0).tokens(2, 40.0))
            .request(request(890.0).tokens(2, 50.0).done(Finish::Length))
            .build();
        let (spreads, summary) = (Spreads::of(&run), summarize(&run));
        let counts = |all: [usize; 4]| all.map(|count| count as u64);
        let Spreads { ttft, itl, tpot, e2e } = &spreads;
        assert_eq!(
            counts([ttft.len(), itl.len(), tpot.len(), e2e.len()]),
            [summary.ttft.count, summary.itl.count, summary.tpot.count, summary.e2e.count],
        );
        assert_eq!(counts([ttft.len(), itl.len(), tpot.len(), e2e.len()]), [4, 8, 3, 3]);
    }

    /// From 0 to 400 ms in four parts of 100 ms.
    fn run() -> Run {
        RunBuilder::measured(0.0, 400.0)
            .request(request(0.0).tokens(4, 30.0).done(Finish::Length))
            .request(request(120.0).tokens(4, 40.0).done(Finish::Length))
            .request(request(250.0).tokens(3, 50.0).done(Finish::Length))
            .build()
    }

    /// Ends at 120, 280 and 400 ms. The second is sent as the first ends.
    #[test]
    fn in_flight_by_hand() {
        let got = in_flight(&run(), 4);
        let bounds: Vec<_> = got.iter().map(|part| (part.least, part.most)).collect();
        assert_eq!(bounds, [(1, 1), (1, 1), (1, 2), (1, 1)]);
        assert_eq!(got[1].span, Span { from: ms(100.0), to: ms(200.0) });
    }

    #[test]
    fn what_never_ends_is_in_flight_to_the_last() {
        let run = RunBuilder::measured(0.0, 100.0)
            .request(request(0.0).token(10.0))
            .request(request(60.0).token(10.0))
            .build();
        let bounds: Vec<_> = in_flight(&run, 2).iter().map(|p| (p.least, p.most)).collect();
        assert_eq!(bounds, [(1, 1), (1, 2)]);
    }

    /// Gaps of 30 ms end at 60, 90, 120; of 40 at 200, 240, 280; of 50 at 350, 400.
    #[test]
    fn gaps_by_hand() {
        let got = gaps_over_time(&run(), 4);
        let millis = |time: Seconds| (time.get() * 1e3).round().to_bits();
        let figures: Vec<_> =
            got.iter().map(|part| (part.count, millis(part.p50), millis(part.most))).collect();
        let want = [(2, 30.0, 30.0), (1, 30.0, 30.0), (3, 40.0, 40.0), (2, 50.0, 50.0)];
        assert_eq!(
            figures,
            want.map(|(n, p50, most): (u64, f64, f64)| (n, p50.to_bits(), most.to_bits()))
        );
        assert!(got.iter().all(|part| part.p95.is_none()));
    }

    #[test]
    fn output_by_hand() {
        let got = output_over_time(&run(), 4);
        // 30, 60, 90 | 120, 160 | 200, 240, 280 | 300, 350, 400.
        let rates: Vec<_> = got.iter().map(|(_, rate)| rate.0.round().to_bits()).collect();
        assert_eq!(rates, [30.0_f64, 20.0, 30.0, 30.0].map(f64::to_bits));
    }

    #[test]
    fn a_run_of_nothing_has_no_curves() {
        let run = RunBuilder::new().build();
        assert_eq!(Spreads::of(&run), Spreads::default());
        assert!(gaps_over_time(&run, 10).is_empty() && in_flight(&run, 10).is_empty());
        assert!(output_over_time(&run, 10).is_empty());
    }

    #[test]
    fn no_time_at_all_is_no_speed() {
        assert_eq!(interactivity(Estimate::bare(Seconds(0.0))), None);
        let got = interactivity(Estimate::within(Seconds(0.05), Seconds(0.01))).unwrap();
        let (low, high) = got.interval.unwrap();
        assert!((got.value.0 - 20.0).abs() < 1e-9);
        assert!((low.0 - 1.0 / 0.06).abs() < 1e-9 && (high.0 - 25.0).abs() < 1e-9);
    }
}
