//! What GPUs are and what they rent for: dated, sourced books.
//!
//! Invariant: nothing here is guessed. A device whose name the catalogue doesn't hold exactly is
//! unknown, a figure without a clear source is absent, and a rental offer belongs to one form of one
//! chip. Guarded by the table in `catalogue`'s tests (a laptop's 4090 and a MIG slice are unknown).
//!
//! The books are embedded files of `data/`, whose README names sources and licences. Deliberately
//! absent: asking a device anything (that is `telemetry`), and what a token costs (that is `cost`): the
//! only money that is worked out here is what a machine costs by the hour.

mod catalogue;
mod energy;
mod error;
mod example;
mod gpu;
mod node;
mod owned;
mod rentals;

pub use catalogue::Catalogue;
pub use energy::{EnergyOfTokens, Grid, Supply};
pub use error::HardwareError;
pub use example::{ExamplePrice, example_cpu_price};
pub use gpu::{Gpu, Precision};
pub use node::{NodeError, NodeSizes, Nodes};
pub use owned::{Owned, OwnedError, OwnedPrice};
pub use rentals::{Kind, Offer, ProviderRange, RentalRange, Rentals};
