//! Every value of the enums that documents hold, for those that no run at hand brings about.
//!
//! Invariant: none is missing. The `match` beside each list names every variant, so a new one does
//! not compile until somebody has come here.

use mtok::cost::{Answer, Finding, Kind, LevelRepeats, Slip};
use mtok::record::reading::Throttle;
use mtok::record::{Arrivals, Failure, FailureKind, Finish, Lengths, Level, Outcome, Phase};
use mtok::report::ModelCard;
use mtok::summary::{
    Coefficient, Doubt, Fit, Goodput, Percentile, Repeated, Repeats, RequestFit, StepFit, Term,
    Verdict,
};
use mtok::units::{
    Bytes, Estimate, Quantity, Ratio, RequestsPerSecond, Seconds, Tokens, TokensPerSecond,
};
use serde::Serialize;
use serde_json::Value;

use crate::journal::{REASONS, header};

pub(crate) fn written(values: impl IntoIterator<Item = impl Serialize>) -> Vec<Value> {
    values.into_iter().map(|value| serde_json::to_value(value).unwrap()).collect()
}

fn reason() -> String {
    "out of memory".to_owned()
}

/// How a run can end.
pub(crate) fn outcomes() -> Vec<Value> {
    let all =
        [Outcome::Complete, Outcome::Interrupted, Outcome::Saturated, Outcome::Failed(reason())];
    match all[0] {
        Outcome::Complete | Outcome::Interrupted | Outcome::Saturated | Outcome::Failed(_) => {
            written(all)
        }
    }
}

/// When requests can be due.
pub(crate) fn arrivals() -> Vec<Value> {
    use Arrivals as A;
    let rate = RequestsPerSecond(2.5);
    let all = [
        A::Closed { in_flight: 4 },
        A::Constant { rate },
        A::Poisson { rate },
        A::Gamma { rate, cv: Ratio::of(2.0) },
        A::Trace { requests: 1_000, rate },
    ];
    match all[0] {
        A::Closed { .. }
        | A::Constant { .. }
        | A::Poisson { .. }
        | A::Gamma { .. }
        | A::Trace { .. } => written(all),
    }
}

/// How many tokens prompts and outputs can have.
pub(crate) fn lengths() -> Vec<Value> {
    let (few, some, many) = (Tokens(16), Tokens(128), Tokens(1_024));
    let all = [
        Lengths::Fixed { tokens: some },
        Lengths::Uniform { min: few, max: many },
        Lengths::Lognormal { median: some, sigma: Ratio::of(0.8), max: many },
        Lengths::Empirical { mean: some },
    ];
    match all[0] {
        Lengths::Fixed { .. }
        | Lengths::Uniform { .. }
        | Lengths::Lognormal { .. }
        | Lengths::Empirical { .. } => written(all),
    }
}

/// How much can be asked.
pub(crate) fn levels() -> Vec<Value> {
    let all = [Level::InFlight(8), Level::Rate(RequestsPerSecond(2.5))];
    match all[0] {
        Level::InFlight(_) | Level::Rate(_) => written(all),
    }
}

/// What a part of a run can be for.
pub(crate) fn phases() -> Vec<Value> {
    let all = [Phase::WarmUp, Phase::Measure, Phase::CoolDown, Phase::Drain];
    match all[0] {
        Phase::WarmUp | Phase::Measure | Phase::CoolDown | Phase::Drain => written(all),
    }
}

/// Kinds of failures.
pub(crate) const FAILURES: [FailureKind; 8] = [
    FailureKind::Engine,
    FailureKind::Connect,
    FailureKind::TimeOut,
    FailureKind::RateLimited,
    FailureKind::Refused,
    FailureKind::Server,
    FailureKind::BrokenStream,
    FailureKind::Malformed,
];

