//! What a rented machine's clock costs beside its hours: COST_MODEL.md section 5, the rented half.

use crate::units::{Seconds, Usd, UsdPerHour};
use serde::Serialize;

/// What a provider rounds rented time up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// Billed by the second.
    #[default]
    Second,
    /// Billed by the started minute.
    Minute,
    /// Billed by the started hour.
    Hour,
}

impl Grain {
    fn length(self) -> Seconds {
        match self {
            Self::Second => Seconds(1.0),
            Self::Minute => Seconds(60.0),
            Self::Hour => Seconds(3_600.0),
        }
    }

    /// The time that is billed for a time rented.
    pub fn billed(self, time: Seconds) -> Seconds {
        let grains = (time / self.length()).get();
        // 5400 s are exactly 90 minutes; what float division adds to that must not cost a grain.
        let whole =
            if (grains - grains.round()).abs() < 1e-9 { grains.round() } else { grains.ceil() };
        Seconds(whole * self.length().0)
    }
}

/// A machine rented for one sitting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rental {
    /// The machine, all its GPUs.
    pub machine: UsdPerHour,
    /// What runs beside it by the hour: storage, egress, staff.
    pub beside: UsdPerHour,
    /// From rented to taken back.
    pub rented: Seconds,
    /// Of it, from rented to the first token: download, load, warm-up.
    pub start_up: Seconds,
    /// What time is rounded up to.
    pub grain: Grain,
}

/// What a sitting costs, and what an hour in which tokens can flow costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RentalBill {
    /// Time billed.
    pub billed: Seconds,
    /// Time in which tokens could be delivered.
    pub usable: Seconds,
    /// The bill.
    pub total: Usd,
    /// The bill over the usable time: the price to put into the formula.
    pub effective: UsdPerHour,
}

/// How any machine is rented for one sitting, whatever it costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sitting {
    /// What runs beside it by the hour: storage, egress, staff.
    pub beside: UsdPerHour,
    /// From rented to taken back.
    pub rented: Seconds,
    /// Of it, from rented to the first token: download, load, warm-up.
    pub start_up: Seconds,
    /// What time is rounded up to.
    pub grain: Grain,
}

/// A sitting on a machine of a known price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SittingPrice {
    /// How it is rented.
    #[serde(flatten)]
    pub rental: Rental,
    /// What that costs.
    #[serde(flatten)]
    pub bill: RentalBill,
}

impl Sitting {
    /// On a machine of this price; `None` where start-up leaves no usable time.
    pub fn price(self, machine: UsdPerHour) -> Option<SittingPrice> {
        let Self { beside, rented, start_up, grain } = self;
        let rental = Rental { machine, beside, rented, start_up, grain };
        Some(SittingPrice { rental, bill: rental.bill()? })
    }
}

impl Rental {
    /// The bill; `None` where start-up leaves no usable time.
    pub fn bill(self) -> Option<RentalBill> {
        let usable = self.rented - self.start_up;
        if usable.0 <= 0.0 {
            return None;
        }
        let billed = self.grain.billed(self.rented);
        let total = self.machine * billed + self.beside * self.rented;
        Some(RentalBill { billed, usable, total, effective: total / usable })
    }
}
