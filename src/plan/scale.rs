//! How many nodes there are to be: always as many, or as many as the requests in flight need.
//!
//! Invariant: the decision is made from what a controller sees, the requests in flight, never from
//! what is to come.

use super::PlanError;
use super::tick::Tick;
use crate::units::Seconds;
use serde::Serialize;
use std::collections::VecDeque;

/// How many nodes there are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Size {
    /// Always as many.
    Fixed {
        /// So many.
        nodes: u32,
    },
    /// As the traffic needs.
    Scaled(Scaling),
}

/// As many nodes as the requests in flight need, looked at now and then. More at once; fewer when
/// fewer were enough for a while, as Kubernetes' horizontal autoscaler does it (its stabilization
/// window).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scaling {
    /// The fewest nodes, which are there when the traffic begins.
    pub least: u32,
    /// The most.
    pub most: u32,
    /// Requests in flight that a machine is to have.
    pub in_flight: u32,
    /// How often it is looked at.
    pub every: Seconds,
    /// How long fewer must have been enough.
    pub patience: Seconds,
}

impl Scaling {
    /// Between two numbers of nodes, with so many requests in flight on each machine; looked at every
    /// 15 s, with 5 min of patience, as Kubernetes does where nothing else is said.
    pub fn between(least: u32, most: u32, in_flight: u32) -> Self {
        Self { least, most, in_flight, every: Seconds(15.0), patience: Seconds(300.0) }
    }
}

impl Size {
    /// The nodes that are there when the traffic begins.
    pub(super) fn at_first(&self) -> u32 {
        match self {
            Self::Fixed { nodes } => *nodes,
            Self::Scaled(scaling) => scaling.least,
        }
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        let positive =
            |is: bool, what| if is { Ok(()) } else { Err(PlanError::NotPositive { what }) };
        match *self {
            Self::Fixed { nodes } => positive(nodes > 0, "number of nodes"),
            Self::Scaled(Scaling { least, most, in_flight, every, patience }) => {
                positive(most > 0, "the most nodes")?;
                positive(in_flight > 0, "requests in flight on a machine")?;
                positive(every.0 > 0.0 && every.0.is_finite(), "time between decisions")?;
                positive(patience.0 >= 0.0 && patience.0.is_finite(), "patience")?;
                if least > most { Err(PlanError::Range { least, most }) } else { Ok(()) }
            }
        }
    }
}

/// What a controller remembers.
#[derive(Debug)]
pub(super) struct Controller {
    scaling: Scaling,
    /// What was needed, and when, as far back as patience reaches; only what nothing later exceeded.
    needed: VecDeque<(Tick, u32)>,
    pub(super) next: Tick,
}

impl Controller {
    pub(super) fn new(scaling: Scaling) -> Self {
        Self { scaling, needed: VecDeque::new(), next: Tick::of(scaling.every) }
    }

    /// The nodes that there should be: at least so many as the first says, at most as the second.
    /// `machines` are in a node.
    pub(super) fn wants(&mut self, at: Tick, in_flight: usize, machines: u32) -> (u32, u32) {
        let Scaling { least, most, in_flight: each, every, patience } = self.scaling;
        self.next = at.after(Tick::of(every));
        let of_node = u64::from(each) * u64::from(machines);
        let nodes = (in_flight as u64).div_ceil(of_node.max(1));
        let now = u32::try_from(nodes).unwrap_or(u32::MAX).clamp(least, most);
        while self.needed.back().is_some_and(|(_, before)| *before <= now) {
            self.needed.pop_back();
        }
        self.needed.push_back((at, now));
        while self.needed.front().is_some_and(|(when, _)| when.after(Tick::of(patience)) < at) {
            self.needed.pop_front();
        }
        (now, self.needed.front().map_or(now, |(_, most)| *most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten in flight on each of two machines a node; looked at every minute, with two minutes' patience.
    #[test]
    fn more_at_once_and_fewer_after_a_while() {
        let minute = |n: f64| Tick::of(Seconds(60.0 * n));
        let scaling = Scaling {
            every: Seconds(60.0),
            patience: Seconds(120.0),
            ..Scaling::between(1, 4, 10)
        };
        let mut controller = Controller::new(scaling);
        let told = [(1.0, 0, (1, 1)), (2.0, 21, (2, 2)), (3.0, 61, (4, 4)), (4.0, 20, (1, 4))];
        let later = [(5.0, 41, (3, 4)), (6.0, 0, (1, 3)), (7.0, 0, (1, 3)), (8.0, 0, (1, 1))];
        for (at, in_flight, want) in told.into_iter().chain(later) {
            assert_eq!(controller.wants(minute(at), in_flight, 2), want, "minute {at}");
            assert_eq!(controller.next, minute(at + 1.0));
        }
    }
}
