//! One machine: the scheduler that the engine runs, and a clock that says how long its steps take.
//!
//! It is driven as the engine's thread drives it: what has arrived is told to the scheduler at once,
//! while a step runs too; a step's tokens are told when it ends, in its order; then the next is
//! planned, if anything is live. What arrives at the very moment in which a step ends is known to the
//! next.
//!
//! Invariant: steps that are alike are taken at once, and nothing is different for it: the same
//! moments to the femtosecond, the same order. Guarded by `tests::machine`, which runs both.

use super::fate::{Log, Used};
use super::profile::{Composition, StepClock, StepTime};
use super::tick::Tick;
use super::traffic::Asked;
use crate::schedule::{
    Arrival, BlockHash, Entry, Even, Limits, LimitsError, Priority, Refusal, Scheduler, SeqId, Work,
};
use crate::workload::mixed;
use std::collections::BTreeSet;

/// How steps that are alike are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pace {
    /// At once.
    #[default]
    Skips,
    /// One by one: slower, to check the other against.
    #[cfg_attr(not(test), expect(dead_code, reason = "what skipping is checked against"))]
    Steps,
}

/// A machine.
#[derive(Debug)]
pub(super) struct Machine {
    scheduler: Scheduler,
    clock: StepClock,
    pace: Pace,
    /// The last moment at which a step ended, or from which it could begin.
    now: Tick,
    state: State,
    /// The requests that it has, by number.
    live: BTreeSet<u32>,
    used: Used,
}

#[derive(Debug)]
enum State {
    /// No step is under way.
    Between,
    /// A step is under way until `ends`.
    InStep { entries: Vec<Entry>, ends: Tick, time: StepTime },
    /// So many steps are alike, from `now` until `ends`, if nothing comes; none of them is taken yet.
    Even { even: Even, ends: Tick },
}

/// How far a machine is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All that begins before the moment has begun.
    Exact,
    /// What ends by the moment has ended.
    Ends,
}

impl Machine {
    /// A machine that is ready at `ready`.
    pub(super) fn new(
        limits: Limits,
        clock: StepClock,
        pace: Pace,
        ready: Tick,
    ) -> Result<Self, LimitsError> {
        Ok(Self {
            scheduler: Scheduler::new(limits)?,
            clock,
            pace,
            now: ready,
            state: State::Between,
            live: BTreeSet::new(),
            used: Used::default(),
        })
    }

    /// Requests that it has, running or waiting, as of the last moment that it was brought to.
    pub(super) fn live(&self) -> usize {
        self.live.len()
    }

    /// What it has done so far.
    pub(super) fn used(&self) -> Used {
        let counts = self.scheduler.counts();
        Used { preemptions: counts.preemptions, cached: counts.prefix_hit, ..self.used }
    }

    /// A request arrives.
    ///
    /// # Errors
    /// Where the scheduler refuses it.
    pub(super) fn arrive(
        &mut self,
        at: Tick,
        number: u32,
        asked: &Asked,
        log: &mut Log,
    ) -> Result<(), Refusal> {
        self.advance(at, Reach::Exact, log);
        if self.live.is_empty() {
            self.now = self.now.max(at);
        }
        let Limits { block_size, prefix_cache, .. } = *self.scheduler.limits();
        let prefix = if prefix_cache { hashes(number, asked, block_size) } else { Vec::new() };
        let limited = |tokens: crate::units::Tokens| u32::try_from(tokens.0).unwrap_or(u32::MAX);
        self.scheduler.arrive(Arrival {
            id: SeqId(number.into()),
            prompt: limited(asked.prompt),
            output_max: limited(asked.output),
            priority: Priority(0),
            prefix,
        })?;
        self.live.insert(number);
        Ok(())
    }

