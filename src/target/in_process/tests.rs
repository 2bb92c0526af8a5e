//! The target with a model that adds: what is delivered, in which order, and that everything ends.

use super::*;
use crate::clock::FakeClock;
use crate::engine::EngineError;
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::record::{Moment, Span, Step};
use crate::units::Seconds;
use proptest::prelude::*;
use std::sync::mpsc::{Receiver, channel};

const VOCABULARY: u32 = 16;
const CONTEXT: usize = 2_000;
/// Ends a sequence.
const EOS: u32 = 7;
/// Makes the model panic, or fail.
const PANIC: u32 = 14;
const FAIL: u32 = 15;

/// The next token is the sum of all so far, in 1..14; each token takes a millisecond.
struct Adder {
    held: Vec<u32>,
    clock: Arc<FakeClock>,
    /// One message lets one forward pass through; without a sender all pass.
    gate: Option<Receiver<()>>,
}

impl Forward for Adder {
    fn forward(&mut self, tokens: &[u32], position: usize) -> Result<Vec<f32>, EngineError> {
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        assert_eq!(position, self.held.len(), "a pass at a wrong place");
        assert!(!tokens.contains(&PANIC), "a token that panics");
        if tokens.contains(&FAIL) {
            return Err(EngineError::Position { tokens: 0, position: 0, held: 0 });
        }
        self.held.extend_from_slice(tokens);
        let millis = u32::try_from(tokens.len()).unwrap();
        self.clock.advance(Seconds(f64::from(millis) * 1e-3));
        let next = self.held.iter().sum::<u32>() % 13 + 1;
        let logit = |id| match id {
            PANIC | FAIL => f32::NEG_INFINITY,
            id if id == next => 2.0,
            _ => 0.0,
        };
        Ok((0..VOCABULARY).map(logit).collect())
    }

    fn reset(&mut self) {
        self.held.clear();
    }

    fn vocabulary(&self) -> usize {
        VOCABULARY as usize
    }

    fn context_limit(&self) -> usize {
        CONTEXT
    }

    fn describe(&self) -> String {
        "an adder".to_owned()
    }
}

/// Token 3 is `d`, …; token 13 is half a character.
struct Letters {
    half: bool,
}

impl Detokenize for Letters {
    fn push(&mut self, token: u32) -> Result<String, EngineError> {
        self.half = token == 13;
        let letter = char::from(b'a' + u8::try_from(token).unwrap());
        Ok(if self.half { String::new() } else { letter.to_string() })
    }

    fn finish(&mut self) -> String {
        if self.half { "\u{fffd}".to_owned() } else { String::new() }
    }
}

fn start(gate: Option<Receiver<()>>, queue_max: usize) -> InProcess {
    let clock = Arc::new(FakeClock::default());
    let engine = Adder { held: Vec::new(), clock: Arc::clone(&clock), gate };
    InProcess::start(Box::new(engine), vec![EOS], clock, queue_max).unwrap()
}

fn request(id: u32, prompt: &[u32], output: u64) -> Request {
    Request {
        id: RequestId(id),
        prompt: prompt.to_vec(),
        sampling: SamplerParams::GREEDY,
        stop: StopRules::exactly(Tokens(output)),
        text: None,
    }
}

fn ids(deliveries: &[Delivery]) -> Vec<u32> {
    let id = |one: &Delivery| match one.what {
        What::Token { id, .. } => Some(id),
        _ => None,
    };
    deliveries.iter().filter_map(id).collect()
}

fn text(deliveries: &[Delivery]) -> String {
    let text = |one: &Delivery| match &one.what {
        What::Token { text, .. } => text.clone(),
        _ => None,
    };
    deliveries.iter().filter_map(text).collect()
}

/// How it ended, with what count; checks that it ended once, and last.
#[track_caller]
fn end(deliveries: &[Delivery]) -> (Finish, u64) {
    let is_done = |one: &&Delivery| matches!(one.what, What::Done { .. });
    assert_eq!(deliveries.iter().filter(is_done).count(), 1, "{deliveries:?}");
    match &deliveries.last().unwrap().what {
        What::Done { finish, output, .. } => {
            assert_eq!(output.0, ids(deliveries).len() as u64);
            (finish.clone(), output.0)
        }
        other => panic!("{other:?} after the end"),
    }
}

/// Serves one request alone.
fn serve(target: &InProcess, request: Request) -> Vec<Delivery> {
    let (to, from) = channel();
    target.submit(request, to).unwrap();
    from.iter().collect()
}

