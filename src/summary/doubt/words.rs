//! What is wrong, in words.

use super::Doubt;
use crate::record::Outcome;
use crate::units::{Bytes, Seconds};
use std::fmt::{Display, Formatter, Result};

impl Display for Doubt {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NothingMeasured => write!(f, "nothing was measured: the warm-up never ended"),
            Self::Incomplete { outcome, lasted, planned, torn } => {
                incomplete(f, outcome.as_ref(), (*lasted, *planned), *torn)
            }
            Self::Restarted => write!(f, "the server began anew while it was measured"),
            Self::CacheWarm { hits, planned } => write!(
                f,
                "{hits:.0} of the prompt tokens were in the server's prefix cache, {planned:.0} were \
                 meant to be"
            ),
            Self::ClientBusy { busy } => write!(
                f,
                "the generator used {busy:.0} of its cores: the server may have waited for it"
            ),
            Self::Slip { p99, limit, .. } => write!(
                f,
                "requests were sent up to {} late, more than {}: latencies hold some of it",
                millis(*p99),
                millis(*limit)
            ),
            Self::LittlesLaw { in_flight, explained } => write!(
                f,
                "{in_flight:.1} requests were in flight, but those that ended explain \
                 {explained:.1}: some are not counted"
            ),
            Self::LoadNotKept { in_flight, planned } => write!(
                f,
                "{in_flight:.1} requests were in flight in the mean, {planned} were to be"
            ),
            Self::Saturated { behind } => write!(
                f,
                "the server falls behind by {behind:.0} of the requests that come: latencies only \
                 tell how long the run was"
            ),
            Self::Failed { share, reason } => {
                write!(f, "{share:.1} of the requests failed, the first with: {reason}")
            }
            Self::Throttled { gpu, share } => {
                write!(f, "GPU {gpu} was throttled in {share:.0} of the time")
            }
            Self::ClockFell { gpu, share } => write!(
                f,
                "the clock of GPU {gpu} was more than 5% under its median in {share:.0} of the time"
            ),
            Self::NotAlone { server, ours } => write!(
                f,
                "the server counts {server} of output, {} were ours: it served others too",
                ours.0
            ),
            Self::LengthsNotAsPlanned { share, .. } => {
                write!(f, "{share:.0} of the outputs have another length than was asked for")
            }
            Self::NotCounted { share } => write!(
                f,
                "the server doesn't count the tokens of {share:.0} of the requests: chunks stand \
                 for tokens"
            ),
            Self::TokenizerDisagrees { counted, recounted } => write!(
                f,
                "the server counts {counted}, a tokenizer of our own counts {}",
                recounted.0
            ),
            Self::CountsDisagree { counted, seen } => {
                write!(f, "the target counts {counted}, {} were seen to come", seen.0)
            }
            Self::Cold => {
                write!(f, "no request ended before measuring began: it holds the warm-up")
            }
            Self::NeverSettled => {
                write!(f, "the output rate changed in the second half of the run: it never settled")
            }
            Self::EndDiffers { last } => {
                write!(f, "the output rate differs in the last {last:.1} of the run")
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
            Self::FewForPercentile { percentile, samples, .. } => write!(
                f,
                "{samples} requests are too few for a {percentile} of the time to first token: it \
                 takes {}",
                percentile.least_samples()
            ),
        }
    }
}

fn incomplete(
    f: &mut Formatter<'_>,
    outcome: Option<&Outcome>,
    (lasted, planned): (Seconds, Seconds),
    torn: Bytes,
) -> Result {
    let how = match outcome {
        None => "was killed",
        Some(Outcome::Interrupted) => "was stopped",
        Some(Outcome::Saturated) => "was stopped as the target fell ever further behind",
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::Complete) => "ended",
    };
    write!(f, "the run {how} after measuring for {lasted:.1} of {planned:.1}")?;
    if let Some(Outcome::Failed(reason)) = outcome {
        write!(f, ": {reason}")?;
    }
    if torn > Bytes(0) {
        write!(f, "; the last {torn} of its journal are half a line")?;
    }
    Ok(())
}

fn millis(time: Seconds) -> String {
    format!("{:.1} ms", time.0 * 1e3)
}

#[cfg(test)]
mod tests {
    use super::super::{Percentile, Verdict};
    use super::*;
    use crate::units::{Ratio, Tokens};

    #[track_caller]
    fn check(doubt: &Doubt, facts: &str, advice: &str) {
        assert_eq!((doubt.to_string().as_str(), doubt.advice().as_str()), (facts, advice));
    }

    #[test]
    fn the_gravest_doubt_makes_the_verdict() {
        let failed = |share| Doubt::Failed { share: Ratio::of(share), reason: String::new() };
        let few = Doubt::CountsDisagree { counted: Tokens(2), seen: Tokens(1) };
        assert_eq!(Verdict::of(&[]), Verdict::Valid);
        assert_eq!(Verdict::of(&[few.clone(), failed(0.01)]), Verdict::Valid);
        assert_eq!(Verdict::of(&[failed(0.011), few.clone()]), Verdict::Doubtful);
        assert_eq!(Verdict::of(&[few, failed(0.11), Doubt::Cold]), Verdict::Void);
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
            &Doubt::Slip { p99: Seconds(0.0125), limit: Seconds(0.001), proven: true },
            "requests were sent up to 12.5 ms late, more than 1.0 ms: latencies hold some of it",
            "try a smaller `--concurrency` or `--rate`, or leave a core free",
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
}
