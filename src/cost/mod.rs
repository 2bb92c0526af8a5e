//! The cost model: money out of rates, purely. `docs/COST_MODEL.md` in Rust.
//!
//! Invariant: cheaper hours never make dearer tokens, more load never makes dearer tokens, and an
//! interval comes through every step (property tests in `tests.rs`). Deliberately absent: clocks,
//! files, and everything that measures.

mod attribution;
mod audit;
mod beside;
mod blend;
mod bound;
mod break_even;
mod budget;
mod claim;
mod comparison;
mod judgement;
mod ladder;
mod machine;
mod paid;
mod price;
mod rental;
mod roofline;
mod sensitivity;
mod slip;
mod slo;
#[cfg(test)]
mod tests;
mod unit_of_sale;
mod waterfall;

pub use attribution::{
    Attributed, Attribution, AttributionBounds, BoundsOfKind, CachedBy, Evidence, MixedBy, Part,
    PriceOfKind, PricesOfKinds, Shares, ToldBy, Untold, attribute,
};
pub use audit::{AuditError, Audited, Claims, PublishedClaim};
pub use beside::Beside;
pub(crate) use beside::Own;
pub use blend::{Blend, KindRates, OwnRates};
pub use bound::{Bound, Work, bound, cache_per_token};
pub use break_even::{BreakEven, Cheaper, SurfacePoint, surface};
pub use budget::{Budget, TokenPrices};
pub use claim::{Audit, Claim, ClaimError, Verdict, audit_bill, audit_machine};
pub use comparison::{Change, Comparison, Differences, Differs, Finding};
pub use judgement::{Assumptions, Books, Efficiency, Floor, Judgement};
pub use ladder::{Knee, Ladder, LevelRepeats, Rung};
pub use machine::{MachinePrice, PriceOrigin};
pub use paid::{CostAtLoad, CostBounds, CostWhileBusy};
pub use price::{Load, LoadError, cost, cost_at};
pub use rental::{Grain, Rental, RentalBill};
pub use roofline::{Roofline, StepTime};
pub use sensitivity::{Bar, HourPrice, Input, Scenario, SensitivityError, tornado};
pub use slip::Slip;
pub use slo::{Answer, Kind, Objective, Ruling, Slo, SloError, SloVerdict};
pub use unit_of_sale::{UnitsOfSale, Usage};
pub use waterfall::{Item, Line, Waterfall, WaterfallError};
