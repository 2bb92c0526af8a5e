//! The highest load that meets objectives: which load to try next, by what was found at those before.
//!
//! Invariant: what is found was met at that load, in a first run and in every confirmation, and was missed
//! at a load at most [`CLOSE`] above it (or the search was told to go no higher). A pure machine: whoever
//! drives it makes the runs. Guarded by `tests`, against servers of known capacity, noisy ones among them.
//!
//! Doubling brackets the border, halving the bracket closes in on it (geometrically: loads are
//! compared by their ratio), and then the candidate must hold again, with other seeds. A candidate that
//! fails to is itself the upper end of the bracket.

use crate::cost::Answer;
use crate::record::Level;
use crate::units::RequestsPerSecond;

/// The bracket is closed where its ends are this near: a rate is hardly known better.
const CLOSE: f64 = 1.05;

/// How often a candidate must hold again.
const CONFIRMATIONS: u32 = 2;

/// How often a run that can't tell is made again, twice as long each time.
const LONGER: u32 = 2;

/// More runs than this find nothing that fewer didn't: doubling to 2^16 and bisecting to 5 % take about
/// 16 + 5, and each failed confirmation a few more.
const RUNS_MAX: usize = 64;

/// A load below this share of where the search started is none.
const FLOOR: f64 = 1.0 / 1_024.0;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Make a run at this load, so many times as long as usual.
    Run {
        /// The load.
        level: Level,
        /// How many times as long.
        times: u32,
        /// Whether it is to confirm what was found.
        confirms: bool,
    },
    /// This is the highest load that meets the objectives.
    Found {
        /// The load.
        level: Level,
        /// Whether a load above it is known to miss them; else the search was told to go no higher.
        bounded: bool,
    },
    /// No load does.
    Missed,
}

/// A search under way.
#[derive(Debug, Clone)]
pub struct Search {
    start: Level,
    max: Level,
    /// Loads that met the objectives and were not found wanting since, rising.
    met: Vec<Level>,
    /// The lowest load that missed them.
    missed: Option<Level>,
    /// What runs now.
    trying: Level,
    times: u32,
    /// Confirmations of the candidate so far; `None`: none is being confirmed.
    confirmed: Option<u32>,
    runs: usize,
}

impl Search {
    /// From `start` up, and at most to `max`, which is of the same kind.
    pub fn new(start: Level, max: Level) -> Self {
        Self {
            start,
            max,
            met: Vec::new(),
            missed: None,
            trying: least(start, max),
            times: 1,
            confirmed: None,
            runs: 0,
        }
    }

    /// The first run, or the one that is under way.
    pub fn current(&self) -> Next {
        let confirms = self.confirmed.is_some();
        Next::Run { level: self.trying, times: self.times, confirms }
    }

    /// What to do after the run at the current load gave this answer.
    pub fn after(&mut self, answer: Answer) -> Next {
        self.runs += 1;
        if answer == Answer::CantTell && self.times < 1 << LONGER && self.runs < RUNS_MAX {
            self.times *= 2;
            return self.current();
        }
        self.times = 1;
        // What can't tell after all that is not known to meet anything.
        let met = answer == Answer::Met;
        match (met, self.confirmed) {
            (true, Some(before)) => {
                self.confirmed = Some(before + 1);
            }
            (true, None) => self.met.push(self.trying),
            (false, _) => {
                self.confirmed = None;
                self.missed = Some(self.trying);
                self.met.retain(|level| level < &self.trying);
            }
        }
        self.next()
    }

    fn next(&mut self) -> Next {
        let (low, high) = (self.met.last().copied(), self.missed);
        let exhausted = self.runs >= RUNS_MAX;
        let to = match (low, high) {
            (Some(low), high) if exhausted || self.is_closed(low, high) => {
                let bounded = high.is_some();
                return match self.confirmed {
                    Some(CONFIRMATIONS..) => Next::Found { level: low, bounded },
                    // Out of runs, and not confirmed: it is not known to hold.
                    _ if exhausted => Next::Missed,
                    _ => {
                        self.confirmed.get_or_insert(0);
                        self.trying = low;
                        self.current()
                    }
                };
            }
            (Some(low), Some(high)) => between(low, high),
            (Some(low), None) => least(times(low, 2.0), self.max),
            (None, Some(high)) => {
                let lower = times(high, 0.5);
                let floor = ratio(lower, self.start) < FLOOR || lower >= high;
                if exhausted || floor || lower == Level::InFlight(0) {
                    return Next::Missed;
                }
                lower
            }
            (None, None) => self.trying,
        };
        self.trying = to;
        self.current()
    }

    /// Whether nothing between these is worth a run.
    fn is_closed(&self, low: Level, high: Option<Level>) -> bool {
        match high {
            Some(high) => ratio(high, low) <= CLOSE || between(low, high) == low,
            None => low >= self.max,
        }
    }
}

fn least(a: Level, b: Level) -> Level {
    if b < a { b } else { a }
}

/// This many times a load; of requests in flight, whole ones, rounded down.
fn times(level: Level, by: f64) -> Level {
    match level {
        Level::InFlight(count) => Level::InFlight(whole(f64::from(count) * by)),
        Level::Rate(rate) => Level::Rate(RequestsPerSecond(rate.0 * by)),
    }
}

/// The geometric mean; of requests in flight, whole ones, and between the two where there is one.
fn between(low: Level, high: Level) -> Level {
    match (low, high) {
        (Level::InFlight(low), Level::InFlight(high)) => {
            let mean = whole((f64::from(low) * f64::from(high)).sqrt());
            let least = if high - low > 1 { low + 1 } else { low };
            Level::InFlight(mean.max(least))
        }
        (Level::Rate(low), Level::Rate(high)) => {
            Level::Rate(RequestsPerSecond((low.0 * high.0).sqrt()))
        }
        _ => low,
    }
}

