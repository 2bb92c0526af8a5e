//! Planning one step: first those that decode, then prompts, all in order of rank.

use super::scheduler::{Known, Scheduler};
use super::sequence::{Rank, Sequence, State};
use super::{BlockId, Entry, Step, Work, count};

/// A step in the making.
#[derive(Default)]
struct Draft {
    step: Step,
    /// Tokens that may still be planned.
    budget: u32,
    /// Sources of copies, held until the step is planned so that none of them becomes a target.
    sources: Vec<BlockId>,
}

impl Scheduler {
    /// Plans the next step, taking the last one for computed. Empty where nothing is live.
    pub fn step(&mut self) -> Step {
        for index in 0..self.running.len() {
            self.confirm(self.running[index].1, Known::ButLast);
        }
        let mut draft = Draft { budget: self.limits.step_tokens_max, ..Draft::default() };
        self.decode(&mut draft);
        self.prefill(&mut draft);
        for block in draft.sources {
            self.pool.release(block);
        }
        let mut step = draft.step;
        step.entries = self.entries();
        self.totals.steps += u64::from(!step.entries.is_empty());
        if cfg!(debug_assertions) {
            self.check();
        }
        step
    }

    /// One token for each sequence that has one left to compute.
    fn decode(&mut self, draft: &mut Draft) {
        let mut index = 0;
        // Preemption shortens the list from its end.
        while index < self.running.len() {
            if self.sequences[self.running[index].1].missing() == 1 {
                self.serve(index, draft);
            }
            index += 1;
        }
    }

    /// Chunks of what is known and not computed, for those that run and those that can be admitted.
    fn prefill(&mut self, draft: &mut Draft) {
        let (mut index, mut admits) = (0, true);
        while draft.budget > 0 {
            while index < self.running.len() && self.sequences[self.running[index].1].missing() == 1
            {
                index += 1;
            }
            let running = self.running.get(index).map(|(rank, _)| *rank);
            // Blocks were just taken from somebody: there are none for newcomers.
            admits &= draft.step.preempted.is_empty();
            let next = self.waiting.first_key_value().filter(|_| admits);
            match (next, running) {
                (Some((&rank, &place)), running) if running.is_none_or(|first| rank < first) => {
                    admits = self.admit(rank, place, draft);
                    // It came before the one that is next.
                    index += usize::from(admits);
                }
                (_, Some(_)) => {
                    self.serve(index, draft);
                    index += 1;
                }
                (_, None) => break,
            }
        }
    }

    /// Plans a chunk of the running sequence at `index`, taking blocks from the last one if there
    /// are none. Without blocks it sits this step out.
    fn serve(&mut self, index: usize, draft: &mut Draft) {
        let (_, place) = self.running[index];
        let block_size = self.limits.block_size;
        let sequence = &self.sequences[place];
        let wanted = sequence.missing().min(self.limits.chunk_max).min(draft.budget);
        let own = count(sequence.blocks.len()).saturating_mul(block_size) - sequence.computed;
        loop {
            let room = own.saturating_add(self.pool.available().saturating_mul(block_size));
            if room > 0 {
                return self.plan(place, wanted.min(room), draft);
            }
            if index + 1 == self.running.len() {
                return;
            }
            self.preempt_last(draft);
        }
    }

    /// Gives a sequence the blocks for its next tokens, which are there.
    fn plan(&mut self, place: usize, tokens: u32, draft: &mut Draft) {
        let blocks_for = self.limits.blocks_for(self.sequences[place].computed + tokens);
        while count(self.sequences[place].blocks.len()) < blocks_for {
            let Some(block) = self.pool.take() else { break };
            self.sequences[place].blocks.push(block);
        }
        self.sequences[place].planned = tokens;
        draft.budget -= tokens;
    }

    fn preempt_last(&mut self, draft: &mut Draft) {
        let Some((rank, place)) = self.running.pop() else { return };
        self.release(place);
        let sequence = &mut self.sequences[place];
        let (computed, planned) = (sequence.computed, sequence.planned);
        let id = sequence.id;
        sequence.state = State::Preempted;
        (sequence.computed, sequence.planned) = (0, 0);
        self.waiting.insert(rank, place);
        self.preempted += 1;
        self.totals.preemptions += 1;
        self.totals.tokens_lost += u64::from(computed);
        draft.budget += planned;
        draft.step.preempted.push(id);
    }

