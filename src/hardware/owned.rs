//! What a machine that is owned costs by the hour: COST_MODEL.md section 5, the owned half.
//!
//! Invariant: the hour's price is the sum of its items, and capital that costs something is never
//! cheaper than capital that is free. Guarded by hand-worked machines and properties below.
//!
//! ```text
//! depreciation = (purchase - resale) / life
//! capital      = annuity of both at the yearly rate, less depreciation
//! energy       = watts × PUE × USD/kWh
//! ```
//!
//! The annuity is the level payment at each year's end that pays purchase back over the life with
//! interest, what the machine is sold for at its end counted in: `A = (P - S v^n) r / (1 - v^n)`,
//! `v = 1 / (1 + r)`. Hours are all hours of the year: those in which the machine stands idle are the
//! load's matter, and counting them here too would count them twice.

use crate::hint::{Fault, Hint};
use crate::units::{HOURS_PER_YEAR, Ratio, Seconds, Usd, UsdPerHour, UsdPerKwh, Watts};
use serde::Serialize;

/// A machine that is owned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Owned {
    /// What it cost, with all that is needed to run it: chassis, network, installation.
    pub purchase: Usd,
    /// What it brings at the end of its life.
    pub resale: Usd,
    /// How long it is used.
    pub life: Seconds,
    /// What it draws at the plug in the mean over all hours, measured where it can be.
    pub power: Watts,
    /// The building's energy over the machine's: power usage effectiveness, 1 at least.
    pub pue: Ratio,
    /// What energy costs.
    pub electricity: UsdPerKwh,
    /// Space, network, hands, maintenance, insurance, by the hour.
    pub hosting: UsdPerHour,
    /// What capital costs a year; zero: it is not counted.
    pub cost_of_capital: Ratio,
}

/// What an owned machine costs by the hour, by item.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OwnedPrice {
    /// The purchase less the resale, over the life.
    pub depreciation: UsdPerHour,
    /// What the capital costs on top.
    pub capital: UsdPerHour,
    /// Energy, that of cooling included.
    pub energy: UsdPerHour,
    /// Hosting.
    pub hosting: UsdPerHour,
    /// All of it.
    pub total: UsdPerHour,
}

/// Why a machine has no price by the hour.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OwnedError {
    /// A figure that is not a number, or below what it can be.
    #[error("`{field}`: `{value}` is not possible for a machine that is owned")]
    Impossible {
        /// Which.
        field: &'static str,
        /// What was given.
        value: String,
    },
}

