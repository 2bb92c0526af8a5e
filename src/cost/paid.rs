//! What a run's tokens cost: at each load, while they were worked on, and at least and at most where
//! nothing tells their kinds apart.
//!
//! Invariant: the prices of the kinds are the attribution's, so that at full load tokens times prices are
//! the bill of the window, which is also the sum of the bill's lines. Guarded by
//! `judgement/tests.rs`, and on records as they are written by `tests/schema_live/judged.rs`.

use super::{Attributed, Load, Waterfall, cost_at};
use crate::summary::Summary;
use crate::units::{Estimate, Ratio, TokensPerSecond, UsdPerHour, UsdPerMtok};
use serde::Serialize;

/// The loads that every judgement has.
const LOADS: [f64; 3] = [100.0, 30.0, 10.0];

/// What a million tokens cost where the mean rate is this share of the measured one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CostAtLoad {
    /// The load.
    pub load: Load,
    /// A million input tokens that were computed, charged for the time that they took and their part
    /// of the idle time; `None`: nothing tells input from output, or there was none.
    pub input: Option<Estimate<UsdPerMtok>>,
    /// A million input tokens that a cache had; `None` also where their time isn't told from the
    /// others', and is in `input`.
    pub cached: Option<Estimate<UsdPerMtok>>,
    /// A million output tokens: with the input, they pay for all the time.
    pub output: Option<Estimate<UsdPerMtok>>,
    /// The hour charged to input and output tokens alike: to lay beside an API's blended price.
    pub blended: Option<Estimate<UsdPerMtok>>,
    /// The whole hour charged to output tokens.
    pub output_only: Option<Estimate<UsdPerMtok>>,
}

/// What a million tokens cost in the time that they themselves took: no idle time is in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CostWhileBusy {
    /// Input tokens that were computed.
    pub input: Option<Estimate<UsdPerMtok>>,
    /// Input tokens that a cache had.
    pub cached: Option<Estimate<UsdPerMtok>>,
    /// Output tokens.
    pub output: Option<Estimate<UsdPerMtok>>,
}

/// The least and the most that a million tokens cost at full load, where nothing tells input from
/// output. What one kind is not charged the other is: never both at their least.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CostBounds {
    /// Input tokens, cached or not; `None`: there were none.
    pub input: Option<(UsdPerMtok, UsdPerMtok)>,
    /// Output tokens.
    pub output: Option<(UsdPerMtok, UsdPerMtok)>,
}

/// What a run's tokens cost, in every way that is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Paid {
    pub(super) costs: Vec<CostAtLoad>,
    pub(super) while_busy: Option<CostWhileBusy>,
    pub(super) bounds: Option<CostBounds>,
    pub(super) bill: Option<Waterfall>,
}

impl Paid {
    pub(super) fn of(
        hour: UsdPerHour,
        summary: &Summary,
        attributed: Option<&Attributed>,
        stated: &[Load],
    ) -> Self {
        let usual = LOADS.into_iter().filter_map(|percent| Load::new(Ratio::percent(percent)).ok());
        let mut loads: Vec<Load> = usual.chain(stated.iter().copied()).collect();
        loads.sort_by(|a, b| b.share().get().total_cmp(&a.share().get()));
        loads.dedup();
        let row = |load| cost_of(hour, summary, attributed, load);
        let (while_busy, bounds) = match attributed {
            None => (None, None),
            Some(Attributed::Told(told)) => {
                let prices = told.prices(hour, Load::FULL);
                let (input, cached) = (prices.uncached.busy, prices.cached.busy);
                (Some(CostWhileBusy { input, cached, output: prices.output.busy }), None)
            }
            Some(Attributed::Bounds(bounds)) => {
                let of = |kind: &super::BoundsOfKind| kind.prices(hour, Load::FULL);
                (None, Some(CostBounds { input: of(&bounds.input), output: of(&bounds.output) }))
            }
        };
        Self {
            costs: loads.into_iter().map(row).collect(),
            while_busy,
            bounds,
            bill: attributed.map(|attributed| Waterfall::of_window(hour, attributed)),
        }
    }
}

fn cost_of(
    hour: UsdPerHour,
    summary: &Summary,
    attributed: Option<&Attributed>,
    load: Load,
) -> CostAtLoad {
    let at = |rate: Option<Estimate<TokensPerSecond>>| rate.map(|rate| cost_at(hour, rate, load));
    let prices = match attributed {
        Some(Attributed::Told(told)) => Some(told.prices(hour, load)),
        _ => None,
    };
    CostAtLoad {
        load,
        input: prices.and_then(|prices| prices.uncached.at_load),
        cached: prices.and_then(|prices| prices.cached.at_load),
        output: prices.and_then(|prices| prices.output.at_load),
        blended: at(summary.total_rate),
        output_only: at(summary.output_rate),
    }
}
