//! The driver against a target whose every answer is known, on a clock that only it moves.

use super::{Driver, DriverError, Journal};
use crate::clock::{Clock, FakeClock};
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::record::builder::RunBuilder;
use crate::record::{Finish, Moment, Outcome, Phase, RequestId, Run, Span, Step, parse};
use crate::target::{Delivery, Request, Target, TargetError, What};
use crate::units::{Seconds, Tokens};
use crate::workload::{Plan, Planned};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

/// Answers at once, moving the clock by a second a token; its first `bad` requests fail.
struct Scripted {
    clock: Arc<FakeClock>,
    bad: u32,
    served: AtomicU32,
    /// Where requests wait that are never answered, if it is to be silent.
    silent: Option<Mutex<Vec<Waiting>>>,
    /// Told of a step for each token.
    watcher: Mutex<Option<Sender<Step>>>,
}

type Waiting = (RequestId, Sender<Delivery>);

impl Scripted {
    fn new(bad: u32) -> Self {
        let clock = Arc::new(FakeClock::default());
        let served = AtomicU32::new(0);
        Self { clock, bad, served, silent: None, watcher: Mutex::default() }
    }
}

impl Target for Scripted {
    fn submit(&self, request: Request, to: Sender<Delivery>) -> Result<(), TargetError> {
        if let Some(waiting) = &self.silent {
            waiting.lock().unwrap().push((request.id, to));
            return Ok(());
        }
        let deliver = |what| drop(to.send(Delivery { id: request.id, at: self.clock.now(), what }));
        if self.served.fetch_add(1, Ordering::Relaxed) < self.bad {
            let finish = Finish::Failed("out of paper".to_owned());
            deliver(What::Done { finish, prompt: None, output: Tokens(0) });
            return Ok(());
        }
        for _ in 0..request.stop.max_tokens.0 {
            let from = self.clock.now();
            self.clock.advance(Seconds(1.0));
            let span = Span { from, to: self.clock.now() };
            let step = Step {
                span,
                prefill: Tokens(0),
                decode: 1,
                context: Tokens(5),
                prefill_context: None,
                cached_context: None,
            };
            if let Some(to) = self.watcher.lock().unwrap().as_ref() {
                to.send(step).unwrap();
            }
            deliver(What::Token { id: 7, text: None, logprobs: None });
        }
        let output = request.stop.max_tokens;
        deliver(What::Done { finish: Finish::Length, prompt: None, output });
        Ok(())
    }

    fn cancel(&self, id: RequestId) {
        let Some(waiting) = &self.silent else { return };
        for (_, to) in waiting.lock().unwrap().iter().filter(|(one, _)| *one == id) {
            let what = What::Done { finish: Finish::Cancelled, prompt: None, output: Tokens(0) };
            drop(to.send(Delivery { id, at: self.clock.now(), what }));
        }
    }

    fn steps(&self, to: Sender<Step>) {
        *self.watcher.lock().unwrap() = Some(to);
    }

    fn describe(&self) -> String {
        "scripted".to_owned()
    }
}

fn request(planned: Planned) -> Request {
    let prompt = vec![1; usize::try_from(planned.prompt.0).unwrap()];
    Request::new(planned.id, prompt, SamplerParams::GREEDY, StopRules::exactly(planned.output))
}

const PLAN: Plan = Plan {
    in_flight: 1,
    prompt: Tokens(3),
    output: Tokens(4),
    warm_up: Seconds(6.0),
    measure: Seconds(10.0),
    measure_max: Seconds(10.0),
    seed: 0,
};

/// Drives the plan and reads back what was written.
fn drive(target: &Scripted, plan: Plan, stop: bool) -> (Result<Outcome, DriverError>, Run) {
    let folder = tempfile::tempdir().unwrap();
    let mut header = RunBuilder::new().build().header;
    let journal = Journal::create(folder.path(), &mut header).unwrap();
    let driver = Driver {
        plan,
        target,
        clock: target.clock.as_ref(),
        journal: journal.writer(),
        stop: &AtomicBool::new(stop),
        make: &request,
    };
    let result = driver.run(&mut |_| {});
    let files = journal.folder().to_owned();
    journal.close().unwrap();
    let header = fs_err::read_to_string(files.join("run.json")).unwrap();
    let lines = fs_err::read(files.join("journal.jsonl")).unwrap();
    (result, parse(&header, &lines).unwrap())
}

fn seconds(time: u64) -> Moment {
    Moment(time * 1_000_000_000)
}