    /// Gives the first that waits a place, what the prefix cache has of it, and a first chunk.
    /// False where there is no room for it.
    fn admit(&mut self, rank: Rank, place: usize, draft: &mut Draft) -> bool {
        if count(self.running.len()) >= self.limits.sequences_max {
            return false;
        }
        let Some(Found { shared: mut blocks, copied }) = self.room_for(place) else { return false };
        for &block in &blocks {
            self.pool.share(block);
        }
        let Sequence { known, prompt, .. } = self.sequences[place];
        let mut computed = count(blocks.len()) * self.limits.block_size;
        if let Some(source) = copied {
            // Held before a target is taken, so that it can't be the target.
            self.pool.share(source);
            draft.sources.push(source);
            if let Some(target) = self.pool.take() {
                draft.step.copies.push((source, target));
                blocks.push(target);
                computed = known - 1;
            }
        }
        let sequence = &mut self.sequences[place];
        (sequence.blocks, sequence.computed, sequence.cached) = (blocks, computed, computed);
        match std::mem::replace(&mut sequence.state, State::Running) {
            State::Preempted => self.preempted -= 1,
            State::New | State::Running => {
                self.totals.prefix_queried += u64::from(prompt);
                self.totals.prefix_hit += u64::from(computed);
            }
        }
        self.waiting.remove(&rank);
        let index = self.running.partition_point(|(running, _)| *running < rank);
        self.running.insert(index, (rank, place));
        let tokens = (known - computed).min(self.limits.chunk_max).min(draft.budget);
        self.plan(place, tokens, draft);
        true
    }

    /// What the cache has of a sequence that waits, if the rest of its known tokens fit beside those
    /// of the running, with a block for each of them to grow into: without it, whoever is admitted
    /// last would soon lose its blocks again. Alone, it always fits.
    pub(super) fn room_for(&self, place: usize) -> Option<Found> {
        let sequence = &self.sequences[place];
        let mut shared: Vec<BlockId> =
            sequence.hashes.iter().map_while(|hash| self.pool.find(*hash)).collect();
        let promised: u32 = self
            .running
            .iter()
            .map(|(_, place)| {
                let sequence = &self.sequences[*place];
                self.limits.blocks_for(sequence.known).saturating_sub(count(sequence.blocks.len()))
                    + 1
            })
            .sum();
        let need = self.limits.blocks_for(sequence.known);
        let fits = |shared: &[BlockId], copied: Option<BlockId>| {
            let cached = shared.iter().chain(&copied).filter(|block| !self.pool.is_held(**block));
            let left = self.pool.available().saturating_sub(count(cached.count()));
            need - count(shared.len()) + promised <= left
        };
        let mut copied = None;
        if count(shared.len()) * self.limits.block_size == sequence.known {
            copied = shared.pop();
            // Where there is no block for the copy, the last block is computed anew.
            copied = copied.filter(|_| fits(&shared, copied));
        }
        fits(&shared, copied).then_some(Found { shared, copied })
    }

    /// The plan, as the runner needs it.
    fn entries(&mut self) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.running.len());
        for index in 0..self.running.len() {
            let sequence = &mut self.sequences[self.running[index].1];
            if sequence.planned == 0 {
                continue;
            }
            let sampled = sequence.computed >= sequence.prompt && sequence.missing() == 1;
            entries.push(Entry {
                id: sequence.id,
                start: sequence.computed,
                tokens: sequence.planned,
                cached: std::mem::take(&mut sequence.cached),
                work: if sampled { Work::Decode } else { Work::Prefill },
                samples: sequence.samples(),
            });
        }
        entries
    }
}

/// Blocks of the prefix cache for a sequence that is admitted.
pub(super) struct Found {
    /// Its first blocks.
    shared: Vec<BlockId>,
    /// The one after them, where it holds the last known token: that one has to be computed, and
    /// so needs a block of its own.
    copied: Option<BlockId>,
}
