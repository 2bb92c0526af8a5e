//! One measurement: open the model, describe the machine, start a record, run the plan.

use super::MeasureError;
use crate::clock::{Clock, RunClock, wall};
use crate::engine::device::Placement;
use crate::engine::reference::{Architecture, Reference};
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::engine::{DeviceChoice, Forward, Solo};
use crate::load::{Driver, Journal, Progress};
use crate::model::tokenizer::TokenizerError;
use crate::model::{Control, Loaded, ModelError, Runnable, Tokenizer};
use crate::record::reading::GpuInfo;
use crate::record::{Event, Header, Host, Model, Outcome, Workload};
use crate::target::Request;
use crate::target::in_process::{InProcess, Serving};
use crate::telemetry::cpu::Machine;
use crate::telemetry::{PERIOD, Sources, Telemetry, peaks};
use crate::workload::{Plan, Planned, prompt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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
    /// What to send it.
    pub plan: Plan,
    /// How it chooses tokens.
    pub sampling: SamplerParams,
    /// Where it runs.
    pub device: DeviceChoice,
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
    /// Requests are under way.
    Running(Progress),
}

/// A measurement that ended, well or stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its record.
    pub folder: PathBuf,
    /// How it ended.
    pub outcome: Outcome,
}

impl Measurement<'_> {
    /// Makes the measurement.
    ///
    /// # Errors
    /// Where the model can't be run, the machine lacks something, or the run fails. From the start
    /// of the record on, the failure is in it, too.
    pub fn make(&self, watch: &mut dyn FnMut(Stage)) -> Result<Measured, MeasureError> {
        let loaded = Loaded::open(&self.subject.path)?;
        let runnable = loaded.runnable()?;
        self.check_context(&runnable)?;
        // A tokenizer that can't do this can't do anything; better now than in mid-run.
        encode(&loaded.tokenizer, "a").map_err(ModelError::from)?;
        let placement = self.device.open()?;
        if let Some(why) = placement.without_cuda.clone() {
            watch(Stage::OnCpu { why });
        }
        let telemetry = Telemetry::open(&Sources::default(), PERIOD);
        let mut header = self.header(&loaded, &telemetry, placement.is_cuda());
        let clock: Arc<dyn Clock> = Arc::new(RunClock::start());
        let journal = Journal::create(self.runs, &mut header)?;
        let mut recording = Recording { header, journal, clock };
        let result = self.run(&mut recording, &loaded, &placement, telemetry, watch);
        let folder = recording.journal.folder().to_owned();
        // What could not be written explains whatever failed after it.
        let closed = recording.close(result.as_ref().err());
        match closed.and(result) {
            Ok(outcome) => Ok(Measured { folder, outcome }),
            Err(error) => Err(MeasureError::Recorded { error: Box::new(error), folder }),
        }
    }

    /// What is done once there is a record to do it in.
    fn run(
        &self,
        recording: &mut Recording,
        loaded: &Loaded,
        placement: &Placement,
        telemetry: Telemetry,
        watch: &mut dyn FnMut(Stage),
    ) -> Result<Outcome, MeasureError> {
        if !placement.is_cuda() {
            watch(Stage::Probing);
            let cores = recording.header.host.cores;
            let peaks = peaks::probe(recording.clock.as_ref(), cores, loaded.shape.weights_read)?;
            recording.header.peaks = Some(peaks.to_record());
            recording.journal.update(&recording.header)?;
        }
        watch(Stage::Loading);
        let architecture: Architecture = loaded.shape.architecture.parse()?;
        let engine = Reference::load(&self.subject.path, architecture, placement)?;
        recording.header.engine = engine.describe();
        recording.journal.update(&recording.header)?;
        let eos = loaded.tokenizer.end_of_generation().to_vec();
        let clock = Arc::clone(&recording.clock);
        let engine = Box::new(Solo::new(engine));
        let target = InProcess::start(engine, eos, Arc::clone(&clock), Serving::default())?;
        let readings = recording.journal.writer();
        let sampler = telemetry
            .sample(Arc::clone(&clock), move |event| readings.note(event))
            .map_err(MeasureError::Telemetry)?;
        let driver = Driver {
            plan: self.plan,
            target: &target,
            clock: clock.as_ref(),
            journal: recording.journal.writer(),
            stop: self.stop,
            make: &|planned| self.request(planned, &loaded.tokenizer),
        };
        let outcome = driver.run(&mut |progress| watch(Stage::Running(progress)));
        sampler.stop();
        Ok(outcome?)
    }

    fn request(&self, planned: Planned, tokenizer: &Tokenizer) -> Request {
        // An encoder that fails gives no tokens, and the target refuses an empty prompt.
        let encode = |text: &str| encode(tokenizer, text).unwrap_or_default();
        let prompt = prompt(planned.prompt, planned.seed, &encode);
        let sampling = SamplerParams { seed: planned.seed, ..self.sampling };
        Request::new(planned.id, prompt, sampling, StopRules::exactly(planned.output))
    }

    fn check_context(&self, runnable: &Runnable) -> Result<(), MeasureError> {
        let Plan { prompt, output, .. } = self.plan;
        let limit = runnable.context;
        if prompt + output > limit {
            return Err(MeasureError::Context { prompt, output, limit });
        }
        Ok(())
    }

    fn header(&self, loaded: &Loaded, telemetry: &Telemetry, on_gpu: bool) -> Header {
        let started = wall();
        let machine = Machine::read();
        let info = telemetry.info().clone();
        let gpu = on_gpu.then(|| only_name(&info.gpus));
        Header {
            schema: Header::SCHEMA.to_owned(),
            id: started.strftime("%Y-%m-%dT%H-%M-%SZ").to_string(),
            started,
            mtok: env!("CARGO_PKG_VERSION").to_owned(),
            host: Host {
                os: machine.os,
                cpu: machine.cpu.unwrap_or_else(|| "unknown CPU".to_owned()),
                cores: machine.cores,
                memory: machine.memory,
                gpus: u32::try_from(info.gpus.len()).unwrap_or(0).max(u32::from(gpu.is_some())),
                gpu,
            },
            model: Model {
                name: self.subject.name.clone(),
                family: self.subject.family.clone(),
                sha256: self.subject.sha256.clone(),
                shape: loaded.shape.clone(),
            },
            engine: "not loaded".to_owned(),
            workload: Workload {
                in_flight: self.plan.in_flight,
                prompt: self.plan.prompt,
                output: self.plan.output,
                measure: self.plan.measure,
                seed: self.plan.seed,
                sampling: self.sampling.to_string(),
            },
            telemetry: info,
            peaks: None,
        }
    }
}

/// A run's record while it is made.
struct Recording {
    header: Header,
    journal: Journal,
    clock: Arc<dyn Clock>,
}

impl Recording {
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

/// The name of the GPU that CUDA gave us. CUDA and NVML count GPUs in different orders, so where they
/// are not all alike there is no telling which one it is, and no book may be opened by a guess.
fn only_name(gpus: &[GpuInfo]) -> String {
    match gpus {
        [] => "a CUDA device that NVML can't name".to_owned(),
        [first, others @ ..] if others.iter().all(|gpu| gpu.name == first.name) => {
            first.name.clone()
        }
        _ => "one of several unlike CUDA devices".to_owned(),
    }
}

/// A prompt's tokens: text is text, whatever it looks like.
fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, TokenizerError> {
    tokenizer.encode_prompt(text, Control::Literal)
}
