//! Plans against what their sessions are: the same from the same seed, and no more in common than
//! planned.

mod recorded;

use super::super::{
    Conversation, Dataset, Draft, Level, Pair, Segment, Text, Think, Trace, Turn, Turns,
};
use super::*;
use crate::units::RequestsPerSecond;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

fn plan(arrivals: Arrivals, content: Content) -> Plan {
    Plan {
        name: None,
        arrivals,
        cap: None,
        content,
        warm_up: Seconds(1.0),
        measure: Seconds(10.0),
        measure_max: Seconds(20.0),
        seed: 1,
    }
}

const CLOSED: Arrivals = Arrivals::Closed { in_flight: 4 };

fn poisson(rate: f64) -> Arrivals {
    Arrivals::Poisson { rate: RequestsPerSecond(rate) }
}

fn fixed(tokens: u64) -> Lengths {
    Lengths::Fixed { tokens: Tokens(tokens) }
}

fn uniform(min: u64, max: u64) -> Lengths {
    Lengths::Uniform { min: Tokens(min), max: Tokens(max) }
}

fn level(tokens: u64, groups: u32, share: f64) -> Level {
    Level { share: Ratio::of(share), tokens: Tokens(tokens), groups }
}

/// Everything at once.
fn rich() -> Mix {
    Mix {
        prefix: vec![level(100, 1, 0.8), level(300, 7, 0.5)],
        conversation: Some(Conversation {
            turns: Turns::Uniform { min: 1, max: 5 },
            follow_up: uniform(10, 50),
            think: Think::Exponential(Seconds(2.0)),
        }),
        ..Mix::plain(uniform(50, 500), uniform(10, 90))
    }
}

fn first(plan: &Plan, count: usize) -> Vec<Session> {
    plan.sessions().take(count).collect()
}

fn turns(plan: &Plan, count: usize) -> Vec<Turn> {
    first(plan, count).into_iter().flat_map(|session| session.turns).collect()
}

fn segments(turn: &Turn) -> &[Segment] {
    match &turn.draft {
        Draft::Prose(segments) | Draft::RandomIds(segments) => segments,
        Draft::Messages(_) => panic!("messages"),
    }
}

/// Lengths, turns and times to think, without text.
fn form(plan: &Plan, count: usize) -> Vec<(Tokens, Tokens, Seconds, Vec<Tokens>)> {
    turns(plan, count)
        .iter()
        .map(|turn| {
            let lengths = segments(turn).iter().map(|segment| segment.tokens).collect();
            (turn.prompt, turn.output, turn.think, lengths)
        })
        .collect()
}

const TRACE: &str = r#"{"timestamp": 0, "input_length": 1200, "output_length": 9, "hash_ids": [0, 1, 2]}
{"timestamp": 500, "input_length": 600, "output_length": 400, "hash_ids": [0, 3]}
{"timestamp": 2000, "input_length": 1100, "output_length": 5, "hash_ids": [0, 1, 4]}
"#;

fn trace() -> Trace {
    Trace::parse(TRACE).unwrap()
}

fn replay() -> Plan {
    plan(trace().arrivals(), Content::Trace(trace()))
}

