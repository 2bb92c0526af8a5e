//! The driver against a target whose every answer is known, on a clock that only jumps: what is due in
//! the future is there at once, so that a run is a simulation.

mod open;
mod scripted;
mod talk;

use super::{Driver, DriverError, Journal};
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::load::{Answer, Past};
use crate::record::builder::RunBuilder;
use crate::record::{Arrivals, Finish, Lengths, Moment, Outcome, Phase, Request, Run, parse};
use crate::target::{Prompt, Request as Asked};
use crate::units::{Seconds, Tokens};
use crate::workload::{Content, Mix, Plan, Turn};
use scripted::Scripted;
use std::sync::atomic::AtomicBool;

/// Prompts of 3 tokens, and so much output.
fn of_output(output: u64) -> Content {
    let fixed = |tokens| Lengths::Fixed { tokens: Tokens(tokens) };
    Content::Mix(Mix::plain(fixed(3), fixed(output)))
}

fn plan(arrivals: Arrivals) -> Plan {
    Plan {
        name: None,
        arrivals,
        cap: None,
        content: of_output(4),
        warm_up: Seconds(6.0),
        measure: Seconds(10.0),
        measure_max: Seconds(10.0),
        seed: 0,
    }
}

fn closed(in_flight: u32) -> Plan {
    plan(Arrivals::Closed { in_flight })
}

/// A token's worth of prompt for each that is planned, after what was said before.
fn make(turn: &Turn, past: Option<Past>) -> Asked {
    let mut ids = match past {
        Some(Past { prompt: Prompt::Ids(ids), answer: Answer::Ids(answer) }) => {
            [ids, answer].concat()
        }
        _ => Vec::new(),
    };
    ids.extend(std::iter::repeat_n(1, usize::try_from(turn.prompt.0).unwrap()));
    Asked::new(turn.id, ids, SamplerParams::GREEDY, StopRules::exactly(turn.output))
}

/// What a run is driven with, besides plan and target.
#[derive(Default)]
struct How {
    stop: bool,
    backlog_max: Option<usize>,
}

/// Drives the plan and reads back what was written.
fn drive_how(target: &Scripted, plan: &Plan, how: &How) -> (Result<Outcome, DriverError>, Run) {
    let folder = tempfile::tempdir().unwrap();
    let mut header = RunBuilder::new().build().header;
    header.workload.arrivals = plan.arrivals;
    let journal = Journal::create(folder.path(), &mut header).unwrap();
    let enough = usize::try_from(plan.enough()).unwrap();
    let driver = Driver {
        plan,
        target,
        clock: target,
        journal: journal.writer(),
        stop: &AtomicBool::new(how.stop),
        make: &make,
        enough: &|ended| ended.len() >= enough,
        backlog_max: how.backlog_max,
    };
    let result = driver.run(&mut |_| {});
    let files = journal.folder().to_owned();
    journal.close().unwrap();
    let header = fs_err::read_to_string(files.join("run.json")).unwrap();
    let lines = fs_err::read(files.join("journal.jsonl")).unwrap();
    (result, parse(&header, &lines).unwrap())
}

/// A run that comes to its end.
#[track_caller]
fn drive(target: &Scripted, plan: &Plan) -> Run {
    let (result, run) = drive_how(target, plan, &How::default());
    assert_eq!(result.unwrap(), Outcome::Complete);
    assert!(run.is_complete());
    run
}

fn seconds(time: f64) -> Moment {
    Moment(0).after(Seconds(time))
}

fn ended(request: &Request) -> Moment {
    request.done.as_ref().unwrap().at
}

#[test]
fn phases_change_at_completions_and_every_request_ends() {
    // Requests take 4 s each: the second ends at 8 s, the first past the warm-up's 6. What is
    // measured lasts to 18 s; the request that is then under way ends at 20 s. It was due in the
    // measured time, so another is sent beside it, as load, and kept.
    let run = drive(&Scripted::new(), &closed(1));
    assert_eq!(run.phases[0], (seconds(0.0), Phase::WarmUp));
    assert_eq!(run.phases[1], (seconds(8.0), Phase::Measure));
    let names: Vec<_> = run.phases.iter().map(|(_, phase)| *phase).collect();
    assert_eq!(names, [Phase::WarmUp, Phase::Measure, Phase::CoolDown, Phase::Drain]);
    assert!(run.phases[2].0 >= seconds(18.0), "{:?}", run.phases);
    assert!(run.requests.iter().all(|request| request.succeeded() && request.chunks.len() == 4));
}