impl Hint for OwnedError {
    fn hint(&self) -> Option<String> {
        let Self::Impossible { field, .. } = self;
        let advice = match *field {
            "pue" => {
                "PUE is the building's energy over the machine's: 1 at least, often 1.1 to 1.6"
            }
            "resale" => "no machine is sold for more than it cost; leave it out if nobody buys it",
            "life" => "write it like `4y`",
            _ => "give a number that is not below zero",
        };
        Some(advice.to_owned())
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

impl Owned {
    /// The price by the hour.
    ///
    /// # Errors
    /// [`OwnedError::Impossible`] for a life of no length, a PUE below 1, a resale above the purchase,
    /// and whatever is below zero or no number.
    pub fn price(&self) -> Result<OwnedPrice, OwnedError> {
        self.check()?;
        let years = self.life / Seconds::YEAR;
        let hours = years.get() * HOURS_PER_YEAR;
        let depreciation = UsdPerHour((self.purchase - self.resale).0 / hours);
        let capital = match self.annuity(years.get()) {
            Some(yearly) => UsdPerHour(yearly.0 / HOURS_PER_YEAR) - depreciation,
            None => UsdPerHour(0.0),
        };
        let energy = self.power * self.electricity * self.pue;
        let total = depreciation + capital + energy + self.hosting;
        Ok(OwnedPrice { depreciation, capital, energy, hosting: self.hosting, total })
    }

    /// What a year costs in capital; `None` where capital is free.
    fn annuity(&self, years: f64) -> Option<Usd> {
        let rate = self.cost_of_capital.get();
        if rate <= 0.0 {
            return None;
        }
        // 1 - (1 + r)^-n, without losing its digits where r is small.
        let discount = years * rate.ln_1p();
        let lost = -(-discount).exp_m1();
        let later = (-discount).exp();
        Some(Usd((self.purchase.0 - self.resale.0 * later) * rate / lost))
    }

    fn check(&self) -> Result<(), OwnedError> {
        let fields = [
            ("purchase", self.purchase.0, 0.0, self.purchase.to_string()),
            ("resale", self.resale.0, 0.0, self.resale.to_string()),
            ("life", self.life.0, f64::MIN_POSITIVE, self.life.to_string()),
            ("power", self.power.0, 0.0, self.power.to_string()),
            ("pue", self.pue.get(), 1.0, self.pue.get().to_string()),
            ("electricity", self.electricity.0, 0.0, self.electricity.to_string()),
            ("hosting", self.hosting.0, 0.0, self.hosting.to_string()),
            ("cost of capital", self.cost_of_capital.get(), 0.0, self.cost_of_capital.to_string()),
        ];
        for (field, number, least, value) in fields {
            if !number.is_finite() || number < least {
                return Err(OwnedError::Impossible { field, value });
            }
        }
        if self.resale > self.purchase {
            let value = self.resale.to_string();
            return Err(OwnedError::Impossible { field: "resale", value });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A node of 35,040 USD over four years of 8,760 hours: 1 USD/h. 2 kW × 1.3 × 0.10 USD/kWh = 0.26.
    fn machine() -> Owned {
        Owned {
            purchase: Usd(35_040.0),
            resale: Usd(0.0),
            life: "4y".parse().unwrap(),
            power: Watts(2_000.0),
            pue: Ratio::of(1.3),
            electricity: UsdPerKwh(0.1),
            hosting: UsdPerHour(0.3),
            cost_of_capital: Ratio::of(0.0),
        }
    }

    #[track_caller]
    fn check(machine: Owned, want: [f64; 5]) {
        let price = machine.price().unwrap();
        let OwnedPrice { depreciation, capital, energy, hosting, total } = price;
        for (got, want) in [depreciation, capital, energy, hosting, total].iter().zip(want) {
            assert!((got.0 - want).abs() < 1e-6, "{price:?}: {got} ≠ {want}");
        }
    }

    #[test]
    fn items_add_up() {
        check(machine(), [1.0, 0.0, 0.26, 0.3, 1.56]);
        // A quarter of it is got back.
        check(Owned { resale: Usd(8_760.0), ..machine() }, [0.75, 0.0, 0.26, 0.3, 1.31]);
    }

    /// 10 % over four years: 1.1^4 = 1.4641, A = 0.1 / (1 - 1/1.4641) = 0.315471 of the purchase a
    /// year, 11,054.094 USD, 1.261883 USD/h. With 8,760 USD got back, 8,760 / 1.4641 = 5,983.2 less is
    /// to be paid back: 9,166.57 USD a year, 1.046412 USD/h, of which 0.75 are depreciation.
    #[test]
    fn capital_is_an_annuity() {
        let capital = Owned { cost_of_capital: Ratio::percent(10.0), ..machine() };
        check(capital, [1.0, 0.261_883, 0.26, 0.3, 1.821_883]);
        let resold = Owned { resale: Usd(8_760.0), ..capital };
        check(resold, [0.75, 0.296_412, 0.26, 0.3, 1.606_412]);
    }

    #[track_caller]
    fn refused(machine: Owned, want: &str) {
        let error = machine.price().unwrap_err();
        assert!(error.to_string().starts_with(want), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn what_can_not_be_is_refused() {
        refused(Owned { life: Seconds(0.0), ..machine() }, "`life`: `0 s`");
        refused(Owned { pue: Ratio::of(0.9), ..machine() }, "`pue`: `0.9`");
        refused(Owned { resale: Usd(35_041.0), ..machine() }, "`resale`: `35041 USD`");
        refused(Owned { power: Watts(f64::NAN), ..machine() }, "`power`: `NaN W`");
        refused(Owned { hosting: UsdPerHour(-1.0), ..machine() }, "`hosting`: `-1 USD/h`");
    }

    proptest! {
        #[test]
        fn dearer_capital_is_never_cheaper(
            purchase in 0.0..1e6f64, kept in 0.0..1.0f64, years in 0.1..15.0f64,
            rate in 0.0..0.5f64, more in 0.0..0.5f64,
        ) {
            let at = |rate| {
                let owned = Owned {
                    purchase: Usd(purchase),
                    resale: Usd(purchase * kept),
                    life: Seconds(years * Seconds::YEAR.0),
                    cost_of_capital: Ratio::of(rate),
                    ..machine()
                };
                owned.price().unwrap()
            };
            let (low, high) = (at(rate), at(rate + more));
            prop_assert!(high.total.0 >= low.total.0 - 1e-9 * low.total.0);
            prop_assert!(low.capital.0 >= -1e-9 * low.total.0);
            let sum = low.depreciation + low.capital + low.energy + low.hosting;
            prop_assert!((sum.0 - low.total.0).abs() < 1e-9 * low.total.0);
        }
    }
}
