//! The scheduler as its owner sees it: requests come, tokens come, sequences end.
//!
//! A step counts as computed as soon as something is said that can only be known afterwards: a token
//! of it, the end of one of its sequences, or the wish for another step. A cancelled sequence's part
//! does not: after a failed step, cancelling its sequences is all that is needed.

use super::pool::Pool;
use super::sequence::{Rank, Sequence, State};
use super::{Arrival, BlockHash, BlockId, Counts, Limits, LimitsError, Refusal, SeqId, count};
use std::collections::{BTreeMap, HashMap};

/// Decides what is computed when; see [the module](super).
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub struct Scheduler {
    pub(super) limits: Limits,
    pub(super) pool: Pool,
    /// All that are live, and, at `places`, some that are over.
    pub(super) sequences: Vec<Sequence>,
    places: Vec<usize>,
    /// Where the live ones are. Only asked for one id at a time: its order can't reach the outside.
    pub(super) by_id: HashMap<SeqId, usize>,
    /// In order of rank.
    pub(super) running: Vec<(Rank, usize)>,
    /// In order of rank, preempted ones among them.
    pub(super) waiting: BTreeMap<Rank, usize>,
    pub(super) preempted: u32,
    arrivals: u64,
    /// The totals of [`Counts`]; the rest of it is worked out when asked for.
    pub(super) totals: Counts,
}

impl Scheduler {
    /// A scheduler without requests.
    ///
    /// # Errors
    /// Where the limits make no sense.
    pub fn new(limits: Limits) -> Result<Self, LimitsError> {
        let limits = limits.checked()?;
        Ok(Self {
            limits,
            pool: Pool::new(limits.blocks),
            sequences: Vec::new(),
            places: Vec::new(),
            by_id: HashMap::new(),
            running: Vec::new(),
            waiting: BTreeMap::new(),
            preempted: 0,
            arrivals: 0,
            totals: Counts::default(),
        })
    }

    /// What it may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a request.
    ///
    /// # Errors
    /// Where it can never be served, or not now; it is forgotten then.
    pub fn arrive(&mut self, mut arrival: Arrival) -> Result<(), Refusal> {
        self.admissible(&arrival)?;
        if !self.limits.prefix_cache {
            arrival.prefix = Vec::new();
        }
        let (id, rank) =
            (arrival.id, Rank::new(&arrival, self.arrivals, self.totals.steps, &self.limits));
        self.arrivals += 1;
        let sequence = Sequence::new(arrival, rank);
        let place = self.places.pop().unwrap_or(self.sequences.len());
        match self.sequences.get_mut(place) {
            Some(over) => *over = sequence,
            None => self.sequences.push(sequence),
        }
        self.by_id.insert(id, place);
        self.waiting.insert(rank, place);
        Ok(())
    }

    fn admissible(&self, arrival: &Arrival) -> Result<(), Refusal> {
        let &Arrival { id, prompt, output_max: output, .. } = arrival;
        let Limits { context_max: limit, blocks, block_size, .. } = self.limits;
        if prompt == 0 {
            return Err(Refusal::EmptyPrompt);
        }
        if output == 0 {
            return Err(Refusal::NoOutput);
        }
        if prompt.checked_add(output).is_none_or(|all| all > limit) {
            return Err(Refusal::Context { prompt, output, limit });
        }
        // Nothing follows the last token, so its keys and values are never computed.
        let need = self.limits.blocks_for(prompt + output - 1);
        if need > blocks {
            return Err(Refusal::Blocks { prompt, output, need, blocks });
        }
        let (hashes, full) = (count(arrival.prefix.len()), prompt / block_size);
        if hashes > full {
            return Err(Refusal::Hashes { hashes, full });
        }
        if self.by_id.contains_key(&id) {
            return Err(Refusal::Twice(id));
        }
        if count(self.waiting.len()) >= self.limits.waiting_max {
            return Err(Refusal::Full { limit: self.limits.waiting_max });
        }
        Ok(())
    }

    /// Gives a sequence up, whatever its state; its blocks are free at once. What the step under way
    /// computes of it is not shared. False where it isn't live.
    pub fn cancel(&mut self, id: SeqId) -> bool {
        let place = self.by_id.get(&id).copied();
        if let Some(place) = place {
            self.remove(place);
        }
        place.is_some()
    }

