//! A model that holds one sequence, as an engine for batches of one.
//!
//! The whole cache is one block as long as the context, so there is nothing to share, to copy or to
//! run out of: whoever schedules needs to know nothing more.

use super::{Capacity, Engine, EngineError, Forward, Logits, Piece};

/// The most prompt tokens of one forward pass: it bounds the attention scores, which grow with its
/// product with the context, and how long a cancellation waits.
const CHUNK: u32 = 512;

/// One sequence at a time, on any [`Forward`].
pub struct Solo<F> {
    forward: F,
}

impl<F: Forward> Solo<F> {
    /// An engine on this model.
    pub fn new(forward: F) -> Self {
        Self { forward }
    }
}

impl<F: Forward> Engine for Solo<F> {
    fn step(&mut self, pieces: &[Piece<'_>]) -> Result<Logits, EngineError> {
        let mut logits = Logits { numbers: Vec::new(), vocabulary: self.forward.vocabulary() };
        for piece in pieces {
            if piece.start == 0 {
                self.forward.reset();
            }
            // A second sequence doesn't start where the first ended, and is refused here.
            let row = self.forward.forward(piece.tokens, piece.start)?;
            if piece.logits {
                logits.numbers.extend(row);
            }
        }
        Ok(logits)
    }

    fn copy_blocks(&mut self, copies: &[(u32, u32)]) -> Result<(), EngineError> {
        match copies.iter().find(|(from, to)| from.max(to) > &0) {
            // There is block 0 and no other.
            Some((from, to)) => {
                let unknown = Some(*from.max(to));
                Err(EngineError::Blocks { needed: 1, given: 1, unknown })
            }
            None => Ok(()),
        }
    }

    fn capacity(&self) -> Capacity {
        let context = self.forward.context_limit();
        let block_size = u32::try_from(context).unwrap_or(u32::MAX);
        Capacity {
            vocabulary: self.forward.vocabulary(),
            context,
            blocks: 1,
            block_size,
            sequences: 1,
            step_tokens: CHUNK,
        }
    }

    fn describe(&self) -> String {
        self.forward.describe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its logits are the sum of what it holds.
    #[derive(Default)]
    struct Sum(Vec<u32>);

    impl Forward for Sum {
        fn forward(&mut self, tokens: &[u32], position: usize) -> Result<Vec<f32>, EngineError> {
            let held = self.0.len();
            if position != held {
                return Err(EngineError::Position { tokens: tokens.len(), position, held });
            }
            self.0.extend(tokens);
            Ok(vec![f32::from(u16::try_from(self.0.iter().sum::<u32>()).unwrap()); 2])
        }

        fn reset(&mut self) {
            self.0.clear();
        }

        fn vocabulary(&self) -> usize {
            2
        }

        fn context_limit(&self) -> usize {
            9
        }

        fn describe(&self) -> String {
            "a sum".to_owned()
        }
    }

    fn piece(tokens: &[u32], start: usize, logits: bool) -> Piece<'_> {
        Piece { tokens, start, blocks: &[0], logits }
    }

    #[test]
    fn chunks_and_tokens_of_one_sequence_follow_each_other_and_a_new_one_begins_anew() {
        let mut solo = Solo::new(Sum::default());
        let mut step = |piece| solo.step(&[piece]).map(|logits| logits.numbers);
        assert!(step(piece(&[1, 2], 0, false)).unwrap().is_empty());
        assert_eq!(step(piece(&[3], 2, true)).unwrap(), [6.0, 6.0]);
        assert_eq!(step(piece(&[4], 3, true)).unwrap(), [10.0, 10.0]);
        assert_eq!(step(piece(&[5], 0, true)).unwrap(), [5.0, 5.0]);
        assert!(matches!(step(piece(&[5], 3, true)), Err(EngineError::Position { .. })));
    }

    #[test]
    fn it_has_one_block_for_one_sequence() {
        let mut solo = Solo::new(Sum::default());
        let want = Capacity {
            vocabulary: 2,
            context: 9,
            blocks: 1,
            block_size: 9,
            sequences: 1,
            step_tokens: 512,
        };
        assert_eq!(solo.capacity(), want);
        assert!(solo.copy_blocks(&[]).is_ok());
        assert!(solo.copy_blocks(&[(0, 1)]).is_err());
    }
}
