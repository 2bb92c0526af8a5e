//! What a ladder prints: its rungs side by side, then its operating point as a run alone.

#[cfg(test)]
mod tests;

use super::bench::{asked, body, head, prices, trust};
use super::figure::{
    NOTHING, brief_or_nothing, brief_seconds, share, shortest, significant, stated, thousands, time,
};
use super::{Document, Table};
use crate::cost::{
    Answer, Judgement, Ladder, LevelRepeats, Objective, Roofline, Rung, Slo, SloVerdict, StepTime,
};
use crate::record::Level;
use crate::summary::{Doubt, Verdict};
use crate::units::{Estimate, RequestsPerSecond};

/// The judgement of a ladder.
pub fn ladder_document(ladder: &Ladder) -> Document {
    let mut document = Document::default();
    document.words(opening(ladder));
    document.table(speeds(&ladder.rungs));
    document.table(costs(&ladder.rungs));
    document.table(repeats(&ladder.repeats));
    let verdicts = ladder.rungs.iter().filter_map(|r| Some((r.level, r.slo.as_ref()?)));
    document.table(objectives(verdicts));
    document.table(roofline(ladder.rungs.iter().map(|r| (r.level, &r.roofline))));
    document.words(choice(ladder));
    if let Some(point) = &ladder.point {
        body(&mut document, point);
        prices(&mut document, point);
        document.words(trust(point));
    }
    let doubts = doubts(ladder);
    if !doubts.is_empty() {
        let others = if ladder.point.is_some() { "the other rungs" } else { "the rungs" };
        document.words(format!("What speaks against {others}:\n{}", doubts.join("\n")));
    }
    document
}

fn opening(ladder: &Ladder) -> String {
    let Some(first) = ladder.rungs.first() else { return "no rung is on record".to_owned() };
    let on_record = ladder.rungs.len();
    let of = ladder.planned.map_or_else(|| on_record.to_string(), |planned| planned.to_string());
    let what = format!("{on_record} of {of} rungs");
    let name = ladder.name.as_deref().unwrap_or(&first.run);
    let Some(run) = &ladder.run else { return format!("ladder {name}, {what}") };
    format!("{}, {what}, {}\nladder {name}", head(run), asked(run))
}

pub(super) fn speeds(rungs: &[Rung]) -> Table {
    let title = "tok/s: prefill and decode while they run, in + out over all time; latencies";
    let columns =
        ["load", "prefill", "decode", "in + out", "TTFT p50", "TTFT p95", "TPOT p50", "busy"];
    let mut table = Table::new(title, &columns);
    for rung in rungs {
        table.row([
            brief_level(rung.level),
            brief_or_nothing(rung.prefill_rate),
            brief_or_nothing(rung.decode_rate),
            brief_or_nothing(rung.total_rate),
            brief_seconds(rung.ttft_p50),
            brief_seconds(rung.ttft_p95),
            brief_seconds(rung.tpot_p50),
            share(rung.busy),
        ]);
    }
    table
}

pub(super) fn costs(rungs: &[Rung]) -> Table {
    let title = "USD per million tokens at full load";
    let columns =
        ["load", "input", "output", "blended", "all to output", "× floor", "verdict, doubts"];
    let mut table = Table::new(title, &columns);
    for rung in rungs {
        let cost = |of: fn(&crate::cost::CostAtLoad) -> Option<Estimate<_>>| {
            brief_or_nothing(rung.cost.as_ref().and_then(of))
        };
        let broken = if rung.broken { " BROKEN" } else { "" };
        let void = if rung.verdict == Verdict::Void && rung.cost.is_some() { " VOID" } else { "" };
        table.row([
            format!("{}{void}", brief_level(rung.level)),
            cost(|cost| cost.input),
            cost(|cost| cost.output),
            cost(|cost| cost.blended),
            cost(|cost| cost.output_only),
            format!("{}{broken}", brief_or_nothing(rung.over_floor)),
            format!("{}, {}", rung.verdict.word(), rung.doubts.len()),
        ]);
    }
    table
}

