//! Sessions drawn from a seed.
//!
//! Invariant: a session is a function of the seed and its number; the text alone depends on the
//! load besides. Guarded by `plan::tests`.

use super::content::{Cache, Mix, Pair, Sizes, Text, Think, Turns};
use super::draw::{Purpose, below, exponential, happens, length, longest, mixed, stream, unit};
use super::session::{Draft, Segment, Turn};
use crate::record::RequestId;
use crate::units::{Seconds, Tokens};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What sessions are drawn from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// Lengths, turns and groups.
    pub(super) shape: u64,
    /// Text: another at every load.
    pub(super) text: u64,
}

impl Keys {
    /// The seed of a request's own text.
    pub(super) fn own(self, session: u32, turn: u32) -> u64 {
        mixed(&[self.text, Purpose::Text as u64, u64::from(session), u64::from(turn)])
    }

    /// The seed of text that requests share.
    pub(super) fn shared(self, what: u64) -> u64 {
        mixed(&[self.text, Purpose::SharedText as u64, what])
    }

    /// What a request's sampler is drawn from.
    pub(super) fn sampler(self, session: u32, turn: u32) -> u64 {
        mixed(&[self.text, Purpose::Sampler as u64, u64::from(session), u64::from(turn)])
    }
}

impl Mix {
    /// The turns of the session of this number; their ids are not yet theirs.
    pub(super) fn turns(&self, keys: Keys, number: u32) -> Vec<Turn> {
        let of = |purpose| stream(keys.shape, purpose, number);
        let mut prompts = of(Purpose::Prompt);
        let mut outputs = of(Purpose::Output);
        let mut going_on = of(Purpose::Conversation);
        let turns = self.conversation.map_or(1, |one| turns(&mut going_on, one.turns));
        (0..turns)
            .map(|index| {
                // Drawn from its own stream even where a pair decides, so that a follow-up's length
                // is the same with and without.
                let pair = self.sizes.draw(&mut prompts, &mut outputs);
                let (own, think) = match self.conversation {
                    Some(conversation) if index > 0 => (
                        length(&mut prompts, conversation.follow_up),
                        think(&mut going_on, conversation.think),
                    ),
                    _ => (pair.prompt, Seconds(0.0)),
                };
                let mut segments = if index == 0 { self.shared(keys, number) } else { Vec::new() };
                segments.push(Segment { seed: keys.own(number, index), tokens: own });
                let prompt = segments.iter().map(|segment| segment.tokens).sum();
                if self.cache == Cache::Warm {
                    segments = vec![Segment { seed: mixed(&[keys.shape]), tokens: prompt }];
                }
                Turn {
                    id: RequestId(0),
                    draft: match self.text {
                        Text::Prose => Draft::Prose(segments),
                        Text::RandomIds => Draft::RandomIds(segments),
                    },
                    prompt,
                    output: pair.output,
                    think,
                    seed: keys.sampler(number, index),
                }
            })
            .collect()
    }

    /// The shared prefixes of a session, from the root.
    fn shared(&self, keys: Keys, number: u32) -> Vec<Segment> {
        let mut draw = stream(keys.shape, Purpose::Prefix, number);
        let mut path = 0;
        let mut segments = Vec::new();
        for (depth, level) in (0_u64..).zip(&self.prefix) {
            if !happens(&mut draw, level.share) {
                break;
            }
            path = mixed(&[path, depth, below(&mut draw, u64::from(level.groups))]);
            if level.tokens > Tokens(0) {
                segments.push(Segment { seed: keys.shared(path), tokens: level.tokens });
            }
        }
        segments
    }

    /// The longest that a session can become: what was said, and the last answer.
    pub(super) fn longest(&self) -> Tokens {
        let turns = u64::from(self.conversation.map_or(1, |one| one.turns.longest()));
        let times = |tokens: Tokens, count: u64| Tokens(tokens.0.saturating_mul(count));
        let shared: Tokens = self.prefix.iter().map(|level| level.tokens).sum();
        let follow_up = self
            .conversation
            .map_or(Tokens(0), |one| times(longest(one.follow_up), turns.saturating_sub(1)));
        let first = match &self.sizes {
            Sizes::Apart { prompt, output } => longest(*prompt) + times(longest(*output), turns),
            // Of one turn the longest pair; of several each could be any.
            Sizes::Joint(pairs) if turns == 1 => {
                pairs.iter().map(|pair| pair.prompt + pair.output).max().unwrap_or_default()
            }
            Sizes::Joint(pairs) => {
                let most = |of: fn(&Pair) -> Tokens| pairs.iter().map(of).max().unwrap_or_default();
                most(|pair| pair.prompt) + times(most(|pair| pair.output), turns)
            }
        };
        shared + first + follow_up
    }
}

impl Sizes {
    fn draw(&self, prompts: &mut ChaCha8Rng, outputs: &mut ChaCha8Rng) -> Pair {
        match self {
            Self::Apart { prompt, output } => {
                Pair { prompt: length(prompts, *prompt), output: length(outputs, *output) }
            }
            Self::Joint(pairs) => {
                outputs.next_u64();
                let pick = below(prompts, pairs.len() as u64);
                let none = Pair { prompt: Tokens(1), output: Tokens(1) };
                usize::try_from(pick).ok().and_then(|at| pairs.get(at)).copied().unwrap_or(none)
            }
        }
    }
}

fn turns(draw: &mut ChaCha8Rng, turns: Turns) -> u32 {
    match turns {
        Turns::Fixed(turns) => turns.max(1),
        Turns::Uniform { min, max } => {
            let numbers = u64::from(max.saturating_sub(min)) + 1;
            let above = u32::try_from(below(draw, numbers)).unwrap_or(u32::MAX);
            min.saturating_add(above).max(1)
        }
        Turns::Geometric { mean, max } => {
            let another = 1.0 - 1.0 / mean.get().max(1.0);
            let mut turns = 1;
            while turns < max && unit(draw) < another {
                turns += 1;
            }
            turns
        }
    }
}

pub(super) fn think(draw: &mut ChaCha8Rng, think: Think) -> Seconds {
    match think {
        Think::Fixed(time) => time,
        Think::Exponential(mean) => exponential(draw, mean),
    }
}
