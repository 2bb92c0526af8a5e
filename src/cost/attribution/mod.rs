//! Whose time it was, and so what input, cached input and output cost: COST_MODEL.md section 3.
//!
//! Invariant: tokens times prices, summed over the three kinds, is the machine's price times the
//! window, and what told the kinds apart is part of the result, never silently another thing than was
//! asked. Where nothing tells, there are bounds and no prices. Guarded by the hand-worked cases and
//! properties in `tests.rs`.
//!
//! Of an engine in this process the steps tell (`share.rs`); of a server a probe does (`probe.rs`). The
//! intervals are 95 %, by the jackknife over the laps of the window (`ledger.rs`).

mod ledger;
mod probe;
mod share;
#[cfg(test)]
mod tests;

pub use share::{CachedBy, MixedBy, Shares};

use super::Load;
use crate::record::{Run, Span, Step};
use crate::summary::{Alone, Crowd, RequestFit, SteadyWork, StepFit};
use crate::units::{Estimate, Quantity, Ratio, Seconds, Tokens, UsdPerHour, UsdPerMtok};
use ledger::{KINDS, Row, Sum, each_with_error};
use probe::Probe;
use serde::Serialize;
use share::Sharing;

/// What is known of the machine's time from elsewhere than the run itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The fit of another run's steps, which varied the mix on purpose. Without, the run's own.
    pub steps: Option<&'a StepFit>,
    /// What a probe of the server told. Without, a server's time has bounds only.
    pub requests: Option<&'a RequestFit>,
}

/// What told the kinds of tokens apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum ToldBy {
    /// The engine's steps.
    Steps {
        /// The two players of a mixed step.
        mixed: MixedBy,
        /// Cached input.
        cached: CachedBy,
        /// Whether the fit is of another run: its error is then in no interval.
        fit_of_another_run: bool,
    },
    /// A probe of the server, scaled to the paid time.
    Probe {
        /// Cached input.
        cached: CachedBy,
    },
}

/// One kind of token in the window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Part {
    /// The busy time charged to it, `S`. Of a server whose occupancy isn't known, paid time.
    pub time: Seconds,
    /// Its share of that time.
    pub share: Ratio,
    /// Tokens that somebody got, `N`.
    pub tokens: Tokens,
    /// Tokens of requests that failed or were given up: paid for by those delivered.
    pub wasted: Tokens,
    /// Busy time for each delivered token; `None`: there were none, or the occupancy isn't known.
    pub busy: Option<Estimate<Seconds>>,
    /// Window's time for each: with its part of the idle time; `None`: there were no tokens.
    pub paid: Option<Estimate<Seconds>>,
}

/// The window's time, shared out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribution {
    /// What told the kinds apart.
    pub told_by: ToldBy,
    /// How long the steady window is.
    pub window: Seconds,
    /// The share of it in which a step ran; `None`: not known of a server.
    pub occupancy: Option<Ratio>,
    /// Uncached input. Where cached input isn't told apart, its time is in here.
    pub uncached: Part,
    /// Cached input.
    pub cached: Part,
    /// Output.
    pub output: Part,
    /// Over how many laps the error was found; none is known of fewer than six.
    pub laps: usize,
}

/// Why the kinds of tokens can't be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Untold {
    /// Steps did both kinds of work, and too few did one for a fit or a mean.
    MixedSteps,
    /// It is a server, whose steps can't be seen, and there was no probe.
    NoProbe,
    /// There was a probe, and it had prompts of one length or answers at one load only.
    PoorProbe,
}

/// The least and the most time that can be charged to a kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BoundsOfKind {
    /// Delivered tokens.
    pub tokens: Tokens,
    /// All that can be the other kind's is.
    pub least: Seconds,
    /// All that can be this kind's is.
    pub most: Seconds,
}

/// What holds where nothing tells the kinds apart: all to output, all to input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AttributionBounds {
    /// Why there is no more than bounds.
    pub untold: Untold,
    /// How long the steady window is.
    pub window: Seconds,
    /// Input, cached or not. Times are the window's, idle time included.
    pub input: BoundsOfKind,
    /// Output.
    pub output: BoundsOfKind,
}

/// Whose time it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attributed {
    /// It is told.
    Told(Box<Attribution>),
    /// Only bounds are known.
    Bounds(AttributionBounds),
}

/// What a million tokens of one kind cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PriceOfKind {
    /// Its own busy time only.
    pub busy: Option<Estimate<UsdPerMtok>>,
    /// At the load asked for, idle time included.
    pub at_load: Option<Estimate<UsdPerMtok>>,
}

