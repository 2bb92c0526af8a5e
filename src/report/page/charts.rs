//! The plots of loads side by side: throughput and price against interactivity, price by load.

use super::super::Table;
use super::super::figure::{brief_or_nothing, brief_seconds, estimate, share, significant};
use super::super::plot::{Axis, Bar, Bars, Dot, Mark, Plot, Scale};
use super::{Figure, Rung};
use crate::cost::{Answer, CostAtLoad, Item, Judgement, Kind, Slo};
use crate::summary::curve::interactivity;
use crate::units::{Estimate, Quantity, TokensPerSecond, UsdPerMtok};

/// The speed for one user of a run.
fn speed(judgement: &Judgement) -> Option<Estimate<TokensPerSecond>> {
    judgement.summary.tpot.p50.and_then(interactivity)
}

const SPEED: &str = "tok/s for one user (1 / TPOT p50)";

fn ends<Q: Quantity>(estimate: Estimate<Q>) -> Option<(f64, f64)> {
    estimate.interval.map(|(low, high)| (low.get(), high.get()))
}

/// A point a rung; ladders also have the line through them.
fn points<Q: Quantity>(
    rungs: &[Rung],
    of: impl Fn(&Judgement) -> Option<Estimate<Q>>,
) -> Vec<Mark> {
    let mut way = Vec::new();
    let mut dots = Vec::new();
    for rung in rungs {
        let Some((x, y)) = speed(rung.judgement).zip(of(rung.judgement)) else { continue };
        way.push((x.value.get(), y.value.get()));
        let missed = |answer: Answer| answer != Answer::Met;
        dots.push(Mark::Dot(Dot {
            at: (x.value.get(), y.value.get()),
            x_error: ends(x),
            y_error: ends(y),
            class: rung.class.clone(),
            hollow: rung.judgement.slo.as_ref().is_some_and(|slo| missed(slo.answer)),
            chosen: rung.chosen && rungs.len() > 1,
            name: rung.name.clone(),
            words: format!(
                "{}: {} tok/s for one user, {} {}",
                load(rung),
                estimate(x),
                estimate(y),
                Q::UNIT
            ),
        }));
    }
    let line = Mark::Line { points: way, class: "path".to_owned(), name: None };
    std::iter::once(line).chain(dots).collect()
}

/// A rung's load in words.
pub(super) fn load(rung: &Rung) -> String {
    rung.judgement.run.workload.arrivals.to_string()
}

/// All tokens a second against the speed for one user.
pub(super) fn frontier(rungs: &[Rung]) -> Option<Figure> {
    let rate = |judgement: &Judgement| judgement.summary.output_rate;
    let known: Vec<_> =
        rungs.iter().filter_map(|rung| speed(rung.judgement).zip(rate(rung.judgement))).collect();
    if known.is_empty() {
        return None;
    }
    let highest = |estimate: &Estimate<TokensPerSecond>| {
        estimate.interval.map_or(estimate.value, |(_, high)| high).0
    };
    let mut table = Table::new("", &["load", "tok/s for one user", "output tok/s"]);
    for rung in rungs {
        table.row([
            load(rung),
            brief_or_nothing(speed(rung.judgement)),
            brief_or_nothing(rate(rung.judgement)),
        ]);
    }
    let plot = Plot {
        id: "frontier".to_owned(),
        title: "Output tokens a second against the speed for one user".to_owned(),
        description: described(rungs, "output tok/s", rate),
        x: Axis {
            name: SPEED.to_owned(),
            scale: Scale::from_zero(known.iter().map(|(x, _)| highest(x))),
        },
        y: Axis {
            name: "output tok/s, all users".to_owned(),
            scale: Scale::from_zero(known.iter().map(|(_, y)| highest(y))),
        },
        marks: points(rungs, rate),
    };
    Some(Figure {
        title: "Throughput against interactivity".to_owned(),
        svg: plot.svg(),
        caption: format!(
            "{} Up and to the right is better. Lines through points are 95 % intervals.",
            names(rungs)
        ),
        table: Some(table),
    })
}

fn names(rungs: &[Rung]) -> &'static str {
    if rungs.len() > 1 { "Numbers are loads; the large point is the operating point." } else { "" }
}

fn described<Q: Quantity>(
    rungs: &[Rung],
    unit: &str,
    of: impl Fn(&Judgement) -> Option<Estimate<Q>>,
) -> String {
    let one = |rung: &Rung| {
        let (x, y) = speed(rung.judgement).zip(of(rung.judgement))?;
        Some(format!("{}: {} tok/s for one user, {} {unit}", load(rung), estimate(x), estimate(y)))
    };
    rungs.iter().filter_map(one).collect::<Vec<_>>().join("; ")
}

