//! A measurement: open what answers, then for each run describe the machine, start a record, run.

use super::MeasureError;
use super::course::{Course, Hunting};
use super::header::{header, part};
use super::local::LocalReady;
use super::ready::Ready;
use super::recording::Recording;
use super::remote::RemoteReady;
use super::search::Next;
use super::subject::Subject;
use crate::clock::{Clock, LapClock, RunClock};
use crate::engine::sampler::SamplerParams;
use crate::load::{Driver, Ended, Journal, Progress};
use crate::record::{Arrivals, Level, Outcome, Peaks};
use crate::store;
use crate::summary::relative_error;
use crate::target::TargetError;
use crate::telemetry::{PERIOD, Sources, Telemetry};
use crate::units::{Quantity, Ratio};
use crate::workload::Plan;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An open loop's backlog may be so many requests whatever the rate.
const BACKLOG: usize = 64;

/// Everything that a measurement is made of.
#[derive(Debug)]
pub struct Measurement<'a> {
    /// What is measured.
    pub subject: &'a Subject,
    /// Which runs are made.
    pub course: &'a Course,
    /// How it chooses tokens.
    pub sampling: SamplerParams,
    /// Runs go on until the output rate is known within this, as long as time is granted; `None`: until
    /// there are enough rounds for an interval.
    pub precision: Option<Ratio>,
    /// Where records are kept.
    pub runs: &'a Path,
    /// Set by somebody who wants it to end now.
    pub stop: &'a AtomicBool,
}

/// How far a measurement has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// It will run on the CPU, though this build could use a GPU.
    OnCpu {
        /// What the driver said.
        why: String,
    },
    /// The server is reached, and asked what it is.
    Reaching,
    /// The machine's peaks are probed.
    Probing,
    /// The weights are loaded.
    Loading,
    /// The next run of a sweep begins.
    Rung {
        /// Its load.
        level: Level,
        /// Which run this is, counted from 1.
        index: u32,
        /// How many there are to be, where that is known.
        of: Option<u32>,
    },
    /// Requests are under way.
    Running(Progress),
}

/// A measurement that ended, well or stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The records of its runs, in their order; where it was stopped, fewer than planned.
    pub folders: Vec<PathBuf>,
    /// How it ended.
    pub outcome: Outcome,
    /// Of a search, what it found.
    pub found: Option<Next>,
}

impl Measurement<'_> {
    /// Makes the measurement.
    ///
    /// # Errors
    /// Where the model can't be run or the server not be reached, the machine lacks something, or a run
    /// fails. From the start of a record on, the failure is in it, too; the runs before it are on
    /// record, whole.
    pub fn make(&self, watch: &mut dyn FnMut(Stage)) -> Result<Measured, MeasureError> {
        let clock = Arc::new(LapClock::on(RunClock::start()));
        let ready: Box<dyn Ready + '_> = match self.subject {
            Subject::Local(local) => {
                let (longest, at_once) = (self.course.longest(), self.course.at_once());
                let ready = LocalReady::new(local, self.sampling, longest, at_once)?;
                if let Some(why) = ready.without_cuda() {
                    watch(Stage::OnCpu { why: why.to_owned() });
                }
                Box::new(ready)
            }
            Subject::Remote(remote) => {
                watch(Stage::Reaching);
                let clock = Arc::clone(&clock) as Arc<dyn Clock>;
                Box::new(RemoteReady::new(remote, self.sampling, self.course, clock)?)
            }
        };
        self.course.plans().try_for_each(|plan| ready.check(plan))?;
        let mut bench = Bench {
            measurement: self,
            clock,
            ready,
            peaks: None,
            sweep: None,
            folders: Vec::new(),
        };
        let (outcome, found) = match self.course {
            Course::Points(plans) => (bench.points(plans, watch)?, None),
            Course::Search(hunt) => {
                let mut hunting = Hunting::new(hunt);
                (bench.search(&mut hunting, watch)?, Some(hunting.found()))
            }
        };
        Ok(Measured { folders: bench.folders, outcome, found })
    }

    /// Whether what was measured is enough.
    fn is_enough(&self, plan: &Plan, ended: &[Ended]) -> bool {
        let round = usize::try_from(plan.in_flight_max()).unwrap_or(usize::MAX);
        let rounds = ended.len() >= usize::try_from(plan.enough()).unwrap_or(usize::MAX);
        let Some(precision) = self.precision else { return rounds };
        let ends: Vec<_> = ended.iter().map(|one| (one.at, one.output)).collect();
        rounds && relative_error(&ends, round).is_some_and(|error| error <= precision)
    }
}

/// What the runs of a measurement have in common.
struct Bench<'a> {
    measurement: &'a Measurement<'a>,
    clock: Arc<LapClock<RunClock>>,
    ready: Box<dyn Ready + 'a>,
    /// What the machine can do at most, where that was probed.
    peaks: Option<Peaks>,
    /// The sweep's name, once the first of several runs has one.
    sweep: Option<String>,
    folders: Vec<PathBuf>,
}