/// What a million tokens of each kind cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PricesOfKinds {
    /// Share of the window's rate.
    pub load: Load,
    /// Uncached input.
    pub uncached: PriceOfKind,
    /// Cached input; without a price where it isn't told apart.
    pub cached: PriceOfKind,
    /// Output.
    pub output: PriceOfKind,
}

impl Attribution {
    /// Prices at an hourly price of the machine. At full load they are those of the window: they and
    /// its tokens make its bill.
    pub fn prices(&self, hour: UsdPerHour, load: Load) -> PricesOfKinds {
        // USD for a token's seconds, over one token.
        let price = |each: Seconds| (hour * each) / Tokens(1);
        let of = |part: &Part| PriceOfKind {
            busy: part.busy.map(|each| each.map(price)),
            at_load: part.paid.map(|each| each.map(|each| price(each) / load.share())),
        };
        let (uncached, cached, output) = (of(&self.uncached), of(&self.cached), of(&self.output));
        PricesOfKinds { load, uncached, cached, output }
    }

    /// Busy time, of a server whose occupancy isn't known paid time.
    pub fn busy(&self) -> Seconds {
        self.uncached.time + self.cached.time + self.output.time
    }
}

impl BoundsOfKind {
    /// The least and the most that a million of its tokens cost; `None` of none.
    pub fn prices(&self, hour: UsdPerHour, load: Load) -> Option<(UsdPerMtok, UsdPerMtok)> {
        let price = |time: Seconds| (hour * time) / self.tokens / load.share();
        (self.tokens > Tokens(0)).then(|| (price(self.least), price(self.most)))
    }
}

/// Shares out a run's steady window; `None` where it has none, or nothing ran in it.
pub fn attribute(run: &Run, evidence: Evidence<'_>) -> Option<Attributed> {
    let work = SteadyWork::of(run)?;
    if run.steps.is_empty() {
        of_server(run, &work, evidence.requests)
    } else {
        of_steps(run, &work, evidence.steps)
    }
}

fn of_steps(run: &Run, work: &SteadyWork<'_>, given: Option<&StepFit>) -> Option<Attributed> {
    // Means of what was alone are of the whole run: a closed loop has prompts alone only as it begins.
    let alone = Alone::of(&run.steps);
    let own;
    let fit = if let Some(given) = given {
        given
    } else {
        own = StepFit::of(&work.steps);
        &own
    };
    let sharing = Sharing::of(&work.steps, fit, &alone);
    let Some(mixed) = sharing.mixed_by() else { return Some(bounds_of_steps(work)) };
    let rows = rows_of_steps(work, &sharing)?;
    let without = |out: usize| {
        if given.is_some() {
            return Some(all_but(&rows, out));
        }
        let lap = work.laps.get(out)?.span;
        let outside = |step: &Step| step.span.to <= lap.from || lap.to < step.span.to;
        let fit = StepFit::of_those(&work.steps, outside);
        let again = Sharing::of(&work.steps, &fit, &alone);
        // Told by something else it would be another figure, not the same with an error.
        let same = again.mixed_by() == Some(mixed) && again.cached_by() == sharing.cached_by();
        same.then(|| rows_of_steps(work, &again)).flatten().map(|rows| all_but(&rows, out))
    };
    let left_out: Vec<Option<Sum>> = (0..work.laps.len()).map(without).collect();
    let cached = agreed(sharing.cached_by(), &rows);
    let told_by = ToldBy::Steps { mixed, cached, fit_of_another_run: given.is_some() };
    let sum = Sum::of(&rows);
    told(told_by, Some(sum.shares.sum() / sum.wall), &rows, &left_out)
}

/// A lap's steps are those that ran in it; one that ran into the next is in both by its time.
fn rows_of_steps(work: &SteadyWork<'_>, sharing: &Sharing<'_>) -> Option<Vec<Row>> {
    let mut rows: Vec<Row> = work.laps.iter().map(|lap| Row::of(lap, Shares::default())).collect();
    for step in &work.steps {
        let shares = sharing.shares(step)?;
        let first = work.laps.partition_point(|lap| lap.span.to <= step.span.from);
        for (lap, row) in work.laps.iter().zip(&mut rows).skip(first) {
            let Some(part) = lap.span.overlap(step.span) else { break };
            row.shares = row.shares.plus(shares.times(part.length() / step.length()));
        }
    }
    Some(rows)
}

