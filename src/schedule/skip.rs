//! Many steps at once, for simulations: most steps are like the one before.
//!
//! Invariant: [`Scheduler::skip`] leaves the very state, block by block, in which as many single steps
//! with their tokens told would have left it. So what may differ from step to step bounds how many
//! there are: nobody ends, nobody is admitted, nobody loses a block. Guarded by `tests::skips`, which
//! compare the two states whole after every step of random histories.

use super::scheduler::Scheduler;
use super::{BlockHash, SeqId, count};

/// Steps to come that are alike: each is a token of decoding for every running sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Even {
    /// How many there are; the last of them ends no sequence.
    pub steps: u32,
    /// How many sequences decode in each.
    pub sequences: u32,
    /// The contexts that these attend to in the first of them, summed, each its own place included;
    /// in every one that follows it is longer by `sequences`.
    pub context: u64,
}

/// What happens to a running sequence in a step besides a token more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// It needs a block. All that a step needs are taken before it is computed.
    Takes,
    /// Its token is told, and a block is full with it.
    Fills,
}

impl Scheduler {
    /// The steps to come that are alike, if all their tokens are told, nothing arrives, and nothing is
    /// ended from outside; none where that can't be said without planning. To be asked when all
    /// tokens of the last step were told.
    pub fn even(&self) -> Even {
        let mut even = Even { steps: u32::MAX, ..Even::default() };
        for (_, place) in &self.running {
            let sequence = &self.sequences[*place];
            let decodes = sequence.computed >= sequence.prompt && sequence.missing() == 1;
            if !decodes || sequence.planned > 0 {
                return Even::default();
            }
            // The token that makes it whole is that of a planned step: it frees blocks.
            even.steps = even.steps.min(sequence.most - sequence.known - 1);
            even.sequences += 1;
            even.context += u64::from(sequence.known);
        }
        if even.sequences == 0 || even.steps == 0 || self.admits_next() {
            return Even::default();
        }
        even.steps = self.with_blocks(even.steps);
        if even.steps == 0 { Even::default() } else { even }
    }

    /// Whether the first that waits may be admitted before anybody ends. Decoding never makes room:
    /// what it takes out of the pool it adds to nobody's promise. But it may fill blocks that are
    /// looked for, so with a prefix cache and a free place the answer is yes.
    fn admits_next(&self) -> bool {
        let Some((_, &place)) = self.waiting.first_key_value() else { return false };
        let has_place = count(self.running.len()) < self.limits.sequences_max;
        has_place && (self.limits.prefix_cache || self.room_for(place).is_some())
    }

    /// The most steps, up to `steps`, for which there are blocks without taking any from anybody.
    fn with_blocks(&self, steps: u32) -> u32 {
        let needs = |steps: u32| -> u64 {
            let more = |(_, place): &(_, usize)| {
                let sequence = &self.sequences[*place];
                let all = self.limits.blocks_for(sequence.computed + steps);
                u64::from(all.saturating_sub(count(sequence.blocks.len())))
            };
            self.running.iter().map(more).sum()
        };
        let available = u64::from(self.pool.available());
        if needs(steps) <= available {
            return steps;
        }
        let (mut enough, mut too_few) = (0, steps);
        while too_few - enough > 1 {
            let middle = enough + (too_few - enough) / 2;
            *(if needs(middle) <= available { &mut enough } else { &mut too_few }) = middle;
        }
        enough
    }

    /// Takes so many of the steps that are alike, at most as many as [`Scheduler::even`] says, and
    /// tells their tokens. `seal` gives the hash of a block that a sequence filled, by the block's
    /// number in the sequence, as [`Scheduler::token`] is given it.
    pub fn skip(&mut self, steps: u32, mut seal: impl FnMut(SeqId, u32) -> Option<BlockHash>) {
        debug_assert!(steps <= self.even().steps, "{steps} of {:?}", self.even());
        for (step, change, index) in self.changes(steps) {
            let place = self.running[index].1;
            match change {
                Change::Takes => {
                    let Some(block) = self.pool.take() else { continue };
                    self.sequences[place].blocks.push(block);
                }
                Change::Fills => self.filled(place, step, &mut seal),
            }
        }
        for (_, place) in &self.running {
            let sequence = &mut self.sequences[*place];
            sequence.computed += steps;
            sequence.known += steps;
        }
        self.totals.steps += u64::from(steps);
        if cfg!(debug_assertions) {
            self.check();
        }
    }

    /// What happens in so many steps, in the order in which it would: by step, counted from 1, then
    /// by kind, then by rank.
    fn changes(&self, steps: u32) -> Vec<(u32, Change, usize)> {
        let size = self.limits.block_size;
        let mut changes = Vec::new();
        for (index, (_, place)) in self.running.iter().enumerate() {
            let sequence = &self.sequences[*place];
            let room = count(sequence.blocks.len()) * size - sequence.computed;
            let mut add = |first: u32, change| {
                let every = (first..=steps).step_by(size as usize);
                changes.extend(every.map(|step| (step, change, index)));
            };
            add(room + 1, Change::Takes);
            if self.limits.prefix_cache {
                // A block is known to be full a step before it is computed.
                let computed = size - sequence.computed % size;
                add(computed, Change::Fills);
                if size > 1 {
                    add(if computed == 1 { size } else { computed - 1 }, Change::Fills);
                }
            }
        }
        changes.sort_unstable();
        changes
    }

    /// A token is told in this step, and a block is computed or known to the end with it.
    fn filled(
        &mut self,
        place: usize,
        step: u32,
        seal: &mut impl FnMut(SeqId, u32) -> Option<BlockHash>,
    ) {
        let size = self.limits.block_size;
        let sequence = &mut self.sequences[place];
        let (computed, known) = (sequence.computed + step, sequence.known + step);
        if computed.is_multiple_of(size) {
            let block = (computed / size - 1) as usize;
            if let (Some(&id), Some(&hash)) =
                (sequence.blocks.get(block), sequence.hashes.get(block))
            {
                self.pool.register(id, hash);
            }
        }
        let sealed = count(sequence.hashes.len());
        if known.is_multiple_of(size) && sealed + 1 == known / size {
            sequence.hashes.extend(seal(sequence.id, sealed));
        }
    }
}