fn dataset(cache: Cache) -> Content {
    let data = Dataset::parse(
        r#"{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]}
{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How?"}]}
{"conversations": [{"from": "human", "value": "One"}, {"from": "gpt", "value": "two"}, {"from": "human", "value": "three"}]}
"#,
    );
    Content::Dataset {
        data: data.unwrap(),
        output: fixed(20),
        think: Think::Fixed(Seconds(3.0)),
        cache,
    }
}

fn contents() -> Vec<Content> {
    vec![
        Content::Mix(rich()),
        Content::Mix(Mix { cache: Cache::Warm, text: Text::RandomIds, ..rich() }),
        Content::Mix(Mix { sizes: trace().sizes(), ..rich() }),
        Content::Trace(trace()),
        dataset(Cache::Bust),
    ]
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    for content in contents() {
        for arrivals in [CLOSED, poisson(2.0)] {
            let of = |seed| Plan { seed, ..plan(arrivals, content.clone()) };
            assert_eq!(first(&of(1), 50), first(&of(1), 50));
            assert_ne!(first(&of(1), 50), first(&of(2), 50));
        }
    }
    assert_eq!(first(&replay(), 9), first(&replay(), 9));
}

#[test]
fn requests_are_numbered_through_their_turns() {
    for content in contents() {
        let plan = plan(CLOSED, content);
        let ids: Vec<u32> = turns(&plan, 40).iter().map(|turn| turn.id.0).collect();
        let count = u32::try_from(ids.len()).unwrap();
        assert_eq!(ids, (0..count).collect::<Vec<_>>());
        let numbers: Vec<u32> = first(&plan, 40).iter().map(|session| session.number).collect();
        assert_eq!(numbers, (0..40).collect::<Vec<_>>());
    }
}

#[test]
fn a_session_does_not_follow_from_those_before_it() {
    let mix = rich();
    let keys = Keys { shape: 1, text: 2 };
    let forward: Vec<_> = (0..20).map(|number| mix.turns(keys, number)).collect();
    let mut backward: Vec<_> = (0..20).rev().map(|number| mix.turns(keys, number)).collect();
    backward.reverse();
    assert_eq!(forward, backward);
}

/// Changing one thing leaves the others as they are.
#[test]
fn streams_are_independent() {
    let of = |mix| plan(CLOSED, Content::Mix(mix));
    let base = of(rich());
    let faster = Plan { arrivals: poisson(9.0), ..base.clone() };
    assert_eq!(form(&base, 50), form(&faster, 50));
    // Other outputs, the same prompts.
    let sizes = Sizes::Apart { prompt: uniform(50, 500), output: fixed(3) };
    let brief = of(Mix { sizes, ..rich() });
    let prompts = |plan| {
        form(plan, 50)
            .into_iter()
            .map(|(prompt, _, think, of)| (prompt, think, of))
            .collect::<Vec<_>>()
    };
    assert_eq!(prompts(&base), prompts(&brief));
    // Other prompts, the same outputs and times to think.
    let sizes = Sizes::Apart { prompt: fixed(3), output: uniform(10, 90) };
    let short = of(Mix { sizes, prefix: Vec::new(), ..rich() });
    let outputs = |plan| {
        form(plan, 50).into_iter().map(|(_, output, think, _)| (output, think)).collect::<Vec<_>>()
    };
    assert_eq!(outputs(&base), outputs(&short));
    // No conversation, the same first prompts.
    let single = of(Mix { conversation: None, ..rich() });
    let first_of = |plan| -> Vec<_> {
        first(plan, 50).iter().map(|one| (one.turns[0].prompt, one.turns[0].output)).collect()
    };
    assert_eq!(first_of(&base), first_of(&single));
    // Other requests, the same arrivals.
    let due = |content| -> Vec<_> {
        first(&plan(poisson(3.0), content), 50).iter().map(|session| session.due).collect()
    };
    assert_eq!(due(Content::Mix(rich())), due(dataset(Cache::Warm)));
}

/// Long prompts have no longer outputs: of 10,000 independent pairs, the correlation is within 5
/// standard errors of 0, 1 / sqrt(n) each.
#[test]
fn outputs_do_not_follow_prompts() {
    let plan = plan(CLOSED, Content::Mix(Mix::plain(uniform(1, 999), uniform(1, 99))));
    let pairs: Vec<(f64, f64)> =
        turns(&plan, 10_000).iter().map(|turn| (turn.prompt.get(), turn.output.get())).collect();
    let sum =
        |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|&(x, y)| of(x, y)).sum::<f64>() / 1e4;
    let (x, y) = (sum(&|x, _| x), sum(&|_, y| y));
    let covariance = sum(&|a, b| (a - x) * (b - y));
    let spread = (sum(&|a, _| (a - x).powi(2)) * sum(&|_, b| (b - y).powi(2))).sqrt();
    assert!((covariance / spread).abs() < 0.05, "{}", covariance / spread);
}

/// A rung's text is not found in the cache that another rung has left.
#[test]
fn no_two_loads_share_a_prompt() {
    let rate = RequestsPerSecond(4.0);
    let loads = [
        (CLOSED, None),
        (Arrivals::Closed { in_flight: 8 }, None),
        (poisson(4.0), None),
        (poisson(5.0), None),
        (poisson(5.0), Some(16)),
        (Arrivals::Constant { rate }, None),
        (Arrivals::Gamma { rate, cv: Ratio::ONE }, None),
        (Arrivals::Gamma { rate, cv: Ratio::of(2.0) }, None),
    ];
    for content in [Content::Mix(rich()), Content::Trace(trace())] {
        let mut seen: HashMap<u64, usize> = HashMap::new();
        for (load, (arrivals, cap)) in loads.into_iter().enumerate() {
            let plan = Plan { cap, ..plan(arrivals, content.clone()) };
            for turn in turns(&plan, 30) {
                for segment in segments(&turn) {
                    let before = *seen.entry(segment.seed).or_insert(load);
                    assert_eq!(before, load, "{arrivals:?} has text of load {before}");
                }
            }
        }
    }
}

