//! How latencies are spread, a curve a load.

use super::super::figure::shortest;
use super::super::plot::{Axis, Mark, Plot, Scale};
use super::charts::{latency_table, load, percent};
use super::{Figure, Rung};
use crate::cost::{Kind, Slo};
use crate::summary::curve::{Spread, Spreads};

/// The plots of time to first token, of gaps between tokens, and of whole requests.
pub(super) fn spreads(rungs: &[Rung], slo: Option<&Slo>) -> Vec<Figure> {
    let all: Vec<Spreads> = rungs.iter().map(|rung| Spreads::of(rung.run)).collect();
    let of = |of: fn(&Spreads) -> &Vec<Spread>| -> Vec<&[Spread]> {
        all.iter().map(|spreads| of(spreads).as_slice()).collect()
    };
    let kinds = [
        ("ttft", "Time to first token", Some(Kind::Ttft), of(|spreads| &spreads.ttft)),
        ("itl", "Gaps between tokens (ITL)", None, of(|spreads| &spreads.itl)),
        ("e2e", "Whole requests", Some(Kind::E2e), of(|spreads| &spreads.e2e)),
    ];
    let mut figures: Vec<Figure> = kinds
        .into_iter()
        .filter_map(|(id, title, kind, curves)| figure(rungs, slo, (id, title, kind), &curves))
        .collect();
    if let Some(first) = figures.first_mut() {
        first.table = Some(latency_table(rungs));
    }
    figures
}

fn figure(
    rungs: &[Rung],
    slo: Option<&Slo>,
    (id, title, kind): (&str, &str, Option<Kind>),
    curves: &[&[Spread]],
) -> Option<Figure> {
    let longest = curves.iter().filter_map(|curve| curve.last()).map(|point| point.at_most.0);
    let longest = longest.fold(0.0, f64::max);
    if longest <= 0.0 {
        return None;
    }
    let (scale, unit) = if longest < 1.0 { (1e3, "ms") } else { (1.0, "s") };
    let values = curves.iter().flat_map(|curve| curve.iter()).map(|point| point.at_most.0 * scale);
    let several = rungs.len() > 1;
    let mut marks: Vec<Mark> = slo
        .into_iter()
        .flat_map(Slo::objectives)
        .filter(|objective| Some(objective.latency) == kind)
        .map(|objective| Mark::Rule {
            at: objective.at_most.0 * scale,
            upright: true,
            name: format!("SLO: {} {}", objective.percentile, shortest(objective.at_most)),
        })
        .collect();
    for ((index, rung), curve) in rungs.iter().enumerate().zip(curves) {
        // Names stand on their curves, each higher than the one before.
        let places = u32::try_from(rungs.len()).map_or(1.0, f64::from);
        let place = (f64::from(u32::try_from(index).unwrap_or(u32::MAX)) + 0.5) / places;
        marks.push(Mark::Line {
            points: steps(curve, scale),
            class: rung.class.clone(),
            name: several.then(|| (rung.name.clone(), 0.1 + 0.8 * place)),
        });
    }
    let loads: Vec<_> = rungs.iter().map(load).collect();
    let plot = Plot {
        id: format!("spread-{id}"),
        title: format!("{title}: the share of samples at most as long"),
        description: format!(
            "A curve for each load: {}. The figures are in the table.",
            loads.join("; ")
        ),
        x: Axis { name: format!("{unit}, logarithmic"), scale: Scale::log(values) },
        y: Axis {
            name: "% of samples at most as long".to_owned(),
            scale: Scale::between(0.0, 100.0),
        },
        marks,
    };
    Some(Figure {
        title: title.to_owned(),
        svg: plot.svg(),
        caption: caption(several, id),
        table: None,
    })
}

fn caption(several: bool, id: &str) -> String {
    let whose = if several { "A curve for each load. " } else { "" };
    let what = match id {
        "itl" => "Every gap between two chunks of output after the first.",
        "ttft" => {
            "From when a request was due, so that waiting for a place counts; in a closed loop, from when it was sent."
        }
        _ => "From due (a closed loop: sent) to done.",
    };
    format!("{whose}{what}")
}

/// A share holds from its sample to the next.
fn steps(curve: &[Spread], scale: f64) -> Vec<(f64, f64)> {
    let mut points = Vec::with_capacity(curve.len() * 2);
    let mut share = 0.0;
    for point in curve {
        let at = point.at_most.0 * scale;
        points.push((at, share));
        share = percent(point.share);
        points.push((at, share));
    }
    points
}
