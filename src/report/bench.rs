//! What `mtok bench` and `mtok runs show` print: a judgement in words and tables.

use super::figure::{
    NOTHING, estimate_or_nothing, seconds_or_nothing, share, significant, thousands,
};
use super::ladder::{objectives, roofline};
use super::paid::{bill, costs, told_words};
use super::price_list::price;
use super::{Document, Table};
use crate::cost::{Efficiency, Judgement, MachinePrice, PriceOrigin};
use crate::record::{Header, Model, Workload};
use crate::summary::telemetry::{GpuSummary, TelemetrySummary};
use crate::summary::{Latency, Verdict};
use crate::units::{Ratio, Seconds};

/// A GPU that is this busy while its arithmetic is this idle misleads who looks at one figure.
const BUSY: f64 = 0.8;
const IDLE: f64 = 0.3;

/// The judgement of a run.
pub fn bench_document(judgement: &Judgement) -> Document {
    let mut document = Document::default();
    document.words(format!(
        "{}, {}, {}\nrun {}",
        head(&judgement.run),
        judgement.run.workload.arrivals,
        asked(&judgement.run),
        judgement.run.id,
    ));
    if let Some(verdict) = &judgement.slo {
        document.table(objectives([(judgement.run.workload.level(), verdict)]));
    }
    body(&mut document, judgement);
    document.table(roofline([(judgement.run.workload.level(), &judgement.roofline)]));
    prices(&mut document, judgement);
    document.words(trust(judgement));
    document
}

/// What a run did, and what its machine did meanwhile.
pub(super) fn body(document: &mut Document, judgement: &Judgement) {
    document.table(speeds(judgement));
    document.table(latencies(judgement));
    document.table(machine(judgement));
    for words in efficiency_words(judgement) {
        document.words(words);
    }
}

/// What a run's tokens cost, at least and elsewhere too.
pub(super) fn prices(document: &mut Document, judgement: &Judgement) {
    document.words(price_words(judgement));
    document.table(costs(judgement));
    for words in told_words(judgement).into_iter().chain(floor_words(judgement)) {
        document.words(words);
    }
    document.table(bill(judgement));
    document.table(beside(judgement));
    for words in beside_words(judgement) {
        document.words(words);
    }
}

/// What must be said beside the prices of APIs.
pub(super) fn beside_words(judgement: &Judgement) -> Vec<String> {
    let mut words = Vec::new();
    if !judgement.beside.is_empty() && judgement.beside.iter().all(|row| !row.same_model) {
        words.push(
            "None of these is the model that ran: they are those nearest in size, and two well-known \
             ones. They do not answer alike."
                .to_owned(),
        );
    }
    let notes: Vec<String> = judgement
        .beside
        .iter()
        .flat_map(|row| {
            row.notes.iter().map(|note| format!("{}, {}: {note}", row.name, row.provider))
        })
        .collect();
    if !notes.is_empty() {
        words.push(notes.join("\n"));
    }
    if judgement.beside.iter().any(|row| row.stale) {
        words.push("!: a price of more than 90 days ago; look it up before you decide".to_owned());
    }
    words
}

/// What ran on what.
pub(super) fn head(header: &Header) -> String {
    let Header { model, host, .. } = header;
    let place = match &host.gpu {
        Some(gpu) => gpu.clone(),
        None => format!("{}, {} cores, no GPU: CPU figures", host.cpu, host.cores),
    };
    format!("{} on {place}\n{}", model_name(model), header.engine)
}

/// A model's name, and how its weights are stored where that is known.
pub(super) fn model_name(model: &Model) -> String {
    match &model.shape {
        Some(shape) => format!("{} ({})", model.name, shape.quantization),
        None => model.name.clone(),
    }
}

/// What each request asked for.
pub(super) fn asked(header: &Header) -> String {
    let Workload { prompt, output, sampling, .. } = &header.workload;
    format!("{prompt} + {output} tokens a request, {sampling}")
}

pub(super) fn speeds(judgement: &Judgement) -> Table {
    let summary = &judgement.summary;
    let mut table = Table::new("Throughput", &["", "tok/s"]);
    table.row(["prefill, while it runs".to_owned(), estimate_or_nothing(summary.prefill_rate)]);
    table.row(["decode, while it runs".to_owned(), estimate_or_nothing(summary.decode_rate)]);
    table.row(["output, over all time".to_owned(), estimate_or_nothing(summary.output_rate)]);
    table
        .row(["input + output, over all time".to_owned(), estimate_or_nothing(summary.total_rate)]);
    table
}

