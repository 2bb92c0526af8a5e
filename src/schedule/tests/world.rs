//! A model of an engine: what lies in every place of every block, and what each sequence must read.
//!
//! A token's keys and values depend on it and on all tokens before it, so they are stood in for by a
//! digest of all of these. The next token is made from what the *blocks* say, never from what the
//! test knows; so a wrong table, a lost copy or an overwritten block changes the tokens.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct World {
    pub(super) scheduler: Scheduler,
    limits: Limits,
    /// What lies in each block; digests are never 0.
    contents: Vec<Vec<u64>>,
    pub(super) live: BTreeMap<SeqId, Live>,
    /// All steps so far, for comparison.
    pub(super) trace: u64,
    /// Steps so far that were not empty.
    pub(super) steps: u64,
    /// Copies so far.
    pub(super) copies: u64,
    arrivals: u64,
    /// Tokens that were not told.
    untold: u64,
}

pub(super) struct Live {
    tokens: Vec<u64>,
    prompt: usize,
    output_max: usize,
    rank: (i64, u64),
    since: u64,
    untold_before: u64,
    /// Those it may have to wait for, with the most tokens of each.
    before: BTreeMap<SeqId, u64>,
}

/// How the runner treats a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    Computes,
    /// Does not tell the token of the first entry that yields one.
    Forgets,
    /// Fails: all sequences of the step are cancelled.
    Fails,
}

/// Splitmix64's finisher over two words.
pub(super) fn mix(left: u64, right: u64) -> u64 {
    let mut word = left.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ right;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (word ^ (word >> 31)) | 1
}

/// What the blocks should hold for these tokens.
fn digests(tokens: &[u64]) -> Vec<u64> {
    let next = |digest: &mut u64, token: &u64| {
        *digest = mix(*digest, *token);
        Some(*digest)
    };
    tokens.iter().scan(7, next).collect()
}

fn sampled(digest: u64) -> u64 {
    digest >> 60
}

