//! What is rented as a whole: a node with so many machines, from when it is asked for until it is
//! given back, or taken away.
//!
//! Invariant: a node is paid for from the moment it was asked for, whatever it does meanwhile.

use super::PlanError;
use super::machine::Machine;
use super::tick::Tick;
use crate::cost::Grain;
use crate::hardware::{NodeError, NodeSizes, Nodes};
use crate::units::{Ratio, Seconds, UsdPerHour};
use serde::Serialize;

/// What can be rented.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Node {
    /// What it costs, all of it.
    pub price: UsdPerHour,
    /// How many machines are in it: copies of the model, each on its own GPUs.
    pub machines: u32,
    /// From when it is asked for until its machines take requests: boot, download, load, warm-up.
    pub start_up: Seconds,
    /// What rented time is rounded up to.
    pub grain: Grain,
    /// How often it is taken away: so many times an hour; 0 of one that is kept.
    pub interruptions: PerHour,
}

/// So many times an hour.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize)]
#[serde(transparent)]
pub struct PerHour(pub f64);

impl PerHour {
    /// What is taken away more often than every minute serves nothing.
    pub const MOST: Self = Self(60.0);

    /// The mean time from one to the next; `None`: it never happens.
    pub fn mean_time(self) -> Option<Seconds> {
        (self.0 > 0.0).then(|| Seconds(crate::units::SECONDS_PER_HOUR / self.0))
    }
}

impl std::fmt::Display for PerHour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/h", self.0)
    }
}

impl Node {
    /// One machine that is there at once, is kept, and is paid by the second.
    pub fn single(price: UsdPerHour) -> Self {
        Self {
            price,
            machines: 1,
            start_up: Seconds(0.0),
            grain: Grain::Second,
            interruptions: PerHour(0.0),
        }
    }

    /// So many single machines of so many GPUs in the nodes that a provider has: the price of one holds
    /// its part of the GPUs that are rented with them and that nobody needs. What is rented besides.
    ///
    /// # Errors
    /// Where that is more than anybody rents.
    pub fn in_nodes(
        self,
        machines: u32,
        gpus: u32,
        sizes: &NodeSizes,
    ) -> Result<(Self, Nodes), NodeError> {
        let needed = machines.saturating_mul(gpus);
        let nodes = sizes.holding(needed)?;
        let paid = Ratio::of(f64::from(nodes.gpus) / f64::from(needed));
        Ok((Self { price: self.price * paid, ..self }, nodes))
    }

    /// The nodes that hold so many machines.
    pub fn nodes_for(&self, machines: u32) -> u32 {
        machines.div_ceil(self.machines.max(1))
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        let is = |number: f64| number >= 0.0 && number.is_finite();
        if !(is(self.price.0) && self.price.0 > 0.0) {
            return Err(PlanError::NotPositive { what: "price" });
        }
        if self.machines == 0 {
            return Err(PlanError::NotPositive { what: "machines of a node" });
        }
        if !is(self.start_up.0) {
            return Err(PlanError::NotPositive { what: "start-up time" });
        }
        if !(0.0..=PerHour::MOST.0).contains(&self.interruptions.0) {
            return Err(PlanError::Interruptions {
                value: self.interruptions,
                most: PerHour::MOST,
            });
        }
        Ok(())
    }
}

/// A node that was rented.
#[derive(Debug)]
pub(super) struct Rented {
    /// When it was asked for. Those that are there at the beginning were asked for `before` it.
    pub(super) from: Tick,
    /// The time for which it was paid before the traffic began.
    pub(super) before: Tick,
    /// When its machines begin to take requests.
    pub(super) ready: Tick,
    /// When it is taken away, unless it was given back before.
    pub(super) interrupted: Tick,
    /// It takes no more requests, and is given back when it has none.
    pub(super) drains: bool,
    /// When it was given back or taken away.
    pub(super) to: Option<Tick>,
    pub(super) machines: Vec<Machine>,
}

impl Rented {
    /// Whether it is paid for.
    pub(super) fn is_kept(&self) -> bool {
        self.to.is_none()
    }

    /// Whether it takes requests.
    pub(super) fn is_open(&self, at: Tick) -> bool {
        self.is_kept() && !self.drains && self.ready <= at
    }

    /// Requests that it has.
    pub(super) fn live(&self) -> usize {
        self.machines.iter().map(Machine::live).sum()
    }

    /// The part of the time between two moments for which it is paid, `end` being when all is over.
    pub(super) fn paid_within(&self, from: Tick, to: Tick, end: Tick) -> Tick {
        self.to.unwrap_or(end).min(to).since(self.from.max(from))
    }

    /// All the time for which it is paid.
    pub(super) fn paid(&self, end: Tick) -> Tick {
        self.before.after(self.to.unwrap_or(end).since(self.from))
    }

    /// The part of it before its machines were ready.
    pub(super) fn starting(&self, end: Tick) -> Tick {
        self.before.after(self.to.unwrap_or(end).min(self.ready).since(self.from))
    }
}
