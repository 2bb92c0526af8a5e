//! Prompts of stated length: natural text of ours, cut to the token.
//!
//! Natural text, because random ids flatter nobody equally: mixtures of experts and speculative
//! decoders take another path on noise. Every prompt is drawn anew and begins with its own seed: a
//! hundred sentences begin alike far too often, and a prefix cache would find them.

use crate::units::Tokens;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One sentence a line.
const SENTENCES: &str = include_str!("../../data/prose.txt");

/// Turns text into token ids, as the model under test would, with whatever it puts in front.
pub type Encode<'a> = dyn Fn(&str) -> Vec<u32> + 'a;

/// A prompt of exactly this many tokens (fewer only if `encode` gives none at all).
pub fn prompt(tokens: Tokens, seed: u64, encode: &Encode<'_>) -> Vec<u32> {
    let wanted = usize::try_from(tokens.0).unwrap_or(usize::MAX);
    let sentences: Vec<&str> = SENTENCES.lines().collect();
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut text = format!("{seed:016x} ");
    // A token of English is four to five characters; 8 leaves room, so that one round mostly does.
    let mut characters = wanted.saturating_mul(8).max(64);
    loop {
        while text.len() < characters {
            let pick = draw.next_u64() % sentences.len() as u64;
            text.push_str(sentences[usize::try_from(pick).unwrap_or(0)]);
            text.push(' ');
        }
        let mut ids = encode(&text);
        if ids.len() >= wanted || ids.is_empty() {
            ids.truncate(wanted);
            return ids;
        }
        characters = characters.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A token a byte: the longest encoding that there is.
    fn bytes(text: &str) -> Vec<u32> {
        text.bytes().map(u32::from).collect()
    }

    /// A token a sentence: far longer tokens than any model's.
    fn sentences(text: &str) -> Vec<u32> {
        text.split_terminator(". ").map(|s| u32::try_from(s.len()).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn a_prompt_has_the_length_asked_for(tokens in 0u64..600, seed: u64) {
            let length = |encode: &Encode<'_>| prompt(Tokens(tokens), seed, encode).len() as u64;
            prop_assert_eq!(length(&bytes), tokens);
            prop_assert_eq!(length(&sentences), tokens);
        }
    }

    #[test]
    fn the_seed_decides() {
        let of = |seed| prompt(Tokens(400), seed, &bytes);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn an_encoder_that_gives_nothing_does_not_loop() {
        assert!(prompt(Tokens(10), 1, &|_| Vec::new()).is_empty());
    }
}
