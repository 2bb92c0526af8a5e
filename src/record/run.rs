//! A record, read: the header, the requests put together from their events, and the rest.

use super::reading::{Gap, Reading};
use super::{Finish, Header, Moment, Outcome, Phase, RequestId, Span, Step};
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

    /// The part that is measured: from the end of the warm-up to the drain, or to the last event of
    /// a run that never drained. `None` where the warm-up never ended.
    pub fn measured(&self) -> Option<Span> {
        let (from, _) = *self.phases.iter().find(|(_, phase)| *phase == Phase::Measure)?;
        let drain = self.phases.iter().find(|(_, phase)| *phase == Phase::Drain);
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
    /// Prompt tokens: the target's count where it gave one, else ours.
    pub prompt: Tokens,
    /// Output tokens asked for.
    pub planned: Tokens,
    /// When each token came.
    pub tokens: Vec<Moment>,
    /// When and how it ended, and its output tokens by the target's count; `None`: it did not.
    pub done: Option<(Moment, Finish, Tokens)>,
}

impl Request {
    /// Time to first token, from when the request was due: a generator that stalls must not hide a
    /// queue.
    pub fn ttft(&self) -> Option<Seconds> {
        self.tokens.first().map(|first| first.since(self.due))
    }

    /// From due to done.
    pub fn latency(&self) -> Option<Seconds> {
        self.done.as_ref().map(|(at, ..)| at.since(self.due))
    }

    /// The gaps between tokens, the first token excluded.
    pub fn gaps(&self) -> impl Iterator<Item = Seconds> + '_ {
        self.tokens.windows(2).map(|pair| pair[1].since(pair[0]))
    }

    /// How late we were ourselves.
    pub fn slip(&self) -> Seconds {
        self.sent.since(self.due)
    }

    /// Whether it got all it asked for, or stopped of itself.
    pub fn succeeded(&self) -> bool {
        matches!(self.done, Some((_, Finish::Length | Finish::Stop, _)))
    }
}
