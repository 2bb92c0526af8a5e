//! What is to be sent next, and when: due times, places in flight, turns of conversations.
//!
//! Invariant: nothing is sent before it is due, nothing without a place where places are counted, and
//! of what may be sent the longest due goes first. A closed loop's session holds its place until its
//! last turn has ended, thinking included; in an open loop with a cap each request holds one while it is
//! in flight, and what waits for one keeps the time at which it was due.

use super::maker::Made;
use crate::record::Moment;
use crate::units::Seconds;
use crate::workload::Plan;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// The places of a closed loop become free so long after each other, within a tenth of the warm-up:
/// clients that begin in the same instant stay in step, and their bursts are the generator's doing,
/// not the load's.
const STAGGER: Seconds = Seconds(0.001);

/// What is to be sent next.
pub(super) struct Agenda {
    closed: bool,
    began: Moment,
    /// When each free place became free; `None`: places are not counted.
    places: Option<BinaryHeap<Reverse<Moment>>>,
    /// First turns, in the order of the plan.
    sessions: VecDeque<Made>,
    /// Later turns by when they are due, and a number for those that are due together.
    turns: BTreeMap<(Moment, u64), Made>,
    turns_so_far: u64,
}

/// A request that may be sent.
pub(super) struct Next {
    pub(super) made: Made,
    pub(super) due: Moment,
    /// When it got its place, where it was due before.
    pub(super) held: Option<Moment>,
}

/// Where the next one comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Sessions,
    Turns,
}

impl Agenda {
    /// Nothing to send yet; all places free since `began`, or soon after it.
    pub(super) fn new(plan: &Plan, began: Moment) -> Self {
        let closed = plan.arrivals.is_closed();
        let places = plan.places().map(|count| {
            let within = plan.warm_up.0 * 0.1 / f64::from(count);
            let apart = if closed { STAGGER.0.min(within) } else { 0.0 };
            let free = |place| began.after(Seconds(apart * f64::from(place)));
            (0..count).map(|place| Reverse(free(place))).collect()
        });
        Self {
            closed,
            began,
            places,
            sessions: VecDeque::new(),
            turns: BTreeMap::new(),
            turns_so_far: 0,
        }
    }

    /// Takes in what was made.
    pub(super) fn add(&mut self, made: Made) {
        match made.due {
            None => self.sessions.push_back(made),
            Some(due) => {
                self.turns_so_far += 1;
                self.turns.insert((due, self.turns_so_far), made);
            }
        }
    }

    /// Whether there is no first turn left.
    pub(super) fn lacks_sessions(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Whether a place is free for a first turn that is not made yet.
    pub(super) fn has_place(&self) -> bool {
        self.places.as_ref().is_none_or(|places| !places.is_empty())
    }

    /// Whether nothing is left to send.
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.turns.is_empty()
    }

    /// How many first turns are at hand that are not due yet; in a closed loop, all.
    pub(super) fn not_due(&self, now: Moment) -> usize {
        let due = |made: &Made| self.due_of(made).is_some_and(|due| due <= now);
        self.sessions.len() - self.sessions.partition_point(due)
    }

    /// How many are due by now and wait for a place.
    pub(super) fn waiting(&self, now: Moment) -> usize {
        if self.closed {
            return 0;
        }
        let due = self.sessions.len() - self.not_due(now);
        self.turns.range(..=(now, u64::MAX)).count() + due
    }

    /// The first moment at which something may be sent; `None`: not before a place is free, or
    /// something is made.
    pub(super) fn at(&self) -> Option<Moment> {
        self.first().map(|(at, ..)| at)
    }

    /// The earliest that anything left is due, sent or not. A closed loop's sessions are never late.
    pub(super) fn earliest_due(&self) -> Option<Moment> {
        let session = self.sessions.front().and_then(|made| self.due_of(made));
        let turn = self.turns.first_key_value().map(|((due, _), _)| *due);
        session.into_iter().chain(turn).min()
    }

    /// What may be sent by now, and gets its place.
    pub(super) fn take(&mut self, now: Moment) -> Option<Next> {
        let (at, due, from) = self.first()?;
        if at > now {
            return None;
        }
        let made = match from {
            From::Sessions => self.sessions.pop_front()?,
            From::Turns => self.turns.pop_first()?.1,
        };
        if self.needs_place(from)
            && let Some(places) = &mut self.places
        {
            places.pop();
        }
        Some(Next { made, due, held: (at > due).then_some(at) })
    }

    /// A request has ended: its place is free, if it gives it up.
    pub(super) fn ended(&mut self, session_goes_on: bool, free_from: Moment) {
        if let Some(places) = &mut self.places
            && !(self.closed && session_goes_on)
        {
            places.push(Reverse(free_from));
        }
    }

    /// What will not be sent any more: what is due by `now`, with when that was.
    pub(super) fn give_up(&mut self, now: Moment) -> Vec<(Made, Moment)> {
        let mut left: Vec<_> = std::mem::take(&mut self.turns)
            .into_iter()
            .map(|((due, _), made)| (made, due))
            .collect();
        for made in std::mem::take(&mut self.sessions) {
            if let Some(due) = self.due_of(&made) {
                left.push((made, due));
            }
        }
        left.retain(|(_, due)| *due <= now);
        left
    }

    /// When a first turn is due by the plan; `None` in a closed loop.
    fn due_of(&self, made: &Made) -> Option<Moment> {
        made.session.due.map(|due| self.began.after(due))
    }

    fn needs_place(&self, from: From) -> bool {
        !(self.closed && from == From::Turns)
    }

    /// When the next may be sent, when it is due, and where it is.
    fn first(&self) -> Option<(Moment, Moment, From)> {
        let place = match &self.places {
            Some(places) => places.peek().map(|Reverse(at)| *at),
            None => Some(self.began),
        };
        let session = self.sessions.front().and_then(|made| {
            let place = place?;
            // A closed loop's session is due when there is a place for it.
            let due = self.due_of(made).unwrap_or(place);
            Some((due.max(place), due, From::Sessions))
        });
        let turn = self.turns.first_key_value().and_then(|((due, _), _)| {
            let place = if self.needs_place(From::Turns) { place? } else { *due };
            Some(((*due).max(place), *due, From::Turns))
        });
        session.into_iter().chain(turn).min_by_key(|(at, due, _)| (*at, *due))
    }
}
