//! The sampler against probabilities worked by hand, and against a plain search.

use super::*;
use proptest::prelude::*;

/// Logits whose softmax are these probabilities.
fn of(probabilities: &[f32]) -> Vec<f32> {
    probabilities.iter().map(|p| p.ln()).collect()
}

fn params(top_k: u32, top_p: f64, min_p: f64) -> SamplerParams {
    let top_k = NonZeroU32::new(top_k);
    SamplerParams { temperature: 1.0, top_k, top_p: Some(top_p), min_p: Some(min_p), seed: 7 }
}

/// The ids that may be drawn, likeliest first.
fn kept(params: SamplerParams, logits: &[f32]) -> Vec<u32> {
    let mut sampler = Sampler::new(params).unwrap();
    sampler.keep(logits, likeliest(logits).unwrap());
    sampler.candidates.sort_by(Candidate::rank);
    sampler.candidates.iter().map(|one| one.id).collect()
}

#[track_caller]
fn check(params: SamplerParams, probabilities: &[f32], want: &[u32]) {
    assert_eq!(kept(params, &of(probabilities)), want);
}

const FIVE: [f32; 5] = [0.05, 0.4, 0.1, 0.15, 0.3];

#[test]
fn top_k_keeps_the_likeliest() {
    check(params(2, 1.0, 0.0), &FIVE, &[1, 4]);
    check(params(0, 1.0, 0.0), &FIVE, &[1, 4, 3, 2, 0]);
    check(params(9, 1.0, 0.0), &FIVE, &[1, 4, 3, 2, 0]);
    // Of equals, the lower ids.
    check(params(2, 1.0, 0.0), &[0.25, 0.25, 0.25, 0.25], &[0, 1]);
}

#[test]
fn top_p_keeps_the_smallest_set_that_has_it() {
    check(params(0, 0.39, 0.0), &FIVE, &[1]);
    check(params(0, 0.69, 0.0), &FIVE, &[1, 4]);
    check(params(0, 0.71, 0.0), &FIVE, &[1, 4, 3]);
    check(params(0, 1e-9, 0.0), &FIVE, &[1]);
}

#[test]
fn top_p_is_of_what_top_k_left() {
    // 0.4 and 0.3 of 0.7: 57 % and 43 %, so 0.55 is had by the first alone.
    check(params(2, 0.55, 0.0), &FIVE, &[1]);
    check(params(2, 0.58, 0.0), &FIVE, &[1, 4]);
}

#[test]
fn min_p_is_of_the_likeliest() {
    check(params(0, 1.0, 0.3), &FIVE, &[1, 4, 3]);
    check(params(0, 1.0, 0.5), &FIVE, &[1, 4]);
    check(params(0, 1.0, 1.0), &[0.3, 0.4, 0.3], &[1]);
}

#[test]
fn temperature_comes_last_and_cuts_nothing() {
    for temperature in [0.1, 1.0, 50.0] {
        let hot = SamplerParams { temperature, ..params(0, 0.69, 0.0) };
        check(hot, &FIVE, &[1, 4]);
    }
}

#[test]
fn a_long_vocabulary_is_sorted_as_far_as_needed() {
    // 1000 equals: 65 % of them are 650, past two rounds of the partial sort.
    let want: Vec<u32> = (0..650).collect();
    assert_eq!(kept(params(0, 0.6495, 0.0), &[1.5; 1_000]), want);
}

#[test]
fn greedy_takes_the_likeliest_and_of_equals_the_lowest_id() {
    let greedy =
        |logits: &[f32]| Sampler::new(SamplerParams::GREEDY).unwrap().next(logits).unwrap();
    assert_eq!(greedy(&[0.0, 2.0, -1.0, 2.0]), 1);
    assert_eq!(greedy(&[-0.0, 0.0]), 0);
    assert_eq!(greedy(&[f32::NEG_INFINITY, -80.0]), 1);
}

#[test]
fn draws_follow_the_distribution_and_its_temperature() {
    // At temperature 0.5 the odds of 0.8 to 0.2 are squared: 16 to 1.
    for (temperature, want) in [(1.0, 0.8), (0.5, 16.0 / 17.0)] {
        let params = SamplerParams { temperature, seed: 3, ..SamplerParams::GREEDY };
        let mut sampler = Sampler::new(params).unwrap();
        let draws = 20_000_u32;
        let hits = (0..draws).filter(|_| sampler.next(&of(&[0.2, 0.8])).unwrap() == 1).count();
        let share = f64::from(u32::try_from(hits).unwrap()) / f64::from(draws);
        // Five standard deviations of a share of 20,000 draws are under 0.015.
        assert!((share - want).abs() < 0.015, "{share} is not {want}");
    }
}