fn of_server(run: &Run, work: &SteadyWork<'_>, fit: Option<&RequestFit>) -> Option<Attributed> {
    let untold = |untold| Some(bounds(work, untold, Seconds(0.0), work.span.length()));
    let Some(fit) = fit else { return untold(Untold::NoProbe) };
    let crowd = Crowd::of(run);
    let in_flight = crowd.while_any(work.span)?;
    let Some(probe) = Probe::of(fit, in_flight) else { return untold(Untold::PoorProbe) };
    let shares = probe.laps(run, &crowd, work);
    let mut rows: Vec<Row> =
        work.laps.iter().zip(shares).map(|(lap, shares)| Row::of(lap, shares)).collect();
    let sum = Sum::of(&rows);
    let Some(scale) = sum.idle_factor().filter(|_| sum.shares.output.get() >= 0.0) else {
        return untold(Untold::PoorProbe);
    };
    for row in &mut rows {
        row.shares = row.shares.times(scale);
    }
    let left_out: Vec<_> = (0..rows.len()).map(|out| Some(all_but(&rows, out))).collect();
    let told_by = ToldBy::Probe { cached: agreed(probe::cached_by(work), &rows) };
    told(told_by, None, &rows, &left_out)
}

/// What tells cached input, where time and count agree that there was any.
fn agreed(by: CachedBy, rows: &[Row]) -> CachedBy {
    let sum = Sum::of(rows);
    match (by, sum.delivered.cached > Tokens(0), sum.shares.cached.get() > 0.0) {
        (CachedBy::NothingCached, true, _) => CachedBy::Untold,
        (CachedBy::Fit, counted, timed) if !(counted && timed) => CachedBy::Untold,
        (by, _, _) => by,
    }
}

fn all_but(rows: &[Row], out: usize) -> Sum {
    Sum::of(rows.iter().enumerate().filter(|(index, _)| *index != out).map(|(_, row)| row))
}

fn told(
    told_by: ToldBy,
    occupancy: Option<Ratio>,
    rows: &[Row],
    left_out: &[Option<Sum>],
) -> Option<Attributed> {
    let (ToldBy::Steps { cached, .. } | ToldBy::Probe { cached }) = told_by;
    let untold = cached == CachedBy::Untold;
    let (mut rows, mut left_out) = (rows.to_vec(), left_out.to_vec());
    if untold {
        for row in &mut rows {
            row.shares = row.shares.cached_untold();
        }
        for sum in left_out.iter_mut().flatten() {
            sum.shares = sum.shares.cached_untold();
        }
    }
    let sum = Sum::of(&rows);
    let busy = sum.shares.sum();
    if busy.get() <= 0.0 {
        return None;
    }
    let [uncached, cached, output] = KINDS.map(|kind| {
        let time = (kind.time)(&sum.shares);
        let error = each_with_error(&rows, kind, &left_out);
        Part {
            time,
            share: time / busy,
            tokens: (kind.tokens)(&sum.delivered),
            wasted: (kind.tokens)(&sum.wasted),
            busy: error.map(|(busy, _)| busy).filter(|_| occupancy.is_some()),
            paid: error.map(|(_, paid)| paid),
        }
    });
    let cached = if untold { Part { busy: None, paid: None, ..cached } } else { cached };
    let laps = rows.len();
    let window = sum.wall;
    let attribution = Attribution { told_by, window, occupancy, uncached, cached, output, laps };
    Some(Attributed::Told(Box::new(attribution)))
}

/// Steps of one kind are told; those of both may be either's.
fn bounds_of_steps(work: &SteadyWork<'_>) -> Attributed {
    let inside = |wanted: fn(&Step) -> bool| -> Seconds {
        let steps = work.steps.iter().filter(|step| wanted(step));
        steps.filter_map(|step| work.span.overlap(step.span)).map(Span::length).sum()
    };
    let prefill = inside(|step| step.prefill > Tokens(0) && step.decode == 0);
    let decode = inside(|step| step.decode > 0 && step.prefill == Tokens(0));
    let all = inside(|_| true);
    // Idle time is shared as the busy time is.
    let idle = work.span.length() / all;
    bounds(work, Untold::MixedSteps, prefill * idle, (all - decode) * idle)
}

/// Bounds by the least and the most of the window that can be input's.
fn bounds(work: &SteadyWork<'_>, untold: Untold, least: Seconds, most: Seconds) -> Attributed {
    let window = work.span.length();
    let tokens = work.delivered();
    let input = BoundsOfKind { tokens: tokens.uncached + tokens.cached, least, most };
    let (least, most) = (window - most, window - least);
    let output = BoundsOfKind { tokens: tokens.output, least, most };
    Attributed::Bounds(AttributionBounds { untold, window, input, output })
}
