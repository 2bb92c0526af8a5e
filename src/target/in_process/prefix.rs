//! What blocks of tokens hash to, so that equal beginnings are found.
//!
//! A block's hash is the first half of SHA-256 over the hash before it and the block's tokens, so it
//! stands for all tokens up to its end. Two different beginnings with one hash would make a sequence
//! read another one's keys and values. Among n blocks that happens with a probability below
//! n² / 2¹²⁹ (10⁻²⁶ for a million), and nobody can bring it about: finding such a pair on purpose
//! takes about 2⁶⁴ tries. So tokens are not kept or compared.

use crate::schedule::BlockHash;
use sha2::{Digest, Sha256};

/// The hash of each full block, from the beginning, as tokens come.
#[derive(Debug)]
pub(super) struct Prefix {
    block_size: usize,
    /// Of the last full block.
    last: BlockHash,
    /// How many tokens are in full blocks.
    sealed: usize,
}

impl Prefix {
    pub(super) fn new(block_size: u32) -> Self {
        Self { block_size: block_size as usize, last: BlockHash(0), sealed: 0 }
    }

    /// The hashes of the blocks that `tokens`, the sequence so far, fill since the last call.
    pub(super) fn seal(&mut self, tokens: &[u32]) -> Vec<BlockHash> {
        let blocks = tokens.get(self.sealed..).unwrap_or_default().chunks_exact(self.block_size);
        let hashes: Vec<_> = blocks
            .scan(self.last, |last, block| {
                *last = chain(*last, block);
                Some(*last)
            })
            .collect();
        self.sealed += hashes.len() * self.block_size;
        self.last = hashes.last().copied().unwrap_or(self.last);
        hashes
    }
}

fn chain(before: BlockHash, tokens: &[u32]) -> BlockHash {
    let mut sha = Sha256::new();
    sha.update(before.0.to_le_bytes());
    for token in tokens {
        sha.update(token.to_le_bytes());
    }
    let half = sha.finalize().into_iter().take(16);
    BlockHash(half.fold(0, |number, byte| number << 8 | u128::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_stands_for_all_tokens_to_the_end_of_its_block() {
        let all = |tokens: &[u32]| Prefix::new(2).seal(tokens);
        let [first, second] = all(&[1, 2, 3, 4, 5])[..] else { panic!("two full blocks") };
        assert_eq!(all(&[1, 2, 3, 9]), [first, all(&[1, 2, 3, 9])[1]]);
        assert_ne!(all(&[1, 2, 3, 9])[1], second);
        // The same block after another one, and the same tokens cut elsewhere.
        assert_ne!(all(&[9, 2, 3, 4])[1], second);
        assert_ne!(Prefix::new(4).seal(&[1, 2, 3, 4])[0], second);
    }

    #[test]
    fn token_by_token_and_at_once_are_the_same() {
        let tokens: Vec<u32> = (0..11).collect();
        let mut prefix = Prefix::new(3);
        let one_by_one: Vec<_> = (0..=11).flat_map(|end| prefix.seal(&tokens[..end])).collect();
        assert_eq!(one_by_one, Prefix::new(3).seal(&tokens));
        assert_eq!(one_by_one.len(), 3);
    }
}
