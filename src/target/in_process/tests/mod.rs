//! The target with a model that adds: what is delivered, in which order, and that everything ends.

mod batches;
mod decoder;
mod reading;
mod rig;

use super::*;
use crate::engine::sampler::SamplerParams;
use crate::record::{Moment, Span, Usage};
use crate::target::What;
use proptest::prelude::*;
use rig::{
    FAIL, LOSE, MANY, NAN, ONE, PANIC, Rig, alone, end, ids, letters, request, rig, send, serve,
    start, text,
};
use std::sync::mpsc::channel;

fn step(from: u64, to: u64, prefill: u64, decode: u32, context: u64) -> Step {
    let span = Span { from: Moment(from * 1_000_000), to: Moment(to * 1_000_000) };
    Step {
        span,
        prefill: Tokens(prefill),
        decode,
        context: Tokens(context),
        prefill_context: Some(Tokens(if prefill > 0 { context } else { 0 })),
        cached_context: Some(Tokens(0)),
    }
}

#[test]
fn steps_and_tokens_come_in_order_with_their_times() {
    let target = start(ONE);
    let (to, steps) = channel();
    target.steps(to);
    let got = serve(&target, request(7, &[1, 2, 3], 2));
    // 1 + 2 + 3 = 6, so 7; 6 + 7 = 13 = 0 mod 13, so 1.
    let read = What::Read { tokens: Tokens(3), cached: Tokens(0) };
    let token = |id| What::Token { id, text: None, logprobs: None };
    let usage = Usage {
        prompt: Some(Tokens(3)),
        cached: Some(Tokens(0)),
        output: Some(Tokens(2)),
        ..Usage::default()
    };
    let done = What::Done { finish: Finish::Length, usage, said: None };
    let want = [(0, What::Sent), (3, read), (3, token(7)), (4, token(1)), (4, done)];
    let want =
        want.map(|(at, what)| Delivery { id: RequestId(7), at: Moment(at * 1_000_000), what });
    assert_eq!(got, want);
    let steps: Vec<_> = steps.try_iter().collect();
    assert_eq!(steps, [step(0, 3, 3, 0, 1 + 2 + 3), step(3, 4, 0, 1, 4)]);
    assert_eq!(target.describe(), "an adder");
}

#[test]
fn a_long_prompt_is_read_in_chunks_whose_contexts_add_up() {
    let target = start(ONE);
    let (to, steps) = channel();
    target.steps(to);
    let got = serve(&target, request(0, &[1; 1_100], 1));
    let steps: Vec<Step> = steps.try_iter().collect();
    let prefill: Vec<u64> = steps.iter().map(|step| step.prefill.0).collect();
    assert_eq!(prefill, [512, 512, 76]);
    assert_eq!(steps.iter().map(|step| step.context.0).sum::<u64>(), 1_100 * 1_101 / 2);
    assert_eq!(ids(&got), [1_100 % 13 + 1]);
    let read = |one: &Delivery| match one.what {
        What::Read { tokens, .. } => Some(tokens.0),
        _ => None,
    };
    assert_eq!(got.iter().filter_map(read).collect::<Vec<_>>(), [512, 1_024, 1_100]);
}

#[test]
fn the_models_end_token_ends_unless_ignored() {
    let target = start(ONE);
    let seven_ends = |ignore_eos| {
        let mut request = request(0, &[1, 2, 3], 3);
        request.stop.ignore_eos = ignore_eos;
        end(&serve(&target, request))
    };
    assert_eq!(seven_ends(false), (Finish::Stop, 1));
    assert_eq!(seven_ends(true), (Finish::Length, 3));
}

