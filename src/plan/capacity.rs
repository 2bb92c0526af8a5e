//! The most that one machine can do of a mix of requests.
//!
//! Capacity is the highest rate of *this* mix, at this machine, that keeps to the objectives
//! (`COST_MODEL.md`, section 4): the same requests in the same order, faster or slower, until the
//! objectives are just met. It is searched by halving on a scale of ratios.
//!
//! Invariant: the rate found was met in a simulation, and one at most [`CLOSE`] above it was missed.

use super::fleet::{self, Fleet};
use super::machine::Pace;
use super::outcome::View;
use super::traffic::{Traffic, count};
use super::{Kept, Latencies, PlanError, Profile, Serving};
use crate::cost::{Answer, Slo};
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens, TokensPerSecond};
use serde::Serialize;

/// How far apart what is met and what is missed may be.
pub const CLOSE: Ratio = Ratio::percent(1.0);

/// The most that one machine can do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    /// Requests over the time from the first to the last one's end.
    pub rate: RequestsPerSecond,
    /// Tokens of their outputs over the same time.
    pub output: TokensPerSecond,
    /// How many times as fast as recorded the requests came.
    pub speed: Ratio,
    /// How long they took.
    pub latencies: Latencies,
    /// The objectives at this rate.
    pub kept: Kept,
    /// What the next rate that was tried misses; `None`: nothing is missed, however fast they come.
    pub missed: Option<Kept>,
    /// The mean number of requests in flight.
    pub in_flight: Ratio,
}

impl Capacity {
    /// The requests in flight that a fleet which grows and shrinks is to keep on a machine: this share
    /// of the mean at capacity, a whole number, at least 1.
    pub fn in_flight_at(&self, share: Ratio) -> u32 {
        let target = Tokens(1).scaled((self.in_flight * share).get().max(1.0));
        u32::try_from(target.0).unwrap_or(u32::MAX)
    }
}

/// What a trial came to.
struct Trial {
    capacity: Capacity,
    met: bool,
}

/// Searches the most that a machine can do of this traffic's mix.
///
/// # Errors
/// Where the profile or the limits make no sense, nothing fits the machine, or one request alone
/// misses the objectives.
pub fn capacity(
    traffic: &Traffic,
    profile: &Profile,
    serving: Serving,
    slo: &Slo,
) -> Result<Capacity, PlanError> {
    let at = |speed: f64| trial(traffic, profile, serving, slo, Ratio::of(speed));
    // So slow that nobody meets anybody.
    let alone = at(1e-9)?;
    if !alone.met {
        return Err(PlanError::Unreachable { missed: alone.capacity.kept.missed() });
    }
    let (mut low, mut high) = (1.0, 1.0);
    let mut best = None;
    let mut worst = None;
    loop {
        let trial = at(high)?;
        if !trial.met {
            worst = Some(trial.capacity.kept);
            break;
        }
        // All come at once by now: nothing is faster.
        let at_once = traffic.length().0 / high < 1.0;
        (low, best) = (high, Some(trial.capacity));
        if at_once {
            break;
        }
        high *= 2.0;
    }
    while best.is_none() {
        low /= 2.0;
        let trial = at(low)?;
        if trial.met {
            best = Some(trial.capacity);
        } else {
            (high, worst) = (low, Some(trial.capacity.kept));
        }
    }
    while worst.is_some() && high / low > 1.0 + CLOSE.get() {
        let middle = (low * high).sqrt();
        let trial = at(middle)?;
        if trial.met {
            (low, best) = (middle, Some(trial.capacity));
        } else {
            (high, worst) = (middle, Some(trial.capacity.kept));
        }
    }
    best.map(|best| Capacity { missed: worst, ..best })
        .ok_or_else(|| PlanError::Unreachable { missed: String::new() })
}

fn trial(
    traffic: &Traffic,
    profile: &Profile,
    serving: Serving,
    slo: &Slo,
    speed: Ratio,
) -> Result<Trial, PlanError> {
    let traffic = traffic.faster(speed)?;
    let fleet = Fleet::alone(serving);
    let course = fleet::run(&traffic, profile, &fleet, Pace::Skips)?;
    let view =
        View { traffic: &traffic, fleet: &fleet, slo: Some(slo), capacity: None, window: None };
    let outcome = view.outcome(&course)?;
    let kept = Kept::of(slo, &outcome.latencies, outcome.requests.turned_away > 0);
    let time = outcome.end.0;
    let served = Seconds(count(usize::try_from(outcome.requests.served).unwrap_or(usize::MAX)));
    let e2e = outcome.latencies.e2e.mean.unwrap_or_default();
    Ok(Trial {
        met: kept.answer == Answer::Met,
        capacity: Capacity {
            rate: RequestsPerSecond(served.0 / time),
            output: outcome.delivered.output / outcome.end,
            speed,
            latencies: outcome.latencies,
            kept,
            missed: None,
            in_flight: Ratio::of(served.0 * e2e.0 / time),
        },
    })
}
