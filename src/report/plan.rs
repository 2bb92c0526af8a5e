//! What `mtok plan` prints: machines, load and dollars, latencies beside objectives, APIs beside both.
//!
//! Invariant: a synthetic day is called synthetic in the first lines, and so is a profile that was put
//! together; what a window doesn't bear prints `—`. Guarded by the test below.

use super::figure::{NOTHING, share, significant, thousands, time};
use super::ladder::{answer, limit};
use super::{Document, Table};
use crate::hardware::Nodes;
use crate::plan::{
    Apis, Caching, Capacity, Derived, Outcome, Profile, Size, Spread, Tried, Window,
};
use crate::units::{Ratio, Seconds, UsdPerMtok};
use jiff::civil::Date;
use serde::Serialize;

/// A plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// The form of this document: `mtok.plan/1`.
    pub schema: &'static str,
    /// What the trace is called.
    pub trace: String,
    /// Requests of the trace that can't be asked for, or were to be left out.
    pub left_out: u32,
    /// The step times.
    pub profile: Profile,
    /// What one machine can do; `None`: there are no objectives.
    pub capacity: Option<Capacity>,
    /// The numbers of nodes that were tried, where the fewest were looked for.
    pub tried: Vec<Tried>,
    /// The nodes that machines are rented in; `None`: nobody says which sizes there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
    /// What came of it.
    pub outcome: Outcome,
    /// The day whose API prices hold.
    pub day: Date,
    /// What APIs ask for the same traffic.
    pub apis: Apis,
}

/// The plan in words and tables.
pub fn plan_document(report: &PlanReport) -> Document {
    let PlanReport { outcome, apis, .. } = report;
    let mut document = Document::default();
    document.words(heading(report));
    document.table(machines(report));
    document.table(bill(outcome));
    document.table(latencies(outcome));
    document.table(objectives(outcome));
    document.table(windows(&outcome.windows, outcome.peak));
    if let Some(peak) = outcome.peak.and_then(|at| outcome.windows.get(at)) {
        document.words(peak_words(peak));
    }
    if apis.billed.is_empty() && apis.unbilled.is_empty() {
        document.words("no API beside it: name some with `--api llama-3.1-8b`");
    } else {
        api_parts(&mut document, apis, outcome, report.day);
    }
    document
}

fn heading(report: &PlanReport) -> String {
    let PlanReport { trace, left_out, profile, outcome, .. } = report;
    let mut lines = vec![format!("simulated: {} on {}", trace, profile.name)];
    lines.push(format!("step times: {}{}", profile.source, doubts(profile)));
    if let Some(made) = outcome.synthetic {
        lines.push(format!(
            "SYNTHETIC: a day made of {} by repetition, {} more than the mean at {}",
            span(made.of),
            share(Some(made.swing)),
            span(made.peak)
        ));
    }
    let requests = outcome.requests;
    let line = format!(
        "{} requests in {}, {} a second; {} tokens in, {} out",
        thousands(requests.all),
        span(outcome.length),
        significant(outcome.rate.0, 3),
        thousands(outcome.delivered.input.0),
        thousands(outcome.delivered.output.0)
    );
    let asides = [
        (u64::from(*left_out), "left out of the trace"),
        (requests.unfit, "too long for the machine"),
        (requests.turned_away, "turned away"),
        (requests.restarts, "begun again"),
    ];
    let asides = asides.into_iter().filter(|(count, _)| *count > 0);
    let asides = asides.map(|(count, what)| format!("{} {what}", thousands(count)));
    lines.push(std::iter::once(line).chain(asides).collect::<Vec<_>>().join("; "));
    lines.join("\n")
}

/// What the profile is not sure of.
pub(super) fn doubts(profile: &Profile) -> String {
    let error = profile.error.map(|error| format!("; held-out error {}", share(Some(error))));
    let parts: Vec<&str> = profile
        .derived
        .iter()
        .map(|part| match part {
            Derived::Prefill => "prefill",
            Derived::Mixed => "mixed steps",
        })
        .collect();
    let derived = (!parts.is_empty()).then(|| format!("; {} not measured", parts.join(" and ")));
    format!("{}{}", error.unwrap_or_default(), derived.unwrap_or_default())
}

