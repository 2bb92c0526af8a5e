//! A measurement: open the model, then for each plan describe the machine, start a record, run.

use super::MeasureError;
use super::header::{header, part};
use super::service::Service;
use crate::clock::{Clock, LapClock, RunClock};
use crate::engine::device::Placement;
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::engine::{DeviceChoice, EngineChoice};
use crate::load::{Answer, Driver, Journal, Past, Progress};
use crate::model::tokenizer::TokenizerError;
use crate::model::{Control, Loaded, ModelError, Tokenizer};
use crate::record::{Event, Header, Outcome, Peaks, Sweep};
use crate::target::{Prompt, Request, Target};
use crate::telemetry::{PERIOD, Sources, Telemetry, peaks};
use crate::units::Tokens;
use crate::workload::{Draft, Plan, Turn, ids, ids_after};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The model under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What to call it.
    pub name: String,
    /// The family whose API prices can be laid beside it.
    pub family: Option<String>,
    /// Its checksum, where that is known.
    pub sha256: Option<String>,
    /// Its file.
    pub path: PathBuf,
}

/// Everything that a measurement is made of.
#[derive(Debug)]
pub struct Measurement<'a> {
    /// What to run.
    pub subject: &'a Subject,
    /// What to send it: a run each, in this order. Of several, the runs are one sweep.
    pub plans: &'a [Plan],
    /// How it chooses tokens.
    pub sampling: SamplerParams,
    /// Where it runs.
    pub device: DeviceChoice,
    /// What runs it.
    pub engine: EngineChoice,
    /// How many threads compute; `None`: one for each core that this process may use.
    pub threads: Option<NonZeroU32>,
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
    /// The machine's peaks are probed.
    Probing,
    /// The weights are loaded.
    Loading,
    /// The next run of a sweep begins.
    Rung {
        /// Requests in flight.
        in_flight: u32,
        /// Which run this is, counted from 1.
        index: u32,
        /// How many there are to be.
        of: u32,
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
}

impl Measurement<'_> {
    /// Makes the measurement.
    ///
    /// # Errors
    /// Where the model can't be run, the machine lacks something, or a run fails. From the start
    /// of a record on, the failure is in it, too; the runs before it are on record, whole.
    pub fn make(&self, watch: &mut dyn FnMut(Stage)) -> Result<Measured, MeasureError> {
        let loaded = Loaded::open(&self.subject.path)?;
        let limit = match self.engine {
            EngineChoice::Own => loaded.describe()?.spec.context,
            EngineChoice::Reference => loaded.runnable()?.context,
        };
        self.plans.iter().try_for_each(|plan| check_context(plan, limit))?;
        // A tokenizer that can't do this can't do anything; better now than in mid-run.
        encode(&loaded.tokenizer, "a").map_err(ModelError::from)?;
        let placement = self.device.open()?;
        if let Some(why) = placement.without_cuda.clone() {
            watch(Stage::OnCpu { why });
        }
        let mut bench = Bench {
            clock: Arc::new(LapClock::on(RunClock::start())),
            measurement: self,
            loaded: &loaded,
            placement: &placement,
            opened: None,
            sweep: None,
            folders: Vec::new(),
        };
        let outcome = bench.all(watch)?;
        Ok(Measured { folders: bench.folders, outcome })
    }

    fn request(&self, turn: &Turn, past: Option<Past>, tokenizer: &Tokenizer) -> Request {
        // An encoder that fails gives no tokens, and the target refuses an empty prompt.
        let encode = |text: &str| encode(tokenizer, text).unwrap_or_default();
        let prompt = match (&turn.draft, past) {
            (Draft::Prose(segments), None) => ids(segments, &encode),
            (
                Draft::Prose(segments),
                Some(Past { prompt: Prompt::Ids(before), answer: Answer::Ids(answer) }),
            ) => [before, answer, ids_after(segments, &encode)].concat(),
            // An engine in this process is asked, and answers, in ids alone.
            _ => Vec::new(),
        };
        let sampling = SamplerParams { seed: turn.seed, ..self.sampling };
        Request::new(turn.id, prompt, sampling, StopRules::exactly(turn.output))
    }
}

/// What the runs of a measurement have in common.
struct Bench<'a> {
    clock: Arc<LapClock<RunClock>>,
    measurement: &'a Measurement<'a>,
    loaded: &'a Loaded,
    placement: &'a Placement,
    /// What the first run has opened.
    opened: Option<Opened>,
    /// The sweep's name, once the first of several runs has one.
    sweep: Option<String>,
    folders: Vec<PathBuf>,
}

/// What is opened once for all runs.
struct Opened {
    target: Box<dyn Target>,
    /// What the machine can do at most, where that was probed.
    peaks: Option<Peaks>,
}

