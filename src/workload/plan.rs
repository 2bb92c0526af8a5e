//! What to send, when.

use super::session::{Draft, Segment, Session, Turn};
use crate::record::{Arrivals, Lengths, RequestId, Workload};
use crate::units::{Ratio, Seconds, Tokens};

/// What to send, when.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// When sessions are due.
    pub arrivals: Arrivals,
    /// The most in flight at once of an open loop.
    pub cap: Option<u32>,
    /// Prompt tokens of each.
    pub prompt: Lengths,
    /// Output tokens of each.
    pub output: Lengths,
    /// How long requests are sent before anything is counted.
    pub warm_up: Seconds,
    /// How long is counted.
    pub measure: Seconds,
    /// Where fewer than [`Plan::ROUNDS`] rounds of requests have ended by then, counting goes on until
    /// they have, or until this long was counted.
    pub measure_max: Seconds,
    /// What the prompts, and the sampler, are drawn from.
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

    /// The most requests that can be in flight at once: of an open loop without a cap, 1 as far as
    /// the plan knows.
    pub fn in_flight_max(&self) -> u32 {
        match self.arrivals {
            Arrivals::Closed { in_flight } => in_flight.max(1),
            _ => self.cap.unwrap_or(1).max(1),
        }
    }

    /// The longest prompt and output together.
    pub fn longest(&self) -> Tokens {
        self.prompt.mean() + self.output.mean()
    }

    /// What a record says of it, with how tokens were chosen, in words.
    pub fn describe(&self, sampling: String) -> Workload {
        Workload {
            name: None,
            arrivals: self.arrivals,
            cap: self.cap,
            prompt: self.prompt,
            output: self.output,
            text: "natural text".to_owned(),
            shared: Ratio::of(0.0),
            measure: self.measure,
            seed: self.seed,
            sampling,
        }
    }

    /// Its sessions, in the order in which they are due.
    pub fn sessions(&self) -> impl Iterator<Item = Session> + Send + '_ {
        (0..).map(|number| self.session(number))
    }

    /// The session of this number. Plans that differ in how many are in flight share none, so that
    /// what one leaves in a prefix cache does not quicken the next.
    fn session(&self, number: u32) -> Session {
        // Streams of one seed are steps of 2^32 apart, and an odd increment reaches no multiple of
        // that in fewer than 2^32 requests.
        let seed = self.seed ^ (u64::from(self.in_flight_max()) << 32);
        // SplitMix64's finaliser: neighbouring numbers give unrelated streams. Steele, Lea, Flood,
        // "Fast splittable pseudorandom number generators", OOPSLA 2014.
        let mut mixed = seed.wrapping_add(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let seed = mixed ^ (mixed >> 31);
        let prompt = self.prompt.mean();
        let turn = Turn {
            id: RequestId(number),
            draft: Draft::Prose(vec![Segment { seed, tokens: prompt }]),
            prompt,
            output: self.output.mean(),
            think: Seconds(0.0),
            seed,
        };
        Session { number, due: None, turns: vec![turn] }
    }
}
