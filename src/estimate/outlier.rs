//! Points that the GPUs' speed can't explain, by rules that look at the measurement alone, never at a
//! prediction.
//!
//! Invariant: no rule sees a predicted time. Guarded by the types: there is none here. What the rules
//! can't be is blind: they were made with this data in view (`docs/ESTIMATE.md` says what the errors are
//! without each).

use super::point::Point;

/// Why a point says nothing of a GPU's throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outlier {
    /// The server held fewer than nine tenths of the sequences that it was told to: its memory or its
    /// clients held it back.
    Unfilled,
    /// Output rate times the time between tokens, which is the number of sequences that were decoding,
    /// is under half of the batch.
    Stalled,
    /// Slower than at a smaller batch of the same series.
    Falls,
    /// The GPUs drew less than nine tenths of the power that they drew at a smaller batch of the same
    /// series: they waited.
    Idle,
    /// Slower than a GPU that is slower by its data sheet, at the same batch; or a point of a series
    /// of which most are: the host was the limit.
    Host,
    /// Each GPU attended for requests of its own: another layout than the one that is estimated.
    OtherLayout,
}

const FILLED: f64 = 0.9;
const DECODING: f64 = 0.5;
const SAME_POWER: f64 = 0.9;
/// Answers that differ by more than this factor are other work.
const SAME_LENGTH: f64 = 2.0;

impl std::fmt::Display for Outlier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unfilled => "batch not filled",
            Self::Stalled => "under half of the batch decoding",
            Self::Falls => "slower than at a smaller batch",
            Self::Idle => "draws less power than at a smaller batch",
            Self::Host => "slower than a slower GPU",
            Self::OtherLayout => "data-parallel attention",
        })
    }
}

/// Why each point is one; empty for those that are none.
pub(super) fn outliers(points: &[Point]) -> Vec<Vec<Outlier>> {
    let slower: Vec<Option<bool>> = points.iter().map(|p| slower_than_lesser(p, points)).collect();
    points
        .iter()
        .enumerate()
        .map(|(at, point)| {
            let mut found = alone(point);
            let series = || points.iter().enumerate().filter(|(_, other)| one_series(point, other));
            let below = || series().filter(|(_, other)| other.most < point.most);
            if below().any(|(_, other)| other.rate > point.rate) {
                found.push(Outlier::Falls);
            }
            if below().any(|(_, other)| other.power.0 * SAME_POWER > point.power.0) {
                found.push(Outlier::Idle);
            }
            let told: Vec<bool> = series().filter_map(|(at, _)| slower[at]).collect();
            let most = 2 * told.iter().filter(|slower| **slower).count() > told.len();
            if slower[at] == Some(true) || most {
                found.push(Outlier::Host);
            }
            found
        })
        .collect()
}

/// What a point says by itself.
fn alone(point: &Point) -> Vec<Outlier> {
    let mut found = Vec::new();
    if point.batch < FILLED * f64::from(point.most) {
        found.push(Outlier::Unfilled);
    }
    if point.rate.0 * point.gap.0 < DECODING * point.batch {
        found.push(Outlier::Stalled);
    }
    if point.setting.data_parallel {
        found.push(Outlier::OtherLayout);
    }
    found
}

fn one_series(a: &Point, b: &Point) -> bool {
    a.setting.same_work(&b.setting) && a.setting.gpu.id == b.setting.gpu.id
}

/// Whether a GPU that is slower by its data sheet was faster at the same work and batch; `None`: none
/// was measured at it.
fn slower_than_lesser(point: &Point, points: &[Point]) -> Option<bool> {
    let lesser = |other: &&Point| {
        let (gpu, than) = (&point.setting.gpu, &other.setting.gpu);
        let peaks =
            (point.setting.deployment().peak().ok(), other.setting.deployment().peak().ok());
        than.bandwidth < gpu.bandwidth && peaks.1 < peaks.0
    };
    let length = |p: &Point| p.traffic.output.get();
    let comparable = |other: &&Point| {
        let factor = length(point) / length(other);
        point.setting.same_work(&other.setting)
            && point.most == other.most
            && factor < SAME_LENGTH
            && factor > 1.0 / SAME_LENGTH
    };
    let mut others = points.iter().filter(comparable).filter(lesser).peekable();
    others.peek()?;
    Some(others.any(|other| other.rate > point.rate))
}
