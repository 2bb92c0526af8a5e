//! What is wrong with a run, how grave that is, and what to try.
//!
//! Invariant: a figure is never made to look better for a doubt; the doubt stands beside it, with its
//! facts typed and the flag that would settle it (`advice.rs`). Which doubts a run raises is decided in
//! `check/`; the gravest makes the verdict: [`Doubt::gravity`]. Guarded by a table in `words.rs` and by
//! a run for each doubt in `check/tests.rs`.

mod advice;
mod words;

use super::percentile::Percentile;
use crate::record::Outcome;
use crate::units::{Bytes, Ratio, Seconds, Tokens};
use serde::Serialize;

/// Whether a run's figures can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that matters speaks against them.
    Valid,
    /// They may be off by more than their intervals say.
    Doubtful,
    /// They are not those of what was to be measured: no price should be made from them.
    Void,
}

impl Verdict {
    /// That of the gravest doubt.
    pub fn of(doubts: &[Doubt]) -> Self {
        doubts.iter().map(Doubt::gravity).max().unwrap_or(Self::Valid)
    }

    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Doubtful => "doubtful",
            Self::Void => "void",
        }
    }
}

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
    /// The server began anew while it was measured: a counter fell, or its start moved.
    Restarted,
    /// Prompts were found in a prefix cache that were not meant to be.
    CacheWarm {
        /// Which share of the prompt tokens was.
        hits: Ratio,
        /// Which share was meant to be.
        planned: Ratio,
    },
    /// The generator's own process was short of processor time.
    ClientBusy {
        /// Its share of the cores that it may use.
        busy: Ratio,
    },
    /// The generator was late, so latencies hold some of its own time.
    Slip {
        /// How late, at the 99th percentile.
        p99: Seconds,
        /// How late it may be.
        limit: Seconds,
        /// Whether this shows that the generator could not keep up: at least a hundred requests say
        /// so, and it was not the engine in this process that took its cores.
        proven: bool,
    },
    /// Requests in flight are not arrivals times stay: some are not counted.
    LittlesLaw {
        /// The mean number in flight.
        in_flight: f64,
        /// The rate of those that ended times the mean time that they stayed.
        explained: f64,
    },
    /// Fewer were in flight than were to be: the generator didn't keep its load up.
    LoadNotKept {
        /// The mean number in flight.
        in_flight: f64,
        /// How many were to be.
        planned: u32,
    },
    /// The server takes fewer requests than come: its queue grows for as long as the run lasts.
    Saturated {
        /// By which share of the arrivals it falls behind.
        behind: Ratio,
    },
    /// Requests failed.
    Failed {
        /// Which share of those due.
        share: Ratio,
        /// What the first said.
        reason: String,
    },
    /// No request ended well before the measuring began.
    Cold,
    /// The output rate changed in the second half of the measured time.
    NeverSettled,
    /// The output rate changes towards the end.
    EndDiffers {
        /// So long before it.
        last: Seconds,
    },
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
    /// A GPU's clocks were held down.
    Throttled {
        /// Which GPU, as NVML counts.
        gpu: u32,
        /// For which share of the time.
        share: Ratio,
    },
    /// A GPU's clock fell under its own median.
    ClockFell {
        /// Which GPU, as NVML counts.
        gpu: u32,
        /// For which share of the time it was more than 5 % under it.
        share: Ratio,
    },
    /// The server counts more tokens than it gave to this run: it served others too.
    NotAlone {
        /// Output tokens that it counts.
        server: Tokens,
        /// Output tokens of this run.
        ours: Tokens,
    },
    /// Outputs ended before, or after, the length that was asked for.
    LengthsNotAsPlanned {
        /// Which share of those that ended well.
        share: Ratio,
        /// The mean length that they had.
        mean: Tokens,
    },
    /// The target doesn't say how many tokens it made: chunks were counted.
    NotCounted {
        /// For which share of the requests that ended well.
        share: Ratio,
    },
    /// A tokenizer of our own cuts the outputs into other numbers than the target counts.
    TokenizerDisagrees {
        /// By the target's count.
        counted: Tokens,
        /// By our own.
        recounted: Tokens,
    },
    /// The target counts other tokens than were seen to come, and doesn't say which chunk holds
    /// how many.
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

    /// A run of which more requests fail is another workload than was asked for.
    const MOST_FAILED: f64 = 0.1;

    /// Fewer failures than this change no figure by as much as it errs.
    const FEW_FAILED: f64 = 0.01;

    /// How much it weighs.
    ///
    /// Void: what was measured is not what was asked for. The generator was the bottleneck, the
    /// work was not done (found in a cache, failed), or the counts don't add up. Doubtful: it is, but
    /// the figures may be off by more than they say. Valid: a remark, that what isn't printed was not
    /// earned, or how to read what is.
    pub fn gravity(&self) -> Verdict {
        match self {
            Self::NothingMeasured
            | Self::Restarted
            | Self::CacheWarm { .. }
            | Self::ClientBusy { .. }
            | Self::Slip { proven: true, .. }
            | Self::LittlesLaw { .. } => Verdict::Void,
            Self::Failed { share, .. } if share.get() > Self::MOST_FAILED => Verdict::Void,
            Self::Failed { share, .. } if share.get() <= Self::FEW_FAILED => Verdict::Valid,
            // A saturated server's rate is its capacity; its latencies say how long the run was.
            Self::Saturated { .. }
            | Self::Failed { .. }
            | Self::Incomplete { .. }
            | Self::LoadNotKept { .. }
            | Self::Cold
            | Self::NeverSettled
            | Self::EndDiffers { .. }
            | Self::TooShort { .. }
            | Self::NoInterval { .. }
            | Self::NotSteady { .. }
            | Self::Throttled { .. }
            | Self::ClockFell { .. }
            | Self::NotAlone { .. }
            | Self::Slip { proven: false, .. }
            | Self::LengthsNotAsPlanned { .. }
            | Self::NotCounted { .. }
            | Self::TokenizerDisagrees { .. } => Verdict::Doubtful,
            Self::CountsDisagree { .. } | Self::FewForPercentile { .. } => Verdict::Valid,
        }
    }

    /// Whether it takes the meaning from latencies while rates keep theirs.
    pub fn voids_latencies(&self) -> bool {
        matches!(self, Self::Saturated { .. })
    }
}
