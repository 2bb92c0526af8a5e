//! What the machine of a run costs by the hour, and what it could reach at most.

use super::rental::{Sitting, SittingPrice};
use crate::hardware::{
    Catalogue, Gpu, Owned, OwnedError, OwnedPrice, Precision, Rentals, example_cpu_price,
};
use crate::prices::is_stale;
use crate::record::{Header, Peaks, Shape};
use crate::units::{Ratio, UsdPerHour};
use jiff::civil::Date;
use serde::Serialize;

/// A price by the hour, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MachinePrice {
    /// The whole machine, all its GPUs, used or not; of a sitting, the hour in which tokens can flow.
    pub usd_per_hour: UsdPerHour,
    /// Who says so.
    pub origin: PriceOrigin,
    /// The sitting that it was rented for; `None`: none was described, and the hour is the clock's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sitting: Option<SittingPrice>,
}

impl MachinePrice {
    /// By the clock, as somebody says.
    pub fn of(usd_per_hour: UsdPerHour, origin: PriceOrigin) -> Self {
        Self { usd_per_hour, origin, sitting: None }
    }

    /// What the user pays.
    pub fn given(usd_per_hour: UsdPerHour) -> Self {
        Self::of(usd_per_hour, PriceOrigin::Given)
    }

    /// Of a machine that the user owns.
    ///
    /// # Errors
    /// Where its figures can't be.
    pub fn owned(machine: Owned) -> Result<Self, OwnedError> {
        let items = machine.price()?;
        Ok(Self::of(items.total, PriceOrigin::Owned(OwnedHour { machine, items })))
    }

    /// Whether the machine is the user's own.
    pub fn is_owned(&self) -> bool {
        matches!(self.origin, PriceOrigin::Owned(_))
    }

    /// The same machine for a sitting, with what start-up and the provider's grain cost; `None` where
    /// start-up leaves no usable time.
    pub fn over(self, sitting: Sitting) -> Option<Self> {
        let sitting = sitting.price(self.usd_per_hour)?;
        Some(Self { usd_per_hour: sitting.bill.effective, sitting: Some(sitting), ..self })
    }
}

/// A machine that is owned, and what its hour comes to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OwnedHour {
    /// The machine.
    pub machine: Owned,
    /// Its hour, by item.
    pub items: OwnedPrice,
}

/// Where a price by the hour comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum PriceOrigin {
    /// The user.
    Given,
    /// The user's own machine: what it costs by the hour follows from what it cost to buy and to run.
    Owned(OwnedHour),
    /// The median of the rental offers for this GPU, times the GPUs in the machine.
    Rentals {
        /// The GPU.
        gpu: String,
        /// How many are in the machine.
        gpus: u32,
        /// The cheapest offer of one.
        low: UsdPerHour,
        /// The dearest.
        high: UsdPerHour,
        /// How many offers there are.
        offers: usize,
        /// How it is rented.
        kind: String,
        /// The oldest day among the offers'.
        collected: Date,
        /// Whether that is more than 90 days ago.
        stale: bool,
    },
    /// Nobody: an example, so that there is something to see.
    Example {
        /// What must be said beside it.
        note: String,
    },
}

/// The price to judge a run at: the one given, else the rental table's for its GPU, else, on a CPU,
/// the example. `None` for a GPU that the table doesn't know, and for a server on another machine:
/// guessing is not judging.
pub(super) fn price_of(
    header: &Header,
    given: Option<&MachinePrice>,
    gpus: &Catalogue,
    rentals: &Rentals,
    today: Date,
) -> Option<MachinePrice> {
    if let Some(given) = given {
        return Some(given.clone());
    }
    if header.server.as_ref().is_some_and(|server| !server.local) {
        return None;
    }
    let Some(device) = &header.host.gpu else {
        let example = example_cpu_price();
        let origin = PriceOrigin::Example { note: example.note.to_owned() };
        return Some(MachinePrice::of(example.price, origin));
    };
    let gpu = gpus.by_device_name(device)?;
    let range = rentals.for_gpu(gpu)?;
    let count = header.host.gpus.max(1);
    let origin = PriceOrigin::Rentals {
        gpu: gpu.name.clone(),
        gpus: count,
        low: range.low,
        high: range.high,
        offers: range.offers,
        kind: range.kind.to_string(),
        collected: range.collected,
        stale: is_stale(range.collected, today),
    };
    Some(MachinePrice::of(range.median * Ratio::of(f64::from(count)), origin))
}

/// What the machine of a run could reach at most: as probed, or by its GPU's spec sheet.
pub(super) fn peaks_of(header: &Header, gpus: &Catalogue) -> Option<Peaks> {
    let Some(device) = &header.host.gpu else { return header.peaks.clone() };
    let gpu = gpus.by_device_name(device)?;
    let arithmetic = fastest(gpu, header.model.shape.as_ref()?)?;
    Some(Peaks {
        bandwidth: gpu.bandwidth,
        arithmetic,
        source: format!("{} spec sheet: {}, {}", gpu.name, gpu.source, gpu.date),
    })
}

/// The fastest arithmetic that weights of this kind could be multiplied with: eight-bit units for
/// weights of eight bits and less, where the chip has them.
fn fastest(gpu: &Gpu, shape: &Shape) -> Option<crate::units::FlopsPerSecond> {
    let wide = gpu.peak(Precision::Bf16).or_else(|| gpu.peak(Precision::Fp16));
    let is_wide = matches!(shape.quantization.as_str(), "F32" | "F16" | "BF16");
    let narrow = gpu.peak(Precision::Fp8).filter(|_| !is_wide);
    match (narrow, wide) {
        (Some(a), Some(b)) => Some(if a > b { a } else { b }),
        (narrow, wide) => narrow.or(wide),
    }
}
