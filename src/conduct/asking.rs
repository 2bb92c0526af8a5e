//! Puts questions to a model and hands back what it said: no load, no journal, no measured window.
//!
//! Invariant: every question that is asked comes back once, with every try that was made at it; nothing
//! is asked again but what may succeed the second time (no connection, a time-out, a full server, a
//! server's own failure), as long after as the server wants it, up to a minute, with nothing else sent
//! meanwhile. Answers end where the model ends them, never at a planned length. Guarded by
//! `tests/tasks.rs`.
//!
//! Deliberately absent: what an answer is worth.

use super::MeasureError;
use super::local::LocalReady;
use super::ready::Ready as _;
use super::subject::{Remote, Subject};
use super::tries::{retry, sound};
use crate::clock::{Clock, RunClock, wall};
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::record::attempts::Try;
use crate::record::{Failure, FailureKind, Finish, Model, Moment, RequestId, Usage};
use crate::target::http::{Endpoint, Http};
use crate::target::{Delivery, Prompt, Request, Said, Target, TargetError, What};
use crate::units::{Seconds, Tokens};
use crate::workload::Message;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often somebody who wants it to end is listened to.
const TICK: Duration = Duration::from_millis(100);

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What is asked.
    pub prompt: Asked,
    /// The most output tokens, reasoning included; fewer where the model's context has no room.
    pub at_most: Tokens,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// What its sampling is drawn with.
    pub seed: u64,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A conversation, in the model's own template.
    Chat(Vec<Message>),
    /// A text to go on from.
    Text(String),
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Which question, by its place.
    pub number: usize,
    /// Each try at it, the last one being that whose text this is.
    pub tries: Vec<Try>,
    /// What was said, without reasoning that the target keeps apart; empty where the last try failed.
    pub text: String,
    /// What was said in its place, where the model declined in so many words.
    pub refusal: String,
}

impl Reply {
    /// Whether the model or its provider declined, and said so apart from the text.
    pub fn is_refused(&self) -> bool {
        let filtered = |one: &Try| one.finish_reason.as_deref() == Some("content_filter");
        !self.refusal.is_empty() || self.tries.last().is_some_and(filtered)
    }

    /// Whether it was cut off: there was no room for more tokens.
    pub fn is_cut(&self) -> bool {
        self.tries.last().is_some_and(|last| last.finish == Finish::Length)
    }

    /// Whether its last try failed.
    pub fn failed(&self) -> bool {
        self.tries
            .last()
            .is_none_or(|last| matches!(last.finish, Finish::Failed(_) | Finish::Cancelled))
    }
}

/// How questions are asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    /// How many at once.
    pub at_once: NonZeroU32,
    /// How tokens are chosen; a question brings its own seed.
    pub sampling: SamplerParams,
    /// Tries at a question, the first among them.
    pub tries: NonZeroU32,
}

/// A model that can be asked: its file read, or its server reached; no weights loaded yet.
pub struct Respondent<'a> {
    answers: Answers<'a>,
    manner: Manner,
    clock: Arc<RunClock>,
}

