//! A thread that reads the machine at a steady pace until it is told to stop.
//!
//! Invariant: losing a GPU or the whole of NVML in mid-run costs readings, never a run and never a
//! true value: what is lost is absent from the readings that follow, a [`Gap`] says since when and
//! why, and the source is tried again. Guarded by `tests/telemetry.rs`.
//!
//! What it costs a run is one wake-up per period and the calls themselves.

use super::cpu::CpuMeter;
use super::nvml::{self, Gpu, Session};
use crate::clock::Clock;
use crate::record::reading::{Gap, GpuReading, Reading};
use crate::record::{Event, Moment};
use crate::units::Seconds;
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// How long a lost source is left alone: initialising NVML takes long on a machine with many GPUs
/// and may disturb what runs there.
const RETRY: Seconds = Seconds(1.0);

/// How long the end of a run waits for a driver call that hangs, as calls to a dead GPU may.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where readings and losses go, from whichever thread.
#[derive(Clone)]
pub(super) struct Sink(Arc<Mutex<dyn FnMut(Event) + Send>>);

impl Sink {
    pub(super) fn new(sink: impl FnMut(Event) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(sink)))
    }

    pub(super) fn tell(&self, event: Event) {
        // A sink that panicked once is the caller's; readings are not worth a run.
        (self.0.lock().unwrap_or_else(PoisonError::into_inner))(event);
    }
}

/// The running threads; they end when this is stopped or dropped.
#[derive(Debug)]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    workers: Vec<Worker>,
}

impl Sampler {
    /// What is running already, and stops once `stop` is set.
    pub(super) fn of(stop: Arc<AtomicBool>) -> Self {
        Self { stop, workers: Vec::new() }
    }

    pub(super) fn add(&mut self, worker: Worker) {
        self.workers.push(worker);
    }

    /// Takes a last reading of everything and ends the threads. One that hangs in a call is left
    /// behind.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.workers.drain(..).for_each(Worker::end);
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.end();
    }
}

/// A thread that was told to stop, or will be.
#[derive(Debug)]
pub(super) struct Worker {
    /// Disconnected when the thread has ended.
    ended: mpsc::Receiver<()>,
    thread: thread::JoinHandle<()>,
    patience: Duration,
}

impl Worker {
    /// Starts a thread for whose end one waits no longer than `patience`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        name: &str,
        patience: Duration,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _alive: mpsc::Sender<()> = alive;
            work();
        })?;
        Ok(Self { ended, thread, patience })
    }

    fn end(self) {
        if self.ended.recv_timeout(self.patience) == Err(mpsc::RecvTimeoutError::Disconnected) {
            // A panic in it was the caller's sink's; readings are not worth a run.
            drop(self.thread.join());
        }
    }
}

/// What the thread owns.
pub(super) struct Sampling {
    pub(super) library: OsString,
    pub(super) gpus: Vec<Gpu>,
    pub(super) cpu: CpuMeter,
    pub(super) period: Seconds,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sink: Sink,
    pub(super) stop: Arc<AtomicBool>,
}

impl Sampling {
    /// Starts the thread, with the library where it could be opened.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(self, nvml: Option<Nvml>) -> std::io::Result<Worker> {
        let stop = Arc::clone(&self.stop);
        Worker::start("telemetry", PATIENCE, move || {
            Run { sampling: self, next: None, lost: BTreeMap::new(), stop: &stop }.run(nvml);
        })
    }
}

struct Run<'a> {
    sampling: Sampling,
    /// When the next reading is due.
    next: Option<Moment>,
    /// GPUs that are lost, and when to try them again.
    lost: BTreeMap<u32, Moment>,
    stop: &'a AtomicBool,
}

impl Run<'_> {
    /// Each round is one time of talking to NVML, or of waiting to talk to it again.
    fn run(mut self, mut nvml: Option<Nvml>) {
        while !self.stopping() {
            match nvml.take() {
                Some(library) => {
                    let session = Session::new(&library, &self.sampling.gpus);
                    self.readings(Some(session), None);
                    // The library is closed here, so that opening it starts afresh.
                }
                None if self.sampling.gpus.is_empty() => self.readings(None, None),
                None => {
                    let retry = self.sampling.clock.now().after(RETRY);
                    self.readings(None, Some(retry));
                    // The loss is on record since it was noticed; that it lasts is no news.
                    nvml = nvml::open(&self.sampling.library).ok();
                }
            }
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Reads until told to stop, until every GPU is lost, or until `end`.
    fn readings(&mut self, mut session: Option<Session>, end: Option<Moment>) {
        let gpus = self.sampling.gpus.len();
        loop {
            let stopping = self.wait();
            self.read(session.as_mut());
            let all_lost = session.is_some() && gpus > 0 && self.lost.len() == gpus;
            if stopping || all_lost || end.is_some_and(|end| self.sampling.clock.now() >= end) {
                return;
            }
        }
    }

    /// Waits until the next reading is due; whether it is the last.
    fn wait(&mut self) -> bool {
        let clock = &self.sampling.clock;
        let now = clock.now();
        // A late reading is not made up for by a burst.
        let due = self.next.map_or(now, |next| next.max(now));
        clock.sleep_until(due);
        self.next = Some(due.after(self.sampling.period));
        self.stopping()
    }

    fn read(&mut self, session: Option<&mut Session>) {
        let at = self.sampling.clock.now();
        let cpu_time = self.sampling.cpu.time();
        let cpu_energy = self.sampling.cpu.energy();
        let gpus = session.map(|session| self.read_gpus(session, at)).unwrap_or_default();
        let reading = Reading { at, cpu_time, cpu_energy, gpus, server: None };
        self.sampling.sink.tell(Event::Reading(Box::new(reading)));
    }

    /// Reads the GPUs that are there; the first failure of each is told.
    fn read_gpus(&mut self, session: &mut Session, at: Moment) -> Vec<GpuReading> {
        let mut readings = Vec::new();
        let mut failures: Vec<(u32, NvmlError)> = Vec::new();
        for gpu in &self.sampling.gpus {
            let index = gpu.info.index;
            if self.lost.get(&index).is_some_and(|retry| at < *retry) {
                continue;
            }
            match session.read(&gpu.info) {
                Ok(reading) => {
                    self.lost.remove(&index);
                    readings.push(reading);
                }
                Err(error) => {
                    if self.lost.insert(index, at.after(RETRY)).is_none() {
                        failures.push((index, error));
                    }
                }
            }
        }
        for (index, error) in failures {
            self.sampling.sink.tell(Event::Gap(Gap::of_gpu(at, index, error.to_string())));
        }
        readings
    }
}