impl Bench<'_> {
    /// A run for each plan, up to the first that doesn't come to its end.
    fn all(&mut self, watch: &mut dyn FnMut(Stage)) -> Result<Outcome, MeasureError> {
        for index in 0..self.measurement.plans.len() {
            if index > 0 && self.measurement.stop.load(Ordering::Relaxed) {
                return Ok(Outcome::Interrupted);
            }
            let outcome = self.rung(index, watch)?;
            if outcome != Outcome::Complete {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Complete)
    }

    /// One run and its record.
    fn rung(
        &mut self,
        index: usize,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Outcome, MeasureError> {
        let (measurement, of) = (self.measurement, self.measurement.plans.len());
        let plan = &measurement.plans[index];
        // Opened anew for each run: its counters and its pace begin with the run.
        let telemetry = Telemetry::open(&Sources::default(), PERIOD);
        self.clock.restart();
        let info = telemetry.info().clone();
        let mut header = header(measurement, plan, self.loaded, info, self.placement.is_cuda());
        let part =
            |first: &str, sweep: Option<&str>| (of > 1).then(|| part(sweep, first, index, of));
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
        telemetry: Telemetry,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Outcome, MeasureError> {
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => self.open(recording, watch)?,
        };
        let opened = self.opened.insert(opened);
        recording.header.engine = opened.target.describe();
        recording.header.peaks.clone_from(&opened.peaks);
        recording.journal.update(&recording.header)?;
        if let Some(sweep) = &recording.header.sweep {
            let (in_flight, Sweep { index, of, .. }) = (plan.in_flight_max(), sweep.clone());
            watch(Stage::Rung { in_flight, index, of });
        }
        let readings = recording.journal.writer();
        let clock: Arc<dyn Clock> = Arc::clone(&recording.clock) as Arc<dyn Clock>;
        let sampler = telemetry
            .sample(clock, move |event| readings.note(event))
            .map_err(MeasureError::Telemetry)?;
        let driver = Driver {
            plan,
            target: opened.target.as_ref(),
            clock: recording.clock.as_ref(),
            journal: recording.journal.writer(),
            stop: self.measurement.stop,
            make: &|turn, past| self.measurement.request(turn, past, &self.loaded.tokenizer),
            enough: &|ended| ended.len() >= plan.enough() as usize,
            backlog_max: None,
        };
        let outcome = driver.run(&mut |progress| watch(Stage::Running(progress)));
        sampler.stop();
        Ok(outcome?)
    }

    /// Probes the machine and opens the engine; what was found stands in the record at once, should
    /// the next thing fail.
    fn open(
        &self,
        recording: &mut Recording,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Opened, MeasureError> {
        let Self { measurement, loaded, placement, .. } = *self;
        let mut peaks = None;
        if !placement.is_cuda() {
            watch(Stage::Probing);
            let cores = recording.header.host.cores;
            let probed = peaks::probe(self.clock.as_ref(), cores, loaded.shape.weights_read)?;
            peaks = Some(probed.to_record());
            recording.header.peaks.clone_from(&peaks);
            recording.journal.update(&recording.header)?;
        }
        watch(Stage::Loading);
        let Measurement { engine, threads, plans, .. } = *measurement;
        let path = &measurement.subject.path;
        let service = Service { engine, threads, plans, path, loaded, placement };
        let target = service.open(Arc::clone(&self.clock) as Arc<dyn Clock>)?;
        Ok(Opened { target, peaks })
    }
}

/// A run's record while it is made.
struct Recording {
    header: Header,
    journal: Journal,
    clock: Arc<LapClock<RunClock>>,
}

impl Recording {
    /// Notes the sweep that it belongs to, and says the sweep's name.
    fn belongs_to(&mut self, sweep: Option<Sweep>) -> Result<Option<String>, MeasureError> {
        if self.header.sweep != sweep {
            self.header.sweep.clone_from(&sweep);
            self.journal.update(&self.header)?;
        }
        Ok(sweep.map(|sweep| sweep.name))
    }

    /// Ends the record. The driver notes how it ended; what failed outside of it is noted here.
    fn close(self, failure: Option<&MeasureError>) -> Result<(), MeasureError> {
        if let Some(error) = failure
            && !matches!(error, MeasureError::Driver(_))
        {
            let outcome = Outcome::Failed(error.to_string());
            self.journal.writer().note(Event::End { at: self.clock.now(), outcome });
        }
        Ok(self.journal.close()?)
    }
}

fn check_context(plan: &Plan, limit: Tokens) -> Result<(), MeasureError> {
    let longest = plan.longest();
    if longest > limit {
        return Err(MeasureError::Context { longest, limit });
    }
    Ok(())
}

/// A prompt's tokens: text is text, whatever it looks like.
fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, TokenizerError> {
    tokenizer.encode_prompt(text, Control::Literal)
}