/// Why a request can fail.
pub(crate) fn failures() -> Vec<Value> {
    match FAILURES[0] {
        FailureKind::Engine
        | FailureKind::Connect
        | FailureKind::TimeOut
        | FailureKind::RateLimited
        | FailureKind::Refused
        | FailureKind::Server
        | FailureKind::BrokenStream
        | FailureKind::Malformed => written(FAILURES.map(|kind| Failure::new(kind, reason()))),
    }
}

/// The same in the words of an export.
pub(crate) fn failure_words() -> Vec<Value> {
    written(FAILURES.map(FailureKind::word))
}

/// How a request can end, in the words of an export: those of its record, without a reason.
pub(crate) fn finish_words() -> Vec<Value> {
    let word = |finish: Value| match finish {
        Value::Object(failed) => failed.keys().next().unwrap().as_str().into(),
        word => word,
    };
    finishes().into_iter().map(word).collect()
}

/// How a request can end.
pub(crate) fn finishes() -> Vec<Value> {
    let failed = Finish::Failed(Failure::new(FailureKind::Engine, reason()));
    let all = [Finish::Length, Finish::Stop, Finish::Cancelled, failed];
    match all[0] {
        Finish::Length | Finish::Stop | Finish::Cancelled | Finish::Failed(_) => written(all),
    }
}

/// What can hold clocks down.
pub(crate) fn throttles() -> Vec<Value> {
    match REASONS[0] {
        Throttle::GpuIdle
        | Throttle::ApplicationsClocksSetting
        | Throttle::SwPowerCap
        | Throttle::HwSlowdown
        | Throttle::SyncBoost
        | Throttle::SwThermalSlowdown
        | Throttle::HwThermalSlowdown
        | Throttle::HwPowerBrakeSlowdown
        | Throttle::DisplayClockSetting
        | Throttle::Other(_) => written(REASONS),
    }
}

/// What a difference can mean.
pub(crate) fn findings() -> Vec<Value> {
    use Finding as F;
    let all = [F::Tie, F::Better, F::Worse, F::CantTell, F::OtherMachine];
    match all[0] {
        F::Tie | F::Better | F::Worse | F::CantTell | F::OtherMachine => written(all),
    }
}

/// Whether a run's figures can be used.
pub(crate) fn verdicts() -> Vec<Value> {
    let all = [Verdict::Valid, Verdict::Doubtful, Verdict::Void];
    match all[0] {
        Verdict::Valid | Verdict::Doubtful | Verdict::Void => written(all),
    }
}

/// Whether an objective was kept to.
pub(crate) fn answers() -> Vec<Value> {
    let all = [Answer::Met, Answer::Missed, Answer::CantTell];
    match all[0] {
        Answer::Met | Answer::Missed | Answer::CantTell => written(all),
    }
}

/// What an objective can be about.
pub(crate) fn latency_kinds() -> Vec<Value> {
    let all = [Kind::Ttft, Kind::Tpot, Kind::E2e];
    match all[0] {
        Kind::Ttft | Kind::Tpot | Kind::E2e => written(all),
    }
}

/// The percentiles that are reported.
pub(crate) fn percentiles() -> Vec<Value> {
    match Percentile::P50 {
        Percentile::P50 | Percentile::P90 | Percentile::P95 | Percentile::P99 => {
            written(Percentile::ALL)
        }
    }
}

/// Goodput of a run in which too few requests ended for a rate.
pub(crate) fn goodputs() -> Vec<Value> {
    written([Goodput { judged: 1, met: 1, rate: None }])
}

