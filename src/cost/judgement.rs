//! A run judged: what its tokens cost, what bounds them, what APIs ask, and what to doubt.
//!
//! A pure function of the record, the books and a few assumptions, so any old run can be judged
//! again, on a laptop, at another price.

#[cfg(test)]
mod tests;

use super::beside::{Beside, Own};
use super::machine::{MachinePrice, peaks_of, price_of};
use super::paid::{CostAtLoad, CostBounds, CostWhileBusy, Paid};
use super::{
    Attributed, Bound, Evidence, Load, Roofline, Slo, SloVerdict, Waterfall, Work, attribute, bound,
};
use crate::hardware::{Catalogue, Rentals};
use crate::prices::{Book, Mix};
use crate::record::{Header, Peaks, Run, Shape};
use crate::summary::telemetry::TelemetrySummary;
use crate::summary::{StepTotals, Summary, Verdict, summarize};
use crate::units::{Estimate, Ratio, Seconds, Tokens, UsdPerHour, UsdPerMtok};
use jiff::civil::Date;
use serde::Serialize;

/// Readings that speak for less than this share of the time leave something out.
const COVERED: f64 = 0.95;

/// What is known of prices and machines.
#[derive(Debug)]
pub struct Books {
    /// GPUs.
    pub gpus: Catalogue,
    /// What they rent for.
    pub rentals: Rentals,
    /// What APIs charge.
    pub prices: Book,
}

/// What a judgement rests on beside the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumptions {
    /// The machine's price by the hour, where the user gave one.
    pub price: Option<UsdPerHour>,
    /// Loads to judge at, beside the usual ones.
    pub loads: Vec<Load>,
    /// The day, for the age of prices.
    pub today: Date,
    /// What latencies shall keep to, where the user said.
    pub slo: Option<Slo>,
    /// Whether a void run is priced all the same.
    pub force: bool,
}

/// A run judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The form of this document: `mtok.bench/1`.
    pub schema: &'static str,
    /// What ran on what.
    pub run: Header,
    /// What it did.
    pub summary: Summary,
    /// What the machine did meanwhile; `None` where nothing was measured.
    pub telemetry: Option<TelemetrySummary>,
    /// How much of what the machine can do went into useful work.
    pub efficiency: Efficiency,
    /// The typical step beside the least that it could have taken.
    pub roofline: Roofline,
    /// Whether latencies kept to what was asked; `None`: nothing was.
    pub slo: Option<SloVerdict>,
    /// What the machine costs; `None` where nobody says.
    pub price: Option<MachinePrice>,
    /// Whose time it was; `None`: nothing ran in a steady window.
    pub attributed: Option<Attributed>,
    /// What a million tokens cost at each load; nothing of a void run, unless that was demanded.
    pub costs: Vec<CostAtLoad>,
    /// What they cost while they were worked on; `None` as above, and where nothing tells them apart.
    pub while_busy: Option<CostWhileBusy>,
    /// What they cost at least and at most; `None` as above, and where their kinds are told apart.
    pub cost_bounds: Option<CostBounds>,
    /// The window's bill by what it was paid for; `None` as above.
    pub bill: Option<Waterfall>,
    /// The run is void, and is priced because that was demanded.
    pub forced: bool,
    /// What they would cost at least.
    pub floor: Option<Floor>,
    /// What APIs ask for the same mix.
    pub beside: Vec<Beside<Ratio>>,
    /// What the machine did that speaks against the figures, or that must be known with them.
    pub cautions: Vec<String>,
}

/// How much of what the machine can do went into useful work, while it did that kind of work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Efficiency {
    /// What it could do.
    pub peaks: Option<Peaks>,
    /// While reading prompts: share of peak arithmetic.
    pub prefill_mfu: Option<Ratio>,
    /// While writing tokens: share of peak arithmetic.
    pub decode_mfu: Option<Ratio>,
    /// While writing tokens: share of peak bandwidth.
    pub decode_mbu: Option<Ratio>,
}

