//! The blocks: who holds which, and which can be shared.
//!
//! Invariant: a block is free (no references, nothing in it), cached (no references, of known hash)
//! or held (references). Every operation takes constant time.

use super::{BlockHash, BlockId, count};
use std::collections::HashMap;

#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Pool {
    pub(super) blocks: Vec<Block>,
    /// The last one freed is the first one taken: it may still be in a processor's cache.
    pub(super) free: Vec<BlockId>,
    /// Only ever asked for one hash, never walked: its order can't reach the outside.
    pub(super) by_hash: HashMap<BlockHash, BlockId>,
    /// Cached blocks, the least recently used first.
    oldest: Option<BlockId>,
    newest: Option<BlockId>,
    pub(super) cached: u32,
}

#[derive(Debug, Clone, Copy)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Block {
    pub(super) references: u32,
    /// Set while it can be shared.
    pub(super) hash: Option<BlockHash>,
    /// Neighbours among the cached ones.
    older: Option<BlockId>,
    newer: Option<BlockId>,
}

impl Pool {
    pub(super) fn new(blocks: u32) -> Self {
        let empty = Block { references: 0, hash: None, older: None, newer: None };
        Self {
            blocks: vec![empty; blocks as usize],
            free: (0..blocks).rev().map(BlockId).collect(),
            by_hash: HashMap::new(),
            oldest: None,
            newest: None,
            cached: 0,
        }
    }

    /// Blocks that can be taken.
    pub(super) fn available(&self) -> u32 {
        count(self.free.len()) + self.cached
    }

    /// Takes a block that nobody holds; whatever was in it is forgotten.
    pub(super) fn take(&mut self) -> Option<BlockId> {
        let id = match self.free.pop() {
            Some(id) => id,
            None => self.evict()?,
        };
        self.block(id).references = 1;
        Some(id)
    }

    fn evict(&mut self) -> Option<BlockId> {
        let id = self.oldest?;
        self.unlink(id);
        if let Some(hash) = self.block(id).hash.take() {
            self.by_hash.remove(&hash);
        }
        Some(id)
    }

    /// One more holds this block.
    pub(super) fn share(&mut self, id: BlockId) {
        if self.block(id).references == 0 {
            self.unlink(id);
        }
        self.block(id).references += 1;
    }

    /// One holds this block no more.
    pub(super) fn release(&mut self, id: BlockId) {
        let block = self.block(id);
        block.references -= 1;
        match (block.references, block.hash) {
            (0, None) => self.free.push(id),
            (0, Some(_)) => self.link(id),
            _ => {}
        }
    }

    /// A full, computed block that is held can be shared from now on, unless another one of the same
    /// hash is.
    pub(super) fn register(&mut self, id: BlockId, hash: BlockHash) {
        if self.blocks[id.0 as usize].hash.is_none() && !self.by_hash.contains_key(&hash) {
            self.block(id).hash = Some(hash);
            self.by_hash.insert(hash, id);
        }
    }

    /// The block of this hash.
    pub(super) fn find(&self, hash: BlockHash) -> Option<BlockId> {
        self.by_hash.get(&hash).copied()
    }

    /// Whether it is held by anybody.
    pub(super) fn is_held(&self, id: BlockId) -> bool {
        self.blocks[id.0 as usize].references > 0
    }

    /// The cached blocks in the order in which they would go. For checks.
    pub(super) fn cached_in_order(&self) -> impl Iterator<Item = BlockId> {
        // One more than there can be, so that a list bent into a circle ends too.
        std::iter::successors(self.oldest, |id| self.blocks[id.0 as usize].newer)
            .take(self.blocks.len() + 1)
    }

    fn block(&mut self, id: BlockId) -> &mut Block {
        &mut self.blocks[id.0 as usize]
    }

    /// Puts it behind all other cached blocks.
    fn link(&mut self, id: BlockId) {
        let older = self.newest.replace(id);
        (self.block(id).older, self.block(id).newer) = (older, None);
        match older {
            None => self.oldest = Some(id),
            Some(older) => self.block(older).newer = Some(id),
        }
        self.cached += 1;
    }

    fn unlink(&mut self, id: BlockId) {
        let Block { older, newer, .. } = *self.block(id);
        match older {
            None => self.oldest = newer,
            Some(older) => self.block(older).newer = newer,
        }
        match newer {
            None => self.newest = older,
            Some(newer) => self.block(newer).older = older,
        }
        self.cached -= 1;
    }
}
