//! A record, read: the header, the requests put together from their events, and the rest.

use super::reading::{Gap, Reading};
use super::{Failure, Finish, Header, Moment, Outcome, Phase, RequestId, Span, Step, Turn, Usage};
use crate::units::{Seconds, Tokens};

/// A whole run as its record has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What ran on what.
    pub header: Header,
    /// The phases that were entered, in order.
    pub phases: Vec<(Moment, Phase)>,
    /// The requests that were sent, by number.
    pub requests: Vec<Request>,
    /// Requests that were due and never sent: the run ended first.
    pub unsent: Vec<(RequestId, Moment)>,
    /// The engine's steps, in order.
    pub steps: Vec<Step>,
    /// The machine's readings, in order.
    pub readings: Vec<Reading>,
    /// When it could not be read.
    pub gaps: Vec<Gap>,
    /// How it ended; `None`: it was killed, and what follows the last flush is missing.
    pub outcome: Option<Outcome>,
    /// The last moment that any event names.
    pub last: Moment,
    /// Bytes at the journal's end that were no whole line: a write that was cut off.
    pub torn: usize,
}

impl Run {
    /// Whether it ran to its planned end.
    pub fn is_complete(&self) -> bool {
        self.outcome == Some(Outcome::Complete)
    }

    /// The part that is measured: from the end of the warm-up to the cool-down, or to the last
    /// event of a run that never came to it. `None` where the warm-up never ended.
    pub fn measured(&self) -> Option<Span> {
        let (from, _) = *self.phases.iter().find(|(_, phase)| *phase == Phase::Measure)?;
        let over = |phase: &Phase| matches!(phase, Phase::CoolDown | Phase::Drain);
        let drain = self.phases.iter().find(|(_, phase)| over(phase));
        let to = drain.map_or(self.last, |(at, _)| *at);
        (from < to).then_some(Span { from, to })
    }
}

/// One request of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// When it was to be sent.
    pub due: Moment,
    /// When it was sent.
    pub sent: Moment,
    /// When its latencies begin: when it was due, since a generator that stalls must not hide a queue;
    /// in a closed loop, where nothing is due at a time of its own, when it was sent.
    pub from: Moment,
    /// Until when it waited for a place in flight, where it did.
    pub held: Option<Moment>,
    /// Its part in a conversation.
    pub turn: Option<Turn>,
    /// Prompt tokens: the target's count where it gave one, else ours.
    pub prompt: Tokens,
    /// Output tokens asked for.
    pub planned: Tokens,
    /// When each chunk of output came.
    pub chunks: Vec<Moment>,
    /// How many tokens each chunk holds, where the target said so; as long as `chunks`, or empty.
    pub counts: Vec<u32>,
    /// How it ended; `None`: it did not.
    pub done: Option<Done>,
}

/// The end of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// When.
    pub at: Moment,
    /// How.
    pub finish: Finish,
    /// What the target counted.
    pub usage: Usage,
}

impl Request {
    /// Time to first token.
    pub fn ttft(&self) -> Option<Seconds> {
        self.chunks.first().map(|first| first.since(self.from))
    }

    /// From its beginning to its end.
    pub fn latency(&self) -> Option<Seconds> {
        self.done.as_ref().map(|done| done.at.since(self.from))
    }

    /// The gaps between chunks.
    pub fn gaps(&self) -> impl Iterator<Item = Seconds> + '_ {
        self.chunks.windows(2).map(|pair| pair[1].since(pair[0]))
    }

    /// How late we were ourselves: not the time for which no place in flight was free.
    pub fn slip(&self) -> Seconds {
        self.sent.since(self.held.map_or(self.due, |held| held.max(self.due)))
    }

    /// How it failed, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.done {
            Some(Done { finish: Finish::Failed(failure), .. }) => Some(failure),
            _ => None,
        }
    }

    /// Whether it got all it asked for, or stopped of itself.
    pub fn succeeded(&self) -> bool {
        matches!(&self.done, Some(done) if matches!(done.finish, Finish::Length | Finish::Stop))
    }
}