#[test]
fn stop_strings_cut_the_text_and_half_characters_come_out_at_the_end() {
    let target = start(ONE);
    let ask = |strings: &[&str], output| {
        let mut request = request(0, &[1, 2, 3], output);
        request.stop.strings = strings.iter().map(|&one| one.to_owned()).collect();
        request.text = Some(letters());
        let got = serve(&target, request);
        (text(&got), ids(&got), end(&got).0)
    };
    // Sums from 6: 7, 13 → 1, 14 → 2, 16 → 4, 20 → 8, 28 → 3: h b c e i d.
    assert_eq!(ask(&[], 6), ("hbceid".into(), vec![7, 1, 2, 4, 8, 3], Finish::Length));
    assert_eq!(ask(&["ce"], 6), ("hb".into(), vec![7, 1, 2, 4], Finish::Stop));
    // Held back as a possible beginning, then passed on.
    assert_eq!(ask(&["cex"], 4), ("hbce".into(), vec![7, 1, 2, 4], Finish::Length));
    assert_eq!(ask(&["ei"], 5), ("hbc".into(), vec![7, 1, 2, 4, 8], Finish::Stop));

    // 12 is 13: half a character, never completed.
    let mut half = request(0, &[12], 1);
    half.text = Some(letters());
    assert_eq!(text(&serve(&target, half)), "\u{fffd}");
}

#[test]
fn a_token_that_stops_is_no_text() {
    let target = start(ONE);
    let mut request = request(0, &[1, 2, 3], 6);
    request.stop.tokens = vec![2];
    request.text = Some(letters());
    let got = serve(&target, request);
    assert_eq!(
        (text(&got).as_str(), ids(&got), end(&got)),
        ("hb", vec![7, 1, 2], (Finish::Stop, 3))
    );
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Request), want: &str) {
    let target = start(ONE);
    let mut request = request(3, &[1, 2], 5);
    change(&mut request);
    let (to, from) = channel();
    assert_eq!(target.submit(request, to).unwrap_err().to_string(), want);
    assert!(from.recv().is_err(), "nothing is delivered for a refused request");
}

#[test]
fn what_can_never_be_served_is_refused_on_arrival() {
    refused(|request| request.prompt = Vec::new().into(), "the prompt is empty");
    refused(
        |request| request.stop.max_tokens = Tokens(1_999),
        "a prompt of 2 tok and an output of 1999 tok exceed the context limit of 2000 tok",
    );
    refused(
        |request| request.prompt = vec![1, 18, 3].into(),
        "token `18` of the prompt is outside the vocabulary of 18",
    );
    refused(
        |request| request.stop.strings = vec!["x".into()],
        "stop strings were given, but no text is made",
    );
    refused(|request| request.stop.max_tokens = Tokens(0), "`max_tokens` is `0`");
    refused(|request| request.sampling.temperature = -1.0, "`temperature` is `-1`");

    // It fits the context and not the cache.
    let small = start(Capacity { blocks: 3, ..ONE });
    let (to, _from) = channel();
    let error = small.submit(request(0, &[1; 10], 4), to).unwrap_err();
    let want = "a prompt of 10 and an output of 4 tokens need 4 blocks of 3";
    assert_eq!(error.to_string(), want);
}

