//! What the energy of tokens costs, and what it emits.
//!
//! Invariant: energy per token is measured (a counter's joules over delivered tokens), never a power
//! taken for granted; and a grid's intensity is the user's, with a source. There is no table of grids
//! here: they change by tens of percent from year to year and by the hour. Guarded by a table below.
//!
//! Energy is an item *within* the price of an owned machine and is paid with the rent of another's: it
//! stands beside a cost, and is added to none.

use crate::units::{GramsPerKwh, GramsPerMtok, JoulesPerToken, Ratio, UsdPerKwh, UsdPerMtok};
use jiff::civil::Date;
use serde::Serialize;

/// Where energy comes from, and what it costs there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Supply {
    /// The building's energy over the machine's, 1 at least.
    pub pue: Ratio,
    /// What it costs; `None`: nobody said.
    pub price: Option<UsdPerKwh>,
    /// What it emits; `None`: nobody said.
    pub grid: Option<Grid>,
}

/// A grid's carbon intensity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grid {
    /// Its intensity, by location (what the grid gives), not by contract.
    pub intensity: GramsPerKwh,
    /// Who says so.
    pub source: String,
    /// The day that it is of; `None`: the user didn't say.
    pub date: Option<Date>,
}

/// A million tokens' energy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EnergyOfTokens {
    /// At the machine, as measured.
    pub measured: JoulesPerToken,
    /// At the building's meter.
    pub metered: JoulesPerToken,
    /// What it costs.
    pub cost: Option<UsdPerMtok>,
    /// What it emits.
    pub emission: Option<GramsPerMtok>,
}

impl Supply {
    /// Of what was measured at the machine.
    pub fn of(&self, measured: JoulesPerToken) -> EnergyOfTokens {
        let metered = measured * self.pue;
        EnergyOfTokens {
            measured,
            metered,
            cost: self.price.map(|price| metered * price),
            emission: self.grid.as_ref().map(|grid| metered * grid.intensity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0.5 J a token, 0.72 with what cools it: 0.2 kWh a million. At 0.15 USD/kWh that is 0.03 USD, at
    /// 400 g/kWh 80 g.
    #[test]
    fn a_million_tokens() {
        let grid = Grid { intensity: GramsPerKwh(400.0), source: "given".to_owned(), date: None };
        let all = Supply { pue: Ratio::of(1.44), price: Some(UsdPerKwh(0.15)), grid: Some(grid) };
        let energy = all.of(JoulesPerToken(0.5));
        assert!((energy.metered.0 - 0.72).abs() < 1e-12);
        assert!((energy.cost.unwrap().0 - 0.03).abs() < 1e-12, "{energy:?}");
        assert!((energy.emission.unwrap().0 - 80.0).abs() < 1e-9, "{energy:?}");
        let nothing = Supply { pue: Ratio::ONE, price: None, grid: None };
        let energy = nothing.of(JoulesPerToken(0.5));
        assert_eq!((energy.cost, energy.emission), (None, None));
    }
}
