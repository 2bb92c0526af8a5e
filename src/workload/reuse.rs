//! How much of each prompt a provider's prefix cache still holds.
//!
//! Invariant: of each prompt, what is read, written and neither adds up to the prompt, whatever the
//! blocks, the times and the rules. A cache hit follows from the workload: which prompts begin
//! alike, how long after one another they come, and how long the provider keeps what it has seen.
//! Guarded by `tests`: counts by hand, a trace whose hits are known, and a property.
//!
//! A block counts only behind the same blocks before it, as it does for every provider: keys and
//! values of a token depend on all before it. Deliberately absent: prices; a cache too small for
//! what it is to hold (providers publish no size); and the moments between a prompt's arrival and
//! its being written, so that of several at one instant the first writes for the others.

use super::trace::{Block, Traced};
use crate::units::{Ratio, Seconds, Tokens};
use std::collections::HashMap;

/// How a provider keeps prefixes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keeping {
    /// How long it keeps one; `None`: for ever.
    pub lifetime: Option<Seconds>,
    /// Whether being read begins the lifetime anew.
    pub refreshed: bool,
    /// The shortest prefix that is kept, or found again.
    pub minimum: Tokens,
    /// Above that, in whole multiples of what a prefix is found again; 0 and 1: to the token.
    pub step: Tokens,
}

impl Keeping {
    /// Nothing is ever forgotten, nothing is too short: the most that a workload can gain.
    pub const FOREVER: Self =
        Self { lifetime: None, refreshed: true, minimum: Tokens(0), step: Tokens(1) };

    /// `OpenAI`, in memory: from 1,024 tokens on in steps of 128, kept for 5 to 10 minutes without
    /// use; the shorter is taken.
    ///
    /// Source: developers.openai.com and learn.microsoft.com, "Prompt caching", read 2026-11-22.
    pub const OPENAI: Self = Self {
        lifetime: Some(Seconds(300.0)),
        refreshed: true,
        minimum: Tokens(1_024),
        step: Tokens(128),
    };

    /// Anthropic's default: 5 minutes, begun anew by each use; 1,024 tokens at least on most models
    /// (512 on some, 4,096 on others: set [`Keeping::minimum`]). As if each prompt's end were marked
    /// for keeping.
    ///
    /// Source: platform.claude.com, "Prompt caching"; the least lengths by model also at
    /// docs.litellm.ai, "Prompt caching" of 2026-10-07.
    pub const ANTHROPIC_5M: Self = Self {
        lifetime: Some(Seconds(300.0)),
        refreshed: true,
        minimum: Tokens(1_024),
        step: Tokens(1),
    };

    /// Anthropic's longer lifetime, whose writes cost more.
    pub const ANTHROPIC_1H: Self = Self { lifetime: Some(Seconds(3_600.0)), ..Self::ANTHROPIC_5M };

    /// `DeepSeek`, as it was until 2025: on disk, in units of 64 tokens, "a few hours to a few days";
    /// a few is read as 3 hours. Its models with a sliding window find whole earlier prompts only,
    /// which is less than this.
    ///
    /// Source: api-docs.deepseek.com, "Context caching", read 2026-11-22.
    pub const DEEPSEEK: Self = Self {
        lifetime: Some(Seconds(10_800.0)),
        refreshed: true,
        minimum: Tokens(64),
        step: Tokens(64),
    };
}

/// What became of a prompt's tokens. The three don't overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reused {
    /// Read from the cache.
    pub read: Tokens,
    /// Computed, and written to the cache.
    pub written: Tokens,
    /// Computed and not kept: the prompt is too short.
    pub fresh: Tokens,
}

impl Reused {
    /// The prompt.
    pub fn prompt(self) -> Tokens {
        self.read + self.written + self.fresh
    }

    /// The share that was read; `None` of no tokens.
    pub fn hit(self) -> Option<Ratio> {
        (self.prompt() > Tokens(0)).then(|| self.read / self.prompt())
    }
}

impl std::iter::Sum for Reused {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |sum, one| Self {
            read: sum.read + one.read,
            written: sum.written + one.written,
            fresh: sum.fresh + one.fresh,
        })
    }
}

/// A provider's cache, while prompts come in the order of their times.
#[derive(Debug, Clone)]
pub struct Shelf {
    keeping: Keeping,
    /// By what stands before (a number of ours; 0 is the beginning) and the block's own id.
    kept: HashMap<(u64, u64), Kept>,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    number: u64,
    tokens: Tokens,
    since: Seconds,
}

impl Shelf {
    /// An empty one.
    pub fn new(keeping: Keeping) -> Self {
        Self { keeping, kept: HashMap::new() }
    }

    /// A prompt of this many tokens comes, which begins with these blocks; what they don't cover is
    /// its own. Blocks beyond the prompt's end are not looked at.
    pub fn ask(
        &mut self,
        at: Seconds,
        prompt: Tokens,
        blocks: impl IntoIterator<Item = Block>,
    ) -> Reused {
        if prompt < self.keeping.minimum {
            return Reused { fresh: prompt, ..Reused::default() };
        }
        let read = self.found(at, prompt, blocks);
        Reused { read, written: Tokens(prompt.0 - read.0), fresh: Tokens(0) }
    }

