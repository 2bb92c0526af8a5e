//! The engine on real weights, against llama.cpp.
//!
//! Teacher-forced: the engine reads llama.cpp's prompt, then llama.cpp's own tokens one by one, so
//! that one near tie doesn't make all that follows incomparable. `make peers` records the fixtures;
//! what llama.cpp was, and how it was set up, is in them.
//!
//! Quantized products round activations to 8 bits, and that noise alone turns near ties: llama.cpp
//! with and without flash attention agrees with itself at 96.4 % of `SmolLM2`'s positions. So two
//! things are held:
//! - on weights widened to `f32`, where nothing is rounded, ours are llama.cpp's tokens, and the
//!   margins between them are equal to a hundredth of a logit: the forward pass is right;
//! - on the weights as stored, ours is no farther from llama.cpp than llama.cpp itself is when its
//!   arithmetic changes: the rounding is no worse.

mod common;

use mtok::clock::RunClock;
use mtok::engine::reference::{Architecture, Reference};
use mtok::engine::sampler::SamplerParams;
use mtok::engine::stop::StopRules;
use mtok::engine::{DeviceChoice, Forward, Solo};
use mtok::record::RequestId;
use mtok::target::in_process::{InProcess, Serving};
use mtok::target::{Request, Target, What};
use mtok::units::Tokens;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What llama.cpp did.
#[derive(Deserialize)]
struct Recorded {
    second_opinions: BTreeMap<String, Opinion>,
    prompts: Vec<Prompt>,
}

/// How far llama.cpp is from its own record with other arithmetic.
#[derive(Deserialize)]
struct Opinion {
    top1_misses: Vec<serde_json::Value>,
    margin_drift: Drift,
}

#[derive(Deserialize)]
struct Drift {
    median: f64,
    p90: f64,
}

#[derive(Deserialize)]
struct Prompt {
    name: String,
    /// The prompt as llama.cpp fed it.
    ids: Vec<u32>,
    /// Its greedy answer.
    tokens: Vec<u32>,
    /// At each position the ten likeliest tokens and their natural log-probabilities.
    top: Vec<Vec<(u32, f64)>>,
}

/// How far we are from a record.
#[derive(Default)]
struct Comparison {
    positions: u32,
    /// llama.cpp's margin between its token and ours, where ours is another; infinite where ours is
    /// not among its ten.
    misses: Vec<f64>,
    /// By how many logits the margin between the record's two best tokens is another.
    drifts: Vec<f64>,
}

impl Comparison {
    fn of(engine: &mut dyn Forward, recorded: &Recorded) -> Self {
        let mut found = Self::default();
        for prompt in &recorded.prompts {
            engine.reset();
            let mut logits = engine.forward(&prompt.ids, 0).expect("the prompt is read");
            for (position, (&token, top)) in prompt.tokens.iter().zip(&prompt.top).enumerate() {
                let ours = likeliest(&logits);
                if ours != token {
                    let same = top.iter().find(|(id, _)| *id == ours);
                    let margin = same.map_or(f64::INFINITY, |(_, logprob)| top[0].1 - logprob);
                    eprintln!("  {}, position {position}: margin {margin:.5}", prompt.name);
                    found.misses.push(margin);
                }
                let margin = logit(&logits, top[0].0) - logit(&logits, top[1].0);
                found.drifts.push((margin - (top[0].1 - top[1].1)).abs());
                found.positions += 1;
                let held = prompt.ids.len() + position;
                logits = engine.forward(&[token], held).expect("a token is read");
            }
        }
        found.drifts.sort_by(f64::total_cmp);
        let [median, p90, most] = [0.5, 0.9, 1.0].map(|share| found.drift(share));
        eprintln!(
            "  another token at {} of {} positions; margins differ by {median:.6} in the median, \
             {p90:.6} at the 90th percentile, {most:.6} at most",
            found.misses.len(),
            found.positions
        );
        found
    }

    #[expect(clippy::cast_precision_loss, reason = "hundreds of positions")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of them")]
    fn drift(&self, share: f64) -> f64 {
        let last = self.drifts.len() - 1;
        self.drifts[((share * self.drifts.len() as f64) as usize).min(last)]
    }

    /// No farther than llama.cpp from itself, but for luck: little of it in the drifts, which are
    /// over all positions; more in the misses, which are a few dozen.
    #[track_caller]
    fn no_farther_than(&self, opinion: &Opinion) {
        let allowed = &opinion.margin_drift;
        assert!(self.drift(0.5) <= 1.25 * allowed.median, "{} in the median", self.drift(0.5));
        assert!(self.drift(0.9) <= 1.25 * allowed.p90, "{} at p90", self.drift(0.9));
        let misses = opinion.top1_misses.len();
        assert!(self.misses.len() <= misses + misses.div_ceil(2) + 2, "{}", self.misses.len());
    }
}

