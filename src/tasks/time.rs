//! What attempts cost on a machine that is rented: its time, shared out.
//!
//! A second in which questions are being answered is paid in equal parts by all that are in flight in
//! it. So an answer that takes longer, or is answered alone, costs more; parts add up to the time in
//! which anything was in flight, and waiting between tries is nobody's. It asks for no step times, so a
//! record is enough.
//!
//! Invariant: the parts add up to that time. Guarded by the tests here, by hand and at random.

use crate::record::attempts::{Attempts, Slot};
use crate::units::Seconds;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Of each attempt, the machine's time that is its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shares(BTreeMap<Slot, Share>);

/// One attempt's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Share {
    /// Of all its tries.
    pub(super) all: Seconds,
    /// Of that, of the tries that were tried again.
    pub(super) retries: Seconds,
}

impl Shares {
    /// Of a record.
    pub fn of(attempts: &Attempts) -> Self {
        let all = &attempts.attempts;
        let Some(first) = all.iter().flat_map(|one| &one.tries).map(|one| one.at).min() else {
            return Self::default();
        };
        // Each try with whose it is, and whether it was the last one.
        let tries = all.iter().enumerate().flat_map(|(which, attempt)| {
            let last = attempt.tries.len().saturating_sub(1);
            attempt.tries.iter().enumerate().map(move |(at, one)| (which, at < last, one))
        });
        let mut edges: Vec<(f64, bool, usize)> = Vec::new();
        let mut owners: Vec<(usize, bool)> = Vec::new();
        for (which, retried, one) in tries {
            let from = since(first, one.at);
            edges.push((from, true, owners.len()));
            edges.push((from + one.took.0.max(0.0), false, owners.len()));
            owners.push((which, retried));
        }
        // What takes no time begins before it ends.
        edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut shares = vec![Share::default(); all.len()];
        let mut open: Vec<usize> = Vec::new();
        let mut now = 0.0;
        for (at, begins, which) in edges {
            let parts = f64::from(u32::try_from(open.len()).unwrap_or(u32::MAX));
            for one in &open {
                let Some((attempt, retried)) = owners.get(*one) else { continue };
                let part = Seconds((at - now) / parts);
                if let Some(share) = shares.get_mut(*attempt) {
                    share.all = share.all + part;
                    share.retries = share.retries + if *retried { part } else { Seconds(0.0) };
                }
            }
            now = at;
            if begins {
                open.push(which);
            } else {
                open.retain(|one| *one != which);
            }
        }
        Self(all.iter().map(crate::record::attempts::Attempt::slot).zip(shares).collect())
    }

    /// The share of one attempt; nothing for one that isn't on record.
    pub(super) fn share(&self, slot: &Slot) -> Share {
        self.0.get(slot).copied().unwrap_or_default()
    }
}

fn since(first: Timestamp, at: Timestamp) -> f64 {
    at.duration_since(first).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::attempts::{Try, Verdict};
    use crate::tasks::tests::builder::{Made, noon};
    use proptest::prelude::*;

    /// Attempts by when their tries began, in seconds, and how long these took.
    fn record(of: &[&[(f64, f64)]]) -> Attempts {
        let made = of.iter().zip(0..).fold(Made::new("a"), |made, (tries, n)| {
            made.attempt(&format!("t{n}"), 1, Verdict::Solved, 10).change(|attempt| {
                let plain = attempt.tries[0].clone();
                let moved = |&(from, took): &(f64, f64)| Try {
                    at: noon() + jiff::SignedDuration::try_from_secs_f64(from).unwrap(),
                    took: Seconds(took),
                    ..plain.clone()
                };
                attempt.tries = tries.iter().map(moved).collect();
            })
        });
        made.build()
    }

    fn shares(of: &[&[(f64, f64)]]) -> Vec<Share> {
        let attempts = record(of);
        let shares = Shares::of(&attempts);
        attempts.attempts.iter().map(|one| shares.share(&one.slot())).collect()
    }

    /// From 0 to 4 and from 1 to 3: alone for 2 s, together for 2; then idle, then one of 1 s. The last
    /// is tried twice: 1 s of it failed.
    #[test]
    fn by_hand() {
        let found = shares(&[&[(0.0, 4.0)], &[(1.0, 2.0)], &[(6.0, 1.0), (9.0, 2.0)]]);
        let want = [(3.0, 0.0), (1.0, 0.0), (3.0, 1.0)];
        for (found, (all, retries)) in found.iter().zip(want) {
            assert!((found.all.0 - all).abs() < 1e-9, "{found:?}");
            assert!((found.retries.0 - retries).abs() < 1e-9, "{found:?}");
        }
    }

    proptest! {
        #[test]
        fn they_add_up_to_the_time_in_which_anything_was_in_flight(
            tries in proptest::collection::vec((0..2_000_u32, 0..500_u32), 1..40),
        ) {
            let tries: Vec<(u32, u32)> = tries;
            let each: Vec<[(f64, f64); 1]> = tries
                .iter()
                .map(|(from, took)| [(f64::from(*from) / 100.0, f64::from(*took) / 100.0)])
                .collect();
            let each: Vec<&[(f64, f64)]> = each.iter().map(<[_; 1]>::as_slice).collect();
            let all: f64 = shares(&each).iter().map(|share| share.all.0).sum();
            let busy = |at: &u32| tries.iter().any(|(from, took)| from <= at && *at < from + took);
            let union = f64::from(u32::try_from((0..2_500).filter(busy).count()).unwrap()) / 100.0;
            prop_assert!((all - union).abs() < 1e-6, "{} is not {}", all, union);
        }
    }
}
