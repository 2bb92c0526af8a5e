//! What to send, when.

#[cfg(test)]
mod tests;

use super::arrive::Times;
use super::content::{Cache, Content, Mix, Sizes};
use super::draw::{longest, mixed};
use super::mix::Keys;
use super::recorded::{Asked, nonce, replayed, shuffled};
use super::session::Session;
use super::share::Shape;
use crate::record::{Arrivals, Lengths, RequestId, Workload};
use crate::units::{Ratio, Seconds, Tokens};

/// Sessions that are drawn to say what generated ones are like: their shares are known to a percent.
const SAMPLE: usize = 2_000;

/// What to send, when.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What users call it: a preset's name, or a file's.
    pub name: Option<String>,
    /// When sessions are due. Those of a trace need its requests for content: any other content has
    /// no times of its own, and then there are no sessions.
    pub arrivals: Arrivals,
    /// The most in flight at once of an open loop.
    pub cap: Option<u32>,
    /// What is sent.
    pub content: Content,
    /// How long requests are sent before anything is counted.
    pub warm_up: Seconds,
    /// How long is counted.
    pub measure: Seconds,
    /// Where fewer than [`Plan::ROUNDS`] rounds of requests have ended by then, counting goes on until
    /// they have, or until this long was counted.
    pub measure_max: Seconds,
    /// What everything is drawn from.
    pub seed: u64,
}

impl Plan {
    /// Rounds, of as many requests as are in flight, that an interval takes: the fewest batches that
    /// give one, each of which holds a whole round.
    pub const ROUNDS: u32 = 6;

    /// How many requests are as many rounds.
    pub fn enough(&self) -> u32 {
        self.in_flight_max().saturating_mul(Self::ROUNDS)
    }

    /// The most requests that can be in flight at once; `None`: an open loop without a cap.
    pub fn places(&self) -> Option<u32> {
        let places = match self.arrivals {
            Arrivals::Closed { in_flight } => Some(in_flight),
            _ => self.cap,
        };
        places.map(|places| places.max(1))
    }

    /// The same, of an open loop without a cap 1: as far as the plan knows.
    pub fn in_flight_max(&self) -> u32 {
        self.places().unwrap_or(1)
    }

    /// The longest that a request can become, with the turns before it and its answer.
    pub fn longest(&self) -> Tokens {
        match &self.content {
            Content::Mix(mix) => mix.longest(),
            Content::Trace(trace) => trace.longest(),
            Content::Dataset { data, output, cache, .. } => {
                // The nonce is no part of the data: a byte is a token at the most.
                let nonce = if *cache == Cache::Bust { nonce(0).len() as u64 } else { 0 };
                data.longest(longest(*output)) + Tokens(nonce)
            }
        }
    }

    /// What a record says of it, with how tokens were chosen, in words.
    pub fn describe(&self, sampling: String) -> Workload {
        let shape = self.shape();
        let empirical = |mean| Lengths::Empirical { mean };
        let (prompt, output) = match &self.content {
            Content::Mix(Mix {
                sizes: Sizes::Apart { prompt, output },
                prefix,
                conversation,
                ..
            }) => {
                let alone = prefix.is_empty() && conversation.is_none();
                (if alone { *prompt } else { empirical(shape.prompt()) }, *output)
            }
            _ => (empirical(shape.prompt()), empirical(shape.output())),
        };
        Workload {
            name: self.name.clone(),
            arrivals: self.arrivals,
            cap: self.cap,
            prompt,
            output,
            text: self.content.words(),
            shared: match &self.content {
                Content::Mix(Mix { cache: Cache::Warm, .. }) => Ratio::ONE,
                _ => shape.shared(),
            },
            measure: self.measure,
            seed: self.seed,
            sampling,
        }
    }

    /// Its sessions, in the order in which they are due. No text is made for them yet.
    pub fn sessions(&self) -> impl Iterator<Item = Session> + Send + '_ {
        let mut id = 0_u32;
        self.unnumbered().map(move |mut session| {
            for turn in &mut session.turns {
                turn.id = RequestId(id);
                id = id.saturating_add(1);
            }
            session
        })
    }

    fn unnumbered(&self) -> Box<dyn Iterator<Item = Session> + Send + '_> {
        let keys = self.keys();
        let session = |number, due, turns| Session { number, due, turns };
        let times = (0..u32::MAX).zip(Times::of(self.arrivals, self.seed));
        match &self.content {
            Content::Mix(mix) => Box::new(
                times.map(move |(number, due)| session(number, due, mix.turns(keys, number))),
            ),
            Content::Trace(trace) if matches!(self.arrivals, Arrivals::Trace { .. }) => {
                Box::new((0..u32::MAX).zip(trace.requests()).map(move |(number, one)| {
                    session(number, Some(one.at), vec![replayed(keys, 0, number, one)])
                }))
            }
            Content::Trace(trace) => {
                let again =
                    (0_u64..).flat_map(|lap| trace.requests().iter().map(move |r| (lap, r)));
                Box::new(times.zip(again).map(move |((number, due), (lap, one))| {
                    session(number, due, vec![replayed(keys, lap, number, one)])
                }))
            }
            Content::Dataset { data, output, think, cache } => {
                let asked = Asked { keys, output: *output, think: *think, cache: *cache };
                let again = (0_u32..).flat_map(move |lap| {
                    shuffled(keys.shape, lap, data.talks().len()).map(|at| &data.talks()[at])
                });
                Box::new(times.zip(again).map(move |((number, due), talk)| {
                    session(number, due, asked.turns(number, talk))
                }))
            }
        }
    }

    /// Lengths are of the seed alone. Text is of the load besides: plans that differ in how many are
    /// in flight, or come at which rate, share none, so that what one leaves in a prefix cache does
    /// not quicken the next.
    fn keys(&self) -> Keys {
        let (process, load, spread) = match self.arrivals {
            Arrivals::Closed { in_flight } => (0, u64::from(in_flight), 0),
            Arrivals::Constant { rate } => (1, rate.0.to_bits(), 0),
            Arrivals::Poisson { rate } => (2, rate.0.to_bits(), 0),
            Arrivals::Gamma { rate, cv } => (3, rate.0.to_bits(), cv.get().to_bits()),
            Arrivals::Trace { rate, .. } => (4, rate.0.to_bits(), 0),
        };
        let cap = self.cap.map_or(u64::MAX, u64::from);
        Keys { shape: self.seed, text: mixed(&[self.seed, process, load, spread, cap]) }
    }

    fn shape(&self) -> Shape {
        // What the content is like doesn't depend on when it comes.
        let at_once = Self { arrivals: Arrivals::Closed { in_flight: 1 }, ..self.clone() };
        match &self.content {
            Content::Mix(_) => Shape::of(at_once.sessions().take(SAMPLE), true),
            Content::Trace(trace) => {
                Shape::of(at_once.sessions().take(trace.requests().len()), false)
            }
            Content::Dataset { data, .. } => {
                Shape::of(at_once.sessions().take(data.talks().len()), false)
            }
        }
    }
}
