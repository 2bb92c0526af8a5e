//! Greedy output does not depend on load: alone or in a crowd, preempted or not, with a prefix of its
//! own or a shared one, a prompt gives the same tokens.

mod common;

use common::engine::{Precision, decoder};
use mtok::clock::RunClock;
use mtok::engine::sampler::SamplerParams;
use mtok::engine::stop::StopRules;
use mtok::record::{Finish, RequestId};
use mtok::target::in_process::{InProcess, Metrics, Serving};
use mtok::target::{Delivery, Request, Target, What};
use mtok::units::{Ratio, Tokens};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// Sequences in the crowd.
const CROWD: u32 = 16;
/// Tokens of each answer.
const OUTPUT: u64 = 40;

fn start(model: &str, blocks: u32, serving: Serving) -> InProcess {
    let engine = Box::new(decoder(model, Precision::Stored, blocks, CROWD));
    InProcess::start(engine, Vec::new(), Arc::new(RunClock::start()), serving).expect("a thread")
}

/// Prompts from 1 token to some hundred; every other one begins like its neighbour, for 70 tokens.
fn prompts() -> Vec<Vec<u32>> {
    let token = |seed: u32, position: u32| {
        let mixed = (seed * 7_919 + position * 104_729).wrapping_mul(2_654_435_761);
        100 + (mixed >> 8) % 20_000
    };
    (0..CROWD)
        .map(|index| {
            let length = [1, 5, 31, 32, 33, 64, 65, 130][index as usize % 8] + index / 8 * 70;
            let shared = if index >= 8 { 70 } else { 0 };
            (0..length)
                .map(
                    |position| {
                        if position < shared { token(99, position) } else { token(index, position) }
                    },
                )
                .collect()
        })
        .collect()
}

fn submit(target: &InProcess, id: u32, prompt: &[u32]) -> Receiver<Delivery> {
    let (to, from) = channel();
    let stop = StopRules::exactly(Tokens(OUTPUT));
    let request = Request::new(RequestId(id), prompt.to_vec(), SamplerParams::GREEDY, stop);
    target.submit(request, to).expect("it fits");
    from
}

fn tokens(from: &Receiver<Delivery>) -> Vec<u32> {
    let mut tokens = Vec::new();
    for delivery in from {
        match delivery.what {
            What::Token { id, .. } => tokens.push(id),
            What::Sent | What::Read { .. } | What::Chunks { .. } => {}
            What::Done { finish, .. } => assert_eq!(finish, Finish::Length),
        }
    }
    tokens
}

/// All prompts at once.
fn together(target: &InProcess) -> Vec<Vec<u32>> {
    let streams: Vec<_> =
        (0..).zip(prompts()).map(|(id, prompt)| submit(target, id, &prompt)).collect();
    streams.iter().map(tokens).collect()
}

#[track_caller]
fn check(model: &str) {
    let room = Serving { prefix_cache: false, ..Serving::default() };
    let alone = start(model, 16, room);
    let want: Vec<_> =
        (0..).zip(prompts()).map(|(id, prompt)| tokens(&submit(&alone, id, &prompt))).collect();
    assert!(want.iter().all(|tokens| tokens.len() as u64 == OUTPUT));
    drop(alone);

    let crowd = start(model, CROWD * 9, room);
    assert_eq!(together(&crowd), want, "in a crowd with room for all");
    assert_eq!(crowd.metrics().preemptions, 0);
    drop(crowd);

    // Room for a third of them.
    let tight = start(model, 30, Serving { chunk_max: 48, ..room });
    assert_eq!(together(&tight), want, "preempted and computed again");
    let Metrics { preemptions, kv_used, .. } = tight.metrics();
    assert!(preemptions > 0, "the pool was large enough for all");
    assert_eq!(kv_used, Ratio::of(0.0), "blocks held by nobody");
    drop(tight);

    let shared = start(model, 40, Serving { prefix_cache: true, chunk_max: 48, ..room });
    assert_eq!(together(&shared), want, "with shared prefixes");
    // Again, now that every prompt's blocks may be in the cache.
    assert_eq!(together(&shared), want, "with cached prefixes");
    assert!(shared.metrics().prefix_hit > Tokens(500), "{}", shared.metrics().prefix_hit);
}

#[test]
fn heavy_smollm2_says_the_same_whatever_the_load() {
    check("smollm2-135m");
}

#[test]
fn heavy_gemma_3_says_the_same_whatever_the_load() {
    check("gemma-3-270m");
}
