//! How many requests were at the target at a time: from sent to done.
//!
//! Invariant: what is asked of a span costs a search, not a look at every request, so that long runs
//! can be asked for each of theirs. Guarded by a comparison with looking at every request. ([`while_any`]
//! looks at all: it is asked once for a run.)
//!
//! [`while_any`]: Crowd::while_any

use crate::record::{Moment, Run, Span};
use crate::units::{Quantity, Seconds};

/// The number of requests at the target, as steps in time.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// From when on, how many, and the time that all of them spent there before, in seconds.
    steps: Vec<(Moment, u32, f64)>,
}

impl Crowd {
    /// Of a run; a request without an end stayed to the record's.
    pub(crate) fn of(run: &Run) -> Self {
        let mut changes: Vec<(Moment, i8)> = Vec::with_capacity(2 * run.requests.len());
        for request in &run.requests {
            let to = request.done.as_ref().map_or(run.last, |done| done.at);
            changes.extend([(request.sent, 1), (to, -1)]);
        }
        // Who leaves at a moment is gone when another comes at it.
        changes.sort_unstable();
        let mut steps = vec![(Moment::default(), 0_u32, 0.0)];
        for (at, change) in changes {
            let (since, count, spent) = steps[steps.len() - 1];
            let spent = spent + f64::from(count) * at.since(since).get();
            steps.push((at, count.saturating_add_signed(change.into()), spent));
        }
        Self { steps }
    }

    /// The mean number over a span.
    pub(crate) fn mean(&self, span: Span) -> f64 {
        let length = span.length();
        if length <= Seconds(0.0) {
            return f64::from(self.at(span.from).1);
        }
        (self.spent(span.to) - self.spent(span.from)) / length.get()
    }

    /// The mean number over the part of a span in which there was any; `None`: there was none.
    pub(crate) fn while_any(&self, span: Span) -> Option<f64> {
        let ends = self.steps.iter().skip(1).map(|(at, ..)| *at).chain([Moment(u64::MAX)]);
        let empty = self.steps.iter().zip(ends).filter(|((_, count, _), _)| *count == 0);
        let parts = empty.filter_map(|((from, ..), to)| span.overlap(Span { from: *from, to }));
        let empty: Seconds = parts.map(Span::length).sum();
        let busy = span.length().get() - empty.get();
        (busy > 0.0).then(|| (self.spent(span.to) - self.spent(span.from)) / busy)
    }

    /// The largest number within a span, its ends excluded.
    pub(super) fn most(&self, span: Span) -> u32 {
        let from = self.steps.partition_point(|(at, ..)| *at <= span.from);
        let to = self.steps.partition_point(|(at, ..)| *at < span.to).max(from);
        let during = self.steps[from..to].iter().map(|(_, count, _)| *count);
        during.chain([self.at(span.from).1]).max().unwrap_or(0)
    }

    /// The step that holds at a moment.
    fn at(&self, moment: Moment) -> (Moment, u32, f64) {
        let after = self.steps.partition_point(|(at, ..)| *at <= moment);
        self.steps[after.saturating_sub(1)]
    }

    /// The time that all spent there up to a moment, in seconds.
    fn spent(&self, moment: Moment) -> f64 {
        let (since, count, spent) = self.at(moment);
        spent + f64::from(count) * moment.since(since).get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Finish;
    use crate::record::builder::{RunBuilder, ms, request};
    use proptest::prelude::*;

    fn span(from: f64, to: f64) -> Span {
        Span { from: ms(from), to: ms(to) }
    }

    /// Two from 0 to 40 ms, one of them to 100: the other is gone when a third comes at 40.
    #[test]
    fn who_leaves_is_gone_when_another_comes() {
        let one = |due, long| request(due).token(long).done(Finish::Length);
        let run = RunBuilder::measured(0.0, 100.0)
            .request(one(0.0, 100.0))
            .request(one(0.0, 40.0))
            .request(one(40.0, 20.0))
            .build();
        let crowd = Crowd::of(&run);
        let most = |from, to| crowd.most(span(from, to));
        assert_eq!([most(0.0, 100.0), most(0.0, 40.0), most(60.0, 100.0)], [2, 2, 1]);
        assert!((crowd.mean(span(0.0, 100.0)) - 1.6).abs() < 1e-9);
        assert!((crowd.mean(span(50.0, 70.0)) - 1.5).abs() < 1e-9);
        // 160 ms of requests in the 100 ms in which there were any.
        assert!((crowd.mean(span(0.0, 200.0)) - 0.8).abs() < 1e-9);
        assert!((crowd.while_any(span(0.0, 200.0)).unwrap() - 1.6).abs() < 1e-9);
        assert_eq!(crowd.while_any(span(100.0, 200.0)), None);
    }

    proptest! {
        #[test]
        fn it_is_what_a_look_at_every_request_tells(
            stays in proptest::collection::vec((0.0..500.0_f64, 1.0..200.0_f64), 1..40),
            from in 0.0..400.0_f64,
            length in 1.0..300.0_f64,
        ) {
            let run = stays.iter().fold(RunBuilder::measured(0.0, 900.0), |run, (due, long)| {
                run.request(request(*due).token(*long).done(Finish::Length))
            }).build();
            let span = span(from, from + length);
            let told = Crowd::of(&run).mean(span);
            let looked: f64 = run.requests.iter().filter_map(|request| {
                let at = request.done.as_ref()?.at;
                span.overlap(Span { from: request.sent, to: at })
            }).map(|part| part.length().get()).sum::<f64>() / span.length().get();
            prop_assert!((told - looked).abs() < 1e-9, "{told} {looked}");
        }
    }
}
