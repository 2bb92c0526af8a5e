//! Machines behind a router, from the first request to the last.
//!
//! Events are taken in the order of their times; of those at one moment, nodes are taken away first,
//! then the controller looks, then requests that wait for a machine are shared out, then those that
//! come. What chance there is (when nodes are taken away) is drawn from the seed, node by node.
//!
//! Invariant: the same traffic, profile, fleet and seed give the same course, to the femtosecond, and
//! every request is served or refused once. Guarded by `tests::fleet`.

use super::PlanError;
use super::fate::{Log, Served, Used};
use super::machine::{Machine, Pace};
use super::node::{Node, Rented};
use super::profile::{Profile, StepClock};
use super::router::{Candidate, Router};
use super::scale::{Controller, Size};
use super::serving::Serving;
use super::tick::Tick;
use super::traffic::{Asked, Traffic};
use crate::schedule::{Limits, LimitsError};
use crate::units::{Seconds, UsdPerHour};
use crate::workload::mixed;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use serde::Serialize;
use std::collections::VecDeque;

/// A fleet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fleet {
    /// What a machine's engine may use.
    pub serving: Serving,
    /// How requests are shared out.
    pub router: Router,
    /// What is rented.
    pub node: Node,
    /// How much of it.
    pub size: Size,
    /// What chance is drawn from.
    pub seed: u64,
}

impl Fleet {
    /// One machine, where nothing is priced: what it can do is asked, or what it did.
    pub(super) fn alone(serving: Serving) -> Self {
        Self {
            serving,
            router: Router::LeastLoaded,
            node: Node::single(UsdPerHour(1.0)),
            size: Size::Fixed { nodes: 1 },
            seed: 0,
        }
    }

    /// The same with another number of nodes, always as many.
    #[must_use]
    pub fn of(&self, nodes: u32) -> Self {
        Self { size: Size::Fixed { nodes }, ..*self }
    }

    fn check(&self) -> Result<(), PlanError> {
        self.node.check()?;
        self.size.check()
    }
}

/// What happened.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) log: Log,
    pub(super) nodes: Vec<Rented>,
    pub(super) used: Used,
    /// When all was over: the traffic's end, or that of the last request.
    pub(super) end: Tick,
    /// Nodes that were taken away.
    pub(super) interruptions: u64,
    /// The most nodes that were kept at once.
    pub(super) most_nodes: u32,
}

impl Course {
    /// The requests that got all their tokens, in the order in which they came.
    pub(super) fn served<'a>(
        &'a self,
        traffic: &'a Traffic,
    ) -> impl Iterator<Item = (&'a Asked, Served)> {
        let requests = traffic.requests().iter().enumerate();
        requests.filter_map(move |(number, asked)| Some((asked, self.log.served(number, asked)?)))
    }
}

/// Lets a fleet serve the traffic.
pub(super) fn run(
    traffic: &Traffic,
    profile: &Profile,
    fleet: &Fleet,
    pace: Pace,
) -> Result<Course, PlanError> {
    fleet.check()?;
    let mut state = State {
        traffic,
        fleet,
        pace,
        clock: profile.clock()?,
        limits: fleet.serving.limits(traffic.shares()),
        nodes: Vec::new(),
        log: Log::new(traffic.requests().len()),
        unplaced: VecDeque::new(),
        turn: 0,
        interruptions: 0,
        most_nodes: 0,
        candidates: Vec::new(),
    };
    for _ in 0..fleet.size.at_first() {
        state.rent(Tick::default(), true)?;
    }
    state.play()?;
    let end = state.log.last.max(Tick::of(traffic.length()));
    let machines = state.nodes.iter().flat_map(|node| &node.machines);
    let used = machines.map(Machine::used).fold(Used::default(), Used::and);
    let State { log, nodes, interruptions, most_nodes, .. } = state;
    Ok(Course { log, nodes, used, end, interruptions, most_nodes })
}

struct State<'a> {
    traffic: &'a Traffic,
    fleet: &'a Fleet,
    pace: Pace,
    clock: StepClock,
    limits: Limits,
    nodes: Vec<Rented>,
    log: Log,
    /// Requests that came while no machine took any.
    unplaced: VecDeque<u32>,
    /// Requests that were shared out.
    turn: u64,
    interruptions: u64,
    most_nodes: u32,
    /// Room to list the open machines in.
    candidates: Vec<Candidate>,
}

