//! Coefficients found again in what was simulated from them.

use super::*;
use crate::record::Finish;
use crate::record::builder::{RunBuilder, request};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[track_caller]
fn check(fit: Option<&Fit>, want: &[(Term, f64)], within: f64) {
    let fit = fit.unwrap();
    let terms: Vec<_> = fit.coefficients.iter().map(|c| c.term).collect();
    assert_eq!(terms, want.iter().map(|(term, _)| *term).collect::<Vec<_>>());
    for (got, (_, want)) in fit.coefficients.iter().zip(want) {
        assert!((got.time.0 - want).abs() <= within * want, "{fit:?}: {want}");
    }
}

/// In milliseconds: 10 a step, 0.1 a prompt token, 2e-5 a token that it attends to; 0.5 a sequence
/// and 1e-3 a token of its context.
const TRUTH: [f64; 5] = [10.0, 0.1, 2e-5, 0.5, 1e-3];

/// Steps of one kind after the other, with the noise that is said; a mixed one tells its parts or not.
fn steps(noise: f64, told: bool, prompts: impl Fn(u64) -> u64) -> Run {
    let mut chance = ChaCha8Rng::seed_from_u64(7);
    let mut run = RunBuilder::measured(0.0, 1e9);
    let (mut at, mut parts) = (0.0, Vec::new());
    for n in 0..300_u64 {
        let (p, start) = (prompts(n), n * 37 % 2_000);
        let a = p * start + p * (p + 1) / 2;
        let d = 1 + u32::try_from(n * 7 % 32).unwrap();
        let k = u64::from(d) * (100 + n * 53 % 3_000);
        let (p, a, d, k) = match n % 3 {
            0 => (p, a, 0, 0),
            1 => (0, 0, d, k),
            _ => (p, a, d, k),
        };
        let row = [1.0, Tokens(p).get(), Tokens(a).get(), f64::from(d), Tokens(k).get()];
        let time: f64 = row.iter().zip(TRUTH).map(|(x, c)| x * c).sum();
        let time = time * (1.0 + noise * (chance.random::<f64>() - 0.5));
        run = run.step((at, at + time), p, d, a + k);
        parts.push(Tokens(a));
        at += time;
    }
    let mut run = run.build();
    for (step, part) in run.steps.iter_mut().zip(parts) {
        step.prefill_context = told.then_some(part);
    }
    run
}

fn many(n: u64) -> u64 {
    16 + n * 101 % 1_000
}

const PREFILL: [Term; 3] = [Term::Step, Term::Prompt, Term::PromptContext];
const DECODE: [Term; 3] = [Term::Step, Term::Sequence, Term::SequenceContext];

fn truth(terms: &[Term]) -> Vec<(Term, f64)> {
    let all = [PREFILL.as_slice(), &DECODE[1..]].concat();
    let of = |term: &Term| TRUTH[all.iter().position(|one| one == term).unwrap()] / 1e3;
    terms.iter().map(|term| (*term, of(term))).collect()
}

#[test]
fn coefficients_of_each_kind_are_found_again() {
    let all = [PREFILL.as_slice(), &DECODE[1..]].concat();
    let exact = fit_steps(&steps(0.0, true, many));
    check(exact.prefill.as_ref(), &truth(&PREFILL), 1e-4);
    check(exact.decode.as_ref(), &truth(&DECODE), 1e-4);
    check(exact.mixed.as_ref(), &truth(&all), 1e-4);
    let mixed = exact.mixed.unwrap();
    assert_eq!((mixed.fitted, mixed.held_out, mixed.undetermined.len()), (80, 20, 0));
    assert!(mixed.error.get() < 1e-6 && mixed.held_out_error.get() < 1e-6);
    // Noise of ±10 %, evenly spread: its mean size is 5 %, and the coefficients are within 15 %.
    let noisy = fit_steps(&steps(0.2, true, many));
    check(noisy.prefill.as_ref(), &truth(&PREFILL), 0.15);
    check(noisy.decode.as_ref(), &truth(&DECODE), 0.15);
    let error = noisy.decode.unwrap().held_out_error.get();
    assert!((0.03..0.07).contains(&error), "{error}");
}

