//! Many at once: nobody's tokens depend on the others, and nobody waits for them.

use super::*;
use crate::schedule::Priority;

/// Prompts that begin alike, in several lengths.
fn mixed(count: u32) -> Vec<Vec<u32>> {
    let prompt = |id: u32| (0..3 + id * 5 % 23).map(|at| (at * 3 + at / 9 * id) % 13).collect();
    (0..count).map(prompt).collect()
}

/// Serves all at once, from behind a gate that opens when all are there. The most that decoded in
/// one step.
#[track_caller]
fn together(target: &InProcess, open: Sender<()>, prompts: &[Vec<u32>], output: u64) -> u32 {
    let (to, steps) = channel();
    target.steps(to);
    let sent: Vec<_> =
        (0..).zip(prompts).map(|(id, prompt)| send(target, request(id, prompt, output))).collect();
    drop(open);
    for (from, prompt) in sent.iter().zip(prompts) {
        let got: Vec<_> = from.iter().collect();
        assert_eq!(end(&got), (Finish::Length, output));
        assert_eq!(ids(&got), alone(prompt, usize::try_from(output).unwrap()), "{prompt:?}");
    }
    steps.try_iter().map(|step| step.decode).max().unwrap()
}

#[test]
fn many_at_once_get_what_each_gets_alone() {
    let (open, gate) = channel();
    let serving = Serving { prefix_cache: false, ..Serving::default() };
    let Rig { target, .. } = rig(MANY, Some(gate), serving);
    assert_eq!(together(&target, open, &mixed(32), 20), MANY.sequences);
    let metrics = target.metrics();
    assert_eq!((metrics.prefix_hit, metrics.preemptions), (Tokens(0), 0));
    assert_eq!(metrics.prefix_queried.0, mixed(32).iter().map(|one| one.len() as u64).sum::<u64>());
    assert_eq!((metrics.kv_used, metrics.kv_cached), (Ratio::of(0.0), Ratio::of(0.0)));
}

#[test]
fn sequences_that_lose_their_place_get_what_they_get_alone() {
    // 25 blocks of 4 hold two of the longest (26 + 40 tokens) at most, and not to their ends.
    let (open, gate) = channel();
    let tiny = Capacity { blocks: 20, ..MANY };
    let Rig { target, .. } = rig(tiny, Some(gate), Serving::default());
    together(&target, open, &mixed(16), 40);
    let metrics = target.metrics();
    assert!(metrics.preemptions > 4, "{metrics:?}");
    assert_eq!((metrics.running, metrics.waiting, metrics.preempted), (0, 0, 0));
    assert_eq!(metrics.kv_used, Ratio::of(0.0));
}

#[test]
fn sequences_that_share_a_prefix_get_what_they_get_alone() {
    let (open, gate) = channel();
    let Rig { target, .. } = rig(Capacity { sequences: 2, ..MANY }, Some(gate), Serving::default());
    let common: Vec<u32> = (0..40).map(|at| at % 13).collect();
    let own = |id: u32| [&common[..], &[id][..]].concat();
    // Some are their common part alone: cached whole, so the last block is copied.
    let prompts: Vec<_> =
        (0..12).map(|id| if id % 3 == 2 { common.clone() } else { own(id) }).collect();
    together(&target, open, &prompts, 9);
    let metrics = target.metrics();
    // The first reads it, and so does the second where it is in the same step, which the moment at
    // which the engine woke decides; the others find 40 tokens, four of them all but the last.
    let (two_read, one_reads) = (Tokens(10 * 40 - 4), Tokens(11 * 40 - 4));
    assert!([two_read, one_reads].contains(&metrics.prefix_hit), "{metrics:?}");

    // A turn later, the answer is found too: 41 + 9 tokens, whose last is not computed.
    let answer = alone(&own(0), 9);
    let again = [own(0), answer].concat();
    let got = serve(&target, request(0, &again, 3));
    assert_eq!(ids(&got), alone(&again, 3));
    assert_eq!(got[1].what, What::Read { tokens: Tokens(50), cached: Tokens(48) });
}

#[test]
fn what_is_drawn_does_not_depend_on_the_batch() {
    let draw = |target: &InProcess, id: u32| {
        let mut request = request(id, &mixed(16)[id as usize], 40);
        request.sampling =
            SamplerParams { temperature: 1.5, seed: id.into(), ..SamplerParams::GREEDY };
        send(target, request)
    };
    let tokens = |from: std::sync::mpsc::Receiver<Delivery>| ids(&from.iter().collect::<Vec<_>>());
    let alone: Vec<_> = (0..16).map(|id| tokens(draw(&start(ONE), id))).collect();
    let (open, gate) = channel();
    let tiny = Capacity { blocks: 20, ..MANY };
    let Rig { target, .. } = rig(tiny, Some(gate), Serving::default());
    let sent: Vec<_> = (0..16).map(|id| draw(&target, id)).collect();
    drop(open);
    for (from, alone) in sent.into_iter().zip(alone) {
        assert_eq!(tokens(from), alone);
    }
    assert!(target.metrics().preemptions > 0);
}