/// Loads that were run more than once: means over the runs, with intervals by how the runs differ.
fn repeats(levels: &[LevelRepeats]) -> Table {
    let title = "Repeats: means over the runs, intervals by how these differ";
    let columns = ["load", "runs", "in + out, tok/s", "TTFT p50", "TPOT p50", "runs differ"];
    let mut table = Table::new(title, &columns);
    for LevelRepeats { level, figures } in levels {
        let void =
            if figures.void > 0 { format!(" ({} void)", figures.void) } else { String::new() };
        let differ = figures.total_rate.and_then(|rate| rate.differ);
        table.row([
            brief_level(*level),
            format!("{}{void}", figures.runs),
            brief_or_nothing(figures.total_rate.map(|rate| rate.mean)),
            brief_seconds(figures.ttft_p50.map(|time| time.mean)),
            brief_seconds(figures.tpot_p50.map(|time| time.mean)),
            match differ {
                Some(true) => "more than each tells",
                Some(false) => "as each tells",
                None => NOTHING,
            }
            .to_owned(),
        ]);
    }
    table
}

/// Runs beside what latencies were to keep to, by their loads.
pub(super) fn objectives<'a>(runs: impl IntoIterator<Item = (Level, &'a SloVerdict)>) -> Table {
    let runs: Vec<_> = runs.into_iter().collect();
    let mut columns = vec!["load".to_owned(), "kept".to_owned()];
    if let Some((_, verdict)) = runs.first() {
        columns.extend(verdict.objectives.iter().map(|ruling| limit(&ruling.objective)));
    }
    columns.extend(["requests in time".to_owned(), "goodput, tok/s".to_owned()]);
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new("Objectives; goodput: output tokens of requests in time", &columns);
    for (level, verdict) in runs {
        let mut row = vec![brief_level(level), answer(verdict.answer).to_owned()];
        row.extend(verdict.objectives.iter().map(|ruling| {
            let mark = if ruling.answer == Answer::Missed { " !" } else { "" };
            format!("{}{mark}", time(ruling.measured))
        }));
        let goodput = verdict.goodput.as_ref();
        row.push(goodput.map_or_else(
            || NOTHING.to_owned(),
            |good| format!("{} of {}", thousands(good.met), thousands(good.judged)),
        ));
        let rate = goodput.and_then(|good| good.rate);
        // A zero has no first digit that an error could end at.
        let none_in_time = goodput.is_some_and(|good| good.met == 0) && rate.is_some();
        row.push(if none_in_time { "0".to_owned() } else { brief_or_nothing(rate) });
        table.row(row);
    }
    table
}

pub(super) fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Met => "yes",
        Answer::Missed => "no",
        Answer::CantTell => "can't tell",
    }
}

/// As the head of a column.
pub(super) fn limit(objective: &Objective) -> String {
    let Objective { latency, percentile, at_most } = objective;
    format!("{latency} {percentile} <= {}", shortest(*at_most))
}

/// Runs' typical steps beside their bounds, by their loads.
pub(super) fn roofline<'a>(runs: impl IntoIterator<Item = (Level, &'a Roofline)>) -> Table {
    let columns = ["load", "work", "median", "bound", "× bound", "steps"];
    let mut table = Table::new("Steps beside the roofline of this machine", &columns);
    for (level, Roofline { decode, prefill }) in runs {
        let mut row = |work: &str, of: &Option<StepTime>| {
            let Some(step) = of else { return };
            let times = step.over_bound.map(|times| significant(times.get(), 2));
            table.row([
                brief_level(level),
                work.to_owned(),
                time(Some(step.measured)),
                time(step.bound),
                times.unwrap_or_else(|| NOTHING.to_owned()),
                thousands(step.steps),
            ]);
        };
        row("a decode step", decode);
        row("a prompt token", prefill);
    }
    table
}

