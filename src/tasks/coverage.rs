//! How often intervals hold the truth, of simulated models whose truth is known.
//!
//! A problem's own rate is drawn from a beta distribution, so repeats of a problem are alike; unsolved
//! attempts take twice the tokens of solved ones. Population figures, which the intervals are to hold:
//!
//! ```text
//! solved rate = a / (a + b),    USD per solved = E[cost of an attempt] / solved rate
//! ```

use super::sheet::Sheet;
use super::spend::{PerSolved, RowCost};
use super::tests::builder::{Made, own};
use super::{
    compare::{Compared, Finding},
    rate,
};
use crate::record::attempts::{Attempts, Verdict};
use crate::units::Estimate;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, StandardUniform};

/// So many problems, each tried so often, whose rates are spread as a beta distribution of these.
#[derive(Debug, Clone, Copy)]
struct World {
    problems: usize,
    repeats: u32,
    beta: (f64, f64),
}

/// Runs in each simulation.
const RUNS: u64 = 400;

impl World {
    fn rate(self) -> f64 {
        self.beta.0 / (self.beta.0 + self.beta.1)
    }

    /// 100 prompt tokens at 1 USD/Mtok, and 100 (solved) or 200 in the mean at 10.
    fn per_solved(self) -> f64 {
        let mean = 100.0 * self.rate() + 200.0 * (1.0 - self.rate());
        (100.0 + 10.0 * mean) * 1e-6 / self.rate()
    }

    /// So many models on the same problems, all equally good.
    fn run(self, models: usize, seed: u64) -> Vec<Attempts> {
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        let beta = Beta::new(self.beta.0, self.beta.1).unwrap();
        let rates: Vec<f64> = (0..self.problems).map(|_| beta.sample(&mut draw)).collect();
        let mut unit = || -> f64 { StandardUniform.sample(&mut draw) };
        (0..models)
            .map(|model| {
                let mut made = Made::new(["a", "b"][model]);
                for (problem, rate) in rates.iter().enumerate() {
                    for repeat in 1..=self.repeats {
                        let solved = unit() < *rate;
                        let (verdict, mean) =
                            if solved { (Verdict::Solved, 100.0) } else { (Verdict::Wrong, 200.0) };
                        let tokens =
                            crate::units::Tokens(1_000).scaled(mean * (0.5 + unit()) / 1e3);
                        made = made.attempt(&format!("p{problem:03}"), repeat, verdict, tokens.0);
                    }
                }
                made.build()
            })
            .collect()
    }
}

fn sheet(attempts: &Attempts) -> Sheet<'_> {
    Sheet::of(&attempts.attempts, Some(&own(1.0, 10.0)), |_| true)
}

/// How often the rate's interval and the price's hold the truth.
fn coverage(world: World) -> [f64; 2] {
    let mut held = [0.0; 2];
    for seed in 0..RUNS {
        let made = world.run(1, seed).remove(0);
        let sheet = sheet(&made);
        let Estimate { interval: Some((low, high)), .. } =
            rate::solved_rate(&sheet.sums()).unwrap()
        else {
            panic!("no interval")
        };
        let mut count = |at: usize, is: bool| held[at] += if is { 1.0 } else { 0.0 };
        count(0, low.get() <= world.rate() && world.rate() <= high.get());
        match RowCost::of(&sheet, false, seed).unwrap().per_solved {
            PerSolved::NoneSolved { at_least, .. } => {
                count(1, at_least.unwrap().0 <= world.per_solved());
            }
            PerSolved::Solved { interval, .. } => {
                let range = interval.unwrap();
                let below = range.high.is_none_or(|high| world.per_solved() <= high.0);
                count(1, range.low.0 <= world.per_solved() && below);
            }
        }
    }
    held.map(|held| held / super::number(usize::try_from(RUNS).unwrap()))
}

/// Seen: the rate in 95.3 to 98.0 %, the price in 93.3 to 97.0 %; with one repeat of ten problems the price
/// has a high end in 80 % of the runs. 400 runs: a true 95 % is seen within 2.2 points of it nineteen times in twenty.
#[test]
fn intervals_hold_the_truth() {
    let world = |problems, repeats, beta| World { problems, repeats, beta };
    let worlds = [
        world(10, 1, (2.0, 2.0)),
        world(10, 5, (2.0, 2.0)),
        world(20, 5, (0.5, 0.5)),
        world(40, 3, (4.0, 1.0)),
        world(40, 3, (1.0, 6.0)),
        world(20, 5, (12.0, 0.6)),
    ];
    for world in worlds {
        let [rate, price] = coverage(world);
        assert!((0.92..=1.0).contains(&rate), "{world:?}: {rate}");
        assert!((0.915..=1.0).contains(&price), "{world:?}: {price}");
    }
}

/// Seen: solved rates in 1.5 to 4.5 %, tokens in 5.5 to 6.3 %, prices in 5.3 to 6.5 %.
/// Two models that are equally good are told apart about as often as 95 % allows.
#[test]
fn equal_models_tie() {
    for world in [
        World { problems: 12, repeats: 3, beta: (2.0, 2.0) },
        World { problems: 40, repeats: 1, beta: (4.0, 1.0) },
        World { problems: 30, repeats: 5, beta: (1.0, 4.0) },
    ] {
        let mut apart = [0.0; 3];
        for seed in 0..RUNS {
            let both = world.run(2, seed);
            let (one, other) = (sheet(&both[0]), sheet(&both[1]));
            let got = Compared::of(("a", &one), ("b", &other), seed);
            let found = [got.solved.finding, got.tokens.finding, got.per_solved.finding];
            for (count, finding) in apart.iter_mut().zip(found) {
                *count += if finding == Finding::Tie { 0.0 } else { 1.0 };
            }
        }
        let shares = apart.map(|apart| apart / super::number(usize::try_from(RUNS).unwrap()));
        assert!(shares.iter().all(|share| *share <= 0.08), "{world:?}: {shares:?}");
    }
}