/// The roofline floor of the price, and how far above it the run is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Floor {
    /// The floor.
    #[serde(flatten)]
    pub bound: Bound,
    /// The measured price at full load over the floor.
    pub measured_over_floor: Option<Estimate<Ratio>>,
    /// The measured price is below it, all its interval: something is broken.
    pub broken: bool,
}

impl Judgement {
    /// Judges a run.
    pub fn of(run: &Run, books: &Books, assumptions: &Assumptions) -> Self {
        let header = run.header.clone();
        let summary = summarize(run);
        let telemetry = summary.window.map(|window| {
            let cores = header.host.cores;
            TelemetrySummary::of(&run.readings, &run.gaps, &header.telemetry, cores, window)
        });
        let today = assumptions.today;
        let price = price_of(&header, assumptions.price, &books.gpus, &books.rentals, today);
        let peaks = peaks_of(&header, &books.gpus);
        let hour = price.as_ref().map(|price| price.usd_per_hour);
        let void = summary.verdict == Verdict::Void;
        let forced = void && assumptions.force;
        let attributed = attributed(run, &summary);
        let paid = match hour {
            Some(hour) if forced || !void => {
                Paid::of(hour, &summary, attributed.as_ref(), &assumptions.loads)
            }
            _ => Paid::default(),
        };
        let full = paid.costs.first().and_then(|row| row.blended);
        let floor =
            hour.zip(peaks.as_ref()).and_then(|(hour, peaks)| floor(hour, &header, peaks, full));
        let beside = mix(&header, &summary)
            .map_or_else(Vec::new, |mix| beside(&header, &books.prices, mix, full, today));
        let cautions = cautions(&header, telemetry.as_ref());
        let steady = summary.steady;
        let roofline = steady.map(|steady| Roofline::of(run, steady, peaks.as_ref()));
        let slo = assumptions.slo.as_ref().map(|slo| SloVerdict::of(slo, run, &summary));
        Self {
            schema: "mtok.bench/1",
            efficiency: Efficiency::of(header.model.shape.as_ref(), &summary, peaks.as_ref()),
            roofline: roofline.unwrap_or_default(),
            slo,
            run: header,
            summary,
            telemetry,
            price,
            attributed,
            costs: paid.costs,
            while_busy: paid.while_busy,
            cost_bounds: paid.bounds,
            bill: paid.bill,
            forced,
            floor,
            beside,
            cautions,
        }
    }

    /// The share of time in which the device that was used was busy: the cores of a CPU; a GPU where
    /// one was used, and of several the busiest, by whose work it is known. A GPU that stood by says
    /// nothing of a run on the CPU.
    pub fn busy(&self) -> Option<Ratio> {
        let telemetry = self.telemetry.as_ref()?;
        if self.run.host.gpu.is_none() {
            return telemetry.cpu.busy;
        }
        let busy = telemetry.gpus.iter().filter_map(|gpu| gpu.busy);
        busy.max_by(|a, b| a.get().total_cmp(&b.get()))
    }
}

/// Whose time it was: by the run's own steps; of a server by those of its requests that were alone, where
/// these are enough to tell.
fn attributed(run: &Run, summary: &Summary) -> Option<Attributed> {
    let own = summary.request_fit.as_ref();
    let enough = own.filter(|fit| fit.prefill.is_some() && fit.decode.is_some());
    attribute(run, Evidence { steps: None, requests: enough })
}

/// The tokens that weigh an API's prices: those delivered; before any were, those asked for.
fn mix(header: &Header, summary: &Summary) -> Option<Mix> {
    let (input, output) = match &summary.tokens {
        Some(tokens) if tokens.output > Tokens(0) => (tokens.input, tokens.output),
        _ => (header.workload.prompt.mean(), header.workload.output.mean()),
    };
    Mix::new(input, Tokens(0), output)
}

