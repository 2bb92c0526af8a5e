//! A run under way: what is sent when, and which phase it is in.

use super::agenda::{Agenda, Next};
use super::driver::{Driver, Ended, Progress};
use super::error::DriverError;
use super::maker::{Made, Makes};
use crate::record::{Event, Moment, Outcome, Phase, RequestId, Step};
use crate::target::{Delivery, Prompt};
use crate::units::{Ratio, Seconds, Tokens};
use crate::workload::{Plan, Session};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};

/// How often the driver looks up where nothing comes.
pub(super) const TICK: Seconds = Seconds(0.05);

/// How often progress is told.
const PROGRESS: Seconds = TICK;

/// How often it is asked whether what was measured is enough, where there is much to look through.
const ASK: Seconds = Seconds(1.0);

/// A target that says nothing for this long, with requests in flight, is given up: far above the
/// prefill of any prompt that a machine could be measured with.
pub(super) const SILENCE: Seconds = Seconds(600.0);

/// How long cancelled requests are waited for.
const LEAVE: Seconds = Seconds(10.0);

/// A request in flight.
pub(super) struct Flight {
    pub(super) session: Arc<Session>,
    pub(super) index: usize,
    pub(super) due: Moment,
    pub(super) held: Option<Moment>,
    pub(super) prompt_tokens: Tokens,
    pub(super) planned: Tokens,
    /// What a later turn has to go on from, where there is one.
    pub(super) prompt: Option<Prompt>,
    pub(super) ids: Vec<u32>,
    pub(super) sent: bool,
}

/// A run's state.
pub(super) struct UnderWay<'a> {
    pub(super) driver: &'a Driver<'a>,
    pub(super) to: Sender<Delivery>,
    /// The engine's steps; each is here before anything that came of it is in the inbox.
    pub(super) steps: Receiver<Step>,
    pub(super) makes: Makes,
    pub(super) agenda: Agenda,
    pub(super) phase: Phase,
    pub(super) began: Moment,
    pub(super) measuring_since: Moment,
    pub(super) measured_to: Moment,
    pub(super) in_flight: BTreeMap<RequestId, Flight>,
    pub(super) heard: Moment,
    pub(super) completed: u32,
    pub(super) failed: u32,
    pub(super) failures: u32,
    pub(super) tokens: Tokens,
    pub(super) ended: Vec<Ended>,
    pub(super) asked: Moment,
    /// How many ends it was asked of last.
    pub(super) asked_of: Option<usize>,
    pub(super) told: Moment,
}

impl<'a> UnderWay<'a> {
    /// A run that begins now, with the first requests made.
    pub(super) fn new(
        driver: &'a Driver<'a>,
        to: Sender<Delivery>,
        steps: Receiver<Step>,
        makes: Makes,
        first: Vec<Made>,
    ) -> Self {
        let now = driver.clock.now();
        let mut agenda = Agenda::new(driver.plan, now);
        for made in first {
            agenda.add(made);
        }
        Self {
            driver,
            to,
            steps,
            makes,
            agenda,
            phase: Phase::WarmUp,
            began: now,
            measuring_since: now,
            measured_to: now,
            in_flight: BTreeMap::new(),
            heard: now,
            completed: 0,
            failed: 0,
            failures: 0,
            tokens: Tokens(0),
            ended: Vec::new(),
            asked: now,
            asked_of: None,
            told: now,
        }
    }

