//! Sends a plan to a target and notes what comes back.
//!
//! One thread, one inbox for the deliveries of all requests: the driver never waits for one request
//! while another has something to say. Moments are stamped by the target when it had the token, so
//! the driver's own work is in no latency; what delays the *sending* is its slip, and in the record.

use super::Writer;
use crate::clock::Clock;
use crate::hint::{Fault, Hint};
use crate::record::{Event, Finish, Moment, Outcome, Phase, RequestId, Step};
use crate::target::{Delivery, Request, Target, TargetError, What};
use crate::units::{Ratio, Seconds, Tokens};
use crate::workload::{Plan, Session, Turn};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often the driver looks up where nothing comes.
const TICK: Duration = Duration::from_millis(20);

/// A target that says nothing for this long, with requests in flight, is given up: far above the
/// prefill of any prompt that a machine could be measured with.
const SILENCE: Seconds = Seconds(600.0);

/// This many failures without a success between them end a run: it measures nothing.
const FAILURES_IN_A_ROW: u32 = 3;

/// How long cancelled requests are waited for.
const LEAVE: Seconds = Seconds(10.0);

/// Why a run can't be driven to its end.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The target refused a request.
    #[error("request {id} was refused: {error}")]
    Refused {
        /// The request's number.
        id: u32,
        /// The target's reason.
        error: TargetError,
    },
    /// The target fails every request.
    #[error("{FAILURES_IN_A_ROW} requests in a row failed, the last with: {reason}")]
    Failing {
        /// The target's reason.
        reason: String,
    },
    /// What comes can't be written down any more.
    #[error("the journal can't be written any more")]
    Unrecorded,
    /// The target says nothing.
    #[error("{in_flight} requests are in flight and nothing came for {SILENCE}")]
    Silent {
        /// How many wait.
        in_flight: usize,
    },
}

impl Hint for DriverError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { error, .. } => error.hint(),
            Self::Failing { .. } | Self::Silent { .. } => Some(
                "shorter requests tell whether it is their length: `--prompt-tokens`, \
                 `--output-tokens`"
                    .to_owned(),
            ),
            Self::Unrecorded => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Refused { error, .. } => error.fault(),
            Self::Failing { .. } | Self::Silent { .. } => Fault::Target,
            Self::Unrecorded => Fault::Environment,
        }
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The phase it is in.
    pub phase: Phase,
    /// Share of the measured time that has passed.
    pub share: Ratio,
    /// Requests that ended well.
    pub completed: u32,
    /// Tokens that came since measuring began.
    pub tokens: Tokens,
    /// Time since measuring began.
    pub measured: Seconds,
}

/// Everything that a run needs but time.
pub struct Driver<'a> {
    /// What to send.
    pub plan: &'a Plan,
    /// Where to send it.
    pub target: &'a dyn Target,
    /// What moments are read from; the target must use the same.
    pub clock: &'a dyn Clock,
    /// Where what happens is noted.
    pub journal: Writer,
    /// Set by somebody who wants the run to end now.
    pub stop: &'a AtomicBool,
    /// Makes a request, prompt and all.
    pub make: &'a dyn Fn(&Turn) -> Request,
}

impl Driver<'_> {
    /// Runs the plan to its end, or to its failure, or until it is stopped. The journal holds all
    /// that came, and how it ended, in every case.
    ///
    /// # Errors
    /// Where the target refuses, fails or falls silent.
    pub fn run(self, progress: &mut dyn FnMut(Progress)) -> Result<Outcome, DriverError> {
        let (to, inbox) = channel();
        let (steps_to, steps) = channel();
        self.target.steps(steps_to);
        let mut under_way = UnderWay::new(&self, to, steps);
        let result = under_way.drive(&inbox, progress);
        let outcome = match &result {
            Ok(outcome) => outcome.clone(),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        self.journal.note(Event::End { at: self.clock.now(), outcome });
        result
    }
}

/// A run's state.
struct UnderWay<'a> {
    driver: &'a Driver<'a>,
    to: Sender<Delivery>,
    /// The engine's steps; each is here before anything that came of it is in the inbox.
    steps: Receiver<Step>,
    phase: Phase,
    measuring_since: Moment,
    /// Requests that had ended well when measuring began.
    completed_before: u32,
    /// The next request, made while the target is busy with the one before.
    sessions: Box<dyn Iterator<Item = Session> + 'a>,
    next: Option<Request>,
    in_flight: BTreeSet<RequestId>,
    heard: Moment,
    completed: u32,
    tokens: Tokens,
    failures: u32,
}

impl<'a> UnderWay<'a> {
    fn new(driver: &'a Driver<'a>, to: Sender<Delivery>, steps: Receiver<Step>) -> Self {
        let mut sessions = driver.plan.sessions();
        let first = sessions.next().map(|session| (driver.make)(&session.turns[0]));
        Self {
            driver,
            to,
            steps,
            phase: Phase::WarmUp,
            measuring_since: Moment::default(),
            completed_before: 0,
            sessions: Box::new(sessions),
            next: first,
            in_flight: BTreeSet::new(),
            heard: Moment::default(),
            completed: 0,
            tokens: Tokens(0),
            failures: 0,
        }
    }

