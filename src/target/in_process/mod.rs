//! An engine in this process: one thread that owns the model, one sequence at a time.
//!
//! Invariant: a job is owned by the queue or by the engine's thread, never by both, and whoever
//! takes it out of the queue ends it; so there is exactly one `Done`. A panic underneath ends the
//! target, not the process: the job in hand and all that wait fail with its message, and later ones
//! are refused. Guarded by `tests.rs` beside this file.

mod sequence;
#[cfg(test)]
mod tests;

use super::{Delivery, Request, Target, TargetError, What};
use crate::clock::Clock;
use crate::engine::sampler::Sampler;
use crate::engine::stop::Stop;
use crate::engine::{Detokenize, Forward, panic_text};
use crate::record::{Finish, RequestId};
use crate::units::Tokens;
use sequence::Sequence;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How many requests may wait, unless told otherwise.
pub const QUEUE_MAX: usize = 1_024;

/// An engine in this process.
pub struct InProcess {
    shared: Arc<Shared>,
    /// Taken when the target is dropped.
    thread: Option<JoinHandle<()>>,
    /// The model's own end tokens.
    eos: Vec<u32>,
    vocabulary: usize,
    context_limit: usize,
    description: String,
}

/// What submitters and the engine's thread share.
struct Shared {
    clock: Arc<dyn Clock>,
    queue_max: usize,
    state: Mutex<State>,
    /// Told of new work and of the end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// The request in the engine's hands, and the flag that gives it up.
    running: Option<(RequestId, Arc<AtomicBool>)>,
    /// Why nothing is accepted any more.
    stopped: Option<String>,
}

/// A request with all that was checked and made when it was accepted.
struct Job {
    id: RequestId,
    prompt: Vec<u32>,
    sampler: Sampler,
    stop: Stop,
    text: Option<Box<dyn Detokenize>>,
    to: Sender<Delivery>,
    cancelled: Arc<AtomicBool>,
}

impl InProcess {
    /// Starts the engine's thread. `eos` are the model's own end tokens.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        engine: Box<dyn Forward>,
        eos: Vec<u32>,
        clock: Arc<dyn Clock>,
        queue_max: usize,
    ) -> Result<Self, TargetError> {
        let (vocabulary, context_limit) = (engine.vocabulary(), engine.context_limit());
        let description = engine.describe();
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { clock, queue_max, state, changed });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || theirs.serve(engine))
            .map_err(TargetError::Thread)?;
        Ok(Self { shared, thread: Some(thread), eos, vocabulary, context_limit, description })
    }

    /// Everything about a request that can be known before it runs.
    fn check(&self, request: &Request) -> Result<(), TargetError> {
        if request.prompt.is_empty() {
            return Err(TargetError::EmptyPrompt);
        }
        let (prompt, output) = (tokens(request.prompt.len()), request.stop.max_tokens);
        let limit = tokens(self.context_limit);
        if prompt + output > limit {
            return Err(TargetError::Long { prompt, output, limit });
        }
        if let Some(&id) = request.prompt.iter().find(|&&id| id as usize >= self.vocabulary) {
            return Err(TargetError::Token { id, vocabulary: self.vocabulary });
        }
        if request.text.is_none() && !request.stop.strings.is_empty() {
            return Err(TargetError::NoText);
        }
        Ok(())
    }
}

impl Target for InProcess {
    fn submit(&self, request: Request, to: Sender<Delivery>) -> Result<(), TargetError> {
        self.check(&request)?;
        let job = Job {
            id: request.id,
            prompt: request.prompt,
            sampler: Sampler::new(request.sampling)?,
            stop: Stop::new(request.stop, &self.eos)?,
            text: request.text,
            to,
            cancelled: Arc::default(),
        };
        self.shared.accept(job)
    }

    fn cancel(&self, id: RequestId) {
        self.shared.cancel(id);
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}

/// Ends the thread; what waits or runs is cancelled.
impl Drop for InProcess {
    fn drop(&mut self) {
        self.shared.stop("it was shut down", &Finish::Cancelled);
        if let Some(thread) = self.thread.take() {
            // It catches its panics, so there is nothing to learn from how it ended.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The state; nothing that could panic ever runs while it is locked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, job: Job) -> Result<(), TargetError> {
        let mut state = self.lock();
        if let Some(reason) = &state.stopped {
            return Err(TargetError::Stopped { reason: reason.clone() });
        }
        let running = state.running.as_ref().map(|(id, _)| *id);
        if state.queue.iter().map(|job| job.id).chain(running).any(|id| id == job.id) {
            return Err(TargetError::Twice(job.id));
        }
        if state.queue.len() >= self.queue_max {
            return Err(TargetError::Full { limit: self.queue_max });
        }
        state.queue.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    fn cancel(&self, id: RequestId) {
        let mut state = self.lock();
        if let Some((_, flag)) = state.running.as_ref().filter(|(running, _)| *running == id) {
            flag.store(true, Ordering::Release);
        }
        let waiting = state.queue.iter().position(|job| job.id == id);
        let job = waiting.and_then(|index| state.queue.remove(index));
        drop(state);
        if let Some(job) = job {
            self.done(&job, Finish::Cancelled, 0);
        }
    }

    /// Accepts nothing more, gives up what runs, ends what waits.
    fn stop(&self, reason: &str, finish: &Finish) {
        let mut state = self.lock();
        state.stopped.get_or_insert_with(|| reason.to_owned());
        if let Some((_, flag)) = &state.running {
            flag.store(true, Ordering::Release);
        }
        let waiting = std::mem::take(&mut state.queue);
        drop(state);
        self.changed.notify_one();
        for job in waiting {
            self.done(&job, finish.clone(), 0);
        }
    }

    /// The next job, or `None` once the target has stopped.
    fn next(&self) -> Option<Job> {
        let waits = |state: &mut State| state.queue.is_empty() && state.stopped.is_none();
        let state = self.changed.wait_while(self.lock(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let job = state.queue.pop_front()?;
        state.running = Some((job.id, Arc::clone(&job.cancelled)));
        Some(job)
    }

    /// The engine's thread.
    fn serve(&self, mut engine: Box<dyn Forward>) {
        while let Some(mut job) = self.next() {
            let mut output = 0;
            let ended = catch_unwind(AssertUnwindSafe(|| {
                Sequence { job: &mut job, engine: engine.as_mut(), clock: self.clock.as_ref() }
                    .run(&mut output)
            }));
            self.lock().running = None;
            match ended {
                Ok(finish) => self.done(&job, finish, output),
                Err(payload) => {
                    let reason = format!("panic in the engine: {}", panic_text(payload.as_ref()));
                    let failed = Finish::Failed(reason.clone());
                    self.stop(&reason, &failed);
                    self.done(&job, failed, output);
                }
            }
        }
    }

    /// A receiver that is gone wants no end either.
    fn done(&self, job: &Job, finish: Finish, output: u64) {
        let (prompt, output) = (Some(tokens(job.prompt.len())), Tokens(output));
        let what = What::Done { finish, prompt, output };
        let _ = job.to.send(Delivery { id: job.id, at: self.clock.now(), what });
    }
}

/// A length as a count of tokens.
fn tokens(length: usize) -> Tokens {
    Tokens(length as u64)
}