    /// Brings it to a moment: all that ends by then has ended.
    pub(super) fn settle(&mut self, to: Tick, log: &mut Log) {
        let waits = match &self.state {
            State::Between => self.live.is_empty(),
            State::InStep { ends, .. } | State::Even { ends, .. } => *ends > to,
        };
        if !waits {
            self.advance(to, Reach::Ends, log);
        }
    }

    /// It is taken away; the requests that it had.
    pub(super) fn lose(&mut self, at: Tick, log: &mut Log) -> BTreeSet<u32> {
        self.advance(at, Reach::Exact, log);
        if let State::InStep { ends, time, .. } = self.state {
            // What is left of the step is never computed: of both kinds' parts the same share.
            let left = ends.since(at);
            self.used.busy = self.used.busy.since(left);
            self.used.prefill = self.used.prefill.since(time.prefill.share(left, time.whole));
        }
        self.state = State::Between;
        for number in &self.live {
            self.scheduler.cancel(SeqId((*number).into()));
        }
        std::mem::take(&mut self.live)
    }

    fn advance(&mut self, to: Tick, reach: Reach, log: &mut Log) {
        loop {
            match &self.state {
                State::InStep { ends, .. } => {
                    let ends = *ends;
                    if ends > to {
                        return;
                    }
                    self.complete(ends, log);
                }
                State::Even { even, ends } => {
                    let (even, ends) = (*even, *ends);
                    if ends <= to {
                        self.take(even, even.steps, ends);
                    } else if reach == Reach::Exact && self.now < to {
                        let (steps, begins) = self.begun_before(to, even);
                        self.take(even, steps, begins);
                        self.begin(log);
                    } else {
                        if reach == Reach::Exact {
                            self.state = State::Between;
                        }
                        return;
                    }
                }
                State::Between => {
                    if self.live.is_empty() || self.now >= to {
                        return;
                    }
                    self.plan(log);
                }
            }
        }
    }

    /// Looks what comes next: many steps that are alike, or one that has to be planned.
    fn plan(&mut self, log: &mut Log) {
        let even = match self.pace {
            Pace::Skips => self.scheduler.even(),
            Pace::Steps => Even::default(),
        };
        if even.steps == 0 {
            return self.begin(log);
        }
        let ends = self.after(even, even.steps);
        self.state = State::Even { even, ends };
    }

    /// When so many of the steps that are alike are over.
    fn after(&self, even: Even, steps: u32) -> Tick {
        self.now.after(self.clock.even(even.sequences.into(), even.context, steps))
    }

    /// The steps that are over when the last one begins that begins before `to`, and when that is.
    fn begun_before(&self, to: Tick, even: Even) -> (u32, Tick) {
        let (mut before, mut not_before) = (0, even.steps);
        while not_before - before > 1 {
            let middle = before + (not_before - before) / 2;
            let begins = self.after(even, middle) < to;
            *(if begins { &mut before } else { &mut not_before }) = middle;
        }
        (before, self.after(even, before))
    }

    /// Takes so many of the steps that are alike.
    fn take(&mut self, even: Even, steps: u32, ends: Tick) {
        self.scheduler.skip(steps, |id, block| Some(sealed(id, block)));
        self.used.busy = self.used.busy.after(ends.since(self.now));
        self.used.steps += u64::from(steps);
        self.used.output += u64::from(steps) * u64::from(even.sequences);
        self.now = ends;
        self.state = State::Between;
    }

    /// Begins the next step.
    fn begin(&mut self, log: &mut Log) {
        let entries = self.scheduler.step().entries;
        let mut composition = Composition::default();
        for entry in &entries {
            match entry.work {
                Work::Prefill => {
                    composition.reads(entry.start, entry.tokens);
                    log.begins(entry.id, self.now);
                }
                Work::Decode => composition.decodes(entry.start),
            }
        }
        let time = self.clock.time(composition);
        self.used.busy = self.used.busy.after(time.whole);
        self.used.prefill = self.used.prefill.after(time.prefill);
        self.used.steps += 1;
        self.used.prompt += composition.prompt;
        let ends = self.now.after(time.whole);
        self.state = State::InStep { entries, ends, time };
    }

