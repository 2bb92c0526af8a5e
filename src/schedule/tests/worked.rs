//! Histories small enough to be worked by hand.

use super::*;

/// A step in a line: copies `0>3`, entries `id:start+tokens` with `(cached)`, `!` where a token
/// follows, `d` for decoding; preempted `-id`.
fn line(step: &Step) -> String {
    let copies = step.copies.iter().map(|(from, to)| format!("{}>{}", from.0, to.0));
    let entries = step.entries.iter().map(|entry| {
        let cached = if entry.cached > 0 { format!("({})", entry.cached) } else { String::new() };
        let decode = if entry.work == Work::Decode { "d" } else { "" };
        let samples = if entry.samples { "!" } else { "" };
        format!("{}:{}+{}{cached}{decode}{samples}", entry.id.0, entry.start, entry.tokens)
    });
    let preempted = step.preempted.iter().map(|id| format!("-{}", id.0));
    copies.chain(entries).chain(preempted).collect::<Vec<_>>().join(" ")
}

/// Steps until nothing is live, each with its tokens told, against what was worked out by hand.
#[track_caller]
fn check(limits: Limits, arrivals: &[Arrival], want: &[&str]) {
    let mut scheduler = Scheduler::new(limits).unwrap();
    for arrival in arrivals {
        scheduler.arrive(arrival.clone()).unwrap();
    }
    let mut got = Vec::new();
    loop {
        let step = scheduler.step();
        if step.entries.is_empty() {
            break;
        }
        got.push(line(&step));
        tell(&mut scheduler, &step);
        assert!(got.len() < 100, "no end: {got:#?}");
    }
    assert_eq!(got, want);
    let counts = scheduler.counts();
    assert_eq!(counts.blocks_free + counts.blocks_cached, limits.blocks);
}

/// Tells a token for each entry that yields one; hashes of sampled blocks are not given.
fn tell(scheduler: &mut Scheduler, step: &Step) {
    for entry in step.entries.iter().filter(|entry| entry.samples) {
        scheduler.token(entry.id, None);
    }
}

fn hashed(mut arrival: Arrival, hashes: &[u128]) -> Arrival {
    arrival.prefix = hashes.iter().copied().map(BlockHash).collect();
    arrival
}

#[test]
fn one_request_is_read_and_then_decoded() {
    check(WIDE, &[arrival(1, 6, 3)], &["1:0+6!", "1:6+1d!", "1:7+1d!"]);
}

#[test]
fn a_long_prompt_is_read_in_chunks() {
    let limits = Limits { chunk_max: 5, ..WIDE };
    check(limits, &[arrival(1, 12, 1)], &["1:0+5", "1:5+5", "1:10+2!"]);
}

#[test]
fn chunks_of_prompts_fill_what_decoding_leaves_of_the_budget() {
    let limits = Limits { step_tokens_max: 8, chunk_max: 8, ..WIDE };
    check(
        limits,
        &[arrival(1, 4, 4), arrival(2, 13, 2)],
        &["1:0+4! 2:0+4", "1:4+1d! 2:4+7", "1:5+1d! 2:11+2!", "1:6+1d! 2:13+1d!"],
    );
}

#[test]
fn no_more_run_at_once_than_may() {
    let limits = Limits { sequences_max: 2, ..WIDE };
    check(
        limits,
        &[arrival(1, 2, 2), arrival(2, 2, 1), arrival(3, 2, 1)],
        &["1:0+2! 2:0+2!", "1:2+1d! 3:0+2!"],
    );
}

#[test]
fn priority_goes_before_arrival_and_patience_before_priority() {
    let one = Limits { sequences_max: 1, ..WIDE };
    let urgent = Arrival { priority: Priority(-1), ..arrival(3, 1, 1) };
    check(
        one,
        &[arrival(1, 1, 1), arrival(2, 1, 1), urgent.clone()],
        &["3:0+1!", "1:0+1!", "2:0+1!"],
    );

    // A level is worth 10 steps: after 10, the urgent one comes too late to overtake.
    let ahead = |steps_before: u32| {
        let mut scheduler = Scheduler::new(one).unwrap();
        scheduler.arrive(arrival(1, 1, 40)).unwrap();
        scheduler.arrive(arrival(2, 1, 1)).unwrap();
        for _ in 0..steps_before {
            let step = scheduler.step();
            tell(&mut scheduler, &step);
        }
        scheduler.arrive(urgent.clone()).unwrap();
        scheduler.end(SeqId(1));
        line(&scheduler.step())
    };
    assert_eq!(ahead(9), "3:0+1!");
    assert_eq!(ahead(10), "2:0+1!");
}

