//! What is wrong with a run, and what to try.
//!
//! Invariant: a figure is never held back nor made to look better for a doubt; the doubt stands
//! beside it, with its facts typed and the flag that would settle it. Which doubts a run raises is
//! decided in `verdict.rs`.

use super::percentile::Percentile;
use crate::record::Outcome;
use crate::units::{Bytes, Ratio, Seconds, Tokens};
use serde::Serialize;

/// A reason not to lean on a run's figures. `Display` says what is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "doubt", rename_all = "snake_case")]
pub enum Doubt {
    /// The warm-up never ended.
    NothingMeasured,
    /// The run did not come to its planned end.
    Incomplete {
        /// How it ended; `None`: it was killed.
        outcome: Option<Outcome>,
        /// How long it measured.
        lasted: Seconds,
        /// How long it should have.
        planned: Seconds,
        /// What was cut off at the end of its journal.
        torn: Bytes,
    },
    /// No request ended well before the measuring began.
    Cold,
    /// The output rate's interval is wide.
    TooShort {
        /// Half its width over the rate.
        relative_error: Ratio,
        /// How long to measure for [`Doubt::WIDE`].
        needed: Seconds,
    },
    /// Too few requests ended for an interval.
    NoInterval {
        /// How many ended well.
        completions: u64,
        /// How long to measure for one; `None`: nothing ended, so nothing tells.
        needed: Option<Seconds>,
    },
    /// The rate drifts: stretches of the run resemble their neighbours, however long they are.
    NotSteady {
        /// The correlation of neighbouring stretches.
        autocorrelation: Ratio,
    },
    /// Requests failed.
    Failed {
        /// Which share of those due.
        share: Ratio,
        /// What the first said.
        reason: String,
    },
    /// The generator was late, so latencies hold some of its own time.
    Slip {
        /// How late, at the 99th percentile.
        p99: Seconds,
        /// How late it may be.
        limit: Seconds,
    },
    /// Outputs ended before, or after, the length that was asked for.
    LengthsNotAsPlanned {
        /// Which share of those that ended well.
        share: Ratio,
        /// The mean length that they had.
        mean: Tokens,
    },
    /// The target counts other tokens than were seen to come.
    CountsDisagree {
        /// By its count.
        counted: Tokens,
        /// As seen.
        seen: Tokens,
    },
    /// Too few requests for a percentile of the time to first token.
    FewForPercentile {
        /// Which.
        percentile: Percentile,
        /// How many requests there were.
        samples: u64,
        /// How long to measure for enough; `None`: there were none to tell.
        needed: Option<Seconds>,
    },
}

impl Doubt {
    /// A rate that is known within this is known well enough.
    pub const WIDE: f64 = 0.05;

