//! Random histories: requests come, are cancelled, end early; steps fail; pools are tiny.

use super::dice::Dice;
use super::world::{Runner, World, mix};
use super::*;
use proptest::prelude::*;

fn limits(dice: &mut Dice) -> Limits {
    let sequences_max = dice.from(1..=5);
    Limits {
        sequences_max,
        waiting_max: dice.from(1..=6),
        step_tokens_max: sequences_max + dice.below(12),
        chunk_max: dice.from(1..=8),
        blocks: dice.from(2..=12),
        block_size: dice.from(1..=3),
        context_max: 40,
        patience: dice.below(12),
        prefix_cache: !dice.one_in(4),
    }
}

/// A prompt that begins like many others, and ends like them or in its own way.
fn prompt(dice: &mut Dice) -> Vec<u64> {
    let (long, family) = (dice.from(1..=10), u64::from(dice.below(2)));
    let common = if dice.one_in(2) { long } else { dice.below(long + 1) };
    let own = u64::from(dice.below(1_000));
    (0..long).map(|at| if at < common { mix(family, at.into()) } else { own }).collect()
}

/// What one history came to.
#[derive(Debug, PartialEq, Eq, Default, Clone, Copy)]
struct Told {
    trace: u64,
    counts: Counts,
    copies: u64,
    refused: u32,
}

/// Plays one history to its end; the world does the checking.
fn play(seed: u64) -> Told {
    let mut dice = Dice::new(seed);
    let limits = limits(&mut dice);
    let mut world = World::new(limits);
    let mut refused = 0;
    for id in 0..u64::from(dice.from(1..=12)) {
        let (prompt, output) = (prompt(&mut dice), dice.from(1..=20));
        let priority = dice.below(4).cast_signed() - 2;
        refused += u32::from(world.arrive(id, &prompt, output, priority).is_err());
        for _ in 0..dice.below(6) {
            let runner = match dice.below(24) {
                0 => Runner::Fails,
                1 => Runner::Forgets,
                _ => Runner::Computes,
            };
            world.step(runner);
        }
        if dice.one_in(4) {
            world.cancel(SeqId(dice.below(12).into()));
        }
        if dice.one_in(6) {
            world.end(SeqId(dice.below(12).into()));
        }
    }
    // Every request has a bound of its own; idle comes after them all.
    while world.step(Runner::Computes) {}
    let counts = world.scheduler.counts();
    assert_eq!((counts.running, counts.waiting, counts.preempted), (0, 0, 0));
    assert_eq!(counts.blocks_held, 0, "a block leaked");
    assert_eq!(counts.steps, world.steps);
    Told { trace: world.trace, counts, copies: world.copies, refused }
}

#[test]
fn a_hundred_thousand_histories() {
    let mut all = Told::default();
    for seed in 0..100_000 {
        let told = play(seed);
        if seed % 16 == 0 {
            assert_eq!(play(seed), told, "history {seed} differs from itself");
        }
        all.copies += told.copies;
        all.refused += told.refused;
        all.counts.steps += told.counts.steps;
        all.counts.preemptions += told.counts.preemptions;
        all.counts.prefix_hit += told.counts.prefix_hit;
    }
    // They are worth something only if they get into trouble.
    let Told { counts: Counts { steps, preemptions, prefix_hit, .. }, copies, refused, .. } = all;
    assert!(
        steps > 1_000_000 && preemptions > 20_000 && prefix_hit > 100_000,
        "{steps} steps, {preemptions} preemptions, {prefix_hit} tokens from the cache"
    );
    assert!(copies > 5_000 && refused > 10_000, "{copies} copies, {refused} refused");
}

proptest! {
    /// Larger and longer than the histories above, and shrunk where it fails.
    #[test]
    fn every_request_ends_with_its_own_tokens(
        requests in proptest::collection::vec((1_u64..60, 1_u32..40, -3_i32..4, 0_u32..4), 1..40),
        blocks in 25_u32..60, sequences_max in 1_u32..16, chunk_max in 1_u32..64, patience in 0_u32..50,
    ) {
        let limits = Limits {
            sequences_max, waiting_max: 100, step_tokens_max: 20, chunk_max, blocks, block_size: 4,
            context_max: 100, patience, prefix_cache: true,
        };
        let mut world = World::new(limits);
        for (id, (prompt, output, priority, steps)) in (0..).zip(requests) {
            // All begin alike.
            let prompt: Vec<u64> = (0..prompt).map(|at| mix(at / 8, at)).collect();
            world.arrive(id, &prompt, output, priority).unwrap();
            for _ in 0..steps {
                world.step(Runner::Computes);
            }
        }
        while world.step(Runner::Computes) {}
        prop_assert_eq!(world.scheduler.counts().blocks_held, 0);
    }
}