#[test]
fn the_last_loses_its_blocks_and_is_computed_again() {
    // Four blocks of two tokens: each needs three in the end. In the fourth step 1 takes a block of
    // 2, which comes back once 1 has ended.
    let limits = Limits { blocks: 4, block_size: 2, chunk_max: 4, ..WIDE };
    check(
        limits,
        &[arrival(1, 2, 5), arrival(2, 2, 5)],
        &[
            "1:0+2! 2:0+2!",
            "1:2+1d! 2:2+1d!",
            "1:3+1d! 2:3+1d!",
            "1:4+1d! -2",
            "1:5+1d!",
            "2:0+4",
            "2:4+1d!",
            "2:5+1d!",
        ],
    );
}

#[test]
fn nobody_is_admitted_who_would_lose_its_blocks_at_once() {
    // Each needs two blocks, and both a third with their second token: there are four.
    let limits = Limits { blocks: 4, block_size: 2, ..WIDE };
    let want = ["1:0+4!", "1:4+1d!", "2:0+4!", "2:4+1d!"];
    check(limits, &[arrival(1, 4, 2), arrival(2, 4, 2)], &want);
}

#[test]
fn a_prefix_that_was_computed_is_not_computed_again() {
    let two = |id| hashed(arrival(id, 9, 1), &[10, 20]);
    // One at a time: the second finds both full blocks, and reads its last token only.
    let one = Limits { sequences_max: 1, ..WIDE };
    check(one, &[two(1), two(2)], &["1:0+9!", "2:8+1(8)!"]);
    // Off, nothing is found.
    let off = Limits { prefix_cache: false, ..one };
    check(off, &[two(1), two(2)], &["1:0+9!", "2:0+9!"]);
    // A chain ends at the first hash that differs.
    let other = hashed(arrival(2, 9, 1), &[11, 20]);
    check(one, &[two(1), other], &["1:0+9!", "2:0+9!"]);
}

#[test]
fn a_prompt_that_is_cached_whole_gets_a_copy_of_its_last_block() {
    let whole = |id| hashed(arrival(id, 8, 1), &[10, 20]);
    let one = Limits { sequences_max: 1, ..WIDE };
    // The first held blocks 0 and 1; the copy goes into 2.
    check(one, &[whole(1), whole(2)], &["1:0+8!", "1>2 2:7+1(7)!"]);
    // Without a third block there is no room for a copy: the last block is computed anew.
    let tight = Limits { blocks: 2, ..one };
    check(tight, &[whole(1), whole(2)], &["1:0+8!", "2:4+4(4)!"]);
}

#[test]
fn the_least_recently_used_goes_first_and_of_one_prefix_its_end() {
    let limits = Limits { sequences_max: 1, blocks: 4, ..WIDE };
    let first = |id| hashed(arrival(id, 9, 1), &[10, 20]);
    let second = |id| hashed(arrival(id, 5, 1), &[30]);
    // After 1 and 2, blocks hold 10, 20 and 30, and one is free. 3 takes two: the free one and that
    // of 20, the end of the older prefix. So 4 finds 10 alone, and 5 finds 30.
    check(
        limits,
        &[first(1), second(2), arrival(3, 8, 1), first(4), second(5)],
        &["1:0+9!", "2:0+5!", "3:0+8!", "4:4+5(4)!", "5:4+1(4)!"],
    );
}

