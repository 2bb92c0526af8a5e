//! The fewest nodes that keep to the objectives in every window.
//!
//! Invariant: the number found was met in a simulation, and one node less was missed in one (or is
//! none). That more nodes never keep to less is assumed between the numbers that were tried; it can
//! fail by chance at the border, where the outcome is shown all the same.

use super::capacity::Capacity;
use super::fleet::{self, Fleet};
use super::machine::Pace;
use super::outcome::{Outcome, View};
use super::traffic::Traffic;
use super::{PlanError, Profile};
use crate::cost::Slo;
use crate::units::Seconds;
use serde::Serialize;

/// The fewest nodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Least {
    /// So many.
    pub nodes: u32,
    /// What came of them.
    pub outcome: Outcome,
    /// What was tried, in this order.
    pub tried: Vec<Tried>,
}

/// A number of nodes that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// So many.
    pub nodes: u32,
    /// Whether they keep to the objectives in every window.
    pub holds: bool,
    /// What they miss, in words; empty: nothing.
    pub missed: String,
}

/// What is served, by which machines, to which ends.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// What is asked for.
    pub traffic: &'a Traffic,
    /// How long steps take.
    pub profile: &'a Profile,
    /// The fleet. [`Task::least`] looks for its size.
    pub fleet: &'a Fleet,
    /// The objectives.
    pub slo: Option<&'a Slo>,
    /// What one machine can do; loads are shares of it.
    pub capacity: Option<&'a Capacity>,
    /// How long a window is.
    pub window: Seconds,
}

impl Task<'_> {
    /// Lets the fleet serve the traffic.
    ///
    /// # Errors
    /// Where anything asked for makes no sense, or nothing fits the machine.
    pub fn simulate(&self) -> Result<Outcome, PlanError> {
        self.with(self.fleet)
    }

    fn with(&self, fleet: &Fleet) -> Result<Outcome, PlanError> {
        let Self { traffic, profile, slo, capacity, window, .. } = *self;
        let course = fleet::run(traffic, profile, fleet, Pace::Skips)?;
        View { traffic, fleet, slo, capacity, window: Some(window) }.outcome(&course)
    }

    /// Looks for the fewest nodes, at most so many, that keep to the objectives in every window.
    ///
    /// # Errors
    /// Those of [`Task::simulate`]; and where even the most are too few.
    pub fn least(&self, most: u32) -> Result<Least, PlanError> {
        let mut tried = Vec::new();
        let mut attempt = |nodes: u32| -> Result<Outcome, PlanError> {
            let outcome = self.with(&self.fleet.of(nodes))?;
            let (holds, missed) = (outcome.holds(), outcome.missed());
            tried.push(Tried { nodes, holds, missed });
            Ok(outcome)
        };
        let most = most.max(1);
        let mut nodes = self.guess().clamp(1, most);
        let mut too_few = 0;
        let mut found = loop {
            let outcome = attempt(nodes)?;
            if outcome.holds() {
                break outcome;
            }
            if nodes == most {
                let machines = nodes.saturating_mul(self.fleet.node.machines);
                return Err(PlanError::TooFew { machines, missed: outcome.missed() });
            }
            too_few = nodes;
            // A guess is near; doubling comes far soon.
            nodes = nodes.saturating_add((nodes / 2).max(1)).min(most);
        };
        while nodes - too_few > 1 {
            let middle = too_few + (nodes - too_few) / 2;
            let outcome = attempt(middle)?;
            if outcome.holds() {
                (nodes, found) = (middle, outcome);
            } else {
                too_few = middle;
            }
        }
        Ok(Least { nodes, outcome: found, tried })
    }

    /// As many as the mean rate would need at capacity.
    fn guess(&self) -> u32 {
        let Some(capacity) = self.capacity else { return 1 };
        let machines = (self.traffic.rate() / capacity.rate).get().ceil().max(1.0);
        let machines = crate::units::Tokens(1).scaled(machines).0;
        self.fleet.node.nodes_for(u32::try_from(machines).unwrap_or(u32::MAX))
    }
}
