//! What `mtok gpus` prints.

use super::figure::{NOTHING, stated};
use super::{Document, Table};
use crate::hardware::{Gpu, Kind, Precision, RentalRange, Rentals};
use crate::prices::is_stale;
use crate::units::{Bytes, BytesPerSecond, FlopsPerSecond, UsdPerHour, Watts};
use jiff::civil::Date;
use serde::Serialize;

const OLD: &str = "!: offers of more than 90 days ago; look them up before you decide";

/// A GPU's specification sheet. Arithmetic is dense: without sparsity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuSheet {
    /// What the command line calls it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Nominal memory.
    pub memory: Bytes,
    /// Peak memory bandwidth.
    pub bandwidth: BytesPerSecond,
    /// Peak arithmetic in bfloat16; `None`: the chip lacks it, or no source is clear.
    pub bf16: Option<FlopsPerSecond>,
    /// The same in IEEE half precision.
    pub fp16: Option<FlopsPerSecond>,
    /// The same in eight-bit floats.
    pub fp8: Option<FlopsPerSecond>,
    /// The same in four-bit floats.
    pub fp4: Option<FlopsPerSecond>,
    /// Power that it may draw for long.
    pub tdp: Option<Watts>,
    /// Where the figures come from.
    pub source: String,
    /// The day the source was read.
    pub date: Date,
}

/// What one GPU rents for over some offers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rent {
    /// How it is rented: `on-demand`, `spot`.
    pub kind: &'static str,
    /// The cheapest offer, for one GPU.
    pub low: UsdPerHour,
    /// The middle one.
    pub median: UsdPerHour,
    /// The dearest.
    pub high: UsdPerHour,
    /// How many offers.
    pub offers: usize,
    /// The oldest day among theirs.
    pub collected: Date,
    /// Whether that is more than 90 days ago.
    pub stale: bool,
    /// Their pages.
    pub sources: Vec<String>,
}

/// What a provider asks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderRent {
    /// Who.
    pub provider: String,
    /// How much.
    #[serde(flatten)]
    pub rent: Rent,
}

/// What one GPU rents for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuRents {
    /// What the command line calls it.
    pub id: String,
    /// Over all offers of a kind; a kind that nobody offers is left out.
    pub rents: Vec<Rent>,
    /// By provider and kind, the cheapest first.
    pub providers: Vec<ProviderRent>,
}

/// All GPUs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuList {
    /// The form of this document: `mtok.gpus/1`.
    pub schema: &'static str,
    /// A line each.
    pub gpus: Vec<GpuRow>,
}

/// A GPU in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuRow {
    /// Its sheet.
    #[serde(flatten)]
    pub sheet: GpuSheet,
    /// What it rents for on demand; `None`: nobody in the survey offers it.
    pub on_demand: Option<Rent>,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuCard {
    /// The form of this document: `mtok.gpu/1`.
    pub schema: &'static str,
    /// Its sheet.
    pub sheet: GpuSheet,
    /// Other names that it answers to.
    pub aliases: Vec<String>,
    /// What its driver calls it.
    pub device_names: Vec<String>,
    /// What it rents for.
    pub rents: GpuRents,
}

/// What GPUs rent for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RentList {
    /// The form of this document: `mtok.rents/1`.
    pub schema: &'static str,
    /// By GPU.
    pub gpus: Vec<GpuRents>,
}

impl GpuSheet {
    fn of(gpu: &Gpu) -> Self {
        Self {
            id: gpu.id.clone(),
            name: gpu.name.clone(),
            memory: gpu.memory,
            bandwidth: gpu.bandwidth,
            bf16: gpu.peak(Precision::Bf16),
            fp16: gpu.peak(Precision::Fp16),
            fp8: gpu.peak(Precision::Fp8),
            fp4: gpu.peak(Precision::Fp4),
            tdp: gpu.tdp,
            source: gpu.source.clone(),
            date: gpu.date,
        }
    }
}

impl Rent {
    fn of(range: RentalRange, today: Date) -> Self {
        let RentalRange { kind, low, median, high, offers, collected, sources } = range;
        let kind = match kind {
            Kind::OnDemand => "on-demand",
            Kind::Spot => "spot",
        };
        let stale = is_stale(collected, today);
        Self { kind, low, median, high, offers, collected, stale, sources }
    }
}

impl GpuRents {
    /// Of a GPU, on a day.
    pub fn of(gpu: &Gpu, rentals: &Rentals, today: Date) -> Self {
        let kinds = [Kind::OnDemand, Kind::Spot].into_iter();
        let ranges = kinds.filter_map(|kind| rentals.range(gpu, kind));
        let providers = rentals.by_provider(gpu).into_iter();
        Self {
            id: gpu.id.clone(),
            rents: ranges.map(|range| Rent::of(range, today)).collect(),
            providers: providers
                .map(|of| ProviderRent { provider: of.provider, rent: Rent::of(of.range, today) })
                .collect(),
        }
    }
}

impl GpuList {
    /// Of all GPUs, on a day.
    pub fn of(gpus: &[Gpu], rentals: &Rentals, today: Date) -> Self {
        let row = |gpu: &Gpu| GpuRow {
            sheet: GpuSheet::of(gpu),
            on_demand: rentals.for_gpu(gpu).map(|range| Rent::of(range, today)),
        };
        Self { schema: "mtok.gpus/1", gpus: gpus.iter().map(row).collect() }
    }
}

impl GpuCard {
    /// Of a GPU, on a day.
    pub fn of(gpu: &Gpu, rentals: &Rentals, today: Date) -> Self {
        Self {
            schema: "mtok.gpu/1",
            sheet: GpuSheet::of(gpu),
            aliases: gpu.aliases.clone(),
            device_names: gpu.device_names.clone(),
            rents: GpuRents::of(gpu, rentals, today),
        }
    }
}