#[test]
fn what_can_never_fit_is_refused_and_so_is_what_does_not_fit_now() {
    #[track_caller]
    fn refused(limits: Limits, arrival: Arrival, want: &str) {
        let mut scheduler = Scheduler::new(limits).unwrap();
        scheduler.arrive(super::arrival(1, 1, 1)).unwrap();
        assert_eq!(scheduler.arrive(arrival).unwrap_err().to_string(), want);
        assert_eq!(scheduler.counts().waiting, 1);
    }
    refused(WIDE, arrival(2, 0, 1), "the prompt is empty");
    refused(WIDE, arrival(2, 1, 0), "no output is asked for");
    refused(WIDE, arrival(1, 1, 1), "sequence 1 is being served already");
    let context = "a prompt of 60 and an output of 5 tokens exceed the context limit of 64";
    refused(WIDE, arrival(2, 60, 5), context);
    refused(
        WIDE,
        arrival(2, u32::MAX, u32::MAX),
        "a prompt of 4294967295 and an output of \
        4294967295 tokens exceed the context limit of 64",
    );
    // The last token's keys and values are never needed: 8 + 5 - 1 tokens fill 3 blocks.
    let tight = Limits { blocks: 3, ..WIDE };
    refused(tight, arrival(2, 8, 6), "a prompt of 8 and an output of 6 tokens need 4 blocks of 3");
    Scheduler::new(tight).unwrap().arrive(arrival(2, 8, 5)).unwrap();
    refused(
        WIDE,
        hashed(arrival(2, 7, 1), &[1, 2]),
        "2 block hashes for a prompt with 1 full blocks",
    );
    let short = Limits { waiting_max: 1, ..WIDE };
    refused(short, arrival(2, 1, 1), "the queue is full: 1 requests wait");
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    #[track_caller]
    fn refused(limits: Limits, want: &str) {
        assert_eq!(Scheduler::new(limits).unwrap_err().to_string(), want);
    }
    refused(Limits { sequences_max: 0, ..WIDE }, "`sequences_max` is `0`, below `1`");
    refused(Limits { waiting_max: 0, ..WIDE }, "`waiting_max` is `0`, below `1`");
    refused(Limits { step_tokens_max: 3, ..WIDE }, "`step_tokens_max` is `3`, below `4`");
    refused(Limits { chunk_max: 0, ..WIDE }, "`chunk_max` is `0`, below `1`");
    refused(Limits { blocks: 0, ..WIDE }, "`blocks` is `0`, below `1`");
    refused(Limits { block_size: 0, ..WIDE }, "`block_size` is `0`, below `1`");
    refused(Limits { context_max: 1, ..WIDE }, "`context_max` is `1`, below `2`");
    let patience = Limits { patience: 1 << 21, ..WIDE };
    refused(patience, "`patience` is `2097152`, above `1048576`");
}

#[test]
fn the_counts_follow_a_request_through_its_life() {
    let mut scheduler = Scheduler::new(Limits { sequences_max: 1, ..WIDE }).unwrap();
    let whole = |id| hashed(arrival(id, 8, 2), &[10, 20]);
    scheduler.arrive(whole(1)).unwrap();
    scheduler.arrive(whole(2)).unwrap();
    let counts = Counts { waiting: 2, blocks_free: 16, ..Counts::default() };
    assert_eq!(scheduler.counts(), counts);
    let step = scheduler.step();
    let counts = Counts {
        running: 1,
        waiting: 1,
        blocks_free: 14,
        blocks_held: 2,
        prefix_queried: 8,
        steps: 1,
        ..counts
    };
    assert_eq!(scheduler.counts(), counts);
    tell(&mut scheduler, &step);
    scheduler.end(SeqId(1));
    assert!(!scheduler.end(SeqId(1)) && !scheduler.cancel(SeqId(1)));
    let counts = Counts { running: 0, blocks_free: 14, blocks_cached: 2, blocks_held: 0, ..counts };
    assert_eq!(scheduler.counts(), counts);
    let _ = scheduler.step();
    // One block is shared, one was copied into a free one.
    let counts = Counts {
        running: 1,
        waiting: 0,
        blocks_free: 13,
        blocks_cached: 1,
        blocks_held: 2,
        prefix_queried: 16,
        prefix_hit: 7,
        steps: 2,
        ..counts
    };
    assert_eq!(scheduler.counts(), counts);
}

#[test]
fn a_cancelled_part_is_not_shared_and_a_finished_one_is() {
    let again = |finish: fn(&mut Scheduler) -> bool| {
        let mut scheduler = Scheduler::new(WIDE).unwrap();
        scheduler.arrive(hashed(arrival(1, 9, 2), &[10, 20])).unwrap();
        let _ = scheduler.step();
        assert!(finish(&mut scheduler));
        scheduler.arrive(hashed(arrival(2, 9, 2), &[10, 20])).unwrap();
        line(&scheduler.step())
    };
    assert_eq!(again(|scheduler| scheduler.cancel(SeqId(1))), "2:0+9!");
    assert_eq!(again(|scheduler| scheduler.end(SeqId(1))), "2:8+1(8)!");
}

#[test]
fn a_token_that_is_not_told_is_computed_again() {
    let mut scheduler = Scheduler::new(WIDE).unwrap();
    scheduler.arrive(arrival(1, 4, 9)).unwrap();
    assert_eq!(line(&scheduler.step()), "1:0+4!");
    assert_eq!(line(&scheduler.step()), "1:3+1!");
    assert!(scheduler.token(SeqId(1), None));
    assert!(!scheduler.token(SeqId(1), None), "told twice");
    assert_eq!(line(&scheduler.step()), "1:4+1d!");
}