/// The kinds' contexts cost twice and fifty times as much here: one coefficient for both misfits, and
/// its error says so; it is not given out as either.
#[test]
fn untold_parts_of_a_mixed_step_have_one_coefficient() {
    let fit = fit_steps(&steps(0.0, false, many));
    check(fit.prefill.as_ref(), &truth(&PREFILL), 1e-4);
    let mixed = fit.mixed.unwrap();
    let terms: Vec<_> = mixed.coefficients.iter().map(|c| c.term).collect();
    assert_eq!(terms, [Term::Step, Term::Prompt, Term::Sequence, Term::Context]);
    assert!(mixed.held_out_error.get() > 0.01, "{mixed:?}");
}

/// Prompts of one length: a step's own time can't be told from its tokens'.
#[test]
fn one_length_tells_nothing_of_its_parts() {
    let fit = fit_steps(&steps(0.0, true, |_| 256)).prefill.unwrap();
    assert_eq!(fit.undetermined, [Term::Prompt]);
    assert!(fit.error.get() < 1e-6, "{fit:?}");
}

#[test]
fn few_steps_are_not_fitted() {
    let mut run = steps(0.0, true, many);
    run.steps.truncate(40);
    let fit = fit_steps(&run);
    assert_eq!((fit.prefill, fit.decode, fit.mixed), (None, None, None));
}

/// One after the other, prompts of 8 to 800 tokens: 20 ms and 0.2 ms a token until the first, then
/// 5 ms and 1 ms for the one that is in flight.
fn alone() -> Run {
    let mut run = RunBuilder::measured(0.0, 1e9);
    let mut at = 0.0;
    for n in 0..40_u64 {
        let prompt = 8 + n * 331 % 800;
        let first = 20.0 + 0.2 * Tokens(prompt).get();
        let one = request(at).prompt(prompt).token(first).tokens(9, 6.0);
        run = run.request(one.done(Finish::Length));
        at += first + 54.0;
    }
    run.build()
}

#[test]
fn requests_alone_tell_their_prefill() {
    let run = alone();
    let fit = fit_requests(&[&run]);
    let want = [(Term::Step, 0.02), (Term::Prompt, 2e-4), (Term::PromptContext, 0.0)];
    let prefill = fit.prefill.unwrap();
    for (got, (term, want)) in prefill.coefficients.iter().zip(want) {
        assert!(got.term == term && (got.time.0 - want).abs() < 1e-6, "{prefill:?}");
    }
    // One in flight is one in flight: what a sequence takes can't be told from the step.
    assert_eq!(fit.decode.unwrap().undetermined, [Term::Sequence]);
}

/// Two at a time: none was alone, and a time to first token tells nothing. With a run of one at a
/// time beside it, time per token is known at two loads: 6 ms and 7.
#[test]
fn loads_tell_what_a_sequence_takes() {
    let mut pairs = RunBuilder::measured(0.0, 1e9).in_flight(2);
    for n in 0..30_u32 {
        let at = 200.0 * f64::from(n);
        for _ in 0..2 {
            let one = request(at).prompt(100).token(50.0).tokens(9, 7.0);
            pairs = pairs.request(one.done(Finish::Length));
        }
    }
    let pairs = pairs.build();
    assert_eq!(fit_requests(&[&pairs]).prefill, None);
    let decode = fit_requests(&[&alone(), &pairs]).decode.unwrap();
    let time = |term| decode.coefficients.iter().find(|c| c.term == term).unwrap().time.0;
    assert!((time(Term::Step) - 5e-3).abs() < 1e-6, "{decode:?}");
    assert!((time(Term::Sequence) - 1e-3).abs() < 1e-6, "{decode:?}");
}
