//! Errors on models that the fit hadn't seen, against what is promised, and against a fit by others.

use super::{calibration, near, points};
use crate::estimate::{Errors, Grouping, Term, Validation, validate};
use crate::units::Ratio;
use std::collections::BTreeMap;

fn judged(grouping: Grouping) -> Validation {
    let own = calibration();
    validate(&points(), grouping, &own.source, own.date).unwrap()
}

fn lines(validation: &Validation) -> BTreeMap<&str, (Errors, Errors)> {
    let lines = validation.lines.iter();
    lines.filter_map(|line| Some((line.name.as_str(), (line.all?, line.sound?)))).collect()
}

/// What is promised: medians and 90th percentiles of points that are no outliers, in all and by GPU.
#[test]
fn errors_are_within_what_is_promised() {
    let validation = judged(Grouping::Model);
    let lines = lines(&validation);
    let check = |kind: &str, median: f64, ninetieth: f64| {
        for name in [kind.to_owned(), format!("{kind}, h100-sxm"), format!("{kind}, b200")] {
            let (_, sound) = lines[name.as_str()];
            assert!(sound.median <= Ratio::percent(median), "{name}: {sound:?}");
            assert!(sound.ninetieth <= Ratio::percent(ninetieth), "{name}: {sound:?}");
        }
    };
    check("dense", 10.0, 30.0);
    check("experts", 25.0, 60.0);
    // With the outliers, too, in the median.
    assert!(lines["dense"].0.median <= Ratio::percent(10.0));
    assert!(lines["experts"].0.median <= Ratio::percent(25.0));
}

/// The same with whole families left out, all sizes together.
#[test]
fn errors_of_whole_families() {
    let validation = judged(Grouping::Family);
    let lines = lines(&validation);
    assert!(lines["dense"].1.median <= Ratio::percent(10.0), "{:?}", lines["dense"]);
    assert!(lines["dense"].1.ninetieth <= Ratio::percent(30.0), "{:?}", lines["dense"]);
    assert!(lines["experts"].1.median <= Ratio::percent(25.0), "{:?}", lines["experts"]);
    assert!(lines["experts"].1.ninetieth <= Ratio::percent(60.0), "{:?}", lines["experts"]);
}

/// An independent program with the formulas of `docs/ESTIMATE.md` (numpy 2.4, the least squares of
/// scipy 1.17's `nnls`) got these of the same table.
#[test]
fn an_independent_fit_agrees() {
    let validation = judged(Grouping::Model);
    let coefficients = [
        (Term::Layer, 8.683_749_774e-5),
        (Term::Sequence, 3.136_303_381e-5),
        (Term::Sampling, 83.223_285_361),
        (Term::Prompt, 4.491_545_651e-4),
        (Term::EightBit, 1.077_934_085e-4),
        (Term::Peer, 7.259_395_363e-6),
        (Term::Routing, 4.408_413_227),
    ];
    for (term, want) in coefficients {
        near(validation.calibration.coefficient(term), want, 1e-3);
    }
    let lines = lines(&validation);
    let check = |name: &str, points: usize, median: f64, ninetieth: f64| {
        let (_, sound) = lines[name];
        assert_eq!(sound.points, points, "{name}");
        let same = |got: Ratio, want: f64| (got.get() - want / 100.0).abs() < 6e-4;
        assert!(
            same(sound.median, median) && same(sound.ninetieth, ninetieth),
            "{name}: {sound:?}"
        );
    };
    check("dense", 148, 7.7, 22.8);
    check("dense, h100-sxm", 92, 7.7, 16.7);
    check("dense, b200", 56, 7.6, 29.9);
    check("experts", 187, 8.7, 30.4);
    check("experts, h100-sxm", 83, 6.0, 12.8);
    check("experts, b200", 104, 13.8, 35.9);
}

/// `data/estimate.toml` is what the fit makes of the table.
#[test]
fn the_calibration_inside_is_made_from_the_points() {
    let made = judged(Grouping::Model).calibration.to_toml();
    let own = include_str!("../../../data/estimate.toml");
    let entry = own.find("[[calibration]]").map_or("", |at| &own[at..]);
    assert_eq!(entry, made, "write this to data/estimate.toml");
}

/// A point's own rate is no part of what predicts it.
#[test]
fn no_point_predicts_itself() {
    let (mut points, own) = (points(), calibration());
    let before = validate(&points, Grouping::Model, "x", own.date).unwrap();
    let at = points.iter().position(|p| p.setting.model.id == "gemma-3-12b").unwrap();
    points[at].rate = crate::units::TokensPerSecond(points[at].rate.0 * 1.02);
    let after = validate(&points, Grouping::Model, "x", own.date).unwrap();
    assert_eq!(before.judged[at].predicted, after.judged[at].predicted);
    // It is part of what predicts others.
    assert_ne!(before.calibration, after.calibration);
}
