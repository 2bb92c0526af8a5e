//! The work that is priced: requests, their tokens, how many there are in a month.
//!
//! Invariant: the tokens that both sides are divided by are all tokens of the requests, prompts whole,
//! cached or not. Of a preset so many sessions are drawn, always the same. Guarded by `tests::work`.

use super::CompareError;
use crate::cost::{Attributed, Blend, Judgement};
use crate::plan::{self, PlanError};
use crate::prices::TokenKind;
use crate::prices::billing::{Request, Usage};
use crate::record::Arrivals;
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens};
use crate::workload::reuse::{Keeping, Reused, Shelf};
use crate::workload::trace::Block;
use crate::workload::{Content, Draft, Plan, Preset, Session};
use serde::Serialize;

/// Sessions that are drawn of a preset.
const SESSIONS: usize = 500;

/// Work.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// What it is called.
    pub name: String,
    /// What is asked.
    pub(super) asking: Asking,
    /// Requests that the tokens are of.
    pub requests: u64,
    /// Their tokens.
    pub tokens: Counts,
    /// What says how much of the input a cache of one's own finds.
    pub hits: HitsBy,
    /// Requests a second in the mean over all hours, where that is known.
    pub rate: Option<RequestsPerSecond>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asking {
    /// Requests that are all alike, spread over the day.
    Alike(Usage),
    /// Requests of a preset.
    Drawn(Preset, plan::Traffic),
    /// Requests of a trace.
    Traced(plan::Traffic),
    /// Requests as they were metered elsewhere.
    Metered(Vec<Request>),
}

/// Tokens by kind. They don't overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Input that is computed.
    pub uncached: Tokens,
    /// Input that a cache of one's own has.
    pub cached: Tokens,
    /// Output.
    pub output: Tokens,
}

/// What says how much of the input a cache of one's own finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HitsBy {
    /// The user.
    Stated,
    /// What begins alike in the requests, in a cache that forgets nothing: the most that there can be.
    Found,
    /// The log, whose provider's cache found it.
    Logged,
    /// The run.
    Measured,
}

impl Counts {
    /// Input tokens.
    pub fn input(self) -> Tokens {
        self.uncached + self.cached
    }

    /// All tokens.
    pub fn all(self) -> Tokens {
        self.input() + self.output
    }

    /// The same input with this share of it cached.
    fn hit(self, share: Ratio) -> Self {
        let cached = self.input().scaled(share.get());
        Self { uncached: Tokens(self.input().0.saturating_sub(cached.0)), cached, ..self }
    }

    fn usage(self) -> Usage {
        Usage::default()
            .with(TokenKind::Input, self.uncached)
            .with(TokenKind::CachedInput, self.cached)
            .with(TokenKind::Output, self.output)
    }

    fn of_usage(usage: Usage) -> Self {
        let read = [
            TokenKind::CachedInput,
            TokenKind::CachedInputExplicit,
            TokenKind::CachedAudio,
            TokenKind::CachedImage,
        ];
        let cached: Tokens = read.into_iter().map(|kind| usage.get(kind)).sum();
        let uncached = Tokens(usage.prompt().0.saturating_sub(cached.0));
        Self { uncached, cached, output: usage.output() }
    }

    fn of_traffic(traffic: &plan::Traffic) -> Self {
        let mut shelf = Shelf::new(Keeping::FOREVER);
        let asked = traffic.requests();
        let reused: Reused =
            asked.iter().map(|one| shelf.ask(one.at, one.prompt, one.begins.iter().copied())).sum();
        Self {
            uncached: reused.written + reused.fresh,
            cached: reused.read,
            output: asked.iter().map(|one| one.output).sum(),
        }
    }
}

impl Work {
    /// Requests that are all alike. `hit`: the share of the prompt that caches have, the own one and the
    /// APIs'.
    pub fn alike(name: String, prompt: Tokens, output: Tokens, hit: Ratio, hits: HitsBy) -> Self {
        let tokens = Counts { uncached: prompt, cached: Tokens(0), output }.hit(hit);
        Self { name, asking: Asking::Alike(tokens.usage()), requests: 1, tokens, hits, rate: None }
    }

    /// Requests like a run's in the mean: its prompts, as much output for them as it delivered, and the
    /// hits that it had. `None`: it delivered nothing.
    pub fn of_run(judgement: &Judgement) -> Option<Self> {
        let delivered = judgement.summary.tokens.filter(|tokens| tokens.output > Tokens(0))?;
        let asked = &judgement.run.workload;
        let (prompt, output) = if delivered.input > Tokens(0) {
            let prompt = asked.prompt.mean();
            (prompt, prompt.scaled((delivered.output / delivered.input).get()))
        } else {
            (Tokens(0), asked.output.mean())
        };
        let hit = match &judgement.attributed {
            Some(Attributed::Told(told)) => {
                let (read, computed) = (told.cached.tokens, told.uncached.tokens);
                (read > Tokens(0)).then(|| read / (read + computed))
            }
            _ => None,
        };
        let name = format!("requests like those of run {}", judgement.run.id);
        let (output, hit) = (output.max(Tokens(1)), hit.unwrap_or_default());
        Some(Self::alike(name, prompt, output, hit, HitsBy::Measured))
    }

    /// A preset, drawn as if a request came each second.
    ///
    /// # Errors
    /// None that is known: every preset has requests.
    pub fn preset(preset: Preset) -> Result<Self, CompareError> {
        let traffic = drawn(preset, RequestsPerSecond(1.0))?;
        Ok(Self::of_traffic(preset.name().to_owned(), Asking::Drawn(preset, traffic)))
    }

