//! Runs written down by hand, for the tests of what reads them. Times are milliseconds since the
//! run began.

use super::reading::TelemetryInfo;
use super::{
    Arrivals, Done, Finish, Header, Host, Lengths, Model, Moment, Outcome, Phase, Request,
    RequestId, Run, Shape, Span, Step, Usage, Workload,
};
use crate::units::{Bytes, Ratio, Seconds, Tokens};

/// A moment so many milliseconds into the run.
pub(crate) fn ms(millis: f64) -> Moment {
    Moment(0).after(Seconds(millis / 1e3))
}

/// A run in the making: complete, one request in flight, without phases, requests or steps.
pub(crate) struct RunBuilder {
    run: Run,
}

impl RunBuilder {
    /// Nothing has happened yet.
    pub(crate) fn new() -> Self {
        let run = Run {
            header: header(),
            phases: Vec::new(),
            requests: Vec::new(),
            unsent: Vec::new(),
            steps: Vec::new(),
            readings: Vec::new(),
            gaps: Vec::new(),
            outcome: Some(Outcome::Complete),
            last: Moment(0),
            torn: 0,
        };
        Self { run }
    }

    /// A run that is measured from one time to another, warmed up before.
    pub(crate) fn measured(from: f64, to: f64) -> Self {
        Self::new().phase(0.0, Phase::WarmUp).phase(from, Phase::Measure).phase(to, Phase::Drain)
    }

    /// The run enters a phase.
    pub(crate) fn phase(mut self, at: f64, phase: Phase) -> Self {
        self.run.phases.push((ms(at), phase));
        self
    }

    /// So many requests were to be in flight at once.
    pub(crate) fn in_flight(mut self, in_flight: u32) -> Self {
        self.run.header.workload.arrivals = Arrivals::Closed { in_flight };
        self
    }

    /// A request.
    pub(crate) fn request(mut self, request: RequestBuilder) -> Self {
        let id = RequestId(u32::try_from(self.run.requests.len()).unwrap());
        self.run.requests.push(Request { id, ..request.request });
        self
    }

    /// An engine's step.
    pub(crate) fn step(
        mut self,
        (from, to): (f64, f64),
        prefill: u64,
        decode: u32,
        context: u64,
    ) -> Self {
        let span = Span { from: ms(from), to: ms(to) };
        let (prefill, context) = (Tokens(prefill), Tokens(context));
        self.run.steps.push(Step {
            span,
            prefill,
            decode,
            context,
            prefill_context: None,
            cached_context: None,
        });
        self
    }

    /// What the run's head says, changed.
    pub(crate) fn head(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.run.header);
        self
    }

    /// How it ended; `None`: it was killed.
    pub(crate) fn outcome(mut self, outcome: Option<Outcome>) -> Self {
        self.run.outcome = outcome;
        self
    }

    /// The run, its last moment that of its last event.
    pub(crate) fn build(mut self) -> Run {
        if self.run.header.workload.arrivals.is_closed() {
            self.run.requests.iter_mut().for_each(|request| request.from = request.sent);
        }
        let phases = self.run.phases.iter().map(|(at, _)| *at);
        let requests = self.run.requests.iter().flat_map(|request| {
            let done = request.done.as_ref().map(|done| done.at);
            [Some(request.sent), request.chunks.last().copied(), done].into_iter().flatten()
        });
        let steps = self.run.steps.iter().map(|step| step.span.to);
        self.run.last = phases.chain(requests).chain(steps).max().unwrap_or_default();
        self.run
    }
}

/// A request in the making.
pub(crate) struct RequestBuilder {
    request: Request,
}

/// A request that is due, and sent, at a time; 10 prompt tokens, nothing back yet.
pub(crate) fn request(due: f64) -> RequestBuilder {
    let request = Request {
        id: RequestId(0),
        due: ms(due),
        sent: ms(due),
        from: ms(due),
        prompt: Tokens(10),
        planned: Tokens(0),
        held: None,
        turn: None,
        chunks: Vec::new(),
        counts: Vec::new(),
        done: None,
    };
    RequestBuilder { request }
}

impl RequestBuilder {
    /// It was sent so much later than it was due.
    pub(crate) fn slip(mut self, millis: f64) -> Self {
        self.request.sent = self.request.due.after(Seconds(millis / 1e3));
        self
    }

    /// It has so many prompt tokens.
    pub(crate) fn prompt(mut self, tokens: u64) -> Self {
        self.request.prompt = Tokens(tokens);
        self
    }

    /// So many output tokens were asked for: without this, as many as came.
    pub(crate) fn planned(mut self, tokens: u64) -> Self {
        self.request.planned = Tokens(tokens);
        self
    }

    /// A token comes, so long after the one before, or after the request was due.
    pub(crate) fn token(mut self, after: f64) -> Self {
        let before = self.request.chunks.last().copied().unwrap_or(self.request.due);
        self.request.chunks.push(before.after(Seconds(after / 1e3)));
        self
    }

    /// When its last token came.
    pub(crate) fn last(&self) -> Option<Moment> {
        self.request.chunks.last().copied()
    }

    /// So many tokens come, one after the other.
    pub(crate) fn tokens(self, count: usize, each_after: f64) -> Self {
        (0..count).fold(self, |request, _| request.token(each_after))
    }

    /// It ends with its last token; the target counts the tokens that came.
    pub(crate) fn done(self, finish: Finish) -> Self {
        let tokens = self.request.chunks.len() as u64;
        self.counted(finish, tokens)
    }

    /// It ends with its last token; the target counts so many tokens.
    pub(crate) fn counted(mut self, finish: Finish, tokens: u64) -> Self {
        let at = self.request.chunks.last().copied().unwrap_or(self.request.sent);
        let usage = Usage { output: Some(Tokens(tokens)), ..Usage::default() };
        self.request.done = Some(Done { at, finish, usage });
        if self.request.planned == Tokens(0) {
            self.request.planned = Tokens(tokens);
        }
        self
    }
}

fn header() -> Header {
    Header {
        schema: Header::SCHEMA.to_owned(),
        id: "19700101T000000-test".to_owned(),
        started: jiff::Timestamp::UNIX_EPOCH,
        mtok: "0.0.0".to_owned(),
        host: Host {
            os: "Linux".to_owned(),
            cpu: "a processor".to_owned(),
            cores: 2,
            memory: Some(Bytes(8 << 30)),
            gpu: None,
            gpus: 0,
        },
        model: Model {
            name: "a model".to_owned(),
            family: None,
            sha256: None,
            shape: Some(shape()),
        },
        engine: "an engine".to_owned(),
        server: None,
        workload: Workload {
            name: None,
            arrivals: Arrivals::Closed { in_flight: 1 },
            cap: None,
            prompt: Lengths::Fixed { tokens: Tokens(10) },
            output: Lengths::Fixed { tokens: Tokens(10) },
            text: "natural text".to_owned(),
            shared: Ratio::of(0.0),
            measure: Seconds(1.0),
            seed: 0,
            sampling: "greedy".to_owned(),
        },
        telemetry: TelemetryInfo::default(),
        peaks: None,
        sweep: None,
    }
}

/// SmolLM2-135M's.
fn shape() -> Shape {
    Shape {
        architecture: "llama".to_owned(),
        quantization: "Q4_1".to_owned(),
        parameters: 134_515_008,
        active_parameters: 134_515_008,
        weights: Bytes(98_000_000),
        weights_read: Bytes(98_000_000),
        layers: 30,
        width: 576,
        heads: 9,
        kv_heads: 3,
        head_size: 64,
        vocabulary: 49_152,
        context: Tokens(8_192),
    }
}
