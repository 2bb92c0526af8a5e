//! A target whose every answer is known beforehand, and the clock that brings it: time jumps to
//! whatever comes next, so that a run is a simulation.

use crate::clock::Clock;
use crate::record::{Failure, FailureKind, Finish, Moment, RequestId, Span, Step, Usage};
use crate::target::{Delivery, Prompt, Request, Target, TargetError, What};
use crate::units::{Seconds, Tokens};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// Answers with a token a second, or as it is told; its first `bad` requests fail.
pub(super) struct Scripted {
    bad: u32,
    /// Time to the first token, and from one to the next.
    first: Seconds,
    gap: Seconds,
    /// Nothing comes in this time; what would have comes at its end.
    stall: Option<Span>,
    silent: bool,
    state: Mutex<State>,
}

/// For whom, what, and with which step.
type ToCome = (Sender<Delivery>, Delivery, Option<Step>);

#[derive(Default)]
struct State {
    served: u32,
    /// Told of a step for each token.
    watcher: Option<Sender<Step>>,
    /// Of a silent target: requests that are never answered.
    waiting: Vec<(RequestId, Sender<Delivery>)>,
    /// Every prompt that came.
    prompts: Vec<Prompt>,
    now: Moment,
    /// What comes when, in the order in which it was made where it comes together.
    to_come: BTreeMap<(Moment, usize), ToCome>,
    made: usize,
}

impl State {
    fn bring(
        &mut self,
        at: Moment,
        id: RequestId,
        what: What,
        step: Option<Step>,
        to: &Sender<Delivery>,
    ) {
        self.made += 1;
        let delivery = Delivery { id, at, what };
        self.to_come.insert((at, self.made), (to.clone(), delivery, step));
    }
}

impl Scripted {
    pub(super) fn new() -> Self {
        Self {
            bad: 0,
            first: Seconds(1.0),
            gap: Seconds(1.0),
            stall: None,
            silent: false,
            state: Mutex::default(),
        }
    }

    pub(super) fn failing(self, bad: u32) -> Self {
        Self { bad, ..self }
    }

    /// Requests of four tokens take so long.
    pub(super) fn taking(self, seconds: f64) -> Self {
        Self { first: Seconds(seconds / 4.0), gap: Seconds(seconds / 4.0), ..self }
    }

    pub(super) fn timed(self, first: f64, gap: f64) -> Self {
        Self { first: Seconds(first), gap: Seconds(gap), ..self }
    }

    pub(super) fn stalling(self, stall: Span) -> Self {
        Self { stall: Some(stall), ..self }
    }

    pub(super) fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    pub(super) fn prompts(&self) -> Vec<Prompt> {
        self.state.lock().unwrap().prompts.clone()
    }

    fn past_stall(&self, at: Moment) -> Moment {
        self.stall.filter(|stall| stall.holds(at)).map_or(at, |stall| stall.to)
    }
}

impl Clock for Scripted {
    fn now(&self) -> Moment {
        self.state.lock().unwrap().now
    }

    fn sleep_until(&self, at: Moment) {
        let mut state = self.state.lock().unwrap();
        state.now = state.now.max(at);
    }

    fn left_until(&self, at: Moment) -> Duration {
        let mut state = self.state.lock().unwrap();
        let next = state.to_come.first_key_value().map(|((next, _), _)| *next);
        let until = next.map_or(at, |next| next.min(at));
        state.now = state.now.max(until);
        while let Some(first) = state.to_come.first_entry().filter(|one| one.key().0 <= until) {
            let (to, delivery, step) = first.remove();
            if let Some((watcher, step)) = state.watcher.as_ref().zip(step) {
                watcher.send(step).unwrap();
            }
            drop(to.send(delivery));
        }
        Duration::ZERO
    }
}

impl Target for Scripted {
    fn submit(&self, request: Request, to: Sender<Delivery>) -> Result<(), TargetError> {
        let mut state = self.state.lock().unwrap();
        let (id, now) = (request.id, state.now);
        drop(to.send(Delivery { id, at: now, what: What::Sent }));
        state.prompts.push(request.prompt);
        if self.silent {
            state.waiting.push((id, to));
            return Ok(());
        }
        state.served += 1;
        if state.served <= self.bad {
            let finish = Finish::Failed(Failure::new(FailureKind::Engine, "out of paper"));
            let what = What::Done { finish, usage: Usage::default(), said: None };
            state.bring(now, id, what, None, &to);
            return Ok(());
        }
        let mut at = now;
        for n in 0..request.stop.max_tokens.0 {
            let from = at;
            at = self.past_stall(at.after(if n == 0 { self.first } else { self.gap }));
            let span = Span { from, to: at };
            let step = Step {
                span,
                prefill: Tokens(0),
                decode: 1,
                context: Tokens(5),
                prefill_context: None,
                cached_context: None,
            };
            let what = What::Token { id: 7, text: None, logprobs: None };
            state.bring(at, id, what, Some(step), &to);
        }
        let usage = Usage { output: Some(request.stop.max_tokens), ..Usage::default() };
        let what = What::Done { finish: Finish::Length, usage, said: None };
        state.bring(at, id, what, None, &to);
        Ok(())
    }

    fn cancel(&self, id: RequestId) {
        let mut state = self.state.lock().unwrap();
        let at = state.now;
        let of_it: Vec<_> = state
            .to_come
            .extract_if(.., |_, (_, delivery, _)| delivery.id == id)
            .map(|(_, (to, ..))| (id, to))
            .take(1)
            .collect();
        state.waiting.extend(of_it);
        for (_, to) in state.waiting.iter().filter(|(one, _)| *one == id) {
            let (finish, usage) = (Finish::Cancelled, Usage::default());
            drop(to.send(Delivery { id, at, what: What::Done { finish, usage, said: None } }));
        }
    }

    fn steps(&self, to: Sender<Step>) {
        self.state.lock().unwrap().watcher = Some(to);
    }

    fn describe(&self) -> String {
        "scripted".to_owned()
    }
}
