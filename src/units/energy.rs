//! Power and energy.

use super::parse::Scale;
use super::quantity::{quantity, relation};
use super::{Seconds, Tokens};

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

relation!(Watts * Seconds = Joules);
relation!(Joules / Seconds = Watts);

impl std::ops::Div<Tokens> for Joules {
    type Output = JoulesPerToken;

    fn div(self, tokens: Tokens) -> JoulesPerToken {
        JoulesPerToken(self.0 / tokens.get())
    }
}