/// All GPUs, a line each.
pub fn gpus_document(list: &GpuList) -> Document {
    let title = "Dense peaks in TFLOP/s; USD/h of one GPU on demand";
    let columns =
        ["name", "GPU", "memory", "GB/s", "bf16", "fp8", "W", "USD/h", "from", "to", "offers"];
    let mut table = Table::new(title, &columns);
    for GpuRow { sheet, on_demand } in &list.gpus {
        let rent = |of: fn(&Rent) -> UsdPerHour| {
            on_demand.as_ref().map_or_else(nothing, |rent| dollars(of(rent)))
        };
        table.row([
            sheet.id.clone(),
            sheet.name.clone(),
            format!("{:.0}", sheet.memory),
            stated(sheet.bandwidth.0 / 1e9, 4),
            teraflops(sheet.bf16),
            teraflops(sheet.fp8),
            sheet.tdp.map_or_else(nothing, |watts| stated(watts.0, 3)),
            rent(|rent| rent.median),
            rent(|rent| rent.low),
            rent(|rent| rent.high),
            on_demand.as_ref().map_or_else(nothing, offers),
        ]);
    }
    let mut document = Document::default();
    document.table(table);
    document.words(
        "USD/h is the median over the survey's offers; `mtok gpus show NAME` has sources and dates",
    );
    if list.gpus.iter().any(|row| row.on_demand.as_ref().is_some_and(|rent| rent.stale)) {
        document.words(OLD);
    }
    document
}

/// One GPU.
pub fn gpu_document(card: &GpuCard) -> Document {
    let GpuCard { sheet, aliases, device_names, rents, .. } = card;
    let mut table = Table::new(format!("{} ({})", sheet.name, sheet.id), &["", ""]);
    let mut row = |what: &str, value: String| {
        table.row([what.to_owned(), value]);
    };
    let flops = |peak: Option<FlopsPerSecond>| {
        peak.map_or_else(nothing, |_| format!("{} TFLOP/s", teraflops(peak)))
    };
    row("memory", format!("{:.0}", sheet.memory));
    row("bandwidth", format!("{} GB/s", stated(sheet.bandwidth.0 / 1e9, 4)));
    row("bf16, dense", flops(sheet.bf16));
    row("fp16, dense", flops(sheet.fp16));
    row("fp8, dense", flops(sheet.fp8));
    row("fp4, dense", flops(sheet.fp4));
    row("power", sheet.tdp.map_or_else(nothing, |watts| format!("{watts:.0}")));
    row("also called", or_nothing(aliases));
    row("by its driver", or_nothing(device_names));
    row("source", format!("{}, {}", sheet.source, sheet.date));
    let mut document = Document::default();
    document.table(table);
    rented(&mut document, std::slice::from_ref(rents), true);
    document
}

/// What GPUs rent for; of one alone by provider, too.
pub fn rents_document(list: &RentList) -> Document {
    let mut document = Document::default();
    rented(&mut document, &list.gpus, list.gpus.len() == 1);
    document
}

fn rented(document: &mut Document, gpus: &[GpuRents], by_provider: bool) {
    let columns = ["GPU", "kind", "median", "from", "to", "offers", "collected"];
    let mut table = Table::new("USD/h of one GPU, over all offers of a kind", &columns);
    for gpu in gpus {
        for rent in &gpu.rents {
            table.row([&[gpu.id.clone()][..], &cells(rent)].concat());
        }
    }
    document.table(table);
    if by_provider {
        let columns = ["provider", "kind", "median", "from", "to", "offers", "collected"];
        let mut table = Table::new("USD/h of one GPU, by provider", &columns);
        for ProviderRent { provider, rent } in gpus.iter().flat_map(|gpu| &gpu.providers) {
            table.row([&[provider.clone()][..], &cells(rent)].concat());
        }
        document.table(table);
        let pages = gpus.iter().flat_map(|gpu| &gpu.rents).flat_map(|rent| rent.sources.clone());
        let mut pages: Vec<String> = pages.collect();
        pages.sort();
        pages.dedup();
        if !pages.is_empty() {
            document.words(format!("Offers are from:\n{}", pages.join("\n")));
        }
    }
    let unoffered: Vec<&str> =
        gpus.iter().filter(|gpu| gpu.rents.is_empty()).map(|gpu| gpu.id.as_str()).collect();
    if !unoffered.is_empty() {
        document.words(format!("Nobody in the survey offers {}.", unoffered.join(", ")));
    }
    if gpus.iter().flat_map(|gpu| &gpu.rents).any(|rent| rent.stale) {
        document.words(OLD);
    }
}

fn cells(rent: &Rent) -> Vec<String> {
    vec![
        rent.kind.replace('-', " "),
        dollars(rent.median),
        dollars(rent.low),
        dollars(rent.high),
        rent.offers.to_string(),
        format!("{}{}", rent.collected, if rent.stale { " !" } else { "" }),
    ]
}

fn offers(rent: &Rent) -> String {
    format!("{}{}", rent.offers, if rent.stale { " !" } else { "" })
}

fn dollars(price: UsdPerHour) -> String {
    format!("{:.2}", price.0)
}

fn teraflops(peak: Option<FlopsPerSecond>) -> String {
    peak.map_or_else(nothing, |peak| stated(peak.0 / 1e12, 3))
}

fn nothing() -> String {
    NOTHING.to_owned()
}

fn or_nothing(names: &[String]) -> String {
    if names.is_empty() { nothing() } else { names.join(", ") }
}