/// What can speak against a run.
pub(crate) fn doubts() -> Vec<Value> {
    let (share, time) = (Ratio::percent(12.5), Seconds(2.5));
    let few = |percentile, needed| Doubt::FewForPercentile { percentile, samples: 3, needed };
    let incomplete = |outcome| {
        let (lasted, planned, torn) = (time, Seconds(40.0), Bytes(17));
        Doubt::Incomplete { outcome, lasted, planned, torn }
    };
    let all = [
        Doubt::NothingMeasured,
        incomplete(None),
        incomplete(Some(Outcome::Interrupted)),
        Doubt::Restarted,
        Doubt::CacheWarm { hits: share, planned: share },
        Doubt::ClientBusy { busy: share },
        Doubt::LittlesLaw { in_flight: 8.0, explained: 6.5 },
        Doubt::LoadNotKept { in_flight: 6.5, planned: 8 },
        Doubt::Saturated { behind: share },
        Doubt::Cold,
        Doubt::NeverSettled,
        Doubt::EndDiffers { last: time },
        Doubt::Throttled { gpu: 0, share },
        Doubt::ClockFell { gpu: 0, share },
        Doubt::NotAlone { server: Tokens(8), ours: Tokens(7) },
        Doubt::NotCounted { share },
        Doubt::TokenizerDisagrees { counted: Tokens(8), recounted: Tokens(7) },
        Doubt::TooShort { relative_error: share, needed: time },
        Doubt::NoInterval { completions: 0, needed: None },
        Doubt::NoInterval { completions: 3, needed: Some(time) },
        Doubt::NotSteady { autocorrelation: share },
        Doubt::Failed { share, reason: reason() },
        Doubt::Slip { p99: time, limit: Seconds(0.001), proven: false },
        Doubt::LengthsNotAsPlanned { share, mean: Tokens(7) },
        Doubt::CountsDisagree { counted: Tokens(8), seen: Tokens(7) },
        few(Percentile::P50, None),
        few(Percentile::P90, Some(time)),
        few(Percentile::P95, Some(time)),
        few(Percentile::P99, Some(time)),
    ];
    match all[0] {
        Doubt::NothingMeasured
        | Doubt::Incomplete { .. }
        | Doubt::Restarted
        | Doubt::CacheWarm { .. }
        | Doubt::ClientBusy { .. }
        | Doubt::LittlesLaw { .. }
        | Doubt::LoadNotKept { .. }
        | Doubt::Saturated { .. }
        | Doubt::Cold
        | Doubt::NeverSettled
        | Doubt::EndDiffers { .. }
        | Doubt::Throttled { .. }
        | Doubt::ClockFell { .. }
        | Doubt::NotAlone { .. }
        | Doubt::NotCounted { .. }
        | Doubt::TokenizerDisagrees { .. }
        | Doubt::TooShort { .. }
        | Doubt::NoInterval { .. }
        | Doubt::NotSteady { .. }
        | Doubt::Failed { .. }
        | Doubt::Slip { .. }
        | Doubt::LengthsNotAsPlanned { .. }
        | Doubt::CountsDisagree { .. }
        | Doubt::FewForPercentile { .. } => written(all),
    }
}

/// What a coefficient can be the time of.
const TERMS: [Term; 6] = [
    Term::Step,
    Term::Prompt,
    Term::PromptContext,
    Term::Sequence,
    Term::SequenceContext,
    Term::Context,
];

/// The same, as written.
pub(crate) fn terms() -> Vec<Value> {
    match TERMS[0] {
        Term::Step
        | Term::Prompt
        | Term::PromptContext
        | Term::Sequence
        | Term::SequenceContext
        | Term::Context => written(TERMS),
    }
}

/// A fit of more samples than a run at hand has.
fn fit() -> Fit {
    let coefficients = vec![Coefficient { term: Term::Step, time: Seconds(0.004) }];
    let (error, held_out_error) = (Ratio::percent(3.0), Ratio::percent(3.5));
    let undetermined = vec![Term::Sequence];
    let held_out_median = Ratio::percent(2.5);
    Fit {
        fitted: 40,
        held_out: 10,
        coefficients,
        undetermined,
        error,
        held_out_error,
        held_out_median,
    }
}

