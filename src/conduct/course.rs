//! Which runs a measurement makes: those that were planned, or those that a search asks for.

use super::search::{Next, Search};
use crate::cost::{Answer, Slo, SloVerdict};
use crate::record::{Arrivals, Level, Outcome, Run};
use crate::summary::summarize;
use crate::units::{Ratio, Tokens};
use crate::workload::Plan;

/// Which runs a measurement makes.
#[derive(Debug, Clone)]
pub enum Course {
    /// These, in this order. Of several, the runs are one sweep.
    Points(Vec<Plan>),
    /// Those that a search asks for.
    Search(Box<Hunt>),
}

/// A search for the highest load that meets objectives.
#[derive(Debug, Clone)]
pub struct Hunt {
    /// What is sent at each load. Its arrivals give the process of an open loop.
    pub plan: Plan,
    /// Where to begin.
    pub start: Level,
    /// Where to end at the latest.
    pub max: Level,
    /// What shall be met.
    pub slo: Slo,
}

impl Course {
    /// How many runs it has, where that is known.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Points(plans) => Some(plans.len()),
            Self::Search(_) => None,
        }
    }

    /// The longest request of all, with its answer.
    pub(super) fn longest(&self) -> Tokens {
        self.plans().map(Plan::longest).max().unwrap_or_default()
    }

    /// How long a prompt is in the mean.
    pub(super) fn typical(&self) -> Tokens {
        let mean = |plan: &Plan| plan.describe(String::new()).prompt.mean();
        self.plans().map(mean).max().unwrap_or_default()
    }

    /// The most requests that are served at once.
    pub(super) fn at_once(&self) -> u32 {
        let most = |places: Option<u32>| places.unwrap_or(OPEN_AT_ONCE);
        self.places().map(most).max().unwrap_or(1)
    }

    /// The most requests in flight at once; `None`: an open loop has no limit.
    pub(super) fn in_flight_max(&self) -> Option<u32> {
        self.places().collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The most requests in flight at once of each plan; of a search, at the highest load that it may
    /// try.
    fn places(&self) -> impl Iterator<Item = Option<u32>> {
        self.plans().map(|plan| match self {
            Self::Points(_) => plan.places(),
            Self::Search(hunt) => at(plan, hunt.max).places(),
        })
    }

    /// What is sent: of a search, at no load yet.
    pub(super) fn plans(&self) -> impl Iterator<Item = &Plan> {
        match self {
            Self::Points(plans) => plans.iter(),
            Self::Search(hunt) => std::slice::from_ref(&hunt.plan).iter(),
        }
    }
}

/// Requests that an engine serves at once in an open loop, where no cap says how many.
const OPEN_AT_ONCE: u32 = 32;

/// A search under way.
pub(super) struct Hunting<'a> {
    hunt: &'a Hunt,
    search: Search,
    next: Next,
    /// Runs so far: each has a seed of its own.
    runs: u64,
}

impl<'a> Hunting<'a> {
    pub(super) fn new(hunt: &'a Hunt) -> Self {
        let search = Search::new(hunt.start, hunt.max);
        Self { hunt, next: search.current(), search, runs: 0 }
    }

    /// The run to make next; `None`: the search is over.
    pub(super) fn plan(&self) -> Option<Plan> {
        let Next::Run { level, times, .. } = self.next else { return None };
        let times = Ratio::of(f64::from(times));
        let plan = at(&self.hunt.plan, level);
        Some(Plan {
            measure: plan.measure * times,
            measure_max: plan.measure_max * times,
            seed: plan.seed.wrapping_add(self.runs),
            ..plan
        })
    }

    /// Goes on from what the run was.
    pub(super) fn learn(&mut self, run: &Run) {
        let answer = match run.outcome {
            Some(Outcome::Saturated) => Answer::Missed,
            _ => SloVerdict::of(&self.hunt.slo, run, &summarize(run)).answer,
        };
        self.runs += 1;
        self.next = self.search.after(answer);
    }

    /// What was found; a run, where the search was stopped before its end.
    pub(super) fn found(&self) -> Next {
        self.next
    }
}

/// The same plan under another load.
fn at(plan: &Plan, level: Level) -> Plan {
    let arrivals = match (level, plan.arrivals) {
        (Level::InFlight(in_flight), _) => Arrivals::Closed { in_flight },
        (Level::Rate(rate), Arrivals::Constant { .. }) => Arrivals::Constant { rate },
        (Level::Rate(rate), Arrivals::Gamma { cv, .. }) => Arrivals::Gamma { rate, cv },
        (Level::Rate(rate), _) => Arrivals::Poisson { rate },
    };
    Plan { arrivals, ..plan.clone() }
}