fn likeliest(logits: &[f32]) -> u32 {
    let best = (0..).zip(logits).reduce(|best, one| if one.1 > best.1 { one } else { best });
    best.expect("a vocabulary has tokens").0
}

fn logit(logits: &[f32], id: u32) -> f64 {
    f64::from(logits[usize::try_from(id).expect("ids fit")])
}

fn recorded(name: &str) -> Recorded {
    let recorded: Recorded =
        serde_json::from_value(common::peer(name)).expect("a record of greedy tokens");
    assert_eq!(recorded.prompts.len(), 20);
    assert!(recorded.prompts.iter().all(|one| one.tokens.len() == 32 && one.top.len() == 32));
    recorded
}

fn load(model: &str, architecture: Architecture) -> Reference {
    let device = DeviceChoice::Cpu.open().expect("there is a CPU");
    Reference::load(&common::model(model), architecture, &device).expect("a sound model")
}

/// Two engines at once would spend their time waiting for each other's threads.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test of this program again in a process where candle widens all weights as it loads them;
/// whether this is that process.
fn widened(test: &str) -> bool {
    const SWITCH: &str = "CANDLE_DEQUANTIZE_ALL";
    if std::env::var_os(SWITCH).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("this program has a path");
    let run =
        Command::new(program).args(["--exact", test, "--nocapture"]).env(SWITCH, "1").status();
    assert!(run.expect("it starts").success(), "{test} failed on widened weights");
    false
}

#[test]
fn heavy_on_widened_weights_the_tokens_are_those_of_llama_cpp() {
    let alone = alone();
    if !widened("heavy_on_widened_weights_the_tokens_are_those_of_llama_cpp") {
        return;
    }
    let check = |engine: &mut Reference, recorded: &Recorded| {
        let found = Comparison::of(engine, recorded);
        let misses = u32::try_from(found.misses.len()).expect("few");
        assert!(misses * 100 <= found.positions, "{misses} of {}", found.positions);
        assert!(found.misses.iter().all(|margin| *margin < 0.1), "{:?}", found.misses);
        assert!(found.drift(1.0) < 0.01, "{}", found.drift(1.0));
    };
    eprintln!("SmolLM2, both widened:");
    let mut engine = load("smollm2-135m", Architecture::Llama);
    check(&mut engine, &recorded("smollm2.exact.json"));
    drop(engine);

    eprintln!("Qwen2.5-Coder, both widened:");
    let mut engine = load("qwen2.5-coder-0.5b", Architecture::Qwen2);
    check(&mut engine, &recorded("qwen2.5-coder.exact.json"));
    drop(alone);
}

/// On the same file, each with its own quantized arithmetic.
#[track_caller]
fn check_as_stored(fixture: &str, model: &str, architecture: Architecture) {
    let alone = alone();
    eprintln!("{model}, both as stored:");
    let greedy = recorded(fixture);
    let opinion = &greedy.second_opinions["without_flash_attention"];
    Comparison::of(&mut load(model, architecture), &greedy).no_farther_than(opinion);
    drop(alone);
}

#[test]
fn heavy_smollm2_as_stored_is_as_near_to_llama_cpp_as_that_is_to_itself() {
    check_as_stored("smollm2.greedy.json", "smollm2-135m", Architecture::Llama);
}

#[test]
fn heavy_qwen_as_stored_is_as_near_to_llama_cpp_as_that_is_to_itself() {
    check_as_stored("qwen2.5-coder.greedy.json", "qwen2.5-coder-0.5b", Architecture::Qwen2);
}

#[test]
fn tokens_do_not_depend_on_what_was_asked_before() {
    let alone = alone();
    let prompts = recorded("smollm2.greedy.json").prompts;
    let start = || {
        let engine = load("smollm2-135m", Architecture::Llama);
        let clock = Arc::new(RunClock::start());
        let engine = Box::new(Solo::new(engine));
        InProcess::start(engine, Vec::new(), clock, Serving::default()).expect("a thread")
    };
    let ask = |target: &InProcess, prompt: &Prompt, sampling| {
        let (to, from) = channel();
        let stop = StopRules::exactly(Tokens(12));
        let prompt = prompt.ids.clone();
        let request = Request::new(RequestId(0), prompt, sampling, stop);
        target.submit(request, to).expect("it fits");
        let token = |what| if let What::Token { id, .. } = what { Some(id) } else { None };
        from.iter().filter_map(|one| token(one.what)).collect::<Vec<_>>()
    };
    let warm = SamplerParams { temperature: 1.0, seed: 5, ..SamplerParams::GREEDY };
    let used = start();
    for sampling in [SamplerParams::GREEDY, warm] {
        let first = ask(&start(), &prompts[1], sampling);
        assert_eq!(first.len(), 12);
        ask(&used, &prompts[2], warm);
        assert_eq!(ask(&used, &prompts[1], sampling), first, "{sampling}");
        assert_eq!(ask(&used, &prompts[1], sampling), first, "{sampling}, again");
    }
    drop(alone);
}
