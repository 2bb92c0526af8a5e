//! A target that answers each request at once with what will have come of it.

use crate::clock::{Clock, FakeClock};
use crate::record::{Failure, FailureKind, Finish, Moment, RequestId, Span, Step, Usage};
use crate::target::{Delivery, Request, Target, TargetError, What};
use crate::units::{Seconds, Tokens};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

/// Answers with a token a second, or as it is told; its first `bad` requests fail.
pub(super) struct Scripted {
    pub(super) clock: Arc<FakeClock>,
    bad: u32,
    /// Time to the first token, and from one to the next.
    first: Seconds,
    gap: Seconds,
    /// Nothing comes in this time; what would have comes at its end.
    stall: Option<Span>,
    silent: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    served: u32,
    /// Told of a step for each token.
    watcher: Option<Sender<Step>>,
    /// Of a silent target: requests that are never answered.
    waiting: Vec<(RequestId, Sender<Delivery>)>,
    /// Every prompt that came.
    prompts: Vec<crate::target::Prompt>,
}

impl Scripted {
    pub(super) fn new() -> Self {
        Self {
            clock: Arc::new(FakeClock::default()),
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

    pub(super) fn prompts(&self) -> Vec<crate::target::Prompt> {
        self.state.lock().unwrap().prompts.clone()
    }

    fn unstalled(&self, at: Moment) -> Moment {
        self.stall.filter(|stall| stall.holds(at)).map_or(at, |stall| stall.to)
    }
}

impl Target for Scripted {
    fn submit(&self, request: Request, to: Sender<Delivery>) -> Result<(), TargetError> {
        let mut state = self.state.lock().unwrap();
        let id = request.id;
        let deliver = |at, what| drop(to.send(Delivery { id, at, what }));
        let now = self.clock.now();
        deliver(now, What::Sent);
        state.prompts.push(request.prompt);
        if self.silent {
            state.waiting.push((id, to.clone()));
            return Ok(());
        }
        state.served += 1;
        if state.served <= self.bad {
            let failure = Failure::new(FailureKind::Engine, "out of paper");
            let usage = Usage::default();
            deliver(now, What::Done { finish: Finish::Failed(failure), usage, text: None });
            return Ok(());
        }
        let mut at = now;
        for n in 0..request.stop.max_tokens.0 {
            let from = at;
            at = self.unstalled(at.after(if n == 0 { self.first } else { self.gap }));
            let span = Span { from, to: at };
            let step = Step { span, prefill: Tokens(0), decode: 1, context: Tokens(5) };
            if let Some(to) = state.watcher.as_ref() {
                to.send(step).unwrap();
            }
            deliver(at, What::Token { id: 7, text: None, logprobs: None });
        }
        let usage = Usage { output: Some(request.stop.max_tokens), ..Usage::default() };
        deliver(at, What::Done { finish: Finish::Length, usage, text: None });
        Ok(())
    }

    fn cancel(&self, id: RequestId) {
        let state = self.state.lock().unwrap();
        for (_, to) in state.waiting.iter().filter(|(one, _)| *one == id) {
            let (finish, usage) = (Finish::Cancelled, Usage::default());
            let what = What::Done { finish, usage, text: None };
            drop(to.send(Delivery { id, at: self.clock.now(), what }));
        }
    }

    fn steps(&self, to: Sender<Step>) {
        self.state.lock().unwrap().watcher = Some(to);
    }

    fn describe(&self) -> String {
        "scripted".to_owned()
    }
}