fn step(from: u64, to: u64, prefill: u64, decode: u32, context: u64) -> What {
    let span = Span { from: Moment(from * 1_000_000), to: Moment(to * 1_000_000) };
    What::Step(Step { span, prefill: Tokens(prefill), decode, context: Tokens(context) })
}

#[test]
fn steps_and_tokens_come_in_order_with_their_times() {
    let target = start(None, 4);
    let got = serve(&target, request(7, &[1, 2, 3], 2));
    // 1 + 2 + 3 = 6, so 7; 6 + 7 = 13 = 0 mod 13, so 1.
    let token = |id| What::Token { id, text: None };
    let done = What::Done { finish: Finish::Length, prompt: Some(Tokens(3)), output: Tokens(2) };
    let want = [
        (3, step(0, 3, 3, 0, 1 + 2 + 3)),
        (3, token(7)),
        (4, step(3, 4, 0, 1, 4)),
        (4, token(1)),
        (4, done),
    ];
    let want =
        want.map(|(at, what)| Delivery { id: RequestId(7), at: Moment(at * 1_000_000), what });
    assert_eq!(got, want);
    assert_eq!(target.describe(), "an adder");
}

#[test]
fn a_long_prompt_is_read_in_chunks_whose_contexts_add_up() {
    let target = start(None, 4);
    let got = serve(&target, request(0, &[1; 1_100], 1));
    let steps: Vec<Step> = got
        .iter()
        .filter_map(|one| if let What::Step(step) = one.what { Some(step) } else { None })
        .collect();
    let prefill: Vec<u64> = steps.iter().map(|step| step.prefill.0).collect();
    assert_eq!(prefill, [512, 512, 76]);
    assert_eq!(steps.iter().map(|step| step.context.0).sum::<u64>(), 1_100 * 1_101 / 2);
    assert_eq!(ids(&got), [1_100 % 13 + 1]);
}

#[test]
fn the_models_end_token_ends_unless_ignored() {
    let target = start(None, 4);
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
    let target = start(None, 4);
    let ask = |strings: &[&str], output| {
        let mut request = request(0, &[1, 2, 3], output);
        request.stop.strings = strings.iter().map(|&one| one.to_owned()).collect();
        request.text = Some(Box::new(Letters { half: false }));
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
    half.text = Some(Box::new(Letters { half: false }));
    assert_eq!(text(&serve(&target, half)), "\u{fffd}");
}

#[test]
fn a_token_that_stops_is_no_text() {
    let target = start(None, 4);
    let mut request = request(0, &[1, 2, 3], 6);
    request.stop.tokens = vec![2];
    request.text = Some(Box::new(Letters { half: false }));
    let got = serve(&target, request);
    assert_eq!(
        (text(&got).as_str(), ids(&got), end(&got)),
        ("hb", vec![7, 1, 2], (Finish::Stop, 3))
    );
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Request), want: &str) {
    let target = start(None, 4);
    let mut request = request(3, &[1, 2], 5);
    change(&mut request);
    let (to, from) = channel();
    assert_eq!(target.submit(request, to).unwrap_err().to_string(), want);
    assert!(from.recv().is_err(), "nothing is delivered for a refused request");
}

#[test]
fn what_can_never_be_served_is_refused_on_arrival() {
    refused(|request| request.prompt.clear(), "the prompt is empty");
    refused(
        |request| request.stop.max_tokens = Tokens(1_999),
        "a prompt of 2 tok and an output of 1999 tok exceed the context limit of 2000 tok",
    );
    refused(
        |request| request.prompt[1] = 16,
        "token `16` of the prompt is outside the vocabulary of 16",
    );
    refused(
        |request| request.stop.strings = vec!["x".into()],
        "stop strings were given, but no text is made",
    );
    refused(|request| request.stop.max_tokens = Tokens(0), "`max_tokens` is `0`");
    refused(|request| request.sampling.temperature = -1.0, "`temperature` is `-1`");
}

