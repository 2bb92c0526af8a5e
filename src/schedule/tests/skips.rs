//! Skipping against stepping: two schedulers with the same history are the same, block by block.

use super::dice::Dice;
use super::world::mix;
use super::*;

fn limits(dice: &mut Dice) -> Limits {
    let sequences_max = dice.from(1..=5);
    Limits {
        sequences_max,
        waiting_max: 20,
        step_tokens_max: sequences_max + dice.below(12),
        chunk_max: dice.from(1..=8),
        blocks: dice.from(12..=60),
        block_size: dice.from(1..=4),
        context_max: 60,
        patience: dice.below(12),
        prefix_cache: dice.below(3) > 0,
    }
}

/// What a block hashes to. Sequences of one family fill blocks alike, and some don't say.
fn hash(id: SeqId, block: u32) -> Option<BlockHash> {
    (!id.0.is_multiple_of(5)).then(|| BlockHash(u128::from(mix(id.0 % 2, block.into()))))
}

/// One step, with its tokens told.
fn single(scheduler: &mut Scheduler) -> Step {
    let step = scheduler.step();
    for entry in step.entries.iter().filter(|entry| entry.samples) {
        let known = entry.start + entry.tokens + 1;
        let size = scheduler.limits().block_size;
        let sealed = known.is_multiple_of(size).then(|| hash(entry.id, known / size - 1));
        scheduler.token(entry.id, sealed.flatten());
    }
    step
}

/// As many steps, those that are alike at once; how many of them were.
fn skipping(scheduler: &mut Scheduler, mut steps: u32) -> u32 {
    let mut skipped = 0;
    while steps > 0 {
        let even = scheduler.even();
        let at_once = even.steps.min(steps);
        if at_once > 0 {
            scheduler.skip(at_once, hash);
            skipped += at_once;
            steps -= at_once;
        } else {
            let _ = single(scheduler);
            steps -= 1;
        }
    }
    skipped
}

/// Plays a history on both. How many steps there were, and how many of them were skipped.
fn play(seed: u64) -> (u32, u32) {
    let mut dice = Dice::new(seed);
    let limits = limits(&mut dice);
    let (mut one, mut other) = (Scheduler::new(limits).unwrap(), Scheduler::new(limits).unwrap());
    let (mut all, mut skipped) = (0, 0);
    for id in 0..14_u64 {
        let (prompt, output_max) = (dice.from(1..=12), dice.from(1..=40));
        let hashes = dice.from(0..=prompt / limits.block_size);
        let prefix = (0..hashes).map_while(|block| hash(SeqId(id), block)).collect();
        let priority = Priority(dice.below(3).cast_signed());
        let arrival = Arrival { id: SeqId(id), prompt, output_max, priority, prefix };
        assert_eq!(one.arrive(arrival.clone()), other.arrive(arrival));
        if dice.below(5) == 0 {
            let gone = SeqId(dice.below(14).into());
            assert_eq!(one.cancel(gone), other.cancel(gone));
        }
        let steps = dice.below(if id == 13 { 400 } else { 30 });
        for _ in 0..steps {
            let even = one.even();
            let step = single(&mut one);
            if even.steps > 0 {
                let contexts = step.entries.iter().map(|entry| u64::from(entry.start) + 1);
                let want = (even.sequences as usize, even.context);
                assert_eq!((step.entries.len(), contexts.sum::<u64>()), want, "history {seed}");
                assert!(step.entries.iter().all(|entry| entry.work == Work::Decode));
            }
        }
        skipped += skipping(&mut other, steps);
        all += steps;
        assert!(one == other, "history {seed}, request {id}:\n{one:#?}\n{other:#?}");
    }
    (all, skipped)
}

#[test]
fn skipping_leaves_what_stepping_leaves() {
    let (mut all, mut skipped) = (0, 0);
    for seed in 0..2_000 {
        let (steps, at_once) = play(seed);
        all += steps;
        skipped += at_once;
    }
    assert!(skipped > all / 4, "{skipped} of {all} steps were skipped");
}

/// Two decode, of 6 and 20 tokens more; blocks of 4. The first ends with the sixth step from now, so
/// five are alike. They attend to 5 + 9 = 14 tokens, then to 16.
#[test]
fn what_is_alike_by_hand() {
    let mut scheduler = Scheduler::new(WIDE).unwrap();
    scheduler.arrive(arrival(1, 4, 7)).unwrap();
    scheduler.arrive(arrival(2, 8, 21)).unwrap();
    let _ = single(&mut scheduler);
    assert_eq!(scheduler.even(), Even { steps: 5, sequences: 2, context: 14 });
    scheduler.skip(5, |_, _| None);
    assert_eq!(scheduler.even(), Even::default());
    // 4 + 1 + 5 tokens are known of the first, one less computed, and 16 blocks are enough for both.
    assert_eq!(single(&mut scheduler).entries[0].start, 9);
    assert_eq!(scheduler.even(), Even { steps: 13, sequences: 1, context: 15 });
}

/// Four blocks of 4 hold 16 tokens: alone, a prompt of 8 decodes until its own blocks are four.
#[test]
fn nobody_loses_a_block_in_even_steps() {
    let mut scheduler = Scheduler::new(Limits { blocks: 4, ..WIDE }).unwrap();
    scheduler.arrive(arrival(1, 4, 12)).unwrap();
    scheduler.arrive(arrival(2, 4, 12)).unwrap();
    let _ = single(&mut scheduler);
    // Each has a block; with the second, four places more.
    assert_eq!(scheduler.even(), Even { steps: 4, sequences: 2, context: 10 });
}

#[test]
fn whoever_may_be_admitted_is_waited_for() {
    let limits = Limits { sequences_max: 1, prefix_cache: false, ..WIDE };
    for (sequences_max, want) in [(1, 9), (2, 0)] {
        let mut scheduler = Scheduler::new(Limits { sequences_max, ..limits }).unwrap();
        scheduler.arrive(arrival(1, 4, 11)).unwrap();
        let _ = single(&mut scheduler);
        scheduler.arrive(arrival(2, 4, 11)).unwrap();
        assert_eq!(scheduler.even().steps, want);
    }
}