    /// How much of its beginning is still kept; all of it is kept from now on.
    fn found(
        &mut self,
        at: Seconds,
        prompt: Tokens,
        blocks: impl IntoIterator<Item = Block>,
    ) -> Tokens {
        let (mut found, mut whole) = (0_u64, true);
        let (mut before, mut left) = (0_u64, prompt.0);
        for block in blocks {
            let tokens = block.tokens.0.min(left);
            if tokens == 0 {
                break;
            }
            left -= tokens;
            // Whole numbers below 2^64 are never used up: one is taken a block.
            let next = self.kept.len() as u64 + 1;
            let kept = self.kept.entry((before, block.id)).or_insert(Kept {
                number: next,
                tokens: Tokens(0),
                since: at,
            });
            let alive = self.keeping.lifetime.is_none_or(|life| at.0 - kept.since.0 <= life.0);
            if whole && alive && kept.tokens.0 > 0 {
                found += tokens.min(kept.tokens.0);
                whole = tokens == kept.tokens.0;
                if self.keeping.refreshed {
                    kept.since = at;
                }
            } else {
                (whole, kept.since) = (false, at);
            }
            // Of a block that is gone, only what is written now is there again.
            let still = if alive { kept.tokens } else { Tokens(0) };
            kept.tokens = still.max(Tokens(tokens));
            before = kept.number;
        }
        self.stepped(Tokens(found))
    }

    /// What the provider calls found of this many tokens.
    fn stepped(&self, found: Tokens) -> Tokens {
        let Keeping { minimum, step, .. } = self.keeping;
        if found < minimum {
            return Tokens(0);
        }
        let beyond = found.0 - minimum.0;
        Tokens(minimum.0 + beyond - beyond % step.0.max(1))
    }
}

