//! How wrong the estimate is on models that it hadn't seen: a table, the outliers, a plot.
//!
//! Invariant: nothing is computed here; a line without points prints `—`, and the points that are
//! outliers are drawn, as rings. Guarded by the test below, on the vendored points.

use super::figure::NOTHING;
use super::plot::{Axis, Dot, Mark, Plot, Scale};
use super::{Document, Table};
use crate::estimate::{Errors, Judged, Outlier, Point, Validation};
use std::collections::BTreeMap;

const STYLE: &str = "svg.plot{background:#fff}svg.plot text{font:11px sans-serif;fill:#59636e}\
    .grid{stroke:#e9ecef}.axis{stroke:#59636e}.line{fill:none;stroke:#d8dde2;stroke-width:1.4}\
    .dot{stroke:#fff;stroke-width:.5}.s1{fill:#0067a8}.s2{fill:#b34700}\
    .dot.hollow{fill:#fff}.dot.hollow.s1{stroke:#0067a8}.dot.hollow.s2{stroke:#b34700}";

/// The errors and the outliers, as tables.
pub fn validation_document(points: &[Point], validation: &Validation) -> Document {
    let mut document = Document::default();
    let columns = ["", "points", "median", "90th", "all", "median", "90th", "GPU left out", "90th"];
    let mut errors = Table::new("|predicted / measured - 1| of output tok/s, left out", &columns);
    for line in &validation.lines {
        let mut row = vec![line.name.clone()];
        row.extend(cells(line.sound));
        row.extend(cells(line.all));
        row.extend(cells(line.elsewhere).into_iter().skip(1));
        errors.row(row);
    }
    document.table(errors);
    let mut by_rule: BTreeMap<Outlier, usize> = BTreeMap::new();
    let mut named = Table::new("Outliers", &["series", "batch", "why"]);
    for judged in validation.judged.iter().filter(|judged| !judged.outliers.is_empty()) {
        judged.outliers.iter().for_each(|rule| *by_rule.entry(*rule).or_default() += 1);
        let point = &points[judged.point];
        let why: Vec<_> = judged.outliers.iter().map(ToString::to_string).collect();
        let setting = &point.setting;
        let gpus = format!("{} {} × {}", setting.task, setting.gpus, setting.gpu.id);
        named.row([format!("{} {gpus}", setting.name), point.most.to_string(), why.join(", ")]);
    }
    let mut rules = Table::new("Rules for outliers", &["rule", "points"]);
    for (rule, count) in &by_rule {
        rules.row([rule.to_string(), count.to_string()]);
    }
    document.table(rules);
    document.table(named);
    document.words(
        "Left out: each model with all its precisions and variants, or its whole family. Outliers are \
         in no fit.",
    );
    document
}

fn cells(errors: Option<Errors>) -> [String; 3] {
    errors.map_or([NOTHING; 3].map(str::to_owned), |errors| {
        [
            errors.points.to_string(),
            format!("{:.1}", errors.median),
            format!("{:.1}", errors.ninetieth),
        ]
    })
}

/// Predicted against measured, as an SVG file of its own.
pub fn validation_plot(points: &[Point], validation: &Validation) -> String {
    let place = |judged: &Judged| (points[judged.point].rate.0, judged.predicted.0);
    let all: Vec<f64> = validation.judged.iter().map(place).flat_map(|(x, y)| [x, y]).collect();
    let scale = Scale::log(all.iter().copied());
    let (low, high) = all.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (v.min(l), v.max(h)));
    let equal =
        Mark::Line { points: vec![(low, low), (high, high)], class: "path".to_owned(), name: None };
    let dots = validation.judged.iter().map(|judged| {
        let setting = &points[judged.point].setting;
        let experts = setting.model.experts.is_some();
        Mark::Dot(Dot {
            at: place(judged),
            class: if experts { "s2" } else { "s1" }.to_owned(),
            hollow: !judged.outliers.is_empty(),
            words: format!("{} {} at {}", setting.name, setting.gpu.id, points[judged.point].most),
            ..Dot::default()
        })
    });
    let axis = |name: &str| Axis { name: name.to_owned(), scale };
    let plot = Plot {
        id: "validation".to_owned(),
        title: "Predicted against measured".to_owned(),
        description:
            "Output tokens a second of published runs, each predicted by a fit that had not \
                      seen its model. Blue: dense; orange: mixtures of experts; rings: outliers."
                .to_owned(),
        x: axis("measured, output tok/s"),
        y: axis("predicted, output tok/s"),
        marks: std::iter::once(equal).chain(dots).collect(),
    };
    let inside = plot.svg();
    let opened = inside.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    opened.replacen('>', &format!("><style>{STYLE}</style>"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::{Calibration, Grouping, Models, parse_energy, validate};
    use crate::hardware::Catalogue;

    #[test]
    fn every_point_is_drawn_and_every_outlier_named() {
        let text = include_str!("../../tests/fixtures/throughput/mlenergy-points-2026-02.csv");
        let (models, gpus) = (Models::embedded().unwrap(), Catalogue::embedded().unwrap());
        let points = parse_energy("points.csv", text, &models, &gpus).unwrap();
        let date = Calibration::embedded().unwrap().date;
        let validation = validate(&points, Grouping::Model, "x", date).unwrap();
        let plot = validation_plot(&points, &validation);
        assert_eq!(plot.matches("dot hollow").count(), 81);
        assert_eq!(plot.matches("class=\"dot").count(), 416);
        assert!(plot.starts_with("<svg xmlns=") && plot.ends_with("</svg>"), "{plot}");
        let words = validation_document(&points, &validation).markdown();
        assert_eq!(words.matches("data-parallel attention").count(), 17);
        assert!(words.contains("| experts, b200 | 104 |"), "{words}");
    }
}