/// Which rung, and why.
pub(super) fn choice(ladder: &Ladder) -> String {
    let mut lines = Vec::new();
    if let Some(knee) = ladder.knee {
        let at = knee.level;
        lines.push(if knee.still_rising {
            let more = match at {
                Level::InFlight(count) => {
                    let (two, four) = (count.saturating_mul(2), count.saturating_mul(4));
                    format!("--concurrency {two},{four}")
                }
                Level::Rate(RequestsPerSecond(rate)) => {
                    format!("--rate {}/s,{}/s", rate * 2.0, rate * 4.0)
                }
            };
            format!(
                "Still rising: {at}, the most of this ladder, is the least with 90 % of its highest \
                 rate. Try `{more}`."
            )
        } else {
            format!(
                "Knee: {at} is the least with 90 % of the highest rate; more load buys waiting, and \
                 hardly a token."
            )
        });
    }
    if let Some(cheapest) = ladder.cheapest {
        lines.push(format!("Cheapest: {cheapest}{}.", blended(ladder, cheapest)));
    }
    if let Some(slo) = &ladder.slo {
        lines.push(within_slo(ladder, slo));
    }
    match &ladder.point {
        Some(Judgement { run, .. }) => lines.push(format!(
            "Operating point: {} at once (run {}). What follows is of this rung.",
            run.workload.in_flight().unwrap_or_default(),
            run.id
        )),
        None if ladder.slo.is_none() => {
            lines.push("No rung came to its end above its floor, so none is chosen.".to_owned());
        }
        None => {}
    }
    lines.join("\n")
}

fn blended(ladder: &Ladder, level: Level) -> String {
    let rung = ladder.rungs.iter().find(|rung| rung.level == level);
    let price = rung.and_then(|rung| rung.cost.as_ref()?.blended);
    price.map_or_else(String::new, |price| {
        format!(", {} USD/Mtok blended at full load", super::figure::estimate(price))
    })
}

fn within_slo(ladder: &Ladder, slo: &Slo) -> String {
    let asked: Vec<_> = slo.objectives().iter().map(limit).collect();
    let asked = asked.join(", ");
    if let Some(cheapest) = ladder.cheapest_within_slo {
        let price = blended(ladder, cheapest);
        return format!("Cheapest that keeps to {asked}: {cheapest}{price}.");
    }
    let unsure =
        |rung: &&Rung| rung.slo.as_ref().is_some_and(|verdict| verdict.answer == Answer::CantTell);
    let unsure: Vec<_> =
        ladder.rungs.iter().filter(unsure).map(|rung| brief_level(rung.level)).collect();
    let unsure = if unsure.is_empty() {
        String::new()
    } else {
        format!(
            " Too few requests tell at a load of {}: try a longer `--duration`, or a lower percentile, \
             as in `ttft.p50=500ms`.",
            unsure.join(", ")
        )
    };
    format!("No rung is known to keep to {asked}.{unsure}")
}

/// The gravest doubt of each rung but the operating point. That the highest percentile needs more
/// requests is said of the point alone: most rungs are too short for it, and need not be longer.
pub(super) fn doubts(ladder: &Ladder) -> Vec<String> {
    let point = ladder.point.as_ref().map(|judgement| judgement.run.workload.level());
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for rung in ladder.rungs.iter().filter(|rung| Some(rung.level) != point) {
        let few = |doubt: &&Doubt| !matches!(doubt, Doubt::FewForPercentile { .. });
        let Some(doubt) = rung.doubts.iter().find(few) else { continue };
        let words = format!("{doubt}: {}", doubt.advice());
        let at = brief_level(rung.level);
        match found.iter_mut().find(|(known, _)| *known == words) {
            Some((_, rungs)) => rungs.push(at),
            None => found.push((words, vec![at])),
        }
    }
    let line = |(words, rungs): (String, Vec<String>)| {
        format!("- at a load of {}: {words}", rungs.join(", "))
    };
    found.into_iter().map(line).collect()
}

/// A level in a cell: `8`, `2.5/s`. A trace has a mean rate, which nobody stated in round figures.
fn brief_level(level: Level) -> String {
    match level {
        Level::InFlight(count) => count.to_string(),
        Level::Rate(RequestsPerSecond(rate)) => format!("{}/s", stated(rate, 4)),
    }
}
