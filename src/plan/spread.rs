//! How long requests took, over all of them.
//!
//! Invariant: percentiles, and where they are earned, are those of `summary` ([`Percentile::among`]), so
//! that what is simulated and what was measured are worked out alike. There are no intervals: nothing is
//! sampled.

use super::fate::Served;
use super::traffic::count;
use crate::cost::{Answer, Kind, Ruling, Slo};
use crate::summary::Percentile;
use crate::units::Seconds;
use serde::Serialize;

/// A latency over requests.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Spread {
    /// How many samples there are.
    pub count: u64,
    /// Their mean.
    pub mean: Option<Seconds>,
    /// The median.
    pub p50: Option<Seconds>,
    /// The 90th percentile.
    pub p90: Option<Seconds>,
    /// The 95th percentile.
    pub p95: Option<Seconds>,
    /// The 99th percentile.
    pub p99: Option<Seconds>,
}

impl Spread {
    /// Of these samples.
    pub fn of(samples: impl IntoIterator<Item = Seconds>) -> Self {
        let mut sorted: Vec<f64> = samples.into_iter().map(|sample| sample.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |percentile: Percentile| {
            percentile.among(sorted.len(), |place| sorted.get(place).copied()).map(Seconds)
        };
        let samples = count(sorted.len());
        let mean = (samples > 0.0).then(|| Seconds(sorted.iter().sum::<f64>() / samples));
        Self {
            count: sorted.len() as u64,
            mean,
            p50: at(Percentile::P50),
            p90: at(Percentile::P90),
            p95: at(Percentile::P95),
            p99: at(Percentile::P99),
        }
    }

    /// One of its percentiles, where it is earned.
    pub fn at(&self, percentile: Percentile) -> Option<Seconds> {
        match percentile {
            Percentile::P50 => self.p50,
            Percentile::P90 => self.p90,
            Percentile::P95 => self.p95,
            Percentile::P99 => self.p99,
        }
    }
}

/// The latencies of requests.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Latencies {
    /// From when a request came until it was first computed.
    pub queued: Spread,
    /// From then to the first token.
    pub ttft: Spread,
    /// Per output token after it.
    pub tpot: Spread,
    /// From then to the last token.
    pub e2e: Spread,
}

impl Latencies {
    /// Of these requests.
    pub fn of(served: &[Served]) -> Self {
        Self {
            queued: Spread::of(served.iter().map(|one| one.queued)),
            ttft: Spread::of(served.iter().map(|one| one.ttft)),
            tpot: Spread::of(served.iter().filter_map(|one| one.tpot)),
            e2e: Spread::of(served.iter().map(|one| one.e2e)),
        }
    }

    /// One of those that objectives can be set for.
    pub fn kind(&self, kind: Kind) -> &Spread {
        match kind {
            Kind::Ttft => &self.ttft,
            Kind::Tpot => &self.tpot,
            Kind::E2e => &self.e2e,
        }
    }
}

/// Latencies beside objectives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    /// Missed if one is missed, or anybody was refused for want of room; met if all are met.
    pub answer: Answer,
    /// Each objective, and what became of it.
    pub objectives: Vec<Ruling>,
}

impl Kept {
    /// Lays latencies beside objectives, by the rule of measured runs. `turned_away`: requests were
    /// refused that could have been served.
    pub fn of(slo: &Slo, latencies: &Latencies, turned_away: bool) -> Self {
        let objectives = slo.rulings(|kind, percentile| latencies.kind(kind).at(percentile));
        let answer = if turned_away { Answer::Missed } else { Answer::to_all(&objectives) };
        Self { answer, objectives }
    }

    /// What was missed, in words.
    pub(super) fn missed(&self) -> String {
        let missed = self.objectives.iter().filter(|one| one.answer != Answer::Met);
        let words: Vec<String> = missed
            .map(|one| match one.measured {
                Some(found) => format!("{} is {found:.3}", one.objective),
                None => format!("{} can't be told", one.objective),
            })
            .collect();
        if words.is_empty() { "requests were refused".to_owned() } else { words.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10, 20, …: of ten, the 90th percentile lies at 91, by hand.
    fn tens(many: u32) -> Latencies {
        let samples = || (1..=many).rev().map(|n| Seconds(10.0 * f64::from(n)));
        Latencies { ttft: Spread::of(samples()), ..Latencies::default() }
    }

    #[track_caller]
    fn check(slo: &str, many: u32, turned_away: bool, want: Answer) {
        let kept = Kept::of(&slo.parse().unwrap(), &tens(many), turned_away);
        assert_eq!(kept.answer, want, "{slo} of {many}: {kept:?}");
    }

    #[test]
    fn objectives_are_kept_by_the_rule_of_measured_runs() {
        check("ttft=91s", 10, false, Answer::Met);
        check("ttft=90.9s", 10, false, Answer::Missed);
        check("ttft=91s", 10, true, Answer::Missed);
        check("ttft.p95=200s", 10, false, Answer::CantTell);
        check("ttft.p95=54s", 10, false, Answer::Missed);
        check("ttft=91s,e2e=1s", 10, false, Answer::CantTell);
        check("ttft.p50=55s", 10, false, Answer::Met);
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Spread::of([]), Spread::default());
        let one = Spread::of([Seconds(3.0)]);
        assert_eq!((one.mean, one.p50), (Some(Seconds(3.0)), None));
    }
}
