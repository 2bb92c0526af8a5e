//! What is said of a deployment as a whole.

use super::{calibration, gpu, models, near, traffic};
use crate::cost::{Answer, PriceOrigin};
use crate::estimate::{Cache, Deployment, EstimateError, Outlook, Question, Weights};
use crate::hardware::Rentals;
use crate::prices::Book;
use crate::units::{Seconds, UsdPerHour};
use jiff::civil::date;

/// What is asked of some model on some GPUs, changed.
fn asked(
    (model, weights): (&str, Weights),
    (on, gpus): (&str, u32),
    change: impl FnOnce(&mut Question<'_>),
) -> Result<Outlook, EstimateError> {
    let (models, gpu) = (models(), gpu(on));
    let shape = models.by_name(model)?;
    let mut question = Question {
        asked: model,
        deployment: Deployment { model: shape, gpu: &gpu, gpus, weights, cache: Cache::Bf16 },
        traffic: traffic(512, 256),
        batches: &[],
        price: None,
        at_most: None,
        today: date(2026, 11, 22),
    };
    change(&mut question);
    let (rentals, book) = (Rentals::embedded().unwrap(), Book::embedded().unwrap());
    Outlook::of(&question, &calibration(), &rentals, &book)
}

const LLAMA: (&str, Weights) = ("llama-3.1-8b", Weights::Bf16);
const H100: (&str, u32) = ("h100-sxm", 1);

#[test]
fn the_load_that_beats_an_api() {
    let got = asked(LLAMA, H100, |q| q.price = Some(UsdPerHour(2.5))).unwrap();
    let batches: Vec<u32> = got.rungs.iter().map(|judged| judged.rung.batch).collect();
    assert_eq!(batches[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
    assert_eq!(got.cheapest, batches.last().copied());
    let best = got.rungs.last().unwrap().rung.outcome.as_ref().unwrap();
    let full = best.costs.unwrap().blended;
    let sold = &got.beside[0];
    assert!(sold.same_model && sold.id == "novita/meta-llama/llama-3.1-8b-instruct", "{sold:?}");
    // 0.02 in and 0.05 out, two prompt tokens for each of output.
    near(sold.blended.0, (2.0 * 0.02 + 0.05) / 3.0, 1e-9);
    let load = sold.break_even.unwrap().load;
    near(load.value.get(), full.value.0 / sold.blended.0, 1e-9);
    near(load.interval.unwrap().1.get(), full.interval.unwrap().1.0 / sold.blended.0, 1e-9);
    assert_eq!(got.beside.iter().filter(|row| row.same_model).count(), 4);
}

#[test]
fn without_a_price_the_rental_tables_and_without_that_none() {
    let two = asked(LLAMA, ("h100-sxm", 2), |_| ()).unwrap();
    let price = two.price.unwrap();
    let median = Rentals::embedded().unwrap().for_gpu(&gpu("h100-sxm")).unwrap().median;
    near(price.usd_per_hour.0, 2.0 * median.0, 1e-12);
    assert!(matches!(price.origin, PriceOrigin::Rentals { gpus: 2, stale: true, .. }));
    let unknown = asked(LLAMA, ("mi325x", 1), |_| ()).unwrap();
    assert_eq!(unknown.price, None);
    assert!(unknown.beside.iter().all(|row| row.break_even.is_none()));
    assert!(unknown.cheapest.is_some() && !unknown.cautions.is_empty());
}

/// A batch is chosen for a limit only where all of its interval keeps to it.
#[test]
fn a_limit_is_kept_by_what_surely_keeps_to_it() {
    let got = asked(LLAMA, H100, |q| q.at_most = Some(Seconds(0.012))).unwrap();
    for judged in &got.rungs {
        let gap = judged.rung.outcome.as_ref().unwrap().prediction.gap.interval.unwrap();
        let want = match gap {
            (_, high) if high.0 <= 0.012 => Answer::Met,
            (low, _) if low.0 > 0.012 => Answer::Missed,
            _ => Answer::CantTell,
        };
        assert_eq!(judged.keeps, Some(want), "{}", judged.rung.batch);
    }
    let answers: Vec<_> = got.rungs.iter().filter_map(|judged| judged.keeps).collect();
    for answer in [Answer::Met, Answer::Missed, Answer::CantTell] {
        assert!(answers.contains(&answer), "{answers:?}");
    }
    assert!(got.cheapest_within < got.cheapest && got.chosen() == got.cheapest_within);
    let never = asked(LLAMA, H100, |q| q.at_most = Some(Seconds(1e-4))).unwrap();
    assert_eq!((never.chosen(), never.cheapest), (None, got.cheapest));
    assert!(never.beside.iter().all(|row| row.break_even.is_none()));
}

/// Checkpoints of one shape aren't one model, and are not sold as one.
#[test]
fn the_same_shape_is_not_the_same_model() {
    let same = |model: &str| {
        let got = asked((model, Weights::Bf16), ("h100-sxm", 4), |_| ()).unwrap();
        let same = got.beside.iter().filter(|row| row.same_model).map(|row| row.id.clone());
        same.collect::<Vec<_>>()
    };
    assert_eq!(same("qwen2.5-coder-32b"), ["cloudflare/@cf/qwen/qwen2.5-coder-32b-instruct"]);
    assert_eq!(same("qwen2.5-32b"), [""; 0]);
    assert_eq!(same("meta-llama/Llama-3.3-70B-Instruct").len(), 3);
    assert_eq!(same("llama-3.1-70b"), [""; 0]);
    assert_eq!(same("qwen3-4b"), ["novita/qwen/qwen3-4b-fp8"]);
    assert_eq!(same("Qwen/Qwen3-4B-Thinking-2507"), [""; 0]);
    // Another name is the same model.
    assert_eq!(same("gemma-3-4b-it"), ["aws/google.gemma-3-4b-it"]);
}

#[test]
fn what_speaks_against_it_is_said() {
    #[track_caller]
    fn check(on: (&str, u32), price: f64, batches: &'static [u32], want: &[&str]) {
        let got = asked(LLAMA, on, |q| {
            q.price = Some(UsdPerHour(price));
            q.traffic = traffic(10, 10);
            q.batches = batches;
        });
        let got = got.unwrap();
        assert_eq!(got.cautions.len(), want.len(), "{:?}", got.cautions);
        for (got, want) in got.cautions.iter().zip(want) {
            assert!(got.contains(want), "{got}");
        }
    }
    check(H100, 2.5, &[8], &[]);
    check(("h100-sxm", 4), 40.0, &[8], &[]);
    check(("h100-sxm", 4), 2.5, &[8], &["0.62 USD/h each"]);
    check(("l40s", 2), 40.0, &[8], &["L40S", "NVLink"]);
    check(("h100-sxm", 16), 400.0, &[8], &["links between machines"]);
    check(H100, 2.5, &[5_000], &["4096"]);
}

#[test]
fn what_has_no_answer_is_refused() {
    let error = |model, change: fn(&mut Question<'_>)| asked(model, H100, change).unwrap_err();
    let dense = error(("llama-3.1-8b", Weights::Mxfp4), |_| ());
    assert_eq!(dense.to_string(), "`mxfp4` is a format of experts, and `llama-3.1-8b` has none");
    assert!(matches!(error(LLAMA, |q| q.batches = &[0]), EstimateError::Zero { .. }));
    assert!(matches!(
        error(LLAMA, |q| q.traffic = traffic(131_072, 1)),
        EstimateError::TooLong { .. }
    ));
}
