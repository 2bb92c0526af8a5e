//! Machines, load and dollars for traffic: a simulation of the scheduler that the engine runs.
//!
//! `COST_MODEL.md`, section 4: arrivals go through a profile of step times and the real
//! [`schedule`](crate::schedule) at so many machines; what comes out is what each request waited for,
//! the fewest machines that keep to the objectives, their load, and what that costs: in all, and
//! window by window. `docs/PLAN.md` says what is simulated and what is assumed.
//!
//! Invariant: the same traffic, profile, fleet and seed give the same outcome, to the last digit, and
//! taking many steps at once changes none. Guarded by `tests`.
//!
//! Deliberately absent: clocks and files. Nothing here is measured:
//! an outcome is as good as its profile, whose error it carries beside it.

mod beside;
mod bill;
mod capacity;
mod error;
mod fate;
mod fleet;
mod least;
mod machine;
mod node;
mod outcome;
mod profile;
mod replay;
mod router;
mod scale;
mod serving;
mod spread;
#[cfg(test)]
mod tests;
mod tick;
mod traffic;

pub use beside::{Api, Apis, Caching, Unbilled, beside};
pub use bill::{Bill, Delivered};
pub use capacity::{CLOSE, Capacity, capacity};
pub use error::PlanError;
pub use fate::Served;
pub use fleet::Fleet;
pub use least::{Least, Task, Tried};
pub use node::{Node, PerHour};
pub use outcome::{Outcome, Requests, Window};
pub use profile::{Coefficients, Derived, Profile};
pub use replay::{Point, Replayed, replay, traffic_of};
pub use router::Router;
pub use scale::{Scaling, Size};
pub use serving::Serving;
pub use spread::{Kept, Latencies, Spread};
pub use traffic::{Asked, MadeUp, Traffic};
