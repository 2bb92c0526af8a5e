//! What an hour of the machine costs, in words: as given, as it rents, as it comes to where it is owned.
//!
//! Invariant: what of an owned machine was taken for nothing is named. Guarded by the test below.

use super::figure::{significant, thousands};
use super::plan::span;
use crate::cost::{Counted, Emission, MachinePrice, OwnedHour, SittingPrice};
use crate::units::{JoulesPerToken, Ratio, Seconds, Usd, UsdPerHour};

/// A price by the hour: in cents; below ten cents to three digits, so that none is printed as nothing.
pub(super) fn hourly(price: UsdPerHour) -> String {
    format!("{} USD/h", amount(price.0))
}

fn amount(usd: f64) -> String {
    if usd.abs() >= 0.1 || usd == 0.0 { format!("{usd:.2}") } else { significant(usd, 3) }
}

/// The clock's price, whatever is made of it.
pub(super) fn by_the_clock(price: &MachinePrice) -> UsdPerHour {
    price.sitting.map_or(price.usd_per_hour, |sitting| sitting.rental.machine)
}

/// What an owned machine's hour is made of.
pub(super) fn owned_words(owned: &OwnedHour) -> String {
    let OwnedHour { machine, items } = owned;
    let less = if machine.resale > Usd(0.0) {
        format!(" less {}", dollars(machine.resale))
    } else {
        String::new()
    };
    let years = significant((machine.life / Seconds::YEAR).get(), 2);
    let mut lines = vec![
        format!(
            "{} of it depreciation ({}{less} over {years} years)",
            amount(items.depreciation.0),
            dollars(machine.purchase)
        ),
        format!(
            "{} energy ({:.0} × {} at {} USD/kWh)",
            amount(items.energy.0),
            machine.power,
            machine.pue.get(),
            machine.electricity.0
        ),
    ];
    let mut untold = Vec::new();
    if machine.cost_of_capital > Ratio::of(0.0) {
        let rate = machine.cost_of_capital;
        lines.push(format!("{} capital (at {rate} a year)", amount(items.capital.0)));
    } else {
        untold.push("what the money costs");
    }
    if items.hosting > UsdPerHour(0.0) {
        lines.push(format!("{} hosting", amount(items.hosting.0)));
    } else {
        untold.push("space, network and hands");
    }
    let untold = match untold.as_slice() {
        [] => String::new(),
        some => format!(" Not counted: {}.", some.join("; ")),
    };
    format!("Own machine, {}: {}.{untold}", hourly(items.total), lines.join(", "))
}

/// What a million tokens' energy costs and emits.
pub(super) fn emission_words(found: &Emission) -> String {
    let Emission { of, power, supply, tokens } = found;
    let of = match of {
        Counted::Gpus => "GPUs alone",
        Counted::CpuPackages => "CPU packages alone",
    };
    let pue = if supply.pue > Ratio::ONE {
        format!(
            ", {} with what its building needs (PUE {})",
            joules(tokens.metered),
            supply.pue.get()
        )
    } else {
        String::new()
    };
    let cost = tokens.cost.map_or_else(String::new, |cost| {
        format!(", {} USD of electricity, which is in the price", significant(cost.0, 2))
    });
    let emitted =
        tokens.emission.zip(supply.grid.as_ref()).map_or_else(String::new, |(all, grid)| {
            let (intensity, all) = (grid.intensity.0, significant(all.0, 2));
            format!("; a million of them emit {all} gCO2e at {intensity} gCO2e/kWh{cost}")
        });
    format!(
        "Energy: {} a token, input and output alike, of the {of} ({} W in the mean){pue}{emitted}.",
        joules(tokens.measured),
        significant(power.0, 3),
    )
}

fn joules(each: JoulesPerToken) -> String {
    format!("{} J", significant(each.0, 2))
}

/// What a sitting makes of a price.
pub(super) fn sitting_words(sitting: &SittingPrice) -> String {
    let SittingPrice { rental, bill } = sitting;
    let start_up = if rental.start_up > Seconds(0.0) {
        format!(", {} of it start-up", span(rental.start_up))
    } else {
        String::new()
    };
    format!(
        "Rented for {}{start_up}, billed {}: {} USD, so {} for an hour in which tokens can flow. Costs \
         below are at that.",
        span(rental.rented),
        span(bill.billed),
        amount(bill.total.0),
        hourly(bill.effective),
    )
}

fn dollars(amount: Usd) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a checked amount is not below zero, and one beyond 2^64 saturates"
    )]
    let whole = amount.0.round() as u64;
    format!("{} USD", thousands(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Grain, Sitting};
    use crate::hardware::Owned;
    use crate::units::{UsdPerKwh, Watts};

    /// 35,040 USD over 35,040 hours; 2 kW × 1.3 at 0.10.
    fn machine() -> Owned {
        Owned {
            purchase: Usd(35_040.0),
            resale: Usd(0.0),
            life: "4y".parse().unwrap(),
            power: Watts(2_000.0),
            pue: Ratio::of(1.3),
            electricity: UsdPerKwh(0.1),
            hosting: UsdPerHour(0.0),
            cost_of_capital: Ratio::of(0.0),
        }
    }

    #[track_caller]
    fn check(machine: Owned, want: &str) {
        let price = MachinePrice::owned(machine).unwrap();
        let crate::cost::PriceOrigin::Owned(owned) = price.origin else { panic!("{price:?}") };
        assert_eq!(owned_words(&owned), want);
    }

    #[test]
    fn what_was_not_counted_is_named() {
        check(
            machine(),
            "Own machine, 1.26 USD/h: 1.00 of it depreciation (35,040 USD over 4.0 years), 0.26 energy \
             (2000 W × 1.3 at 0.1 USD/kWh). Not counted: what the money costs; space, network and hands.",
        );
        let all = Owned {
            resale: Usd(8_760.0),
            hosting: UsdPerHour(0.3),
            cost_of_capital: Ratio::percent(10.0),
            ..machine()
        };
        check(
            all,
            "Own machine, 1.61 USD/h: 0.75 of it depreciation (35,040 USD less 8,760 USD over 4.0 \
             years), 0.26 energy (2000 W × 1.3 at 0.1 USD/kWh), 0.30 capital (at 10% a year), 0.30 \
             hosting.",
        );
    }

    /// 2.00 USD/h, 4.5 h, billed 5: 10 USD over 4 usable hours.
    #[test]
    fn a_sitting_says_what_its_hours_cost() {
        let hour = 3_600.0;
        let sitting = Sitting {
            beside: UsdPerHour(0.0),
            rented: Seconds(4.5 * hour),
            start_up: Seconds(0.5 * hour),
            grain: Grain::Hour,
        };
        let price = MachinePrice::given(UsdPerHour(2.0)).over(sitting).unwrap();
        assert_eq!(by_the_clock(&price), UsdPerHour(2.0));
        assert_eq!(
            sitting_words(&price.sitting.unwrap()),
            "Rented for 4 h 30 min, 30 min 00 s of it start-up, billed 5 h 00 min: 10.00 USD, so 2.50 \
             USD/h for an hour in which tokens can flow. Costs below are at that."
        );
        assert_eq!(hourly(UsdPerHour(0.001_234)), "0.00123 USD/h");
    }
}