pub(super) fn latencies(judgement: &Judgement) -> Table {
    let summary = &judgement.summary;
    let mut table = Table::new("Latency", &["", "p50", "p90", "p99", "samples"]);
    let mut row = |name: &str, latency: &Latency| {
        table.row([
            name.to_owned(),
            seconds_or_nothing(latency.p50),
            seconds_or_nothing(latency.p90),
            seconds_or_nothing(latency.p99),
            thousands(latency.count),
        ]);
    };
    row("time to first token", &summary.ttft);
    row("between tokens (ITL)", &summary.itl);
    row("per output token (TPOT)", &summary.tpot);
    row("whole request", &summary.e2e);
    table
}

pub(super) fn machine(judgement: &Judgement) -> Table {
    let Judgement { run, summary, telemetry, efficiency, .. } = judgement;
    let mut table = Table::new("Machine", &["", ""]);
    table.row(["occupancy: a step was running".to_owned(), share(summary.occupancy)]);
    if let Some(telemetry) = telemetry {
        if run.host.gpu.is_some() {
            telemetry.gpus.iter().for_each(|gpu| gpu_rows(&mut table, gpu));
        } else {
            cpu_rows(&mut table, telemetry);
        }
    }
    table.row(["MFU, prefill: peak arithmetic used".to_owned(), share(efficiency.prefill_mfu)]);
    table.row(["MFU, decode".to_owned(), share(efficiency.decode_mfu)]);
    table.row(["MBU, decode: peak bandwidth used".to_owned(), share(efficiency.decode_mbu)]);
    table
}

fn cpu_rows(table: &mut Table, telemetry: &TelemetrySummary) {
    table.row(["CPU busy, of the cores".to_owned(), share(telemetry.cpu.busy)]);
    if let Some(energy) = telemetry.cpu.energy {
        table.row(["CPU energy".to_owned(), format!("{} J", significant(energy.amount.0, 3))]);
    }
}

fn gpu_rows(table: &mut Table, gpu: &GpuSummary) {
    let name = |what: &str| format!("GPU {} {what}", gpu.index);
    table.row([name("busy: a kernel was running"), share(gpu.busy)]);
    if gpu.coverage < Ratio::of(0.99) {
        let lost =
            if gpu.losses > 0 { format!(", lost {} times", gpu.losses) } else { String::new() };
        table.row([name("read in"), format!("{} of the time{lost}", share(Some(gpu.coverage)))]);
    }
    let memory = gpu.memory_max.map_or_else(|| NOTHING.to_owned(), |bytes| format!("{bytes:.1}"));
    table.row([name("memory, at most"), memory]);
    if let Some(energy) = gpu.energy {
        let joules = significant(energy.counted.amount.0, 4);
        table.row([name("energy"), format!("{joules} J, {}", energy.source)]);
    }
    if let Some(power) = gpu.power {
        table.row([name("power, mean"), format!("{power:.0}")]);
    }
    if let Some(clock) = gpu.sm_clock {
        let figures = format!("{} MHz, lowest {}", clock.median_mhz, clock.min_mhz);
        table.row([name("SM clock, median"), figures]);
    }
    if gpu.throttled.is_some() {
        let reasons = gpu
            .throttle
            .iter()
            .flatten()
            .map(|held| format!("{:?} {}", held.reason, share(Some(held.share))));
        let reasons: Vec<String> = reasons.collect();
        let reasons =
            if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
        table.row([name("throttled"), format!("{}{reasons}", share(gpu.throttled))]);
    }
    if let Some(temperature) = gpu.temperature_max_c {
        table.row([name("temperature, at most"), format!("{temperature} °C")]);
    }
    if gpu.process_busy.is_some() {
        table.row([name("of which this process"), share(gpu.process_busy)]);
    }
    for (what, counter) in [
        ("SM active (GPM)", gpu.gpm.sm),
        ("tensor cores active (GPM)", gpu.gpm.tensor),
        ("memory active (GPM)", gpu.gpm.dram),
    ] {
        if counter.is_some() {
            table.row([name(what), share(counter)]);
        }
    }
    if gpu.mig == Some(true) {
        table.row([name("MIG"), "on: what is read may be of the whole card".to_owned()]);
    }
}

/// Where a figure misleads, said in words.
pub(super) fn efficiency_words(judgement: &Judgement) -> Vec<String> {
    let Efficiency { peaks, decode_mfu, decode_mbu, .. } = &judgement.efficiency;
    let mut words = Vec::new();
    if let (Some(busy), Some(mfu)) = (judgement.busy(), decode_mfu)
        && busy.get() >= BUSY
        && mfu.get() < IDLE
    {
        let bandwidth = decode_mbu.map_or_else(String::new, |mbu| {
            format!(", and moves {} of the bytes that it could", share(Some(mbu)))
        });
        words.push(format!(
            "Busy {} is not full: while it writes tokens it does {} of the arithmetic that it \
             could{bandwidth}. The rest is what batching and better kernels can win.",
            share(Some(busy)),
            share(Some(*mfu)),
        ));
    }
    if let Some(peaks) = peaks {
        words.push(format!(
            "Peaks: {} GB/s, {} TFLOP/s ({}).",
            significant(peaks.bandwidth.0 / 1e9, 3),
            significant(peaks.arithmetic.0 / 1e12, 3),
            peaks.source
        ));
    }
    words
}

