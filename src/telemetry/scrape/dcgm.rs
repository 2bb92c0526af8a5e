//! GPUs as NVIDIA's DCGM exporter tells of them.
//!
//! Invariant: a value is the whole card's, in the record's units, or `None`. Series of one card that
//! differ in pod or container repeat each other; those of a cut-off instance (MIG) tell of a part of
//! the card and are left out. Guarded by `tests`.
//!
//! How old a value is, the page doesn't say: the exporter asks DCGM every 30 s unless it is told
//! otherwise (`--collect-interval`, in milliseconds).
//!
//! Sources: `etc/default-counters.csv` of dcgm-exporter for names and units; "Field Identifiers" in
//! the DCGM API reference, where the clock event reasons are NVML's bits.

use super::super::throttle;
use super::page::{Page, whole};
use super::prometheus::Labels;
use crate::record::reading::{Gpm, GpuInfo, GpuReading};
use crate::units::{Bytes, Joules, Ratio, Watts};
use std::collections::BTreeMap;

/// A GPU on a page. Its index is the exporter's own.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::telemetry) struct Exported {
    /// Who it is.
    pub(in crate::telemetry) info: GpuInfo,
    /// How it stands.
    pub(in crate::telemetry) reading: GpuReading,
}

/// How the names of the exporter begin: device fields, and profiling fields.
const FIELDS: [&str; 2] = ["DCGM_FI_DEV_", "DCGM_FI_PROF_"];

/// The GPUs on a page, by host and index.
pub(super) fn gpus(page: &Page<'_>) -> Vec<Exported> {
    let mut cards: BTreeMap<(String, u32), Exported> = BTreeMap::new();
    for sample in page.samples() {
        let Some(field) = FIELDS.iter().find_map(|prefix| sample.name.strip_prefix(prefix)) else {
            continue;
        };
        let Some(index) = sample.labels.get("gpu").and_then(|index| index.parse().ok()) else {
            continue;
        };
        let card = cards.entry((host(sample.labels), index)).or_default();
        if card.info.uuid.is_empty() {
            card.info = known(index, sample.labels);
            card.reading.index = index;
        }
        if sample.labels.get("GPU_I_ID").is_some_and(|instance| !instance.is_empty()) {
            card.info.mig = Some(true);
        } else if sample.value.is_finite() && sample.value >= 0.0 {
            note(card, field, sample.value);
        }
    }
    let mut gpus: Vec<_> = cards.into_values().collect();
    for gpu in &mut gpus {
        gpu.info.lacks = lacks(&gpu.reading);
    }
    gpus
}

fn host(labels: Labels<'_>) -> String {
    let host = labels.get("Hostname").or_else(|| labels.get("hostname"));
    host.unwrap_or_default().into_owned()
}

/// Who a card is. One without an identifier goes by its host and index.
fn known(index: u32, labels: Labels<'_>) -> GpuInfo {
    let text = |names: [&str; 2]| names.iter().find_map(|name| labels.get(name));
    let uuid = text(["UUID", "uuid"])
        .map_or_else(|| format!("{} gpu {index}", host(labels)), std::borrow::Cow::into_owned);
    let name = text(["modelName", "model_name"]).unwrap_or_default().into_owned();
    GpuInfo { index, name, uuid, ..GpuInfo::default() }
}

/// A value into its place. DCGM's marks for "no value" are far beyond what each field can be.
fn note(card: &mut Exported, field: &str, value: f64) {
    let Exported { info, reading } = card;
    let percent = || (value <= 100.0).then(|| Ratio::percent(value));
    let share = || (value <= 1.0).then(|| Ratio::of(value));
    let small =
        || whole(value).and_then(|value| u32::try_from(value).ok()).filter(|n| *n < 100_000);
    let mib = || whole(value).filter(|n| *n < 1 << 30).map(|n| Bytes(n << 20));
    let gpm = |gpm: &mut Option<Gpm>, set: fn(&mut Gpm, Option<Ratio>)| {
        set(gpm.get_or_insert_default(), share());
    };
    match field {
        "GPU_UTIL" => reading.busy = percent(),
        "MEM_COPY_UTIL" => reading.memory_busy = percent(),
        "FB_USED" => reading.memory_used = mib(),
        "FB_TOTAL" => info.memory = mib(),
        "POWER_USAGE" => reading.power = Some(Watts(value)).filter(|power| *power < Watts(1e6)),
        // In millijoules; an hour at 1 kW is 3.6e9 of them.
        "TOTAL_ENERGY_CONSUMPTION" => {
            reading.energy = whole(value).map(|_| Joules(value / 1_000.0));
        }
        "SM_CLOCK" => reading.sm_clock_mhz = small(),
        "MEM_CLOCK" => reading.memory_clock_mhz = small(),
        "GPU_TEMP" => reading.temperature_c = small().filter(|degrees| *degrees < 1_000),
        "CLOCKS_EVENT_REASONS" | "CLOCK_THROTTLE_REASONS" => {
            reading.throttle = whole(value).map(throttle::decode);
        }
        "SM_ACTIVE" => gpm(&mut reading.gpm, |gpm, share| gpm.sm = share),
        "SM_OCCUPANCY" => gpm(&mut reading.gpm, |gpm, share| gpm.occupancy = share),
        "PIPE_TENSOR_ACTIVE" => gpm(&mut reading.gpm, |gpm, share| gpm.tensor = share),
        "DRAM_ACTIVE" => gpm(&mut reading.gpm, |gpm, share| gpm.dram = share),
        _ => {}
    }
    info.gpm = reading.gpm.is_some();
}

/// What the exporter's list of fields leaves out, in NVML's words.
fn lacks(reading: &GpuReading) -> Vec<String> {
    let there = [
        ("busy", reading.busy.is_some()),
        ("memory", reading.memory_used.is_some()),
        ("power", reading.power.is_some()),
        ("energy", reading.energy.is_some()),
        ("SM clock", reading.sm_clock_mhz.is_some()),
        ("memory clock", reading.memory_clock_mhz.is_some()),
        ("temperature", reading.temperature_c.is_some()),
        ("throttle reasons", reading.throttle.is_some()),
        ("process share", false),
        ("GPM", reading.gpm.is_some()),
    ];
    there.into_iter().filter(|(_, there)| !there).map(|(name, _)| name.to_owned()).collect()
}