/// The output of a sequence that is alone in the world.
fn alone(prompt: &[u64], output: usize) -> Vec<u64> {
    let mut tokens = prompt.to_vec();
    for _ in 0..output {
        tokens.push(sampled(digests(&tokens)[tokens.len() - 1]));
    }
    tokens.split_off(prompt.len())
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            scheduler: Scheduler::new(limits).unwrap(),
            limits,
            contents: vec![vec![0; limits.block_size as usize]; limits.blocks as usize],
            live: BTreeMap::new(),
            trace: 0,
            steps: 0,
            copies: 0,
            arrivals: 0,
            untold: 0,
        }
    }

    fn hashes(&self, tokens: &[u64]) -> Vec<BlockHash> {
        let size = self.limits.block_size as usize;
        digests(tokens).chunks_exact(size).map(|b| BlockHash(u128::from(b[size - 1]))).collect()
    }

    pub(super) fn arrive(
        &mut self,
        id: u64,
        prompt: &[u64],
        output_max: u32,
        priority: i32,
    ) -> Result<(), Refusal> {
        let id = SeqId(id);
        let running = |other: &SeqId| !self.scheduler.blocks(*other).is_empty();
        let rank = (
            i64::try_from(self.steps).unwrap()
                + i64::from(priority) * i64::from(self.limits.patience),
            self.arrivals,
        );
        let output_max_long = output_max as usize;
        let most = |live: &Live| (live.prompt + live.output_max) as u64;
        let mut before: BTreeMap<_, _> = self
            .live
            .iter()
            .filter(|(other, live)| live.rank < rank || running(other))
            .map(|(other, live)| (*other, most(live)))
            .collect();
        before.insert(id, (prompt.len() + output_max_long) as u64);
        let prefix = self.hashes(prompt);
        let arrival = Arrival {
            id,
            prompt: count(prompt.len()),
            output_max,
            priority: Priority(priority),
            prefix,
        };
        self.scheduler.arrive(arrival)?;
        for live in self.live.values_mut().filter(|live| rank < live.rank) {
            live.before.insert(id, (prompt.len() + output_max_long) as u64);
        }
        let live = Live {
            tokens: prompt.to_vec(),
            prompt: prompt.len(),
            output_max: output_max_long,
            rank,
            since: self.steps,
            untold_before: self.untold,
            before,
        };
        self.live.insert(id, live);
        self.arrivals += 1;
        Ok(())
    }

    pub(super) fn cancel(&mut self, id: SeqId) {
        let known = self.live.remove(&id).is_some();
        assert_eq!(self.scheduler.cancel(id), known);
        assert!(self.scheduler.blocks(id).is_empty(), "{id:?} has blocks after its end");
        self.scheduler.check();
    }

    /// A sequence ends before it has all its tokens, as if a stop string had come.
    pub(super) fn end(&mut self, id: SeqId) {
        let known = self.finish(id);
        assert_eq!(self.scheduler.end(id), known);
        self.scheduler.check();
    }

    /// Takes a sequence for ended: its tokens are what they would be alone, and came in time.
    fn finish(&mut self, id: SeqId) -> bool {
        let Some(live) = self.live.remove(&id) else { return false };
        let output = live.tokens.len() - live.prompt;
        assert_eq!(live.tokens[live.prompt..], alone(&live.tokens[..live.prompt], output));
        let waits: u64 = live.before.values().sum();
        let most = live.before.values().max().unwrap();
        let bound = waits + live.before.len() as u64 * most + self.untold - live.untold_before;
        let age = self.steps - live.since;
        assert!(age <= bound, "{id:?} took {age} steps, more than {bound}");
        true
    }

    /// One step of scheduler and engine. Whether anything was done.
    pub(super) fn step(&mut self, runner: Runner) -> bool {
        let step = self.scheduler.step();
        self.trace = format!("{step:?}").bytes().fold(self.trace, |t, byte| mix(t, byte.into()));
        self.limited(&step);
        if step.entries.is_empty() {
            assert!(self.live.is_empty(), "idle with {} live", self.live.len());
            return false;
        }
        self.steps += 1;
        self.copy(&step.copies);
        let logits: Vec<_> = step.entries.iter().map(|entry| self.compute(entry)).collect();
        if runner == Runner::Fails {
            for entry in &step.entries {
                self.cancel(entry.id);
            }
            return true;
        }
        let mut forgets = runner == Runner::Forgets;
        for (entry, digest) in step.entries.iter().zip(logits) {
            if !entry.samples {
                assert!(!self.scheduler.token(entry.id, None), "a token out of turn");
            } else if std::mem::take(&mut forgets) {
                self.untold += 1;
            } else {
                self.tell(entry.id, digest);
            }
        }
        true
    }

    fn tell(&mut self, id: SeqId, digest: u64) {
        let Some(live) = self.live.get_mut(&id) else { panic!("{id:?} is over") };
        live.tokens.push(sampled(digest));
        let goes_on = live.tokens.len() < live.prompt + live.output_max;
        let tokens = live.tokens.clone();
        let full = tokens.len().is_multiple_of(self.limits.block_size as usize);
        let sealed = self.hashes(&tokens).last().copied().filter(|_| full);
        assert_eq!(self.scheduler.token(id, sealed), goes_on);
        if !goes_on {
            self.finish(id);
        }
    }

    /// Holds the step to the limits.
    fn limited(&self, step: &Step) {
        let limits = &self.limits;
        let tokens: u32 = step.entries.iter().map(|entry| entry.tokens).sum();
        assert!(tokens <= limits.step_tokens_max, "{tokens} tokens in a step");
        assert!(step.entries.len() <= limits.sequences_max as usize);
        let ids: BTreeSet<_> = step.entries.iter().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), step.entries.len(), "a sequence twice in a step");
        let (from, to): (BTreeSet<_>, BTreeSet<_>) = step.copies.iter().copied().unzip();
        assert!(from.is_disjoint(&to) && to.len() == step.copies.len(), "{:?}", step.copies);
        for entry in &step.entries {
            assert!((1..=limits.chunk_max).contains(&entry.tokens), "{entry:?}");
            assert!(entry.cached <= entry.start, "{entry:?}");
            let known = count(self.live[&entry.id].tokens.len());
            assert_eq!(entry.samples, entry.start + entry.tokens == known, "{entry:?}");
            assert!(entry.work == Work::Prefill || (entry.tokens == 1 && entry.samples));
            // What one writes, no other may read.
            let written = self.blocks(entry.id, entry.start, entry.start + entry.tokens);
            for other in self.live.keys().filter(|other| **other != entry.id) {
                let theirs = self.scheduler.blocks(*other);
                let both = written.iter().find(|block| theirs.contains(block));
                assert!(both.is_none(), "{entry:?} writes what {other:?} reads: {both:?}");
            }
        }
    }

    fn blocks(&self, id: SeqId, from: u32, to: u32) -> Vec<BlockId> {
        let size = self.limits.block_size;
        let range = (from / size) as usize..to.div_ceil(size) as usize;
        self.scheduler.blocks(id)[range].to_vec()
    }

    fn copy(&mut self, copies: &[(BlockId, BlockId)]) {
        self.copies += copies.len() as u64;
        // At once, as a kernel would.
        let sources: Vec<_> =
            copies.iter().map(|(from, _)| self.contents[from.0 as usize].clone()).collect();
        for ((_, to), source) in copies.iter().zip(sources) {
            self.contents[to.0 as usize] = source;
        }
    }

    /// Reads what lies before an entry, writes what it computes; what the last token leads to.
    fn compute(&mut self, entry: &Entry) -> u64 {
        let tokens = &self.live[&entry.id].tokens;
        let want = digests(tokens);
        let table = self.scheduler.blocks(entry.id);
        let size = self.limits.block_size as usize;
        let (start, end) = (entry.start as usize, (entry.start + entry.tokens) as usize);
        let mut digest = 7;
        for position in 0..end {
            let place = &mut self.contents[table[position / size].0 as usize][position % size];
            if position >= start {
                *place = mix(digest, tokens[position]);
            }
            digest = *place;
            assert_eq!(digest, want[position], "{entry:?} reads what isn't its own at {position}");
        }
        digest
    }
}
