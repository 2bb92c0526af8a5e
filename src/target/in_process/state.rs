//! What submitters and the engine's thread share: the scheduler, and the jobs that are in nobody's
//! hands.

use super::job::{Job, sequence};
use super::refused;
use crate::clock::Clock;
use crate::record::{Finish, Moment, RequestId, Step};
use crate::schedule::{Arrival, BlockHash, Counts, Entry, Scheduler, SeqId};
use crate::target::TargetError;
use crate::units::Tokens;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Told of new work and of the end.
    changed: Condvar,
    /// Who wants to hear of steps.
    watchers: Mutex<Vec<Sender<Step>>>,
}

struct State {
    scheduler: Scheduler,
    /// All that are live and not in the step under way.
    jobs: BTreeMap<SeqId, Job>,
    /// Those in the engine's hands, and whether they were given up meanwhile.
    out: BTreeMap<SeqId, bool>,
    /// Why nothing is accepted any more.
    stopped: Option<String>,
    ended: Ended,
}

/// What the requests that ended come to, so far. A request is in it before its end is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ended {
    pub(super) requests: u64,
    /// Tokens of their prompts.
    pub(super) prompt: Tokens,
    /// Output tokens that were told.
    pub(super) output: Tokens,
}

impl Ended {
    fn count(&mut self, job: &Job) {
        let (prompt, output) = job.counts();
        self.requests += 1;
        self.prompt += prompt;
        self.output += output;
    }
}

/// A step with the jobs that belong to it.
pub(super) struct Batch {
    pub(super) copies: Vec<(u32, u32)>,
    pub(super) parts: Vec<Part>,
    /// The block tables of all parts, one after another.
    pub(super) tables: Vec<u32>,
}

/// One job's part of a step.
pub(super) struct Part {
    pub(super) job: Job,
    pub(super) entry: Entry,
    /// Where its block table lies.
    pub(super) table: Range<usize>,
    pub(super) next: Next,
}

/// What becomes of a job after a step.
pub(super) enum Next {
    /// More of its prompt has to be read.
    Reads,
    /// It has another token, which may have filled a block.
    Decodes(Option<BlockHash>),
    /// It is over; what was computed may be shared.
    Ends(Finish),
    /// It is over, and what was computed is worth nothing.
    Breaks(Finish),
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>, scheduler: Scheduler) -> Self {
        let (jobs, out) = (BTreeMap::new(), BTreeMap::new());
        let ended = Ended::default();
        let state = Mutex::new(State { scheduler, jobs, out, stopped: None, ended });
        Self { clock, state, changed: Condvar::new(), watchers: Mutex::default() }
    }

    /// The state; what runs while it is locked panics only where an invariant is broken.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().scheduler.counts()
    }

    /// How things stand, and what has ended, at one moment.
    pub(super) fn reading(&self) -> (Counts, Ended) {
        let state = self.lock();
        (state.scheduler.counts(), state.ended)
    }

    pub(super) fn watch(&self, to: Sender<Step>) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).push(to);
    }

    pub(super) fn tell_step(&self, step: Step) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|to| to.send(step).is_ok());
    }

    pub(super) fn accept(&self, job: Job, arrival: Arrival) -> Result<(), TargetError> {
        let mut state = self.lock();
        if let Some(reason) = &state.stopped {
            return Err(TargetError::Stopped { reason: reason.clone() });
        }
        let id = arrival.id;
        state.scheduler.arrive(arrival).map_err(|refusal| refused(job.id, refusal))?;
        job.tell_sent(self.clock.now());
        state.jobs.insert(id, job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn cancel(&self, id: RequestId) {
        let mut state = self.lock();
        let id = sequence(id);
        if let Some(given_up) = state.out.get_mut(&id) {
            *given_up = true;
        }
        let job = state.jobs.remove(&id);
        if let Some(job) = &job {
            state.scheduler.cancel(id);
            state.ended.count(job);
        }
        drop(state);
        if let Some(job) = job {
            job.done(Finish::Cancelled, self.clock.now());
        }
    }

    /// Accepts nothing more, gives up what runs, ends what waits.
    pub(super) fn stop(&self, reason: &str, finish: &Finish) {
        let mut state = self.lock();
        state.stopped.get_or_insert_with(|| reason.to_owned());
        state.out.values_mut().for_each(|given_up| *given_up = true);
        let jobs = std::mem::take(&mut state.jobs);
        for (id, job) in &jobs {
            state.scheduler.cancel(*id);
            state.ended.count(job);
        }
        drop(state);
        self.changed.notify_one();
        for job in jobs.into_values() {
            job.done(finish.clone(), self.clock.now());
        }
    }

    /// Waits for work and takes the next step out; `None` once the target has stopped.
    pub(super) fn next(&self) -> Option<Batch> {
        let waits = |state: &mut State| state.jobs.is_empty() && state.stopped.is_none();
        let state = self.changed.wait_while(self.lock(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.stopped.is_none().then(|| state.take_out())
    }

    /// Puts back what goes on and ends the rest, at `at`.
    pub(super) fn settle(&self, parts: impl IntoIterator<Item = Part>, at: Moment) {
        let mut state = self.lock();
        let ended: Vec<_> = parts.into_iter().filter_map(|part| state.put_back(part)).collect();
        for (job, _) in &ended {
            state.ended.count(job);
        }
        drop(state);
        for (job, finish) in ended {
            job.done(finish, at);
        }
    }
}

impl State {
    fn take_out(&mut self) -> Batch {
        let step = self.scheduler.step();
        let copies = step.copies.iter().map(|(from, to)| (from.0, to.0)).collect();
        let mut batch = Batch { copies, parts: Vec::new(), tables: Vec::new() };
        for entry in step.entries {
            let Some(job) = self.jobs.remove(&entry.id) else { continue };
            self.out.insert(entry.id, false);
            let first = batch.tables.len();
            batch.tables.extend(self.scheduler.blocks(entry.id).iter().map(|block| block.0));
            let table = first..batch.tables.len();
            batch.parts.push(Part { job, entry, table, next: Next::Reads });
        }
        batch
    }

    /// Takes a job back, or hands it over with how it ended.
    fn put_back(&mut self, part: Part) -> Option<(Job, Finish)> {
        let Part { job, entry: Entry { id, .. }, next, .. } = part;
        let given_up = self.out.remove(&id) == Some(true);
        match next {
            Next::Ends(finish) => {
                self.scheduler.end(id);
                return Some((job, finish));
            }
            Next::Breaks(finish) => {
                self.scheduler.cancel(id);
                return Some((job, finish));
            }
            Next::Reads | Next::Decodes(_) if given_up => {
                self.scheduler.cancel(id);
                return Some((job, Finish::Cancelled));
            }
            Next::Reads => {}
            Next::Decodes(sealed) => _ = self.scheduler.token(id, sealed),
        }
        self.jobs.insert(id, job);
        None
    }
}