/// What becomes of each prompt of a trace.
pub fn reuse(requests: &[Traced], keeping: Keeping) -> Vec<Reused> {
    let mut shelf = Shelf::new(keeping);
    requests.iter().map(|one| shelf.ask(one.at, one.prompt, one.blocks.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Trace;
    use proptest::prelude::*;

    const T: u64 = 512;

    fn block(id: u64) -> Block {
        Block { id, tokens: Tokens(T) }
    }

    /// Prompts of blocks of 512, each at its second, and what is to be read of each.
    #[track_caller]
    fn check(keeping: Keeping, prompts: &[(f64, &[u64], u64)]) {
        let mut shelf = Shelf::new(keeping);
        for (number, &(at, ids, want)) in prompts.iter().enumerate() {
            let prompt = Tokens(ids.len() as u64 * T);
            let got = shelf.ask(Seconds(at), prompt, ids.iter().map(|&id| block(id)));
            assert_eq!(got.read, Tokens(want), "prompt {number}: {ids:?} at {at} s");
            assert_eq!(got.prompt(), prompt, "prompt {number}");
        }
    }

    const EXACT_300S: Keeping = Keeping { lifetime: Some(Seconds(300.0)), ..Keeping::FOREVER };

    #[test]
    fn what_begins_alike_is_read() {
        check(
            Keeping::FOREVER,
            &[(0.0, &[1, 2, 3], 0), (1.0, &[1, 2, 3], 3 * T), (2.0, &[1, 2, 4], 2 * T)],
        );
    }

    #[test]
    fn a_block_behind_others_is_another() {
        // 3 is known behind 1, 2, and here it stands behind 4; so does 2 behind nothing.
        check(
            Keeping::FOREVER,
            &[
                (0.0, &[1, 2, 3], 0),
                (1.0, &[1, 4, 3], T),
                (2.0, &[2, 3], 0),
                (3.0, &[1, 4, 3], 3 * T),
            ],
        );
    }

    #[test]
    fn a_lifetime_ends() {
        check(EXACT_300S, &[(0.0, &[1], 0), (300.0, &[1], T), (600.1, &[1], 0), (600.2, &[1], T)]);
    }

    #[test]
    fn of_a_block_that_is_gone_only_what_is_written_anew_is_there() {
        // The block ends at 300 s; 100 tokens of it come back at 400 s, the rest at 450 s.
        let mut shelf = Shelf::new(EXACT_300S);
        let asked = [(0.0, T, 0), (400.0, 100, 0), (450.0, T, 100), (500.0, T, T)];
        for (at, prompt, want) in asked {
            let got = shelf.ask(Seconds(at), Tokens(prompt), [block(1)]);
            assert_eq!(got.read, Tokens(want), "{prompt} tokens at {at} s");
        }
    }

    #[test]
    fn only_what_is_read_lives_on() {
        // At 200 s block 1 alone is read; block 2 ends at 300 s, and is written anew at 400 s.
        check(
            EXACT_300S,
            &[(0.0, &[1, 2], 0), (200.0, &[1], T), (400.0, &[1, 2], T), (500.0, &[1, 2], 2 * T)],
        );
    }

    #[test]
    fn without_refreshing_the_lifetime_counts_from_the_writing() {
        let keeping = Keeping { refreshed: false, ..EXACT_300S };
        check(keeping, &[(0.0, &[1], 0), (200.0, &[1], T), (400.0, &[1], 0), (600.0, &[1], T)]);
        // At 400 s block 2 would still live, and block 1 before it doesn't: nothing is read.
        check(
            keeping,
            &[(0.0, &[1], 0), (200.0, &[1, 2], T), (400.0, &[1, 2], 0), (450.0, &[1, 2], 2 * T)],
        );
    }

    #[test]
    fn short_prefixes_are_not_kept_and_long_ones_come_in_steps() {
        // 1,024 at least, then steps of 128: 1,024 + 300 shared is 1,280.
        let mut shelf = Shelf::new(Keeping::OPENAI);
        let shared = |tokens| [Block { id: 1, tokens: Tokens(tokens) }];
        let mut ask = |prompt, common| shelf.ask(Seconds(0.0), Tokens(prompt), shared(common));
        let want = |read, written, fresh| Reused {
            read: Tokens(read),
            written: Tokens(written),
            fresh: Tokens(fresh),
        };
        assert_eq!(ask(1_023, 1_023), want(0, 0, 1_023));
        assert_eq!(ask(2_000, 1_324), want(0, 2_000, 0));
        assert_eq!(ask(1_500, 1_324), want(1_280, 220, 0));
        // Here 1,023 tokens are alike.
        assert_eq!(ask(1_500, 1_023), want(0, 1_500, 0));
    }

    #[test]
    fn blocks_beyond_the_prompt_are_none() {
        let mut shelf = Shelf::new(Keeping::FOREVER);
        for want in [0, 700] {
            let got = shelf.ask(Seconds(0.0), Tokens(700), [block(1), block(2), block(3)]);
            assert_eq!(got.read, Tokens(want));
        }
        let hit = |reused: Reused| reused.hit().map(Ratio::get);
        assert_eq!(hit(Reused::default()), None);
    }

    /// Twenty prompts that all begin with block 0 and share nothing else, by eye: 19 × 512 of
    /// 289,844 tokens.
    #[test]
    fn the_beginning_of_a_trace_by_hand() {
        let text = include_str!("../../tests/fixtures/traces/mooncake-conversation.jsonl");
        let trace = Trace::parse(text).unwrap();
        let total: Reused = reuse(trace.requests(), Keeping::FOREVER).into_iter().sum();
        assert_eq!((total.read, total.prompt()), (Tokens(9_728), Tokens(289_844)));
        // Below OpenAI's minimum, 512 common tokens are nothing; and one prompt of 915 is too short.
        let total: Reused = reuse(trace.requests(), Keeping::OPENAI).into_iter().sum();
        assert_eq!((total.read, total.fresh), (Tokens(0), Tokens(915)));
    }

    /// 54,098,411 of 144,793,823 tokens, counted by ten lines of Python, is the 37.4 % that
    /// Mooncake's makers publish for a cache without end.
    #[test]
    fn a_real_trace_shares_what_is_known_of_it() {
        let path = "/../shared/data/traces/mooncake_conversation_trace.jsonl";
        let path = format!("{}{path}", env!("CARGO_MANIFEST_DIR"));
        let Ok(text) = fs_err::read_to_string(path) else {
            eprintln!("skipped: no data");
            return;
        };
        let trace = Trace::parse(&text).unwrap();
        for (keeping, read) in [(Keeping::FOREVER, 54_098_411), (EXACT_300S, 42_480_677)] {
            let total: Reused = reuse(trace.requests(), keeping).into_iter().sum();
            assert_eq!((total.read, total.prompt()), (Tokens(read), Tokens(144_793_823)));
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_and_a_longer_life_finds_no_less(
            prompts in prop::collection::vec(
                (0.0_f64..2_000.0, prop::collection::vec((0_u64..4, 1_u64..900), 0..5), 0_u64..4_000),
                0..20),
            minimum in 0_u64..1_500, step in 0_u64..300, life in 0.0_f64..1_000.0,
        ) {
            let mut prompts = prompts;
            prompts.sort_by(|one, other| one.0.total_cmp(&other.0));
            let shelf = |life| Shelf::new(Keeping {
                lifetime: life, refreshed: true, minimum: Tokens(minimum), step: Tokens(step),
            });
            let (mut short, mut long) = (shelf(Some(Seconds(life))), shelf(None));
            for (at, blocks, prompt) in prompts {
                let ask = |shelf: &mut Shelf| shelf.ask(
                    Seconds(at), Tokens(prompt),
                    blocks.iter().map(|&(id, tokens)| Block { id, tokens: Tokens(tokens) }));
                let (less, more) = (ask(&mut short), ask(&mut long));
                prop_assert_eq!(less.prompt(), Tokens(prompt));
                prop_assert_eq!(more.prompt(), Tokens(prompt));
                prop_assert!(less.read <= more.read);
            }
        }
    }
}
