//! A server that runs a model.

use super::MeasureError;
use super::course::Course;
use super::ready::Ready;
use super::subject::Remote;
use crate::clock::Clock;
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::load::{Answer, Past};
use crate::model::{Control, Loaded};
use crate::record::reading::TelemetryInfo;
use crate::record::{Model, Server};
use crate::target::http::{Endpoint, Http, HttpOptions};
use crate::target::{Prompt, Request, Target};
use crate::telemetry::scrape::MetricsAt;
use crate::units::Tokens;
use crate::workload::{Draft, Gauge, Message, Plan, Segment, Turn, ids, random_ids, text};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// The longer of the two texts that tell how the server counts is about as long as the prompts that
/// will be sent, within these bounds: what is longer tells nothing more.
const LONG_MIN: Tokens = Tokens(64);
const LONG_MAX: Tokens = Tokens(1_000);

/// Streams that one thread bears with ease: at 200 chunks a second each, it is busy for half of the
/// time. Fewer threads spend less time waking up, and leave the server more of a shared machine.
const STREAMS: u32 = 256;

/// A server that runs a model, asked what it is.
pub(super) struct RemoteReady<'a> {
    subject: &'a Remote,
    sampling: SamplerParams,
    http: Http,
    /// How the server counts our text.
    gauge: Gauge,
    /// Of the model that it runs, for its tokenizer.
    loaded: Option<Arc<Loaded>>,
}

impl<'a> RemoteReady<'a> {
    /// Reaches the server, and asks it how it counts text as long as a typical prompt. Times are
    /// stamped by this clock.
    ///
    /// # Errors
    /// Where it can't be reached, or doesn't say which model to ask for; where the tokenizer can't be
    /// read.
    pub(super) fn new(
        subject: &'a Remote,
        sampling: SamplerParams,
        course: &Course,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MeasureError> {
        let loaded = subject.tokenizer.as_deref().map(Loaded::open).transpose()?.map(Arc::new);
        let recount = loaded.clone().map(|loaded| {
            let count = move |text: &str| {
                let ids = loaded.tokenizer.encode(text, Control::Literal).ok()?;
                Some(Tokens(ids.len() as u64))
            };
            Arc::new(count) as crate::target::http::Recount
        });
        let mut options = HttpOptions { recount, ..subject.options.clone() };
        if let Some(most) = course.in_flight_max() {
            let workers = usize::try_from(most.div_ceil(STREAMS)).unwrap_or(usize::MAX);
            let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            options.workers = NonZeroUsize::new(workers).map(|workers| workers.min(cores));
        }
        let http = Http::open(&options, clock)?;
        let sample = |tokens| text(&[Segment { seed: 0, tokens }], &Gauge::GUESS);
        let long = course.typical().clamp(LONG_MIN, LONG_MAX);
        let (short, long) = (sample(Tokens(long.0 / 4)), sample(long));
        let gauge = http.gauge(&short, &long)?;
        Ok(Self { subject, sampling, http, gauge, loaded })
    }

    /// Token ids, where the server takes them and we can make them.
    fn ids(&self, draft: &Draft) -> Option<Vec<u32>> {
        let loaded = self.loaded.as_ref()?;
        if self.endpoint() == Endpoint::Chat || !self.http.extras().prompt_ids {
            return None;
        }
        let encode =
            |text: &str| loaded.tokenizer.encode_prompt(text, Control::Literal).unwrap_or_default();
        match draft {
            Draft::Prose(segments) => Some(ids(segments, &encode)),
            Draft::RandomIds(segments) => Some(random_ids(segments, loaded.shape.vocabulary)),
            Draft::Messages(_) => None,
        }
    }

    fn endpoint(&self) -> Endpoint {
        self.subject.options.endpoint
    }

    /// What is said in a turn.
    fn said(&self, draft: &Draft) -> Vec<Message> {
        match draft {
            Draft::Messages(messages) => messages.to_vec(),
            Draft::Prose(segments) | Draft::RandomIds(segments) => {
                vec![Message { role: "user".to_owned(), content: text(segments, &self.gauge) }]
            }
        }
    }

    fn prompt(&self, turn: &Turn, past: Option<Past>) -> Prompt {
        if let (None, Some(ids)) = (&past, self.ids(&turn.draft)) {
            return Prompt::Ids(ids);
        }
        let said = self.said(&turn.draft);
        if self.endpoint() == Endpoint::Chat {
            return Prompt::Messages([before(past), said].concat());
        }
        let mut all = match past {
            Some(Past { prompt: Prompt::Text(text), answer: Answer::Text(answer) }) => {
                text + &answer + "\n"
            }
            _ => String::new(),
        };
        let texts: Vec<String> = said.into_iter().map(|one| one.content).collect();
        all.push_str(&texts.join("\n"));
        Prompt::Text(all)
    }
}

/// A conversation so far.
fn before(past: Option<Past>) -> Vec<Message> {
    match past {
        Some(Past { prompt: Prompt::Messages(mut messages), answer: Answer::Text(content) }) => {
            messages.push(Message { role: "assistant".to_owned(), content });
            messages
        }
        _ => Vec::new(),
    }
}

impl Ready for RemoteReady<'_> {
    fn model(&self) -> Model {
        let name = self.http.model().to_owned();
        let shape = self.loaded.as_ref().map(|loaded| loaded.shape.clone());
        Model { name, family: None, sha256: None, shape }
    }

    fn server(&self) -> Option<Server> {
        Some(self.http.server())
    }

    /// A server here computes on this machine's GPUs, where there are any; of another machine nothing
    /// is known.
    fn on_gpu(&self, telemetry: &TelemetryInfo) -> bool {
        self.http.server().local && !telemetry.gpus.is_empty()
    }

    fn check(&self, plan: &Plan) -> Result<(), MeasureError> {
        let longest = plan.longest();
        match self.http.discovery().context.map(Tokens) {
            Some(limit) if longest > limit => Err(MeasureError::Context { longest, limit }),
            _ => Ok(()),
        }
    }

    fn target(&self) -> Option<&dyn Target> {
        Some(&self.http)
    }

    fn template(&self) -> Tokens {
        self.gauge.overhead()
    }

    fn metrics(&self) -> Vec<MetricsAt> {
        self.subject.metrics.clone()
    }

    fn request(&self, turn: &Turn, past: Option<Past>) -> Request {
        let prompt = self.prompt(turn, past);
        let tokens = match &prompt {
            Prompt::Ids(ids) => Tokens(ids.len() as u64),
            Prompt::Text(_) | Prompt::Messages(_) => turn.prompt,
        };
        let sampling = SamplerParams { seed: turn.seed, ..self.sampling };
        Request::of(turn.id, prompt, tokens, sampling, StopRules::exactly(turn.output))
    }
}