#[test]
fn a_consumer_that_does_not_read_holds_up_nobody() {
    let target = start(MANY);
    let unread = send(&target, request(0, &[1], 1_500));
    let read: Vec<_> = (1..6).map(|id| send(&target, request(id, &[id], 100))).collect();
    for from in read {
        assert_eq!(end(&from.iter().collect::<Vec<_>>()), (Finish::Length, 100));
    }
    // All of its own is there when it comes to read.
    assert_eq!(end(&unread.iter().collect::<Vec<_>>()), (Finish::Length, 1_500));
}

/// Drops the receiver of a long request while one of its steps is under way, beside another request;
/// after how many more steps it has left the batch.
#[track_caller]
fn leaves(prompt: &[u32], chunk_max: u32) -> usize {
    let (open, gate) = channel();
    let serving = Serving { chunk_max, ..Serving::default() };
    let Rig { target, begun } = rig(MANY, Some(gate), serving);
    let orphan = send(&target, request(0, prompt, 1_000));
    let other = send(&target, request(1, &[1], 1_000));
    while begun.recv().unwrap() < 2 {
        open.send(()).unwrap();
    }
    let used = target.metrics().kv_used;
    drop(orphan);
    let mut steps = 0;
    while steps < 5 {
        open.send(()).unwrap();
        steps += 1;
        if begun.recv().unwrap() == 1 {
            break;
        }
    }
    let metrics = target.metrics();
    target.cancel(RequestId(0));
    target.cancel(RequestId(1));
    // Before anything can fail: a target that is dropped waits for its engine.
    drop(open);
    let _ = end(&other.iter().collect::<Vec<_>>());
    assert!(metrics.kv_used < used && metrics.kv_used <= Ratio::of(2.0 / 500.0), "{metrics:?}");
    assert_eq!(metrics.running, 1);
    steps
}

#[test]
fn a_consumer_that_is_gone_frees_its_blocks_within_two_steps() {
    assert!(leaves(&[1; 30], 512) <= 2, "while it decodes");
    assert!(leaves(&[1; 900], 8) <= 2, "while its prompt is read");
}

#[test]
fn an_error_fails_those_in_the_step_and_no_others() {
    let (open, gate) = channel();
    let two = Capacity { sequences: 2, ..MANY };
    let Rig { target, begun } = rig(two, Some(gate), Serving::default());
    let first = send(&target, request(0, &[1], 3));
    begun.recv().unwrap();
    let broken = send(&target, request(1, &[FAIL], 3));
    let waiting = send(&target, request(2, &[1], 3));
    drop(open);
    for from in [first, broken] {
        let (finish, _) = end(&from.iter().collect::<Vec<_>>());
        assert!(
            matches!(&finish, Finish::Failed(why) if why.reason.contains("position 0")),
            "{finish:?}"
        );
    }
    let waiting: Vec<_> = waiting.iter().collect();
    assert_eq!((end(&waiting), ids(&waiting)), ((Finish::Length, 3), alone(&[1], 3)));
    assert_eq!(target.metrics().kv_used, Ratio::of(0.0));
}

#[test]
fn numbers_that_are_none_fail_their_own_sequence() {
    let (open, gate) = channel();
    let Rig { target, .. } = rig(MANY, Some(gate), Serving::default());
    let good = send(&target, request(0, &[1, 2], 5));
    let bad = send(&target, request(1, &[1, NAN], 5));
    drop(open);
    assert!(matches!(end(&bad.iter().collect::<Vec<_>>()).0, Finish::Failed(_)));
    assert_eq!(ids(&good.iter().collect::<Vec<_>>()), alone(&[1, 2], 5));
}

#[test]
fn who_is_urgent_goes_first() {
    let (open, gate) = channel();
    let Rig { target, begun } = rig(ONE, Some(gate), Serving::default());
    let (to, from) = channel();
    let submit = |id, priority| {
        let request = Request { priority: Priority(priority), ..request(id, &[1], 1) };
        target.submit(request, to.clone()).unwrap();
    };
    submit(0, 0);
    begun.recv().unwrap();
    submit(1, 1);
    submit(2, 0);
    submit(3, -1);
    drop(open);
    drop(to);
    let ended = from.iter().filter(|one| matches!(one.what, What::Done { .. })).map(|one| one.id.0);
    assert_eq!(ended.collect::<Vec<_>>(), [0, 3, 2, 1]);
}

#[test]
fn how_likely_tokens_were_comes_with_them_where_asked_for() {
    let target = start(ONE);
    let got = serve(&target, Request { logprobs: Some(2), ..request(0, &[1, 2, 3], 1) });
    let logprobs = got.iter().find_map(|one| match &one.what {
        What::Token { logprobs, .. } => logprobs.clone(),
        _ => None,
    });
    let logprobs = logprobs.unwrap();
    // The next has 2, thirteen others 0, four nothing.
    let whole = (2.0_f32.exp() + 13.0).ln();
    let near = |a: f32, b: f32| (a - b).abs() < 1e-5;
    assert!(near(logprobs.token, 2.0 - whole), "{logprobs:?}");
    let [(7, first), (0, second)] = logprobs.top[..] else { panic!("{logprobs:?}") };
    assert!(near(first, 2.0 - whole) && near(second, -whole), "{logprobs:?}");
}