/// The price of a million tokens against the speed for one user, with the limits that were set.
pub(super) fn price(rungs: &[Rung], slo: Option<&Slo>) -> Option<Figure> {
    let cost = |judgement: &Judgement| judgement.costs.first().and_then(|cost| cost.blended);
    let known: Vec<_> =
        rungs.iter().filter_map(|rung| speed(rung.judgement).zip(cost(rung.judgement))).collect();
    if known.is_empty() {
        return None;
    }
    let limits: Vec<_> = slo
        .into_iter()
        .flat_map(Slo::objectives)
        .filter(|objective| objective.latency == Kind::Tpot)
        .filter_map(|objective| {
            Some((objective, interactivity(Estimate::bare(objective.at_most))?))
        })
        .collect();
    let mut marks: Vec<Mark> = limits
        .iter()
        .map(|(objective, least)| Mark::Rule {
            at: least.value.get(),
            upright: true,
            name: format!(
                "SLO: TPOT {} {}",
                objective.percentile,
                super::super::figure::shortest(objective.at_most)
            ),
        })
        .collect();
    marks.extend(points(rungs, cost));
    let mut table =
        Table::new("", &["load", "tok/s for one user", "input", "output", "blended", "objectives"]);
    for rung in rungs {
        let full = rung.judgement.costs.first();
        let at = |of: fn(&CostAtLoad) -> Option<Estimate<UsdPerMtok>>| {
            brief_or_nothing(full.and_then(of))
        };
        let kept = rung
            .judgement
            .slo
            .as_ref()
            .map_or("—", |slo| super::super::ladder::answer(slo.answer));
        table.row([
            load(rung),
            brief_or_nothing(speed(rung.judgement)),
            at(|cost| cost.input),
            at(|cost| cost.output),
            at(|cost| cost.blended),
            kept.to_owned(),
        ]);
    }
    let speeds = known.iter().map(|(x, _)| x.interval.map_or(x.value, |(_, high)| high).get());
    let speeds = speeds.chain(limits.iter().map(|(_, least)| least.value.get()));
    let objectives = match slo {
        Some(_) => " Rings did not keep to the objectives, or can't be told to.",
        None => "",
    };
    let plot = Plot {
        id: "price".to_owned(),
        title: "USD per million tokens against the speed for one user".to_owned(),
        description: described(rungs, "USD/Mtok blended", cost),
        x: Axis { name: SPEED.to_owned(), scale: Scale::from_zero(speeds) },
        y: Axis {
            name: "USD/Mtok, blended, at full load".to_owned(),
            scale: Scale::log(known.iter().map(|(_, y)| y.value.get())),
        },
        marks,
    };
    Some(Figure {
        title: "Price against interactivity".to_owned(),
        svg: plot.svg(),
        caption: format!("{} Down and to the right is better.{objectives}", names(rungs)),
        table: Some(table),
    })
}

/// What the tokens of a run cost at each load.
pub(super) fn price_by_load(judgement: &Judgement) -> Option<Figure> {
    let mut bars = Vec::new();
    for row in &judgement.costs {
        let kinds = [
            ("input", row.input, "s1"),
            ("cached", row.cached, "s4"),
            ("output", row.output, "s2"),
            ("blended", row.blended, "s3"),
        ];
        let mut apart = !bars.is_empty();
        for (kind, cost, class) in kinds {
            let Some(cost) = cost else { continue };
            bars.push(Bar {
                name: format!("{kind} at {}", row.load),
                from: 0.0,
                value: cost.value.get(),
                error: ends(cost),
                figure: estimate(cost),
                class: class.to_owned(),
                apart,
            });
            apart = false;
        }
    }
    if bars.is_empty() {
        return None;
    }
    let words = bars.iter().map(|bar| format!("{}: {}", bar.name, bar.figure));
    let description = format!("USD per million tokens. {}", words.collect::<Vec<_>>().join("; "));
    let bars = Bars {
        id: "by-load".to_owned(),
        title: "Price by load".to_owned(),
        description,
        rows: bars,
    };
    Some(Figure {
        title: "USD per million tokens by load".to_owned(),
        svg: bars.svg(),
        caption: "Load: the mean rate over the paid time, of the rate that was measured. An hour costs the same however little of it is used.".to_owned(),
        table: None,
    })
}

/// What the measured time was paid for, each line beginning where the one above ends.
pub(super) fn waterfall(judgement: &Judgement) -> Option<Figure> {
    let bill = judgement.bill.as_ref()?;
    let mut from = 0.0;
    let mut rows = Vec::new();
    for line in &bill.lines {
        let class = match line.item {
            Item::UncachedInput => "s1",
            Item::Output => "s2",
            Item::CachedInput => "s4",
            _ => "s3",
        };
        rows.push(Bar {
            name: line.item.word().to_owned(),
            from,
            value: from + line.cost.0,
            error: None,
            figure: share(line.share),
            class: class.to_owned(),
            apart: false,
        });
        from += line.cost.0;
    }
    let words = rows.iter().map(|bar| format!("{}: {}", bar.name, bar.figure));
    let words = words.collect::<Vec<_>>().join("; ");
    let bars = Bars {
        id: "waterfall".to_owned(),
        title: "What the measured time was paid for".to_owned(),
        description: format!("Shares of the bill. {words}"),
        rows,
    };
    Some(Figure {
        title: "What the measured time was paid for".to_owned(),
        svg: bars.svg(),
        caption: format!(
            "Each line begins where the one above it ends; together they are {} USD.",
            significant(bill.total.0, 4)
        ),
        table: Some(super::super::paid::bill(judgement)),
    })
}

/// Latencies of every rung in figures.
pub(super) fn latency_table(rungs: &[Rung]) -> Table {
    let columns =
        ["load", "TTFT p50", "p95", "p99", "ITL p50", "p95", "p99", "E2E p50", "p95", "p99"];
    let mut table = Table::new("", &columns);
    for rung in rungs {
        let summary = &rung.judgement.summary;
        let mut cells = vec![load(rung)];
        for latency in [&summary.ttft, &summary.itl, &summary.e2e] {
            cells.extend([latency.p50, latency.p95, latency.p99].map(brief_seconds));
        }
        table.row(cells);
    }
    table
}

/// A share as an axis has it.
pub(super) fn percent(share: crate::units::Ratio) -> f64 {
    share.get() * 100.0
}

/// A number as an axis or a table has it.
pub(super) fn three(value: f64) -> String {
    significant(value, 3)
}
