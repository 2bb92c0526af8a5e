//! The checks find what they are for: each breaks one thing and sees it named.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One sequence that runs and has a block in the cache, and one that waits.
fn busy() -> Scheduler {
    let mut scheduler = Scheduler::new(Limits { sequences_max: 1, ..WIDE }).unwrap();
    for id in 0..3 {
        let prefix = vec![BlockHash(id.into())];
        scheduler.arrive(Arrival { prefix, ..arrival(id, 6, 3) }).unwrap();
    }
    let _ = scheduler.step();
    scheduler.end(SeqId(0));
    let _ = scheduler.step();
    scheduler.token(SeqId(1), None);
    scheduler.check();
    scheduler
}

#[track_caller]
fn finds(want: &str, fault: impl FnOnce(&mut Scheduler)) {
    let mut scheduler = busy();
    fault(&mut scheduler);
    let panic = catch_unwind(AssertUnwindSafe(|| scheduler.check())).unwrap_err();
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref().map(|text: &&str| (*text).to_owned()));
    assert!(text.as_deref().is_some_and(|text| text.contains(want)), "{want}: {text:?}");
}

#[test]
fn each_fault_is_found() {
    finds("leaked", |scheduler| _ = scheduler.sequences[1].blocks.pop());
    finds("2 holders, 1 references", |scheduler| {
        let blocks = scheduler.sequences[1].blocks.clone();
        scheduler.sequences[1].blocks.extend(blocks);
    });
    finds("leaked", |scheduler| _ = scheduler.pool.take());
    finds("is listed twice", |scheduler| {
        let id = scheduler.pool.take().unwrap();
        scheduler.pool.share(id);
        scheduler.pool.release(id);
        scheduler.pool.release(id);
        let taken = scheduler.pool.take().unwrap();
        scheduler.pool.release(taken);
        scheduler.pool.free.push(taken);
    });
    finds("is held, and to be had", |scheduler| {
        let id = scheduler.sequences[1].blocks[0];
        scheduler.pool.free.push(id);
    });
    finds("can't be found by its hash", |scheduler| {
        let cached = scheduler.pool.cached_in_order().next().unwrap();
        scheduler.pool.blocks[cached.0 as usize].hash = Some(BlockHash(99));
    });
    finds("a hash names a block that doesn't bear it", |scheduler| {
        scheduler.pool.by_hash.insert(BlockHash(99), BlockId(7));
    });
    finds("cached blocks are counted", |scheduler| scheduler.pool.cached += 1);
    finds("free, 1 cached, 2 held of 16 blocks", |scheduler| _ = scheduler.pool.free.pop());
    finds("has nothing to compute", |scheduler| {
        scheduler.sequences[1].computed = scheduler.sequences[1].known;
    });
    finds("is planned too far", |scheduler| scheduler.sequences[1].planned = 2);
    finds("has room for 4 tokens of 6", |scheduler| {
        let last = scheduler.sequences[1].blocks.pop().unwrap();
        scheduler.pool.release(last);
    });
    finds("waits with blocks", |scheduler| {
        let id = scheduler.pool.take().unwrap();
        scheduler.sequences[2].blocks.push(id);
    });
    finds("writes into a block that can be shared", |scheduler| {
        scheduler.sequences[1].computed = 3;
    });
    finds("tokens are planned of 16", |scheduler| {
        let sequence = &mut scheduler.sequences[1];
        (sequence.known, sequence.planned) = (100, 17);
        while count(sequence.blocks.len()) < 6 {
            sequence.blocks.push(scheduler.pool.take().unwrap());
        }
    });
    finds("[1, 1, 0]", |scheduler| scheduler.preempted += 1);
    finds("out of order", |scheduler| {
        let first = scheduler.running[0];
        scheduler.running.push(first);
    });
}
