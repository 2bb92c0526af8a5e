//! Prompts of stated length: natural text of ours, or random ids.
//!
//! Natural text, because random ids flatter nobody equally: mixtures of experts and speculative
//! decoders take another path on noise.
//!
//! Invariant: a segment is a function of its seed and length alone, whatever stands before it, so
//! that prompts that begin with the same segments begin with the same tokens. It begins with its own
//! seed: a hundred sentences begin alike far too often, and a prefix cache would find them. Token ids
//! are exact to the token. Guarded by the tests below.

use super::dataset::CHARACTERS_PER_TOKEN;
use super::session::Segment;
use crate::units::Tokens;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One sentence a line.
const SENTENCES: &str = include_str!("../../data/prose.txt");

/// Turns text into token ids, as the model under test would, with whatever it puts in front.
pub type Encode<'a> = dyn Fn(&str) -> Vec<u32> + 'a;

/// A prompt's token ids: exactly as many as its segments have together (fewer only if `encode` gives
/// none at all). What the model wants in front of a text comes once, and counts.
pub fn ids(segments: &[Segment], encode: &Encode<'_>) -> Vec<u32> {
    joined(segments, encode, true)
}

/// The same of what is said later in a conversation: nothing is put in front of it again.
pub fn ids_after(segments: &[Segment], encode: &Encode<'_>) -> Vec<u32> {
    joined(segments, encode, false)
}

fn joined(segments: &[Segment], encode: &Encode<'_>, begins: bool) -> Vec<u32> {
    let empty = encode("");
    let mut prompt = Vec::new();
    for segment in segments {
        let wanted = usize::try_from(segment.tokens.0).unwrap_or(usize::MAX);
        // As many more as the model puts before and after any text.
        let ids = enough(segment.seed, wanted.saturating_add(empty.len()), encode);
        // What no text at all begins with as well is what is put before it.
        let front = empty.iter().zip(&ids).take_while(|(one, other)| one == other).count();
        let from = if begins && prompt.is_empty() { 0 } else { front };
        prompt.extend(ids.into_iter().skip(from).take(wanted));
    }
    prompt
}

/// At least so many ids of a segment's text, unless `encode` gives no more.
fn enough(seed: u64, wanted: usize, encode: &Encode<'_>) -> Vec<u32> {
    let mut prose = Prose::of(seed);
    // A token of English is four to five characters; 8 leaves room, so that one round mostly does.
    let mut characters = wanted.saturating_mul(8).max(64);
    // No token is a thousand characters long: an encoder that wants more than that cuts its output.
    let most = wanted.saturating_mul(1_024).max(65_536);
    loop {
        let ids = encode(prose.at_least(characters));
        if ids.len() >= wanted || ids.is_empty() || characters >= most {
            return ids;
        }
        characters = characters.saturating_mul(2);
    }
}

/// A prompt's text, for a server whose tokenizer is not at hand: about as long as its segments have
/// tokens together.
pub fn text(segments: &[Segment], gauge: &Gauge) -> String {
    let mut prompt = String::new();
    let mut spent = gauge.overhead;
    for segment in segments {
        let tokens = segment.tokens.0.saturating_sub(spent.0);
        spent = Tokens(spent.0.saturating_sub(segment.tokens.0));
        let characters = gauge.characters(Tokens(tokens)).max(1);
        let mut prose = Prose::of(segment.seed);
        prompt.push_str(&prose.at_least(characters)[..characters]);
        // No token reaches from one segment into the next.
        prompt.pop();
        prompt.push('\n');
    }
    prompt
}

/// How a server counts our text: so many tokens for so many characters, and some for what it puts
/// around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// Tokens that come to every prompt: its template's.
    overhead: Tokens,
    characters: u64,
    tokens: Tokens,
}

impl Gauge {
    /// Four characters a token, OpenAI's rule of thumb for English. A guess, to begin with.
    pub const GUESS: Self =
        Self { overhead: Tokens(0), characters: CHARACTERS_PER_TOKEN, tokens: Tokens(1) };

    /// From two prompts of different length, each as many characters as the server counted tokens;
    /// `None`: they say nothing (the longer one has no more tokens).
    pub fn fit(short: (&str, Tokens), long: (&str, Tokens)) -> Option<Self> {
        let characters = (long.0.len() as u64).checked_sub(short.0.len() as u64)?;
        let tokens = Tokens(long.1.0.checked_sub(short.1.0)?);
        if characters == 0 || tokens == Tokens(0) {
            return None;
        }
        let slope = Self { overhead: Tokens(0), characters, tokens };
        let of_text =
            u128::from(short.0.len() as u64) * u128::from(tokens.0) / u128::from(characters);
        let overhead = short.1.0.saturating_sub(u64::try_from(of_text).unwrap_or(u64::MAX));
        Some(Self { overhead: Tokens(overhead), ..slope })
    }

