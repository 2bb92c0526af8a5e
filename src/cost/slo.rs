//! Objectives of latency, and whether a run kept to them.
//!
//! Invariant: what a run has not earned is not a pass: an objective on a percentile that has too few
//! samples can't be told (unless a lower one that is earned has missed it), and an operating point is only chosen where every objective is known to be
//! met. Guarded by a table below and by `ladder.rs`.

use crate::hint::{Fault, Hint};
use crate::record::Run;
use crate::summary::{Goodput, Latency, Percentile, Summary, Timing, goodput};
use crate::units::{ParseError, Seconds};
use serde::Serialize;

/// Latencies that requests shall keep to, at least one: `ttft=500ms,tpot.p99=50ms`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Slo(Vec<Objective>);

/// One of them: this percentile of this latency shall be at most this.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Objective {
    /// Which latency.
    pub latency: Kind,
    /// Which percentile of it.
    pub percentile: Percentile,
    /// How long it may be.
    pub at_most: Seconds,
}

/// The latencies that an objective can be set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Time to first token, from when the request was due.
    Ttft,
    /// Time per output token after it.
    Tpot,
    /// The whole request.
    E2e,
}

/// Why a text is no set of objectives.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SloError {
    /// No `<=` in it.
    #[error("`{0}` is not an objective")]
    Form(String),
    /// Another latency than those that are measured for requests.
    #[error("`{0}` is not a latency that objectives can be set for")]
    Kind(String),
    /// Another percentile than those that are reported.
    #[error("`{0}` is not a percentile that is reported")]
    Percentile(String),
    /// Not a time.
    #[error(transparent)]
    Time(#[from] ParseError),
    /// A time in which nothing can be done.
    #[error("`{0}` leaves no time")]
    Nothing(String),
    /// One of them is there twice.
    #[error("`{0}` is there twice")]
    Twice(String),
}

impl Hint for SloError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Form(_) | Self::Nothing(_) => {
                Some("write it like `ttft<=500ms,tpot.p95<=50ms`".to_owned())
            }
            Self::Kind(_) => Some("there are `ttft`, `tpot` and `e2e`".to_owned()),
            Self::Percentile(_) => Some("there are `p50`, `p90`, `p95` and `p99`".to_owned()),
            Self::Time(error) => error.hint(),
            Self::Twice(_) => Some("state each percentile of a latency once".to_owned()),
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

impl Slo {
    /// The percentile that an objective means that names none: the strictest that a few seconds of
    /// most services earn (10 requests; the 95th takes 20, the 99th 100).
    pub const DEFAULT: Percentile = Percentile::P90;

    /// The objectives, in the order stated.
    pub fn objectives(&self) -> &[Objective] {
        &self.0
    }

    /// What becomes of each of them where percentiles are these; `None`: not earned. What is not earned
    /// is not a pass, and what a lower percentile misses a higher one misses.
    pub(crate) fn rulings(&self, at: impl Fn(Kind, Percentile) -> Option<Seconds>) -> Vec<Ruling> {
        let ruling = |objective: &Objective| {
            let Objective { percentile, at_most, latency } = *objective;
            let at = |p| at(latency, p);
            let measured = at(percentile);
            let lower = || Percentile::ALL.into_iter().filter(|lower| *lower < percentile);
            let answer = match measured {
                Some(took) if took <= at_most => Answer::Met,
                Some(_) => Answer::Missed,
                // No percentile is below a lower one.
                None if lower().filter_map(at).any(|took| took > at_most) => Answer::Missed,
                None => Answer::CantTell,
            };
            Ruling { objective: *objective, measured, answer }
        };
        self.0.iter().map(ruling).collect()
    }

    /// Whether one request kept to all of them. Where a latency has objectives at several
    /// percentiles, a request keeps to the widest: the others only bind a share of all requests.
    fn keeps(&self, timing: &Timing) -> bool {
        let widest = |kind| {
            let limits = self.0.iter().filter(|one| one.latency == kind).map(|one| one.at_most);
            limits.reduce(|a, b| if a > b { a } else { b })
        };
        let within = |took: Option<Seconds>, kind| {
            took.zip(widest(kind)).is_none_or(|(took, limit)| took <= limit)
        };
        within(Some(timing.ttft), Kind::Ttft)
            && within(timing.tpot, Kind::Tpot)
            && within(Some(timing.e2e), Kind::E2e)
    }
}

impl std::str::FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let mut objectives: Vec<Objective> = Vec::new();
        for part in text.split(',') {
            let next: Objective = part.parse()?;
            let same = |one: &Objective| (one.latency, one.percentile);
            if objectives.iter().any(|one| same(one) == same(&next)) {
                return Err(SloError::Twice(format!("{}.{}", next.latency, next.percentile)));
            }
            objectives.push(next);
        }
        Ok(Self(objectives))
    }
}

impl std::str::FromStr for Objective {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let part = text.trim();
        let Some((name, time)) = part.split_once("<=").or_else(|| part.split_once('=')) else {
            return Err(SloError::Form(part.to_owned()));
        };
        let (name, percentile) = match name.trim().split_once('.') {
            Some((name, percentile)) => (name, named(percentile)?),
            None => (name.trim(), Slo::DEFAULT),
        };
        let kinds = [Kind::Ttft, Kind::Tpot, Kind::E2e];
        let kind = kinds.into_iter().find(|kind| kind.to_string() == name);
        let latency = kind.ok_or_else(|| SloError::Kind(name.to_owned()))?;
        let at_most: Seconds = time.parse()?;
        if at_most <= Seconds(0.0) {
            return Err(SloError::Nothing(part.to_owned()));
        }
        Ok(Self { latency, percentile, at_most })
    }
}

