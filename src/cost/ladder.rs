//! A ladder judged: one model under rising loads, and where to run it.
//!
//! Invariant: whatever is chosen is one of the rungs, came to its planned end and is not below its
//! floor; and no other such rung is cheaper by more than the two rates' errors. Guarded by
//! `ladder/tests.rs`.
//!
//! The words are those of `COST_MODEL.md` section 1: a rung is an operating point of its own. The
//! knee is the lowest level that reaches 90 % of the ladder's highest rate: beyond it, more load buys
//! waiting and hardly a token.

#[cfg(test)]
mod tests;

use super::{Answer, CostAtLoad, Judgement, MachinePrice, Roofline, Slo, SloVerdict};
use crate::record::{Header, Level};
use crate::summary::{Doubt, Repeats, Verdict, repeats};
use crate::units::{Estimate, Quantity, Ratio, Seconds, TokensPerSecond};
use serde::Serialize;

/// The share of the highest rate that the knee has.
const KNEE: Ratio = Ratio::percent(90.0);

/// A ladder judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ladder {
    /// The form of this document: `mtok.ladder/1`.
    pub schema: &'static str,
    /// The sweep's name; `None`: no rung is on record.
    pub name: Option<String>,
    /// How many rungs there were to be.
    pub planned: Option<u32>,
    /// What ran on what: the head of the first rung's record. `None`: no rung is on record.
    pub run: Option<Header>,
    /// What the machine costs; `None` where nobody says.
    pub price: Option<MachinePrice>,
    /// What latencies shall keep to; `None`: nothing was asked.
    pub slo: Option<Slo>,
    /// The rungs that are on record, the lowest level first.
    pub rungs: Vec<Rung>,
    /// The loads that were run more than once: how much the runs differ.
    pub repeats: Vec<LevelRepeats>,
    /// Where more in flight stops paying; `None`: fewer than two rungs have a rate.
    pub knee: Option<Knee>,
    /// The level of the cheapest rung; of those that can't be told from it, the lowest.
    pub cheapest: Option<Level>,
    /// The same among the rungs that are known to keep to the objectives, where there are any.
    pub cheapest_within_slo: Option<Level>,
    /// The operating point: the cheapest rung, within the objectives where there are any.
    pub point: Option<Judgement>,
}

/// A load that was run more than once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelRepeats {
    /// The load.
    pub level: Level,
    /// Its runs together.
    #[serde(flatten)]
    pub figures: Repeats,
}

/// Where more in flight stops paying.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Knee {
    /// The lowest level that reaches 90 % of the highest rate.
    pub level: Level,
    /// It is the last rung: the ladder ended before its knee was seen.
    pub still_rising: bool,
}

/// One rung: a run in the figures that a ladder compares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rung {
    /// The run's name.
    pub run: String,
    /// How much was asked.
    pub level: Level,
    /// Whether it came to its planned end.
    pub complete: bool,
    /// How long was measured; `None`: the warm-up never ended.
    pub measured: Option<Seconds>,
    /// Requests that ended well while it was measured.
    pub completed: u64,
    /// Prompt tokens over the time of the steps that computed nothing else.
    pub prefill_rate: Option<Estimate<TokensPerSecond>>,
    /// Decoded tokens, of all sequences, over the time of the steps that computed nothing else.
    pub decode_rate: Option<Estimate<TokensPerSecond>>,
    /// Delivered output tokens over all time.
    pub output_rate: Option<Estimate<TokensPerSecond>>,
    /// Delivered input and output tokens over all time: what the price is divided by.
    pub total_rate: Option<Estimate<TokensPerSecond>>,
    /// Time to first token, the median.
    pub ttft_p50: Option<Estimate<Seconds>>,
    /// Time to first token, the 95th percentile.
    pub ttft_p95: Option<Estimate<Seconds>>,
    /// Time per output token after it, the median.
    pub tpot_p50: Option<Estimate<Seconds>>,
    /// The whole request, the median.
    pub e2e_p50: Option<Estimate<Seconds>>,
    /// The share of time in which a step ran.
    pub occupancy: Option<Ratio>,
    /// The share of time in which the device was busy.
    pub busy: Option<Ratio>,
    /// What a million tokens cost at full load; `None` where the machine has no price.
    pub cost: Option<CostAtLoad>,
    /// The blended price over its floor.
    pub over_floor: Option<Estimate<Ratio>>,
    /// The price is below its floor, all its interval: something is broken.
    pub broken: bool,
    /// The typical step beside the least that it could have taken.
    pub roofline: Roofline,
    /// Whether latencies kept to what was asked.
    pub slo: Option<SloVerdict>,
    /// Whether these figures can be used.
    pub verdict: Verdict,
    /// What speaks against them.
    pub doubts: Vec<Doubt>,
}

