//! One step's tokens, flattened: what every operation over them is told.
//!
//! Invariant: a token's position, slot and sequence are worked out here, once a step, and every id,
//! position and block in a [`Ragged`] is within the model's and the cache's bounds. Nothing after
//! this checks again.

use super::BLOCK;
use crate::engine::{EngineError, Piece};
use crate::units::Tokens;
use std::ops::Range;

/// The tokens of a step, sequence after sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ragged {
    /// Each token's id.
    pub tokens: Vec<u32>,
    /// Each token's place in its sequence.
    pub positions: Vec<u32>,
    /// Where each token's keys and values go: `block * BLOCK + position % BLOCK`.
    pub slots: Vec<u32>,
    /// Whose they are.
    pub sequences: Vec<Sequence>,
    /// The rows of those tokens whose logits are wanted.
    pub wanted: Vec<usize>,
}

/// The part of a step that belongs to one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Its tokens' rows in the batch.
    pub rows: Range<usize>,
    /// The position of the first of them: as many are in the cache already.
    pub start: usize,
    /// The blocks of the cache that hold it, from its beginning.
    pub blocks: Vec<u32>,
}

impl Sequence {
    /// Tokens that the cache holds once this step's are written.
    pub fn length(&self) -> usize {
        self.start + self.rows.len()
    }
}

/// What the bounds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Ids are below it.
    pub vocabulary: usize,
    /// Sequences are no longer.
    pub context: usize,
    /// Blocks are below it.
    pub blocks: usize,
}

impl Ragged {
    /// Flattens the pieces of a step.
    ///
    /// # Errors
    /// Where a piece is empty, outgrows its context or its blocks, or names a token or a block that
    /// there isn't.
    pub fn new(pieces: &[Piece<'_>], bounds: Bounds) -> Result<Self, EngineError> {
        let mut all = Self::default();
        for piece in pieces {
            all.push(piece, bounds)?;
        }
        Ok(all)
    }

    fn push(&mut self, piece: &Piece<'_>, bounds: Bounds) -> Result<(), EngineError> {
        let Piece { tokens, start, blocks, logits } = *piece;
        let length = start.saturating_add(tokens.len());
        if tokens.is_empty() {
            return Err(EngineError::Position { tokens: 0, position: start, held: start });
        }
        if length > bounds.context {
            let (wanted, limit) = (Tokens(length as u64), Tokens(bounds.context as u64));
            return Err(EngineError::Context { wanted, limit });
        }
        if let Some(&id) = tokens.iter().find(|&&id| id as usize >= bounds.vocabulary) {
            return Err(EngineError::Token { id, vocabulary: bounds.vocabulary });
        }
        let needed = length.div_ceil(BLOCK);
        let unknown = blocks.iter().find(|&&block| block as usize >= bounds.blocks);
        if blocks.len() < needed || unknown.is_some() {
            return Err(EngineError::Blocks {
                needed,
                given: blocks.len(),
                unknown: unknown.copied(),
            });
        }
        let first = self.tokens.len();
        self.tokens.extend_from_slice(tokens);
        for position in start..length {
            let slot = blocks[position / BLOCK] as usize * BLOCK + position % BLOCK;
            // Both are below `context` and `blocks * BLOCK`, which fit by construction.
            self.positions.push(u32::try_from(position).unwrap_or(u32::MAX));
            self.slots.push(u32::try_from(slot).unwrap_or(u32::MAX));
        }
        let rows = first..self.tokens.len();
        if logits {
            self.wanted.push(rows.end - 1);
        }
        self.sequences.push(Sequence { rows, start, blocks: blocks[..needed].to_vec() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { vocabulary: 10, context: 100, blocks: 4 };

    fn piece<'a>(tokens: &'a [u32], start: usize, blocks: &'a [u32], logits: bool) -> Piece<'a> {
        Piece { tokens, start, blocks, logits }
    }

    #[test]
    fn tokens_know_their_places_and_slots() {
        let pieces = [piece(&[5, 6], 31, &[3, 0], true), piece(&[7], 0, &[1], false)];
        let got = Ragged::new(&pieces, BOUNDS).unwrap();
        assert_eq!(got.tokens, [5, 6, 7]);
        assert_eq!(got.positions, [31, 32, 0]);
        assert_eq!(got.slots, [3 * 32 + 31, 0, 32]);
        assert_eq!(got.wanted, [1]);
        assert_eq!(got.sequences[0], Sequence { rows: 0..2, start: 31, blocks: vec![3, 0] });
        assert_eq!(got.sequences[0].length(), 33);
    }

    #[track_caller]
    fn refused(one: &Piece<'_>, want: &str) {
        let error = Ragged::new(&[*one], BOUNDS).unwrap_err();
        assert_eq!(error.to_string(), want);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        refused(
            &piece(&[], 3, &[0], true),
            "a forward pass of 0 token(s) at position 3, where 3 are held",
        );
        refused(&piece(&[10], 0, &[0], true), "token `10` is outside the vocabulary of 10");
        refused(
            &piece(&[1], 100, &[0, 1, 2, 3], true),
            "a sequence of 101 tok exceeds this engine's context limit of 100 tok",
        );
        refused(&piece(&[1, 2], 31, &[0], true), "a sequence that needs 2 block(s) was given 1");
        refused(&piece(&[1], 0, &[4], true), "block `4` is outside the KV cache");
    }
}