/// With two in flight, the one that is due in the measured time and ends after it is never alone.
#[test]
fn what_is_measured_is_under_load_to_its_end() {
    let run = drive(&Scripted::new().taking(2.6), &closed(2));
    let measured = run.measured().unwrap();
    let late: Vec<_> = run
        .requests
        .iter()
        .filter(|request| measured.holds(request.due) && ended(request) > measured.to)
        .collect();
    assert!(!late.is_empty());
    for request in late {
        let beside = |at: Moment| {
            run.requests.iter().filter(|other| other.sent <= at && at <= ended(other)).count()
        };
        assert!(beside(ended(request)) >= 2);
    }
}

/// Requests of 4 s, measured from the second's end at 8 s on. Six have ended at 32 s; granted 16 s, four
/// have at 24 s; granted the 10 s that it lasts anyhow, two have at 16 s.
#[test]
fn measuring_goes_on_for_enough_rounds_while_time_is_granted() {
    let measured = |granted| {
        let run = drive(&Scripted::new(), &Plan { measure_max: Seconds(granted), ..closed(1) });
        let span = run.measured().unwrap();
        run.requests.iter().filter(|one| span.from < ended(one) && ended(one) <= span.to).count()
    };
    assert_eq!([measured(100.0), measured(16.0), measured(10.0)], [6, 4, 2]);
}

#[test]
fn each_step_of_the_engine_is_written_down_once() {
    let run = drive(&Scripted::new(), &closed(3));
    let mut ends: Vec<_> = run.steps.iter().map(|step| step.span.to).collect();
    let mut tokens: Vec<_> = run.requests.iter().flat_map(|one| one.chunks.clone()).collect();
    ends.sort();
    tokens.sort();
    assert!(ends.len() > 12);
    assert_eq!(ends, tokens);
}

#[test]
fn the_next_request_is_due_when_the_one_before_ended() {
    let run = drive(&Scripted::new(), &closed(1));
    for pair in run.requests.windows(2) {
        assert_eq!(pair[1].due, ended(&pair[0]));
        assert_eq!((pair[1].slip(), pair[1].held), (Seconds(0.0), None));
    }
}

#[test]
fn as_many_are_in_flight_as_were_planned() {
    let run = drive(&Scripted::new(), &closed(3));
    // A millisecond apart, so that they don't stay in step.
    let first: Vec<_> = run.requests.iter().take(3).map(|request| request.due).collect();
    assert_eq!(first, [0.0, 0.001, 0.002].map(seconds));
    for request in &run.requests {
        let at = request.sent;
        let others = run.requests.iter().filter(|other| other.sent <= at && at < ended(other));
        assert!(others.count() <= 3);
    }
}

#[test]
fn failures_that_are_followed_by_success_are_noted_and_forgiven() {
    let run = drive(&Scripted::new().failing(2), &closed(1));
    assert_eq!(run.requests.iter().filter(|request| !request.succeeded()).count(), 2);
    // After a failure there is a pause, else a target that fails at once is asked ever faster.
    assert!(run.requests[1].due > ended(&run.requests[0]));
}

#[test]
fn a_target_that_only_fails_ends_the_run_with_its_own_words() {
    let (result, run) = drive_how(&Scripted::new().failing(u32::MAX), &closed(1), &How::default());
    assert!(result.unwrap_err().to_string().ends_with("out of paper"));
    assert!(
        matches!(run.outcome, Some(Outcome::Failed(reason)) if reason.ends_with("out of paper"))
    );
}

#[test]
fn a_target_that_says_nothing_is_given_up() {
    let (result, run) = drive_how(&Scripted::new().silent(), &closed(2), &How::default());
    assert!(matches!(result, Err(DriverError::Silent { in_flight: 2 })));
    assert!(matches!(run.outcome, Some(Outcome::Failed(_))));
}

#[test]
fn a_stop_cancels_what_is_in_flight_and_is_written_down() {
    let target = Scripted::new().silent();
    let (result, run) = drive_how(&target, &closed(2), &How { stop: true, ..How::default() });
    assert_eq!(result.unwrap(), Outcome::Interrupted);
    assert_eq!(run.outcome, Some(Outcome::Interrupted));
    let cancelled =
        |request: &Request| matches!(&request.done, Some(done) if done.finish == Finish::Cancelled);
    // It came before the second was due.
    assert!(run.requests.len() == 1 && run.requests.iter().all(cancelled));
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
