//! A model that this process runs.

use super::MeasureError;
use super::ready::{Reading, Ready};
use super::service::Service;
use super::subject::Local;
use crate::clock::Clock;
use crate::engine::device::Placement;
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::engine::{Detokenize, EngineChoice};
use crate::load::{Answer, Past};
use crate::model::chat::Rendering;
use crate::model::tokenizer::TokenizerError;
use crate::model::{Control, Loaded, ModelError};
use crate::record::reading::TelemetryInfo;
use crate::record::{Model, Peaks, Server};
use crate::target::in_process::InProcess;
use crate::target::{Prompt, Request, Target};
use crate::telemetry::peaks;
use crate::units::Tokens;
use crate::workload::{Draft, Message, Plan, Turn, ids, ids_after, random_ids};
use std::sync::Arc;

/// On a fixed day: the same seed gives the same prompt.
const RENDERING: Rendering =
    Rendering { add_generation_prompt: true, now: jiff::civil::date(2026, 1, 1).at(12, 0, 0, 0) };

/// A model that this process runs: its file read, its device chosen.
pub(super) struct LocalReady<'a> {
    subject: &'a Local,
    sampling: SamplerParams,
    /// All that will be sent: what there must be room for.
    longest: Tokens,
    /// The most at once.
    at_once: u32,
    loaded: Loaded,
    placement: Placement,
    target: Option<Arc<InProcess>>,
}

impl<'a> LocalReady<'a> {
    /// Reads the model's file and chooses its device. There will be room for so many requests at once,
    /// each so long.
    ///
    /// # Errors
    /// Where the file is no model that can be run, or there is no such device.
    pub(super) fn new(
        subject: &'a Local,
        sampling: SamplerParams,
        longest: Tokens,
        at_once: u32,
    ) -> Result<Self, MeasureError> {
        let loaded = Loaded::open(&subject.weights.path)?;
        // A tokenizer that can't do this can't do anything; better now than in mid-run.
        encode(&loaded, "a").map_err(ModelError::from)?;
        let placement = subject.device.open()?;
        Ok(Self { subject, sampling, longest, at_once, loaded, placement, target: None })
    }

    /// Why it will run on the CPU, though this build could use a GPU.
    pub(super) fn without_cuda(&self) -> Option<&str> {
        self.placement.without_cuda.as_deref()
    }

    /// There will be room for requests as long as this, as far as the model's context goes.
    ///
    /// # Errors
    /// Where the model can't be described.
    pub(super) fn make_room(&mut self, longest: Tokens) -> Result<(), MeasureError> {
        self.longest = longest.min(self.limit()?);
        Ok(())
    }

    /// The longest request that the model takes, with its answer.
    ///
    /// # Errors
    /// Where the model can't be described.
    pub(super) fn limit(&self) -> Result<Tokens, MeasureError> {
        Ok(match self.subject.engine {
            EngineChoice::Own => self.loaded.describe()?.spec.context,
            EngineChoice::Reference => self.loaded.runnable()?.context,
        })
    }

    /// Whether its file says how conversations are written.
    pub(super) fn has_template(&self) -> bool {
        self.loaded.chat.is_some()
    }

    /// A conversation's tokens, by the model's own template.
    pub(super) fn conversation(&self, messages: &[Message]) -> Vec<u32> {
        let encode = |text: &str| encode(&self.loaded, text).unwrap_or_default();
        let refused =
            self.loaded.chat.as_ref().is_some_and(|chat| chat.render(messages, RENDERING).is_err());
        // Some templates know of nobody but user and assistant.
        if let (true, [system, user, rest @ ..]) = (refused, messages)
            && system.role == "system"
        {
            let content = format!("{}\n\n{}", system.content, user.content);
            let both = Message { content, ..user.clone() };
            return self.chat(&[&[both], rest].concat(), &encode);
        }
        self.chat(messages, &encode)
    }

    /// A text's tokens, with whatever the model wants before them.
    pub(super) fn plain(&self, text: &str) -> Vec<u32> {
        encode(&self.loaded, text).unwrap_or_default()
    }