    /// Tokens that come to every prompt: its template's, the same in all.
    pub fn overhead(&self) -> Tokens {
        self.overhead
    }

    /// As many characters as are so many tokens of text, to the nearest.
    fn characters(&self, tokens: Tokens) -> usize {
        let twice = 2 * u128::from(tokens.0) * u128::from(self.characters);
        let characters = (twice / u128::from(self.tokens.0.max(1))).div_ceil(2);
        usize::try_from(characters).unwrap_or(usize::MAX)
    }
}

/// A prompt of random ids below `vocabulary`: exactly as many as its segments have together. Any of
/// them may be one that the model gives a meaning of its own to; give as many as there are ordinary
/// ones.
pub fn random_ids(segments: &[Segment], vocabulary: u32) -> Vec<u32> {
    let mut prompt = Vec::new();
    for segment in segments {
        let mut draw = ChaCha8Rng::seed_from_u64(segment.seed);
        let id = |_| {
            let product = u64::from(draw.next_u32()) * u64::from(vocabulary);
            u32::try_from(product >> 32).unwrap_or(0)
        };
        prompt.extend((0..segment.tokens.0).map(id));
    }
    prompt
}

/// Text without end, drawn from a seed and led by it.
struct Prose {
    draw: ChaCha8Rng,
    sentences: Vec<&'static str>,
    text: String,
}

impl Prose {
    fn of(seed: u64) -> Self {
        Self {
            draw: ChaCha8Rng::seed_from_u64(seed),
            sentences: SENTENCES.lines().collect(),
            text: format!("{seed:016x} "),
        }
    }

