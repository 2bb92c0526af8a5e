//! A recorded run beside its simulation. The run is made by an engine that is written down plainly: the
//! scheduler, driven as the engine's thread drives it, with steps of known times in floating point.

use super::*;
use crate::record::builder::RunBuilder;
use crate::record::{Done, Finish, Moment, Phase, Request, RequestId, Run, Span, Step, Usage};
use crate::schedule::{Arrival, Priority, Scheduler, SeqId, Work};
use crate::units::Ratio;

/// How long a step takes, and how much it errs.
fn lasts(step: &Step, noise: f64) -> f64 {
    let (p, d) = (step.prefill.get(), f64::from(step.decode));
    let a = step.prefill_context.unwrap().get();
    let k = step.context.get() - a;
    let fixed = if p > 0.0 && d > 0.0 { 9e-3 } else { 7e-3 };
    (fixed + 40e-6 * p + 20e-9 * a + 300e-6 * d + 1e-6 * k) * noise
}

/// Serves requests, one step after the other, with 0.1 ms between them. Steps err by up to `error`.
fn record(requests: &[Asked], serving: Serving, error: f64, seed: u64) -> Run {
    let mut dice = Dice(seed << 32);
    let mut scheduler = Scheduler::new(serving.limits(false)).unwrap();
    let moment = |seconds: f64| Moment(0).after(Seconds(seconds));
    let last = requests.last().unwrap().at.0;
    let mut run = RunBuilder::measured(0.0, last * 1e3).build();
    run.phases = vec![(Moment(0), Phase::Measure), (moment(last), Phase::Drain)];
    run.requests = (0..)
        .zip(requests)
        .map(|(id, asked)| Request {
            id: RequestId(id),
            due: moment(asked.at.0),
            sent: moment(asked.at.0),
            from: moment(asked.at.0),
            held: None,
            turn: None,
            prompt: asked.prompt,
            planned: asked.output,
            chunks: Vec::new(),
            counts: Vec::new(),
            done: None,
        })
        .collect();
    let (mut now, mut next) = (0.0_f64, 0);
    loop {
        while next < requests.len() && requests[next].at.0 <= now {
            let asked = &requests[next];
            scheduler
                .arrive(Arrival {
                    id: SeqId(next as u64),
                    prompt: u32::try_from(asked.prompt.0).unwrap(),
                    output_max: u32::try_from(asked.output.0).unwrap(),
                    priority: Priority(0),
                    prefix: Vec::new(),
                })
                .unwrap();
            next += 1;
        }
        let entries = scheduler.step().entries;
        if entries.is_empty() {
            let Some(asked) = requests.get(next) else { break };
            now = asked.at.0;
            continue;
        }
        let mut step = Step {
            span: Span { from: moment(now), to: moment(now) },
            prefill: Tokens(0),
            decode: 0,
            context: Tokens(0),
            prefill_context: Some(Tokens(0)),
            cached_context: None,
        };
        for entry in &entries {
            let context: u64 =
                (entry.start..entry.start + entry.tokens).map(|at| u64::from(at) + 1).sum();
            step.context += Tokens(context);
            match entry.work {
                Work::Prefill => {
                    step.prefill += Tokens(entry.tokens.into());
                    step.prefill_context = step.prefill_context.map(|a| a + Tokens(context));
                }
                Work::Decode => step.decode += 1,
            }
        }
        now += lasts(&step, 1.0 + error * (2.0 * dice.unit() - 1.0));
        step.span.to = moment(now);
        for entry in entries.iter().filter(|entry| entry.samples) {
            let request = &mut run.requests[usize::try_from(entry.id.0).unwrap()];
            request.chunks.push(moment(now));
            if !scheduler.token(entry.id, None) {
                let usage = Usage { output: Some(request.planned), ..Usage::default() };
                request.done = Some(Done { at: moment(now), finish: Finish::Length, usage });
            }
        }
        run.steps.push(step);
        now += 1e-4;
    }
    run.last = moment(now);
    run
}

fn points(replayed: &Replayed) -> impl Iterator<Item = (String, &Point)> {
    replayed.points.iter().map(|point| (format!("{} {}", point.latency, point.percentile), point))
}

/// Without any error in the steps, the fit finds their times and the simulation says what happened.
/// What is left is the gap of 0.1 ms, which is taken as a part of the step before it: a first token of
/// 50 ms comes a gap late.
#[test]
fn a_run_is_what_its_simulation_says() {
    let requests = poisson(6, 1_500, 6.0, 120.0, 24.0);
    let run = record(&requests, serving(), 0.0, 1);
    let profile = Profile::of_run(&run).unwrap();
    assert!((profile.between.0 - 1e-4).abs() < 1e-7, "{:?}", profile.between);
    near(profile.decode.step.0, 7e-3, 1e-3);
    near(profile.mixed.prompt.0, 40e-6, 1e-3);
    let replayed = replay(&profile, serving(), &[&run], |_| Arc::default()).unwrap();
    for (name, point) in points(&replayed) {
        let off = point.off.unwrap().get();
        assert!(off.abs() < 0.01, "{name}: {off}");
    }
    // Steps last a gap longer than they were recorded.
    assert!((1.0..1.02).contains(&replayed.busy[0].get()), "{:?}", replayed.busy);
    assert!(replayed.requests[0] > 1_400);
}

/// Three runs of one plan whose steps err by 10 %: the profile of one of them tells all.
#[test]
fn three_replays_within_a_tenth() {
    let requests = poisson(7, 800, 7.0, 120.0, 24.0);
    let runs: Vec<Run> = (0..3).map(|seed| record(&requests, serving(), 0.1, seed)).collect();
    let profile = Profile::of_run(&runs[0]).unwrap();
    let runs: Vec<&Run> = runs.iter().collect();
    let replayed = replay(&profile, serving(), &runs, |_| Arc::default()).unwrap();
    assert_eq!(replayed.points.len(), 6);
    for (name, point) in points(&replayed) {
        assert_eq!(point.measured.len(), 3);
        assert_eq!(point.holds(Ratio::percent(10.0)), Some(true), "{name}: {point:?}");
    }
}

/// A profile of another machine is seen for what it is.
#[test]
fn a_wrong_profile_is_seen() {
    let requests = poisson(8, 600, 4.0, 120.0, 24.0);
    let run = record(&requests, serving(), 0.0, 1);
    let mut profile = Profile::of_run(&run).unwrap();
    profile.decode.step = profile.decode.step * Ratio::of(1.3);
    let replayed = replay(&profile, serving(), &[&run], |_| Arc::default()).unwrap();
    let (_, tpot) = points(&replayed).find(|(name, _)| name == "tpot p50").unwrap();
    assert_eq!(tpot.holds(Ratio::percent(10.0)), Some(false), "{tpot:?}");
}

#[test]
fn a_run_without_measured_time_is_refused() {
    let run = RunBuilder::new().build();
    let error = replay(&like_8b(), serving(), &[&run], |_| Arc::default()).unwrap_err();
    assert_eq!(error.to_string(), "the run has no measured time");
}
