//! A course in figures: the whole of it, and window by window.
//!
//! Invariant: a request belongs to the window in which it came; a node's time to the windows in which
//! it was paid. So the windows' costs add up to the bill without what was paid before the traffic,
//! after its last window, and for rounding. What no window bears is `None`.

use super::PlanError;
use super::bill::{self, Bill, Delivered};
use super::capacity::Capacity;
use super::fate::Served;
use super::fleet::{Course, Fleet};
use super::spread::{Kept, Latencies};
use super::tick::Tick;
use super::traffic::{Asked, MadeUp, Traffic, count};
use crate::cost::{Answer, Slo};
use crate::schedule::Refusal;
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens, Usd, UsdPerMtok};
use serde::Serialize;

/// What came of serving traffic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The fleet.
    pub fleet: Fleet,
    /// How the traffic was made of a shorter trace; `None`: it is as recorded.
    pub synthetic: Option<MadeUp>,
    /// The requests.
    pub requests: Requests,
    /// Their mean rate.
    pub rate: RequestsPerSecond,
    /// The time that they are of.
    pub length: Seconds,
    /// When the last of them was done, since the first could come.
    pub end: Seconds,
    /// What was delivered.
    pub delivered: Delivered,
    /// How long requests took.
    pub latencies: Latencies,
    /// Whether that keeps to the objectives; `None`: there are none.
    pub kept: Option<Kept>,
    /// The time of all machines' steps.
    pub busy: Seconds,
    /// How many steps that were.
    pub steps: u64,
    /// How often a sequence lost its blocks to another.
    pub preemptions: u64,
    /// Nodes that were taken away.
    pub interruptions: u64,
    /// The most nodes at once.
    pub most_nodes: u32,
    /// Mean rate over what the machines could do while they were paid; `None`: no capacity is known.
    pub load: Option<Ratio>,
    /// What it costs.
    pub bill: Bill,
    /// Window by window.
    pub windows: Vec<Window>,
    /// The window with the most tokens for each of its seconds, by its place; `None`: there is none.
    pub peak: Option<usize>,
}

/// What became of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Requests {
    /// All that came.
    pub all: u64,
    /// Those that got all their tokens.
    pub served: u64,
    /// Those that no such machine could ever serve.
    pub unfit: u64,
    /// Those that were turned away: the queue was full.
    pub turned_away: u64,
    /// How often one had to begin again, since its node was taken away.
    pub restarts: u64,
}

/// A part of the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// Its beginning.
    pub from: Seconds,
    /// Its length.
    pub length: Seconds,
    /// Requests that came in it, and were served.
    pub served: u64,
    /// Their tokens.
    pub delivered: Delivered,
    /// How long they took.
    pub latencies: Latencies,
    /// Whether that keeps to the objectives.
    pub kept: Option<Kept>,
    /// The mean number of nodes that were paid.
    pub nodes: Ratio,
    /// The rate of what came over what the paid machines could do.
    pub load: Option<Ratio>,
    /// What it costs.
    pub cost: Usd,
    /// That over its tokens, of prompts and of output; `None`: there were none.
    pub per_token: Option<UsdPerMtok>,
}

/// More than anybody reads.
const WINDOWS_MAX: u32 = 10_000;

/// How a course is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) traffic: &'a Traffic,
    pub(super) fleet: &'a Fleet,
    pub(super) slo: Option<&'a Slo>,
    /// What one machine can do.
    pub(super) capacity: Option<&'a Capacity>,
    /// How long a window is; `None`: nobody looks at windows.
    pub(super) window: Option<Seconds>,
}