    /// A sequence is over. What was computed of it stays in the prefix cache while there is room.
    /// False where it isn't live.
    pub fn end(&mut self, id: SeqId) -> bool {
        let Some(&place) = self.by_id.get(&id) else { return false };
        self.confirm(place, Known::All);
        self.remove(place);
        true
    }

    /// A token was sampled after a sequence's last one. Where the known tokens fill a block with it,
    /// `sealed` is that block's hash; without it, that block and the later ones are not shared.
    ///
    /// The last token of `output_max` ends the sequence. A token that is not told before the next
    /// step is taken as not sampled, and what it follows from is computed again.
    ///
    /// Whether the sequence goes on: false after its end, and where nothing was to be sampled.
    pub fn token(&mut self, id: SeqId, sealed: Option<BlockHash>) -> bool {
        let Some(&place) = self.by_id.get(&id) else { return false };
        if !self.sequences[place].samples() {
            return false;
        }
        self.confirm(place, Known::All);
        let Limits { block_size, prefix_cache, .. } = self.limits;
        let sequence = &mut self.sequences[place];
        sequence.known += 1;
        if sequence.known == sequence.most {
            self.remove(place);
            return false;
        }
        let full = sequence.known.is_multiple_of(block_size);
        let chained = count(sequence.hashes.len() + 1) == sequence.known / block_size;
        if let Some(hash) = sealed.filter(|_| prefix_cache && full && chained) {
            sequence.hashes.push(hash);
        }
        true
    }

    /// The blocks of a sequence, in the order of its tokens: room for `start + tokens` of its entry.
    /// Empty where it doesn't run.
    pub fn blocks(&self, id: SeqId) -> &[BlockId] {
        self.by_id.get(&id).map_or(&[], |&place| &self.sequences[place].blocks)
    }

    /// How things stand.
    pub fn counts(&self) -> Counts {
        let Pool { cached, .. } = self.pool;
        Counts {
            running: count(self.running.len()),
            waiting: count(self.waiting.len()) - self.preempted,
            preempted: self.preempted,
            blocks_free: self.pool.available() - cached,
            blocks_cached: cached,
            blocks_held: self.limits.blocks - self.pool.available(),
            ..self.totals
        }
    }

    /// Counts the part of the step under way as computed and shares the blocks that it filled.
    pub(super) fn confirm(&mut self, place: usize, known: Known) {
        let block_size = self.limits.block_size;
        let sequence = &mut self.sequences[place];
        let before = sequence.computed / block_size;
        let reached = sequence.computed + std::mem::take(&mut sequence.planned);
        sequence.computed = match known {
            Known::All => reached,
            Known::ButLast => reached.min(sequence.known - 1),
        };
        let filled = (sequence.computed / block_size - before) as usize;
        let blocks = sequence.blocks.iter().zip(&sequence.hashes);
        for (&block, &hash) in blocks.skip(before as usize).take(filled) {
            self.pool.register(block, hash);
        }
    }

    /// Takes a live sequence out, wherever it is.
    fn remove(&mut self, place: usize) {
        self.release(place);
        let Sequence { id, rank, state, .. } = self.sequences[place];
        self.by_id.remove(&id);
        self.places.push(place);
        match state {
            State::Running => self.running.retain(|(_, running)| *running != place),
            State::New => _ = self.waiting.remove(&rank),
            State::Preempted => {
                self.waiting.remove(&rank);
                self.preempted -= 1;
            }
        }
    }

    /// Gives a sequence's blocks back, the last one first: of one prefix, what can be matched without
    /// the rest stays longest.
    pub(super) fn release(&mut self, place: usize) {
        for block in self.sequences[place].blocks.drain(..).rev() {
            self.pool.release(block);
        }
    }
}

/// How much of a sequence may count as computed.
#[derive(Clone, Copy)]
pub(super) enum Known {
    /// All of it: the token that follows was sampled, or none is wanted.
    All,
    /// Not its last token: what follows from it is not known yet.
    ButLast,
}