/// Fits of an engine's steps: of each kind, and of none.
pub(crate) fn step_fits() -> Vec<Value> {
    let of = |fit: Option<Fit>| StepFit { prefill: fit.clone(), decode: fit.clone(), mixed: fit };
    written([of(Some(fit())), of(None)])
}

/// Fits of a server's requests: of each kind, and of none.
pub(crate) fn request_fits() -> Vec<Value> {
    let of = |fit: Option<Fit>| RequestFit { prefill: fit.clone(), decode: fit };
    written([of(Some(fit())), of(None)])
}

/// A load that was run more than once: with every figure, with few runs that have one, with none.
pub(crate) fn level_repeats() -> Vec<Value> {
    fn several<Q: Quantity>(mean: f64) -> Repeated<Q> {
        let half = Q::of(0.1 * mean);
        let spread = Some(Ratio::percent(3.0));
        let mean = Estimate::within(Q::of(mean), half);
        Repeated { runs: 3, mean, within: Some(half), spread, differ: Some(false) }
    }
    fn one<Q: Quantity>(mean: f64) -> Repeated<Q> {
        let mean = Estimate::bare(Q::of(mean));
        Repeated { runs: 1, mean, within: None, spread: None, differ: None }
    }
    fn figures(
        rate: Option<Repeated<TokensPerSecond>>,
        time: Option<Repeated<Seconds>>,
    ) -> LevelRepeats {
        let figures = Repeats {
            runs: 3,
            void: 1,
            output_rate: rate,
            total_rate: rate,
            ttft_p50: time,
            ttft_p99: time,
            tpot_p50: time,
            e2e_p50: time,
        };
        LevelRepeats { level: Level::InFlight(8), figures }
    }
    written([
        figures(Some(several(100.0)), Some(several(0.5))),
        figures(Some(one(100.0)), Some(one(0.5))),
        figures(None, None),
    ])
}

/// What can explain a wrong figure.
pub(crate) fn slips() -> Vec<Value> {
    use Slip as S;
    let all = [
        S::PerThousand,
        S::PerToken,
        S::BillOfThousands,
        S::BillOfOnes,
        S::TimesThousand,
        S::TimesMillion,
        S::HourForSecond,
        S::SecondForHour,
        S::HourForMinute,
        S::MinuteForHour,
        S::GpuForNode(8),
        S::NodeForGpu(8),
        S::LoadForgotten,
        S::LoadTwice,
        S::Cents,
        S::Dollars,
        S::Inverted,
        S::Exchanged,
        S::InputOnly,
        S::OutputOnly,
        S::InputAtOutputPrice,
        S::AllAtInputPrice,
        S::AllAtOutputPrice,
    ];
    match all[0] {
        S::PerThousand
        | S::PerToken
        | S::BillOfThousands
        | S::BillOfOnes
        | S::TimesThousand
        | S::TimesMillion
        | S::HourForSecond
        | S::SecondForHour
        | S::HourForMinute
        | S::MinuteForHour
        | S::GpuForNode(_)
        | S::NodeForGpu(_)
        | S::LoadForgotten
        | S::LoadTwice
        | S::Cents
        | S::Dollars
        | S::Inverted
        | S::Exchanged
        | S::InputOnly
        | S::OutputOnly
        | S::InputAtOutputPrice
        | S::AllAtInputPrice
        | S::AllAtOutputPrice => written(all),
    }
}

/// The card of a file that no manifest knows, and of which little else is known.
pub(crate) fn bare_model() -> Value {
    let card = ModelCard {
        schema: "mtok.model/1",
        name: "some.gguf".to_owned(),
        title: None,
        licence: None,
        sha256: None,
        read: true,
        shape: header("run.json").model.shape.unwrap(),
        not_runnable: Some("the engine has no code for it".to_owned()),
        caveats: vec!["sliding windows are read as whole contexts".to_owned()],
        chat: Some(false),
        note: Some("a note".to_owned()),
    };
    serde_json::to_value(card).unwrap()
}