impl State<'_> {
    fn play(&mut self) -> Result<(), PlanError> {
        let mut controller = match self.fleet.size {
            Size::Fixed { .. } => None,
            Size::Scaled(scaling) => Some(Controller::new(scaling)),
        };
        let mut arrivals = (0_u32..).zip(self.traffic.requests()).peekable();
        loop {
            let arrives = arrivals.peek().map(|(_, asked)| Tick::of(asked.at));
            let looks = controller.as_ref().map(|controller| controller.next);
            let events = [arrives, looks, self.next_interruption(), self.next_ready()];
            let now = events.into_iter().flatten().min().unwrap_or(Tick::NEVER);
            self.settle(now);
            let idle = self.unplaced.is_empty() && self.live() == 0;
            if arrives.is_none() && (idle || now == Tick::NEVER) {
                return Ok(());
            }
            self.interrupt(now)?;
            if let Some(controller) = controller.as_mut().filter(|one| one.next <= now) {
                let in_flight = self.live() + self.unplaced.len();
                let (least, most) = controller.wants(now, in_flight, self.fleet.node.machines);
                self.resize(now, least, most)?;
            }
            self.place_waiting(now);
            while let Some((number, _)) = arrivals.next_if(|(_, asked)| Tick::of(asked.at) <= now) {
                self.place(now, number);
            }
        }
    }

    fn live(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_kept()).map(Rented::live).sum()
    }

    /// When the next node is taken away.
    fn next_interruption(&self) -> Option<Tick> {
        let kept = self.nodes.iter().filter(|node| node.is_kept());
        kept.map(|node| node.interrupted).min().filter(|at| *at < Tick::NEVER)
    }

    /// When the next node takes requests, where any wait for one.
    fn next_ready(&self) -> Option<Tick> {
        if self.unplaced.is_empty() {
            return None;
        }
        let kept = self.nodes.iter().filter(|node| node.is_kept() && !node.drains);
        kept.map(|node| node.ready).min()
    }

    fn settle(&mut self, to: Tick) {
        for node in self.nodes.iter_mut().filter(|node| node.to.is_none()) {
            for machine in &mut node.machines {
                machine.settle(to, &mut self.log);
            }
        }
    }

    /// Asks for a node. Those that are there `at_first` are ready, and their start-up was paid before.
    fn rent(&mut self, at: Tick, at_first: bool) -> Result<(), LimitsError> {
        let start_up = Tick::of(self.fleet.node.start_up);
        let (before, ready) =
            if at_first { (start_up, at) } else { (Tick::default(), at.after(start_up)) };
        let number = self.nodes.len() as u64;
        let mut draw = ChaCha8Rng::seed_from_u64(mixed(&[self.fleet.seed, number]));
        let interrupted = self.fleet.node.interruptions.mean_time().map_or(Tick::NEVER, |mean| {
            let times: f64 = Exp1.sample(&mut draw);
            ready.after(Tick::of(Seconds(times * mean.0)))
        });
        let machine = |_| Machine::new(self.limits, self.clock, self.pace, ready);
        let machines = (0..self.fleet.node.machines).map(machine).collect::<Result<_, _>>()?;
        let (drains, to) = (false, None);
        self.nodes.push(Rented { from: at, before, ready, interrupted, drains, to, machines });
        let kept = self.nodes.iter().filter(|node| node.is_kept()).count();
        self.most_nodes = self.most_nodes.max(u32::try_from(kept).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Takes nodes away whose time has come. Their requests begin again elsewhere; a fleet of fixed
    /// size asks for another node at once, another leaves that to its controller.
    fn interrupt(&mut self, now: Tick) -> Result<(), LimitsError> {
        for at in 0..self.nodes.len() {
            let node = &mut self.nodes[at];
            if !node.is_kept() || node.interrupted > now {
                continue;
            }
            node.to = Some(now);
            self.interruptions += 1;
            let mut lost = Vec::new();
            for machine in &mut node.machines {
                lost.extend(machine.lose(now, &mut self.log));
            }
            if matches!(self.fleet.size, Size::Fixed { .. }) {
                self.rent(now, false)?;
            }
            lost.sort_unstable();
            for number in lost {
                self.log.restarts(number);
                self.unplaced.push_back(number);
            }
        }
        Ok(())
    }

    /// Sees to it that there are as many nodes as wanted. Those that drain come back first; of those
    /// that go, the ones with the fewest requests, and of these the latest.
    fn resize(&mut self, now: Tick, least: u32, most: u32) -> Result<(), LimitsError> {
        let (least, most) = (least as usize, most as usize);
        let stays = |node: &Rented| node.is_kept() && !node.drains;
        let mut count = self.nodes.iter().filter(|node| stays(node)).count();
        for node in self.nodes.iter_mut().filter(|node| node.is_kept() && node.drains) {
            if count < least {
                node.drains = false;
                count += 1;
            }
        }
        while count < least {
            self.rent(now, false)?;
            count += 1;
        }
        while count > most {
            let going = self.nodes.iter_mut().rev().filter(|node| stays(node));
            let Some(node) = going.min_by_key(|node| node.live()) else { break };
            node.drains = true;
            count -= 1;
        }
        for node in self.nodes.iter_mut().filter(|node| node.is_kept() && node.drains) {
            if node.live() == 0 {
                node.to = Some(now);
            }
        }
        Ok(())
    }

    /// Shares out those that came while no machine took any.
    fn place_waiting(&mut self, now: Tick) {
        if self.nodes.iter().any(|node| node.is_open(now)) {
            while let Some(number) = self.unplaced.pop_front() {
                self.place(now, number);
            }
        }
    }

    /// Sends a request to a machine, or lets it wait for one.
    fn place(&mut self, now: Tick, number: u32) {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        let each = u64::from(self.fleet.node.machines);
        for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.is_open(now)) {
            let machines = node.machines.iter().enumerate().map(|(which, machine)| Candidate {
                number: at as u64 * each + which as u64,
                at: (at, which),
                live: machine.live(),
            });
            candidates.extend(machines);
        }
        let asked = &self.traffic.requests()[number as usize];
        let chosen = self.fleet.router.choose(&candidates, asked, self.turn);
        self.candidates = candidates;
        let Some(Candidate { at: (node, which), .. }) = chosen else {
            return self.unplaced.push_back(number);
        };
        self.turn += 1;
        let machine = &mut self.nodes[node].machines[which];
        if let Err(refusal) = machine.arrive(now, number, asked, &mut self.log) {
            self.log.refused.push((number, refusal));
        }
    }
}
