//! A price for machines that have none: an example, said to be one.

use crate::units::UsdPerHour;

/// A rental price that nobody offers: it stands where the user hasn't given one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExamplePrice {
    /// The price.
    pub price: UsdPerHour,
    /// What must be printed beside it.
    pub note: &'static str,
}

/// What a CPU machine is priced at when no price is given.
///
/// There is no table of CPU rentals here, and a machine doesn't tell its price: 0.10 USD/h is a round
/// number near what small cloud machines cost, with no provider and no source. Every output that
/// rests on it prints the note.
pub fn example_cpu_price() -> ExamplePrice {
    ExamplePrice {
        price: UsdPerHour(0.10),
        note: "an example, not an offer: give your machine's own with --price 0.10/h",
    }
}
