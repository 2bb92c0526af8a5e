//! The invariants, checked from nothing but the tables.

use super::scheduler::Scheduler;
use super::sequence::State;
use super::{BlockId, count};

impl Scheduler {
    /// Checks all invariants; takes time in proportion to the blocks. Debug builds check after
    /// every step; others may, where a wrong count would cost more than the time.
    ///
    /// # Panics
    /// Where an invariant is broken: a defect of this module.
    pub fn check(&self) {
        self.check_blocks();
        self.check_sequences();
    }

    fn check_blocks(&self) {
        let mut references = vec![0_u32; self.limits.blocks as usize];
        let live = self.by_id.values().map(|place| &self.sequences[*place]);
        for BlockId(block) in live.flat_map(|sequence| &sequence.blocks) {
            references[*block as usize] += 1;
        }
        let (mut cached, mut hashed) = (0, 0);
        for (index, block) in self.pool.blocks.iter().enumerate() {
            let (has, counted) = (references[index], block.references);
            assert!(has >= counted, "block {index} leaked: {counted} references, {has} holders");
            assert!(has == counted, "block {index} has {has} holders, {counted} references");
            if let Some(hash) = block.hash {
                hashed += 1;
                let found = self.pool.find(hash).map(|id| id.0 as usize);
                assert!(found == Some(index), "block {index} can't be found by its hash");
                cached += u32::from(has == 0);
            }
        }
        assert!(hashed == self.pool.by_hash.len(), "a hash names a block that doesn't bear it");
        let listed = self.pool.cached_in_order().chain(self.pool.free.iter().copied());
        let mut seen = vec![false; references.len()];
        for BlockId(block) in listed {
            assert!(references[block as usize] == 0, "block {block} is held, and to be had");
            assert!(!seen[block as usize], "block {block} is listed twice");
            seen[block as usize] = true;
        }
        let held = count(references.iter().filter(|holders| **holders > 0).count());
        let (free, in_cache) = (count(self.pool.free.len()), self.pool.cached);
        assert!(in_cache == cached, "{in_cache} cached blocks are counted, {cached} are there");
        assert!(
            free + cached + held == self.limits.blocks,
            "{free} free, {cached} cached, {held} held of {} blocks",
            self.limits.blocks
        );
    }

    fn check_sequences(&self) {
        let in_order = self.running.windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(in_order, "the running are out of order");
        let running = count(self.running.len());
        assert!(running <= self.limits.sequences_max, "{running} sequences run");
        let (mut planned, mut states) = (0, [0_u32; 3]);
        for sequence in self.by_id.values().map(|place| &self.sequences[*place]) {
            let id = sequence.id.0;
            states[sequence.state as usize] += 1;
            assert!(sequence.computed < sequence.known, "sequence {id} has nothing to compute");
            assert!(sequence.planned <= sequence.missing(), "sequence {id} is planned too far");
            let room = count(sequence.blocks.len()).saturating_mul(self.limits.block_size);
            let reached = sequence.computed + sequence.planned;
            assert!(reached <= room, "sequence {id} has room for {room} tokens of {reached}");
            planned += sequence.planned;
            let runs = sequence.state == State::Running;
            assert!(runs || room == 0, "sequence {id} waits with blocks");
            let first = sequence.computed / self.limits.block_size;
            for block in sequence.blocks.iter().skip(first as usize) {
                let block = &self.pool.blocks[block.0 as usize];
                let own = block.references == 1 && block.hash.is_none();
                assert!(own, "sequence {id} writes into a block that can be shared");
            }
        }
        let waiting = count(self.waiting.len());
        assert!(states == [waiting - self.preempted, running, self.preempted], "{states:?}");
        let budget = self.limits.step_tokens_max;
        assert!(planned <= budget, "{planned} tokens are planned of {budget}");
    }
}