#[test]
fn phases_change_at_completions_and_every_request_ends() {
    // Requests take 4 s each: the second ends at 8 s, the first past the warm-up's 6. What is
    // measured lasts to 18 s; the request that is then under way ends at 20 s and is kept.
    let (result, run) = drive(&Scripted::new(0), PLAN, false);
    assert_eq!(result.unwrap(), Outcome::Complete);
    assert_eq!(run.phases[0], (seconds(0), Phase::WarmUp));
    assert_eq!(run.phases[1], (seconds(8), Phase::Measure));
    assert_eq!(run.phases[2].1, Phase::Drain);
    assert!(run.phases[2].0 >= seconds(18), "{:?}", run.phases);
    assert!(run.requests.iter().all(|request| request.succeeded() && request.tokens.len() == 4));
    assert!(run.is_complete());
}

/// Requests of 4 s, measured from the second's end at 8 s on. Six have ended at 32 s, when a seventh is
/// sent. Granted 16 s, three have ended at 24 s, and granted the 10 s that it lasts anyhow, two at
/// 20 s; one more is under way each time.
#[test]
fn measuring_goes_on_for_enough_rounds_while_time_is_granted() {
    let measured = |granted| {
        let plan = Plan { measure_max: Seconds(granted), ..PLAN };
        let (result, run) = drive(&Scripted::new(0), plan, false);
        assert_eq!(result.unwrap(), Outcome::Complete);
        let ended = |request: &crate::record::Request| request.done.clone().unwrap().0;
        run.requests.iter().filter(|request| ended(request) > seconds(8)).count()
    };
    assert_eq!([measured(100.0), measured(16.0), measured(10.0)], [7, 4, 3]);
}

#[test]
fn each_step_of_the_engine_is_written_down_once() {
    let (result, run) = drive(&Scripted::new(0), Plan { in_flight: 3, ..PLAN }, false);
    assert_eq!(result.unwrap(), Outcome::Complete);
    let ends: Vec<_> = run.steps.iter().map(|step| step.span.to).collect();
    let mut tokens: Vec<_> = run.requests.iter().flat_map(|one| one.tokens.clone()).collect();
    tokens.sort();
    assert!(ends.len() > 12);
    assert_eq!(ends, tokens);
}

#[test]
fn the_next_request_is_due_when_the_one_before_ended() {
    let (_, run) = drive(&Scripted::new(0), PLAN, false);
    for pair in run.requests.windows(2) {
        let ended = pair[0].done.as_ref().unwrap().0;
        assert_eq!(pair[1].due, ended);
    }
}

#[test]
fn as_many_are_in_flight_as_were_planned() {
    let (result, run) = drive(&Scripted::new(0), Plan { in_flight: 3, ..PLAN }, false);
    assert_eq!(result.unwrap(), Outcome::Complete);
    let due_at_once = run.requests.iter().filter(|request| request.due == seconds(0)).count();
    assert_eq!(due_at_once, 3);
}

#[test]
fn failures_that_are_followed_by_success_are_noted_and_forgiven() {
    let (result, run) = drive(&Scripted::new(2), PLAN, false);
    assert_eq!(result.unwrap(), Outcome::Complete);
    assert_eq!(run.requests.iter().filter(|request| !request.succeeded()).count(), 2);
}

#[test]
fn a_target_that_only_fails_ends_the_run_with_its_own_words() {
    let (result, run) = drive(&Scripted::new(u32::MAX), PLAN, false);
    assert!(result.unwrap_err().to_string().ends_with("out of paper"));
    assert!(
        matches!(run.outcome, Some(Outcome::Failed(reason)) if reason.ends_with("out of paper"))
    );
}

#[test]
fn a_stop_cancels_what_is_in_flight_and_is_written_down() {
    let target = Scripted { silent: Some(Mutex::default()), ..Scripted::new(0) };
    let (result, run) = drive(&target, Plan { in_flight: 2, ..PLAN }, true);
    assert_eq!(result.unwrap(), Outcome::Interrupted);
    assert_eq!(run.outcome, Some(Outcome::Interrupted));
    let cancelled =
        |request: &crate::record::Request| matches!(request.done, Some((_, Finish::Cancelled, _)));
    assert!(run.requests.len() == 2 && run.requests.iter().all(cancelled));
}

#[test]
fn a_record_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = RunBuilder::new().build().header;
    let mut second = first.clone();
    Journal::create(folder.path(), &mut first).unwrap().close().unwrap();
    let journal = Journal::create(folder.path(), &mut second).unwrap();
    assert_eq!(second.id, format!("{}-02", first.id));
    assert!(journal.folder().ends_with(&second.id));
}