    /// Ends the step under way.
    fn complete(&mut self, ends: Tick, log: &mut Log) {
        let state = std::mem::replace(&mut self.state, State::Between);
        let State::InStep { entries, .. } = state else { return };
        self.now = ends;
        let Limits { block_size, prefix_cache, .. } = *self.scheduler.limits();
        for Entry { id, start, tokens, work, .. } in
            entries.into_iter().filter(|entry| entry.samples)
        {
            let known = start + tokens + 1;
            let full = prefix_cache && known.is_multiple_of(block_size);
            let hash = full.then(|| sealed(id, known / block_size - 1));
            let goes_on = self.scheduler.token(id, hash);
            self.used.output += 1;
            if work == Work::Prefill {
                log.first(id, ends);
            }
            if !goes_on {
                self.live.remove(&log.ends(id, ends));
            }
        }
    }
}

/// What a prompt's full blocks hash to. A stretch that others may have stands for the text up to its
/// end; what no stretch covers is the request's own.
fn hashes(number: u32, asked: &Asked, block_size: u32) -> Vec<BlockHash> {
    let size = u64::from(block_size);
    let mut stretches = asked.begins.iter();
    let (mut chain, mut covered) = (0, 0);
    (1..=asked.prompt.0 / size)
        .map(|block| {
            while covered < block * size {
                if let Some(stretch) = stretches.next() {
                    chain = mixed(&[chain, stretch.id, stretch.tokens.0]);
                    covered = covered.saturating_add(stretch.tokens.0);
                } else {
                    chain = mixed(&[chain, OWN, number.into()]);
                    covered = u64::MAX;
                }
            }
            BlockHash(u128::from(mixed(&[chain, block])))
        })
        .collect()
}

/// What a block of output hashes to: nobody else's.
fn sealed(id: SeqId, block: u32) -> BlockHash {
    BlockHash(u128::from(mixed(&[OWN, id.0, block.into()])))
}

/// Sets a request's own text apart from what others may have.
const OWN: u64 = 0x006f_776e;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Seconds, Tokens};
    use crate::workload::trace::Block;

    fn asked(prompt: u64, begins: &[(u64, u64)]) -> Asked {
        let block = |(id, tokens): &(u64, u64)| Block { id: *id, tokens: Tokens(*tokens) };
        let begins = begins.iter().map(block).collect();
        Asked { at: Seconds(0.0), prompt: Tokens(prompt), output: Tokens(1), begins }
    }

    /// How many blocks of 4 tokens two prompts have in common.
    #[track_caller]
    fn check(one: &Asked, other: &Asked, want: usize) {
        let (one, other) = (hashes(1, one, 4), hashes(2, other, 4));
        let same: Vec<bool> = one.iter().zip(&other).map(|(a, b)| a == b).collect();
        assert_eq!(same.iter().take_while(|same| **same).count(), want);
        assert!(same.iter().skip(want).all(|same| !same), "alike again after they differ");
    }

    #[test]
    fn prompts_share_what_their_stretches_say() {
        check(&asked(20, &[(7, 12)]), &asked(16, &[(7, 12)]), 3);
        // A block that reaches beyond what is shared is not.
        check(&asked(20, &[(7, 11)]), &asked(20, &[(7, 11)]), 2);
        check(&asked(20, &[(7, 8), (9, 8)]), &asked(20, &[(7, 8), (8, 8)]), 2);
        check(&asked(20, &[(1, 8), (9, 8)]), &asked(20, &[(2, 8), (9, 8)]), 0);
        check(&asked(20, &[]), &asked(20, &[]), 0);
        // Stretches may be said to be longer than the prompt.
        check(&asked(6, &[(7, 512)]), &asked(9, &[(7, 512)]), 1);
    }
}