pub(super) fn price_words(judgement: &Judgement) -> String {
    let price = hour_words(judgement);
    if judgement.forced {
        return format!(
            "{price}\nThe run is VOID: these are not the costs of what was to be measured. They are \
             printed because `--force` demands it."
        );
    }
    if judgement.summary.verdict == Verdict::Void {
        return format!("{price}\nNo cost: the run is void. `--force` prints one all the same.");
    }
    price
}

fn hour_words(judgement: &Judgement) -> String {
    let Some(MachinePrice { usd_per_hour, origin }) = &judgement.price else {
        let why = match &judgement.run.server {
            Some(server) if !server.local => "nothing is known of the server's machine",
            _ => "this GPU is in no table here",
        };
        return format!("No price: {why}. Give what you pay: `--price 2.50/h`.");
    };
    match origin {
        PriceOrigin::Given => format!("Price of the machine: {usd_per_hour:.2}, as given."),
        PriceOrigin::Rentals { gpu, gpus, low, high, offers, kind, collected, stale } => format!(
            "Price of the machine: {usd_per_hour:.2}, {gpus} × the median of {offers} offers of \
             {gpu} {kind}, {:.2} to {:.2} USD/h each, collected {collected}{}. Give what you pay with \
             `--price`.",
            low.0,
            high.0,
            if *stale { ", more than 90 days ago" } else { "" },
        ),
        PriceOrigin::Example { note } => {
            format!("Price of the machine: {usd_per_hour:.2}: {note}.")
        }
    }
}

pub(super) fn floor_words(judgement: &Judgement) -> Option<String> {
    let floor = judgement.floor.as_ref()?;
    let least = significant(floor.bound.blended.0, 2);
    if floor.broken {
        return Some(format!(
            "Floor: {least} USD/Mtok blended by the roofline, and the run is BELOW it: a peak, a \
             count or a clock is wrong. Don't use this figure."
        ));
    }
    let above = floor.measured_over_floor.map_or_else(String::new, |ratio| {
        format!("; this run is {} times that", super::figure::estimate(ratio))
    });
    Some(format!(
        "Floor: {least} USD/Mtok blended at 100% load by the roofline of this machine{above}."
    ))
}

pub(super) fn beside(judgement: &Judgement) -> Table {
    let title = "APIs, USD per million tokens, blended at this run's mix of input and output";
    let columns = ["model", "provider", "in", "out", "blended", "own is cheaper", "price of"];
    let mut table = Table::new(title, &columns);
    for row in &judgement.beside {
        let same = if row.same_model { " (this model)" } else { "" };
        let above = match row.break_even {
            Some(load) if load <= Ratio::ONE => format!("above {} load", share(Some(load))),
            Some(_) => "never".to_owned(),
            None => NOTHING.to_owned(),
        };
        table.row([
            format!("{}{same}", row.name),
            row.provider.clone(),
            price(Some(row.input)),
            price(Some(row.output)),
            significant(row.blended.0, 3),
            above,
            format!("{}, {}{}", row.source, row.date, if row.stale { " !" } else { "" }),
        ]);
    }
    table
}

/// What speaks against a run's figures, and what to try.
pub(super) fn trust(judgement: &Judgement) -> String {
    let summary = &judgement.summary;
    let mut lines = Vec::new();
    for doubt in &summary.doubts {
        lines.push(format!("- {doubt}: {}", doubt.advice()));
    }
    lines.extend(judgement.cautions.iter().map(|caution| format!("- {caution}")));
    let (_, verdict) = verdict_words(judgement);
    if lines.is_empty() { verdict } else { format!("{verdict}\n{}", lines.join("\n")) }
}

/// Whether anything speaks against a run's figures, as one word for colours and in a sentence.
pub(super) fn verdict_words(judgement: &Judgement) -> (&'static str, String) {
    let summary = &judgement.summary;
    let measured = summary.steady.map_or(Seconds(0.0), crate::record::Span::length);
    let remarks = !summary.doubts.is_empty() || !judgement.cautions.is_empty();
    let (class, words) = match summary.verdict {
        Verdict::Valid if remarks => ("good", "nothing that matters speaks against these figures"),
        Verdict::Valid => ("good", "nothing speaks against these figures"),
        Verdict::Doubtful => ("doubtful", "what would make these figures trustworthy:"),
        Verdict::Void => ("bad", "these are not the figures of what was to be measured:"),
    };
    let end =
        if remarks && summary.verdict == Verdict::Valid { ". To know with them:" } else { "" };
    (class, format!("Verdict: {} ({measured:.0} measured): {words}{end}", summary.verdict.word()))
}