    fn drive(
        &mut self,
        inbox: &Receiver<Delivery>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, DriverError> {
        let began = self.driver.clock.now();
        self.enter(Phase::WarmUp, began);
        for _ in 0..self.driver.plan.in_flight_max() {
            self.send(began)?;
        }
        loop {
            self.note_steps();
            match inbox.recv_timeout(TICK) {
                Ok(delivery) => self.take(delivery, began)?,
                // The driver holds a sender itself: the inbox is never disconnected.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if !self.driver.journal.is_open() {
                return Err(DriverError::Unrecorded);
            }
            let now = self.driver.clock.now();
            if self.driver.stop.load(Ordering::Relaxed) {
                self.give_up(inbox);
                return Ok(Outcome::Interrupted);
            }
            let measured = now.since(self.measuring_since);
            if self.phase == Phase::Measure && self.has_enough(measured) {
                self.enter(Phase::Drain, now);
            }
            if self.phase == Phase::Drain && self.in_flight.is_empty() {
                return Ok(Outcome::Complete);
            }
            if now.since(self.heard) > SILENCE {
                return Err(DriverError::Silent { in_flight: self.in_flight.len() });
            }
            progress(self.progress(measured));
        }
    }

    /// Whether enough was measured: for as long as planned, and, while more time is granted, as many
    /// rounds as an interval takes.
    fn has_enough(&self, measured: Seconds) -> bool {
        let Plan { measure, measure_max, .. } = *self.driver.plan;
        let rounds = self.completed - self.completed_before >= self.driver.plan.enough();
        measured >= measure && (rounds || measured >= measure_max)
    }

    fn enter(&mut self, phase: Phase, at: Moment) {
        self.phase = phase;
        self.driver.journal.note(Event::Phase { at, phase });
    }

    /// Sends the next request, due at `due`, and makes the one after it.
    fn send(&mut self, due: Moment) -> Result<(), DriverError> {
        let Some(request) = self.next.take() else { return Ok(()) };
        let (id, planned) = (request.id, request.stop.max_tokens);
        let prompt = request.prompt_tokens;
        let at = self.driver.clock.now();
        self.driver.journal.note(Event::Sent {
            id,
            due,
            at,
            held: None,
            turn: None,
            prompt,
            planned,
        });
        self.driver
            .target
            .submit(request, self.to.clone())
            .map_err(|error| DriverError::Refused { id: id.0, error })?;
        self.in_flight.insert(id);
        self.heard = self.heard.max(at);
        // Only now: a prompt takes time to make, and the one that is due must not wait for it.
        self.next = self.sessions.next().map(|session| (self.driver.make)(&session.turns[0]));
        Ok(())
    }

    fn take(&mut self, delivery: Delivery, began: Moment) -> Result<(), DriverError> {
        let Some((at, failure)) = self.note(delivery) else { return Ok(()) };
        self.count(failure)?;
        let warm = at.since(began) >= self.driver.plan.warm_up && self.completed > 0;
        if self.phase == Phase::WarmUp && warm {
            // A completion is where one request's time ends and the next one's begins.
            self.measuring_since = at;
            self.completed_before = self.completed;
            self.enter(Phase::Measure, at);
        }
        if self.phase == Phase::Drain { Ok(()) } else { self.send(at) }
    }

    /// Writes down what came; where it was a request's end: when that was, and why it failed.
    fn note(&mut self, delivery: Delivery) -> Option<(Moment, Option<String>)> {
        self.note_steps();
        let Delivery { id, at, what } = delivery;
        self.heard = self.heard.max(at);
        match what {
            What::Token { .. } => {
                if self.phase == Phase::Measure {
                    self.tokens += Tokens(1);
                }
                self.driver.journal.note(Event::Tokens { id, at: vec![at], counts: None });
                None
            }
            What::Chunks { at, counts } => {
                self.driver.journal.note(Event::Tokens { id, at, counts });
                None
            }
            What::Sent | What::Read { .. } => None,
            What::Done { finish, usage, .. } => {
                self.in_flight.remove(&id);
                let failure = match &finish {
                    Finish::Failed(failure) => Some(failure.reason.clone()),
                    Finish::Length | Finish::Stop | Finish::Cancelled => None,
                };
                self.driver.journal.note(Event::Done { id, at, finish, usage });
                Some((at, failure))
            }
        }
    }

    fn note_steps(&mut self) {
        for step in self.steps.try_iter() {
            self.heard = self.heard.max(step.span.to);
            self.driver.journal.note(Event::Step(step));
        }
    }

    fn count(&mut self, failure: Option<String>) -> Result<(), DriverError> {
        let Some(reason) = failure else {
            self.completed += 1;
            self.failures = 0;
            return Ok(());
        };
        self.failures += 1;
        if self.failures < FAILURES_IN_A_ROW {
            Ok(())
        } else {
            Err(DriverError::Failing { reason })
        }
    }

    /// Cancels what is in flight and notes how it leaves.
    fn give_up(&mut self, inbox: &Receiver<Delivery>) {
        for id in &self.in_flight {
            self.driver.target.cancel(*id);
        }
        let until = self.driver.clock.now().after(LEAVE);
        while !self.in_flight.is_empty() && self.driver.clock.now() < until {
            if let Ok(delivery) = inbox.recv_timeout(TICK) {
                self.note(delivery);
            }
        }
    }

    fn progress(&self, measured: Seconds) -> Progress {
        let (share, measured) = match self.phase {
            Phase::WarmUp => (Ratio::of(0.0), Seconds(0.0)),
            Phase::Measure => (measured / self.driver.plan.measure, measured),
            Phase::CoolDown | Phase::Drain => (Ratio::ONE, self.driver.plan.measure),
        };
        Progress {
            phase: self.phase,
            share,
            completed: self.completed,
            tokens: self.tokens,
            measured,
        }
    }
}
