//! An engine in this process: one thread that computes, batches that change with every step.
//!
//! What is asked for waits in the [scheduler](crate::schedule), under one lock with what belongs to
//! it; the engine's thread takes a step's jobs out, computes without the lock, and puts back what
//! goes on. So requests come and go, and are counted, while a step runs.
//!
//! Invariant: a job is in the state or in the engine's hands, never in both, and whoever takes it
//! out for good ends it; so there is exactly one `Done`. A step that fails ends the sequences in it;
//! a panic ends the target, not the process: all that is live fails with its message, and later
//! requests are refused. Guarded by `tests` beside this file.
//!
//! Nobody waits for a consumer: deliveries go into channels without bounds. What may lie there
//! undelivered is bounded all the same, by the output of the requests that were accepted, and their
//! number by the scheduler's limits. A consumer that is gone is noticed with the next delivery, so
//! its sequence loses its blocks within the step that is under way or the one after it.
//!
//! Blocks of the KV cache are shared by a chained hash of their tokens (`prefix`); tokens are not
//! compared.

mod job;
mod prefix;
mod runner;
mod state;
#[cfg(test)]
mod tests;

use super::{Delivery, Prompt, Request, Target, TargetError};
use crate::clock::Clock;
use crate::engine::{Capacity, Engine};
use crate::record::reading::ServerReading;
use crate::record::{Finish, RequestId, Step};
use crate::schedule::{Counts, Limits, Refusal, Scheduler};
use crate::units::{Ratio, Tokens};
use job::Job;
use state::Shared;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

/// How an engine serves, besides what it can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// Requests that may wait.
    pub waiting_max: u32,
    /// The most tokens of one prompt in a step.
    pub chunk_max: u32,
    /// How many steps of waiting one level of priority is worth.
    pub patience: u32,
    /// Whether requests share what they have in common.
    pub prefix_cache: bool,
}

impl Default for Serving {
    fn default() -> Self {
        Self { waiting_max: 1_024, chunk_max: 512, patience: 1_000, prefix_cache: true }
    }
}

/// How an engine stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// Sequences that run.
    pub running: u32,
    /// Requests that have not run yet.
    pub waiting: u32,
    /// Sequences that lost their place and wait for another.
    pub preempted: u32,
    /// The share of the KV cache's blocks that sequences hold.
    pub kv_used: Ratio,
    /// The share that is kept for prefixes, and free to whoever needs it.
    pub kv_cached: Ratio,
    /// Prompt tokens of all requests that were admitted.
    pub prefix_queried: Tokens,
    /// Of these, those that the prefix cache had.
    pub prefix_hit: Tokens,
    /// Places lost so far.
    pub preemptions: u64,
    /// Steps so far.
    pub steps: u64,
}

impl Metrics {
    fn of(counts: Counts, blocks: u32) -> Self {
        let share = |part: u32| Ratio::of(f64::from(part) / f64::from(blocks));
        Self {
            running: counts.running,
            waiting: counts.waiting,
            preempted: counts.preempted,
            kv_used: share(counts.blocks_held),
            kv_cached: share(counts.blocks_cached),
            prefix_queried: Tokens(counts.prefix_queried),
            prefix_hit: Tokens(counts.prefix_hit),
            preemptions: counts.preemptions,
            steps: counts.steps,
        }
    }
}

/// An engine in this process.
pub struct InProcess {
    shared: Arc<Shared>,
    /// Taken when the target is dropped.
    thread: Option<JoinHandle<()>>,
    /// The model's own end tokens.
    eos: Vec<u32>,
    capacity: Capacity,
    /// Where blocks are shared, they are hashed.
    prefix_cache: bool,
    description: String,
}

impl InProcess {
    /// Starts the engine's thread. `eos` are the model's own end tokens.
    ///
    /// # Errors
    /// Where the scheduler can't work within these limits, or the system gives no thread.
    pub fn start(
        engine: Box<dyn Engine>,
        eos: Vec<u32>,
        clock: Arc<dyn Clock>,
        serving: Serving,
    ) -> Result<Self, TargetError> {
        let (capacity, description) = (engine.capacity(), engine.describe());
        let scheduler = Scheduler::new(limits(&capacity, &serving))?;
        let shared = Arc::new(Shared::new(clock, scheduler));
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || runner::serve(&theirs, engine))
            .map_err(TargetError::Thread)?;
        let prefix_cache = serving.prefix_cache;
        Ok(Self { shared, thread: Some(thread), eos, capacity, prefix_cache, description })
    }

    /// How it stands now.
    pub fn metrics(&self) -> Metrics {
        Metrics::of(self.shared.counts(), self.capacity.blocks)
    }

    /// What the scheduler can't know about a request.
    fn check(&self, request: &Request) -> Result<(), TargetError> {
        let Prompt::Ids(ids) = &request.prompt else { return Err(TargetError::NoIds) };
        if ids.is_empty() {
            return Err(TargetError::EmptyPrompt);
        }
        let (prompt, output) = (tokens(ids.len()), request.stop.max_tokens);
        let limit = tokens(self.capacity.context);
        if prompt.0.saturating_add(output.0) > limit.0 {
            return Err(TargetError::Long { prompt, output, limit });
        }
        let vocabulary = self.capacity.vocabulary;
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocabulary) {
            return Err(TargetError::Token { id, vocabulary });
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
        let block_size = self.prefix_cache.then_some(self.capacity.block_size);
        let (job, arrival) = Job::new(request, &self.eos, block_size, to)?;
        self.shared.accept(job, arrival)
    }

    fn cancel(&self, id: RequestId) {
        self.shared.cancel(id);
    }

    fn steps(&self, to: Sender<Step>) {
        self.shared.watch(to);
    }

    /// Requests that lost their place wait for another. Tokens and requests are counted when a
    /// request ends, whatever its end.
    fn reading(&self) -> Option<ServerReading> {
        let (counts, ended) = self.shared.reading();
        let metrics = Metrics::of(counts, self.capacity.blocks);
        Some(ServerReading {
            running: Some(metrics.running),
            waiting: Some(metrics.waiting + metrics.preempted),
            kv_used: Some(metrics.kv_used),
            prefix_queried: Some(metrics.prefix_queried),
            prefix_hit: Some(metrics.prefix_hit),
            preemptions: Some(metrics.preemptions),
            prompt_tokens: Some(ended.prompt),
            output_tokens: Some(ended.output),
            requests: Some(ended.requests),
            started: None,
        })
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

fn limits(capacity: &Capacity, serving: &Serving) -> Limits {
    Limits {
        sequences_max: capacity.sequences,
        waiting_max: serving.waiting_max,
        step_tokens_max: capacity.step_tokens,
        chunk_max: serving.chunk_max,
        blocks: capacity.blocks,
        block_size: capacity.block_size,
        context_max: u32::try_from(capacity.context).unwrap_or(u32::MAX),
        patience: serving.patience,
        prefix_cache: serving.prefix_cache,
    }
}

/// A refusal in a target's words.
fn refused(id: RequestId, refusal: Refusal) -> TargetError {
    match refusal {
        Refusal::Full { limit } => TargetError::Full { limit: limit as usize },
        Refusal::Twice(_) => TargetError::Twice(id),
        other => TargetError::Refused(other),
    }
}

/// A length as a count of tokens.
fn tokens(length: usize) -> Tokens {
    Tokens(length as u64)
}
