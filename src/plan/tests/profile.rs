//! Profiles: where they are from, what they refuse, and their exact sums.

use super::super::profile::Composition;
use super::*;
use crate::summary::{Coefficient, Fit, StepFit, Term as Fitted};
use crate::units::Ratio;

fn fit(times: &[(Fitted, f64)], error: f64) -> Fit {
    let time = |(term, time): &(Fitted, f64)| Coefficient { term: *term, time: Seconds(*time) };
    Fit {
        fitted: 100,
        held_out: 25,
        coefficients: times.iter().map(time).collect(),
        undetermined: Vec::new(),
        error: Ratio::of(error),
        held_out_error: Ratio::of(error),
        held_out_median: Ratio::of(error),
    }
}

#[test]
fn a_fit_becomes_a_profile() {
    use Fitted::{Context, Prompt, Sequence, SequenceContext, Step};
    let told = StepFit {
        prefill: None,
        decode: Some(fit(&[(Step, 0.01), (Sequence, 0.001), (SequenceContext, 1e-6)], 0.02)),
        mixed: Some(fit(&[(Step, 0.02), (Prompt, 0.002), (Context, 2e-6)], 0.05)),
    };
    let got = Profile::of_fit("m", "s", &told, Seconds(0.0)).unwrap();
    // Nobody told whose context it is, and nothing of sequences: they are in the fixed time.
    assert_eq!(got.mixed.prompt_context, Seconds(2e-6));
    assert_eq!(got.mixed.sequence_context, Seconds(2e-6));
    assert_eq!(got.mixed.sequence, Seconds(0.0));
    assert_eq!(got.derived, [Derived::Prefill]);
    assert_eq!((got.prefill.step, got.prefill.sequence_context), (Seconds(0.02), Seconds(0.0)));
    assert_eq!(got.error, Some(Ratio::of(0.05)));

    let alone = StepFit { mixed: None, ..told.clone() };
    let got = Profile::of_fit("m", "s", &alone, Seconds(0.0)).unwrap();
    assert_eq!(got.derived, [Derived::Prefill, Derived::Mixed]);
    assert_eq!((got.prefill.prompt, got.mixed.sequence), (Seconds(0.001), Seconds(0.001)));

    let nothing = StepFit { decode: None, ..told };
    assert_eq!(Profile::of_fit("m", "s", &nothing, Seconds(0.0)), Err(PlanError::NoDecode));
}

#[test]
fn a_profile_is_read_as_it_was_written() {
    let profile = like_8b();
    let text = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
    let typo = text.replace("sequence_context", "context");
    assert!(serde_json::from_str::<Profile>(&typo).is_err());
}

#[test]
fn what_is_no_time_is_refused() {
    for bad in [-1e-9, f64::NAN, f64::INFINITY, 1e4] {
        let mut profile = like_8b();
        profile.mixed.prompt = Seconds(bad);
        let error = profile.check().unwrap_err().to_string();
        assert!(error.contains("`prompt` of mixed steps in profile `test`"), "{error}");
    }
    let negative = Profile { between: Seconds(-1.0), ..like_8b() };
    let error = negative.check().unwrap_err().to_string();
    assert!(error.starts_with("`between` of all steps in profile `test` is `-1 s`"), "{error}");
    let none = coefficients(0.0, 0.0, 0.0, 0.0);
    let timeless = profile(like_8b().prefill, none, like_8b().mixed);
    let error = timeless.check().unwrap_err().to_string();
    assert_eq!(error, "profile `test` gives decode steps no time");
}

proptest::proptest! {
    /// k steps in closed form are k steps added up, to the femtosecond.
    #[test]
    fn even_steps_add_up(
        sequences in 1_u64..300, context in 1_u64..1_000_000, steps in 0_u32..200,
        step in 0.0..0.1_f64, each in 0.0..1e-3_f64, token in 0.0..1e-6_f64,
    ) {
        let mut profile = like_8b();
        profile.decode = Coefficients {
            step: Seconds(step + 1e-6), sequence: Seconds(each), sequence_context: Seconds(token),
            ..Coefficients::default()
        };
        let clock = profile.clock().unwrap();
        let one = |n: u32| {
            let context = context + u64::from(n) * sequences;
            clock.time(Composition { sequences, context, ..Composition::default() }).whole
        };
        proptest::prop_assert_eq!(clock.even(sequences, context, steps), (0..steps).map(one).sum());
    }
}

#[test]
fn what_is_in_a_step_by_hand() {
    let mut step = Composition::default();
    step.reads(512, 3);
    step.decodes(7);
    // 513 + 514 + 515, and 8.
    let want = Composition { prompt: 3, prompt_context: 1_542, sequences: 1, context: 8 };
    assert_eq!(step, want);
}

/// The example reaches what ML.ENERGY measured (its leaderboard of 2026-02-16): ITL by sequences, whose
/// contexts are taken to be 600.
#[test]
fn the_example_is_near_to_what_was_measured() {
    let text = include_str!("../../../tests/fixtures/plan/llama-3.1-8b-h100.json");
    let profile: Profile = serde_json::from_str(text).unwrap();
    let clock = profile.clock().unwrap();
    for (sequences, measured_ms) in [(8, 7.3), (64, 11.5), (256, 26.1), (512, 47.4)] {
        let step = Composition { sequences, context: 600 * sequences, ..Composition::default() };
        near(clock.time(step).whole.seconds().0 * 1e3, measured_ms, 0.06);
    }
}