/// How many times one load is another of its kind.
fn ratio(a: Level, b: Level) -> f64 {
    let number = |level| match level {
        Level::InFlight(count) => f64::from(count),
        Level::Rate(rate) => rate.0,
    };
    number(a) / number(b)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; a cast saturates"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Drives a search to its end against something that answers; what was found, and the runs.
    fn search(
        start: Level,
        max: Level,
        mut answer: impl FnMut(Level, u32) -> Answer,
    ) -> (Next, Vec<Level>) {
        let mut search = Search::new(start, max);
        let (mut next, mut runs) = (search.current(), Vec::new());
        while let Next::Run { level, times, .. } = next {
            runs.push(level);
            next = search.after(answer(level, times));
        }
        (next, runs)
    }

    fn up_to(limit: Level) -> impl FnMut(Level, u32) -> Answer {
        move |level, _| if level <= limit { Answer::Met } else { Answer::Missed }
    }

    fn in_flight(counts: &[u32]) -> Vec<Level> {
        counts.iter().copied().map(Level::InFlight).collect()
    }

    /// 1, 2, 4, 8 meet and 16 misses; √128 = 11.3; √(11 × 16) = 13.3; √(11 × 13) = 11.96, so the one between;
    /// 12 and 13 are neighbours; 12 must hold twice more.
    #[test]
    fn a_search_by_hand() {
        let (found, runs) =
            search(Level::InFlight(1), Level::InFlight(256), up_to(Level::InFlight(12)));
        assert_eq!(found, Next::Found { level: Level::InFlight(12), bounded: true });
        assert_eq!(runs, in_flight(&[1, 2, 4, 8, 16, 11, 13, 12, 12, 12]));
    }

    #[test]
    fn where_nothing_misses_the_highest_that_may_be_tried_is_found() {
        let (found, runs) =
            search(Level::InFlight(3), Level::InFlight(10), up_to(Level::InFlight(99)));
        assert_eq!(found, Next::Found { level: Level::InFlight(10), bounded: false });
        assert_eq!(runs, in_flight(&[3, 6, 10, 10, 10]));
    }

    #[test]
    fn where_nothing_meets_nothing_is_found() {
        let never = |_, _| Answer::Missed;
        let (found, runs) = search(Level::InFlight(4), Level::InFlight(256), never);
        assert_eq!((found, runs), (Next::Missed, in_flight(&[4, 2, 1])));
        let rate = |rate| Level::Rate(RequestsPerSecond(rate));
        let (found, runs) = search(rate(1.0), rate(100.0), never);
        assert_eq!((found, runs.len()), (Next::Missed, 11));
    }

    /// 8 meets at first and never again: 4 is what holds... and 5, 6, 7, had they been met.
    #[test]
    fn what_does_not_hold_again_is_not_found() {
        let mut first = true;
        let answer = |level, _| match level {
            Level::InFlight(8) if first => {
                first = false;
                Answer::Met
            }
            Level::InFlight(1..=5) => Answer::Met,
            _ => Answer::Missed,
        };
        let (found, _) = search(Level::InFlight(1), Level::InFlight(256), answer);
        assert_eq!(found, Next::Found { level: Level::InFlight(5), bounded: true });
    }

    #[test]
    fn a_run_that_cannot_tell_is_made_again_longer() {
        let mut lengths = Vec::new();
        let (found, _) = search(Level::InFlight(1), Level::InFlight(1), |_, times| {
            lengths.push(times);
            if times < 4 { Answer::CantTell } else { Answer::Met }
        });
        assert_eq!(found, Next::Found { level: Level::InFlight(1), bounded: false });
        assert_eq!(lengths, [1, 2, 4, 1, 2, 4, 1, 2, 4]);
        let (found, runs) = search(Level::InFlight(1), Level::InFlight(8), |_, _| Answer::CantTell);
        assert_eq!((found, runs.len()), (Next::Missed, 3));
    }

    proptest! {
        /// Whatever the capacity and the start: within 5 % below it, in a bounded number of runs.
        #[test]
        fn a_rates_border_is_found(capacity in 0.5..500.0f64, start in 0.5..500.0f64) {
            let rate = |rate| Level::Rate(RequestsPerSecond(rate));
            let (found, runs) = search(rate(start), rate(1e6), up_to(rate(capacity)));
            let Next::Found { level: Level::Rate(level), bounded: true } = found else {
                panic!("{found:?}");
            };
            prop_assert!(level.0 <= capacity && capacity < level.0 * CLOSE, "{level} for {capacity}");
            prop_assert!(runs.len() <= 30, "{}", runs.len());
        }

        /// Whatever is answered, it ends, and what is found was met there at least three times.
        #[test]
        fn it_ends_and_what_is_found_was_confirmed(answers in prop::collection::vec(0..3u8, 64)) {
            let mut given = Vec::new();
            let (found, runs) = search(Level::InFlight(4), Level::InFlight(64), |level, _| {
                let answer = match answers[given.len()] {
                    0 => Answer::Met,
                    1 => Answer::Missed,
                    _ => Answer::CantTell,
                };
                given.push((level, answer));
                answer
            });
            prop_assert!(runs.len() <= RUNS_MAX);
            if let Next::Found { level, .. } = found {
                let met = given.iter().filter(|one| **one == (level, Answer::Met)).count();
                prop_assert!(met >= 3);
            }
        }
    }
}
