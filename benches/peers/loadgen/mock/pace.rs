//! The one thread that writes: every write at its due time, the earliest first.
//!
//! Invariant: a write's due time is its request's start plus a fixed span of the server's own time;
//! lateness of one write moves no other.

use super::answer::Answer;
use super::log::{Entry, Outcome};
use super::{Connection, Fault, Shared, nanos, now, stall};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// A request on its way to the writer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) connection: Arc<Connection>,
    pub(super) answer: Answer,
    pub(super) entry: Entry,
    pub(super) fault: Option<Fault>,
}

/// How readers reach the writer.
#[derive(Debug, Default)]
pub(super) struct Pace {
    inbox: Mutex<Vec<Job>>,
    writer: OnceLock<Thread>,
}

impl Pace {
    pub(super) fn add(&self, job: Job) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(job);
        self.wake();
    }

    pub(super) fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }
}

/// A request that runs.
#[derive(Debug)]
struct Running {
    job: Job,
    /// When its clock began to run, on the server's own time.
    start: u64,
    chunk: u32,
}

/// What the writer knows.
#[derive(Debug, Default)]
struct Writer {
    running: Vec<Option<Running>>,
    free: Vec<usize>,
    count: usize,
    /// When each running request's next write is due, and its place in `running`.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    waiting: VecDeque<Job>,
    /// Came in a stall, in which not even headers are written.
    held: Vec<Job>,
}

/// In place of a place: those that are held.
const HELD: usize = usize::MAX;

/// Writes until the server stops.
pub(super) fn run(shared: &Shared) {
    shared.pace.writer.get_or_init(thread::current);
    // By default the kernel may wake a thread 50 us late, so that it can wake others with it.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    let mut writer = Writer::default();
    while !shared.stop.load(Ordering::Relaxed) {
        let jobs = {
            let mut inbox = shared.pace.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *inbox)
        };
        for job in jobs {
            writer.receive(shared, job);
        }
        let mut left = None;
        while let Some(Reverse((due, place))) = writer.due.peek().copied() {
            let at = now();
            if due > at {
                left = Some(Duration::from_nanos(due - at));
                break;
            }
            writer.due.pop();
            if place == HELD {
                for job in std::mem::take(&mut writer.held) {
                    writer.receive(shared, job);
                }
            } else {
                writer.write(shared, place, at);
            }
        }
        match left {
            Some(left) => thread::park_timeout(left),
            // Whoever adds a request wakes this thread.
            None => thread::park(),
        }
    }
}

impl Writer {
    fn receive(&mut self, shared: &Shared, job: Job) {
        if job.fault == Some(Fault::Silence) {
            return;
        }
        let (origin, at) = (shared.origin.load(Ordering::Relaxed), now());
        let stalls = &shared.config.stalls;
        let on = origin
            + stall::wall_time(stalls, stall::server_time(stalls, at.saturating_sub(origin)));
        if on > at {
            self.held.push(job);
            self.due.push(Reverse((on, HELD)));
            return;
        }
        if write(&job.connection, &job.answer.head).is_err() {
            return finish(shared, job, Outcome::Gone);
        }
        if shared.config.slots.is_some_and(|slots| self.count >= slots) {
            shared.counters.waiting.fetch_add(1, Ordering::Relaxed);
            self.waiting.push_back(job);
        } else {
            let read = job.entry.read;
            self.start(shared, job, read);
        }
    }

    /// Starts a request's clock.
    fn start(&mut self, shared: &Shared, mut job: Job, at: u64) {
        job.entry.started = Some(at);
        self.count += 1;
        shared.counters.running.fetch_add(1, Ordering::Relaxed);
        let origin = shared.origin.load(Ordering::Relaxed);
        let start = stall::server_time(&shared.config.stalls, at.saturating_sub(origin));
        let running = Running { job, start, chunk: 0 };
        let place = self.free.pop().unwrap_or_else(|| {
            self.running.push(None);
            self.running.len() - 1
        });
        self.due.push(Reverse((running.due(shared), place)));
        self.running[place] = Some(running);
    }

    /// Makes the next write of the request at a place.
    fn write(&mut self, shared: &Shared, place: usize, at: u64) {
        let Some(running) = &mut self.running[place] else { return };
        let Running { job, chunk, .. } = running;
        let (connection, answer, entry) = (&job.connection, &job.answer, &mut job.entry);
        let broken = matches!(job.fault, Some(Fault::Broken { after }) if after <= *chunk);
        let outcome = if broken {
            drop(connection.stream.shutdown(Shutdown::Both));
            Outcome::Broken
        } else if write(connection, &answer.bytes(*chunk, job.fault)).is_err() {
            Outcome::Gone
        } else {
            entry.writes.push(at);
            let tokens = u64::from(answer.tokens_in(*chunk));
            entry.output += tokens;
            shared.counters.generation.fetch_add(tokens, Ordering::Relaxed);
            *chunk += 1;
            if *chunk < answer.chunks() {
                self.due.push(Reverse((running.due(shared), place)));
                return;
            }
            Outcome::Done
        };
        if let Some(Running { job, .. }) = self.running[place].take() {
            self.free.push(place);
            self.count -= 1;
            shared.counters.running.fetch_sub(1, Ordering::Relaxed);
            finish(shared, job, outcome);
        }
        if let Some(job) = self.waiting.pop_front() {
            shared.counters.waiting.fetch_sub(1, Ordering::Relaxed);
            self.start(shared, job, at);
        }
    }
}

impl Running {
    /// When its next write is due.
    fn due(&self, shared: &Shared) -> u64 {
        let config = &shared.config;
        let gaps = u64::from(self.job.answer.gaps_before(self.chunk));
        let span = nanos(config.ttft) + gaps * nanos(config.itl);
        let origin = shared.origin.load(Ordering::Relaxed);
        origin + stall::wall_time(&config.stalls, self.start + span)
    }
}

fn write(connection: &Connection, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    if connection.gone.load(Ordering::Relaxed) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    let mut stream = &connection.stream;
    let written = stream.write_all(bytes);
    if written.is_err() {
        // Half a chunk may be out: nothing that follows would be understood.
        connection.gone.store(true, Ordering::Relaxed);
        drop(stream.shutdown(Shutdown::Both));
    }
    written
}

/// Enters a request into the log, and only then lets the client see that it is over: whoever has
/// its answer finds it in the log and in the counts.
fn finish(shared: &Shared, mut job: Job, outcome: Outcome) {
    job.entry.end = now();
    job.entry.outcome = outcome;
    if outcome == Outcome::Done {
        shared.counters.done.fetch_add(1, Ordering::Relaxed);
    }
    shared.log().push(job.entry);
    if outcome == Outcome::Done {
        // A client that has gone now has all its tokens.
        drop(write(&job.connection, &job.answer.tail));
    }
}