impl Rung {
    fn of(judgement: &Judgement) -> Self {
        let Judgement { run, summary, floor, .. } = judgement;
        Self {
            run: run.id.clone(),
            level: run.workload.level(),
            complete: summary.complete,
            measured: summary.window.map(crate::record::Span::length),
            completed: summary.requests.completed,
            prefill_rate: summary.prefill_rate,
            decode_rate: summary.decode_rate,
            output_rate: summary.output_rate,
            total_rate: summary.total_rate,
            ttft_p50: summary.ttft.p50,
            ttft_p95: summary.ttft.p95,
            tpot_p50: summary.tpot.p50,
            e2e_p50: summary.e2e.p50,
            occupancy: summary.occupancy,
            busy: judgement.busy(),
            cost: judgement.costs.first().copied(),
            over_floor: floor.as_ref().and_then(|floor| floor.measured_over_floor),
            broken: floor.as_ref().is_some_and(|floor| floor.broken),
            roofline: judgement.roofline,
            slo: judgement.slo.clone(),
            verdict: summary.verdict,
            doubts: summary.doubts.clone(),
        }
    }

    /// Whether it may be chosen.
    fn is_sound(&self) -> bool {
        self.complete && !self.broken && self.verdict != Verdict::Void
    }
}

impl Ladder {
    /// Judges a ladder by its rungs' judgements, which were made under the same assumptions.
    pub fn of(slo: Option<Slo>, mut judged: Vec<Judgement>) -> Self {
        judged.sort_by(|a, b| {
            let level = |judgement: &Judgement| judgement.run.workload.level();
            level(a).partial_cmp(&level(b)).unwrap_or(std::cmp::Ordering::Equal)
        });
        let sweep = judged.iter().find_map(|judgement| judgement.run.sweep.clone());
        let (name, planned) = sweep.map(|sweep| (sweep.name, sweep.of)).unzip();
        let planned = planned.flatten();
        let rungs: Vec<Rung> = judged.iter().map(Rung::of).collect();
        let sound = || rungs.iter().filter(|rung| rung.is_sound());
        let meets =
            |rung: &&Rung| rung.slo.as_ref().is_some_and(|verdict| verdict.answer == Answer::Met);
        let cheapest = cheapest(sound());
        let cheapest_within_slo = slo.as_ref().and_then(|_| self::cheapest(sound().filter(meets)));
        let chosen = if slo.is_some() { cheapest_within_slo } else { cheapest };
        let knee = knee(&rungs);
        let price = judged.first().and_then(|judgement| judgement.price.clone());
        let is_chosen = |judgement: &Judgement| Some(judgement.run.workload.level()) == chosen;
        Self {
            schema: "mtok.ladder/1",
            name,
            planned,
            run: judged.first().map(|judgement| judgement.run.clone()),
            price,
            slo,
            repeats: level_repeats(&judged),
            knee,
            cheapest,
            cheapest_within_slo,
            point: judged.into_iter().find(is_chosen),
            rungs,
        }
    }
}

/// Puts the runs of one load together; they are side by side.
fn level_repeats(judged: &[Judgement]) -> Vec<LevelRepeats> {
    let level = |judgement: &Judgement| judgement.run.workload.level();
    let same = judged.chunk_by(|a, b| level(a) == level(b)).filter(|same| same.len() > 1);
    same.map(|same| {
        let summaries: Vec<_> = same.iter().map(|judgement| &judgement.summary).collect();
        LevelRepeats { level: level(&same[0]), figures: repeats(&summaries) }
    })
    .collect()
}

/// The knee among the rungs that came to their end.
fn knee(rungs: &[Rung]) -> Option<Knee> {
    let rates: Vec<_> = rungs
        .iter()
        .filter(|rung| rung.is_sound())
        .filter_map(|rung| Some((rung.level, rung.total_rate?.value)))
        .collect();
    let (last, _) = *rates.last().filter(|_| rates.len() > 1)?;
    let best = rates.iter().map(|(_, rate)| *rate).reduce(|a, b| if a > b { a } else { b })?;
    let (level, _) = *rates.iter().find(|(_, rate)| *rate >= best * KNEE)?;
    Some(Knee { level, still_rising: level == last })
}

/// The rung with the highest rate, which at one price by the hour is the cheapest; or the fewest in
/// flight that can't be told from it.
fn cheapest<'a>(rungs: impl Iterator<Item = &'a Rung> + Clone) -> Option<Level> {
    let rates = rungs.filter_map(|rung| Some((rung.level, rung.total_rate?)));
    let (_, best) =
        rates.clone().max_by(|(_, a), (_, b)| a.value.get().total_cmp(&b.value.get()))?;
    let mut rates = rates;
    rates.find(|(_, rate)| is_tie(*rate, best)).map(|(level, _)| level)
}

/// Whether the interval of the difference of two rates, from different runs, holds zero: the errors
/// of independent measurements add in squares. A rate without an interval is only tied with itself.
fn is_tie(a: Estimate<TokensPerSecond>, b: Estimate<TokensPerSecond>) -> bool {
    let half =
        |rate: Estimate<TokensPerSecond>| rate.interval.map(|(low, high)| (high - low).get() / 2.0);
    let apart = (a.value - b.value).get().abs();
    let error = half(a).zip(half(b)).map_or(0.0, |(a, b)| a.hypot(b));
    apart <= error
}