enum Answers<'a> {
    Local(Box<LocalReady<'a>>),
    Remote(Box<Http>, &'a Remote),
}

impl<'a> Respondent<'a> {
    /// Reads the model's file, or reaches the server.
    ///
    /// # Errors
    /// Where the file is no model that can be run, or the server can't be reached.
    pub fn new(subject: &'a Subject, manner: Manner) -> Result<Self, MeasureError> {
        let clock = Arc::new(RunClock::start());
        let answers = match subject {
            Subject::Local(local) => {
                let at_once = manner.at_once.get();
                // How much room there has to be is known once it is known what is asked.
                let ready = LocalReady::new(local, manner.sampling, Tokens(0), at_once)?;
                Answers::Local(Box::new(ready))
            }
            Subject::Remote(remote) => {
                let http = Http::open(&remote.options, Arc::clone(&clock) as Arc<dyn Clock>)?;
                Answers::Remote(Box::new(http), remote)
            }
        };
        Ok(Self { answers, manner, clock })
    }

    /// The model.
    pub fn model(&self) -> Model {
        match &self.answers {
            Answers::Local(ready) => ready.model(),
            Answers::Remote(http, _) => {
                let name = http.model().to_owned();
                Model { name, family: None, sha256: None, shape: None }
            }
        }
    }

    /// What runs it: this process, or a server's address without anything secret.
    pub fn target(&self) -> String {
        match &self.answers {
            Answers::Local(_) => "an engine in this process".to_owned(),
            Answers::Remote(http, _) => http.server().url,
        }
    }

    /// Whether it takes conversations: a base model, or an endpoint for completions, doesn't.
    pub fn chats(&self) -> bool {
        match &self.answers {
            Answers::Local(ready) => ready.has_template(),
            Answers::Remote(_, remote) => remote.options.endpoint == Endpoint::Chat,
        }
    }

    /// How many tokens the model's tokenizer makes of a text; `None`: it isn't here.
    pub fn count(&self, text: &str) -> Option<Tokens> {
        match &self.answers {
            Answers::Local(ready) => ready.count(text),
            Answers::Remote(..) => None,
        }
    }

    /// Asks them all, so many at once, in their order, and hands over each reply as it comes. Ends
    /// early, with what is in flight given up, once `stop` is set; returns whether it came to the end.
    ///
    /// # Errors
    /// Where the model can't be loaded, the target refuses to work, or `each` fails.
    pub fn ask<E: From<MeasureError>>(
        mut self,
        questions: &[Question],
        stop: &AtomicBool,
        each: &mut dyn FnMut(Reply) -> Result<(), E>,
    ) -> Result<bool, E> {
        let requests: Vec<(Prompt, Tokens)> =
            questions.iter().map(|question| self.prompt(&question.prompt)).collect();
        if let Answers::Local(ready) = &mut self.answers {
            let sizes = requests.iter().zip(questions);
            let longest = sizes.map(|((_, prompt), question)| *prompt + question.at_most).max();
            ready.make_room(longest.unwrap_or(Tokens(1)))?;
            ready.open(Arc::clone(&self.clock) as Arc<dyn Clock>)?;
        }
        let (to, inbox) = channel();
        let mut course = Course {
            asking: &self,
            target: self.target_of()?,
            hold: Moment(0),
            questions,
            requests,
            to,
            waiting: (0..questions.len()).collect(),
            later: BinaryHeap::new(),
            in_flight: BTreeMap::new(),
            tries: BTreeMap::new(),
            asked: 0,
        };
        course.run(&inbox, stop, each)
    }

    fn prompt(&self, asked: &Asked) -> (Prompt, Tokens) {
        match (&self.answers, asked) {
            (Answers::Local(ready), Asked::Chat(messages)) => {
                let ids = ready.conversation(messages);
                let tokens = Tokens(ids.len() as u64);
                (Prompt::Ids(ids), tokens)
            }
            (Answers::Local(ready), Asked::Text(text)) => {
                let ids = ready.plain(text);
                let tokens = Tokens(ids.len() as u64);
                (Prompt::Ids(ids), tokens)
            }
            // Only the server can count them; nobody asks how many there are.
            (Answers::Remote(..), Asked::Chat(messages)) => {
                (Prompt::Messages(messages.clone()), Tokens(0))
            }
            (Answers::Remote(..), Asked::Text(text)) => (Prompt::Text(text.clone()), Tokens(0)),
        }
    }

    fn target_of(&self) -> Result<&dyn Target, MeasureError> {
        match &self.answers {
            Answers::Local(ready) => ready.target().ok_or(MeasureError::NotOpen),
            Answers::Remote(http, _) => Ok(http.as_ref()),
        }
    }

    /// The output that there is room for.
    fn room(&self, prompt: Tokens, at_most: Tokens) -> Tokens {
        let limit = match &self.answers {
            Answers::Local(ready) => ready.limit().ok(),
            Answers::Remote(http, _) => http.discovery().context.map(Tokens),
        };
        let left = limit.map(|limit| Tokens(limit.0.saturating_sub(prompt.0).max(1)));
        left.map_or(at_most, |left| left.min(at_most))
    }
}

/// A request that is under way.
struct Flight {
    number: usize,
    at: jiff::Timestamp,
    sent: Moment,
    first: Option<Moment>,
    text: String,
}

/// Questions being asked.
struct Course<'a, 'q> {
    asking: &'a Respondent<'a>,
    target: &'a dyn Target,
    /// Nothing is sent before.
    hold: Moment,
    questions: &'q [Question],
    requests: Vec<(Prompt, Tokens)>,
    to: Sender<Delivery>,
    waiting: VecDeque<usize>,
    /// Those to be asked again, and when.
    later: BinaryHeap<Reverse<(Moment, usize)>>,
    in_flight: BTreeMap<RequestId, Flight>,
    tries: BTreeMap<usize, Vec<Try>>,
    /// Requests so far: each has a number of its own.
    asked: u32,
}

impl Course<'_, '_> {
    fn run<E: From<MeasureError>>(
        &mut self,
        inbox: &Receiver<Delivery>,
        stop: &AtomicBool,
        each: &mut dyn FnMut(Reply) -> Result<(), E>,
    ) -> Result<bool, E> {
        loop {
            if stop.load(Ordering::Relaxed) {
                return self.give_up(inbox, each);
            }
            for reply in self.send_what_may_be()? {
                each(reply)?;
            }
            if self.is_over() {
                return Ok(true);
            }
            match inbox.recv_timeout(TICK) {
                Ok(delivery) => {
                    if let Some(reply) = self.note(delivery) {
                        each(reply)?;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// Cancels what is in flight. What has come by then is answered, and perhaps billed.
    fn give_up<E: From<MeasureError>>(
        &mut self,
        inbox: &Receiver<Delivery>,
        each: &mut dyn FnMut(Reply) -> Result<(), E>,
    ) -> Result<bool, E> {
        for id in self.in_flight.keys() {
            self.target.cancel(*id);
        }
        while let Ok(delivery) = inbox.try_recv() {
            let cancelled = matches!(delivery.what, What::Done { finish: Finish::Cancelled, .. });
            if let Some(reply) = self.note(delivery).filter(|_| !cancelled) {
                each(reply)?;
            }
        }
        Ok(self.is_over())
    }

    fn is_over(&self) -> bool {
        self.in_flight.is_empty() && self.waiting.is_empty() && self.later.is_empty()
    }

    /// Replies are those of questions that can't be asked at all.
    fn send_what_may_be(&mut self) -> Result<Vec<Reply>, MeasureError> {
        let most = usize::try_from(self.asking.manner.at_once.get()).unwrap_or(usize::MAX);
        let mut refused = Vec::new();
        while self.in_flight.len() < most {
            let now = self.asking.clock.now();
            // A server that wants to be left alone wants it of all questions.
            if now < self.hold {
                break;
            }
            let due = self.later.peek().is_some_and(|Reverse((at, _))| *at <= now);
            let next = if due {
                self.later.pop().map(|Reverse((_, number))| number)
            } else {
                self.waiting.pop_front()
            };
            let Some(number) = next else { break };
            match self.send(number, now) {
                Ok(()) => {}
                Err(TargetError::Full { .. }) => {
                    self.waiting.push_front(number);
                    break;
                }
                Err(error @ (TargetError::Stopped { .. } | TargetError::Http(_))) => {
                    return Err(error.into());
                }
                Err(error) => refused.push(self.refused(number, &error)),
            }
        }
        Ok(refused)
    }

    /// A question that the target can't be asked, as an answer that failed.
    fn refused(&mut self, number: usize, error: &TargetError) -> Reply {
        let mut tries = self.tries.remove(&number).unwrap_or_default();
        let failure = Failure::new(FailureKind::Refused, error.to_string());
        tries.push(Try {
            at: wall(),
            took: Seconds(0.0),
            first_token: None,
            finish: Finish::Failed(failure),
            finish_reason: None,
            usage: Usage::default(),
        });
        Reply { number, tries, text: String::new(), refusal: String::new() }
    }

    fn send(&mut self, number: usize, now: Moment) -> Result<(), TargetError> {
        let (Some(question), Some((prompt, tokens))) =
            (self.questions.get(number), self.requests.get(number))
        else {
            return Ok(());
        };
        let Manner { sampling, .. } = self.asking.manner;
        let id = RequestId(self.asked);
        self.asked += 1;
        let most = self.asking.room(*tokens, question.at_most);
        let stop = StopRules { strings: question.stop.clone(), ..StopRules::at_most(most) };
        let sampling = SamplerParams { seed: question.seed, ..sampling };
        let mut request = Request::of(id, prompt.clone(), *tokens, sampling, stop);
        request.keep_text = true;
        if let Answers::Local(ready) = &self.asking.answers {
            request.text = Some(ready.detokenizer());
        }
        self.target.submit(request, self.to.clone())?;
        let flight = Flight { number, at: wall(), sent: now, first: None, text: String::new() };
        self.in_flight.insert(id, flight);
        Ok(())
    }

    /// Takes in what came; a reply, where it was the last of one.
    fn note(&mut self, Delivery { id, at, what }: Delivery) -> Option<Reply> {
        let flight = self.in_flight.get_mut(&id)?;
        match what {
            What::Sent => flight.sent = at,
            What::Read { .. } => {}
            What::Chunks { at: times, .. } => {
                flight.first = flight.first.or(times.first().copied());
            }
            What::Token { text, .. } => {
                flight.first = flight.first.or(Some(at));
                flight.text.push_str(text.as_deref().unwrap_or_default());
            }
            What::Done { finish, usage, said } => return self.end(id, at, finish, usage, said),
        }
        None
    }

    fn end(
        &mut self,
        id: RequestId,
        at: Moment,
        finish: Finish,
        usage: Usage,
        said: Option<Said>,
    ) -> Option<Reply> {
        let flight = self.in_flight.remove(&id)?;
        let tries = self.tries.entry(flight.number).or_default();
        let Said { text, refusal, reason } =
            said.unwrap_or_else(|| Said { text: flight.text, ..Said::default() });
        let again = retry(&finish, tries.len(), self.asking.manner.tries);
        tries.push(Try {
            at: flight.at,
            took: at.since(flight.sent),
            first_token: flight.first.map(|first| first.since(flight.sent)),
            finish,
            finish_reason: reason,
            usage: sound(usage),
        });
        if let Some(wait) = again {
            let when = self.asking.clock.now().after(wait);
            self.hold = self.hold.max(when);
            self.later.push(Reverse((when, flight.number)));
            return None;
        }
        let tries = self.tries.remove(&flight.number).unwrap_or_default();
        Some(Reply { number: flight.number, tries, text, refusal })
    }
}