    /// A trace, at its own rate.
    pub fn trace(name: String, traffic: plan::Traffic) -> Self {
        let rate = Some(traffic.rate());
        Self { rate, ..Self::of_traffic(name, Asking::Traced(traffic)) }
    }

    fn of_traffic(name: String, asking: Asking) -> Self {
        let (requests, tokens) = match &asking {
            Asking::Drawn(_, traffic) | Asking::Traced(traffic) => {
                (traffic.requests().len() as u64, Counts::of_traffic(traffic))
            }
            Asking::Alike(_) | Asking::Metered(_) => (0, Counts::default()),
        };
        Self { name, asking, requests, tokens, hits: HitsBy::Found, rate: None }
    }

    /// A usage log's requests.
    ///
    /// # Errors
    /// Where they have no tokens.
    pub fn metered(name: String, requests: Vec<Request>) -> Result<Self, CompareError> {
        let count = requests.iter().fold(0_u64, |sum, one| sum.saturating_add(one.count));
        let tokens = Counts::of_usage(requests.iter().map(|one| one.usage).sum());
        if count == 0 || tokens.all() == Tokens(0) || tokens.output == Tokens(0) {
            let tokens = tokens.all().0;
            return Err(CompareError::NothingAsked { work: name, requests: count, tokens });
        }
        let (asking, hits) = (Asking::Metered(requests), HitsBy::Logged);
        Ok(Self { name, asking, requests: count, tokens, hits, rate: None })
    }

    /// The same with this share of the input in a cache of one's own; of requests that are all alike, in
    /// the APIs' too.
    #[must_use]
    pub fn with_hits(self, share: Ratio) -> Self {
        let tokens = self.tokens.hit(share);
        let asking = match self.asking {
            Asking::Alike(_) => Asking::Alike(tokens.usage()),
            same => same,
        };
        Self { asking, tokens, hits: HitsBy::Stated, ..self }
    }

    /// The same, so often; `known`: it is how often the work comes, not only how near to one another its
    /// requests are taken to be.
    ///
    /// # Errors
    /// Where the rate is none.
    pub fn at_rate(self, rate: RequestsPerSecond, known: bool) -> Result<Self, CompareError> {
        let asking = match self.asking {
            Asking::Drawn(preset, _) => Asking::Drawn(preset, drawn(preset, rate)?),
            Asking::Traced(traffic) => {
                let speed = Ratio::of(rate.0 / traffic.rate().0);
                Asking::Traced(traffic.faster(speed)?)
            }
            same @ (Asking::Alike(_) | Asking::Metered(_)) => same,
        };
        Ok(Self { asking, rate: known.then_some(rate).or(self.rate), ..self })
    }

    /// Whether what an API's cache finds depends on how near to one another requests come.
    pub fn depends_on_rate(&self) -> bool {
        matches!(self.asking, Asking::Drawn(..)) && self.tokens.cached > Tokens(0)
    }

    /// Its mix.
    pub fn blend(&self) -> Option<Blend> {
        let input = self.tokens.input();
        let hit = if input > Tokens(0) { self.tokens.cached / input } else { Ratio::of(0.0) };
        (self.tokens.output > Tokens(0)).then(|| Blend::new(input / self.tokens.output, hit))?
    }

    /// Tokens of a request in the mean.
    pub fn mean(&self) -> f64 {
        self.tokens.all().get() / Tokens(self.requests.max(1)).get()
    }

    /// Prompt and output of a request in the mean, in whole tokens: what an estimate is asked about.
    pub fn lengths(&self) -> (Tokens, Tokens) {
        let each = 1.0 / Tokens(self.requests.max(1)).get();
        let output = self.tokens.output.scaled(each).max(Tokens(1));
        (self.tokens.input().scaled(each), output)
    }
}

/// Requests of a preset's sessions, of which as many come as make this rate of requests.
fn drawn(preset: Preset, rate: RequestsPerSecond) -> Result<plan::Traffic, PlanError> {
    if !(rate.0 > 0.0 && rate.0.is_finite()) {
        return Err(PlanError::NotPositive { what: "requests a second" });
    }
    let mix = preset.shape().mix;
    let shared = !mix.prefix.is_empty() || mix.conversation.is_some();
    let at = |rate: RequestsPerSecond| {
        let none = Seconds(0.0);
        let plan = Plan {
            name: None,
            arrivals: Arrivals::Poisson { rate },
            cap: None,
            content: Content::Mix(mix.clone()),
            warm_up: none,
            measure: none,
            measure_max: none,
            seed: 0,
        };
        let sessions = plan.sessions().take(SESSIONS);
        sessions.flat_map(|session| asked(&session, shared)).collect::<Vec<_>>()
    };
    // How many turns sessions have doesn't depend on when they come.
    let turns = Tokens(at(rate).len() as u64) / Tokens(SESSIONS as u64);
    plan::Traffic::new(at(rate / turns))
}

/// The requests of a session: each begins with all that was said before. Answers take no time.
pub(super) fn asked(session: &Session, shared: bool) -> Vec<plan::Asked> {
    let (mut said, mut length) = (Vec::new(), Tokens(0));
    let mut at = session.due.unwrap_or_default();
    let mut all = Vec::with_capacity(session.turns.len());
    for turn in &session.turns {
        at = at + turn.think;
        length += turn.prompt;
        if let Draft::Prose(segments) | Draft::RandomIds(segments) = &turn.draft
            && shared
        {
            said.extend(segments.iter().map(|one| Block { id: one.seed, tokens: one.tokens }));
        }
        let (prompt, output) = (length, turn.output);
        all.push(plan::Asked { at, prompt, output, begins: said.clone().into() });
        length += output;
        if shared {
            said.push(Block { id: turn.seed, tokens: output });
        }
    }
    all
}