#[test]
fn a_full_queue_refuses_and_a_number_is_served_once_at_a_time() {
    let (open, gate) = channel();
    let target = start(Some(gate), 2);
    let (to, from) = channel();
    let submit = |id| target.submit(request(id, &[1], 2), to.clone());
    submit(0).unwrap();
    // Its first step is delivered, so it has left the queue.
    open.send(()).unwrap();
    assert!(matches!(from.recv().unwrap().what, What::Step(_)));
    submit(1).unwrap();
    submit(2).unwrap();
    assert!(matches!(submit(3), Err(TargetError::Full { limit: 2 })));
    assert!(matches!(submit(0), Err(TargetError::Twice(RequestId(0)))), "it runs");
    drop(open);
    drop(to);
    let ended = from.iter().filter(|one| matches!(one.what, What::Done { .. })).map(|one| one.id.0);
    assert_eq!(ended.collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_cancelled_request_ends_at_the_next_token_and_a_waiting_one_at_once() {
    let (open, gate) = channel();
    let target = start(Some(gate), 4);
    let (to, from) = channel();
    let (waiting_to, waiting) = channel();
    target.submit(request(0, &[1], 1_000), to).unwrap();
    target.submit(request(1, &[1], 1_000), waiting_to).unwrap();
    open.send(()).unwrap();
    assert!(matches!(from.recv().unwrap().what, What::Step(_)));
    target.cancel(RequestId(1));
    target.cancel(RequestId(9));
    let waiting: Vec<_> = waiting.iter().collect();
    assert_eq!(end(&waiting), (Finish::Cancelled, 0));
    target.cancel(RequestId(0));
    drop(open);
    let running: Vec<_> = from.iter().collect();
    let (finish, output) = end(&running);
    assert_eq!(finish, Finish::Cancelled);
    // At most the pass that was waiting at the gate came after.
    assert!((1..=2).contains(&output), "{output}");
    assert_eq!(end(&serve(&target, request(2, &[1], 3))), (Finish::Length, 3));
}

#[test]
fn a_receiver_that_is_gone_frees_the_engine() {
    let (open, gate) = channel();
    let target = start(Some(gate), 4);
    let (to, from) = channel();
    target.submit(request(0, &[1], 1_990), to).unwrap();
    drop(from);
    // Two passes at most for the orphan: were it served on, the second request would starve.
    let (to, from) = channel();
    target.submit(request(1, &[1], 1), to).unwrap();
    for _ in 0..3 {
        open.send(()).unwrap();
    }
    assert_eq!(end(&from.iter().collect::<Vec<_>>()), (Finish::Length, 1));
}

#[test]
fn an_error_fails_one_request_and_a_panic_all() {
    let (open, gate) = channel();
    let target = start(Some(gate), 4);
    let (to, from) = channel();
    for (id, prompt) in [(0, FAIL), (1, 1), (2, PANIC), (3, 1)] {
        target.submit(request(id, &[prompt], 1), to.clone()).unwrap();
    }
    drop(open);
    drop(to);
    let ended: Vec<_> = from
        .iter()
        .filter_map(|one| match one.what {
            What::Done { finish, .. } => Some((one.id.0, finish)),
            _ => None,
        })
        .collect();
    let of = |id| {
        let mut found = ended.iter().filter(|one| one.0 == id);
        let finish = found.next().unwrap().1.clone();
        assert!(found.next().is_none(), "{id} ended twice");
        finish
    };
    assert!(matches!(of(0), Finish::Failed(why) if why.contains("position 0")));
    assert_eq!(of(1), Finish::Length);
    let panicked = Finish::Failed("panic in the engine: a token that panics".into());
    assert_eq!((of(2), of(3)), (panicked.clone(), panicked));
    let (to, _from) = channel();
    let error = target.submit(request(4, &[1], 1), to).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the target has stopped: panic in the engine: a token that panics"
    );
}

#[test]
fn dropping_the_target_ends_its_thread_and_all_requests() {
    let (open, gate) = channel();
    let target = start(Some(gate), 4);
    let (to, from) = channel();
    target.submit(request(0, &[1], 1_000), to.clone()).unwrap();
    target.submit(request(1, &[1], 1_000), to).unwrap();
    open.send(()).unwrap();
    assert!(matches!(from.recv().unwrap().what, What::Step(_)));
    drop(open);
    // Joins the thread: a hang here is the failure.
    drop(target);
    let all: Vec<_> = from.iter().collect();
    for id in 0..2 {
        let own: Vec<_> = all.iter().filter(|one| one.id.0 == id).cloned().collect();
        let _ = end(&own);
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
        let alone = ids(&serve(&start(None, 16), ask(0)));
        let target = start(None, 16);
        for (id, prompt) in (1..).zip(&before) {
            serve(&target, request(id, prompt, 5));
        }
        prop_assert_eq!(ids(&serve(&target, ask(0))), alone);
    }

    #[test]
    fn every_request_ends_once_whatever_is_cancelled_when(
        all in prompts(), cancels in proptest::collection::vec(0_u32..8, 0..12), dropped: bool,
    ) {
        let target = start(None, 16);
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
