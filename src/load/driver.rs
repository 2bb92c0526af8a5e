//! Sends a plan to a target and notes what comes back: one driver for every arrival process.
//!
//! One thread, one inbox for the deliveries of all requests: the driver never waits for one request
//! while another has something to say, and requests are made by another thread, ahead of their time
//! ([`maker`](super::maker)). Moments are stamped by the target when it had the thing, so the driver's
//! own work is in no latency; what delays the *sending* is its slip, and in the record.
//!
//! Invariant: what is measured is measured under load to its end. After the measured time requests are
//! still sent, as load for those that were due in it (the cool-down), and only once these have ended
//! the rest are waited for.

use super::Writer;
use super::error::DriverError;
use super::maker::{Make, Makes};
use super::under_way::UnderWay;
use crate::clock::Clock;
use crate::record::{Arrivals, Event, Moment, Outcome, Phase};
use crate::target::Target;
use crate::units::{Ratio, Seconds, Tokens};
use crate::workload::Plan;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;

/// This many failures without a success between them end a run, and at least as many as are in flight at
/// once: it measures nothing.
const FAILURES_IN_A_ROW: u32 = 3;

/// The same of an open loop without a cap.
const FAILURES_IN_A_ROW_OPEN: u32 = 10;

/// Requests that are made ahead in an open loop.
const AHEAD: u32 = 16;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The phase it is in.
    pub phase: Phase,
    /// Share of the measured time that has passed.
    pub share: Ratio,
    /// Requests that ended well.
    pub completed: u32,
    /// Requests that failed.
    pub failed: u32,
    /// Requests in flight.
    pub in_flight: usize,
    /// Requests that are due and wait for a place in flight.
    pub waiting: usize,
    /// Tokens that came since measuring began; chunks, where the target doesn't count.
    pub tokens: Tokens,
    /// Time since measuring began.
    pub measured: Seconds,
}

/// The end of a request that ended well in the measured time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Moment,
    /// Its output tokens.
    pub output: Tokens,
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
    /// Makes the request of a turn, after what was said before.
    pub make: &'a Make<'a>,
    /// Asked now and then, once the planned time is measured and more is granted: whether it is enough.
    pub enough: &'a dyn Fn(&[Ended]) -> bool,
    /// An open loop ends when so many requests are due or in flight and not served; `None`: never.
    pub backlog_max: Option<usize>,
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
        let result = std::thread::scope(|scope| {
            let mut makes = Makes::start(scope, self.plan, self.make)?;
            let first = makes.first(self.ahead())?;
            // The maker ends when nobody wants anything more: when this is dropped.
            UnderWay::new(&self, to, steps, makes, first).drive(&inbox, progress)
        });
        let outcome = match &result {
            Ok(outcome) => outcome.clone(),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        self.journal.note(Event::End { at: self.clock.now(), outcome });
        result
    }

    /// How many requests are made ahead, and before the clock runs.
    pub(super) fn ahead(&self) -> u32 {
        match self.plan.arrivals {
            Arrivals::Closed { in_flight } => in_flight.max(1),
            _ => AHEAD,
        }
    }

    /// How many failures in a row end the run.
    pub(super) fn failures_max(&self) -> u32 {
        let places = self.plan.places();
        places.map_or(FAILURES_IN_A_ROW_OPEN, |places| places.max(FAILURES_IN_A_ROW))
    }
}