impl View<'_> {
    pub(super) fn outcome(&self, course: &Course) -> Result<Outcome, PlanError> {
        let Self { traffic, fleet, slo, capacity, window } = *self;
        if let Some(window) = window {
            if !(window.0 > 0.0 && window.0.is_finite()) {
                return Err(PlanError::NotPositive { what: "window" });
            }
            let (length, most) = (traffic.length(), WINDOWS_MAX);
            if length.0 / window.0 > f64::from(most) {
                return Err(PlanError::Windows { window, length, most });
            }
        }
        let all: Vec<_> = course.served(traffic).collect();
        let requests = self.requests(course, &all);
        if requests.served == 0 {
            let (requests, refused) = (requests.all, requests.unfit);
            return Err(PlanError::NothingFits { requests, refused });
        }
        let delivered = Delivered { cached: Tokens(course.used.cached), ..tokens(&all) };
        let latencies = latencies(&all);
        let bill = Bill::of(course, fleet, delivered);
        let end = course.end.seconds();
        let machines = self.machines(bill.node_time / end);
        let load = capacity.and_then(|one| bill::load(rate(all.len(), end), one.rate, machines));
        let windows = window.map_or_else(Vec::new, |window| self.windows(course, &all, window));
        let peak = (0..windows.len()).max_by(|one, other| {
            let per_second = |at: &usize| {
                let Window { delivered, length, .. } = &windows[*at];
                (delivered.input + delivered.output).get() / length.0
            };
            per_second(one).total_cmp(&per_second(other)).then(other.cmp(one))
        });
        Ok(Outcome {
            fleet: *fleet,
            synthetic: traffic.made_up(),
            requests,
            rate: traffic.rate(),
            length: traffic.length(),
            end,
            delivered,
            kept: slo.map(|slo| Kept::of(slo, &latencies, requests.turned_away > 0)),
            latencies,
            busy: course.used.busy.seconds(),
            steps: course.used.steps,
            preemptions: course.used.preemptions,
            interruptions: course.interruptions,
            most_nodes: course.most_nodes,
            load,
            bill,
            windows,
            peak,
        })
    }

    /// The machines in so many nodes.
    fn machines(&self, nodes: Ratio) -> Ratio {
        nodes * Ratio::of(f64::from(self.fleet.node.machines))
    }

    fn requests(&self, course: &Course, served: &[(&Asked, Served)]) -> Requests {
        let full = |(_, refusal): &&(u32, Refusal)| matches!(refusal, Refusal::Full { .. });
        let turned_away = course.log.refused.iter().filter(full).count() as u64;
        Requests {
            all: self.traffic.requests().len() as u64,
            served: served.len() as u64,
            unfit: course.log.refused.len() as u64 - turned_away,
            turned_away,
            restarts: course.log.restarts,
        }
    }

    fn windows(&self, course: &Course, all: &[(&Asked, Served)], each: Seconds) -> Vec<Window> {
        let end = self.traffic.length().0;
        let mut windows = Vec::new();
        let (mut rest, mut number) = (all, 0_u64);
        loop {
            let from = Seconds(each.0 * Tokens(number).get());
            // What comes at the very end belongs to the last window.
            if from.0 >= end && number > 0 {
                return windows;
            }
            let to = Seconds((from.0 + each.0).min(end));
            let is_last = to.0 >= end;
            let inside = rest.partition_point(|(asked, _)| is_last || asked.at < to);
            let (these, later) = rest.split_at(inside);
            windows.push(self.window(course, these, from, to));
            (rest, number) = (later, number + 1);
        }
    }

    fn window(
        &self,
        course: &Course,
        these: &[(&Asked, Served)],
        from: Seconds,
        to: Seconds,
    ) -> Window {
        let length = to - from;
        let price = self.fleet.node.price;
        let (paid, cost) = bill::within(course, price, Tick::of(from), Tick::of(to));
        let nodes = if length.0 > 0.0 { paid / length } else { Ratio::of(0.0) };
        let (latencies, delivered) = (latencies(these), tokens(these));
        let turned_away = course.log.refused.iter().any(|(number, refusal)| {
            let at = self.traffic.requests()[*number as usize].at;
            matches!(refusal, Refusal::Full { .. }) && from <= at && at < to
        });
        let (rate, machines) = (rate(these.len(), length), self.machines(nodes));
        let tokens = delivered.input + delivered.output;
        Window {
            from,
            length,
            served: these.len() as u64,
            delivered,
            latencies,
            kept: self.slo.map(|slo| Kept::of(slo, &latencies, turned_away)),
            nodes,
            load: self.capacity.and_then(|one| bill::load(rate, one.rate, machines)),
            cost,
            per_token: (tokens > Tokens(0)).then(|| cost / tokens),
        }
    }
}

fn rate(requests: usize, time: Seconds) -> RequestsPerSecond {
    RequestsPerSecond(count(requests) / time.0)
}

fn tokens(of: &[(&Asked, Served)]) -> Delivered {
    let add = |sum: Delivered, (asked, _): &(&Asked, Served)| Delivered {
        input: sum.input + asked.prompt,
        output: sum.output + asked.output,
        ..sum
    };
    of.iter().fold(Delivered::default(), add)
}

fn latencies(of: &[(&Asked, Served)]) -> Latencies {
    Latencies::of(&of.iter().map(|(_, served)| *served).collect::<Vec<_>>())
}

impl Outcome {
    /// Whether the objectives are kept to over the whole time and are missed in no window; a window
    /// with too few requests to tell misses nothing.
    pub fn holds(&self) -> bool {
        let missed =
            |kept: &Option<Kept>| kept.as_ref().is_some_and(|one| one.answer == Answer::Missed);
        let met = self.kept.as_ref().is_none_or(|kept| kept.answer == Answer::Met);
        met && !self.windows.iter().any(|window| missed(&window.kept))
    }

    /// What was missed, in words: over the whole time, else in the first window that misses.
    pub(super) fn missed(&self) -> String {
        let whole = self.kept.as_ref().filter(|kept| kept.answer != Answer::Met);
        let window = || {
            self.windows.iter().find_map(|window| {
                let kept = window.kept.as_ref().filter(|kept| kept.answer == Answer::Missed)?;
                Some(format!("from {:.0} on, {}", window.from, kept.missed()))
            })
        };
        whole.map(Kept::missed).or_else(window).unwrap_or_default()
    }
}