#[test]
fn prompts_are_their_own_unless_shared_by_plan() {
    let plan = plan(CLOSED, Content::Mix(rich()));
    let mut own = HashSet::new();
    let mut shared = HashSet::new();
    for turn in turns(&plan, 500) {
        let [before @ .., last] = segments(&turn) else { panic!("no text") };
        assert!(own.insert(last.seed), "two prompts are one");
        shared.extend(before.iter().map(|segment| segment.seed));
    }
    // One of all, and seven below it; where the first is left out, so is the second.
    assert_eq!(shared.len(), 1 + 7);
    assert!(own.is_disjoint(&shared));
}

#[test]
fn a_tree_has_the_shares_of_its_levels() {
    let plan = plan(CLOSED, Content::Mix(rich()));
    let mut depth = [0.0_f64; 3];
    for session in first(&plan, 10_000) {
        depth[segments(&session.turns[0]).len() - 1] += 1e-4;
    }
    // 0.2 without, 0.8 x 0.5 with one, 0.8 x 0.5 with both: 5 standard errors are 0.025 at the most.
    for (got, want) in depth.iter().zip([0.2, 0.4, 0.4]) {
        assert!((got - want).abs() < 0.025, "{depth:?}");
    }
}

#[test]
fn all_prompts_are_one_text_where_the_cache_is_to_be_warm() {
    let plan = plan(CLOSED, Content::Mix(Mix { cache: Cache::Warm, ..rich() }));
    let seeds: HashSet<u64> =
        turns(&plan, 50).iter().flat_map(|turn| segments(turn).iter().map(|s| s.seed)).collect();
    assert_eq!(seeds.len(), 1);
    // The lengths are those that they would have otherwise.
    let bust = self::plan(CLOSED, Content::Mix(rich()));
    let lengths = |plan| turns(plan, 50).iter().map(|turn| turn.prompt).collect::<Vec<_>>();
    assert_eq!(lengths(&plan), lengths(&bust));
    assert_eq!(plan.describe(String::new()).shared, Ratio::ONE);
}

/// What a cache without end has of the drawn prompts, token by token: a token is a segment's seed
/// and its place in it, and a prompt's are followed through a tree of all prompts before.
fn really_shared(sessions: &[Session]) -> f64 {
    let mut tree: HashMap<(usize, u64, u64), usize> = HashMap::new();
    let (mut cached, mut total, mut answers) = (0_u64, 0_u64, 0_u64);
    for session in sessions {
        let mut context: Vec<(u64, u64)> = Vec::new();
        for turn in &session.turns {
            for segment in segments(turn) {
                context.extend((0..segment.tokens.0).map(|place| (segment.seed, place)));
            }
            let (mut node, mut hit) = (0, true);
            for &(seed, place) in &context {
                let next = tree.len() + 1;
                let known = tree.contains_key(&(node, seed, place));
                hit &= known;
                cached += u64::from(hit);
                node = *tree.entry((node, seed, place)).or_insert(next);
            }
            total += context.len() as u64;
            // The answer, which nobody else gives, is cached as it is made.
            answers += 1;
            context.extend((0..turn.output.0).map(|place| (u64::MAX - answers, place)));
            for &(seed, place) in
                &context[context.len() - usize::try_from(turn.output.0).unwrap()..]
            {
                let next = tree.len() + 1;
                node = *tree.entry((node, seed, place)).or_insert(next);
            }
        }
    }
    Tokens(cached).get() / Tokens(total).get()
}

#[track_caller]
fn check_shared(plan: &Plan, sessions: usize, within: f64) {
    let want = really_shared(&first(plan, sessions));
    let got = plan.describe(String::new()).shared.get();
    assert!((got - want).abs() <= within, "{got} described, {want} shared");
}

