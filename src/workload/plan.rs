//! A closed loop of requests of stated lengths.

use crate::record::RequestId;
use crate::units::{Seconds, Tokens};

/// What to send: a fixed number of requests in flight, all of the same lengths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Requests in flight at once; at least 1.
    pub in_flight: u32,
    /// Prompt tokens of each.
    pub prompt: Tokens,
    /// Output tokens of each.
    pub output: Tokens,
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

/// One request of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Its number.
    pub id: RequestId,
    /// Prompt tokens.
    pub prompt: Tokens,
    /// Output tokens.
    pub output: Tokens,
    /// What its prompt and its sampler are drawn from.
    pub seed: u64,
}

impl Plan {
    /// Rounds, of as many requests as are in flight, that an interval takes: the fewest batches that
    /// give one, each of which holds a whole round.
    pub const ROUNDS: u32 = 6;

    /// How many requests are as many rounds.
    pub fn enough(&self) -> u32 {
        self.in_flight.max(1).saturating_mul(Self::ROUNDS)
    }

    /// The request of this number. Plans that differ in how many are in flight share none, so that
    /// what one leaves in a prefix cache does not quicken the next.
    pub fn request(&self, id: RequestId) -> Planned {
        // Streams of one seed are steps of 2^32 apart, and an odd increment reaches no multiple of
        // that in fewer than 2^32 requests.
        let seed = self.seed ^ (u64::from(self.in_flight) << 32);
        // SplitMix64's finaliser: neighbouring numbers give unrelated streams. Steele, Lea, Flood,
        // "Fast splittable pseudorandom number generators", OOPSLA 2014.
        let mut mixed = seed.wrapping_add(u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Planned { id, prompt: self.prompt, output: self.output, seed: mixed ^ (mixed >> 31) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_request_has_a_seed_of_its_own_and_keeps_it() {
        let plan = Plan {
            in_flight: 1,
            prompt: Tokens(128),
            output: Tokens(64),
            warm_up: Seconds(1.0),
            measure: Seconds(10.0),
            measure_max: Seconds(10.0),
            seed: 7,
        };
        let seeds = |plan: &Plan| (0..1_000).map(|n| plan.request(RequestId(n)).seed).collect();
        let (first, again): (HashSet<u64>, HashSet<u64>) = (seeds(&plan), seeds(&plan));
        assert_eq!(first.len(), 1_000);
        assert_eq!(first, again);
        assert!(first.is_disjoint(&seeds(&Plan { seed: 8, ..plan })));
        assert!(first.is_disjoint(&seeds(&Plan { in_flight: 2, ..plan })));
    }
}