fn named(name: &str) -> Result<Percentile, SloError> {
    let found = Percentile::ALL.into_iter().find(|percentile| percentile.to_string() == name);
    found.ok_or_else(|| SloError::Percentile(name.to_owned()))
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::E2e => "e2e",
        })
    }
}

/// As it is read: `ttft.p90=0.5s`.
impl std::fmt::Display for Objective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}={}s", self.latency, self.percentile, self.at_most.0)
    }
}

/// Whether something was kept to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Met,
    /// No.
    Missed,
    /// The run has too few requests for the percentile.
    CantTell,
}

/// A run beside the objectives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SloVerdict {
    /// Missed if one is missed, met if all are met, else not to be told.
    pub answer: Answer,
    /// Each objective, and what became of it.
    pub objectives: Vec<Ruling>,
    /// The requests that kept to all of them, and their tokens; `None` where nothing was measured.
    pub goodput: Option<Goodput>,
}

/// What became of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ruling {
    /// The objective.
    #[serde(flatten)]
    pub objective: Objective,
    /// What the percentile is; `None`: it was not earned.
    pub measured: Option<Seconds>,
    /// Whether that is kept to.
    pub answer: Answer,
}

impl SloVerdict {
    /// Lays a run beside objectives.
    pub fn of(slo: &Slo, run: &Run, summary: &Summary) -> Self {
        let latency = |kind| -> &Latency {
            match kind {
                Kind::Ttft => &summary.ttft,
                Kind::Tpot => &summary.tpot,
                Kind::E2e => &summary.e2e,
            }
        };
        let rulings = slo.rulings(|kind, p| latency(kind).at(p).map(|estimate| estimate.value));
        Self {
            answer: Answer::to_all(&rulings),
            objectives: rulings,
            goodput: goodput(run, &|timing| slo.keeps(timing)),
        }
    }
}

impl Answer {
    /// Missed if one objective is missed, met if all are met, else not to be told.
    pub(crate) fn to_all(rulings: &[Ruling]) -> Self {
        let any = |answer| rulings.iter().any(|one| one.answer == answer);
        if any(Self::Missed) {
            Self::Missed
        } else if any(Self::CantTell) {
            Self::CantTell
        } else {
            Self::Met
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Finish;
    use crate::record::builder::{RunBuilder, request};
    use crate::summary::summarize;

    #[track_caller]
    fn check_text(text: &str, want: Result<&str, &str>) {
        let printed =
            |slo: Slo| slo.0.iter().map(Objective::to_string).collect::<Vec<_>>().join(",");
        let got = text.parse::<Slo>().map(printed).map_err(|error| error.to_string());
        assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{text}");
    }

    #[test]
    fn objectives_are_read_and_printed() {
        check_text("ttft=500ms", Ok("ttft.p90=0.5s"));
        check_text(
            "ttft.p50=200ms, tpot.p99=50ms,e2e=10s",
            Ok("ttft.p50=0.2s,tpot.p99=0.05s,e2e.p90=10s"),
        );
        check_text("ttft", Err("`ttft` is not an objective"));
        check_text("itl=5ms", Err("`itl` is not a latency that objectives can be set for"));
        check_text("ttft.p80=5ms", Err("`p80` is not a percentile that is reported"));
        check_text("ttft=0s", Err("`ttft=0s` leaves no time"));
        check_text("ttft=1s,ttft.p90=2s", Err("`ttft.p90` is there twice"));
        let bare = "`5` is not a length of time: a bare number is ambiguous here, it needs a unit";
        check_text("ttft=5", Err(bare));
    }

    /// Ten requests one after the other; the n-th takes n × 10 ms to its first token, 10 ms to each
    /// of two more.
    fn run(requests: u32) -> crate::record::Run {
        let mut run = RunBuilder::measured(0.0, 5_000.0);
        let mut at = 0.0;
        for n in 1..=requests {
            let first = 10.0 * f64::from(n);
            run = run.request(request(at).token(first).tokens(2, 10.0).done(Finish::Length));
            at += first + 20.0;
        }
        run.build()
    }

    #[track_caller]
    fn check(slo: &str, requests: u32, want: Answer, met: u64) {
        let run = run(requests);
        let verdict = SloVerdict::of(&slo.parse().unwrap(), &run, &summarize(&run));
        assert_eq!(
            (verdict.answer, verdict.goodput.unwrap().met),
            (want, met),
            "{slo}: {verdict:?}"
        );
    }

    #[test]
    fn an_answer_needs_its_samples() {
        // Of 10, …, 100 ms the 90th percentile is 91, the median 55.
        check("ttft=91ms", 10, Answer::Met, 9);
        check("ttft=90ms", 10, Answer::Missed, 9);
        check("ttft.p50=55ms", 10, Answer::Met, 5);
        check("ttft.p95=200ms", 10, Answer::CantTell, 10);
        check("ttft=200ms", 9, Answer::CantTell, 9);
        check("ttft=91ms,tpot=10ms,e2e=111ms", 10, Answer::Met, 9);
        // The 99th percentile is not below the median, which is 55.
        check("ttft.p99=54ms", 10, Answer::Missed, 5);
        // What is missed is missed, whatever else can't be told.
        check("ttft=10ms,e2e.p99=1s", 10, Answer::Missed, 1);
        // The median's limit binds half of the requests, the other one all.
        check("ttft.p50=55ms,ttft=91ms", 10, Answer::Met, 9);
    }
}
