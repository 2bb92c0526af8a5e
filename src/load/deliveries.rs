//! What comes back from a target: written down, counted, and what follows from it.

use super::driver::Ended;
use super::error::DriverError;
use super::maker::{Answer, Past, Want};
use super::under_way::{Flight, TICK, UnderWay};
use crate::record::{Event, Failure, Finish, Moment, Phase, RequestId, Turn, Usage};
use crate::target::{Delivery, What};
use crate::units::{Seconds, Tokens};
use crate::workload::Session;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// How often the driver looks up while a later turn is made.
const MAKING: Duration = Duration::from_micros(200);

/// The longest pause after a failure where the target names none, and the longest that it may name.
const PAUSE_MAX: Seconds = Seconds(1.0);
const RETRY_AFTER_MAX: Seconds = Seconds(60.0);

/// The end of a request, as the target told it.
pub(super) struct Done {
    at: Moment,
    finish: Finish,
    usage: Usage,
    text: Option<String>,
}

impl UnderWay<'_> {
    /// Waits for deliveries until something is to be done, and takes all that there are.
    pub(super) fn listen(&mut self, inbox: &Receiver<Delivery>) -> Result<(), DriverError> {
        self.note_steps();
        if let Ok(delivery) = inbox.try_recv() {
            self.take(delivery)?;
        } else {
            let now = self.driver.clock.now();
            let mut until = now.after(TICK);
            if self.phase != Phase::Drain {
                until = self.agenda.at().map_or(until, |at| at.min(until));
            }
            // A turn that is being made may be due at once.
            let left =
                if self.makes.makes_turns() { MAKING } else { self.driver.clock.left_until(until) };
            // The driver holds a sender itself: the inbox is never disconnected.
            if let Ok(delivery) = inbox.recv_timeout(left) {
                self.take(delivery)?;
            }
        }
        // What is due goes first, whatever lies in the inbox.
        while self.agenda.at().is_none_or(|at| at > self.driver.clock.now()) {
            let Ok(delivery) = inbox.try_recv() else { break };
            self.take(delivery)?;
        }
        Ok(())
    }

    fn take(&mut self, delivery: Delivery) -> Result<(), DriverError> {
        let Some((flight, done)) = self.note(delivery) else { return Ok(()) };
        let Done { at, finish, usage, text } = done;
        let goes_on = self.goes_on(flight, &finish, text, at);
        let pause = match finish {
            Finish::Failed(failure) => self.count_failure(failure)?,
            Finish::Length | Finish::Stop => {
                self.count_success(at, &usage);
                Seconds(0.0)
            }
            Finish::Cancelled => Seconds(0.0),
        };
        self.agenda.ended(goes_on, at.after(pause));
        Ok(())
    }

    /// Wants the next turn of a conversation, where there is one and it makes sense.
    fn goes_on(
        &mut self,
        flight: Flight,
        finish: &Finish,
        text: Option<String>,
        at: Moment,
    ) -> bool {
        let Flight { session, index, prompt, ids, .. } = flight;
        let (Some(prompt), Finish::Length | Finish::Stop) = (prompt, finish) else { return false };
        if self.phase == Phase::Drain {
            return false;
        }
        let answer = text.map_or(Answer::Ids(ids), Answer::Text);
        let due = at.after(session.turns[index + 1].think);
        let past = Past { prompt, answer };
        self.makes.want(Want::Turn { session, index: index + 1, past, due });
        true
    }

    fn count_success(&mut self, at: Moment, usage: &Usage) {
        self.completed += 1;
        self.failures = 0;
        if self.phase == Phase::Measure {
            self.ended.push(Ended { at, output: usage.output.unwrap_or_default() });
        }
        let plan = self.driver.plan;
        let warm = at.since(self.began) >= plan.warm_up;
        if self.phase == Phase::WarmUp && plan.arrivals.is_closed() && warm {
            self.measure_from(at);
        }
    }

    /// Counts a failure and says how long to pause: what fails at once must not be asked ever faster.
    fn count_failure(&mut self, failure: Failure) -> Result<Seconds, DriverError> {
        self.failed += 1;
        self.failures += 1;
        if self.failures >= self.driver.failures_max() {
            return Err(DriverError::Failing { count: self.failures, last: failure });
        }
        let doubled = 0.01 * f64::from(1_u32 << self.failures.min(10));
        let own = if doubled > PAUSE_MAX.0 { PAUSE_MAX } else { Seconds(doubled) };
        Ok(match failure.retry_after {
            Some(named) if named > RETRY_AFTER_MAX => RETRY_AFTER_MAX,
            Some(named) => named,
            None => own,
        })
    }

    /// Writes down what came; where it was a request's end, that is handed back.
    pub(super) fn note(&mut self, delivery: Delivery) -> Option<(Flight, Done)> {
        self.note_steps();
        let Delivery { id, at, what } = delivery;
        self.heard = self.heard.max(at);
        let measuring = self.phase == Phase::Measure;
        match what {
            What::Sent => self.note_sent(id, at),
            What::Token { id: token, .. } => {
                self.tokens += Tokens(u64::from(measuring));
                if let Some(flight) = self.in_flight.get_mut(&id).filter(|f| f.prompt.is_some()) {
                    flight.ids.push(token);
                }
                self.driver.journal.note(Event::Tokens { id, at: vec![at], counts: None });
            }
            What::Chunks { at, counts } => {
                if measuring {
                    self.tokens += Tokens(counts.as_ref().map_or(at.len() as u64, |counts| {
                        counts.iter().map(|count| u64::from(*count)).sum()
                    }));
                }
                self.driver.journal.note(Event::Tokens { id, at, counts });
            }
            What::Read { .. } => {}
            What::Done { finish, usage, said } => {
                // A target that couldn't even send it.
                self.note_sent(id, at);
                let flight = self.in_flight.remove(&id)?;
                let done = Event::Done { id, at, finish: finish.clone(), usage };
                self.driver.journal.note(done);
                let text = said.map(|said| said.text);
                return Some((flight, Done { at, finish, usage, text }));
            }
        }
        None
    }

    /// Writes down that a request was sent, once.
    fn note_sent(&mut self, id: RequestId, at: Moment) {
        let Some(flight) = self.in_flight.get_mut(&id).filter(|flight| !flight.sent) else {
            return;
        };
        flight.sent = true;
        let (due, held) = (flight.due, flight.held);
        let (prompt, planned) = (flight.prompt_tokens, flight.planned);
        let turn = turn(&flight.session, flight.index);
        self.driver.journal.note(Event::Sent { id, due, at, held, turn, prompt, planned });
    }

    pub(super) fn note_steps(&mut self) {
        for step in self.steps.try_iter() {
            self.heard = self.heard.max(step.span.to);
            self.driver.journal.note(Event::Step(step));
        }
    }
}

/// A request's part in a conversation, where it is part of one.
fn turn(session: &Session, index: usize) -> Option<Turn> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (session.turns.len() > 1).then(|| Turn {
        conversation: session.number,
        index: number(index + 1),
        of: number(session.turns.len()),
    })
}