fn machines(report: &PlanReport) -> Table {
    let PlanReport { capacity, tried, nodes, outcome, .. } = report;
    let mut table = Table::new("Machines", &["", ""]);
    let node = outcome.fleet.node;
    let each = u64::from(node.machines);
    let machines = |nodes: u32| {
        let count = thousands(u64::from(nodes) * each);
        if each == 1 { count } else { format!("{count}, in {nodes} nodes") }
    };
    match outcome.fleet.size {
        Size::Fixed { nodes } => table.row(["machines".to_owned(), machines(nodes)]),
        Size::Scaled(_) => {
            table.row(["most machines at once".to_owned(), machines(outcome.most_nodes)])
        }
    };
    if let Some(nodes) = nodes {
        table.row(["rented".to_owned(), rented(nodes)]);
    }
    if let Some(miss) = tried.iter().filter(|one| !one.holds).max_by_key(|one| one.nodes) {
        table.row([format!("{} would miss", machines(miss.nodes)), miss.missed.clone()]);
    }
    if let Some(capacity) = capacity {
        let words = format!(
            "{} requests/s, {} output tok/s",
            significant(capacity.rate.0, 3),
            significant(capacity.output.0, 3)
        );
        table.row(["one machine can do".to_owned(), words]);
    }
    table.row(["load".to_owned(), share(outcome.load)]);
    if outcome.interruptions > 0 {
        table.row(["nodes taken away".to_owned(), thousands(outcome.interruptions)]);
    }
    if outcome.preemptions > 0 {
        table.row(["preemptions".to_owned(), thousands(outcome.preemptions)]);
    }
    table
}

/// Nodes by size, and what of them nobody needs.
fn rented(nodes: &Nodes) -> String {
    let of = |(size, count): &(u32, u32)| format!("{} × {size} GPUs", thousands((*count).into()));
    let all: Vec<String> = nodes.machines.iter().map(of).collect();
    let spare = match nodes.spare {
        0 => String::new(),
        spare => format!("; {} GPUs of them to spare, paid for", thousands(spare.into())),
    };
    format!("{}{spare}", all.join(" + "))
}

fn bill(outcome: &Outcome) -> Table {
    let bill = outcome.bill;
    let mut table = Table::new("What it costs", &["", "USD", "share"]);
    let lines = [
        ("input", bill.input),
        ("output", bill.output),
        ("idle", bill.idle),
        ("start-up", bill.start_up),
        ("rounding", bill.rounding),
        ("all", bill.total),
    ];
    for (name, usd) in lines {
        let of_all = (bill.total.0 > 0.0).then(|| usd / bill.total);
        table.row([name.to_owned(), significant(usd.0, 4), share(of_all)]);
    }
    for (name, price) in [
        ("USD/Mtok, all tokens", bill.per_token),
        ("USD/Mtok in", bill.per_input_token),
        ("USD/Mtok out", bill.per_output_token),
    ] {
        table.row([name.to_owned(), mtok(price), String::new()]);
    }
    table
}

fn latencies(outcome: &Outcome) -> Table {
    let mut table = Table::new("Latencies, simulated", &["", "mean", "p50", "p90", "p95", "p99"]);
    let all = &outcome.latencies;
    let rows: [(&str, &Spread); 4] = [
        ("queued", &all.queued),
        ("TTFT", &all.ttft),
        ("TPOT", &all.tpot),
        ("whole request", &all.e2e),
    ];
    for (name, spread) in rows {
        let figures = [spread.mean, spread.p50, spread.p90, spread.p95, spread.p99].map(time);
        table.row(std::iter::once(name.to_owned()).chain(figures));
    }
    table
}

fn objectives(outcome: &Outcome) -> Table {
    let mut table = Table::new("Objectives, over the whole time", &["", "simulated", "kept"]);
    for ruling in outcome.kept.iter().flat_map(|kept| &kept.objectives) {
        let kept = answer(ruling.answer).to_owned();
        table.row([limit(&ruling.objective), time(ruling.measured), kept]);
    }
    table
}