impl Bench<'_> {
    /// A run for each plan, up to the first that doesn't come to its end. One that the target falls
    /// behind in is an end, too: heavier ones need no look.
    fn points(
        &mut self,
        plans: &[Plan],
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Outcome, MeasureError> {
        for (index, plan) in plans.iter().enumerate() {
            if index > 0 && self.is_stopped() {
                return Ok(Outcome::Interrupted);
            }
            let outcome = self.rung(plan, watch)?;
            if outcome != Outcome::Complete {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Complete)
    }

    /// The runs that a search asks for.
    fn search(
        &mut self,
        hunting: &mut Hunting<'_>,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Outcome, MeasureError> {
        while let Some(plan) = hunting.plan() {
            if self.is_stopped() {
                return Ok(Outcome::Interrupted);
            }
            let outcome = self.rung(&plan, watch)?;
            if !matches!(outcome, Outcome::Complete | Outcome::Saturated) {
                return Ok(outcome);
            }
            let Some(folder) = self.folders.last() else { return Ok(outcome) };
            hunting.learn(&store::read(folder)?);
        }
        Ok(Outcome::Complete)
    }

    fn is_stopped(&self) -> bool {
        self.measurement.stop.load(Ordering::Relaxed)
    }

    /// One run and its record.
    fn rung(&mut self, plan: &Plan, watch: &mut dyn FnMut(Stage)) -> Result<Outcome, MeasureError> {
        let (measurement, index) = (self.measurement, self.folders.len());
        let of = measurement.course.len();
        // Opened anew for each run: its counters and its pace begin with the run.
        let sources = Sources { metrics: self.ready.metrics(), ..Sources::default() };
        let telemetry = Telemetry::open(&sources, PERIOD);
        self.clock.restart();
        let info = telemetry.info().clone();
        let mut header = header(self.ready.as_ref(), plan, &measurement.sampling, info);
        let part = |first: &str, sweep: Option<&str>| {
            (of != Some(1)).then(|| part(sweep, first, index, of))
        };
        header.sweep = part(&header.id, self.sweep.as_deref());
        let journal = Journal::create(measurement.runs, &mut header)?;
        // The store may have given the run another name than it was to have, and a sweep is named
        // after its first.
        let sweep = part(&header.id, self.sweep.as_deref());
        let mut recording = Recording { header, journal, clock: Arc::clone(&self.clock) };
        let result = recording.belongs_to(sweep).and_then(|name| {
            self.sweep = name;
            self.run(&mut recording, plan, telemetry, watch)
        });
        let folder = recording.journal.folder().to_owned();
        self.folders.push(folder.clone());
        // What could not be written explains whatever failed after it.
        let closed = recording.close(result.as_ref().err());
        let recorded = |error| MeasureError::Recorded { error: Box::new(error), folder };
        closed.and(result).map_err(recorded)
    }

    /// What is done once there is a record to do it in.
    fn run(
        &mut self,
        recording: &mut Recording,
        plan: &Plan,
        mut telemetry: Telemetry,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Outcome, MeasureError> {
        if self.ready.target().is_none() {
            self.open(recording, watch)?;
        }
        if let Some(reading) = self.ready.reading() {
            telemetry.watch_engine(reading);
        }
        let closed = || TargetError::Stopped { reason: "it was not opened".to_owned() };
        let target = self.ready.target().ok_or_else(closed)?;
        recording.header.engine = target.describe();
        recording.header.telemetry = telemetry.info().clone();
        recording.header.peaks.clone_from(&self.peaks);
        recording.update()?;
        if let Some(sweep) = &recording.header.sweep {
            let (level, index, of) = (plan.arrivals.level(), sweep.index, sweep.of);
            watch(Stage::Rung { level, index, of });
        }
        let readings = recording.journal.writer();
        let clock: Arc<dyn Clock> = Arc::clone(&recording.clock) as Arc<dyn Clock>;
        let sampler = telemetry
            .sample(clock, move |event| readings.note(event))
            .map_err(MeasureError::Telemetry)?;
        let driver = Driver {
            plan,
            target,
            clock: recording.clock.as_ref(),
            journal: recording.journal.writer(),
            stop: self.measurement.stop,
            make: &|turn, past| self.ready.request(turn, past),
            enough: &|ended| self.measurement.is_enough(plan, ended),
            backlog_max: backlog_max(plan),
        };
        let outcome = driver.run(&mut |progress| watch(Stage::Running(progress)));
        sampler.stop();
        Ok(outcome?)
    }

    /// Probes the machine and opens what answers; what was found stands in the record at once, should
    /// the next thing fail.
    fn open(
        &mut self,
        recording: &mut Recording,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<(), MeasureError> {
        watch(Stage::Probing);
        self.peaks = self.ready.probe(self.clock.as_ref())?;
        recording.header.peaks.clone_from(&self.peaks);
        recording.update()?;
        watch(Stage::Loading);
        self.ready.open(Arc::clone(&self.clock) as Arc<dyn Clock>)
    }
}

/// An open loop whose target serves less than half of what comes ends when that is plain: when as many
/// requests lie undone as come in half the run. A trace is replayed whole.
fn backlog_max(plan: &Plan) -> Option<usize> {
    if matches!(plan.arrivals, Arrivals::Trace { .. }) {
        return None;
    }
    let rate = plan.arrivals.rate()?;
    let half = (plan.warm_up + plan.measure) * Ratio::percent(50.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative; a cast saturates"
    )]
    let requests = (rate.get() * half.get()) as usize;
    Some(requests.max(BACKLOG))
}
