//! What to try, for each doubt: a flag of `mtok bench` where one helps.

use super::Doubt;
use crate::units::{Ratio, Seconds};

impl Doubt {
    /// What to try.
    pub fn advice(&self) -> String {
        let words = match self {
            Self::TooShort { needed, .. } => {
                return format!(
                    "try `--duration {}` for ±{}",
                    flag(*needed),
                    Ratio::of(Self::WIDE)
                );
            }
            Self::NoInterval { needed: Some(needed), .. } => {
                return format!(
                    "try `--duration {}`, or a smaller `--output-tokens`",
                    flag(*needed)
                );
            }
            Self::LengthsNotAsPlanned { mean, .. } => {
                return format!("try `--output-tokens {}`, the mean of what came", mean.0);
            }
            Self::FewForPercentile { needed: Some(needed), .. } => {
                return format!("try `--duration {}`", flag(*needed));
            }
            other => other.fixed_advice(),
        };
        words.to_owned()
    }

    fn fixed_advice(&self) -> &'static str {
        match self {
            Self::NothingMeasured => {
                "try a shorter `--warmup`, or shorter requests: `--prompt-tokens`, `--output-tokens`"
            }
            Self::Incomplete { .. } => "run it again to its end, or ask for less with `--duration`",
            Self::Restarted => "see why it ended, then run it again",
            Self::CacheWarm { .. } => {
                "try another `--seed`, or a workload that shares nothing; or empty the server's cache"
            }
            Self::ClientBusy { .. } => {
                "try a smaller `--concurrency` or `--rate`, or run this program on another machine \
                 than the server's"
            }
            Self::Slip { .. } => "try a smaller `--concurrency` or `--rate`, or leave a core free",
            Self::LittlesLaw { .. } => {
                "try a longer `--duration`; requests that never end are not in the latencies"
            }
            Self::LoadNotKept { .. } => {
                "try a smaller `--concurrency`, or look for what the server refuses"
            }
            Self::Saturated { .. } => "try a smaller `--rate`, or `--concurrency` in its place",
            Self::Failed { .. } => "try a smaller `--concurrency`, or a shorter `--prompt-tokens`",
            Self::Cold => "try `--warmup 5s`",
            Self::NeverSettled | Self::EndDiffers { .. } | Self::NotSteady { .. } => {
                "try a longer `--warmup`, then a longer `--duration`; look for heat, and for others \
                 at work on this machine"
            }
            Self::Throttled { .. } | Self::ClockFell { .. } => {
                "cool it, or raise its power limit; a longer `--warmup` measures it warm"
            }
            Self::NotAlone { .. } => "run it again when nobody else uses the server",
            Self::NotCounted { .. } => {
                "take its rates for chunks a second; a server that gives `usage` in its stream tells \
                 tokens"
            }
            Self::TokenizerDisagrees { .. } => {
                "check that `--tokenizer` is the served model's; the server's count is used"
            }
            Self::CountsDisagree { .. } => {
                "read the gaps between tokens as gaps between chunks; no flag changes that"
            }
            Self::NoInterval { .. } => "try a longer `--duration`, or a smaller `--output-tokens`",
            Self::TooShort { .. }
            | Self::LengthsNotAsPlanned { .. }
            | Self::FewForPercentile { .. } => "try a longer `--duration`",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flags_time_is_read_back_and_not_less() {
        for time in [0.2, 94.2, 120.0, 121.0, 7_199.0, 9_000.0] {
            let read: Seconds = flag(Seconds(time)).parse().unwrap();
            assert!(read.0 >= time, "{time}: {read}");
        }
    }
}
