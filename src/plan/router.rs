//! Which machine a request goes to.
//!
//! Invariant: the choice follows from the requests that the machines have, the request and those
//! before it, never from what a router could not know: how long an answer will be, or what a cache
//! holds.

use super::traffic::Asked;
use crate::workload::mixed;
use serde::{Deserialize, Serialize};

/// How requests are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Router {
    /// To the machine that has the fewest requests; of several, to the one that was rented first.
    #[default]
    LeastLoaded,
    /// To each in turn.
    RoundRobin,
    /// Those that begin alike to the same machine, while it has at most a quarter more than its share
    /// of all requests: consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2018),
    /// by rendezvous. Those that share nothing to the least loaded.
    PrefixAffinity,
}

/// A machine that a request can go to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Its number among all that were ever rented.
    pub(super) number: u64,
    /// Where it stands: its node, and which of that node's.
    pub(super) at: (usize, usize),
    /// Requests that it has.
    pub(super) live: usize,
}

impl Router {
    /// The machine for a request, the `turn`-th that is shared out; `None`: there is none.
    pub(super) fn choose(
        self,
        candidates: &[Candidate],
        asked: &Asked,
        turn: u64,
    ) -> Option<Candidate> {
        let least = || candidates.iter().min_by_key(|one| one.live).copied();
        match (self, asked.begins.first()) {
            (Self::LeastLoaded, _) | (Self::PrefixAffinity, None) => least(),
            (Self::RoundRobin, _) => {
                let count = candidates.len() as u64;
                let place = turn.checked_rem(count).and_then(|place| usize::try_from(place).ok());
                place.and_then(|place| candidates.get(place)).copied()
            }
            (Self::PrefixAffinity, Some(first)) => {
                let all = candidates.iter().map(|one| one.live).sum::<usize>() + 1;
                let most = (all * 5).div_ceil(4 * candidates.len().max(1));
                let free = candidates.iter().filter(|one| one.live < most);
                free.max_by_key(|one| mixed(&[first.id, one.number])).copied().or_else(least)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Seconds, Tokens};
    use crate::workload::trace::Block;

    fn asked(first: Option<u64>) -> Asked {
        let block = |id| Block { id, tokens: Tokens(512) };
        let begins = first.map(block).into_iter().collect();
        Asked { at: Seconds(0.0), prompt: Tokens(600), output: Tokens(1), begins }
    }

    fn chosen(router: Router, live: &[usize], first: Option<u64>, turn: u64) -> Option<u64> {
        let candidates: Vec<Candidate> = (0..)
            .zip(live)
            .map(|(number, live)| Candidate { number, at: (0, 0), live: *live })
            .collect();
        router.choose(&candidates, &asked(first), turn).map(|one| one.number)
    }

    #[test]
    fn the_least_loaded_and_each_in_turn() {
        assert_eq!(chosen(Router::LeastLoaded, &[3, 1, 2, 1], None, 0), Some(1));
        let turns: Vec<_> =
            (0..4).map(|turn| chosen(Router::RoundRobin, &[9, 0, 5], None, turn)).collect();
        assert_eq!(turns, [Some(0), Some(1), Some(2), Some(0)]);
        for router in [Router::LeastLoaded, Router::RoundRobin, Router::PrefixAffinity] {
            assert_eq!(chosen(router, &[], Some(1), 0), None);
        }
    }

    /// Of 10 + 1 requests on two machines, a machine may come to 6.875: 7 at most.
    #[test]
    fn alike_go_together_within_bounds() {
        for first in 0..100 {
            let home = chosen(Router::PrefixAffinity, &[5, 5], Some(first), 0).unwrap();
            let other = 1 - home;
            let live =
                |at_home| if home == 0 { [at_home, 10 - at_home] } else { [10 - at_home, at_home] };
            assert_eq!(chosen(Router::PrefixAffinity, &live(6), Some(first), 9), Some(home));
            assert_eq!(chosen(Router::PrefixAffinity, &live(7), Some(first), 9), Some(other));
        }
        assert_eq!(chosen(Router::PrefixAffinity, &[3, 1], None, 0), Some(1));
    }
}
