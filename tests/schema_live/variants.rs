//! Every value of the enums that documents hold, for those that no run at hand brings about.
//!
//! Invariant: none is missing. The `match` beside each list names every variant, so a new one does
//! not compile until somebody has come here.

use mtok::cost::{Answer, Kind, Slip};
use mtok::record::reading::Throttle;
use mtok::record::{Failure, FailureKind, Finish, Outcome};
use mtok::report::ModelCard;
use mtok::summary::{Doubt, Goodput, Percentile};
use mtok::units::{Bytes, Ratio, Seconds, Tokens};
use serde::Serialize;
use serde_json::Value;

use crate::journal::{REASONS, header};

fn written(values: impl IntoIterator<Item = impl Serialize>) -> Vec<Value> {
    values.into_iter().map(|value| serde_json::to_value(value).unwrap()).collect()
}

fn reason() -> String {
    "out of memory".to_owned()
}

/// How a run can end.
pub(crate) fn outcomes() -> Vec<Value> {
    let all = [
        Outcome::Complete,
        Outcome::Interrupted,
        Outcome::Saturated,
        Outcome::Failed(reason()),
    ];
    match all[0] {
        Outcome::Complete | Outcome::Interrupted | Outcome::Saturated | Outcome::Failed(_) => {
            written(all)
        },
    }
}

/// How a request can end.
pub(crate) fn finishes() -> Vec<Value> {
    let all = [Finish::Length, Finish::Stop, Finish::Cancelled, Finish::Failed(Failure::new(FailureKind::Engine, reason()))];
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
        Doubt::Cold,
        Doubt::TooShort { relative_error: share, needed: time },
        Doubt::NoInterval { completions: 0, needed: None },
        Doubt::NoInterval { completions: 3, needed: Some(time) },
        Doubt::NotSteady { autocorrelation: share },
        Doubt::Failed { share, reason: reason() },
        Doubt::Slip { p99: time, limit: Seconds(0.001) },
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
        | Doubt::Cold
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