    /// What to try: a flag of `mtok bench`, where one helps.
    pub fn advice(&self) -> String {
        match self {
            Self::NothingMeasured => {
                "try a shorter `--warmup`, or shorter requests: `--prompt-tokens`, `--output-tokens`"
                    .to_owned()
            }
            Self::Incomplete { .. } => {
                "run it again to its end, or ask for less with `--duration`".to_owned()
            }
            Self::Cold => "try `--warmup 5s`".to_owned(),
            Self::TooShort { needed, .. } => {
                format!("try `--duration {}` for ±{}", flag(*needed), Ratio::of(Self::WIDE))
            }
            Self::NoInterval { needed: Some(needed), .. } => {
                format!("try `--duration {}`, or a smaller `--output-tokens`", flag(*needed))
            }
            Self::NoInterval { needed: None, .. } => {
                "try a longer `--duration`, or a smaller `--output-tokens`".to_owned()
            }
            Self::NotSteady { .. } => {
                "try a longer `--warmup`, then a longer `--duration`; look for heat, and for others \
                 at work on this machine"
                    .to_owned()
            }
            Self::Failed { .. } => {
                "try a smaller `--concurrency`, or a shorter `--prompt-tokens`".to_owned()
            }
            Self::Slip { .. } => "try a smaller `--concurrency`, or leave a core free".to_owned(),
            Self::LengthsNotAsPlanned { mean, .. } => {
                format!("try `--output-tokens {}`, the mean of what came", mean.0)
            }
            Self::CountsDisagree { .. } => {
                "read the gaps between tokens as gaps between chunks; no flag changes that".to_owned()
            }
            Self::FewForPercentile { needed: Some(needed), .. } => {
                format!("try `--duration {}`", flag(*needed))
            }
            Self::FewForPercentile { needed: None, .. } => "try a longer `--duration`".to_owned(),
        }
    }
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NothingMeasured => write!(f, "nothing was measured: the warm-up never ended"),
            Self::Incomplete { outcome, lasted, planned, torn } => {
                let how = match outcome {
                    None => "was killed",
                    Some(Outcome::Interrupted) => "was stopped",
                    Some(Outcome::Saturated) => "stopped as the target fell ever further behind",
                    Some(Outcome::Failed(_)) => "failed",
                    Some(Outcome::Complete) => "ended",
                };
                write!(f, "the run {how} after measuring for {lasted:.1} of {planned:.1}")?;
                if let Some(Outcome::Failed(reason)) = outcome {
                    write!(f, ": {reason}")?;
                }
                if *torn > Bytes(0) {
                    write!(f, "; the last {torn} of its journal are half a line")?;
                }
                Ok(())
            }
            Self::Cold => {
                write!(f, "no request ended before measuring began: it holds the warm-up")
            }
            Self::TooShort { relative_error, .. } => {
                write!(f, "the output rate is only known to ±{relative_error:.0}")
            }
            Self::NoInterval { completions: 0, .. } => {
                write!(f, "no request ended while measuring: there is no rate")
            }
            Self::NoInterval { completions, .. } => {
                let requests = if *completions == 1 { "request" } else { "requests" };
                write!(f, "{completions} {requests} ended while measuring, too few for an interval")
            }
            Self::NotSteady { autocorrelation } => write!(
                f,
                "the output rate drifts: neighbouring stretches of the run correlate by {:.2}, so it \
                 has no interval",
                autocorrelation.get()
            ),
            Self::Failed { share, reason } => {
                write!(f, "{share:.1} of the requests failed, the first with: {reason}")
            }
            Self::Slip { p99, limit } => write!(
                f,
                "requests were sent up to {} late, more than {}: latencies hold some of it",
                millis(*p99),
                millis(*limit)
            ),
            Self::LengthsNotAsPlanned { share, .. } => {
                write!(f, "{share:.0} of the outputs have another length than was asked for")
            }
            Self::CountsDisagree { counted, seen } => {
                write!(f, "the target counts {counted}, {} were seen to come", seen.0)
            }
            Self::FewForPercentile { percentile, samples, .. } => write!(
                f,
                "{samples} requests are too few for a {percentile} of the time to first token: it \
                 takes {}",
                percentile.least_samples()
            ),
        }
    }
}

/// A length of time as a flag takes it, rounded up: `95s`, `4min`, `3h`.
fn flag(time: Seconds) -> String {
    let (unit, name) = match time.0 {
        seconds if seconds <= 120.0 => (1.0, "s"),
        seconds if seconds <= 7_200.0 => (60.0, "min"),
        _ => (crate::units::SECONDS_PER_HOUR, "h"),
    };
    format!("{}{name}", (time.0 / unit).ceil())
}

fn millis(time: Seconds) -> String {
    format!("{:.1} ms", time.0 * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(doubt: &Doubt, facts: &str, advice: &str) {
        assert_eq!((doubt.to_string().as_str(), doubt.advice().as_str()), (facts, advice));
    }

    #[test]
    fn a_doubt_says_what_is_wrong_and_what_to_try() {
        check(
            &Doubt::TooShort { relative_error: Ratio::of(0.182), needed: Seconds(232.0) },
            "the output rate is only known to ±18%",
            "try `--duration 4min` for ±5%",
        );
        check(
            &Doubt::NoInterval { completions: 1, needed: Some(Seconds(94.2)) },
            "1 request ended while measuring, too few for an interval",
            "try `--duration 95s`, or a smaller `--output-tokens`",
        );
        check(
            &Doubt::Incomplete {
                outcome: None,
                lasted: Seconds(3.25),
                planned: Seconds(20.0),
                torn: Bytes(17),
            },
            "the run was killed after measuring for 3.2 s of 20.0 s; the last 17 B of its journal \
             are half a line",
            "run it again to its end, or ask for less with `--duration`",
        );
        check(
            &Doubt::Slip { p99: Seconds(0.0125), limit: Seconds(0.001) },
            "requests were sent up to 12.5 ms late, more than 1.0 ms: latencies hold some of it",
            "try a smaller `--concurrency`, or leave a core free",
        );
        check(
            &Doubt::FewForPercentile {
                percentile: Percentile::P99,
                samples: 23,
                needed: Some(Seconds(8_000.0)),
            },
            "23 requests are too few for a p99 of the time to first token: it takes 100",
            "try `--duration 3h`",
        );
    }

    #[test]
    fn a_flags_time_is_read_back_and_not_less() {
        for time in [0.2, 94.2, 120.0, 121.0, 7_199.0, 9_000.0] {
            let read: Seconds = flag(Seconds(time)).parse().unwrap();
            assert!(read.0 >= time, "{time}: {read}");
        }
    }
}