    /// Its beginning, at least so many characters; they are ASCII.
    fn at_least(&mut self, characters: usize) -> &str {
        while self.text.len() < characters {
            let pick = self.draw.next_u64() % self.sentences.len() as u64;
            self.text.push_str(self.sentences[usize::try_from(pick).unwrap_or(0)]);
            self.text.push(' ');
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::super::draw::mixed;
    use super::*;
    use proptest::prelude::*;

    const BEGIN: u32 = 1_000_001;
    const END: u32 = 1_000_002;

    /// A token a byte: the longest encoding that there is.
    fn bytes(text: &str) -> Vec<u32> {
        text.bytes().map(u32::from).collect()
    }

    /// A token a sentence: far longer tokens than any model's.
    fn sentences(text: &str) -> Vec<u32> {
        text.split_terminator(". ").map(|s| u32::try_from(s.len()).unwrap()).collect()
    }

    /// A token a word and the space before it, which is there even where the text has none; in front
    /// of all a special token.
    fn words(text: &str) -> Vec<u32> {
        let word = |word: &str| {
            word.bytes().fold(7, |hash: u32, byte| hash.wrapping_mul(31) ^ u32::from(byte))
        };
        std::iter::once(BEGIN).chain(text.split_whitespace().map(word)).collect()
    }

    /// Pairs of characters become one token, wherever the text begins; special tokens around.
    fn pairs(text: &str) -> Vec<u32> {
        let pair = |two: &[u8]| two.iter().fold(0, |id, byte| id * 256 + u32::from(*byte));
        let inner = text.as_bytes().chunks(2).map(pair);
        std::iter::once(BEGIN).chain(inner).chain([END]).collect()
    }

    /// Long tokens between special ones: where a text holds just enough, the last one is near.
    fn framed(text: &str) -> Vec<u32> {
        std::iter::once(BEGIN).chain(sentences(text)).chain([END]).collect()
    }

    const ENCODERS: [fn(&str) -> Vec<u32>; 5] = [bytes, sentences, words, pairs, framed];

    fn segment(seed: u64, tokens: u64) -> Segment {
        Segment { seed, tokens: Tokens(tokens) }
    }

    proptest! {
        #[test]
        fn a_prompt_has_the_length_asked_for(
            of in prop::collection::vec((0_u64..5, 0_u64..300), 0..5), encoder in 0_usize..5,
        ) {
            let segments: Vec<Segment> =
                of.iter().map(|&(seed, tokens)| segment(seed, tokens)).collect();
            let prompt = ids(&segments, &ENCODERS[encoder]);
            let wanted: u64 = of.iter().map(|(_, tokens)| tokens).sum();
            prop_assert_eq!(prompt.len() as u64, wanted);
            // What the model puts in front stands there once, what it puts behind nowhere.
            let first = wanted > 0 && encoder >= 2;
            prop_assert_eq!(prompt.first() == Some(&BEGIN), first);
            prop_assert_eq!(prompt.iter().filter(|id| **id == BEGIN).count(), usize::from(first));
            prop_assert!(!prompt.contains(&END));
            let after = ids_after(&segments, &ENCODERS[encoder]);
            prop_assert_eq!(after.len() as u64, wanted);
            prop_assert!(!after.contains(&BEGIN));
        }

        #[test]
        fn what_begins_alike_has_the_same_tokens(
            seed: u64, shared in 1_u64..200, one in 30_u64..200, other in 30_u64..200, encoder in 0_usize..5,
        ) {
            let of = |seed, own| ids(&[segment(1, shared), segment(seed, own)], &ENCODERS[encoder]);
            // Plans mix their seeds: neighbours have nothing in common.
            let (one, other) = (of(mixed(&[seed]), one), of(mixed(&[seed, 1]), other));
            let alike = one.iter().zip(&other).take_while(|(one, other)| one == other).count() as u64;
            // Eight hexadecimal digits are the same once in 2^32.
            prop_assert!((shared..shared + 8).contains(&alike), "{} of {}", alike, shared);
        }

        #[test]
        fn a_shorter_segment_of_a_seed_begins_a_longer_one(
            short in 1_u64..200, more in 0_u64..400, encoder in 0_usize..5,
        ) {
            let of = |tokens| ids(&[segment(9, tokens)], &ENCODERS[encoder]);
            let (short, long) = (of(short), of(short + more));
            prop_assert_eq!(&long[..short.len()], &short[..]);
        }

        #[test]
        fn text_is_as_long_as_it_was_gauged(shared in 20_u64..900, own in 20_u64..900) {
            let gauge = Gauge::fit(
                (&"x".repeat(450), Tokens(115)), (&"x".repeat(900), Tokens(215))).unwrap();
            // 450 characters are 100 tokens, and 15 come with every prompt.
            let text = text(&[segment(1, shared), segment(2, own)], &gauge);
            let tokens = Tokens(text.len() as u64).get() / 4.5 + 15.0;
            prop_assert!((tokens - Tokens(shared + own).get()).abs() < 1.0, "{} {}", shared + own, tokens);
        }
    }

    #[test]
    fn texts_that_begin_alike_share_their_first_segment() {
        let of = |seed| text(&[segment(1, 50), segment(seed, 50)], &Gauge::GUESS);
        let (one, other) = (of(2), of(3));
        assert_eq!(one[..200], other[..200]);
        assert_eq!(&one[199..200], "\n");
        assert_eq!(&one[200..217], "0000000000000002 ");
        assert_eq!(one.len(), 400);
    }

    #[test]
    fn a_gauge_needs_two_lengths() {
        let fit = |short, long| Gauge::fit(short, long);
        assert_eq!(fit(("abcd", Tokens(3)), ("abcd", Tokens(3))), None);
        assert_eq!(fit(("abcd", Tokens(3)), ("abcdefgh", Tokens(3))), None);
        assert_eq!(fit(("abcdefgh", Tokens(3)), ("abcd", Tokens(2))), None);
        let want = Gauge { overhead: Tokens(2), characters: 4, tokens: Tokens(1) };
        assert_eq!(fit(("abcd", Tokens(3)), ("abcdefgh", Tokens(4))), Some(want));
    }

    #[test]
    fn random_ids_are_those_of_their_seed_and_vocabulary() {
        let of = |seed| random_ids(&[segment(1, 50), segment(seed, 1_000)], 100);
        let (one, other) = (of(2), of(3));
        assert_eq!(one.len(), 1_050);
        assert_eq!(one[..50], other[..50]);
        assert_ne!(one[50..100], other[50..100]);
        assert!(one.iter().all(|id| *id < 100));
        assert!(one.iter().collect::<std::collections::BTreeSet<_>>().len() > 95);
    }

    #[test]
    fn an_encoder_that_gives_too_little_does_not_loop() {
        assert!(ids(&[segment(1, 10)], &|_| Vec::new()).is_empty());
        assert_eq!(ids(&[segment(1, 10)], &|_| vec![4; 3]), [4; 3]);
    }
}