#[test]
fn what_is_described_as_shared_is_what_sessions_share() {
    let of = |mix| plan(CLOSED, Content::Mix(mix));
    let alone = Mix::plain(fixed(60), fixed(10));
    check_shared(&of(alone.clone()), 300, 0.0);
    // 40 of 100 from the second request on.
    let prefix = vec![level(40, 1, 1.0)];
    check_shared(&of(Mix { prefix, ..alone.clone() }), 500, 0.4 / 499.0);
    // Turns of 60, 30 and 30 with answers of 10: of 60 + 100 + 140 tokens, 0 + 70 + 110 are known.
    let conversation =
        Some(Conversation { turns: Turns::Fixed(3), follow_up: fixed(30), think: Think::NONE });
    let three = of(Mix { conversation, ..alone });
    assert_eq!(three.describe(String::new()).shared, Ratio::of(0.6));
    check_shared(&three, 100, 1e-12);
    // Drawn: the first requests of 8 groups, and the sample's error.
    check_shared(&of(rich()), 2_000, 0.01);
    check_shared(&replay(), 3, 0.0);
    // What was seen is of no use behind what was not.
    let behind = Trace::parse(
        r#"{"at": 0, "prompt": 30, "output": 1, "prefix": [{"id": 1, "tokens": 10}, {"id": 2, "tokens": 10}]}
{"at": 1, "prompt": 20, "output": 1, "prefix": [{"id": 3, "tokens": 10}, {"id": 2, "tokens": 10}]}
{"at": 2, "prompt": 20, "output": 1, "prefix": [{"id": 3, "tokens": 10}, {"id": 1, "tokens": 10}]}"#,
    )
    .unwrap();
    let behind = plan(behind.arrivals(), Content::Trace(behind));
    check_shared(&behind, 3, 0.0);
    assert_eq!(behind.describe(String::new()).shared, Ratio::of(10.0 / 70.0));
}

proptest! {
    #[test]
    fn nothing_is_longer_than_the_longest(seed: u64, which in 0_usize..5) {
        let content = contents().swap_remove(which);
        let plan = Plan { seed, ..plan(CLOSED, content) };
        for session in plan.sessions().take(40) {
            let whole: Tokens = session.turns.iter().map(|turn| turn.prompt + turn.output).sum();
            prop_assert!(whole <= plan.longest(), "{} above {}", whole, plan.longest());
        }
    }

    #[test]
    fn due_times_do_not_fall(seed: u64, cv in 0.0_f64..4.0) {
        let arrivals = Arrivals::Gamma { rate: RequestsPerSecond(7.0), cv: Ratio::of(cv) };
        let plan = Plan { seed, ..plan(arrivals, Content::Mix(rich())) };
        let due: Vec<f64> = plan.sessions().take(200).map(|one| one.due.unwrap().0).collect();
        prop_assert!(due.windows(2).all(|pair| pair[0] <= pair[1]));
    }
}

#[test]
fn the_longest_is_worked_out() {
    let check = |content, want| assert_eq!(plan(CLOSED, content).longest(), Tokens(want));
    check(Content::Mix(Mix::plain(fixed(60), fixed(10))), 70);
    // 400 of prefixes, 500, four follow-ups of 50, five answers of 90.
    check(Content::Mix(rich()), 400 + 500 + 200 + 450);
    let pair = |prompt, output| Pair { prompt: Tokens(prompt), output: Tokens(output) };
    let sizes = Sizes::Joint([pair(900, 5), pair(100, 800)].into());
    check(Content::Mix(Mix { sizes, ..Mix::plain(fixed(1), fixed(1)) }), 905);
    check(Content::Trace(trace()), 1_209);
    // By bytes: 9 + 16 and 4 + 16 and an answer of 20; a line of 17.
    check(dataset(Cache::Warm), 25 + 20 + 20);
    check(dataset(Cache::Bust), 25 + 20 + 20 + 17);
}

#[test]
fn words_say_what_is_sent() {
    let check = |content, want: &str| {
        assert_eq!(plan(CLOSED, content).describe(String::new()).text, want);
    };
    check(Content::Mix(Mix::plain(fixed(1), fixed(1))), "natural text");
    check(
        Content::Mix(rich()),
        "natural text; 80% of all begin with the same prefix of 100 tokens; 50% of these begin \
         with one of 7 prefixes of 300 tokens; conversations of 1 to 5 turns, 10 to 50 tokens a \
         follow-up, about 2 s to think",
    );
    check(dataset(Cache::Bust), "3 conversations of a dataset, each begun with a line of its own");
    check(Content::Trace(trace()), "natural text, of the lengths of a trace in Mooncake's form");
}
