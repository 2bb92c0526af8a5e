//! Power and energy.

use super::parse::Scale;
use super::quantity::{quantity, relation};
use super::{Seconds, Tokens, Usd, UsdPerHour, UsdPerMtok};

quantity!(
    /// Power.
    Watts, "W", "a power", "700W", true,
    &[(&["W"], Scale::Ten(0)), (&["mW"], Scale::Ten(-3)), (&["kW"], Scale::Ten(3))]
);

quantity!(
    /// Energy.
    Joules, "J", "an energy", "1kWh", true,
    &[
        (&["J"], Scale::Ten(0)),
        (&["mJ"], Scale::Ten(-3)),
        (&["kJ"], Scale::Ten(3)),
        (&["Wh"], Scale::Times(3_600.0)),
        (&["kWh"], Scale::Times(3_600_000.0)),
    ]
);

quantity!(
    /// Energy per token.
    JoulesPerToken, "J/tok", "an energy per token", "0.4J/tok", true,
    &[(&["J/tok"], Scale::Ten(0)), (&["mJ/tok"], Scale::Ten(-3))]
);

quantity!(
    /// What energy costs.
    UsdPerKwh, "USD/kWh", "a price of electricity", "0.12/kWh", false,
    &[
        (&["usd/kwh", "/kwh"], Scale::Ten(0)),
        (&["usd/mwh", "/mwh"], Scale::Ten(-3)),
    ]
);

quantity!(
    /// Greenhouse gas, as the carbon dioxide that warms as much: gCO2e.
    GramsCo2, "gCO2e", "an amount of greenhouse gas", "40gCO2e", false,
    &[
        (&["gco2e", "gco2", "g"], Scale::Ten(0)),
        (&["kgco2e", "kgco2", "kg"], Scale::Ten(3)),
        (&["tco2e", "tco2", "t"], Scale::Ten(6)),
    ]
);

quantity!(
    /// What a grid's energy emits.
    GramsPerKwh, "gCO2e/kWh", "a grid's carbon intensity", "400gCO2e/kWh", false,
    &[
        (&["gco2e/kwh", "gco2/kwh", "g/kwh", "kgco2e/mwh", "kgco2/mwh", "kg/mwh"], Scale::Ten(0)),
        (&["kgco2e/kwh", "kgco2/kwh", "kg/kwh", "tco2e/mwh", "t/mwh"], Scale::Ten(3)),
    ]
);

quantity!(
    /// Greenhouse gas for a million tokens.
    GramsPerMtok, "gCO2e/Mtok", "an emission per million tokens", "40gCO2e/Mtok", false,
    &[(&["gco2e/mtok", "g/mtok"], Scale::Ten(0)), (&["kgco2e/mtok", "kg/mtok"], Scale::Ten(3))]
);

/// Joules in a kilowatt-hour.
const JOULES_PER_KWH: f64 = 3.6e6;

impl std::ops::Mul<UsdPerKwh> for Joules {
    type Output = Usd;

    fn mul(self, price: UsdPerKwh) -> Usd {
        Usd(self.0 / JOULES_PER_KWH * price.0)
    }
}

/// What a power costs by the hour.
impl std::ops::Mul<UsdPerKwh> for Watts {
    type Output = UsdPerHour;

    fn mul(self, price: UsdPerKwh) -> UsdPerHour {
        UsdPerHour(self.0 / 1e3 * price.0)
    }
}

/// What the energy of a million tokens costs.
impl std::ops::Mul<UsdPerKwh> for JoulesPerToken {
    type Output = UsdPerMtok;

    fn mul(self, price: UsdPerKwh) -> UsdPerMtok {
        UsdPerMtok(self.0 * super::TOKENS_PER_MTOK / JOULES_PER_KWH * price.0)
    }
}

/// What the energy of a million tokens emits.
impl std::ops::Mul<GramsPerKwh> for JoulesPerToken {
    type Output = GramsPerMtok;

    fn mul(self, grid: GramsPerKwh) -> GramsPerMtok {
        GramsPerMtok(self.0 * super::TOKENS_PER_MTOK / JOULES_PER_KWH * grid.0)
    }
}

impl std::ops::Mul<GramsPerKwh> for Joules {
    type Output = GramsCo2;

    fn mul(self, grid: GramsPerKwh) -> GramsCo2 {
        GramsCo2(self.0 / JOULES_PER_KWH * grid.0)
    }
}

relation!(Watts * Seconds = Joules);
relation!(Joules / Seconds = Watts);

impl std::ops::Div<Tokens> for Joules {
    type Output = JoulesPerToken;

    fn div(self, tokens: Tokens) -> JoulesPerToken {
        JoulesPerToken(self.0 / tokens.get())
    }
}