    /// How many tokens a text is, with nothing before it.
    pub(super) fn count(&self, text: &str) -> Option<Tokens> {
        let ids = self.loaded.tokenizer.encode(text, Control::Literal).ok()?;
        Some(Tokens(ids.len() as u64))
    }

    /// Turns an answer's tokens into text.
    pub(super) fn detokenizer(&self) -> Box<dyn Detokenize> {
        Box::new(self.loaded.tokenizer.stream())
    }

    fn ids(&self, draft: &Draft, begins: bool) -> Vec<u32> {
        // An encoder that fails gives no tokens, and the target refuses an empty prompt.
        let encode = |text: &str| encode(&self.loaded, text).unwrap_or_default();
        match draft {
            Draft::Prose(segments) if begins => ids(segments, &encode),
            Draft::Prose(segments) => ids_after(segments, &encode),
            Draft::RandomIds(segments) => random_ids(segments, self.loaded.shape.vocabulary),
            Draft::Messages(messages) => self.chat(messages, &encode),
        }
    }

    /// A conversation by the model's own template; without one, its texts one after the other.
    fn chat(&self, messages: &[Message], encode: &dyn Fn(&str) -> Vec<u32>) -> Vec<u32> {
        let rendered =
            self.loaded.chat.as_ref().and_then(|chat| chat.render(messages, RENDERING).ok());
        if let Some(text) = rendered {
            return self.loaded.tokenizer.encode_chat(&text).unwrap_or_default();
        }
        let texts: Vec<&str> = messages.iter().map(|one| one.content.as_str()).collect();
        encode(&texts.join("\n"))
    }
}

impl Ready for LocalReady<'_> {
    fn model(&self) -> Model {
        let weights = &self.subject.weights;
        Model {
            name: weights.name.clone(),
            family: weights.family.clone(),
            sha256: weights.sha256.clone(),
            shape: Some(self.loaded.shape.clone()),
        }
    }

    fn server(&self) -> Option<Server> {
        None
    }

    fn on_gpu(&self, _: &TelemetryInfo) -> bool {
        self.placement.is_cuda()
    }

    fn check(&self, plan: &Plan) -> Result<(), MeasureError> {
        let (limit, longest) = (self.limit()?, plan.longest());
        if longest > limit { Err(MeasureError::Context { longest, limit }) } else { Ok(()) }
    }

    fn probe(&self, clock: &dyn Clock) -> Result<Option<Peaks>, MeasureError> {
        if self.placement.is_cuda() {
            return Ok(None);
        }
        let cores = crate::telemetry::cpu::Machine::read().cores;
        let probed = peaks::probe(clock, cores, self.loaded.shape.weights_read)?;
        Ok(Some(probed.to_record()))
    }

    fn open(&mut self, clock: Arc<dyn Clock>) -> Result<(), MeasureError> {
        let service = Service {
            engine: self.subject.engine,
            threads: self.subject.threads,
            longest: self.longest,
            at_once: self.at_once,
            path: &self.subject.weights.path,
            loaded: &self.loaded,
            placement: &self.placement,
        };
        self.target = Some(Arc::new(service.open(clock)?));
        Ok(())
    }

    fn target(&self) -> Option<&dyn Target> {
        self.target.as_deref().map(|target| target as &dyn Target)
    }

    fn reading(&self) -> Option<Reading> {
        let target = Arc::clone(self.target.as_ref()?);
        Some(Box::new(move || target.reading()))
    }

    fn request(&self, turn: &Turn, past: Option<Past>) -> Request {
        let begins = past.is_none();
        let mut prompt = match past {
            Some(Past { prompt: Prompt::Ids(ids), answer: Answer::Ids(answer) }) => {
                [ids, answer].concat()
            }
            // An engine in this process is asked, and answers, in ids alone.
            _ => Vec::new(),
        };
        prompt.extend(self.ids(&turn.draft, begins));
        let sampling = SamplerParams { seed: turn.seed, ..self.sampling };
        Request::new(turn.id, prompt, sampling, StopRules::exactly(turn.output))
    }
}

/// A prompt's tokens: text is text, whatever it looks like.
fn encode(loaded: &Loaded, text: &str) -> Result<Vec<u32>, TokenizerError> {
    loaded.tokenizer.encode_prompt(text, Control::Literal)
}
