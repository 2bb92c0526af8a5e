//! What must hold for every question.

use super::{calibration, gpu, models, points, traffic};
use crate::estimate::{Cache, Calibration, Deployment, Weights, memory, predict};
use crate::hardware::Catalogue;
use proptest::prelude::*;

fn weights() -> impl Strategy<Value = Weights> {
    prop::sample::select(vec![Weights::Bf16, Weights::Fp8, Weights::Int4, Weights::Mxfp4])
}

fn cache() -> impl Strategy<Value = Cache> {
    prop::sample::select(vec![Cache::Bf16, Cache::Fp8])
}

/// None, about what was fitted, or much.
fn coefficient() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..1e-6_f64, 0.0..1e3_f64]
}

/// Any calibration that can be read.
fn any_calibration() -> impl Strategy<Value = Calibration> {
    (prop::collection::vec(coefficient(), 7), 0.01..1.0_f64, 1.0..100.0_f64).prop_map(
        |(coefficients, low, high)| {
            let mut text = calibration().to_toml();
            let names = ["layer", "sequence", "sampling", "prompt", "eight_bit", "peer", "routing"];
            for (name, value) in names.into_iter().zip(coefficients) {
                let own = format!("\n{name} = ");
                let at = text.find(&own).unwrap() + own.len();
                let end = text[at..].find('\n').unwrap() + at;
                text.replace_range(at..end, &format!("{value:?}"));
            }
            for name in ["dense", "experts", "dense_elsewhere", "experts_elsewhere"] {
                let own = format!("\n{name} = ");
                let at = text.find(&own).unwrap() + own.len();
                let end = text[at..].find('\n').unwrap() + at;
                text.replace_range(at..end, &format!("[{low:?}, {high:?}]"));
            }
            Calibration::parse("any.toml", &text).unwrap()
        },
    )
}

proptest! {
    /// The floor is beaten by no prediction, nor by the end of its interval; the same batch is never
    /// slower on a GPU with more of everything; a larger one is never slower in all.
    #[test]
    fn nothing_beats_its_floor(
        at in 0_usize..44, on in 0_usize..64, gpus in 1_u32..17, weights in weights(), cache in cache(),
        batch in 1_u32..5_000, prompt in 0_u64..4_000, output in 1_u64..4_000, calibration in any_calibration(),
    ) {
        let (models, catalogue) = (models(), Catalogue::embedded().unwrap());
        let (model, gpu) = (&models.models()[at], &catalogue.gpus()[on % catalogue.gpus().len()]);
        let deployment = Deployment { model, gpu, gpus, weights, cache };
        let Ok(got) = predict(&deployment, traffic(prompt, output), batch, &calibration) else {
            return Ok(());
        };
        let (low, high) = got.output_rate.interval.unwrap();
        prop_assert!(got.output_rate.value <= got.ceiling);
        prop_assert!(low <= got.output_rate.value && got.output_rate.value <= high);
        prop_assert!(high <= got.ceiling && low.0 > 0.0);
        let more = predict(&deployment, traffic(prompt, output), batch + 1, &calibration).unwrap();
        prop_assert!(more.output_rate.value.0 >= got.output_rate.value.0 * (1.0 - 1e-9));
        prop_assert!(more.ceiling.0 >= got.ceiling.0 * (1.0 - 1e-9));
    }

    /// What fits holds; one more than the largest does not.
    #[test]
    fn the_largest_batch_is_the_largest(
        at in 0_usize..44, gpus in 1_u32..9, weights in weights(), cache in cache(),
        prompt in 0_u64..4_000, output in 1_u64..4_000,
    ) {
        let (models, gpu) = (models(), gpu("h200-sxm"));
        let deployment = Deployment { model: &models.models()[at], gpu: &gpu, gpus, weights, cache };
        let traffic = traffic(prompt, output);
        let most = memory(&deployment, traffic, 1).unwrap().largest_batch;
        if most > 0 {
            let fits = memory(&deployment, traffic, most).unwrap();
            prop_assert!(fits.misfit.is_none());
            prop_assert!(fits.weights.0 + fits.cache.0 + fits.working.0 <= fits.usable.0 + 3);
        }
        let over = memory(&deployment, traffic, most.saturating_add(1)).unwrap().misfit.unwrap();
        prop_assert!(over.needed > over.there);
    }
}

/// No coefficient below zero, and no band without 1 in it, is read.
#[test]
fn calibrations_are_checked() {
    let good = calibration().to_toml();
    let at = good.find("layer = ").unwrap() + 8;
    let end = good[at..].find('\n').unwrap() + at;
    for value in ["-1e-9", "nan", "inf", "\"x\""] {
        let mut bad = good.clone();
        bad.replace_range(at..end, value);
        assert!(Calibration::parse("x.toml", &bad).is_err(), "{value}");
    }
    assert!(Calibration::parse("x.toml", &good).is_ok());
    assert!(Calibration::parse("x.toml", &format!("{good}{good}")).is_err());
    let narrow = good.replace("\ndense = [0", "\ndense = [1");
    assert!(Calibration::parse("x.toml", &narrow).is_err());
}

/// Every published point is below the roofline's ceiling, those of TensorRT-LLM's, too: at the
/// largest batch that fits with an 8-bit cache.
#[test]
fn no_measurement_beats_the_floor() {
    for point in points() {
        let ceiling = point.batch / point.step().unwrap().floor.time().0;
        assert!(point.rate.0 <= ceiling, "{} {}: {ceiling}", point.setting.name, point.batch);
    }
    let text = include_str!("../../../tests/fixtures/throughput/trtllm-perf.csv");
    let published = crate::estimate::parse_trtllm(
        "trtllm.csv",
        text,
        &models(),
        &Catalogue::embedded().unwrap(),
    );
    let published = published.unwrap();
    assert_eq!(published.len(), 17);
    for (setting, traffic, rate) in published {
        let deployment = Deployment { cache: Cache::Fp8, ..setting.deployment() };
        let most = memory(&deployment, traffic, 1).unwrap().largest_batch;
        let got = predict(&deployment, traffic, most, &calibration()).unwrap();
        assert!(rate <= got.ceiling, "{} {}: {rate} > {}", setting.name, setting.task, got.ceiling);
    }
}