#[test]
fn logits_that_are_no_numbers_are_errors() {
    for params in [SamplerParams::GREEDY, params(3, 0.9, 0.0)] {
        let next = |logits: &[f32]| Sampler::new(params).unwrap().next(logits).unwrap_err();
        assert!(matches!(next(&[0.0, f32::NAN]), SamplerError::Logit { token: 1, .. }));
        assert!(matches!(next(&[f32::INFINITY, 0.0]), SamplerError::Logit { token: 0, .. }));
        let nothing = SamplerError::Nothing { vocabulary: 2 };
        assert_eq!(next(&[f32::NEG_INFINITY; 2]), nothing);
        assert_eq!(next(&[]), SamplerError::Nothing { vocabulary: 0 });
    }
}

#[test]
fn parameters_outside_their_range_are_usage_errors_with_the_range() {
    let refused = |params, want: &str| {
        let error = Sampler::new(params).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.fault()), (want, Fault::Usage));
        assert!(error.hint().is_some());
    };
    let hot = |temperature| SamplerParams { temperature, ..SamplerParams::GREEDY };
    refused(hot(-0.1), "`temperature` is `-0.1`");
    refused(hot(f64::NAN), "`temperature` is `NaN`");
    refused(hot(f64::INFINITY), "`temperature` is `inf`");
    refused(params(0, 0.0, 0.0), "`top_p` is `0`");
    refused(params(0, 1.1, 0.0), "`top_p` is `1.1`");
    refused(params(0, 1.0, f64::NAN), "`min_p` is `NaN`");
}

#[test]
fn the_parameters_read_as_words() {
    assert_eq!(SamplerParams::GREEDY.to_string(), "greedy");
    let all = params(40, 0.95, 0.05).to_string();
    assert_eq!(all, "temperature 1, top-k 40, top-p 0.95, min-p 0.05, seed 7");
}

fn logits() -> impl Strategy<Value = Vec<f32>> {
    // Halves, so that ties are common.
    let one = prop_oneof![9 => (-20_i16..20).prop_map(|n| f32::from(n) / 2.0), 1 => Just(f32::NEG_INFINITY)];
    proptest::collection::vec(one, 1..700)
        .prop_filter("one must be possible", |logits| logits.iter().any(|logit| logit.is_finite()))
}

proptest! {
    #[test]
    fn top_p_is_the_smallest_sufficient_set(logits in logits(), p in 0.001_f64..0.999) {
        let mut ranked: Vec<Candidate> = logits.iter().zip(0..)
            .map(|(&logit, id)| Candidate { id, logit }).collect();
        ranked.sort_by(Candidate::rank);
        let weights: Vec<f64> = ranked.iter().map(|one| f64::from(one.logit).exp()).collect();
        let total: f64 = weights.iter().sum();
        let got = kept(params(0, p, 0.0), &logits);
        let ids: Vec<u32> = ranked.iter().map(|one| one.id).collect();
        prop_assert_eq!(&got[..], &ids[..got.len()], "a prefix of the ranking");
        let sum = |count: usize| weights[..count].iter().sum::<f64>() / total;
        prop_assert!(sum(got.len()) >= p - 1e-9);
        prop_assert!(sum(got.len() - 1) < p + 1e-9);
    }

    #[test]
    fn same_seed_same_tokens_and_only_from_the_kept(
        logits in logits(), k in 0_u32..50, p in 0.01_f64..1.0, min_p in 0.0_f64..0.5, seed: u64,
        temperature in 0.1_f64..3.0,
    ) {
        let params = SamplerParams { temperature, seed, ..params(k, p, min_p) };
        let run = || {
            let mut sampler = Sampler::new(params).unwrap();
            (0..8).map(|_| sampler.next(&logits).unwrap()).collect::<Vec<_>>()
        };
        let tokens = run();
        prop_assert_eq!(&run(), &tokens);
        let kept = kept(params, &logits);
        prop_assert!(tokens.iter().all(|token| kept.contains(token)));
    }

    #[test]
    fn a_cold_draw_is_greedy(logits in logits(), seed: u64) {
        let cold = SamplerParams { temperature: 1e-6, top_k: NonZeroU32::new(1), seed,
            ..SamplerParams::GREEDY };
        let greedy = Sampler::new(SamplerParams::GREEDY).unwrap().next(&logits).unwrap();
        prop_assert_eq!(Sampler::new(cold).unwrap().next(&logits).unwrap(), greedy);
    }
}