    pub(super) fn drive(
        &mut self,
        inbox: &Receiver<Delivery>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, DriverError> {
        self.enter(Phase::WarmUp, self.began);
        loop {
            self.makes.take()?.into_iter().for_each(|made| self.agenda.add(made));
            let now = self.driver.clock.now();
            self.advance(now);
            self.makes.keep_ahead(self.agenda.not_due(now), self.driver.ahead());
            self.send_due()?;
            let outcome = self.outcome(now);
            if outcome == Some(Outcome::Interrupted) || outcome == Some(Outcome::Saturated) {
                self.give_up(inbox);
            }
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
            self.listen(inbox)?;
            if !self.driver.journal.is_open() {
                return Err(DriverError::Unrecorded);
            }
            let now = self.driver.clock.now();
            if !self.in_flight.is_empty() && now.since(self.heard) > SILENCE {
                return Err(DriverError::Silent { in_flight: self.in_flight.len() });
            }
            if now.since(self.told) >= PROGRESS {
                self.told = now;
                progress(self.progress(now));
            }
        }
    }

    /// Enters the phases that time brings.
    fn advance(&mut self, now: Moment) {
        let plan = self.driver.plan;
        let warm = self.began.after(plan.warm_up);
        // A closed loop is measured from a completion on: where one request's time ends and the next
        // one's begins.
        if self.phase == Phase::WarmUp && !plan.arrivals.is_closed() && now >= warm {
            self.measure_from(warm);
        }
        if self.phase == Phase::Measure && self.has_enough(now) {
            self.measured_to = now;
            self.enter(Phase::CoolDown, now);
        }
        if self.phase == Phase::CoolDown && !self.owes() {
            self.enter(Phase::Drain, now);
        }
        if matches!(self.phase, Phase::WarmUp | Phase::Measure) && self.is_exhausted() {
            self.enter(Phase::Drain, now);
        }
    }

    fn enter(&mut self, phase: Phase, at: Moment) {
        self.phase = phase;
        self.driver.journal.note(Event::Phase { at, phase });
    }

    pub(super) fn measure_from(&mut self, at: Moment) {
        self.measuring_since = at;
        self.ended.clear();
        self.asked_of = None;
        self.enter(Phase::Measure, at);
    }

    /// Whether enough was measured: for as long as planned, and, while more time is granted, for what is
    /// asked of it.
    fn has_enough(&mut self, now: Moment) -> bool {
        let Plan { measure, measure_max, .. } = *self.driver.plan;
        let measured = now.since(self.measuring_since);
        if measured < measure {
            return false;
        }
        if measured >= measure_max {
            return true;
        }
        // The answer hangs on the ends alone. A few are looked through at once; many, now and then.
        let count = self.ended.len();
        if self.asked_of == Some(count) || count > 1_000 && now.since(self.asked) < ASK {
            return false;
        }
        (self.asked, self.asked_of) = (now, Some(count));
        (self.driver.enough)(&self.ended)
    }

    /// Whether a request that was due in the measured time has not ended yet.
    fn owes(&self) -> bool {
        let due_before = |due: Moment| due < self.measured_to;
        let late = self.agenda.earliest_due().is_some_and(due_before);
        late || self.in_flight.values().any(|flight| due_before(flight.due))
    }

    /// Whether everything was sent, and has ended.
    fn is_exhausted(&self) -> bool {
        self.makes.is_over() && self.agenda.is_empty() && self.in_flight.is_empty()
    }

    /// How the run ends, where it does now.
    fn outcome(&self, now: Moment) -> Option<Outcome> {
        if self.driver.stop.load(Ordering::Relaxed) {
            return Some(Outcome::Interrupted);
        }
        let backlog = self.in_flight.len() + self.agenda.waiting(now);
        if self.driver.backlog_max.is_some_and(|most| backlog > most) {
            return Some(Outcome::Saturated);
        }
        (self.phase == Phase::Drain && self.in_flight.is_empty()).then_some(Outcome::Complete)
    }

    /// Sends what is due.
    fn send_due(&mut self) -> Result<(), DriverError> {
        while self.phase != Phase::Drain {
            let now = self.driver.clock.now();
            // A place is free, or time has come, and the request is not made yet.
            let starved =
                self.agenda.lacks_sessions() && self.agenda.has_place() && !self.makes.is_over();
            if starved && self.agenda.at().is_none_or(|at| at > now) {
                self.makes.wait()?.into_iter().for_each(|made| self.agenda.add(made));
                continue;
            }
            match self.agenda.take(now) {
                Some(next) => self.send(next, now)?,
                None => break,
            }
        }
        Ok(())
    }

    fn send(&mut self, next: Next, now: Moment) -> Result<(), DriverError> {
        let Next { made, due, held } = next;
        let has_next = made.has_next();
        let Made { mut request, session, index, .. } = made;
        request.keep_text |= has_next;
        let id = request.id;
        let flight = Flight {
            due,
            held,
            prompt_tokens: request.prompt_tokens,
            planned: request.stop.max_tokens,
            prompt: has_next.then(|| request.prompt.clone()),
            ids: Vec::new(),
            sent: false,
            session,
            index,
        };
        self.in_flight.insert(id, flight);
        self.heard = self.heard.max(now);
        let submitted = self.driver.target.submit(request, self.to.clone());
        submitted.map_err(|error| DriverError::Refused { id: id.0, error })
    }

    /// Cancels what is in flight, notes how it leaves, and what was due and not sent.
    fn give_up(&mut self, inbox: &Receiver<Delivery>) {
        for id in self.in_flight.keys() {
            self.driver.target.cancel(*id);
        }
        let now = self.driver.clock.now();
        let until = now.after(LEAVE);
        while !self.in_flight.is_empty() && self.driver.clock.now() < until {
            let left = self.driver.clock.left_until(self.driver.clock.now().after(TICK));
            if let Ok(delivery) = inbox.recv_timeout(left) {
                self.note(delivery);
            }
        }
        for (made, due) in self.agenda.give_up(now) {
            self.driver.journal.note(Event::Unsent { id: made.request.id, due });
        }
    }

    fn progress(&self, now: Moment) -> Progress {
        let measure = self.driver.plan.measure;
        let (share, measured) = match self.phase {
            Phase::WarmUp => (Ratio::of(0.0), Seconds(0.0)),
            Phase::Measure => {
                let measured = now.since(self.measuring_since);
                (measured / measure, measured)
            }
            Phase::CoolDown | Phase::Drain => {
                (Ratio::ONE, self.measured_to.since(self.measuring_since))
            }
        };
        Progress {
            phase: self.phase,
            share,
            completed: self.completed,
            failed: self.failed,
            in_flight: self.in_flight.len(),
            waiting: self.agenda.waiting(now),
            tokens: self.tokens,
            measured,
        }
    }
}
