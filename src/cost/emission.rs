//! What the energy of a run's tokens costs and emits, where energy was measured.
//!
//! Invariant: it stands on energy that was counted, never on a power taken for granted, and is added to no
//! price. A run without a count of all the GPUs that it names, or without tokens, has none. Guarded by
//! the runs below.

use super::{MachinePrice, PriceOrigin};
use crate::hardware::{EnergyOfTokens, Grid, Supply};
use crate::record::Header;
use crate::summary::Summary;
use crate::summary::telemetry::TelemetrySummary;
use crate::units::{GramsPerKwh, JoulesPerToken, Ratio, Watts};
use serde::Serialize;

/// Whose energy was counted: never all that a machine draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// The GPUs'.
    Gpus,
    /// The CPU packages'.
    CpuPackages,
}

/// What a million tokens' energy costs and emits, input and output alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Emission {
    /// Whose energy it is.
    pub of: Counted,
    /// Its mean power while it was counted.
    pub power: Watts,
    /// Where energy comes from, and what it costs there.
    pub supply: Supply,
    /// The figures.
    pub tokens: EnergyOfTokens,
}

impl Emission {
    /// Of a run on a grid. An owned machine says what its energy costs, and what its building needs
    /// beside; of a rented one neither is known.
    pub(super) fn of(
        grid: GramsPerKwh,
        header: &Header,
        summary: &Summary,
        telemetry: Option<&TelemetrySummary>,
        price: Option<&MachinePrice>,
    ) -> Option<Self> {
        let (of, power) = power(header, telemetry?)?;
        let rate = summary.total_rate.filter(|rate| rate.value.0 > 0.0)?;
        let owned = price.and_then(|price| match &price.origin {
            PriceOrigin::Owned(owned) => Some(owned.machine),
            _ => None,
        });
        let source = "as given".to_owned();
        let supply = Supply {
            pue: owned.map_or(Ratio::ONE, |machine| machine.pue),
            price: owned.map(|machine| machine.electricity),
            grid: Some(Grid { intensity: grid, source, date: None }),
        };
        let tokens = supply.of(JoulesPerToken(power.0 / rate.value.0));
        Some(Self { of, power, supply, tokens })
    }
}

/// The mean power of what the run used; of GPUs, all that the machine named.
fn power(header: &Header, telemetry: &TelemetrySummary) -> Option<(Counted, Watts)> {
    if header.host.gpu.is_none() {
        let energy = telemetry.cpu.energy.filter(|energy| energy.over.0 > 0.0)?;
        return Some((Counted::CpuPackages, energy.amount / energy.over));
    }
    let each = telemetry.gpus.iter().map(|gpu| gpu.power);
    let all: Option<Vec<Watts>> = each.collect();
    let all = all.filter(|all| !all.is_empty())?;
    Some((Counted::Gpus, all.into_iter().sum()))
}