fn windows(windows: &[Window], peak: Option<usize>) -> Table {
    let columns =
        ["from", "requests", "nodes", "load", "USD", "USD/Mtok", "TTFT p90", "TPOT p90", "kept"];
    let mut table = Table::new("Window by window", &columns);
    for (at, window) in windows.iter().enumerate() {
        let mark = if Some(at) == peak { " (peak)" } else { "" };
        table.row([
            format!("{}{mark}", span(window.from)),
            thousands(window.served),
            significant(window.nodes.get(), 3),
            share(window.load),
            significant(window.cost.0, 3),
            mtok(window.per_token),
            time(window.latencies.ttft.p90),
            time(window.latencies.tpot.p90),
            window.kept.as_ref().map_or(NOTHING, |kept| answer(kept.answer)).to_owned(),
        ]);
    }
    table
}

fn peak_words(window: &Window) -> String {
    format!(
        "at the peak, from {} on: load {}, {} USD/Mtok",
        span(window.from),
        share(window.load),
        mtok(window.per_token)
    )
}

fn api_parts(document: &mut Document, apis: &Apis, outcome: &Outcome, day: Date) {
    let title = format!("The same traffic at APIs, prices of {day}");
    let mut table = Table::new(title, &["API", "USD", "USD/Mtok", "to own", "cached", "source"]);
    let own = significant(outcome.bill.total.0, 4);
    let name = "(these machines)".to_owned();
    table.row([name, own, mtok(outcome.bill.per_token), times(Some(Ratio::ONE))]);
    for api in &apis.billed {
        let cached = match api.caching {
            Caching::Simulated => thousands(api.cached.0),
            Caching::NotWorthIt => "not worth it".to_owned(),
            Caching::NothingShared => "nothing shared".to_owned(),
            Caching::Unknown => "rules not known".to_owned(),
        };
        table.row([
            api.entry.clone(),
            significant(api.total.estimate().0, 4),
            mtok(Some(api.per_token)),
            times(api.over_own),
            cached,
            api.source.clone(),
        ]);
    }
    document.table(table);
    if let Some(cheapest) = apis.billed.first() {
        document.words(format!(
            "cheapest API: `{}`, {} times these machines' price a token, at the trace's own token \
             counts",
            cheapest.entry,
            times(cheapest.over_own)
        ));
    }
    for one in &apis.unbilled {
        document.words(format!("`{}` has no bill: {}", one.entry, one.reason));
    }
}

fn mtok(price: Option<UsdPerMtok>) -> String {
    price.map_or_else(|| NOTHING.to_owned(), |price| significant(price.0, 4))
}

fn times(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(|| NOTHING.to_owned(), |ratio| significant(ratio.get(), 3))
}

/// A length of time as people say it: to a minute from an hour on, to a second from a minute on.
/// In a length above this a second more or less tells nothing.
const TELLING: f64 = 10.0;

pub(super) fn span(of: Seconds) -> String {
    let (hour, minute) = (3_600.0, 60.0);
    if of.0 >= hour {
        let minutes = (of.0 / minute).round();
        format!("{:.0} h {:02.0} min", (minutes / minute).floor(), minutes % minute)
    } else if of.0 >= minute {
        let seconds = of.0.round();
        format!("{:.0} min {:02.0} s", (seconds / minute).floor(), seconds % minute)
    } else if of.0 >= TELLING || of.0 <= 0.0 {
        format!("{:.0} s", of.0)
    } else {
        time(Some(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let told: Vec<String> = [0.0, 0.038_2, 59.0, 300.0, 3_501.7, 3_599.7, 50_400.0, 86_400.0]
            .map(|seconds| span(Seconds(seconds)))
            .to_vec();
        let want =
            ["0 s", "38.2 ms", "59 s", "5 min 00 s", "58 min 22 s", "60 min 00 s", "14 h 00 min"];
        assert_eq!(told[..7], want);
        assert_eq!(told[7], "24 h 00 min");
    }
}