#[test]
fn a_full_queue_refuses_and_a_number_is_served_once_at_a_time() {
    let (open, gate) = channel();
    let serving = Serving { waiting_max: 2, ..Serving::default() };
    let Rig { target, begun } = rig(ONE, Some(gate), serving);
    let (to, from) = channel();
    let submit = |id| target.submit(request(id, &[1], 2), to.clone());
    submit(0).unwrap();
    // Its first step has begun, so it waits no more.
    begun.recv().unwrap();
    submit(1).unwrap();
    submit(2).unwrap();
    assert!(matches!(submit(3), Err(TargetError::Full { limit: 2 })));
    assert!(matches!(submit(0), Err(TargetError::Twice(RequestId(0)))), "it runs");
    assert!(matches!(submit(1), Err(TargetError::Twice(RequestId(1)))), "it waits");
    drop(open);
    drop(to);
    let ended = from.iter().filter(|one| matches!(one.what, What::Done { .. })).map(|one| one.id.0);
    assert_eq!(ended.collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_cancelled_request_ends_at_the_next_token_and_a_waiting_one_at_once() {
    let (open, gate) = channel();
    let Rig { target, begun } = rig(ONE, Some(gate), Serving::default());
    let running = send(&target, request(0, &[1], 1_000));
    let waiting = send(&target, request(1, &[1], 1_000));
    open.send(()).unwrap();
    begun.recv().unwrap();
    begun.recv().unwrap();
    target.cancel(RequestId(1));
    target.cancel(RequestId(9));
    let waiting: Vec<_> = waiting.iter().collect();
    assert_eq!(end(&waiting), (Finish::Cancelled, 0));
    target.cancel(RequestId(0));
    drop(open);
    let running: Vec<_> = running.iter().collect();
    // The step that was waiting at the gate came after.
    assert_eq!(end(&running), (Finish::Cancelled, 2));
    assert_eq!(end(&serve(&target, request(2, &[1], 3))), (Finish::Length, 3));
}

#[test]
fn an_error_fails_one_request_and_a_panic_all() {
    let (open, gate) = channel();
    let Rig { target, .. } = rig(ONE, Some(gate), Serving::default());
    let sent = [FAIL, 1, NAN, LOSE, PANIC, 1].iter().zip(0..);
    let sent: Vec<_> = sent.map(|(&prompt, id)| send(&target, request(id, &[prompt], 1))).collect();
    drop(open);
    let mut ends = sent.iter().map(|from| end(&from.iter().collect::<Vec<_>>()).0);
    let mut failed = |want: &str| match ends.next().unwrap() {
        Finish::Failed(why) => assert!(why.reason.contains(want), "{why:?}"),
        other => assert_eq!((other, want), (Finish::Length, "")),
    };
    failed("position 0");
    failed("");
    failed("the logit of token `0` is `NaN`");
    failed("the engine gave 0 rows of logits where 1 were wanted");
    failed("panic in the engine: a token that panics");
    failed("panic in the engine: a token that panics");
    let (to, _from) = channel();
    let error = target.submit(request(6, &[1], 1), to).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the target has stopped: panic in the engine: a token that panics"
    );
}

#[test]
fn dropping_the_target_ends_its_thread_and_all_requests() {
    let (open, gate) = channel();
    let Rig { target, begun } = rig(ONE, Some(gate), Serving::default());
    let sent = [0, 1].map(|id| send(&target, request(id, &[1], 1_000)));
    begun.recv().unwrap();
    drop(open);
    // Joins the thread: a hang here is the failure.
    drop(target);
    for from in sent {
        let _ = end(&from.iter().collect::<Vec<_>>());
    }
}

fn prompts() -> impl Strategy<Value = Vec<Vec<u32>>> {
    // Token 15 fails; the panic has its own test, since nothing follows it.
    let token = prop_oneof![20 => 0_u32..14, 1 => Just(FAIL)];
    proptest::collection::vec(proptest::collection::vec(token, 1..20), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_sequence_does_not_depend_on_those_before(
        before in prompts(), prompt in proptest::collection::vec(0_u32..14, 1..20), seed: u64,
    ) {
        let ask = |id| {
            let mut request = request(id, &prompt, 12);
            request.sampling = SamplerParams { temperature: 1.5, seed, ..SamplerParams::GREEDY };
            request
        };
        let alone = ids(&serve(&start(MANY), ask(0)));
        let target = start(MANY);
        for (id, prompt) in (1..).zip(&before) {
            serve(&target, request(id, prompt, 5));
        }
        prop_assert_eq!(ids(&serve(&target, ask(0))), alone);
    }

    #[test]
    fn every_request_ends_once_whatever_is_cancelled_when(
        all in prompts(), cancels in proptest::collection::vec(0_u32..8, 0..12), dropped: bool,
    ) {
        let target = start(MANY);
        let (to, from) = channel();
        for (id, prompt) in (0..).zip(&all) {
            target.submit(request(id, prompt, 30), to.clone()).unwrap();
        }
        drop(to);
        for id in cancels {
            target.cancel(RequestId(id));
        }
        let target = if dropped { drop(target); None } else { Some(target) };
        let got: Vec<_> = from.iter().collect();
        for (id, _) in (0..).zip(&all) {
            let own: Vec<_> = got.iter().filter(|one| one.id.0 == id).cloned().collect();
            let _ = end(&own);
        }
        drop(target);
    }
}