fn floor(
    hour: UsdPerHour,
    header: &Header,
    peaks: &Peaks,
    full: Option<Estimate<UsdPerMtok>>,
) -> Option<Floor> {
    let work = &header.workload;
    let shape = header.model.shape.as_ref()?;
    // The hour pays for all GPUs, so the floor is what all of them could do.
    let gpus = Ratio::of(f64::from(header.host.gpus.max(1)));
    let all = Peaks {
        bandwidth: peaks.bandwidth * gpus,
        arithmetic: peaks.arithmetic * gpus,
        source: peaks.source.clone(),
    };
    let bound =
        bound(hour, shape, &all, work.in_flight()?, work.prompt.mean(), work.output.mean())?;
    // At no price at all both are zero, and neither is any number of times the other.
    let measured_over_floor = full
        .filter(|_| bound.blended > UsdPerMtok(0.0))
        .map(|full| full.map(|price| price / bound.blended));
    let highest =
        measured_over_floor.map(|ratio| ratio.interval.map_or(ratio.value, |(_, high)| high));
    let broken = highest.is_some_and(|ratio| ratio < Ratio::ONE);
    Some(Floor { bound, measured_over_floor, broken })
}

/// What APIs ask. The break-even is the load above which the run's tokens are cheaper; above 100 %: never.
fn beside(
    header: &Header,
    book: &Book,
    mix: Mix,
    full: Option<Estimate<UsdPerMtok>>,
    today: Date,
) -> Vec<Beside<Ratio>> {
    let own = Own {
        family: header.model.family.as_deref(),
        parameters: header.model.shape.as_ref().map(|shape| shape.parameters),
        mix,
        prompt: header.workload.prompt.mean(),
    };
    own.beside(book, today, |api| {
        full.map(|full| full.value / api).filter(|ratio| ratio.get().is_finite())
    })
}

/// What of the machine speaks against the figures.
fn cautions(header: &Header, telemetry: Option<&TelemetrySummary>) -> Vec<String> {
    let mut cautions = Vec::new();
    let elsewhere = header.server.as_ref().is_some_and(|server| !server.local);
    if elsewhere {
        cautions
            .push("nothing is known of the server's machine: the price is what you say".to_owned());
    } else if header.host.gpu.is_none() {
        cautions.push("CPU figures: they say nothing of a GPU".to_owned());
    } else if header.host.gpus > 1 {
        let gpus = header.host.gpus;
        cautions.push(format!("one of {gpus} GPUs was used, and the hour pays for all of them"));
    }
    // GPUs that stood by while the CPU worked don't speak against it.
    let used = telemetry.filter(|_| header.host.gpu.is_some());
    for gpu in used.map_or(&[][..], |telemetry| &telemetry.gpus) {
        let name = format!("GPU {}", gpu.index);
        if gpu.coverage.get() < COVERED {
            let share = gpu.coverage;
            cautions.push(format!("{name} could be read in {share:.0} of the time only"));
        }
        if gpu.mig == Some(true) {
            cautions.push(format!(
                "{name} is cut into instances (MIG): price and peaks are the whole card's"
            ));
        }
    }
    cautions
}

impl Efficiency {
    fn of(shape: Option<&Shape>, summary: &Summary, peaks: Option<&Peaks>) -> Self {
        let work = |of: StepTotals, cached: Tokens, logits: Tokens| {
            let StepTotals { steps, time, tokens, context } = of;
            shape.map(|shape| (Work::of_steps(shape, steps, tokens, context, cached, logits), time))
        };
        // A prompt's keys and values are read as they are made; only decoding reads them back.
        let prefill = summary.prefill_steps.and_then(|of| work(of, Tokens(0), Tokens(of.steps)));
        let decode = summary.decode_steps.and_then(|of| work(of, of.context, of.tokens));
        let used = |work: Option<(Work, Seconds)>, share: fn(Work, Seconds, &Peaks) -> _| {
            let (work, time) = work?;
            share(work, time, peaks?)
        };
        Self {
            prefill_mfu: used(prefill, Work::mfu),
            decode_mfu: used(decode, Work::mfu),
            decode_mbu: used(decode, Work::mbu),
            peaks: peaks.cloned(),
        }
    }
}
